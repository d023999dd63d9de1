"""Excel: the rows of one sheet of an .xlsx workbook, values as text.

Belongs here: cells to text. Does not belong here: workbooks that we write.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from city_platform.feeds.declaration import Dialect
from city_platform.feeds.formats.writing import RecordWriter, as_text
from city_platform.feeds.problems import Problem, UnreadableError
from city_platform.feeds.records import empty_file
from city_platform.feeds.scan import Scan

if TYPE_CHECKING:
    from python_calamine import CalamineSheet

OLD_FILE = b"\xd0\xcf\x11\xe0"  # an .xls, or an .xlsx behind a password


def number_rows(
    path: Path, dialect: Dialect, target: Path, declared: Sequence[str], at_most_mb: float
) -> Scan:
    """Write the rows of the declared sheet to target as numbered records; the line is the sheet's row number."""
    _refuse_other_files(path, at_most_mb)
    scan: Scan | None = None
    with target.open("w", encoding="utf-8", newline="") as out:
        for number, row in _rows(_sheet(path, dialect.sheet)):
            if number <= dialect.skip_lines:
                continue
            values = [as_text(v) for v in row]
            while values and not values[-1]:  # a sheet is as wide as its widest row
                values.pop()
            if scan is None:
                if not values:
                    continue
                scan = Scan(values if dialect.has_header else list(declared), number)
                fields = len(scan.header)
                writer = RecordWriter(out, scan)
                if dialect.has_header:
                    continue
            if not values:
                scan.blank_lines += 1
            elif len(values) > fields:
                scan.reject(number, ",".join(values), "too many columns")
            else:
                writer.write(number, values + [""] * (fields - len(values)))
    if scan is None:
        raise UnreadableError(empty_file())
    return scan


def _rows(sheet: CalamineSheet) -> Iterator[tuple[int, list[object]]]:
    """Every row from the sheet's first, from its first column."""
    if sheet.start is None:
        return
    left: list[object] = [None] * sheet.start[1]
    for number, row in enumerate(sheet.iter_rows(), start=1):
        yield number, left + row


def _sheet(path: Path, name: str | None) -> CalamineSheet:
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        with path.open("rb") as source:
            book = CalamineWorkbook.from_filelike(source)
            names = book.sheet_names
            if name is None and names:
                return book.get_sheet_by_index(0)
            if name in names:
                return book.get_sheet_by_name(str(name))
    except (CalamineError, OSError, ValueError) as error:
        raise UnreadableError(_broken(str(error))) from None
    raise UnreadableError(
        Problem(
            "no_sheet",
            f"the workbook holds no sheet {name!r}; it holds: {', '.join(names) or 'none'}. Please send it with that "
            "sheet, or tell us its new name (dialect.sheet in the feed's defs.yaml).",
        )
    )


def _refuse_other_files(path: Path, at_most_mb: float) -> None:
    """A workbook is a zip of XML: one that is damaged, or far larger than it looks, must not get to be unpacked."""
    with path.open("rb") as source:
        start = source.read(4)
    if not start:
        raise UnreadableError(empty_file())
    if start == OLD_FILE:
        _refuse_locked(path)
        return  # an old .xls: its values are not packed
    if not start.startswith(b"PK"):
        raise UnreadableError(
            Problem(
                "not_excel",
                "this is not an Excel workbook. Please send it as .xlsx, as the workbook is saved.",
            )
        )
    try:
        with zipfile.ZipFile(path) as packed:
            size = sum(member.file_size for member in packed.infolist())
            if size > at_most_mb * 1e6:
                raise UnreadableError(
                    Problem(
                        "too_large",
                        f"the workbook would unpack to {size / 1e6:,.0f} MB; this feed may send {at_most_mb:,.0f} MB "
                        "(source.at_most_mb in its defs.yaml). Please check it.",
                    )
                )
            damaged = packed.testzip()
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError) as error:
        raise UnreadableError(_broken(str(error))) from None
    if damaged:
        raise UnreadableError(_broken(f"{damaged} is damaged"))


def _refuse_locked(path: Path) -> None:
    """An .xls, or an .xlsx behind a password, which looks the same from outside."""
    import msoffcrypto

    try:
        with path.open("rb") as source:
            is_locked = msoffcrypto.OfficeFile(source).is_encrypted()
    except Exception as error:  # whatever it finds wrong: the reader cannot open it either
        raise UnreadableError(_broken(type(error).__name__)) from None
    if is_locked:
        raise UnreadableError(
            Problem(
                "no_password",
                "the workbook is behind a password: name its secret (source.password in the feed's defs.yaml).",
                responsible="us",
            )
        )


def _broken(reason: str) -> Problem:
    return Problem("cut_short", f"the workbook cannot be opened ({reason}). Please send it again, whole.")
