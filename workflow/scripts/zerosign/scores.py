"""Tables of scores from the predictions of all runs. A row of predictions is an expected clip.

*Available* clips are those whose video could be read; the others have outcome "missing". A model's
error, refusal or empty answer stays in the denominator.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from zerosign.errors import UserError
from zerosign.mapping import OUTCOMES
from zerosign.stats import cluster_codes, cluster_interval, wilson

RUN_KEYS = ("run", "model", "prompt", "sampling", "label")


def join_runs(frames: Sequence[tuple[str, pl.DataFrame]], clips: pl.DataFrame) -> pl.DataFrame:
    """Predictions of several runs in one frame: run, the predictions' columns, facts of the clip.

    A `UserError` if a run covers other clips than the first: their rates could not be compared.
    """
    facts = clips.select("video_id", "split", "signer", "source", "variation_id")
    first, reference = frames[0]
    expected = set(reference["video_id"])
    for run, frame in frames[1:]:
        difference = expected.symmetric_difference(frame["video_id"])
        if difference:
            raise UserError(
                f"predictions of {run} and {first} cover different clips, e.g. {min(difference)}; "
                "map both again with the same splits"
            )
    joined = pl.concat(
        frame.select(pl.lit(run).alias("run"), pl.all()) for run, frame in frames
    ).join(facts, on="video_id", how="left", maintain_order="left")
    if joined["split"].null_count():
        stranger = joined.filter(pl.col("split").is_null())["video_id"][0]
        raise UserError(f"predictions hold clip {stranger}, which clips.parquet does not")
    return joined


def available() -> pl.Expr:
    """Whether a prediction's clip could be read."""
    return pl.col("outcome") != "missing"


def accuracy(
    joined: pl.DataFrame,
    clips: pl.DataFrame,
    runs: Sequence[dict[str, Any]],
    confidence: float,
    bootstrap: int,
    seed: int,
) -> pl.DataFrame:
    """The main table: a row a run, and rows of the floor that needs no model.

    top1 is over the available clips and top1_all over all expected ones, both with Wilson
    intervals; class_mean averages the accuracies of the classes (interval: classes resampled).
    """
    rows = []
    for run in runs:
        frame = joined.filter(pl.col("run") == run["run"])
        seen = frame.filter(available())
        rows.append(
            {key: run[key] for key in RUN_KEYS}
            | {"kind": "run"}
            | _rates(int(frame["correct"].sum()), seen.height, frame.height, confidence)
            | _class_mean(seen, confidence, bootstrap, seed)
        )
    anywhere = joined.group_by("video_id", maintain_order=True).agg(
        pl.col("class_index").first(), available().any().alias("available")
    )
    return pl.DataFrame(rows + _floor(anywhere, clips, confidence), infer_schema_length=None)


def _rates(correct: float, n: int, expected: int, confidence: float) -> dict[str, Any]:
    low, high = wilson(correct, n, confidence)
    low_all, high_all = wilson(correct, expected, confidence)
    return {
        "n_expected": expected,
        "n_available": n,
        "correct": correct,
        "top1": correct / n if n else None,
        "low": low if n else None,
        "high": high if n else None,
        "top1_all": correct / expected if expected else None,
        "low_all": low_all if expected else None,
        "high_all": high_all if expected else None,
    }


def _class_mean(seen: pl.DataFrame, confidence: float, bootstrap: int, seed: int) -> dict[str, Any]:
    means = seen.group_by("class_index").agg(pl.col("correct").mean()).sort("class_index")
    values = means["correct"].to_numpy().astype(float)
    if not len(values):
        return {"class_mean": None, "class_low": None, "class_high": None}
    low, high = cluster_interval(values, np.arange(len(values)), confidence, bootstrap, seed)
    return {"class_mean": float(values.mean()), "class_low": low, "class_high": high}


