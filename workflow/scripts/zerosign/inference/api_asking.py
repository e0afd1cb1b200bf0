"""Ask a provider all that is outstanding of a study's runs of its models; nothing is loaded.

What another try may repair is never written down: it fails the job after all else is answered, and
the next run asks only that.
"""

import asyncio
import contextlib
import dataclasses
import itertools
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from zerosign import cli
from zerosign.errors import UserError
from zerosign.inference import money, run_questions, store
from zerosign.inference.api_batches import Batches, Ledger
from zerosign.inference.api_window import Gate, Prepared, Settled, Window, prepare
from zerosign.inference.asking import Asked, kept_apart, say_what_is_left, with_pixels
from zerosign.inference.journal import Journal, Recorded, read
from zerosign.inference.money import Account, Budget, BudgetSpent
from zerosign.inference.run_questions import Inputs
from zerosign.inference.store import Part
from zerosign.models import api_keys, registry
from zerosign.models.api import Again, Api, Reply, Stop
from zerosign.models.api_entry import ApiEntry, chosen
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
            asking = _Run(self, run, entry, book, len(new))
            if entry.batch:
                await asking.ask_in_batches(new, partial(with_pixels, self.inputs, shards))
            else:
                await asking.ask(with_pixels(self.inputs, shards, new))
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
    stopped: Exception | None = None
    """Why a batch brought no answers that another try could bring."""
    meter: cli.Meter = field(init=False)
    _writing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def ask(self, requests: Iterator[tuple[str, Request]]) -> None:
        """Ask all of it. `UserError`: some failed; `Stop` and `BudgetSpent`: the rest cannot be."""
        api = self.job.connected(self.entry)
        first = next(requests)
        await self._estimate(api, *first)
        window = Window(api, self.entry, self.job.gate, self.job.account, self._record)
        with self._reported():
            await window.ask_all(itertools.chain([first], requests))

    async def ask_in_batches(
        self, new: set[str], read: Callable[[set[str]], Iterator[tuple[str, Request]]]
    ) -> None:
        """The same in batches; ``read``: requests with pixels by their keys."""
        api = self.job.connected(self.entry)
        ledger = Ledger(self.book.path.with_name(f"{store.BATCHES}.jsonl"))
        try:
            batches = Batches(api, self.entry, self.job.account, ledger)
            with self._reported():
                await batches.recover()
                await self._through_batches(batches, new, read)
        finally:
            ledger.close()

    async def _through_batches(
        self,
        batches: Batches,
        new: set[str],
        read: Callable[[set[str]], Iterator[tuple[str, Request]]],
    ) -> None:
        todo = new - batches.on_their_way
        empty: set[str] = set()
        if todo:
            await self._estimate(batches.api, *next(read(todo)))
        while todo or batches.open:
            requests = (prepare(batches.api, self.entry, *each) for each in read(todo))
            left = await batches.send(requests) if todo else None
            sent = batches.on_their_way
            todo = todo - sent if left else set()
            for batch, results in await batches.ready():
                replies = [
                    found
                    for request, found in results
                    if isinstance(found, Reply) and request.key not in self.book
                ]
                for request, found in results:
                    if await self._collect(request, found, new, empty):
                        todo.add(request.key)
                batches.finished(batch, replies)
            if self.stopped:
                raise self.stopped

    async def _collect(
        self,
        request: Prepared,
        found: Reply | Exception,
        new: set[str],
        empty: set[str],
    ) -> bool:
        """Record what became of a request. True if it was empty once, and is asked once more.

        A batch of an earlier process may be another run's of the same model: what is ``new`` for
        this run is not in it, and that run asks again what was not answered.
        """
        if request.key in self.book:  # by a process that died before the whole batch was
            return False
        if isinstance(found, Again):
            if request.key in new:
                self.failed[request.about["video_id"]] = found.reason
            return False
        if isinstance(found, Exception):
            self.stopped = self.stopped or found
            return False
        if found.finish == "empty" and request.key not in empty:
            empty.add(request.key)
            await self._write_spent(Settled(request, [found], "empty", 1, 0.0))
            return request.key in new
        if request.choices and found.finish == "stop":
            try:
                found = dataclasses.replace(found, text=chosen(found.text, request.choices))
            except UserError as ignored:
                self.stopped = self.stopped or ignored
                return False
        await self._record(Settled(request, [found], None, 1, 0.0))
        return False

    @contextlib.contextmanager
    def _reported(self) -> Iterator[None]:
        """Progress, and what is left at the end."""
        self.meter = cli.Meter(self.total, self.name, "answers")
        try:
            yield
        except (Stop, BudgetSpent) as stopped:
            raise type(stopped)(f"{self.name}: {stopped} ({self.answered} new answers)") from None
        except Again as again:
            raise UserError(f"{again.reason}; the next run looks for the batch") from None
        finally:
            self.meter.close(self._note())
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
        tier = "batch" if self.entry.batch else getattr(self.entry, "service_tier", None)
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
        sent = settled.sent
        if settled.reason is not None:
            self.failed[sent.about["video_id"]] = settled.reason
            if settled.replies:
                await self._write_spent(settled)
            self.meter.add(self._note())
            return
        usd = money.cost_of(self.entry, settled.replies)
        line = Recorded(sent.key, sent.about, dataclasses.asdict(_answer(settled, usd)))
        async with self._writing:
            await asyncio.to_thread(self.book.append, [line])
        self.answered += 1
        self.usd += usd or 0.0
        self.meter.add(self._note())
        if self.answered == PROJECTED_AFTER < self.total and self.entry.price:
            projected = self.usd / self.answered * self.total
            cli.log.info("%s: $%.2f in all, by the first answers", self.name, projected)

    async def _write_spent(self, settled: Settled) -> None:
        usd = money.cost_of(self.entry, settled.replies)
        usage = dataclasses.asdict(settled.usage)
        line = Recorded(uuid.uuid4().hex, settled.sent.about, {**usage, "usd": usd})
        async with self._writing:
            with Journal(self.book.path.with_name(f"{store.SPENT}.jsonl")) as spent:
                await asyncio.to_thread(spent.append, [line])
        self.usd += usd or 0.0


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
