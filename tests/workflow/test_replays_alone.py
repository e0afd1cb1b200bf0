"""Somebody else's predictions are a study of their own: without a model, a video or a GPU."""

from pathlib import Path

import polars as pl
import pytest
import yaml
from helpers import workflow_runs

pytestmark = pytest.mark.slow

GLOSSES = ["Haus", "Baum", "schön", "Regen"]


def test_from_predictions_to_figures(tmp_path: Path) -> None:
    checkout = workflow_runs.checkout(tmp_path / "checkout")
    lines = [f"clip-{i}.mp4,{GLOSSES[i // 3]},test,{i % 3}" for i in range(12)]
    (checkout.folder / "signs.csv").write_text("\n".join(["path,gloss,split,signer", *lines]))
    config = yaml.safe_load((checkout.folder / "config/test.yaml").read_text())
    del config["demo"]
    config["study"] = "alone"
    config["dataset"] = {"format": "csv", "table": "signs.csv", "split": "test", "videos": []}
    config["runs"] = []
    config["descriptions"] = []
    config["alignment"]["models"] = []
    del config["comparisons"]
    config["replays"] = {}
    # every third answer is wrong; the last two, a right and a wrong one, are left out of one file
    for name, count in (("whole", 12), ("cut", 10)):
        said = [GLOSSES[(i // 3 + (i % 3 == 2)) % 4] for i in range(12)]
        rows = [f"clip-{i},{word}" for i, word in enumerate(said)]
        (checkout.folder / f"{name}.csv").write_text("\n".join(["video_id,answer", *rows[:count]]))
        config["replays"][name] = {"predictions": f"{name}.csv"}
    (checkout.folder / "config/alone.yaml").write_text(yaml.safe_dump(config))

    ran = checkout.ran("--configfile", "config/alone.yaml")
    assert not workflow_runs.rules(ran) & {"ask", "answers", "decode_frames", "sample_frames"}
    results = checkout.folder / "results/alone"
    table = pl.read_csv(results / "tables/accuracy.csv").filter(kind="run")
    assert table["n_available"].to_list() == [12, 12]
    assert dict(table.select("run", "correct").iter_rows()) == {"whole": 8, "cut": 7}
    assert (table["top1"] == table["top1_all"]).all()
    # in alphabetical order, as the study's file is written here: cut, whole
    (row,) = pl.read_csv(results / "tables/comparisons.csv").iter_rows(named=True)
    assert (row["family"], row["n"], row["only_a"], row["only_b"]) == ("all", 12, 0, 1)
    drawn = {path.stem for path in (results / "figures").glob("*.png")}
    assert {"accuracy", "outcomes", "per_gloss", "confusion"} <= drawn
    assert not {"alignment", "matching"} & drawn
    again = checkout.snakemake("--configfile", "config/alone.yaml").stdout
    assert "nothing to be done" in again.lower()
