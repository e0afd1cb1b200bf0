"""Several answers about each clip: whether they agree, and from where in the list they come."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from zerosign.prompts.prompt_entry import Prompt
from zerosign.runs import TableRun
from zerosign.scoring.joined_runs import available, rate_interval
from zerosign.scoring.table_registry import ScoreInputs, table

PARTS = 10
"""A list of candidates is looked at in so many equal parts."""

CONSISTENCY = {
    "run": pl.String,
    "label": pl.String,
    "votes": pl.Int64,
    "n_available": pl.Int64,
    "n_voted": pl.Int64,
    "agreement": pl.Float64,
    "unanimous": pl.Float64,
    "single_top1": pl.Float64,
    "top1": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
}
POSITION_BIAS = {
    "run": pl.String,
    "label": pl.String,
    "orders": pl.Int64,
    "n": pl.Int64,
    "candidates": pl.Int64,
    "first_tenth": pl.Float64,
    "last_tenth": pl.Float64,
    "chi2": pl.Float64,
    "p": pl.Float64,
}


@table(
    "consistency",
    "Runs with several answers about a clip: mean share of them that agree with their vote, share "
    "of clips where all do (where any names a class), mean accuracy of a single answer, and of the "
    "vote; {widened}.",
)
def consistency_table(inputs: ScoreInputs) -> pl.DataFrame:
    """Runs with several answers about a clip."""
    return consistency(inputs.joined, inputs.runs, inputs.confidence)


@table(
    "position_bias",
    "Where in the list of candidates the answers come from: shares of its first and last tenth, "
    "and a chi-squared test of all tenths against equal shares. With orders 0 the list is "
    "alphabetical: position and gloss cannot be told apart.",
)
def position_bias_table(inputs: ScoreInputs) -> pl.DataFrame:
    """Runs whose prompt lists the candidates."""
    return position_biases(inputs.joined, len(inputs.glosses), inputs.runs, inputs.prompts)


def consistency(joined: pl.DataFrame, runs: Sequence[TableRun], confidence: float) -> pl.DataFrame:
    """A row (schema `CONSISTENCY`) for each run that gave more than one answer about a clip.

    votes: answers about a clip; agreement: mean share of them that name the class voted for;
    unanimous: share of clips where all do, both over the n_voted clips where any names a class.
    single_top1: mean accuracy of a single answer; top1: of the vote. Over the clips that could be
    read.
    """
    rows = []
    for run in runs:
        seen = joined.filter(available(), pl.col("run") == run.name)
        several = seen.select(pl.col("votes").list.len().max()).item()
        if several is None or several < 2:
            continue
        each = seen.select("video_id", "predicted_index", "class_index", "votes").explode("votes")
        clips = each.group_by("video_id", maintain_order=True).agg(
            pl.col("predicted_index").first(),
            pl.col("votes").eq_missing(pl.col("predicted_index")).mean().alias("agree"),
            pl.col("votes").eq_missing(pl.col("class_index")).mean().alias("right"),
        )
        correct = int(seen["correct"].sum())
        low, high = rate_interval(seen, seen["correct"], confidence)
        voted = clips.filter(pl.col("predicted_index").is_not_null())["agree"]
        rows.append(
            {
                "run": run.name,
                "label": run.label,
                "votes": several,
                "n_available": seen.height,
                "n_voted": len(voted),
                "agreement": voted.mean(),
                "unanimous": (voted == 1).mean(),
                "single_top1": clips["right"].mean(),
                "top1": correct / seen.height,
                "low": low,
                "high": high,
            }
        )
    return pl.DataFrame(rows, schema=CONSISTENCY)


def position_biases(
    joined: pl.DataFrame,
    classes: int,
    runs: Sequence[TableRun],
    prompts: Mapping[str, Prompt],
) -> pl.DataFrame:
    """A row (schema `POSITION_BIAS`) for each run whose prompt lists the candidates.

    Over the n answers that name a class; see `position_bias`. orders: random orders in which each
    clip was answered, 0 for one alphabetical list, in which position and gloss cannot be told
    apart. Samples of one answer are taken as independent.
    """
    rows = []
    for run in runs:
        own = joined.filter(available(), pl.col("run") == run.name)
        if own["positions"].null_count() == own.height:
            continue
        places = own["positions"].explode().drop_nulls().to_numpy()
        orders = prompts[run.prompt].orders or 0
        facts = {"run": run.name, "label": run.label, "orders": orders}
        rows.append(facts | position_bias(places, classes))
    return pl.DataFrame(rows, schema=POSITION_BIAS)


def position_bias(positions: np.ndarray, candidates: int) -> dict[str, Any]:
    """Whether answers come from some places of the candidate list more than from others.

    `positions` (n,) from 0: where the class that an answer names stood in the list that its
    question showed. A model that does not care for the order names every part of randomly ordered
    lists equally often: chi-squared test over `PARTS` equal parts, on PARTS - 1 degrees of freedom.
    """
    n = len(positions)
    facts: dict[str, Any] = {"n": n, "candidates": candidates}
    if not n:
        return facts | dict.fromkeys(("first_tenth", "last_tenth", "chi2", "p"))
    parts = min(PARTS, candidates)
    counts = np.bincount(np.asarray(positions) * parts // candidates, minlength=parts)
    sizes = np.bincount(np.arange(candidates) * parts // candidates, minlength=parts)
    from scipy.stats import chisquare

    test = chisquare(counts, sizes / candidates * n)
    return facts | {
        "first_tenth": float(counts[0] / n),
        "last_tenth": float(counts[-1] / n),
        "chi2": float(test.statistic),
        "p": float(test.pvalue),
    }
