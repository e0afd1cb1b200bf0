"""Processes that prepare batches for a model on a GPU, which one thread cannot keep busy.

A thread would share Python's lock with the one that gives the GPU its work. What comes back is
plain arrays through a pipe: shared memory is small in many containers.
"""

import dataclasses
import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from zerosign import torch_setup
from zerosign.cli import log
from zerosign.models.base import Adapter, Portable, Request

MOST = 3
"""Processes: enough for 30 clips of 16 frames a second."""
FEWEST = 64
"""Requests for which it pays to begin processes."""


class Workers:
    """Prepares batches in other processes, each with a processor of its own."""

    def __init__(self, adapter: Portable, count: int) -> None:
        self.count = count
        self._adapter = adapter
        context = multiprocessing.get_context("spawn")
        recipe = adapter.recipe()
        self._pool = ProcessPoolExecutor(count, context, initializer=_begin, initargs=recipe)

    def takes(self, request: Request) -> bool:
        """Whether requests like this are prepared apart."""
        return self._adapter.portable(request)

    def prepare(self, requests: Sequence[Request]) -> Future[Any]:
        """A batch, prepared soon; to be read by `result`."""
        return self._pool.submit(_prepare, list(requests))

    def result(self, future: Future[Any], requests: Sequence[Request]) -> Any:
        """What was prepared. Raises what preparing raises."""
        try:
            batch = future.result()
        except BrokenProcessPool:
            log.info("a process that prepares clips has died; this one prepares them now")
            return self._adapter.prepare(requests)
        return dataclasses.replace(batch, inputs=_tensors(batch.inputs), requests=requests)

    def close(self) -> None:
        """End the processes."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def for_gpu(adapter: Adapter, requests: int) -> Workers | None:
    """Workers for so many requests; None where they would not pay."""
    import torch

    cores = len(os.sched_getaffinity(0))
    pays = torch.cuda.is_available() and cores > 2 and requests >= FEWEST
    if not (pays and isinstance(adapter, Portable)):
        return None
    return Workers(adapter, min(MOST, cores - 1))


_adapter: Any = None
"""In a worker: what prepares."""


def _begin(make: Any, *given: Any) -> None:
    global _adapter
    torch_setup.prepare()
    import torch

    torch.set_num_threads(1)
    _adapter = make(*given)


def _prepare(requests: list[Request]) -> Any:
    batch = _adapter.prepare(requests)
    return dataclasses.replace(batch, inputs=_arrays(batch.inputs), requests=())


def _arrays(inputs: Any) -> dict[str, Any]:
    import torch

    return {
        key: value.numpy() if isinstance(value, torch.Tensor) else value
        for key, value in inputs.items()
    }


def _tensors(inputs: Any) -> dict[str, Any]:
    import numpy as np
    import torch

    return {
        key: torch.from_numpy(value) if isinstance(value, np.ndarray) else value
        for key, value in inputs.items()
    }
