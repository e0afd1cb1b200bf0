"""Ask all that is outstanding of one checkpoint, which is loaded once, or not at all.

What fails is told apart: a clip that a model can't be shown is an answer of its own class, a run
that breaks is left for the next time, and all others are answered first.
"""

import contextlib
import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from zerosign import cli, gpus
from zerosign.entries import Entry
from zerosign.errors import UserError
from zerosign.frames import cache
from zerosign.inference import embedding, engine, run_questions, store, window, workers
from zerosign.inference.batch_size import batch_size_file
from zerosign.inference.journal import Journal
from zerosign.inference.run_questions import Inputs, ShardQuestions
from zerosign.inference.store import Part
from zerosign.inference.workers import Workers
from zerosign.models import registry
from zerosign.models.base import Adapter, Answer, Concurrent, Request
from zerosign.models.model_entry import ModelEntry
from zerosign.runs import Load


class Asked(Entry):
    """What a job leaves behind: all its questions are answered, or failed for good."""

    runs: dict[str, int]
    """Answerable questions of each run."""
    errors: dict[str, str]
    """Why a request can't be asked, by its key."""
    embeddings: dict[str, int]
    """Clips and texts that were embedded, by model."""


@dataclass
class Models:
    """The models of a load, each made ready when it is first needed; they share their weights."""

    held: contextlib.ExitStack
    ready: dict[str, Adapter | Concurrent] = field(default_factory=dict)
    helping: dict[str, Workers] = field(default_factory=dict)

    def get(self, name: str, entry: ModelEntry) -> Adapter | Concurrent:
        """The model of this name. Raises `UserError`."""
        if not self.ready:
            self.held.enter_context(gpus.claim(entry.gpus))
        if name not in self.ready:
            like = itertools.islice(self.ready.values(), 1)
            adapter = registry.kind(entry.kind).load(entry, *like)
            if isinstance(adapter, Concurrent):
                self.held.callback(adapter.close)
            self.ready[name] = adapter
        return self.ready[name]

    def workers(self, name: str, requests: int) -> Workers | None:
        """Processes that prepare so many requests for a model that is ready, where they pay."""
        if name not in self.helping and (made := workers.for_gpu(self.ready[name], requests)):
            self.helping[name] = self.held.enter_context(contextlib.closing(made))
        return self.helping.get(name)


def ask(
    inputs: Inputs,
    name: str,
    folder: Path,
    part: Part,
    code: str,
    embed_code: str,
    texts: Mapping[str, str],
) -> Asked:
    """Ask the load of this name all that its runs and embeddings need and that is in no store.

    ``folder``: of the store; ``texts``: those to embed, by gloss. `UserError` at the end when a run
    could not be finished.
    """
    load = inputs.study.read(Load, "loads", name)
    asked = Asked(runs={}, errors={}, embeddings={})
    broken: dict[str, str] = {}
    with contextlib.ExitStack() as held:
        models = Models(held)
        for run in load.runs:
            with kept_apart(run, broken):
                _ask_run(inputs, run, folder, part, code, models, asked)
        for model in load.embeds:
            with kept_apart(f"embeddings of {model}", broken):
                asked.embeddings[model] = embedding.embed(
                    inputs, model, folder, part, embed_code, texts, models.get
                )
    if broken:
        say_what_is_left(broken)
    return asked


@contextlib.contextmanager
def kept_apart(what: str, broken: dict[str, str]) -> Iterator[None]:
    """Note what goes wrong within, so that the rest goes on."""
    try:
        yield
    except UserError as error:
        broken[what] = str(error)
    except Exception as error:
        cli.log.exception("%s: broken", what)
        lines = str(error).splitlines() or [""]
        broken[what] = f"{type(error).__name__}: {lines[0]}".rstrip(": ")


def say_what_is_left(broken: Mapping[str, str]) -> None:
    """End with what could not be finished, by run. `UserError`."""
    for what, reason in broken.items():
        cli.log.error("%s: not finished: %s", what, reason)
    first, reason = next(iter(broken.items()))
    others = f" (and {len(broken) - 1} more, above)" if len(broken) > 1 else ""
    raise UserError(
        f"{first}: {reason}{others}. All other answers are kept: mend it and run again, or go on "
        f"without it: --config 'leave_out=[{', '.join(broken)}]'"
    )


def _ask_run(
    inputs: Inputs, run: str, folder: Path, part: Part, code: str, models: Models, asked: Asked
) -> None:
    """Ask a run's outstanding questions, each clip read once, when it is its turn."""
    entry, shards = run_questions.of_run(inputs, run, code)
    place = store.folder_of(folder, entry)
    wanted = {
        key: request
        for shard in shards
        for key, request in shard.requests
        if part.has(request.clip.digest)
    }
    known = store.read(place, store.ANSWERS, wanted)
    asked.runs[run] = len(wanted)
    if known.keys() >= wanted.keys():
        return cli.log.info("%s: %d answers, none of them new", run, len(wanted))
    assert isinstance(entry, ModelEntry)
    with Journal(part.journal(place, store.ANSWERS)) as book:
        # Another process may have written them meanwhile.
        new = {key for key in wanted if key not in known and key not in book}
        adapter = models.get(inputs.run(run).model, entry)
        requests = with_pixels(inputs, shards, new)
        stream: Iterator[tuple[str, Answer]]
        if isinstance(adapter, Concurrent):
            stream = window.answer_all(requests, adapter, book)
        else:
            memory = batch_size_file(place, entry, shards[0].selection)
            helping = models.workers(inputs.run(run).model, len(new))
            stream = engine.answer_all(requests, adapter, book, entry.batch_size, memory, helping)
        for key, answer in cli.progress(stream, len(new), run, "answers"):
            if answer.finish == "error":
                asked.errors[key] = answer.error or ""
    cli.log.info("%s: %d answers, %d of them new", run, len(wanted), len(new))


def with_pixels(
    inputs: Inputs, shards: list[ShardQuestions], new: set[str]
) -> Iterator[tuple[str, Request]]:
    """The new requests with their clips' frames; of equal ones, the first."""
    left = set(new)
    for shard in shards:
        ours: dict[str, Request] = {}
        for key, request in shard.requests:
            if key in left:
                left.discard(key)
                ours[key] = request
        if shard.selection is None:
            yield from ours.items()
            continue
        by_clip: dict[str, list[tuple[str, Request]]] = {}
        for key, request in ours.items():
            by_clip.setdefault(request.clip.video_id, []).append((key, request))
        if not by_clip:
            continue
        for clip in cache.read_clips(inputs.decoded(shard.shard), shard.selection, by_clip):
            for key, request in by_clip[clip.video_id]:
                yield key, dataclasses.replace(request, clip=clip)
