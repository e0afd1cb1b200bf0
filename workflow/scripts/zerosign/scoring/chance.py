"""Is a run better than guessing, and if nobody can tell: how much better can it be at most?"""

from collections.abc import Sequence

import polars as pl

from zerosign.runs import TableRun
from zerosign.scoring.joined_runs import available, rate_interval
from zerosign.scoring.table_registry import ScoreInputs, table

CHANCE = {
    "run": pl.String,
    "label": pl.String,
    "n_available": pl.Int64,
    "correct": pl.Int64,
    "top1": pl.Float64,
    "chance": pl.Float64,
    "p": pl.Float64,
    "at_least": pl.Float64,
    "at_most": pl.Float64,
}


@table(
    "chance",
    "Top-1 accuracy against guessing one of all classes: p, the probability that guesses are "
    "correct as often (one-sided exact binomial test). at_least and at_most: the accuracy is no "
    "worse, and no better, than this, each at a level of {level} (one-sided Wilson, widened for "
    "clips of one signer). For what a constant answer would get see the table permuted.",
)
def chance_table(inputs: ScoreInputs) -> pl.DataFrame:
    """All runs."""
    return against_chance(inputs.joined, len(inputs.glosses), inputs.runs, inputs.confidence)


def against_chance(
    joined: pl.DataFrame, classes: int, runs: Sequence[TableRun], confidence: float
) -> pl.DataFrame:
    """A row (schema `CHANCE`) per run, over the clips that could be read.

    Guesses of different clips are independent, whoever signs them, so p is exact. The limits are
    the ends of the two-sided interval that leaves (1 - confidence) out on each side.
    """
    from scipy.stats import binomtest

    rows = []
    for run in runs:
        seen = joined.filter(available(), pl.col("run") == run.name)
        if seen.is_empty():
            continue
        correct, n = int(seen["correct"].sum()), seen.height
        low, high = rate_interval(seen, seen["correct"], 2 * confidence - 1)
        rows.append(
            {"run": run.name, "label": run.label, "n_available": n, "correct": correct}
            | {"top1": correct / n, "chance": 1 / classes}
            | {"p": float(binomtest(correct, n, 1 / classes, "greater").pvalue)}
            | {"at_least": low, "at_most": high}
        )
    return pl.DataFrame(rows, schema=CHANCE)
