"""Database text: rows of typed values as a Parquet file of text columns.

Belongs here: a batch of rows to Arrow text, and the file they are written to in row groups of a bounded size. Does not
belong here: asking a database (databases.py), and reading the file again (feeds/formats/parquet.py).

Values are turned column by column: what comes as text already costs nothing but its copy, whole numbers go through
Arrow, and all else is what as_text makes of it. Nothing is NULL. The file names no clock, so that the same rows are the
same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from city_platform.feeds.formats.writing import as_text
from city_platform.feeds.problems import NotReceivedError

if TYPE_CHECKING:
    import pyarrow as pa

GROUP_ROWS, GROUP_BYTES = 100_000, 32 << 20  # of a row group, whichever is reached first
Turn = Callable[["pa.Array"], "pa.Array"]  # a column of text in a database's own spelling, in ours

_QUICK: dict[type, Callable[[Any], str]] = {
    date: date.isoformat,
    datetime: lambda value: value.isoformat(" "),
    Decimal: lambda value: format(value, "f"),
}


def text_column(values: Sequence[Any]) -> pa.Array:
    """One column of a batch as text; raises UnicodeEncodeError for half a character."""
    import pyarrow as pa

    kinds = set(map(type, values))
    kinds.discard(type(None))
    if kinds == {int}:
        try:
            return pa.array(values, pa.int64()).cast(pa.string())
        except (OverflowError, pa.ArrowInvalid):  # beyond 64 bits
            pass
    elif kinds <= {str}:
        return pa.array(values, pa.string())
    quick = _QUICK.get(kinds.pop(), _as_text) if len(kinds) == 1 else _as_text
    return pa.array([None if value is None else quick(value) for value in values], pa.string())


def _as_text(value: Any) -> str:
    """What is nested becomes JSON, as it does in every other format."""
    if isinstance(value, list | tuple | dict):
        return json.dumps(value, ensure_ascii=False, default=as_text)
    return as_text(value)


class TextFile:
    """A Parquet file of text columns, written row group by row group; closing it writes what is left."""

    def __init__(self, path: Path, names: Sequence[str], shown: str, turns: dict[int, Turn]) -> None:
        """turns: by place, for columns whose text is to be spelt otherwise. shown: where the rows come from."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        self.rows = 0
        self._names, self._shown, self._turns = names, shown, turns
        self._schema = pa.schema([(name, pa.string()) for name in names])
        self._out = path.open("wb")
        self._writer = pq.ParquetWriter(
            self._out, self._schema, compression="zstd", compression_level=1, store_schema=False
        )
        self._batches: list[pa.RecordBatch] = []
        self._held = 0  # bytes of them

    def __enter__(self) -> TextFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._flush()
        finally:
            self._writer.close()
            self._out.close()

    @property
    def bytes(self) -> int:
        """Of the file so far; what waits for its row group is not among them."""
        return self._out.tell()

    def add(self, rows: Sequence[Sequence[Any]]) -> int:
        """Write a batch of rows; returns how many bytes of text they are."""
        import pyarrow as pa

        columns = []
        for place, values in enumerate(zip(*rows, strict=True)):
            try:
                column = text_column(values)
            except UnicodeEncodeError:
                raise NotReceivedError(
                    f"{self._shown}: column {self._names[place]} holds half a character, which is no text, within the "
                    f"{len(rows):,} rows after row {self.rows:,}. Please have it mended there."
                ) from None
            turn = self._turns.get(place)
            columns.append(turn(column) if turn else column)
        batch = pa.RecordBatch.from_arrays(columns, schema=self._schema)
        size = int(batch.nbytes)
        self._batches.append(batch)
        self._held += size
        self.rows += len(rows)
        if self._held >= GROUP_BYTES or sum(b.num_rows for b in self._batches) >= GROUP_ROWS:
            self._flush()
        return size

    def _flush(self) -> None:
        import pyarrow as pa

        if self._batches:
            table = pa.Table.from_batches(self._batches, self._schema)
            self._batches, self._held = [], 0
            self._writer.write_table(table, row_group_size=table.num_rows)
