"""Memory of the GPUs that a process may use: what a batch took, what is left, who holds it."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import Any

GB = 1e9


@dataclass(frozen=True)
class Use:
    """Memory of one GPU, in bytes."""

    base: int
    """Allocated before the batch: the weights."""
    peak: int
    """Allocated at most during the batch."""
    room: int
    """What this process can have: all that no other process holds."""


def used() -> list[Use]:
    """Of each GPU, since the last call; empty without any."""
    import torch

    found = []
    for device in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        free, _ = torch.cuda.mem_get_info(device)
        allocated = torch.cuda.memory_allocated(device)
        found.append(
            Use(
                base=allocated,
                peak=torch.cuda.max_memory_allocated(device),
                room=free + torch.cuda.memory_reserved(device),
            )
        )
        torch.cuda.reset_peak_memory_stats(device)
    return found


def names() -> list[list[Any]]:
    """Name and bytes of memory of each GPU."""
    import torch

    devices = range(torch.cuda.device_count() if torch.cuda.is_available() else 0)
    found = map(torch.cuda.get_device_properties, devices)
    return [[device.name, device.total_memory] for device in found]


def ran_out(error: BaseException) -> bool:
    """Whether an error says that a GPU's memory ran out.

    cuBLAS and cuDNN, which take memory of their own, say it by their status alone.
    """
    import torch

    if isinstance(error, torch.OutOfMemoryError):
        return True
    says = str(error)
    return isinstance(error, RuntimeError) and any(
        status in says
        for status in (
            "CUBLAS_STATUS_ALLOC_FAILED",
            "CUBLAS_STATUS_NOT_INITIALIZED",
            "CUDNN_STATUS_ALLOC_FAILED",
            "CUDA error: out of memory",
        )
    )


def holders() -> str:
    """Who holds the memory of the GPUs, in words; empty without any."""
    import torch

    lines = []
    for device in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        free, total = torch.cuda.mem_get_info(device)
        ours = torch.cuda.memory_reserved(device)
        others = max(0, total - free - ours)
        lines.append(
            f"GPU {device}: {total / GB:.1f} GB, this job {ours / GB:.1f}, "
            f"others {others / GB:.1f}, free {free / GB:.1f}"
        )
    return "; ".join([*lines, *_other_processes()])


def _other_processes() -> list[str]:
    """Other processes with memory on the machine's GPUs, by nvidia-smi."""
    if not shutil.which("nvidia-smi"):
        return []
    query = "--query-compute-apps=pid,process_name,used_memory"
    result = subprocess.run(
        ["nvidia-smi", query, "--format=csv,noheader"], capture_output=True, text=True, check=False
    )
    rows = [line.split(", ") for line in result.stdout.splitlines()]
    return [
        f"process {row[0]} ({row[1]}) holds {row[2]}"
        for row in rows
        if len(row) == 3 and row[0] != str(os.getpid())
    ]
