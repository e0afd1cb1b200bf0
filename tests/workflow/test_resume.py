"""A killed run goes on where it stopped."""

import os
import signal
import subprocess
import time
from collections import Counter

import pytest
from helpers import workflow_runs
from helpers.workflow_runs import Checkout

RUN = "demo-untrained.demo-gloss.u12"
CLIPS = 32

pytestmark = pytest.mark.slow


def test_kill_9_in_the_middle_of_inference(study: Checkout) -> None:
    study.edit_yaml("config/models.yaml", lambda m: m["demo-untrained"].update(batch_size=1))
    study.edit_yaml("config/prompts.yaml", lambda p: p["demo-gloss"].update(user="Another?"))
    before = len(study.recorded())
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
    while len(study.recorded()) < before + 5:
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < end, "no answer came"
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    time.sleep(0.5)

    answered = len(study.recorded()) - before
    assert 5 <= answered < CLIPS, f"{answered} clips were answered when the run was killed"
    # What README.md says to do after a kill.
    study.snakemake("--unlock")
    study.snakemake(answers, "--rerun-incomplete")
    counts = Counter(line["key"] for line in study.recorded())
    assert len(counts) == before + CLIPS
    assert set(counts.values()) == {1}, "asked twice"
