"""Batches of requests, at half price: none is lost or paid for twice, whenever a process dies.

An id of our own is on the disk before a batch is sent, and travels with it. What was sent and not
collected is looked for at the provider first; what is not there never arrived.
"""

import asyncio
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from zerosign import cli
from zerosign.inference.api_window import Prepared
from zerosign.inference.journal import Journal, Recorded
from zerosign.inference.money import Account, BudgetSpent
from zerosign.models.api import Again, Api, Reply, Stop, Working
from zerosign.models.api_entry import ApiEntry

POLL_S = 30.0
"""Between two questions whether a batch is ready."""
TRIES = 20
"""Times in a row that the provider may not answer such a question."""
CLOCKS_S = 600.0
"""How far the provider's clock may be behind ours."""
_ID, _DONE = " id", " done"


Results = list[tuple[Prepared, Reply | Exception]]
"""The requests of a batch with what became of them."""


@dataclass
class Batch:
    """Requests that were sent together, or are about to be."""

    ours: str
    requests: list[Prepared]
    worst: float
    """US dollars that it may cost."""
    at: float = field(default_factory=time.time)
    """When it was about to be sent: Unix time, s."""
    theirs: str | None = None

    def custom(self, number: int) -> str:
        """The id of a request, unique and fit for every provider."""
        return f"{self.ours}-{number}"


class Ledger:
    """The batches that were sent, on disk, until all their answers are."""

    def __init__(self, path: Path) -> None:
        self._book = Journal(path)

    def close(self) -> None:
        """Let others write."""
        self._book.__exit__()

    def sending(self, batch: Batch) -> None:
        """Before it is sent."""
        lines = [{"key": r.key, "about": r.about, "seen": r.seen} for r in batch.requests]
        # They are of one run, and have the same choices.
        choices = sorted(batch.requests[0].choices)
        facts = {"requests": lines, "choices": choices, "worst": batch.worst, "at": batch.at}
        self._book.append([Recorded(batch.ours, {"what": "batch"}, facts)])

    def sent(self, batch: Batch) -> None:
        """The provider has it."""
        facts = {"id": batch.theirs}
        self._book.append([Recorded(batch.ours + _ID, {"what": "provider's id"}, facts)])

    def done(self, batch: Batch, why: str) -> None:
        """All its answers are on the disk, or it never arrived."""
        self._book.append([Recorded(batch.ours + _DONE, {"what": why}, {})])

    def open(self) -> list[Batch]:
        """What was sent, or about to be, and is not done."""
        found = []
        for ours in self._book.all_keys():
            if ours.endswith((_ID, _DONE)) or ours + _DONE in self._book:
                continue
            facts = self._book[ours]
            choices = frozenset(facts["choices"])
            lines = [
                Prepared(**line, body=None, most=0, choices=choices) for line in facts["requests"]
            ]
            named = self._book[ours + _ID]["id"] if ours + _ID in self._book else None
            found.append(Batch(ours, lines, facts["worst"], facts["at"], named))
        return found


