"""How many requests share a batch, found by trying and remembered for other jobs."""

import json
import os
from pathlib import Path

from zerosign import files, gpu_memory
from zerosign.cli import log
from zerosign.errors import UserError
from zerosign.frames.cache import ShardSelection
from zerosign.models.model_entry import ModelEntry

FIRST_BATCH = 8
LARGEST_BATCH = 256
FILLED = 0.85
"""Share of the memory that a batch may be expected to take."""


class BatchSize:
    """How many requests go in a batch.

    Without a number from the user it begins small, or with what an earlier job left in the file
    ``memory``, and doubles on a GPU while twice as many requests are expected to fit. In any case
    it is halved when memory runs out, and does not grow again in this job.
    """

    def __init__(self, size: int | None, memory: Path | None = None) -> None:
        self._memory = memory if size is None else None
        found = _recalled(self._memory) if self._memory else None
        self.size = size or found or FIRST_BATCH
        self._grows = size is None
        gpu_memory.used()  # what loading took is no batch's

    def halve(self, tried: int) -> None:
        """After a batch of ``tried`` did not fit. `UserError` when a single request does not."""
        if tried == 1:
            holders = gpu_memory.holders()
            raise UserError(
                "one clip alone does not fit the memory; use fewer or smaller frames, "
                "a smaller dtype, quantization, or device_map: auto over several GPUs"
                + (f" ({holders})" if holders else "")
            )
        self._grows = False
        self._set(min(self.size, tried // 2))
        log.info("out of memory: batches of %d from here on", self.size)

    def fitted(self, tried: int) -> None:
        """After a batch of ``tried`` has been answered."""
        use = gpu_memory.used()
        if self._grows and use and self.size <= tried and self.size < LARGEST_BATCH:
            # The weights are there whatever the batch; the rest grows with it.
            expected = [each.base + (each.peak - each.base) / tried * 2 * self.size for each in use]
            if all(size <= FILLED * each.room for size, each in zip(expected, use, strict=True)):
                self._set(2 * self.size)

    def _set(self, size: int) -> None:
        """Also for other jobs, at once: one that is killed has found it, too."""
        self.size = size
        if self._memory:
            files.write_json({"batch_size": size}, self._memory)


def _recalled(path: Path) -> int | None:
    """The batch size in a file; None without the file or a size in it."""
    try:
        size = json.loads(path.read_bytes())["batch_size"]
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return size if isinstance(size, int) and 1 <= size <= LARGEST_BATCH else None


def batch_size_file(
    folder: str | os.PathLike[str], entry: ModelEntry, selection: ShardSelection | None
) -> Path | None:
    """Where jobs with these GPUs, this model and this sampling note what batch fitted.

    ``folder``: that of the answers. None without a GPU: there batches keep their size.
    """
    devices = gpu_memory.names()
    if not devices:
        return None
    sampling = selection.index["sampling"] if selection else None
    model = entry.model_dump(mode="json", exclude={"batch_size"})
    name = files.digest({"model": model, "sampling": sampling, "gpus": devices})[:16]
    return Path(folder) / f"batch-size-{name}.json"
