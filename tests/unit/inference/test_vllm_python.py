"""Which Python has vLLM: found by a rule, or said by the study."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.study_files import study_option
from helpers.vllm_environment import pretend

import ask
import vllm_python
from zerosign.errors import UserError
from zerosign.study_file import StudyFile

PROGRAM = Path(__file__).parents[3] / "workflow/scripts/vllm_python.py"


def test_it_is_the_one_that_runs_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python, found = pretend(tmp_path, monkeypatch), tmp_path / "found.txt"
    subprocess.run([python, PROGRAM, "--output", found], check=True, env=os.environ)
    assert found.read_text() == f"{sys.executable}\n"
    nowhere = StudyFile(study_option(tmp_path, vllm_python=None)[1])
    assert ask.vllm_python(nowhere, found) == sys.executable


def test_without_vllm_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="run with --sdm conda, name the Python of one under"):
        vllm_python.main(["--output", str(tmp_path / "found.txt")])
    assert not (tmp_path / "found.txt").exists()


def test_the_study_may_say_it(tmp_path: Path) -> None:
    said = StudyFile(study_option(tmp_path, vllm_python="/opt/vllm/bin/python")[1])
    assert ask.vllm_python(said, None) == "/opt/vllm/bin/python"
    nothing = StudyFile(study_option(tmp_path, vllm_python=None)[1])
    assert ask.vllm_python(nothing, None) is None
