"""What the core of API models needs of a provider, and what can become of a request."""

import email.utils
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from zerosign.models.base import Request

RETRIED = frozenset({408, 409, 429})
"""Statuses that another try may repair, next to all from 500 on."""
LONGEST_REASON = 300


class Again(Exception):
    """Another try may repair it. Never written down as an answer."""

    def __init__(self, reason: str, wait: float | None = None, everyone: bool = False) -> None:
        """``wait``: seconds that the server asks for; ``everyone``: it asks all requests."""
        super().__init__(reason)
        self.reason, self.wait, self.everyone = reason, wait, everyone


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


class Api(Protocol):
    """A provider, connected. It never tries again by itself."""

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

    async def close(self) -> None:
        """Close connections."""
        ...


def failure(status: int, reason: str, headers: Mapping[str, str]) -> Exception | Reply:
    """What a status that every provider means alike comes to: `Again`, `Stop` or a final error."""
    reason = shortened(f"{status}: {reason}")
    if status in RETRIED or status >= 500:
        wait = retry_after(headers)
        return Again(reason, wait, everyone=status == 429 or wait is not None)
    if status == 413:
        return Reply("error", error=reason)
    return Stop(reason)


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
