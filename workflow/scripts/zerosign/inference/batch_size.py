"""How many requests share a batch, found by trying and remembered for other jobs."""

import json
import os
from pathlib import Path
from typing import Any

from zerosign import files
from zerosign.cli import log
from zerosign.errors import UserError
from zerosign.frames.cache import ShardSelection
from zerosign.models.model_entry import ModelEntry

FIRST_BATCH = 8
LARGEST_BATCH = 256
ROOM = 0.45
"""A batch that used less than this share of the GPU's memory may be followed by one of twice."""


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
            files.write_json({"batch_size": self.size}, self._memory)

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
    journal: str | os.PathLike[str], entry: ModelEntry, selection: ShardSelection | None
) -> Path | None:
    """Where jobs with these GPUs, this model and this sampling note what batch fitted.

    Next to the journal, so that the shards of a run share it. None without a GPU: there batches
    keep their size.
    """
    devices = gpu_memory()
    if not devices:
        return None
    sampling = selection.index["sampling"] if selection else None
    model = entry.model_dump(mode="json", exclude={"batch_size"})
    name = files.digest({"model": model, "sampling": sampling, "gpus": devices})[:16]
    return Path(journal).parent / f"batch-size-{name}.json"


def gpu_memory() -> list[list[Any]]:
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
