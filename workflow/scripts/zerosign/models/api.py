"""What the core of API models needs of a provider, and what can become of a request."""

import asyncio
import email.utils
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, TypeVar

from zerosign.models.api_keys import Key
from zerosign.models.base import Request

T = TypeVar("T")

RETRIED = frozenset({408, 409, 429})
"""Statuses that another try may repair, next to all from 500 on."""
LONGEST_REASON = 300


class Again(Exception):
    """Another try may repair it. Never written down as an answer."""

    def __init__(self, reason: str, wait: float | None = None, everyone: bool = False) -> None:
        """``wait``: seconds that the server asks for; ``everyone``: it asks all requests."""
        super().__init__(reason)
        self.reason, self.wait, self.everyone = reason, wait, everyone


class Working(Again):
    """The provider is still working on a batch that may be the one looked for."""


class Stop(Exception):
    """No request of this job can succeed: a wrong key, no money, an unknown model or parameter."""


@dataclass(frozen=True)
class Usage:
    """Tokens that a provider counted."""

    prompt: int = 0
    """All that was read, what was kept by the provider included."""
    cached: int = 0
    reasoning: int = 0
    output: int = 0
    """All that was written, reasoning included."""


@dataclass(frozen=True)
class Reply:
    """What became of a request for good."""

    finish: str
    """stop | length | refused | blocked | empty | error"""
    text: str = ""
    error: str | None = None
    usage: Usage = field(default_factory=Usage)
    tier: str | None = None
    served_model: str | None = None
    request_id: str | None = None


class Response(NamedTuple):
    """What came over the network."""

    status: int
    text: str
    headers: Mapping[str, str]

    @property
    def request_id(self) -> str | None:
        """The provider's name for the request."""
        named = ("x-request-id", "request-id", "x-goog-request-id")
        return next((found for name in named if (found := word(self.headers.get(name)))), None)

    @property
    def json(self) -> Any:
        """The body; None if it is no JSON."""
        try:
            return json.loads(self.text)
        except ValueError:
            return None


async def attempt(
    fetch: Callable[[], Awaitable[Response]],
    read: Callable[[Response], Reply | Exception],
    seconds: float,
    key: Key,
) -> Reply:
    """One attempt: what ``fetch`` brings within ``seconds``, as ``read`` understands it.

    Raises `Again` and `Stop` from here, so that no frame of a provider's library, whose locals hold
    the key, is in a traceback; and the key is in no word of them.
    """
    response = await _done(fetch, seconds, key)
    if not isinstance(response, Response):
        raise response
    found = understood(response._replace(text=key.redact(response.text)), read)
    if isinstance(found, Exception):
        raise found
    return found


async def call(work: Callable[[], Awaitable[T]], seconds: float, key: Key) -> T:
    """Another call of a provider's library, with the same care: `Again` and `Stop`."""
    found = await _done(work, seconds, key)
    if isinstance(found, Response):
        failed = failure(found, key.redact(found.text))
        raise failed if isinstance(failed, Exception) else Stop(str(failed.error))
    if isinstance(found, Exception):
        raise found
    return found


async def _done(
    work: Callable[[], Awaitable[T]], seconds: float, key: Key
) -> T | Response | Exception:
    """What some work brings, or the response that made it fail, or why there is none."""
    try:
        async with asyncio.timeout(seconds):
            return await work()
    except (Again, Stop) as known:
        return known.with_traceback(None)
    except TimeoutError:
        return Again(f"no answer within {seconds:g} s")
    except Exception as error:
        response = getattr(error, "response", None)
        if response is not None:
            return Response(response.status_code, response.text, response.headers)
        reason = key.redact(shortened(f"{type(error).__name__}: {error.__cause__ or error}"))
        return Again(reason) if _of_the_network(error) else Stop(reason)


def _of_the_network(error: Exception) -> bool:
    names = {base.__name__ for base in type(error).__mro__}
    return isinstance(error, OSError) or bool(names & {"APIConnectionError", "HTTPError"})


