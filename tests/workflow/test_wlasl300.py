"""The shipped WLASL300 study plans on the real metadata, on this machine and for a cluster."""

from pathlib import Path

import workflow_runs
import yaml

TEST_CLIPS = 668


def test_dry_run_on_the_real_metadata(wlasl: Path, tmp_path: Path) -> None:
    checkout = workflow_runs.checkout(tmp_path)
    config = yaml.safe_load((checkout.folder / "config/config.yaml").read_text())
    config["dataset"] |= {
        "metadata": str(wlasl / "WLASL_v0.3.json"),
        "split_file": str(wlasl / "nslt_{subset}.json"),
    }
    (checkout.folder / "config/real.yaml").write_text(yaml.safe_dump(config))
    planned = checkout.planned("--configfile", "config/real.yaml")
    infer = [job for job in planned if job.rule == "infer"]
    runs = {job.wildcards.split(",")[0] for job in infer}
    assert runs
    assert len(infer) == len(runs) * config["shards"]
    early = {"clips", "verify_splits", "fetch_videos", "decode_frames"}
    assert early <= workflow_runs.rules(planned)

    # The stages that need no video run for real.
    targets = ["results/wlasl300/clips.parquet", "verify_splits"]
    checkout.snakemake(*targets, "--configfile", "config/real.yaml")
    counts = (checkout.folder / "results/wlasl300/splits/counts.csv").read_text()
    assert str(TEST_CLIPS) in counts
