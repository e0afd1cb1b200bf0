"""The main table: top-1, per-class accuracy and top-5 of each run, next to baselines."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from zerosign.runs import TableRun
from zerosign.scoring.baselines import baselines
from zerosign.scoring.joined_runs import available, rate_interval, rates
from zerosign.scoring.table_registry import ScoreInputs, table
from zerosign.statistics import cluster_codes, clustered_wilson


@table(
    "accuracy",
    "Top-1 accuracy on {n_expected} expected clips with {widened}: over the clips that could be "
    "read, and over all (those that could not be read count as wrong). macro_accuracy is the mean "
    "of the accuracies of the classes. Rows of kind baseline need no model.",
)
def accuracy_table(inputs: ScoreInputs) -> pl.DataFrame:
    """All runs and the baselines."""
    return accuracy(inputs.joined, inputs.clips, inputs.runs, inputs.confidence)


def accuracy(
    joined: pl.DataFrame,
    clips: pl.DataFrame,
    runs: Sequence[TableRun],
    confidence: float,
) -> pl.DataFrame:
    """The main table: a row per run, and rows of the baselines, which need no model.

    top1 is over the available clips and top1_all over all expected ones; see `rate_interval`.
    macro_accuracy is the mean of the accuracies of the classes, with Wilson's interval widened for
    clips of one signer. top5 is given where a run scored the classes, over its available clips.
    """
    rows = []
    for run in runs:
        frame = joined.filter(pl.col("run") == run.name)
        seen = frame.filter(available())
        rows.append(
            _names(run)
            | {"kind": "run", "mapper": frame["mapper"].first()}
            | rates(frame, seen, confidence)
            | _macro(seen, confidence)
            | top5(seen, confidence)
        )
    anywhere = joined.group_by("video_id", maintain_order=True).agg(
        pl.col("class_index").first(), available().any().alias("available")
    )
    return pl.DataFrame(rows + baselines(anywhere, clips), infer_schema_length=None)


def _names(run: TableRun) -> dict[str, str]:
    """The columns that say which run a row is about."""
    return {
        "run": run.name,
        "model": run.model,
        "prompt": run.prompt,
        "sampling": run.sampling,
        "label": run.label,
    }


def _macro(seen: pl.DataFrame, confidence: float) -> dict[str, Any]:
    """Mean of the classes' accuracies: a clip's weight is one over the clips of its class."""
    if seen.is_empty():
        return {"macro_accuracy": None, "macro_low": None, "macro_high": None}
    values = seen["correct"].to_numpy().astype(float)
    weights = seen.select(1 / pl.len().over("class_index")).to_series().to_numpy()
    signers = cluster_codes(seen["signer"].to_list())
    low, high, _ = clustered_wilson(values, confidence, signers, weights=weights)
    return {
        "macro_accuracy": float(np.average(values, weights=weights)),
        "macro_low": None if math.isnan(low) else low,
        "macro_high": None if math.isnan(high) else high,
    }


def top5(seen: pl.DataFrame, confidence: float) -> dict[str, Any]:
    """Share of the clips `seen` whose class is among the five likeliest, if the run has any."""
    if seen["top5"].null_count() == seen.height:
        return {"n_top5": 0, "top5": None, "top5_low": None, "top5_high": None}
    # A clip that failed has no five best: a miss, as it is in top-1.
    hits = seen.select(pl.col("top5").list.contains(pl.col("class_index")).fill_null(False))
    low, high = rate_interval(seen, hits.to_series(), confidence)
    return {
        "n_top5": seen.height,
        "top5": hits.to_series().mean(),
        "top5_low": low,
        "top5_high": high,
    }
