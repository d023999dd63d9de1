"""Locked: a workbook behind a password, opened.

Belongs here: old and new Office encryption. Does not belong here: zips with a password (zipped.py), the sheets
(excel.py).
"""

from __future__ import annotations

from pathlib import Path

from city_platform.feeds.declaration import Source
from city_platform.feeds.problems import NotReceivedError, Problem, UnreadableError
from city_platform.settings import Settings, SettingsError


def check_workbook_password(source: Source, settings: Settings, path: Path) -> None:
    """Raise NotReceivedError where the secret is not there or does not open it: with it, another try will do."""
    try:
        unlock(source, settings, path, path.with_name(path.name + ".unlocked"))
    except UnreadableError as error:
        if error.problem.rule in ("no_password", "wrong_password"):
            raise NotReceivedError(error.problem.message) from None
    finally:
        path.with_name(path.name + ".unlocked").unlink(missing_ok=True)


def unlock(source: Source, settings: Settings, path: Path, target: Path) -> Path:
    """Write the workbook without its password to target; one that has none stays where it is."""
    import msoffcrypto
    from msoffcrypto.exceptions import DecryptionError, FileFormatError, InvalidKeyError, ParseError

    try:
        with path.open("rb") as locked:
            book = msoffcrypto.OfficeFile(locked)
            if not book.is_encrypted():
                return path
            book.load_key(password=settings.secret(str(source.password)), verify_password=True)
            with target.open("wb") as out:
                book.decrypt(out)
    except SettingsError as error:
        raise UnreadableError(
            Problem("no_password", f"the workbook needs a password. {error}", responsible="us")
        ) from None
    except (InvalidKeyError, DecryptionError):
        raise UnreadableError(
            Problem(
                "wrong_password",
                f"the secret {source.password} is not the password of this workbook. Please ask the agency which one it is "
                "and set it.",
                responsible="us",
            )
        ) from None
    except (
        FileFormatError,
        ParseError,
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
    ):
        return path  # excel.py says what it is
    return target
