"""Calibration of the runs that scored all classes."""

from collections.abc import Sequence

import polars as pl

from zerosign.runs import TableRun
from zerosign.scoring.accuracy import top5
from zerosign.scoring.joined_runs import available, rate_interval
from zerosign.scoring.table_registry import ScoreInputs, table
from zerosign.statistics import brier_score, calibration_error

CALIBRATION = {
    "run": pl.String,
    "label": pl.String,
    "n_scored": pl.Int64,
    "top1": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "top5": pl.Float64,
    "top5_low": pl.Float64,
    "top5_high": pl.Float64,
    "probability": pl.Float64,
    "ece": pl.Float64,
    "brier": pl.Float64,
}


@table(
    "calibration",
    "Runs that scored all classes: accuracy, the mean probability of the chosen class, and the "
    "expected calibration error over 10 bins of equal width, and the Brier score of that choice "
    "(the mean square of probability less 1 if correct, less 0 if not); {widened}. Without "
    "failures.",
)
def calibration_table(inputs: ScoreInputs) -> pl.DataFrame:
    """Runs that scored all classes."""
    return calibration(inputs.joined, inputs.runs, inputs.confidence)


def calibration(joined: pl.DataFrame, runs: Sequence[TableRun], confidence: float) -> pl.DataFrame:
    """A row (schema `CALIBRATION`) for each run that scored the classes, over its scored clips.

    Failures have no probability: they are left out here and count in `accuracy`.
    probability: the mean that the run gave to its choice (softmax of the scores of all classes),
    to be compared with top1; ece: see `statistics.calibration_error`; brier: see
    `statistics.brier_score`.
    """
    rows = []
    for run in runs:
        own = joined.filter(available(), pl.col("run") == run.name)
        scored = own.filter(pl.col("probability").is_not_null())
        if scored.is_empty():
            continue
        correct, n = int(scored["correct"].sum()), scored.height
        low, high = rate_interval(scored, scored["correct"], confidence)
        chances = scored["probability"].to_numpy()
        rows.append(
            {"run": run.name, "label": run.label, "n_scored": n}
            | {"top1": correct / n, "low": low, "high": high}
            | {key: value for key, value in top5(scored, confidence).items() if key != "n_top5"}
            | {"probability": float(chances.mean())}
            | {"ece": calibration_error(chances, scored["correct"].to_numpy())}
            | {"brier": brier_score(chances, scored["correct"].to_numpy())}
        )
    return pl.DataFrame(rows, schema=CALIBRATION)
