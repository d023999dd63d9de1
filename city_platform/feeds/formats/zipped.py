"""Zipped: the one declared file inside a zip, with or without a password.

Belongs here: opening zips. Does not belong here: what the file inside holds.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO

from city_platform.feeds.declaration import Source
from city_platform.feeds.problems import NotReceivedError, Problem, UnreadableError
from city_platform.settings import Settings, SettingsError

CHUNK = 1 << 20  # bytes
ENCRYPTED = 0x1
AES = 99  # the method that a member encrypted with AES names; the standard library cannot read it
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, ValueError)


class _WrongPasswordError(Exception):
    pass


def check_zip_password(source: Source, settings: Settings, path: Path) -> None:
    """Raise NotReceivedError where the secret is not there or does not open the zip: with it, another try will do.

    What else may be wrong with the zip is found when it is read.
    """
    if not (source.password and source.member):
        return
    try:
        with _open(source, settings, path) as member:
            member.read(CHUNK >> 4)
    except SettingsError as error:
        raise NotReceivedError(f"the zip needs a password. {error}") from None
    except _WrongPasswordError:
        raise NotReceivedError(
            f"the secret {source.password} is not the zip's password, or the zip is damaged. Please ask the agency which "
            "one it is and set it, or ask for the zip again."
        ) from None
    except (UnreadableError, *DAMAGED):
        return


def unpack_member(source: Source, settings: Settings, path: Path, target: Path) -> Path:
    """Write the declared member to target; raises UnreadableError with a sentence."""
    bound, size = int(source.at_most_mb * 1e6), 0
    try:
        with _open(source, settings, path) as member, target.open("wb") as out:
            while chunk := member.read(CHUNK):
                size += len(chunk)
                if size > bound:
                    raise _problem(
                        "too_large",
                        f"{source.member} in it is larger than {source.at_most_mb:,.0f} MB, the most this feed may "
                        "send (source.at_most_mb in its defs.yaml). Please check it.",
                    )
                out.write(chunk)
    except SettingsError as error:
        raise _problem("no_password", f"the zip needs a password. {error}", "us") from None
    except _WrongPasswordError:
        raise _problem(
            "wrong_password",
            f"the secret {source.password} is not the password of this zip, or the zip is damaged. Please ask the agency "
            "which one it is and set it, or ask for the zip again.",
            "us",
        ) from None
    except DAMAGED as error:
        raise _problem(
            "cut_short", f"the zip cannot be unpacked ({error}). Please send it again, whole."
        ) from None
    return target


@contextmanager
def _open(source: Source, settings: Settings, path: Path) -> Iterator[IO[bytes]]:
    if not zipfile.is_zipfile(path):
        with path.open("rb") as start:
            is_cut = start.read(2) == b"PK"
        if is_cut:
            raise _problem("cut_short", "the zip has no end. Please send it again, whole.")
        raise _problem("not_zip", "this is not a zip. Please send the zip itself.")
    with zipfile.ZipFile(path) as packed:
        chosen = _choose(source, packed.infolist())
    if not chosen.flag_bits & ENCRYPTED:
        with zipfile.ZipFile(path) as packed, packed.open(chosen.filename) as member:
            yield member
        return
    if source.password is None:
        raise _problem(
            "no_password",
            f"{source.member} in it is behind a password: name its secret (source.password in the feed's defs.yaml).",
            "us",
        )
    password = settings.secret(source.password).encode()
    with _opener(chosen)(path) as packed:
        try:
            with packed.open(chosen.filename, pwd=password) as member:
                yield member
        except RuntimeError as error:
            if "password" in str(error).lower():
                raise _WrongPasswordError from None
            raise
        except (zlib.error, zipfile.BadZipFile):
            # One wrong password in 256 passes the first look; then what is unpacked makes no sense.
            raise _WrongPasswordError from None


def _opener(member: zipfile.ZipInfo) -> type[zipfile.ZipFile]:
    if member.compress_type != AES:
        return zipfile.ZipFile
    import pyzipper

    found: type[zipfile.ZipFile] = pyzipper.AESZipFile
    return found


def _choose(source: Source, members: list[zipfile.ZipInfo]) -> zipfile.ZipInfo:
    files = [m for m in members if not m.is_dir() and not m.filename.startswith("__MACOSX/")]
    pattern = str(source.member)
    found = [
        m for m in files if fnmatchcase(m.filename, pattern) or fnmatchcase(Path(m.filename).name, pattern)
    ]
    if len(found) == 1:
        return found[0]
    shown = ", ".join(m.filename for m in (found or files)[:5]) or "nothing"
    if found:
        raise _problem(
            "several_members",
            f"the zip holds {len(found)} files that {pattern} fits: {shown}. Please send it with one of them, or tell us "
            "which is meant (source.member in the feed's defs.yaml).",
        )
    raise _problem(
        "no_member",
        f"the zip holds no file that {pattern} fits; it holds: {shown}. Please send it with that file.",
    )


def _problem(rule: str, message: str, responsible: str = "agency") -> UnreadableError:
    return UnreadableError(Problem(rule, message, responsible=responsible))
