"""Atomic writes: whole files or none, and nothing left over."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from zerosign import files

SCRIPTS = Path(__file__).parents[2] / "workflow" / "scripts"

KILLED = f"""
import os, signal, sys
sys.path.insert(0, {str(SCRIPTS)!r})
from zerosign.files import write_atomic
with write_atomic(sys.argv[1]) as temporary:
    temporary.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("name", ["0.npz", "accuracy.v2.csv", "noextension", "a+b (1).md"])
def test_the_next_writer_removes_what_a_killed_one_left(tmp_path: Path, name: str) -> None:
    target = tmp_path / name
    run = subprocess.run([sys.executable, "-c", KILLED, str(target)], check=False)
    assert run.returncode == -signal.SIGKILL
    assert len(names(tmp_path)) == 1
    with files.write_atomic(target) as temporary:
        temporary.write_text("whole")
        assert len(names(tmp_path)) == 1
    assert names(tmp_path) == [name]
    assert target.read_text() == "whole"


def test_others_files_are_left_alone(tmp_path: Path) -> None:
    """Of a living process, of another target, of another machine until a day has passed."""
    living = tmp_path / f".a.{files._HOST}.{os.getppid()}.csv"
    other = tmp_path / f".ab.{files._HOST}.999999999.csv"
    away, old = tmp_path / ".a.node7.999999999.csv", tmp_path / ".a.node8.999999999.csv"
    users = tmp_path / ".a.csv"
    for path in (living, other, away, old, users):
        path.write_text("x")
    os.utime(old, (0, 0))
    files.write_json({}, tmp_path / "a.csv")
    assert names(tmp_path) == sorted([living.name, other.name, away.name, users.name, "a.csv"])


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    files.write_json(1, tmp_path / "a.json")
    with pytest.raises(RuntimeError), files.write_atomic(tmp_path / "a.json") as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert names(tmp_path) == ["a.json"]
    assert files.read_json(tmp_path / "a.json") == 1
