"""The predictions of all runs in one frame, and what every table of rates is made with.

A row is an expected clip. *Available* clips are those whose video could be read; the others have
the outcome "missing". A model's error, refusal or empty answer stays in the denominator.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from zerosign.errors import UserError
from zerosign.mapping.outcomes import Outcome
from zerosign.runs import TableRun
from zerosign.statistics import cluster_codes, clustered_wilson


def read(folder: Path, runs: Sequence[TableRun]) -> list[tuple[str, pl.DataFrame]]:
    """Name and predictions of each run, from a folder with a file per run."""
    return [(run.name, pl.read_parquet(folder / f"{run.name}.parquet")) for run in runs]


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
        raise UserError(f"predictions: clip {stranger} is not in clips.parquet; map them again")
    return joined


def available() -> pl.Expr:
    """Whether a prediction's clip could be read."""
    return pl.col("outcome") != Outcome.MISSING


def rate_interval(
    clips: pl.DataFrame, right: pl.Series, confidence: float
) -> tuple[float | None, float | None]:
    """Wilson's interval of the share of `clips` (n rows) that are `right` (n,), widened.

    For clips of one signer, which are alike. None below two signers: then nobody knows how far it
    holds for others.
    """
    values = right.to_numpy().astype(float)
    low, high, _ = clustered_wilson(values, confidence, cluster_codes(clips["signer"].to_list()))
    return (None, None) if math.isnan(low) else (low, high)


def rates(frame: pl.DataFrame, seen: pl.DataFrame, confidence: float) -> dict[str, Any]:
    """Top-1 over the available clips `seen` of `frame`, and over all of it."""
    correct, n, expected = int(frame["correct"].sum()), seen.height, frame.height
    low, high = rate_interval(seen, seen["correct"], confidence)
    low_all, high_all = rate_interval(frame, frame["correct"], confidence)
    return {
        "n_expected": expected,
        "n_available": n,
        "correct": correct,
        "top1": correct / n if n else None,
        "low": low,
        "high": high,
        "top1_all": correct / expected if expected else None,
        "low_all": low_all,
        "high_all": high_all,
    }


def in_order(table: pl.DataFrame, runs: Sequence[TableRun], then: Sequence[str]) -> pl.DataFrame:
    """Rows in the order of the runs, then by columns, else as they came."""
    order = pl.DataFrame({"run": [run.name for run in runs], "order": range(len(runs))})
    return (
        table.join(order, on="run", maintain_order="left")
        .sort("order", *then, maintain_order=True)
        .drop("order")
    )
