"""Locked: whether what came opens with the feed's secret, and workbooks behind a password.

Belongs here: old and new Office encryption. Does not belong here: zips (zipped.py), the sheets (excel.py).
"""

from __future__ import annotations

from pathlib import Path

from city_platform.feeds.declaration import Feed, Source
from city_platform.feeds.formats.zipped import check_zip_password
from city_platform.feeds.problems import NotReceivedError, Problem, UnreadableError
from city_platform.settings import Settings, SettingsError


def check_password(feed: Feed, settings: Settings, path: Path) -> None:
    """Raise NotReceivedError where what came is locked and the secret does not open it: with it, another try will do.

    What else may be wrong with it is found when it is read.
    """
    source = feed.source
    if source.member:
        check_zip_password(source, settings, path)
    elif source.password:
        _check_workbook(source, settings, path)


def _check_workbook(source: Source, settings: Settings, path: Path) -> None:
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
    from msoffcrypto.exceptions import DecryptionError, InvalidKeyError

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
    except Exception:  # the library reads a broken file in many ways; excel.py says what it is
        return path
    return target
