"""A small study by hand: clips and the predictions of runs, for tests of scores."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from zerosign.mapping.mapper import PREDICTIONS
from zerosign.mapping.synonyms import SYNONYMS
from zerosign.runs import TableRun
from zerosign.scoring.statistics_settings import StatisticsSettings
from zerosign.statistics import cluster_codes, clustered_wilson

GLOSSES = ["car", "book", "dad", "none"]


def clips() -> pl.DataFrame:
    """4 classes, 3 test clips each (signers a, b, c), train clips 4, 3, 2, 1; one shared video."""
    rows = []
    for index, gloss in enumerate(GLOSSES):
        for split, count in (("train", 4 - index), ("test", 3)):
            for k in range(count):
                video = f"{split}{index}{k}"
                url = "http://x/twin" if video in ("test10", "train20") else f"http://x/{video}"
                rows.append(
                    {
                        "video_id": video,
                        "gloss": gloss,
                        "class_index": index,
                        "split": split,
                        "signer": "abc"[k] if split == "test" else "abz"[k % 3],
                        "source": "left" if k else "right",
                        "url": url,
                        "path": None,
                        "frame_start": 1,
                        "frame_end": -1,
                        "start_declared": None,
                        "end_declared": None,
                        "variation_id": k % 2,
                    }
                )
    return pl.DataFrame(rows, schema_overrides={"class_index": pl.Int32, "path": pl.String})


def predictions(
    answers: Mapping[str, tuple[str, int | None, str, str]],
    scores: Mapping[str, list[int]] | None = None,
) -> pl.DataFrame:
    """Predictions of the test clips: (outcome, class or None, what was compared, text) by clip.

    A clip that is not named is answered correctly.
    """
    rows = []
    for clip in clips().filter(pl.col("split") == "test").iter_rows(named=True):
        right = ("classified", clip["class_index"], clip["gloss"], clip["gloss"])
        outcome, index, compared, text = answers.get(clip["video_id"], right)
        step = "none" if index is None else "exact" if compared == GLOSSES[index] else "similarity"
        top5 = (scores or {}).get(clip["video_id"])
        rows.append(
            {
                "video_id": clip["video_id"],
                "gloss": clip["gloss"],
                "class_index": clip["class_index"],
                "text": text,
                "compared": compared,
                "predicted": None if index is None else GLOSSES[index],
                "predicted_index": index,
                "step": "likelihood" if top5 else step,
                "similarity": None,
                "nearest": "dad" if outcome == "out_of_vocabulary" else None,
                "top5": top5,
                "outcome": outcome,
                "correct": index == clip["class_index"],
            }
        )
    return pl.DataFrame(rows, schema=PREDICTIONS)


def run(name: str) -> TableRun:
    """A run as tables list it; its label is not its name."""
    return TableRun(
        name=name,
        label=f"label of {name}",
        model="m",
        prompt="p",
        sampling="s",
        checkpoint="c",
    )


RUNS = [run("good"), run("bad")]
SETTINGS = StatisticsSettings(confidence=0.95, permutations=200, seed=0)


def scored() -> pl.DataFrame:
    """Predictions of a run that scored all classes: sure of 8 clips, and of 4 but half."""
    frame = predictions(
        {"test00": ("classified", 1, "", "book"), "test01": ("classified", 2, "", "dad")}
    )
    chances = [0.5] * 4 + [0.9] * 8
    return frame.with_columns(
        step=pl.lit("likelihood"), probability=pl.Series(chances), top5=pl.lit([0, 1, 2])
    ).cast({"top5": pl.List(pl.Int32)})


def synonyms(*rows: tuple[int, str, str, str, int | None]) -> pl.DataFrame:
    """Synonyms of glosses: class, gloss, synonym, origin, class of the synonym."""
    return pl.DataFrame(rows, schema=SYNONYMS, orient="row")


def only(table: pl.DataFrame, **values: object) -> dict[str, Any]:
    """The one row of a table with these values."""
    found = table.filter(*(pl.col(k) == v for k, v in values.items()))
    assert found.height == 1
    return found.row(0, named=True)


def widened(frame: pl.DataFrame) -> tuple[float, float]:
    """Wilson's interval of a run's rows, widened for clips of one signer."""
    values = frame["correct"].to_numpy().astype(float)
    low, high, _ = clustered_wilson(values, 0.95, cluster_codes(frame["signer"].to_list()))
    return low, high


MISTAKES: dict[str, tuple[str, int | None, str, str]] = {
    "test00": ("missing", None, "", ""),
    "test01": ("classified", 1, "auto", "auto"),  # a synonym of car, mapped to book
    "test02": ("out_of_vocabulary", None, "motorcar", "The sign is motorcar."),
    "test10": ("classified", 2, "dad", "dad"),  # the same video is also a dad
    "test11": ("refused", None, "i do not know", "I do not know"),
    "test12": ("classified", 1, "book", "The sign is BOOK."),
    "test20": ("error", None, "", ""),
    "test21": ("classified", 0, "car", " Car"),
}
