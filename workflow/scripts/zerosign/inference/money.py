"""What answers of a provider cost: prices, estimates, and a budget that is never passed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

from zerosign.entries import Entry
from zerosign.models.api import Reply, Usage
from zerosign.models.api_entry import ApiEntry, Positive, Price


class Budget(Entry):
    """How much money a study may spend."""

    max_usd: Positive
    """On each provider, all that the store says was spent on the models asked included."""


class BudgetSpent(Exception):
    """The next request might pass the budget."""


def cost(price: Price, usage: Usage, tier: str | None = None) -> float:
    """US dollars for the tokens of a request, by the tier that served it."""
    cached_price = price.input if price.cached_input is None else price.cached_input
    fresh = max(0, usage.prompt - usage.cached)
    full = fresh * price.input + usage.cached * cached_price + usage.output * price.output
    return full * _share(price, tier) / 1e6


def _share(price: Price, tier: str | None) -> float:
    return {"flex": price.flex, "batch": price.batch}.get(tier or "", 1.0)


def cost_of(entry: ApiEntry, replies: Sequence[Reply]) -> float | None:
    """US dollars for all attempts at a request; None without a price in the entry."""
    if entry.price is None:
        return None
    return sum(cost(entry.price, reply.usage, reply.tier) for reply in replies)


def estimate(entry: ApiEntry, requests: int, tokens: int, exact: bool, tier: str | None) -> str:
    """What so many requests may cost: a line with bounds.

    ``tokens``: of one prompt, counted by the provider (``exact``) or a bound of it.
    """
    prompt, output = requests * tokens, requests * entry.decoding.max_new_tokens
    counted = "about" if exact else "at most"
    line = f"{requests} requests; {counted} {prompt:,} tokens in, up to {output:,} out"
    if entry.price is None:
        return f"{line}; no price in the model's entry"
    low = cost(entry.price, Usage(prompt=prompt if exact else 0, output=requests), tier)
    high = cost(entry.price, Usage(prompt=prompt, output=output), tier)
    return f"{line}: ${low:.2f} to ${high:.2f} (price of {entry.price.as_of})"


@dataclass
class Account:
    """Money of one job: what is settled, and what requests on their way may cost at most.

    A request is sent only when ``settled`` and all that is reserved stay within ``limit``. Its own
    worst case: the bound of its tokens, or a quarter more than the longest prompt seen, and as many
    tokens as it may be answered with, at full price. Until the first reply one is sent at a time.
    """

    limit: float | None = None
    settled: float = 0.0
    held: float = field(default=0.0, init=False)
    _on_their_way: int = field(default=0, init=False)
    _longest: int = field(default=0, init=False)
    """Tokens of the longest prompt so far."""
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition, init=False)

    @property
    def left(self) -> float | None:
        """US dollars of the budget that are neither spent nor reserved; None without a budget."""
        return None if self.limit is None else self.limit - self.settled - self.held

    @contextlib.asynccontextmanager
    async def reserved(self, entry: ApiEntry, most: int) -> AsyncIterator[Callable[[Reply], None]]:
        """Reserve a request's worst case; call what is yielded with its reply. `BudgetSpent`."""
        worst = await self._reserve(entry, most)

        def settle(reply: Reply) -> None:
            self.settled += cost_of(entry, [reply]) or 0.0
            self._longest = max(self._longest, reply.usage.prompt)

        try:
            yield settle
        finally:
            async with self._changed:
                self._on_their_way -= 1
                self.held = self.held - worst if self._on_their_way else 0.0
                self._changed.notify_all()

    async def _reserve(self, entry: ApiEntry, most: int) -> float:
        async with self._changed:
            while not self._fits(worst := self._worst(entry, most)):
                if not self._on_their_way:
                    raise BudgetSpent(
                        f"the budget does not allow another request: ${self.settled:.4f} of "
                        f"${self.limit:g} are spent, and it may cost ${worst:.4f}; raise "
                        "budget.max_usd and run again"
                    )
                await self._changed.wait()
            self.held += worst
            self._on_their_way += 1
        return worst

    def worst_in_batch(self, entry: ApiEntry, most: int) -> float:
        """US dollars that a request in a batch may cost."""
        return self._worst(entry, most) * (entry.price.batch if entry.price else 0.0)

    def hold(self, worst: float) -> None:
        """Reserve what a batch may cost, here or in an earlier process."""
        self.held += worst
        self._on_their_way += 1

    def settle(self, entry: ApiEntry, worst: float, replies: Sequence[Reply]) -> None:
        """A batch is back."""
        self.settled += cost_of(entry, replies) or 0.0
        self._on_their_way -= 1
        self.held = self.held - worst if self._on_their_way else 0.0

    def _fits(self, worst: float) -> bool:
        if self.limit is None:
            return True
        alone = bool(self._longest) or not self._on_their_way
        return alone and self.settled + self.held + worst <= self.limit

    def _worst(self, entry: ApiEntry, most: int) -> float:
        if entry.price is None:
            return 0.0
        prompt = max(most, self._longest + self._longest // 4)
        return cost(entry.price, Usage(prompt=prompt, output=entry.decoding.max_new_tokens))
