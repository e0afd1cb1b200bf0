"""A data set of one's own, in another sign language, from a CSV and a folder of videos."""

from pathlib import Path

import polars as pl
import pytest
import yaml
from helpers import workflow_runs
from helpers.video_files import make_video

pytestmark = pytest.mark.slow

GLOSSES = ["HAUS", "BAUM", "schön"]  # German Sign Language


def test_from_csv_to_frames(tmp_path: Path) -> None:
    checkout = workflow_runs.checkout(tmp_path / "checkout")
    own = checkout.folder / "the signers' videos"  # a path that a shell would take apart
    own.mkdir()
    lines = ["path,gloss,split,signer"]
    for number, (gloss, split) in enumerate(
        (gloss, split) for gloss in GLOSSES for split in ("train", "test")
    ):
        make_video(own / f"clip-{number}.mp4", frames=20 + number)
        lines.append(f"clip-{number}.mp4,{gloss},{split},{number % 2}")
    lines.append("clip-gone.mp4,HAUS,test,1")
    (own / "signs.csv").write_text("\n".join(lines) + "\n", "utf-8")
    (own / "synonyms.csv").write_text("gloss,synonym\nHAUS,Gebäude\n", "utf-8")

    config = yaml.safe_load((checkout.folder / "config/test.yaml").read_text())
    del config["demo"]
    config["study"] = "dgs"
    config["dataset"] = {
        "format": "csv",
        "table": f"{own.name}/signs.csv",
        "split": "test",
        "fetch": ["train", "test"],
        "videos": [],
    }
    config["synonyms"] = {"table": f"{own.name}/synonyms.csv"}
    config["descriptions"] = []
    config["runs"] = [{"model": "demo-trained", "prompt": "demo-gloss", "sampling": "u12"}]
    config["alignment"]["models"] = ["demo-trained"]
    (checkout.folder / "config/dgs.yaml").write_text(yaml.safe_dump(config))
    files = ["results/dgs/frames/u12/0.npz", "results/dgs/synonyms.parquet"]
    targets = ["verify_splits", "near_duplicates", *files]
    checkout.snakemake(*targets, "--configfile", "config/dgs.yaml")

    results = checkout.folder / "results/dgs"
    assert pl.read_parquet(results / "synonyms.parquet")["synonym"].to_list() == ["gebäude"]
    clips = pl.read_parquet(results / "clips.parquet")
    assert clips["gloss"].unique(maintain_order=True).to_list() == GLOSSES
    table = pl.read_parquet(results / "availability.parquet").join(clips, on="video_id")
    missing = table.filter(pl.col("status") != "ok")
    assert missing["path_right"].str.ends_with("clip-gone.mp4").to_list() == [True]
    assert len(table) == len(lines) - 1
    log = (checkout.folder / "logs/dgs/fetch_videos.log").read_text()
    assert "6 of 7 clips are available" in log