def _floor(
    clips_tested: pl.DataFrame, clips: pl.DataFrame, confidence: float
) -> list[dict[str, Any]]:
    """What no model at all scores on the clips that some run could read.

    chance: a class at random. majority: always the commonest class of the train split (the lowest
    index among equals). prior: a class at random, in the proportions of the train split.
    chance and prior are expectations, so their count of right answers need not be whole, and they
    have no interval.
    """
    classes = clips["class_index"].n_unique()
    train = np.zeros(classes)
    for index in clips.filter(pl.col("split") == "train")["class_index"]:
        train[index] += 1
    tested = clips_tested.filter("available")["class_index"].to_numpy()
    everything = clips_tested["class_index"].to_numpy()
    rows = [_expected("chance", np.full(classes, 1 / classes), tested, everything)]
    if train.sum():
        hits = int((tested == train.argmax()).sum())
        row = _expected("majority", np.eye(classes)[train.argmax()], tested, everything)
        rates = _rates(hits, len(tested), len(everything), confidence)
        rows.append(row | rates | {"correct": float(hits)})
        rows.append(_expected("prior", train / train.sum(), tested, everything))
    return rows


def _expected(
    name: str, share: np.ndarray, tested: np.ndarray, everything: np.ndarray
) -> dict[str, Any]:
    """A floor row: expected rates of guessing class c with probability share[c]."""
    none = dict.fromkeys(("low", "high", "low_all", "high_all", "class_low", "class_high"))
    hits = float(share[tested].sum())
    return {
        "run": name,
        "model": "",
        "prompt": "",
        "sampling": "",
        "label": name,
        "kind": "floor",
        "n_expected": len(everything),
        "n_available": len(tested),
        "correct": hits,
        "top1": hits / len(tested) if len(tested) else None,
        "top1_all": hits / len(everything) if len(everything) else None,
        "class_mean": float(share[np.unique(tested)].mean()) if len(tested) else None,
    } | none


def outcomes(joined: pl.DataFrame, runs: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """How many clips of each run ended how: run, label, n_expected, correct, and every outcome."""
    counts = joined.group_by("run").agg(
        pl.len().alias("n_expected"),
        pl.col("correct").sum(),
        *((pl.col("outcome") == name).sum().alias(name) for name in OUTCOMES),
        *(
            (pl.col("step") == name).sum().alias(f"by_{name}")
            for name in ("exact", "similarity", "likelihood")
        ),
    )
    order = pl.DataFrame([{"run": run["run"], "label": run["label"]} for run in runs])
    return order.join(counts, on="run", how="left", maintain_order="left")


def per_gloss(joined: pl.DataFrame, runs: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """Accuracy of each run on each class, over available clips, and its commonest wrong answer."""
    seen = joined.filter(available())
    wrong = (
        seen.filter(~pl.col("correct") & pl.col("predicted").is_not_null())
        .group_by("run", "class_index", "predicted", "predicted_index")
        .len()
        .sort("len", "predicted_index", descending=[True, False])
        .group_by("run", "class_index", maintain_order=True)
        .agg(pl.col("predicted").first().alias("commonest_error"))
    )
    table = (
        joined.group_by("run", "class_index", "gloss")
        .agg(
            pl.len().alias("n_expected"),
            available().sum().alias("n_available"),
            pl.col("correct").sum(),
        )
        .with_columns(
            pl.when(pl.col("n_available") > 0)
            .then(pl.col("correct") / pl.col("n_available"))
            .alias("top1")
        )
        .join(wrong, on=["run", "class_index"], how="left")
    )
    order = pl.DataFrame({"run": [r["run"] for r in runs], "order": range(len(runs))})
    return table.join(order, on="run").sort("order", "class_index").drop("order")


def signer_interval(
    values: np.ndarray, signers: Sequence[str | None], confidence: float, bootstrap: int, seed: int
) -> tuple[float, float]:
    """Interval of a mean over clips when signers are resampled."""
    return cluster_interval(values, cluster_codes(signers), confidence, bootstrap, seed)
