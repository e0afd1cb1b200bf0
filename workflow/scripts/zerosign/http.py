"""One file over HTTP: polite, safe, resumable.

One request at a time to a host, with a pause between them; retries with growing pauses. Only http
and https, every redirect checked, sizes limited, contents checked.
"""

import contextlib
import email.utils
import ipaddress
import json
import os
import re
import socket
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import urllib3

from zerosign.errors import UserError
from zerosign.files import sha256_file

AGENT = "Mozilla/5.0 (compatible; zerosign/0.1; academic data set; one request at a time)"
MAX_REDIRECTS = 5
LASTING = frozenset({"gone", "not_a_video", "too_large", "unsafe_url", "redirects"})
"""Failures that another request does not fix."""


Unwanted = Callable[[bytes], str | None]


@dataclass(frozen=True)
class Limits:
    """How patient and how polite. Times in s."""

    interval: float = 1.0  # least time between two requests to a host
    connect: float = 10.0
    read: float = 30.0  # longest silence
    deadline: float = 900.0  # for one attempt
    attempts: int = 4
    backoff: float = 2.0  # before the second attempt; doubles
    patience: float = 120.0  # the longest Retry-After that is waited for
    give_up_after: int = 5  # files in a row that a host failed to give
    max_bytes: int = 500 * 2**20
    private_hosts: bool = False  # allow addresses that are not public


