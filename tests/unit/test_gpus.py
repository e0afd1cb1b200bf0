import contextlib
import multiprocessing
import os
import signal
import time
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from zerosign import gpus
from zerosign.errors import UserError


@pytest.fixture
def two_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose nvidia-smi names two GPUs."""
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho GPU-aaa, 80000\necho GPU-bbb, 80000\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(gpus, "POLL_S", 0.01)
    return tmp_path


def test_jobs_get_different_devices(two_gpus: Path) -> None:
    with gpus.claim(1, two_gpus) as first:
        assert first == ["GPU-aaa"] and os.environ.pop("CUDA_VISIBLE_DEVICES") == "GPU-aaa"
        with gpus.claim(1, two_gpus) as second:
            assert second == ["GPU-bbb"]
    assert "CUDA_VISIBLE_DEVICES" not in os.environ
    with gpus.claim(2, two_gpus) as both:
        assert both == ["GPU-aaa", "GPU-bbb"]
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "GPU-aaa,GPU-bbb"


def test_the_device_with_most_free_memory_comes_first(two_gpus: Path) -> None:
    tool = two_gpus / "nvidia-smi"
    rows = "GPU-a, 500\nGPU-b, [N/A]\nGPU-c, 81000\nGPU-d, 81000\n"
    tool.write_text(f"#!/bin/sh\nprintf '{rows}'\n")
    assert gpus.visible() == ["GPU-c", "GPU-d", "GPU-a", "GPU-b"]
    with gpus.claim(1, two_gpus) as held:
        assert held == ["GPU-c"]


def _hold_until(waits: Event, folder: Path, held: Event) -> None:
    with gpus.claim(2, folder):
        held.set()
        waits.wait(10)
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_job_waits_and_a_killed_one_frees_its_devices(
    two_gpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = multiprocessing.get_context("fork")
    held, waits = context.Event(), context.Event()
    process = context.Process(target=_hold_until, args=(waits, two_gpus, held))
    process.start()
    assert held.wait(10)
    pause = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: (waits.set(), pause(seconds)))
    # Both: the kernel frees a killed process's locks one by one.
    with gpus.claim(2, two_gpus) as devices:
        assert devices == ["GPU-aaa", "GPU-bbb"]
    process.join()
    assert waits.is_set() and process.exitcode == -signal.SIGKILL


def test_more_than_there_are(two_gpus: Path) -> None:
    with (
        pytest.raises(UserError, match=r"wants 3 GPUs .* this machine has 2"),
        gpus.claim(3, two_gpus),
    ):
        pass


def test_a_schedulers_choice_stands(two_gpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    with gpus.claim(1, two_gpus) as held:
        assert held == [] and os.environ["CUDA_VISIBLE_DEVICES"] == "1"


def test_without_gpus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with contextlib.ExitStack() as stack:
        assert stack.enter_context(gpus.claim(1, tmp_path)) == []
        assert "CUDA_VISIBLE_DEVICES" not in os.environ
