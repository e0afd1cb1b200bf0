"""Requests to a provider: a sliding window, one gate for all waits, retries, one record each."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from zerosign.inference.money import Account
from zerosign.models.api import Again, Api, Reply, Stop, Usage
from zerosign.models.api_entry import ApiEntry, chosen
from zerosign.models.api_frames import fitted
from zerosign.models.base import Request

BACKOFF_S = 0.5
"""Pause before the second attempt, about; it doubles,"""
LONGEST_BACKOFF_S = 60.0
"""up to this."""
PATIENCE_S = 900.0
"""A server that asks to wait longer ends the job."""


class Gate:
    """What all requests to a server pass: nobody sends while one of them is told to wait."""

    def __init__(self) -> None:
        self._until = 0.0
        self._next = 0.0

    def hold(self, seconds: float) -> None:
        """Let nobody pass for so long."""
        self._until = max(self._until, time.monotonic() + seconds)

    async def ready(self, per_minute: int | None) -> None:
        """Wait until a request may be sent."""
        while (wait := max(self._until, self._next) - time.monotonic()) > 0:
            await asyncio.sleep(wait)
        if per_minute:
            self._next = time.monotonic() + 60 / per_minute


@dataclass(frozen=True)
class Prepared:
    """A request ready to be sent."""

    key: str
    about: Mapping[str, str]
    """Which clip, which question."""
    seen: Mapping[str, Any]
    """What is shown of the clip, as an `Answer` says it."""
    body: Any
    most: int
    """A bound of its tokens."""
    choices: frozenset[str] = frozenset()
    """What the reply must be one of, if anything."""


@dataclass(frozen=True)
class Settled:
    """A request that is done with."""

    sent: Prepared
    replies: Sequence[Reply]
    """Those that were paid for. The last is the answer, unless there is a ``reason``."""
    reason: str | None
    """Why there is no answer; another try may bring one."""
    attempts: int
    seconds: float
    """Of the last attempt."""

    @property
    def usage(self) -> Usage:
        """Of all attempts."""
        names = ("prompt", "cached", "reasoning", "output")
        return Usage(*(sum(getattr(each.usage, name) for each in self.replies) for name in names))


def prepare(api: Api, entry: ApiEntry, key: str, request: Request) -> Prepared:
    """Encode a request. Its pixels, ten times as large, are not kept."""
    count, height, width, _ = request.clip.frames.shape
    height, width = fitted(height, width, entry.frames.max_side) if count else (0, 0)
    return Prepared(
        key=key,
        about={"video_id": request.clip.video_id, "question": request.question},
        seen={
            "frames": count,
            "pixels_height": height or None,
            "pixels_width": width or None,
            "timestamps": [float(time) for time in request.clip.timestamps],
        },
        body=api.body(entry, request),
        most=api.most_tokens(entry, request),
        choices=frozenset(request.candidates.values()),
    )


@dataclass
class Window:
    """The requests of one run: ``concurrency`` of them at a time, each followed by the next."""

    api: Api
    entry: ApiEntry
    gate: Gate
    account: Account
    record: Callable[[Settled], Awaitable[None]]
    """Called with each as soon as it is done with."""
    _stopped: Exception | None = field(default=None, init=False)

    async def ask_all(self, requests: Iterator[tuple[str, Request]]) -> None:
        """Ask all of them, which are read and encoded when it is their turn.

        What goes wrong for all (`Stop`, `BudgetSpent`, …) is raised when all that was sent is back.
        """
        # One thread: each of several would keep memory of its own for the next clip.
        reader = ThreadPoolExecutor(1, "reader")
        loop = asyncio.get_running_loop()

        def following() -> Prepared | None:
            found = next(requests, None)
            return None if found is None else prepare(self.api, self.entry, *found)

        async def work() -> None:
            try:
                while not self._stopped:
                    sent = await loop.run_in_executor(reader, following)
                    if sent is None:
                        return
                    await self.record(await self._settled(sent))
                    del sent  # or its body would stay while the next one is made
            except Exception as error:
                self._stopped = self._stopped or error

        with reader:
            async with asyncio.TaskGroup() as group:
                for _ in range(self.entry.concurrency):
                    group.create_task(work())
        if self._stopped:
            raise self._stopped

    async def _settled(self, sent: Prepared) -> Settled:
        """Attempts at one request until there is an answer, or none is left.

        An empty reply is asked once more, for which it needs an attempt.
        """
        replies: list[Reply] = []
        reason, seconds = "", 0.0
        for attempt in range(1, self.entry.tries + 1):
            last = attempt == self.entry.tries
            try:
                reply, seconds = await self._attempt(sent)
            except Again as again:
                reason = again.reason
                if not last:
                    await self._pause(again, attempt)
                continue
            replies.append(reply)
            if reply.finish != "empty" or len(replies) == 2 or last:
                return Settled(sent, replies, None, attempt, seconds)
        return Settled(sent, replies, reason, self.entry.tries, seconds)

    async def _attempt(self, sent: Prepared) -> tuple[Reply, float]:
        await self.gate.ready(self.entry.requests_per_minute)
        if self._stopped:
            raise Stop(str(self._stopped))
        async with self.account.reserved(self.entry, sent.most) as settle:
            start = time.monotonic()
            reply = await self.api.send(self.entry, sent.body)
            settle(reply)
        seconds = time.monotonic() - start
        if sent.choices and reply.finish == "stop":
            reply = replace(reply, text=chosen(reply.text, sent.choices))
        return reply, seconds

    async def _pause(self, again: Again, attempt: int) -> None:
        if again.wait is not None and again.wait > PATIENCE_S:
            raise Stop(f"{again.reason} (the server asks to wait {again.wait:.0f} s)")
        backoff = min(LONGEST_BACKOFF_S, BACKOFF_S * 2 ** (attempt - 1))
        wait = backoff * random.uniform(0.75, 1.25) if again.wait is None else again.wait
        if again.everyone:
            self.gate.hold(wait)
        else:
            await asyncio.sleep(wait)
