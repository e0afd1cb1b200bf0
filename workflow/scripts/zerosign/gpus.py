"""One job per GPU, where no scheduler assigns them.

Snakemake's ``--resources gpu=N`` limits how many GPU jobs run together but gives none of them a
device. So each job takes a lock file for the device it uses, and the kernel releases it when the
job ends, however it ends.
"""

import contextlib
import fcntl
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from zerosign.cli import log
from zerosign.errors import UserError

POLL_S = 1.0


def visible() -> list[str]:
    """Ids of this machine's NVIDIA GPUs, most free memory first; empty without any."""
    if not shutil.which("nvidia-smi"):
        return []
    command = ["nvidia-smi", "--query-gpu=uuid,memory.free", "--format=csv,noheader,nounits"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        return []
    found = [line.partition(",") for line in result.stdout.splitlines() if line.strip()]
    ordered = sorted(found, key=lambda row: -_number(row[2]))
    return [uuid.strip() for uuid, _, _ in ordered]


def _number(text: str) -> int:
    """Of megabytes; 0 where the driver does not say."""
    return int(text) if text.strip().isdecimal() else 0


@contextlib.contextmanager
def claim(count: int = 1, folder: str | os.PathLike[str] | None = None) -> Iterator[list[str]]:
    """Hold ``count`` GPUs of this machine for the block and set CUDA_VISIBLE_DEVICES to them.

    Waits until that many are free. Does nothing where CUDA_VISIBLE_DEVICES is set already (by
    Slurm, by the user) or where there is no GPU. Call it before torch looks for devices.
    """
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given:
        node = os.environ.get("SLURMD_NODENAME", socket.gethostname())
        log.info("running on %s with CUDA_VISIBLE_DEVICES=%s", node, given)
    devices = visible() if given is None else []
    if not devices:
        yield []
        return
    if count > len(devices):
        raise UserError(f"the model wants {count} GPUs (gpus), this machine has {len(devices)}")
    base = Path(folder or tempfile.gettempdir()) / f"zerosign-gpus-{os.getuid()}"
    base.mkdir(mode=0o700, exist_ok=True)
    with contextlib.ExitStack() as stack:
        held = _wait(base, devices, count, stack)
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(held)
        stack.callback(os.environ.pop, "CUDA_VISIBLE_DEVICES", None)
        log.info("running on GPU %s", ", ".join(held))
        yield held


def _wait(base: Path, devices: list[str], count: int, stack: contextlib.ExitStack) -> list[str]:
    """Take ``count`` locks at once or none, so that two jobs never wait for each other."""
    told = False
    while True:
        with contextlib.ExitStack() as attempt:
            held = []
            for device in devices:
                file = attempt.enter_context(open(base / f"{device}.lock", "w"))
                with contextlib.suppress(BlockingIOError):
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    held.append(device)
                if len(held) == count:
                    stack.push(attempt.pop_all())
                    return held
        if not told:
            log.info("waiting for %d free GPU%s of %d", count, "s"[: count > 1], len(devices))
            told = True
        time.sleep(POLL_S)
