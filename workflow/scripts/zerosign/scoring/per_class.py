"""Accuracy by class, and which class is taken for which."""

from collections.abc import Sequence

import polars as pl

from zerosign.runs import TableRun
from zerosign.scoring.joined_runs import available, in_order
from zerosign.scoring.table_registry import ScoreInputs, table
from zerosign.statistics import shrunk_rates


@table(
    "per_gloss",
    "Accuracy per class over the clips that could be read, and the commonest wrong answer. A class "
    "has few clips (n_available; about 2 in WLASL300's test split), and its own rate says next to "
    "nothing: shrunk moves it to the run's rate, by how much the classes of the run differ at all.",
)
def per_gloss_table(inputs: ScoreInputs) -> pl.DataFrame:
    """All runs."""
    return per_gloss(inputs.joined, inputs.runs)


@table("confusions", "How often each run took one class for another, correct answers included.")
def confusions_table(inputs: ScoreInputs) -> pl.DataFrame:
    """All runs."""
    return confusions(inputs.joined, inputs.runs)


def per_gloss(joined: pl.DataFrame, runs: Sequence[TableRun]) -> pl.DataFrame:
    """Accuracy of each run on each class, over available clips, and its commonest wrong answer.

    shrunk: see `statistics.shrunk_rates`; for classes without an available clip the run's rate.
    """
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
    return _shrunk(in_order(table, runs, ["class_index"]))


def _shrunk(table: pl.DataFrame) -> pl.DataFrame:
    """The table with the column shrunk, run by run."""
    parts = [
        part.with_columns(
            shrunk=pl.Series(
                shrunk_rates(part["correct"].to_numpy(), part["n_available"].to_numpy())
            ).fill_nan(None)
        )
        for part in table.partition_by("run", maintain_order=True)
    ]
    return pl.concat(parts)


def confusions(joined: pl.DataFrame, runs: Sequence[TableRun]) -> pl.DataFrame:
    """How often each run took one class for another, correct answers included: run, gloss, …, n."""
    table = (
        joined.filter(pl.col("predicted").is_not_null())
        .group_by("run", "class_index", "gloss", "predicted_index", "predicted")
        .len("n")
    )
    return in_order(table, runs, ["class_index", "predicted_index"])
