"""Ask a provider all that is outstanding of a study's runs of its models; nothing is loaded.

What another try may repair is never written down: it fails the job after all else is answered, and
the next run asks only that.
"""

import asyncio
import dataclasses
import itertools
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from zerosign import cli
from zerosign.errors import UserError
from zerosign.inference import money, run_questions, store
from zerosign.inference.api_window import Gate, Settled, Window, prepare
from zerosign.inference.asking import Asked, kept_apart, say_what_is_left, with_pixels
from zerosign.inference.journal import Journal, Recorded, read
from zerosign.inference.money import Account, Budget, BudgetSpent
from zerosign.inference.run_questions import Inputs
from zerosign.inference.store import Part
from zerosign.models import api_keys, registry
from zerosign.models.api import Api, Stop
from zerosign.models.api_entry import ApiEntry
from zerosign.models.base import Answer, Request
from zerosign.runs import Load

PROJECTED_AFTER = 20
"""Answers, after which the cost of a run is projected again."""


def ask(inputs: Inputs, name: str, folder: Path, code: str) -> Asked:
    """Ask the provider of this name; ``folder``: of the store. `UserError`: not all is answered."""
    return asyncio.run(_Job(inputs, folder, code).ask(inputs.study.read(Load, "loads", name)))


@dataclass
class _Job:
    """All that is asked of one provider, with one connection, one gate and one account."""

    inputs: Inputs
    folder: Path
    code: str
    gate: Gate = field(default_factory=Gate)
    account: Account = field(default_factory=Account)
    api: Api | None = None

    async def ask(self, load: Load) -> Asked:
        asked = Asked(runs={}, errors={}, embeddings={})
        broken: dict[str, str] = {}
        self._open_account(load)
        try:
            for run in load.runs:
                stopped = None
                with kept_apart(run, broken):
                    try:
                        await self._ask_run(run, asked)
                    except (Stop, BudgetSpent) as error:
                        stopped = f"{error}; all answers so far are kept"
                if stopped:
                    raise UserError(stopped)
        finally:
            if self.api:
                await self.api.close()
        if broken:
            say_what_is_left(broken)
        return asked

    def _open_account(self, load: Load) -> None:
        """With what was spent on these models before, by whatever study."""
        if self.inputs.study.has("budget", "max_usd"):
            self.account.limit = self.inputs.study.read(Budget, "budget").max_usd
        entries = [registry.read(self.inputs.study, name) for name in load.models]
        for place in {store.folder_of(self.folder, entry) for entry in entries}:
            for what in (store.ANSWERS, store.SPENT):
                for path in place.glob(f"{what}.jsonl"):
                    self.account.settled += sum(a.get("usd") or 0.0 for a in read(path).values())

    async def _ask_run(self, run: str, asked: Asked) -> None:
        entry, shards = run_questions.of_run(self.inputs, run, self.code)
        assert isinstance(entry, ApiEntry)
        place = store.folder_of(self.folder, entry)
        wanted = {key for shard in shards for key, _ in shard.requests}
        asked.runs[run] = len(wanted)
        if store.read(place, store.ANSWERS, wanted).keys() >= wanted:
            return cli.log.info("%s: %d answers, none of them new", run, len(wanted))
        with Journal(Part().journal(place, store.ANSWERS)) as book:
            # Another process may have written them meanwhile.
            known = store.read(place, store.ANSWERS, wanted)
            new = {key for key in wanted if key not in known and key not in book}
            requests = with_pixels(self.inputs, shards, new)
            await _Run(self, run, entry, book, len(new)).ask(requests)
        cli.log.info("%s: %d answers, %d of them new", run, len(wanted), len(new))

    def connected(self, entry: ApiEntry) -> Api:
        """The provider, when it is first needed: with all answers in the store, no key is."""
        if self.api is None:
            connect = registry.kind(entry.adapter).connect
            assert connect is not None
            self.api = connect(entry, api_keys.read(entry.key_env))
        return self.api


