"""A killed run goes on where it stopped."""

import json
import os
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest
from helpers import workflow_runs
from helpers.workflow_runs import Checkout

RUN = "demo-untrained.demo-gloss.u12"
CLIPS = 32

pytestmark = pytest.mark.slow


def keys(journal: Path) -> list[str]:
    """Keys of the whole lines of a journal: one line was written for every answered call."""
    if not journal.exists():
        return []
    lines = journal.read_text().split("\n")[:-1]
    return [json.loads(line)["key"] for line in lines]


def test_kill_9_in_the_middle_of_inference(study: Checkout) -> None:
    study.edit_yaml("config/models.yaml", lambda m: m["demo-untrained"].update(batch_size=1))
    study.edit_yaml("config/prompts.yaml", lambda p: p["demo-gloss"].update(user="Another?"))
    journal = study.folder / "results/demo/journal" / RUN / "0.jsonl"
    before = len(keys(journal))
    answers = f"results/demo/answers/{RUN}/0.parquet"

    process = subprocess.Popen(
        study.command(answers),
        cwd=study.folder,
        env=workflow_runs.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    end = time.monotonic() + 300
    while len(keys(journal)) < before + 5:
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < end, "no answer came"
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    time.sleep(0.5)

    answered = len(keys(journal)) - before
    assert 5 <= answered < CLIPS, f"{answered} clips were answered when the run was killed"
    # What README.md says to do after a kill.
    study.snakemake("--unlock")
    study.snakemake(answers, "--rerun-incomplete")
    log = (study.folder / f"logs/demo/infer/{RUN}/0.log").read_text()
    counts = Counter(keys(journal))
    assert len(counts) == before + CLIPS
    assert set(counts.values()) == {1}, f"asked twice:\n{log}"
