"""The shipped WLASL300 study plans on the real metadata, on this machine and for a cluster."""

import sys
from pathlib import Path

import pytest
import yaml
from helpers import workflow_runs

TEST_CLIPS = 668
SHARDS = 4


def with_real_metadata(wlasl: Path, folder: Path) -> workflow_runs.Checkout:
    """A checkout whose study takes the real metadata from a local folder, and has no video yet."""
    checkout = workflow_runs.checkout(folder)
    (folder / "videos").mkdir()
    config = yaml.safe_load((checkout.folder / "config/config.yaml").read_text())
    config["dataset"] |= {
        "metadata": str(wlasl / "WLASL_v0.3.json"),
        "split_file": str(wlasl / "nslt_{subset}.json"),
        "videos": [{"folder": "videos", "layout": "auto"}],
    }
    (checkout.folder / "config/real.yaml").write_text(yaml.safe_dump(config))
    return checkout


@pytest.mark.parametrize("subset", [100, 1000, 2000])
def test_other_subsets_by_one_key(wlasl: Path, tmp_path: Path, subset: int) -> None:
    checkout = with_real_metadata(wlasl, tmp_path)
    checkout.edit("config/real.yaml", lambda text: text.replace("subset: 300", f"subset: {subset}"))
    planned = checkout.planned("--configfile", "config/real.yaml")
    assert {"clips", "verify_splits", "answers", "figure"} <= workflow_runs.rules(planned)


def test_dry_run_on_the_real_metadata(wlasl: Path, tmp_path: Path) -> None:
    checkout = with_real_metadata(wlasl, tmp_path)
    planned = checkout.planned("--configfile", "config/real.yaml")
    answers = [job for job in planned if job.rule == "answers"]
    runs = {job.wildcards.split(",")[0] for job in answers}
    assert runs
    assert len(answers) == len(runs)
    assert len([job for job in planned if job.rule == "ask"]) == 13
    early = {"clips", "verify_splits", "fetch_videos", "decode_frames"}
    assert early <= workflow_runs.rules(planned)
    assert "vllm_python" in workflow_runs.rules(planned)
    named = ["--config", f"vllm_python={sys.executable}"]
    given = checkout.planned("--configfile", "config/real.yaml", *named)
    assert {job for job in planned if job.rule != "vllm_python"} == given

    # The stages that need no video run for real.
    targets = ["results/wlasl300/clips.parquet", "verify_splits"]
    checkout.snakemake(*targets, "--configfile", "config/real.yaml")
    counts = (checkout.folder / "results/wlasl300/splits/counts.csv").read_text()
    assert str(TEST_CLIPS) in counts

    # Without an environment that has vLLM, that is said in a line.
    target = ["results/wlasl300/vllm-python.txt", "--configfile", "config/real.yaml"]
    failed = checkout.snakemake(*target, check=False)
    said = "error: engine: vllm needs an environment of its own: run with --sdm conda"
    assert failed.returncode == 1 and said in failed.stdout