@dataclass
class _Run:
    """What is outstanding of one run."""

    job: _Job
    name: str
    entry: ApiEntry
    book: Journal
    total: int
    answered: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    usd: float = 0.0
    _writing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def ask(self, requests: Iterator[tuple[str, Request]]) -> None:
        """Ask all of it. `UserError`: some failed; `Stop` and `BudgetSpent`: the rest cannot be."""
        api = self.job.connected(self.entry)
        first = next(requests)
        await self._estimate(api, *first)
        meter = cli.Meter(self.total, self.name, "answers")

        async def record(settled: Settled) -> None:
            await self._record(settled)
            meter.add(self._note())
            if self.answered == PROJECTED_AFTER < self.total and self.entry.price:
                projected = self.usd / self.answered * self.total
                cli.log.info("%s: $%.2f in all, by the first answers", self.name, projected)

        window = Window(api, self.entry, self.job.gate, self.job.account, record)
        try:
            await window.ask_all(itertools.chain([first], requests))
        except (Stop, BudgetSpent) as stopped:
            raise type(stopped)(f"{self.name}: {stopped} ({self.answered} new answers)") from None
        finally:
            meter.close(self._note())
        if self.failed:
            clip, reason = next(iter(self.failed.items()))
            raise UserError(
                f"{len(self.failed)} of {self.total} requests failed, the first about clip {clip}: "
                f"{reason}"
            )

    async def _estimate(self, api: Api, key: str, request: Request) -> None:
        """Say what the run may cost, before anything is sent."""
        sent = await asyncio.to_thread(prepare, api, self.entry, key, request)
        counted = await api.count(self.entry, sent.body)
        tokens = sent.most if counted is None else counted
        tier = getattr(self.entry, "service_tier", None)
        line = money.estimate(self.entry, self.total, tokens, counted is not None, tier)
        cli.log.info("%s: %s", self.name, line)

    def _note(self) -> str:
        parts = [f"{len(self.failed)} failed"] if self.failed else []
        if self.entry.price:
            parts.append(f"${self.usd:.2f} spent")
        if (left := self.job.account.left) is not None:
            parts.append(f"${left:.2f} left")
        return ", ".join(parts)

    async def _record(self, settled: Settled) -> None:
        """On the disk before anything else: an answer, or what an attempt in vain has cost."""
        usd = money.cost_of(self.entry, settled.replies)
        sent = settled.sent
        if settled.reason is not None:
            self.failed[sent.about["video_id"]] = settled.reason
            if settled.replies:
                await self._write_spent(settled, usd)
                self.usd += usd or 0.0
            return
        line = Recorded(sent.key, sent.about, dataclasses.asdict(_answer(settled, usd)))
        async with self._writing:
            await asyncio.to_thread(self.book.append, [line])
        self.answered += 1
        self.usd += usd or 0.0

    async def _write_spent(self, settled: Settled, usd: float | None) -> None:
        usage = dataclasses.asdict(settled.usage)
        line = Recorded(uuid.uuid4().hex, settled.sent.about, {**usage, "usd": usd})
        async with self._writing:
            with Journal(self.book.path.with_name(f"{store.SPENT}.jsonl")) as spent:
                await asyncio.to_thread(spent.append, [line])


def _answer(settled: Settled, usd: float | None) -> Answer:
    reply, usage = settled.replies[-1], settled.usage
    return Answer(
        text=reply.text,
        finish=reply.finish,
        error=reply.error,
        prompt_tokens=usage.prompt,
        answer_tokens=usage.output,
        cached_tokens=usage.cached,
        reasoning_tokens=usage.reasoning,
        seconds=settled.seconds,
        usd=usd,
        tier=reply.tier,
        served_model=reply.served_model,
        request_id=reply.request_id,
        attempts=settled.attempts,
        **settled.sent.seen,
    )
