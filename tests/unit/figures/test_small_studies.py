"""Studies of almost nothing: every table is made, and every figure drawn from it."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from helpers.predictions import GLOSSES, MISTAKES, SETTINGS, clips, predictions, run

import score
from zerosign.alignment import metrics
from zerosign.dataset import leakage
from zerosign.figures import figure_registry, style
from zerosign.matching import verdicts
from zerosign.matching.pairs import PAIRS
from zerosign.scoring.table_registry import tables
from zerosign.tables import write_table

RUNS = [run("good"), run("bad")]
DRAWN = [name for name, figure in figure_registry.figures().items() if figure.need is None]
ROOT = Path(__file__).parents[3]
Outcome = tuple[str, int | None, str, str]


def every(outcome: Outcome) -> dict[str, Outcome]:
    """All test clips with one outcome."""
    return {f"test{index}{k}": outcome for index in range(len(GLOSSES)) for k in range(3)}


def one_signer(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(signer=pl.lit("a"))


def one_gloss(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.filter(class_index=0)


def one_clip(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.filter(video_id="test01")


def no_signer(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.lit(None, pl.String).alias("signer"))


def no_facts(frame: pl.DataFrame) -> pl.DataFrame:
    """As of a CSV that has nothing but paths and glosses."""
    return no_signer(frame).with_columns(
        source=pl.lit(None, pl.String), variation_id=pl.lit(None, pl.Int64)
    )


def whole(frame: pl.DataFrame) -> pl.DataFrame:
    return frame


MISSING: Outcome = ("missing", None, "", "")
STRANGE: Outcome = ("out_of_vocabulary", None, "elephant", "elephant")
STUDIES: dict[str, tuple[Callable[[pl.DataFrame], pl.DataFrame], dict[str, Outcome]]] = {
    "one signer": (one_signer, MISTAKES),
    "one gloss": (one_gloss, MISTAKES),
    "one clip": (one_clip, {}),
    "one clip, a wrong class": (one_clip, {"test01": ("classified", 1, "book", "book")}),
    "one clip, out of vocabulary": (one_clip, {"test01": STRANGE}),
    "one clip, no video": (one_clip, {"test01": MISSING}),
    "no signer known": (no_signer, MISTAKES),
    "nothing known": (no_facts, MISTAKES),
    "no answer in the vocabulary": (whole, every(STRANGE)),
    "no answer at all": (whole, every(("error", None, "", ""))),
    "no video": (whole, every(MISSING)),
    "all right": (whole, {}),
}


def write(folder: Path, name: str, runs: int) -> list[str]:
    """The study on disk; the arguments of `score.main` but for the output."""
    change, answers = STUDIES[name]
    kept = change(clips())
    kept.write_parquet(folder / "clips.parquet")
    (folder / "predictions").mkdir()
    found = predictions(answers)
    found = found.filter(pl.col("video_id").is_in(kept["video_id"].implode()))
    for each in RUNS[:runs]:
        found.write_parquet(folder / "predictions" / f"{each.name}.parquet")
    leakage.flags(kept).write_parquet(folder / "flags.parquet")
    study = {
        "scored": [each.as_json() for each in RUNS[:runs]],
        "prompts": {"p": {"task": "predict", "user": "CAR?"}},
        "filters": {"unambiguous": ["identical_two_labels"]},
        "title": "own",
        "statistics": SETTINGS.as_json(),
        "comparisons": {"all": {}},
    }
    (folder / "study.json").write_text(json.dumps(study))
    files = {"study": "study.json", "clips": "clips.parquet", "predictions": "predictions"}
    files["flags"] = "flags.parquet"
    words = [word for key, file in files.items() for word in (f"--{key}", str(folder / file))]
    return [*words, "--published", str(ROOT / "config/published.csv")]


@pytest.mark.parametrize(
    ("name", "runs"), [*((name, 1) for name in STUDIES), ("one clip", 2), ("no video", 2)]
)
def test_tables_and_figures_are_made(tmp_path: Path, name: str, runs: int) -> None:
    output = tmp_path / "tables"
    score.main([*write(tmp_path, name, runs), "--output", str(output)])
    for table in tables():
        frame = pl.read_csv(output / f"{table}.csv")
        assert_possible(frame)
    for figure in DRAWN:
        draw(figure, output)


@pytest.mark.parametrize("signers", [["a"] * 5, ["a", "b", "c", "d", "e"], [None] * 5])
@pytest.mark.parametrize("answer", ["YES", "NO", "Who knows?", None])
def test_matching_of_almost_nothing(
    tmp_path: Path, signers: list[str | None], answer: str | None
) -> None:
    """Five pairs, of one signer or several; the same answer to all, or no video at all."""
    kinds = ["positive", "positive", "positive", "random", "hard"]
    rows = [(str(i), "car", "car", None, kind, kind == "positive") for i, kind in enumerate(kinds)]
    pairs = pl.DataFrame(rows, PAIRS, orient="row")
    told = pairs.select("video_id", "question", text=pl.lit(answer), finish=pl.lit("stop"))
    told = told.with_columns(labels=pl.lit(None), scores=pl.lit(None))
    judged = verdicts.judged(pairs, told if answer else told.clear())
    videos = pl.DataFrame({"video_id": pairs["video_id"], "signer": signers})
    table = verdicts.table([judged], videos, RUNS[:1], 0.95)
    write_table(table, tmp_path / "matching", "caption")
    assert_possible(pl.read_csv(tmp_path / "matching.csv"))
    draw("matching", tmp_path)


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("texts", [1, 3])
def test_alignment_of_almost_nothing(tmp_path: Path, count: int, texts: int) -> None:
    """One or two clips of one signer, with one text or three."""
    rows = [(str(i), "g0", "a") for i in range(count)]
    videos = pl.DataFrame(rows, ["video_id", "gloss", "signer"], orient="row")
    ids, vectors = videos["video_id"].to_list(), np.eye(4)[:count]
    named = [f"g{i}" for i in range(texts)]
    found = metrics.align(
        "m", "s", videos, (ids, vectors), (named, np.eye(4)[:texts] + 0.1), SETTINGS
    )
    write_table(metrics.table([found]), tmp_path / "alignment", "caption")
    draw("alignment", tmp_path)


def draw(figure: str, folder: Path) -> None:
    """Draw a figure from the tables of a folder."""
    drawn = figure_registry.draw(figure, figure_registry.read_tables(figure, folder), 0.95, "c")
    with style.applied([]):
        drawn.draw_without_rendering()


def assert_possible(frame: pl.DataFrame) -> None:
    """Rates and their intervals are in [0, 1], differences in [-1, 1]; no interval is a point."""
    differences = "difference" in frame.columns
    for low in [column for column in frame.columns if "low" in column.split("_")]:
        high = low.replace("low", "high")
        ends = frame.select(pl.col(low, high).cast(pl.Float64)).drop_nulls()
        assert (ends[low] < ends[high]).all()
        if not low.startswith("odds"):
            assert (ends[low] >= (-1 if differences else 0)).all()
            assert (ends[high] <= 1).all()
