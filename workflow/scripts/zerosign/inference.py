"""Put questions about clips to a model, in batches, each answer recorded as soon as it is there."""

import dataclasses
import json
import os
import queue
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from zerosign import framecache, io
from zerosign.adapters import EXECUTION_KEYS, Adapter, Answer, ClipError, Request
from zerosign.cli import log
from zerosign.errors import UserError
from zerosign.framecache import Clip
from zerosign.journal import Journal

WINDOW = 4
"""So many batches of requests are read ahead and grouped by length,"""
WINDOW_BYTES = 2 << 30
"""but no more than this many bytes of frames."""
FIRST_BATCH = 8
LARGEST_BATCH = 256
ROOM = 0.45
"""A batch that used less than this share of the GPU's memory may be followed by one of twice."""


def answer_keys(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a model entry that its answers depend on (not how it is run)."""
    return {key: value for key, value in entry.items() if key not in EXECUTION_KEYS}


def described(selection: str, video_ids: Iterable[str]) -> Iterator[Clip]:
    """The clips of a frame selection without their pixels (``frames`` is empty)."""
    index = framecache.read_index(selection)["clips"]
    for video_id in video_ids:
        if video_id not in index:
            raise UserError(f"{selection}: clip {video_id} is not in it, though its video is ok")
        facts = index[video_id]
        yield Clip(
            video_id=video_id,
            frames=np.empty((0, 0, 0, 3), np.uint8),
            indices=np.array(facts["indices"], np.int64),
            timestamps=np.array(facts["timestamps"]),
            fps=facts["fps"],
            total_frames=facts["total_frames"],
            duration=facts["duration"],
            digest=facts["digest"],
        )


def unseen(video_id: str) -> Clip:
    """A clip of which nothing is shown: to a model, all such clips are the same."""
    nothing = np.empty(0)
    return Clip(
        video_id=video_id,
        frames=np.empty((0, 0, 0, 3), np.uint8),
        indices=nothing.astype(np.int64),
        timestamps=nothing,
        fps=0.0,
        total_frames=0,
        duration=0.0,
        digest="no frames",
    )


def request_key(request: Request, identity: Mapping[str, Any], code: str) -> str:
    """Digest of all that determines an answer. Needs no pixels: the clip has their digest."""
    clip = request.clip
    return io.digest(
        {
            "model": dict(identity),
            "code": code,
            "messages": request.messages,
            "candidates": request.candidates,
            "clip": [clip.digest, clip.fps, clip.total_frames, clip.duration],
        }
    )


class BatchSize:
    """How many requests go in a batch.

    Without a number from the user it begins small, or with what an earlier job left in the file
    ``memory``, and doubles on a GPU while memory has room. In any case it is halved when memory
    runs out, and does not grow again in this job.
    """

    def __init__(self, size: int | None, memory: Path | None = None) -> None:
        self._memory = memory if size is None else None
        self._found = _recalled(self._memory) if self._memory else None
        self.size = size or self._found or FIRST_BATCH
        self._grows = size is None

    def remember(self) -> None:
        """Leave the size for the next job. Too large a one is halved there, too small one grows."""
        if self._memory and self.size != self._found:
            io.write_json({"batch_size": self.size}, self._memory)

    def halve(self, tried: int) -> None:
        """After a batch of ``tried`` did not fit. `UserError` when a single request does not."""
        if tried == 1:
            raise UserError(
                "one clip alone does not fit the memory; use fewer or smaller frames, "
                "a smaller dtype, quantization, or device_map: auto over several GPUs"
            )
        self._grows = False
        self.size = min(self.size, tried // 2)
        log.info("out of memory: batches of %d from here on", self.size)

    def fitted(self, tried: int) -> None:
        """After a batch of ``tried`` has been answered."""
        full = tried >= self.size
        if self._grows and full and self.size < LARGEST_BATCH and memory_used() < ROOM:
            self.size *= 2


def _recalled(path: Path) -> int | None:
    """The batch size in a file; None without the file or a size in it."""
    try:
        size = json.loads(path.read_bytes())["batch_size"]
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return size if isinstance(size, int) and 1 <= size <= LARGEST_BATCH else None


def batch_size_file(
    journal: str | os.PathLike[str], entry: Mapping[str, Any], selection: str | None
) -> Path | None:
    """Where jobs with these GPUs, this model and frames selected so note what batch fitted.

    Beside the journal, so that the shards of a run share it. None without a GPU: there batches keep
    their size.
    """
    devices = gpus()
    if not devices:
        return None
    sampling = framecache.read_index(selection)["sampling"] if selection else None
    model = {key: value for key, value in entry.items() if key != "batch_size"}
    name = io.digest({"model": model, "sampling": sampling, "gpus": devices})[:16]
    return Path(journal).parent / f"batch-size-{name}.json"


def gpus() -> list[list[Any]]:
    """Name and bytes of memory of each GPU that this process may use."""
    import torch

    found = map(torch.cuda.get_device_properties, range(torch.cuda.device_count()))
    return [[device.name, device.total_memory] for device in found]


def memory_used() -> float:
    """Largest share of any GPU's memory in use since the last call; 1 without a GPU."""
    import torch

    shares = [1.0] if not torch.cuda.is_available() else []
    for device in range(torch.cuda.device_count()):
        total = torch.cuda.get_device_properties(device).total_memory
        shares.append(torch.cuda.max_memory_reserved(device) / total)
        torch.cuda.reset_peak_memory_stats(device)
    return max(shares)


def answer_all(
    requests: Iterable[tuple[str, Request]],
    adapter: Adapter,
    journal: Journal,
    batch_size: int | None = None,
    memory: Path | None = None,
) -> Iterator[tuple[str, Answer]]:
    """Answer every request (key, request); yields (key, answer) as they come, in any order.

    Requests are read lazily in another thread, which also runs the adapter's CPU part one batch
    ahead of the model. An answer is in the journal before it is yielded. A request that the model
    can't be asked gets an ``error`` answer, which is not recorded; if that happens to every one of
    several requests, it is a `UserError`. ``memory``: see `batch_size_file`.
    """
    limit = BatchSize(batch_size, memory)
    feed = _Feed(requests, adapter, limit)
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
    limit.remember()
    if len(failures) == asked > 1:
        raise UserError(f"all {asked} requests failed; the first: {failures[0].error}")


@dataclass
class _Work:
    """A batch on its way: ``prepared`` is an exception if preparing it failed."""

    batch: list[tuple[str, Request]]
    prepared: Any


def _ask(
    adapter: Adapter, work: _Work, limit: BatchSize, journal: Journal
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
        except torch.OutOfMemoryError:
            limit.halve(len(work.batch))
            size = limit.size
        else:
            journal.append(
                [
                    (key, _about(request), dataclasses.asdict(answer))
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
        yield from _ask(adapter, _Work(part, _prepare(adapter, part)), limit, journal)


def _about(request: Request) -> dict[str, str]:
    """What a journal's line says to a human reader."""
    return {"video_id": request.clip.video_id, "question": request.question}


def _prepare(adapter: Adapter, batch: list[tuple[str, Request]]) -> Any:
    """The prepared batch, or the exception that says why a clip can't be prepared."""
    try:
        return adapter.prepare([request for _, request in batch])
    except (ClipError, ValueError) as error:
        return error


class _Feed:
    """Reads requests, groups them and prepares batches in a thread, a little ahead."""

    def __init__(
        self, requests: Iterable[tuple[str, Request]], adapter: Adapter, limit: BatchSize
    ) -> None:
        self._requests = requests
        self._adapter = adapter
        self._limit = limit
        self._queue: queue.Queue[Any] = queue.Queue(maxsize=1)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[_Work]:
        while (item := self._queue.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item

    def stop(self) -> None:
        """End the thread; it has ended when this returns."""
        self._stopped.set()
        self._thread.join()

    def _put(self, item: Any) -> None:
        while not self._stopped.is_set():
            try:
                return self._queue.put(item, timeout=0.1)
            except queue.Full:
                continue

    def _run(self) -> None:
        try:
            window: list[tuple[str, Request]] = []
            for item in self._requests:
                window.append(item)
                held = sum({id(r.clip): r.clip.frames.nbytes for _, r in window}.values())
                if len(window) >= WINDOW * self._limit.size or held > WINDOW_BYTES:
                    window = self._send(window, all_of_it=False)
                if self._stopped.is_set():
                    return
            self._send(window, all_of_it=True)
            self._put(None)
        except BaseException as error:  # for the thread that waits for a batch
            self._put(error)

    def _send(
        self, window: list[tuple[str, Request]], all_of_it: bool
    ) -> list[tuple[str, Request]]:
        """Prepare and send batches of like requests; returns those that wait for company."""
        groups: dict[Any, list[tuple[str, Request]]] = {}
        for item in window:
            groups.setdefault(self._adapter.bucket(item[1]), []).append(item)
        largest = max(groups.values(), key=len, default=[])
        waiting: list[tuple[str, Request]] = []
        for group in groups.values():
            # Like sizes together: least padding.
            group.sort(key=lambda item: item[1].clip.frames.size)
            # The largest group goes in any case, so that a window of small groups shrinks, too.
            while group and not self._stopped.is_set():
                size = self._limit.size
                if len(group) < size and not all_of_it and group is not largest:
                    break
                batch = group[:size]
                del group[:size]
                self._put(_Work(batch, _prepare(self._adapter, batch)))
            waiting += group
        return waiting
