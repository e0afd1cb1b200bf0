"""The summary: the main table in the words of a paper."""

import polars as pl

from zerosign.scoring import relaxed
from zerosign.scoring.accuracy import accuracy
from zerosign.scoring.table_registry import ScoreInputs, table


@table(
    "summary",
    "Accuracy in % on the clips that could be read, with {widened}.",
)
def summary_table(inputs: ScoreInputs) -> pl.DataFrame:
    """All runs and the baselines."""
    rates = accuracy(inputs.joined, inputs.clips, inputs.runs, inputs.confidence)
    return summary(rates, relaxed.relaxed_table(inputs))


def summary(table: pl.DataFrame, relaxed_rates: pl.DataFrame) -> pl.DataFrame:
    """The main table in the words of a paper: rates in % with their intervals in brackets.

    From the tables accuracy and relaxed; a column per relation.
    """
    rows = []
    for row in table.iter_rows(named=True):
        cells = {
            "run": row["label"],
            "clips": f"{row['n_available']} of {row['n_expected']}",
            "top-1": _percent(row["top1"], row["low"], row["high"]),
            "top-1, all clips": _percent(row["top1_all"], row["low_all"], row["high_all"]),
            "per-class accuracy": _percent(
                row["macro_accuracy"], row["macro_low"], row["macro_high"]
            ),
            "top-5": _percent(row["top5"], row["top5_low"], row["top5_high"]),
        }
        own = relaxed_rates.filter(pl.col("run") == row["run"])
        for relation in relaxed_rates["relation"].unique(maintain_order=True)[1:]:
            found = own.filter(pl.col("relation") == relation).select("top1", "low", "high")
            ends = found.row(0) if found.height else (None, None, None)
            cells[f"top-1, {relation}"] = _percent(*ends)
        rows.append(cells)
    return pl.DataFrame(rows, infer_schema_length=None)


def _percent(rate: float | None, low: float | None, high: float | None) -> str:
    """ "34.2 [30.4, 38.2]" of a rate and its interval, with one decimal more below 1 %."""
    if rate is None:
        return ""
    decimals = 1 if rate >= 0.01 or rate == 0 else 2
    text = f"{100 * rate:.{decimals}f}"
    return (
        text
        if low is None or high is None
        else f"{text} [{100 * low:.{decimals}f}, {100 * high:.{decimals}f}]"
    )
