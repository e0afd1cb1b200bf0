"""Run a model over clips, in batches, each answer recorded as soon as it is there."""

import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path

from zerosign import gpu_memory
from zerosign.errors import UserError
from zerosign.inference.batch_size import BatchSize
from zerosign.inference.feed import Feed, Work, prepare
from zerosign.inference.journal import Journal, Recorded
from zerosign.inference.workers import Workers
from zerosign.models.base import Adapter, Answer, Request


def answer_all(
    requests: Iterable[tuple[str, Request]],
    adapter: Adapter,
    journal: Journal,
    batch_size: int | None = None,
    memory: Path | None = None,
    workers: Workers | None = None,
) -> Iterator[tuple[str, Answer]]:
    """Answer every request (key, request); yields (key, answer) as they come, in any order.

    Requests are read lazily in another thread, which also runs the adapter's CPU part one batch
    ahead of the model. An answer is in the journal before it is yielded. A request that the model
    can't be asked gets an ``error`` answer, which is not recorded; if that happens to every one of
    several requests, it is a `UserError`. ``memory``: see
    `zerosign.inference.batch_size.batch_size_file`; ``workers``: prepare batches in its place.
    """
    limit = BatchSize(batch_size, memory)
    feed = Feed(requests, adapter, limit, workers)
    asked = 0
    failures: list[Answer] = []
    try:
        for work in feed:
            for key, answer in _ask(adapter, work, limit, journal):
                asked += 1
                if answer.finish == "error":
                    failures.append(answer)
                yield key, answer
    finally:
        feed.stop()
    if len(failures) == asked > 1:
        raise UserError(f"all {asked} requests failed; the first: {failures[0].error}")


def _ask(
    adapter: Adapter, work: Work, limit: BatchSize, journal: Journal
) -> Iterator[tuple[str, Answer]]:
    """Answer a batch; split it where memory or one bad clip demands it."""
    import torch

    if isinstance(work.prepared, Exception) and len(work.batch) == 1:
        reason = " ".join(str(work.prepared).split()) or type(work.prepared).__name__
        yield work.batch[0][0], Answer(text="", finish="error", error=reason)
        return
    if isinstance(work.prepared, Exception):
        size = 1
    else:
        try:
            answers = adapter.answer(work.prepared)
        except RuntimeError as error:
            if not gpu_memory.ran_out(error):
                raise
            limit.halve(len(work.batch))
            size = limit.size
        else:
            journal.append(
                [
                    Recorded(key, _about(request), dataclasses.asdict(answer))
                    for (key, request), answer in zip(work.batch, answers, strict=True)
                ]
            )
            limit.fitted(len(work.batch))
            yield from zip((key for key, _ in work.batch), answers, strict=True)
            return
    # After the except block: its traceback would have kept the failed batch's tensors alive.
    work.prepared = None
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    for start in range(0, len(work.batch), size):
        part = work.batch[start : start + size]
        yield from _ask(adapter, Work(part, prepare(adapter, part)), limit, journal)


def _about(request: Request) -> dict[str, str]:
    """What a journal's line says to a human reader."""
    return {"video_id": request.clip.video_id, "question": request.question}
