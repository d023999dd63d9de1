"""Stores: a feed's bytes from what fsspec reaches, such as SFTP, S3 and Azure.

Belongs here: which files of a store are new, and copying them, going on where a copy was cut. Does not belong here:
web servers (remote.py, web.py), which SFTP servers are trusted (sftp.py).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from city_platform.feeds.declaration import Feed
from city_platform.feeds.formats.locked import check_password
from city_platform.feeds.problems import NotReceivedError
from city_platform.feeds.sources.fetched import Fetched, Known, too_large
from city_platform.feeds.sources.files import in_order
from city_platform.feeds.sources.kept import complete, digest, forget, keep, kept
from city_platform.feeds.sources.patterns import Pattern, fixed_folder, is_pattern, is_unfinished, named_days
from city_platform.feeds.sources.web import retrying, show
from city_platform.settings import Settings, SettingsError

# What has to be installed for an address of this kind, and what its driver calls a user and a password.
_EXTRAS = {"sftp": "sftp", "ssh": "sftp", "s3": "s3", "s3a": "s3"} | dict.fromkeys(
    ("az", "abfs", "abfss", "adl"), "azure"
)
_LOGINS = {"s3": ("key", "secret"), "azure": ("account_name", "account_key")}
# What a driver may say that tells one version of a file from another; the first one that there is.
_VERSIONS = ("ETag", "etag", "LastModified", "last_modified", "mtime", "modified", "created")
CHUNK = 1 << 16  # bytes: what was read of a chunk when the connection ends is lost
T = TypeVar("T")


@dataclass(frozen=True)
class _Place:
    """One file of a store."""

    path: str
    size: int | None
    version: str  # empty where the store tells none


def from_store(feed: Feed, settings: Settings, folder: Path, known: Known) -> Iterator[Fetched]:
    """The file at the address, or those of its pattern, that are new or changed, oldest first.

    It stops at a file that cannot be taken now, so that none is taken before an older one.
    """
    url = str(feed.source.url)
    shown = show(url)
    store = _Store(feed, settings)
    try:
        pattern = Pattern(store.path) if is_pattern(feed, url) else None
        missing: list[date] = []
        if pattern is None:
            places = [store.look(store.path)]
            start = len(store.path.rpartition("/")[0]) + 1
        else:
            there = {place.path: place for place in store.list(pattern)}
            if not there:
                raise NotReceivedError(f"{shown}: nothing there fits. Check the address, or run later.")
            found = list(there)
            if known.days and pattern.has_day:
                found, missing = pattern.by_day(found, known.days)
            places = [there[path] for path in in_order(found, pattern)]
            start = len(fixed_folder(pattern.wild))
        is_same = known.state.get("address", digest(url)) == digest(url)
        versions: dict[str, str] = dict(known.state.get("versions", {})) if is_same else {}
        for place in places:
            relative = place.path[start:]
            name = feed.source.file_name if pattern is None else relative.replace("/", "_")
            if place.version and versions.get(name) == place.version:
                continue
            part = folder / digest(place.path)[:16]
            sha256, size = store.take(place.path, part)
            versions[name] = place.version
            if pattern and known.taken.get(name) == sha256:
                part.unlink()
                continue
            if feed.source.password:
                check_password(feed, settings, part)
            day = pattern.day(place.path) if pattern else None
            source = fixed_folder(Pattern(shown).wild) + relative if pattern else shown
            state = {"address": digest(url), "versions": dict(versions)}
            yield Fetched(part, source, name, sha256, size, state=state, day=day)
        if missing:
            raise NotReceivedError(
                f"{shown} has nothing of {named_days(missing)}. Ask for these days again when it has."
            )
    finally:
        store.close()


class _Store:
    """A store, connected to when it is first asked and again after a fault."""

    def __init__(self, feed: Feed, settings: Settings) -> None:
        import fsspec

        self._feed, self._settings = feed, settings
        self._url = str(feed.source.url)
        self._shown = show(self._url)
        self._protocol = urlsplit(self._url).scheme
        self._extra = _EXTRAS.get(self._protocol)
        self._fs: Any = None
        try:
            driver = fsspec.get_filesystem_class(self._protocol)
        except ImportError:
            what = (
                f"Install the platform with it: city-platform[{self._extra}]."
                if self._extra
                else "Install it."
            )
            raise NotReceivedError(
                f"{self._shown}: the driver for {self._protocol}:// is not installed. {what}"
            ) from None
        except ValueError:
            raise NotReceivedError(
                f"{self._shown}: there is no driver for {self._protocol}://. Check the address."
            ) from None
        self.path = str(driver._strip_protocol(self._url))
        self._options = self._login()

    def look(self, path: str) -> _Place:
        return self._try(lambda fs: _place(fs.info(path)))

    def list(self, pattern: Pattern) -> list[_Place]:
        """The files that fit, without those that are being written."""
        base = fixed_folder(pattern.wild)

        def once(fs: Any) -> list[dict[str, Any]]:
            # glob takes a folder that cannot be read for an empty one.
            listed = fs.ls(base.rstrip("/") or "/", detail=True)
            is_deep = "/" in pattern.wild[len(base) :]
            return list(fs.glob(pattern.wild, detail=True).values()) if is_deep else listed

        return [
            _place(info)
            for info in self._try(once)
            if info["type"] != "directory"
            and pattern.fits(info["name"])
            and not is_unfinished(info["name"].rpartition("/")[2])
        ]

    def take(self, path: str, part: Path) -> tuple[str, int]:
        """Write a file to part, going on where an earlier try or run was cut; returns its SHA-256 and size."""
        place = self.look(path)  # not as listed: drivers spell a version in other ways there
        address = f"{self._url} {path}"
        version = {"version": place.version} if place.version else {}
        shown = f"{self._shown} ({path.rpartition('/')[2]})"

        def once(fs: Any) -> int:
            had = kept(part, address)
            if had is None or had.version != version:
                had = None
                keep(part, address, version, place.size)
            size = had.size if had else 0
            bound = self._feed.source.at_most_mb * 1e6
            with fs.open(path, "rb") as source, part.open("ab" if had else "wb") as copy:
                if size:
                    source.seek(size)
                if hasattr(source, "prefetch") and place.size is not None:  # SFTP: many requests at once
                    source.prefetch(place.size, max_concurrent_requests=64)
                while chunk := source.read(CHUNK):
                    size += len(chunk)
                    if size > bound:
                        raise too_large(self._feed, shown)
                    copy.write(chunk)
            return size

        try:
            if place.size is not None and place.size > self._feed.source.at_most_mb * 1e6:
                raise too_large(self._feed, shown)
            size = self._try(once)
            is_whole = place.size is None or size == place.size
            if not is_whole or self.look(path).version != place.version:
                raise NotReceivedError(
                    f"{shown} is still being written: it changed while it was copied. Run again."
                )
        except _LastingError:  # what came can be gone on with
            raise
        except NotReceivedError:
            forget(part)
            raise
        complete(part)
        with part.open("rb") as whole:
            return hashlib.file_digest(whole, "sha256").hexdigest(), size

    def close(self) -> None:
        client = getattr(self._fs, "client", None)  # an SSH connection, which nobody else ends
        self._fs = None
        if client is not None:
            client.close()

    def _try(self, once: Callable[[Any], T]) -> T:
        def connected() -> T:
            try:
                if self._fs is None:
                    self._fs = self._connect()
                return once(self._fs)
            except Exception:
                self.close()
                raise

        tries = self._feed.source.tries
        try:
            return retrying(tries, _is_passing)(connected)
        except NotReceivedError:
            raise
        except _FAULTS_OF_CODE:
            raise
        except FileNotFoundError:
            text = f"{self._shown} is not there. Check the address, or run later."
        except Exception as error:
            if not _is_refusal(error):
                raise _LastingError(
                    f"{self._shown} gave no answer ({type(error).__name__}) in {tries} tries. Run later."
                ) from None
            token = self._feed.source.token
            text = (
                f"{self._shown} refuses the credentials in the secret {token} (source.token in the feed's defs.yaml). "
                "Please ask the agency for those that are valid and set the secret."
                if token
                else f"{self._shown} wants credentials, or does not let us in: ask the agency, and name the secret that "
                "holds them (source.token in the feed's defs.yaml)."
            )
        raise NotReceivedError(text)

    def _connect(self) -> Any:
        from fsspec.core import url_to_fs

        try:
            fs, _ = url_to_fs(self._url, skip_instance_cache=True, **self._options)
        except (TypeError, ValueError) as error:
            raise NotReceivedError(
                f"{self._shown}: the driver does not take what the secret {self._feed.source.token} or the address says "
                f"({type(error).__name__}). Write the secret as user:password, or as JSON of the driver's options."
            ) from None
        if self._extra == "sftp":
            fs.ftp.get_channel().settimeout(self._feed.source.timeout_s)
        return fs

    def _login(self) -> dict[str, Any]:
        """What the driver is opened with: time-outs, and what the secret says."""
        timeout_s = self._feed.source.timeout_s
        options: dict[str, Any] = {}
        if self._extra == "sftp":
            from city_platform.feeds.sources.sftp import KnownHosts

            options = dict.fromkeys(("timeout", "banner_timeout", "auth_timeout"), timeout_s)
            options["host_key_policy"] = KnownHosts(self._settings.home / "known_hosts", self._shown)
        elif self._extra == "s3":
            options = {"config_kwargs": {"connect_timeout": timeout_s, "read_timeout": timeout_s}}
        elif self._extra == "azure":
            options = {"connection_timeout": timeout_s, "read_timeout": timeout_s}
        token = self._feed.source.token
        if token is None:
            return options
        try:
            secret = self._settings.secret(token)
        except SettingsError as error:
            raise NotReceivedError(f"{self._shown} wants credentials. {error}") from None
        if secret.lstrip().startswith("{"):
            try:
                return options | json.loads(secret)
            except ValueError:
                raise NotReceivedError(
                    f"The secret {token} begins with {{ but is no JSON. Set it anew."
                ) from None
        user, colon, password = secret.partition(":")
        if not colon:
            raise NotReceivedError(
                f"The secret {token} is neither user:password nor JSON of the driver's options. Set it anew."
            )
        if self._extra == "sftp":  # else every key that the machine has would be tried first
            options |= {"look_for_keys": False, "allow_agent": False}
        names = _LOGINS.get(self._extra or "", ("username", "password"))
        return options | dict(zip(names, (user, password), strict=True))


class _LastingError(NotReceivedError):
    """No answer, however often it was tried; another run may have one."""


_FAULTS_OF_CODE = (AttributeError, NameError, TypeError, AssertionError)


def _is_refusal(error: BaseException) -> bool:
    name, text = type(error).__name__, str(error)
    return isinstance(error, PermissionError) or "uthentic" in name + text or "Credential" in name


def _is_passing(error: BaseException) -> bool:
    lasting = (NotReceivedError, FileNotFoundError, IsADirectoryError, *_FAULTS_OF_CODE)
    return isinstance(error, Exception) and not isinstance(error, lasting) and not _is_refusal(error)


def _place(info: dict[str, Any]) -> _Place:
    told = next((info[k] for k in _VERSIONS if info.get(k)), None)
    return _Place(info["name"], info.get("size"), "" if told is None else f"{told} {info.get('size')}")
