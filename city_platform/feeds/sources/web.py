"""Web: asks a server over HTTP, with patience, manners and bounds.

Belongs here: tries, back-off, rate limit, time-outs, redirects, resuming, size bounds, and the sentences that say what
came of them. Does not belong here: what is asked of which server (remote.py, the portals), credentials (the same),
understanding the bytes (feeds/formats/).
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from city_platform.feeds.declaration import Feed
from city_platform.feeds.problems import NotReceivedError
from city_platform.feeds.sources.fetched import too_large
from city_platform.feeds.sources.kept import Kept, complete, forget, keep, kept

if TYPE_CHECKING:
    import httpx
    from tenacity import RetryCallState, Retrying

PASSING = frozenset({408, 429, 500, 502, 503, 504})  # what another try may mend
FIRST_WAIT_S, LONGEST_BACK_OFF_S = 0.5, 30.0
LONGEST_WAIT_S = 120.0  # that a server may ask for within a run
REDIRECTS = 10
SLOWEST = 1000  # bytes a second, below which a body counts as stalled
PAGE_MB = 256.0  # the most that an answer held in memory may have
EXPLANATION = 300  # characters of a server's own words
sleep: Callable[[float], None] = time.sleep  # tests put another one in its place
T = TypeVar("T")


@dataclass(frozen=True)
class Downloaded:
    """What a download came to; its bytes are in the part."""

    is_new: bool  # false where the server said that it has nothing newer: then nothing was written
    sha256: str = ""
    bytes: int = 0
    state: Mapping[str, str] = field(default_factory=dict)  # etag, last_modified: what to ask with next time


class RefusedError(NotReceivedError):
    """The server will not have it, however often it is asked."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class _PassingError(Exception):
    """A status that another try may mend."""

    def __init__(self, status: str, wait_s: float | None) -> None:
        super().__init__(status)
        self.wait_s = wait_s  # that the server asks for


class _CutError(Exception):
    """A body broke off or stalled."""