class Refused(Exception):
    """A download that failed. ``again``: another attempt, after ``wait`` s, may succeed."""

    def __init__(
        self, status: str, detail: str, again: bool = False, wait: float | None = None
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.again, self.wait = status, detail, again, wait


class Pace:
    """Keeps the requests to one host apart."""

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._next = 0.0

    def wait(self) -> None:
        time.sleep(max(0.0, self._next - time.monotonic()))
        self._next = time.monotonic() + self._interval


# One file


def download(
    url: str,
    target: Path,
    session: requests.Session,
    limits: Limits,
    pace: Pace,
    referer: str | None = None,
    unwanted: Unwanted | None = None,
) -> None:
    """Get one file to ``target``, all of it or nothing. Raises `Refused`.

    An interrupted download is continued, in this run or a later one, if the server can show that
    the file is still the same. ``unwanted``: what a file's first bytes say it is, if not what is
    wanted; then it is refused.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    pause = limits.backoff
    for left in reversed(range(limits.attempts)):
        try:
            return _attempt(url, target, session, limits, pace, referer, unwanted)
        except Refused as refused:
            wait = pause if refused.wait is None else refused.wait
            if not refused.again:
                _forget(target)
            if not refused.again or not left or wait > limits.patience:
                raise
            time.sleep(wait)
            pause *= 2


def fetch_known(url: str, target: Path, sha256: Collection[str], limits: Limits) -> None:
    """Get a file to ``target`` if its checksum is one of ``sha256``. Raises UserError."""
    fresh = Path(f"{target}.download")
    try:
        with requests.Session() as session:
            download(url, fresh, session, limits, Pace(limits.interval))
    except Refused as refused:
        raise UserError(f"{url}: {refused.detail}; or put the file at {target} yourself") from None
    found = sha256_file(fresh)
    if found not in sha256:
        fresh.unlink()
        wanted = " or ".join(sha256)
        raise UserError(f"{url}: not the known file: sha256 {found}, expected {wanted}")
    fresh.replace(target)


def _attempt(
    url: str,
    target: Path,
    session: requests.Session,
    limits: Limits,
    pace: Pace,
    referer: str | None,
    unwanted: Unwanted | None,
) -> None:
    part, state = _partial(target)
    offset, validator = _unfinished(part, state, url)
    headers = {"User-Agent": AGENT, "Accept": "video/*, */*;q=0.5", "Accept-Encoding": "identity"}
    if referer:
        headers["Referer"] = referer
    if offset and validator:
        headers |= {"Range": f"bytes={offset}-", "If-Range": validator}
    deadline = time.monotonic() + limits.deadline
    with _open(url, session, headers, limits, pace) as response:
        whole = _length(response, offset, validator)
        if whole is RESTART:
            _forget(target)
            raise Refused("truncated", "the file changed during the download", again=True)
        if response.status_code == 200:
            offset = 0
        if whole is not None and whole > limits.max_bytes:
            raise Refused("too_large", f"{whole} bytes, the limit is {limits.max_bytes}")
        kind = response.headers.get("Content-Type", "").split(";")[0].strip().lower()
        if unwanted and kind in ("text/html", "application/xhtml+xml"):
            raise Refused("not_a_video", "the server sent a web page (HTML)")
        with open(part, "ab" if offset else "wb") as file:
            if not offset:  # only now: it must not describe what an earlier file left
                known = {"url": url, "validator": _validator(response)}
                state.write_text(json.dumps(known), "utf-8")
            for block in _blocks(response):
                if unwanted and not offset and (what := unwanted(block[:512])):
                    raise Refused("not_a_video", f"the server sent {what}")
                file.write(block)
                offset += len(block)
                if offset > limits.max_bytes:
                    raise Refused("too_large", f"more than {limits.max_bytes} bytes")
                if time.monotonic() > deadline:
                    raise Refused("unreachable", f"not done after {limits.deadline:.0f} s", True)
    if whole is not None and offset != whole:
        raise Refused("truncated", f"{offset} of {whole} bytes came", again=True)
    if not offset:
        raise Refused("not_a_video", "the server sent an empty file")
    os.replace(part, target)
    state.unlink(missing_ok=True)


def _partial(target: Path) -> tuple[Path, Path]:
    """Where an unfinished download is, and what is known of it."""
    return Path(f"{target}.part"), Path(f"{target}.part.json")


def _forget(target: Path) -> None:
    for file in _partial(target):
        file.unlink(missing_ok=True)


RESTART = object()


def _length(response: requests.Response, offset: int, validator: str | None) -> Any:
    """Bytes of the whole file, None if the server does not say, or RESTART. Raises `Refused`."""
    code = response.status_code
    if code == 200:
        length = response.headers.get("Content-Length", "")
        packed = response.headers.get("Content-Encoding", "identity") != "identity"
        return int(length) if length.isdecimal() and not packed else None
    if code == 206 and offset:
        span = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", ""))
        same = _validator(response) in (None, validator)
        return int(span[2]) if span and int(span[1]) == offset and same else RESTART
    if code in (206, 416):
        return RESTART
    raise _refusal(response)


def _refusal(response: requests.Response) -> Refused:
    code = response.status_code
    said = f"HTTP {code} {response.reason or ''}".strip()
    if code in (404, 410):
        return Refused("gone", said)
    if code in (429, 503):
        wait = _retry_after(response.headers.get("Retry-After", ""))
        return Refused("rate_limited", said, again=True, wait=wait)
    if code in (401, 403, 451):
        return Refused("forbidden", said)
    if code in (408, 425) or code >= 500:
        return Refused("server_error", said, again=True)
    return Refused("refused", said)


def _retry_after(value: str) -> float | None:
    """Seconds of a Retry-After header, a number or a date; None if there is none."""
    if value.strip().isdecimal():
        return float(value)
    with contextlib.suppress(TypeError, ValueError):
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    return None


def _blocks(response: requests.Response) -> Iterator[bytes]:
    """The body as it comes, so that a slow one is noticed; a broken one may be tried again."""
    try:
        while block := response.raw.read1(1 << 16, decode_content=True):
            yield block
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise Refused("truncated", f"the connection broke ({_say(error)})", again=True) from None


def _open(
    url: str, session: requests.Session, headers: Mapping[str, str], limits: Limits, pace: Pace
) -> requests.Response:
    """Response to a GET; redirects are followed up to `MAX_REDIRECTS`, each checked first."""
    for _ in range(MAX_REDIRECTS + 1):
        check_url(url, limits.private_hosts)
        pace.wait()
        try:
            response = session.get(
                url,
                headers=headers,
                stream=True,
                allow_redirects=False,
                timeout=(limits.connect, limits.read),
            )
        except ValueError as error:  # no URL that can be asked for, here or where a redirect leads
            raise Refused("unsafe_url", _say(error)) from None
        except requests.RequestException as error:
            raise Refused("unreachable", _say(error), again=True) from None
        if not response.is_redirect:
            return response
        url = urljoin(url, response.headers["Location"])
        response.close()
    raise Refused("redirects", f"more than {MAX_REDIRECTS} redirects")


def check_url(url: str, private_hosts: bool) -> None:
    """Refuse a URL that is not http(s), carries a password, or leads to a private network."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Refused("unsafe_url", f"{url!r}: {error}") from None
    if parts.scheme not in ("http", "https") or not host or parts.username is not None:
        raise Refused("unsafe_url", f"{url!r}: only plain http and https URLs are asked for")
    if private_hosts or requests.utils.get_environ_proxies(url):
        return  # behind a proxy, the proxy resolves and decides
    try:
        found = socket.getaddrinfo(host, port or parts.scheme, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Refused("unreachable", f"{host}: {_say(error)}", again=True) from None
    for text in {str(entry[4][0]).split("%")[0] for entry in found}:
        address = ipaddress.ip_address(text)
        if not (getattr(address, "ipv4_mapped", None) or address).is_global:
            raise Refused("unsafe_url", f"{host} is {text}, not a public address")


def _unfinished(part: Path, state: Path, url: str) -> tuple[int, str | None]:
    """Bytes of an interrupted download that may be continued, and what identifies the file."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        known = json.loads(state.read_text("utf-8"))
        if known["url"] == url and known["validator"]:
            return part.stat().st_size, known["validator"]
    return 0, None


def _validator(response: requests.Response) -> str | None:
    """What says that a file is the same: a strong ETag, else the time of its last change."""
    tag = response.headers.get("ETag", "")
    return tag if tag.startswith('"') else response.headers.get("Last-Modified")


def _say(error: BaseException) -> str:
    """The innermost reason of a network error, on one line."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(text.split())[:200]
