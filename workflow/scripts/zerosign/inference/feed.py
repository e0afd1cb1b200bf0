"""Requests on their way to a model: read, grouped and prepared a little ahead, in a thread."""

import queue
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from zerosign.inference.batch_size import BatchSize
from zerosign.inference.workers import Workers
from zerosign.models.base import Adapter, ClipError, Request

WINDOW = 4
"""So many batches of requests are read ahead and grouped by length,"""
WINDOW_BYTES = 2 << 30
"""but no more than this many bytes of frames."""


@dataclass
class Work:
    """A batch on its way: ``prepared`` is an exception if preparing it failed.

    A worker process leaves a promise (`Future`) there first.
    """

    batch: list[tuple[str, Request]]
    prepared: Any


def prepare(adapter: Adapter, batch: list[tuple[str, Request]]) -> Any:
    """The prepared batch, or the exception that says why a clip can't be prepared."""
    try:
        return adapter.prepare([request for _, request in batch])
    except (ClipError, ValueError) as error:
        return error


class Feed:
    """Reads requests, groups them and prepares batches, or has them prepared, a little ahead."""

    def __init__(
        self,
        requests: Iterable[tuple[str, Request]],
        adapter: Adapter,
        limit: BatchSize,
        workers: Workers | None = None,
    ) -> None:
        self._requests = requests
        self._adapter = adapter
        self._limit = limit
        self._workers = workers
        self._queue: queue.Queue[Any] = queue.Queue(maxsize=workers.count if workers else 1)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[Work]:
        while (item := self._queue.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            if isinstance(item.prepared, Future):
                item.prepared = self._from_worker(item)
            yield item

    def _from_worker(self, work: Work) -> Any:
        assert self._workers is not None
        try:
            return self._workers.result(work.prepared, [request for _, request in work.batch])
        except (ClipError, ValueError) as error:
            return error

    def stop(self) -> None:
        """End the thread; it has ended when this returns."""
        self._stopped.set()
        self._thread.join()

    def _prepared(self, batch: list[tuple[str, Request]]) -> Any:
        if self._workers and self._workers.takes(batch[0][1]):
            return self._workers.prepare([request for _, request in batch])
        return prepare(self._adapter, batch)

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
        """Prepare and send batches of similar requests; returns those that wait for more."""
        groups: dict[Any, list[tuple[str, Request]]] = {}
        for item in window:
            groups.setdefault(self._adapter.bucket(item[1]), []).append(item)
        largest = max(groups.values(), key=len, default=[])
        waiting: list[tuple[str, Request]] = []
        for group in groups.values():
            # Similar sizes together: least padding.
            group.sort(key=lambda item: item[1].clip.frames.size)
            # The largest group goes in any case, so that a window of small groups shrinks, too.
            while group and not self._stopped.is_set():
                size = self._limit.size
                if len(group) < size and not all_of_it and group is not largest:
                    break
                batch = group[:size]
                del group[:size]
                self._put(Work(batch, self._prepared(batch)))
            waiting += group
        return waiting