def show(url: str) -> str:
    """An address without what may hold a secret: user, password, query and fragment."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url.split("?")[0].split("#")[0].rpartition("@")[2]
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def retrying(tries: int, is_passing: Callable[[BaseException], bool]) -> Retrying:
    """What calls something again, with ever longer waits, until it raises nothing that may pass."""
    from tenacity import Retrying, retry_if_exception, stop_after_attempt

    return Retrying(
        stop=stop_after_attempt(tries),
        wait=_wait,
        retry=retry_if_exception(is_passing),
        sleep=lambda seconds: sleep(seconds),
        reraise=True,
    )


class Web:
    """One source's manner of asking over HTTP: tries, back-off, rate limit, time-outs and bounds, all from Source."""

    def __init__(self, feed: Feed, headers: Mapping[str, str] | None = None) -> None:
        """headers: what every request carries, such as credentials; they are not sent on to another host."""
        import httpx

        # It would write every address with its query, which may hold a token, into the log.
        logging.getLogger("httpx").setLevel(logging.WARNING)
        self._feed = feed
        self._source = feed.source
        self._secret = dict(headers or {})
        self._next_at = 0.0
        try:
            self._client = httpx.Client(
                headers={"User-Agent": "city-platform", **self._secret}, timeout=feed.source.timeout_s
            )
        except UnicodeError:
            raise NotReceivedError(
                f"the secret {feed.source.token} holds characters that no request can carry. Set it anew."
            ) from None

    def __enter__(self) -> Web:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def json(self, url: str, params: Mapping[str, Any] | None = None) -> Any:
        """What the server answers, parsed. Raises NotReceivedError with a sentence where there is no JSON to be had."""
        answer = self.get(url, params, {"Accept": "application/json"})
        shown = show(url)
        if "html" in answer.headers.get("Content-Type", "").lower() or answer.content.lstrip()[:1] == b"<":
            raise NotReceivedError(f"{shown} answered with a web page, not with data. Check the address.")
        try:
            return json.loads(answer.content)
        except (ValueError, RecursionError) as error:
            where = (
                f" (line {error.lineno}, column {error.colno})"
                if isinstance(error, json.JSONDecodeError)
                else ""
            )
            raise NotReceivedError(
                f"{shown} answered with what is not JSON{where}. Check the address, or run later."
            ) from None

    def get(
        self, url: str, params: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """A small answer, whole. Raises NotReceivedError, of a refusal as RefusedError."""
        import httpx

        def once() -> httpx.Response:
            with self._ask(url, params, headers) as answer:
                content = b"".join(self._body(answer, answer.iter_bytes(), show(url), PAGE_MB))
                kept = [(k, v) for k, v in answer.headers.multi_items() if k.lower() not in _ABOUT_THE_WAY]
                return httpx.Response(
                    answer.status_code, headers=kept, content=content, request=answer.request
                )

        return self._try(url, once)

    def download(self, url: str, part: Path, headers: Mapping[str, str] | None = None) -> Downloaded:
        """Write what is at the address to part, going on where an earlier try or run was cut. Raises NotReceivedError.

        What came of a download that fails stays in part, if the server can go on with it, with a note beside it.
        """

        def once() -> Downloaded:
            had = kept(part, url)
            # Packed for the way only, it could not be gone on with.
            asked = {"Accept-Encoding": "identity", **(headers or {})}
            if had:
                asked |= {"Range": f"bytes={had.size}-", "If-Range": next(iter(had.version.values()))}
            try:
                with self._ask(url, None, asked) as answer:
                    if answer.status_code == 304:
                        forget(part)
                        return Downloaded(is_new=False)
                    if answer.status_code != 206:
                        return self._write(answer, url, part)
                    if had is None:
                        raise NotReceivedError(f"{show(url)} answered with a part, unasked. Run later.")
                    if _is_the_rest(answer, had):
                        return self._write(answer, url, part, had)
            except RefusedError as error:
                if had is None or error.status != 416:
                    raise
            forget(part)  # it has changed since: from the start
            return once()

        return self._try(url, once)

    def _write(self, answer: httpx.Response, url: str, part: Path, had: Kept | None = None) -> Downloaded:
        # The bytes stay as sent where the file itself is a .gz and the server calls that its encoding.
        is_packed = "Content-Encoding" in answer.headers and not urlsplit(url).path.endswith(".gz")
        if had is None:
            keep(part, url, {} if is_packed else _version(answer), _length(answer))
        chunks = answer.iter_bytes() if is_packed else answer.iter_raw()
        try:
            with part.open("ab" if had else "wb") as copy:
                most = self._source.at_most_mb
                for chunk in self._body(answer, chunks, show(url), most, had.size if had else 0):
                    copy.write(chunk)
        except NotReceivedError:  # too large, or it cannot be unpacked: there is nothing to go on with
            forget(part)
            raise
        complete(part)
        with part.open("rb") as whole:
            digest = hashlib.file_digest(whole, "sha256").hexdigest()
        headers = (("etag", "ETag"), ("last_modified", "Last-Modified"))
        state = {name: answer.headers[header] for name, header in headers if header in answer.headers}
        return Downloaded(True, digest, part.stat().st_size, state)

    def _body(
        self, answer: httpx.Response, chunks: Iterable[bytes], shown: str, most_mb: float, start: int = 0
    ) -> Iterator[bytes]:
        """The chunks of a body, as long as they come and are not too many; start: bytes that we have already."""
        import httpx

        most_mb = min(most_mb, self._source.at_most_mb)
        length = _length(answer)
        promised = None if length is None else start + length
        came = start
        if promised is not None and promised > most_mb * 1e6:
            raise too_large(self._feed, shown, most_mb)
        since, then = time.monotonic(), came
        try:
            for chunk in chunks:
                came += len(chunk)
                if came > most_mb * 1e6:
                    raise too_large(self._feed, shown, most_mb)
                yield chunk
                passed = time.monotonic() - since
                if passed > self._source.timeout_s:
                    if came - then < SLOWEST * passed:
                        raise httpx.ReadTimeout("slower than a stalled body")
                    since, then = time.monotonic(), came
        except httpx.TransportError as error:
            of = "" if promised is None else f" of the {promised:,} it promised"
            raise _CutError(f"broke off after {came:,} bytes{of} ({type(error).__name__})") from None
        except httpx.DecodingError:
            raise NotReceivedError(
                f"{shown} sent what cannot be unpacked. Run later, or tell the agency."
            ) from None

    @contextmanager
    def _ask(
        self, url: str, params: Mapping[str, Any] | None, headers: Mapping[str, str] | None
    ) -> Iterator[httpx.Response]:
        """The answer to one request, its body unread, after redirects."""
        import httpx

        given = {k: v for k, v in (params or {}).items() if v is not None}
        address = httpx.URL(url).copy_merge_params(given) if given else httpx.URL(url)
        request = self._client.build_request("GET", address, headers=headers)
        for _ in range(REDIRECTS + 1):
            self._keep_pace()
            answer = self._client.send(request, stream=True)
            try:
                if answer.next_request is None:
                    self._judge(answer, show(url))
                    yield answer
                    return
            finally:
                answer.close()
            origin, request = request.url, answer.next_request
            if (origin.scheme, origin.host, origin.port) != (
                request.url.scheme,
                request.url.host,
                request.url.port,
            ):
                for name in self._secret:  # meant for the first host only
                    request.headers.pop(name, None)
        raise NotReceivedError(
            f"{show(url)} sends us on more than {REDIRECTS} times, in a circle perhaps. Check the address."
        )

    def _keep_pace(self) -> None:
        if self._source.per_second is None:
            return
        now = time.monotonic()
        if now < self._next_at:
            sleep(self._next_at - now)
        self._next_at = max(now, self._next_at) + 1 / self._source.per_second

    def _judge(self, answer: httpx.Response, shown: str) -> None:
        """Raise what the status means, where it means that there is nothing to be had."""
        import httpx

        code = answer.status_code
        if code < 400:
            return
        status = f"{code} {httpx.codes.get_reason_phrase(code)}".rstrip()
        if code in PASSING:
            wait_s = _asked_wait(answer.headers.get("Retry-After"))
            if wait_s is not None and wait_s > LONGEST_WAIT_S:
                at = datetime.fromtimestamp(time.time() + min(wait_s, 1e9), UTC)
                raise NotReceivedError(
                    f"{shown} answered {status} and asks to be called again after {at:%Y-%m-%d %H:%M} UTC. Run then."
                )
            raise _PassingError(status, wait_s)
        if code in (401, 403):
            raise RefusedError(f"{shown} answered {status}. {self._ask_for_credentials()}", code)
        told = self._explanation(answer) if code in (400, 422) else ""
        raise RefusedError(f"{shown} answered {status}{told}. Check the address, or run later.", code)

    def _ask_for_credentials(self) -> str:
        if self._source.token:
            return (
                f"It refuses the credentials in the secret {self._source.token} (source.token in the feed's defs.yaml). "
                "Please ask the agency for those that are valid and set the secret."
            )
        return (
            "It wants credentials, or does not let us in: ask the agency, and name the secret that holds them "
            "(source.token in the feed's defs.yaml)."
        )

    def _explanation(self, answer: httpx.Response) -> str:
        """What the server says is wrong with what we asked, as portals do."""
        import httpx

        try:
            content = b""
            for chunk in answer.iter_bytes():
                content += chunk
                if len(content) > 1e5:
                    return ""
            told = json.loads(content)
        except (httpx.HTTPError, ValueError, RecursionError):
            return ""
        while isinstance(told, dict):
            told = next((told[k] for k in ("message", "error", "detail") if told.get(k)), "")
        text = " ".join(str(told).split())[:EXPLANATION].rstrip(".") if isinstance(told, str) else ""
        for secret in self._secret.values():
            text = text.replace(secret, "***")
        return f" ({text})" if text else ""

    def _try(self, url: str, once: Callable[[], T]) -> T:
        import httpx

        tries, shown = self._source.tries, show(url)
        try:
            return retrying(tries, _is_passing)(once)
        except _PassingError as error:
            text = f"{shown} answered {error} in {tries} tries. Check the address, or run later."
        except _CutError as error:
            text = f"{shown} {error} in {tries} tries. Run later."
        except (httpx.UnsupportedProtocol, httpx.InvalidURL):
            text = (
                f"{shown} is no address that can be asked, or sends us on to such a one. Check the address."
            )
        except httpx.LocalProtocolError:
            text = (
                f"{shown} cannot be asked: the secret {self._source.token} may hold a line end. Set it anew."
            )
        except httpx.HTTPError as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                text = (
                    f"{shown} has a certificate that is not trusted here. Check the address; where the council's own "
                    "proxy is between, name its certificates in SSL_CERT_FILE."
                )
            else:
                text = f"{shown} gave no answer ({type(error).__name__}) in {tries} tries. Run later."
        raise NotReceivedError(text)


# Of headers that tell how a body came, which are no longer true of the body when it is read.
_ABOUT_THE_WAY = frozenset({"content-encoding", "content-length", "transfer-encoding"})


def _version(answer: httpx.Response) -> dict[str, str]:
    """The header that tells this version of a file from others, byte for byte, if there is one."""
    for header in ("ETag", "Last-Modified"):
        validator = answer.headers.get(header, "")
        if validator and not validator.startswith("W/"):  # a weak one does not vouch for every byte
            return {header: validator}
    return {}


def _is_the_rest(answer: httpx.Response, had: Kept) -> bool:
    """Whether this is the rest of the same version; some servers do not look at If-Range."""
    unit, _, where = answer.headers.get("Content-Range", "").partition(" ")
    start, _, rest = where.partition("-")
    return (
        (unit, start) == ("bytes", str(had.size))
        and (had.total is None or rest.rpartition("/")[2] in ("*", str(had.total)))
        and all(answer.headers.get(header, value) == value for header, value in had.version.items())
        and "Content-Encoding" not in answer.headers
    )


def _length(answer: httpx.Response) -> int | None:
    length = answer.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() else None


def _is_passing(error: BaseException) -> bool:
    """Whether another try may help: no answer, a broken one, too many requests, or a fault of the server's."""
    import httpx

    if isinstance(error, httpx.UnsupportedProtocol | httpx.LocalProtocolError):
        return False
    return isinstance(error, _PassingError | _CutError | httpx.TransportError)


def _wait(state: RetryCallState) -> float:
    from tenacity import wait_exponential, wait_random

    waits = wait_exponential(FIRST_WAIT_S, LONGEST_BACK_OFF_S - FIRST_WAIT_S) + wait_random(0, FIRST_WAIT_S)
    back_off = waits(state)
    error = state.outcome.exception() if state.outcome else None
    asked = error.wait_s if isinstance(error, _PassingError) else None
    return max(back_off, asked or 0.0)


def _asked_wait(retry_after: str | None) -> float | None:
    """The seconds of Retry-After, which holds either them or a date."""
    if not retry_after:
        return None
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        at = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return max(0.0, at.replace(tzinfo=at.tzinfo or UTC).timestamp() - time.time())
