"""Run a model that takes requests at any time: so many are on their way, none waits for others."""

import queue
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from typing import NamedTuple

from zerosign.inference.engine import failed, record, unless_all_failed
from zerosign.inference.journal import Journal
from zerosign.models.base import Answer, ClipError, Concurrent, Request

Keyed = tuple[str, Request]
_Done = tuple[Keyed, "Future[Answer]"]
_REFUSALS = (ClipError, ValueError)
_POLL_S = 0.1


def answer_all(
    requests: Iterable[Keyed], adapter: Concurrent, journal: Journal
) -> Iterator[tuple[str, Answer]]:
    """Answer every request (key, request); yields (key, answer) as they come, in any order.

    As `zerosign.inference.engine.answer_all`: requests are read in another thread, an answer is in
    the journal before it is yielded, failures are not recorded.
    """
    return unless_all_failed(_answers(_Sender(requests, adapter), journal))


def _answers(sender: "_Sender", journal: Journal) -> Iterator[tuple[str, Answer]]:
    """What was answered before something broke is recorded and passed on first."""
    try:
        for group in sender:
            found = [(keyed, _result(future)) for keyed, future in group if not _broke(future)]
            record(journal, [each for each in found if each[1].finish != "error"])
            yield from ((key, answer) for (key, _), answer in found)
            for _, future in group:
                if _broke(future):
                    future.result()
    finally:
        sender.stop()


def _broke(future: Future[Answer]) -> bool:
    """Whether it is the model that failed, not the request."""
    error = future.exception()
    return error is not None and not isinstance(error, _REFUSALS)


def _result(future: Future[Answer]) -> Answer:
    try:
        return future.result()
    except _REFUSALS as error:
        return failed(error)


class _End(NamedTuple):
    """No more requests come: so many did, and perhaps they broke off."""

    sent: int
    error: BaseException | None = None


class _Sender:
    """Sends requests in a thread; iterates over groups of those that were answered meanwhile."""

    def __init__(self, requests: Iterable[Keyed], adapter: Concurrent) -> None:
        self._requests, self._adapter = requests, adapter
        self._room = threading.Semaphore(adapter.window)
        self._done: queue.Queue[_Done | _End] = queue.Queue()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="window", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[list[_Done]]:
        received, end = 0, None
        while end is None or received < end.sent:
            group: list[_Done] = []
            for item in self._news():
                if isinstance(item, _End):
                    end = item
                else:
                    group.append(item)
            received += len(group)
            if group:
                yield group
        if end.error:
            raise end.error

    def _news(self) -> list["_Done | _End"]:
        """All that came in meanwhile, at least one."""
        items = [self._done.get()]
        while not self._done.empty():
            items.append(self._done.get())
        return items

    def stop(self) -> None:
        """End the thread; it has ended when this returns."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        sent = 0
        try:
            for keyed in self._requests:
                while not self._room.acquire(timeout=_POLL_S):
                    if self._stopped.is_set():
                        return
                if self._stopped.is_set():
                    return
                self._submit(keyed)
                sent += 1
            self._done.put(_End(sent))
        except BaseException as error:  # for the thread that waits for answers
            self._done.put(_End(sent, error))

    def _submit(self, keyed: Keyed) -> None:
        try:
            future = self._adapter.submit(keyed[1])
        except _REFUSALS as error:
            future = Future()
            future.set_exception(error)
        future.add_done_callback(lambda done: self._answered(keyed, done))

    def _answered(self, keyed: Keyed, future: Future[Answer]) -> None:
        self._room.release()
        self._done.put((keyed, future))
