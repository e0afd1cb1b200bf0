"""Real runs without a model, without a video, and with several questions about a clip."""

import csv
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from helpers.workflow_runs import Checkout, Job

pytestmark = pytest.mark.slow

AUTHORS = ["video_id", "ground_truth_gloss", "predicted_gloss", "processing_time"]
TABLES = "results/demo/tables"
OTHERS = {
    Job("map_labels", f"run={model}.demo-gloss.u12")
    for model in ("demo-untrained", "demo-internvl")
}


def write(path: Path, answers: list[tuple[str, str, str]]) -> None:
    """Predictions (clip, true gloss, answer) in the format of the authors' script."""
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(AUTHORS)
        # pandas writes ids as numbers, without leading zeros
        writer.writerows((clip.lstrip("0"), gloss, said, 1.5) for clip, gloss, said in answers)


def authors_top1(path: Path) -> float:
    """What the authors' evaluation prints: rows with an error leave, the rest match literally."""
    with open(path, newline="") as file:
        rows = [r for r in csv.DictReader(file) if not r["predicted_gloss"].startswith("ERROR:")]
    same = [
        r["predicted_gloss"].strip().lower() == r["ground_truth_gloss"].strip().lower()
        for r in rows
    ]
    return sum(same) / len(same)


def strict(study: Checkout) -> dict[str, dict[str, Any]]:
    """Rows of the literal mapping by run."""
    table = pl.read_csv(study.folder / TABLES / "mappers.csv").filter(mapper="strict")
    return {row["run"]: row for row in table.iter_rows(named=True)}


def test_replays(study: Checkout) -> None:
    clips = pl.read_parquet(study.folder / "results/demo/clips.parquet").filter(split="test")
    said = []
    for i, (clip, gloss) in enumerate(clips.select("video_id", "gloss").iter_rows()):
        other = clips["gloss"][(i + 16) % clips.height]
        said.append((clip, gloss, [gloss, f" {gloss.upper()} ", f"It is {gloss}.", other][i % 4]))
    failed = [
        (c, g, "ERROR: out of memory" if i % 3 == 0 else s) for i, (c, g, s) in enumerate(said)
    ]
    files = {"theirs": study.folder / "theirs.csv", "theirs-failed": study.folder / "failed.csv"}
    write(files["theirs"], said)
    write(files["theirs-failed"], failed)
    study.edit_yaml(
        "config/test.yaml",
        lambda config: config.update(
            replays={name: {"predictions": path.name} for name, path in files.items()}
        ),
    )
    jobs = {Job("encode_texts"), Job("score"), *OTHERS}
    for name in files:
        jobs |= {Job("replay", f"run={name}, shard=0"), Job("map_labels", f"run={name}")}
    assert study.ran(f"{TABLES}/mappers.csv") == jobs

    rows = strict(study)
    assert rows["theirs"]["top1"] == authors_top1(files["theirs"])
    assert 0 < rows["theirs"]["top1"] < 1
    # Rows with errors leave the authors' denominator, and stay in ours.
    row = rows["theirs-failed"]
    assert row["top1_answered"] == authors_top1(files["theirs-failed"])
    errors = sum(text.startswith("ERROR:") for *_, text in failed)
    assert (row["n_available"], row["n_answered"]) == (len(failed), len(failed) - errors)
    assert row["top1"] == pytest.approx(row["top1_answered"] * row["n_answered"] / len(failed))

    accuracy = pl.read_csv(study.folder / TABLES / "accuracy.csv")
    ours = accuracy.filter(kind="run")
    assert ours["run"].to_list()[-2:] == list(files)
    assert ours["n_expected"].unique().to_list() == [clips.height]


def test_without_a_video_and_in_several_orders(study: Checkout) -> None:
    def add(config: Any) -> None:
        config["samplings"]["blind"] = {"strategy": "none"}
        for prompt, sampling in (("demo-gloss", "blind"), ("listed", "u12")):
            run = {"model": "demo-untrained", "prompt": prompt, "sampling": sampling}
            config["runs"].append(run)

    listed = {"task": "predict", "user": "{candidates}?", "variables": ["candidates"], "orders": 3}
    study.edit_yaml("config/prompts.yaml", lambda prompts: prompts.update(listed=listed))
    study.edit_yaml("config/test.yaml", add)
    blind, orders = "demo-untrained.demo-gloss.blind", "demo-untrained.listed.u12"
    before = study.recorded()
    ran = study.ran(f"{TABLES}/accuracy.csv")
    embedding = {
        job for job in study.asking(blind) if job.rule in ("embeddings", "align", "align_table")
    }
    assert ran == (study.asking(blind) | {Job("score")}) - embedding

    results = study.folder / "results/demo"
    new = [line for line in study.recorded() if line not in before]
    (answer,) = (line["answer"] for line in new if line["answer"]["frames"] == 0)
    assert (answer["frames"], answer["visual_tokens"]) == (0, 0)
    said = pl.read_parquet(results / "answers" / blind / "0.parquet").filter(finish="stop")
    assert set(said["text"]) <= {answer["text"]}

    predictions = pl.read_parquet(results / "predictions" / f"{orders}.parquet")
    assert predictions["votes"].list.len().to_list() == [3] * predictions.height
    tables = {
        name: pl.read_csv(results / "tables" / f"{name}.csv")
        for name in ("accuracy", "consistency", "position_bias", "permuted", "calibration")
    }
    accuracy = tables["accuracy"].filter(kind="run")
    for column in ("n_expected", "n_available"):
        assert accuracy[column].n_unique() == 1
    assert tables["consistency"]["run"].to_list() == [orders]
    assert tables["position_bias"].select("run", "orders").rows() == [(orders, 3)]
    assert tables["permuted"]["run"].to_list() == accuracy["run"].to_list()
    assert tables["calibration"].is_empty()


def test_no_video_at_all(study: Checkout) -> None:
    """What can be said is said; what cannot be compared stops with one line."""
    for folder in ("source/videos", "figures"):
        shutil.rmtree(study.folder / "results/demo" / folder)
    (study.folder / "results/demo/source/videos").mkdir()
    said = study.snakemake("--keep-going", "--forcerun", "fetch_videos", check=False).stdout
    assert "Traceback" not in said
    tables = study.folder / TABLES
    accuracy = pl.read_csv(tables / "accuracy.csv").filter(kind="run")
    assert accuracy["n_available"].to_list() == [0, 0]
    assert accuracy["top1_all"].to_list() == [0, 0]
    assert pl.read_csv(tables / "comparisons.csv").is_empty()
    matching = pl.read_csv(tables / "matching.csv")
    assert matching["n"].to_list() == [0] * matching.height
    log = (study.folder / "logs/demo/align/demo-untrained.log").read_text().splitlines()
    assert log[-1].startswith("error: demo-untrained.u12: no clip with frames has a gloss")
    drawn = {path.stem for path in (study.folder / "results/demo/figures").glob("*.png")}
    assert drawn == {"accuracy", "outcomes", "per_gloss", "confusion", "matching"}