def understood(
    response: Response, read: Callable[[Response], Reply | Exception]
) -> Reply | Exception:
    """What a response comes to; one with status 200 need not be an answer."""
    if response.status != 200:
        return read(response)
    if not isinstance(response.json, dict):
        return Again(f"200 without JSON: {shortened(response.text)[:80]}")
    if response.json.get("error"):
        return Again(f"200 with an error: {shortened(json.dumps(response.json['error']))}")
    return read(response)


@dataclass(frozen=True)
class BatchLimits:
    """What a provider takes in one batch."""

    requests: int
    size: int
    """Bytes."""


class Api(Protocol):
    """A provider, connected. It never tries again by itself."""

    batch: BatchLimits

    def body(self, entry: Any, request: Request) -> Any:
        """The request as it is sent, frames encoded. Pure, slow: called in a thread."""
        ...

    def most_tokens(self, entry: Any, request: Request) -> int:
        """A bound of the tokens of a request, for money."""
        ...

    async def send(self, entry: Any, body: Any) -> Reply:
        """Raises `Again` and `Stop`; neither has the key in its words or its locals."""
        ...

    async def count(self, entry: Any, body: Any) -> int | None:
        """Tokens of a request by the provider's counting endpoint; None where it has none."""
        ...

    async def start_batch(self, entry: Any, ours: str, bodies: Mapping[str, Any]) -> str:
        """Send requests, by ids of ours, as a batch that carries ``ours``. The provider's id."""
        ...

    async def find_batch(self, entry: Any, ours: str, since: float) -> str | None:
        """The provider's id of a batch that carries ``ours``, made ``since`` (Unix time, s)."""
        ...

    async def batch_results(self, entry: Any, theirs: str) -> dict[str, Reply | Exception] | None:
        """What became of each request of a batch, by its id; None while it is being worked on."""
        ...

    async def close(self) -> None:
        """Close connections."""
        ...


def failure(response: Response, reason: str, wait: float | None = None) -> Exception | Reply:
    """What a status that every provider means alike comes to: `Again`, `Stop` or a final error.

    ``wait``: seconds that the body asks for.
    """
    status = response.status
    reason = shortened(f"{status}: {reason or response.text}")
    if status in RETRIED or status >= 500:
        wait = retry_after(response.headers) if wait is None else wait
        return Again(reason, wait, everyone=status == 429 or wait is not None)
    if status == 413:
        return Reply("error", error=reason, request_id=response.request_id)
    return Stop(reason)


def bytes_of_texts(request: Request) -> int:
    """A bound of the tokens of a request's texts, since a token is a byte at least."""
    texts = [part["text"] for m in request.messages for part in m["content"] if "text" in part]
    schema = sum(len(text.encode()) + 4 for text in request.candidates.values())
    return sum(len(text.encode()) for text in texts) + schema + 256


def mapping(value: Any) -> Mapping[str, Any]:
    """An object in a provider's reply; an empty one for what is none."""
    return value if isinstance(value, dict) else {}


def first(value: Any) -> Mapping[str, Any]:
    """The first object of a list in a provider's reply; an empty one where there is none."""
    return mapping(value[0]) if isinstance(value, list) and value else {}


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server asks to wait: ``retry-after-ms``, ``retry-after`` (seconds, a date)."""
    with_ms = headers.get("retry-after-ms")
    text = headers.get("retry-after")
    try:
        if with_ms:
            return max(0.0, float(with_ms) / 1000)
        if text:
            return max(0.0, float(text))
    except ValueError:
        found = email.utils.parsedate_tz(text or "")
        if found:
            return max(0.0, email.utils.mktime_tz(found) - time.time())
    return None


def shortened(reason: str) -> str:
    """One line of bounded length."""
    line = " ".join(reason.split())
    return line if len(line) <= LONGEST_REASON else line[:LONGEST_REASON] + "…"


def whole(value: Any) -> int:
    """A count in a provider's reply; 0 for what is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def word(value: Any) -> str | None:
    """A name in a provider's reply; None for what is none."""
    return shortened(value) if isinstance(value, str) and value else None
