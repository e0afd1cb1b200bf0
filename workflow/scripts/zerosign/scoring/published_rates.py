"""Published accuracies, shown next to a study's own and never mixed with them."""

from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from pathlib import Path

import polars as pl

from zerosign.errors import UserError
from zerosign.scoring.table_registry import ScoreInputs, table

COLUMNS = {
    "dataset": pl.String,
    "model": pl.String,
    "kind": pl.String,
    "top1": pl.String,
    "top5": pl.String,
    "class_top1": pl.String,
    "class_top5": pl.String,
    "top1_synonyms": pl.String,
    "n": pl.Int64,
    "protocol": pl.String,
    "citation": pl.String,
    "identifier": pl.String,
    "certainty": pl.String,
    "note": pl.String,
}
_CHOICES = {
    "kind": {"zero-shot", "supervised"},
    "certainty": {"verified", "secondary", "recalled"},
}


@table(
    "published",
    "Published rates in %, not measured here. clips: how many of the n test clips a top1 "
    "corresponds to; empty where no whole number gives it. certainty: whether the figure was seen "
    "at its source (verified), in another paper (secondary) or not at all (recalled). Those of "
    "zero-shot models are strict matches: the table strict has the study's own next to them.",
    of_classes=False,
)
def published_table(inputs: ScoreInputs) -> pl.DataFrame:
    """The rates of the study's data set."""
    return inputs.published


def read(path: str | Path, dataset: str) -> pl.DataFrame:
    """Rates (in %, as printed) published for a data set, with one more column.

    clips: the k for which k / n rounds to top1; null if no whole number of the n test clips gives
    the printed rate, so that it must come from other clips. Raises UserError for a broken table.
    """
    table = pl.read_csv(path, infer_schema=False)
    if table.columns != list(COLUMNS):
        raise UserError(f"{path}: the columns must be {', '.join(COLUMNS)}")
    for column, choices in _CHOICES.items():
        if wrong := sorted(set(table[column]) - choices):
            raise UserError(f"{path}: {column} '{wrong[0]}' is none of {sorted(choices)}")
    ours = table.filter(pl.col("dataset") == dataset).with_columns(pl.col("n").cast(pl.Int64))
    clips = [count_behind(row["top1"], row["n"]) for row in ours.iter_rows(named=True)]
    return ours.with_columns(pl.Series("clips", clips, dtype=pl.Int64))


def count_behind(printed: str, n: int) -> int | None:
    """The k for which 100 k / n rounds to the printed percentage, else None."""
    value = Decimal(printed)
    k = round(value * n / 100)
    for count in (k, max(k - 1, 0), min(k + 1, n)):
        rate = Decimal(100 * count) / Decimal(n)
        if value in {rate.quantize(value, mode) for mode in (ROUND_HALF_UP, ROUND_HALF_EVEN)}:
            return count
    return None