@dataclass
class Batches:
    """All batches of one run's model at a provider."""

    api: Api
    entry: ApiEntry
    account: Account
    ledger: Ledger
    open: list[Batch] = field(default_factory=list)

    async def recover(self) -> None:
        """Find what earlier processes sent."""
        for batch in self.ledger.open():
            if batch.theirs is None:
                batch.theirs = await self._found(batch)
                if batch.theirs is None:
                    self.ledger.done(batch, "never arrived")
                    continue
                self.ledger.sent(batch)
            cli.log.info("batch %s: %d requests, sent before", batch.theirs, len(batch.requests))
            self.account.hold(batch.worst)
            self.open.append(batch)

    @property
    def on_their_way(self) -> set[str]:
        """Keys of all requests that were sent."""
        return {request.key for batch in self.open for request in batch.requests}

    async def send(self, requests: Iterator[Prepared]) -> Prepared | None:
        """Send what the budget allows. The first request that it does not; `BudgetSpent`: none."""
        chunk: list[Prepared] = []
        size = worst = 0.0
        left: Prepared | None = None
        for request in requests:
            its_worst = self.account.worst_in_batch(self.entry, request.most)
            if (room := self.account.left) is not None and worst + its_worst > room:
                left = request
                break
            its_size = size_of(request.body)
            full = len(chunk) == self.api.batch.requests or size + its_size > self.api.batch.size
            if chunk and full:
                await self._send(chunk, worst)
                chunk, size, worst = [], 0.0, 0.0
            chunk.append(request)
            size, worst = size + its_size, worst + its_worst
        if chunk:
            await self._send(chunk, worst)
        if left and not self.open:
            raise BudgetSpent(
                f"the budget does not allow another request: ${self.account.settled:.4f} of "
                f"${self.account.limit:g} are spent; raise budget.max_usd and run again"
            )
        return left

    async def _send(self, requests: list[Prepared], worst: float) -> None:
        batch = Batch(f"zs-{uuid.uuid4().hex}", requests, worst)
        bodies = {batch.custom(number): r.body for number, r in enumerate(requests)}
        self.ledger.sending(batch)
        self.account.hold(worst)
        for attempt in range(1, self.entry.tries + 1):
            try:
                batch.theirs = await self.api.start_batch(self.entry, batch.ours, bodies)
                break
            except Again as again:
                # It may have arrived all the same.
                batch.theirs = await self._found(batch)
                if batch.theirs:
                    break
                if attempt == self.entry.tries:
                    raise
                cli.log.info("batch not sent: %s; trying again", again.reason)
                await asyncio.sleep(min(POLL_S, again.wait or POLL_S))
        self.ledger.sent(batch)
        batch.requests = [replace(request, body=None) for request in requests]
        self.open.append(batch)
        cli.log.info("batch %s: %d requests sent", batch.theirs, len(requests))

    async def _found(self, batch: Batch) -> str | None:
        since = batch.at - CLOCKS_S
        return await self._patiently(lambda: self.api.find_batch(self.entry, batch.ours, since))

    async def ready(self) -> list[tuple[Batch, Results]]:
        """Wait until some batches are back."""
        while True:
            found = []
            for batch in list(self.open):
                results = await self._results(batch)
                if results is not None:
                    numbers = range(len(batch.requests))
                    found.append((batch, [self._of(batch, n, results) for n in numbers]))
            if found:
                return found
            await asyncio.sleep(POLL_S)

    def _of(
        self, batch: Batch, number: int, results: Mapping[str, Reply | Exception]
    ) -> tuple[Prepared, Reply | Exception]:
        found = results.get(batch.custom(number)) or Again(f"batch {batch.theirs} has no result")
        if isinstance(found, Reply):
            found = replace(found, tier="batch")
        return batch.requests[number], found

    async def _results(self, batch: Batch) -> dict[str, Reply | Exception] | None:
        theirs = batch.theirs
        assert theirs is not None
        try:
            return await self._patiently(lambda: self.api.batch_results(self.entry, theirs))
        except Stop:
            self.finished(batch, [], "failed")
            raise

    async def _patiently(self, ask: Any) -> Any:
        """Ask until the provider answers; for a batch that is worked on, as long as it takes."""
        failures = 0
        while True:
            try:
                return await ask()
            except Again as again:
                failures += 0 if isinstance(again, Working) else 1
                if failures == TRIES:
                    raise
                await asyncio.sleep(POLL_S)

    def finished(self, batch: Batch, replies: list[Reply], why: str = "collected") -> None:
        """All of a batch is on the disk, or the provider refused it as a whole."""
        self.account.settle(self.entry, batch.worst, replies)
        self.ledger.done(batch, why)
        self.open.remove(batch)


def size_of(body: Any) -> int:
    """Bytes of a request, about: of its texts and files."""
    if isinstance(body, Mapping):
        return sum(len(str(key)) + 6 + size_of(value) for key, value in body.items())
    if isinstance(body, list | tuple):
        return sum(map(size_of, body))
    if isinstance(body, bytes):
        return len(body) * 4 // 3 + 4
    return len(str(body))
