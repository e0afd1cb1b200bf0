"""What became of the clips, and how a run's answers spread over the classes."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from zerosign.mapping.outcomes import Outcome, Step
from zerosign.runs import TableRun
from zerosign.scoring.joined_runs import available
from zerosign.scoring.table_registry import ScoreInputs, table
from zerosign.statistics import distribution


@table("outcomes", "What became of {n_expected} expected clips in each run.")
def outcomes_table(inputs: ScoreInputs) -> pl.DataFrame:
    """All runs."""
    return outcomes(inputs.joined, inputs.runs)


@table(
    "distribution",
    "How each run's answers spread over the classes: entropy in bits and over log2 of the number "
    "of classes, Herfindahl-Hirschman index, share of the commonest 1 and 10, chi-squared against "
    "the uniform distribution.",
)
def distribution_table(inputs: ScoreInputs) -> pl.DataFrame:
    """All runs."""
    return predicted(inputs.joined, len(inputs.glosses), inputs.runs)


def outcomes(joined: pl.DataFrame, runs: Sequence[TableRun]) -> pl.DataFrame:
    """How many clips of each run ended how: run, label, n_expected, correct, and every outcome.

    in_vocabulary: share of the clips that could be read whose answer became a class.
    """
    counts = joined.group_by("run").agg(
        pl.len().alias("n_expected"),
        pl.col("correct").sum(),
        *((pl.col("outcome") == name).sum().alias(name) for name in Outcome),
        *(
            (pl.col("step") == name).sum().alias(f"by_{name}")
            for name in (Step.EXACT, Step.SIMILARITY, Step.LIKELIHOOD)
        ),
        pl.col("predicted_index").filter(available()).is_not_null().mean().alias("in_vocabulary"),
    )
    order = pl.DataFrame([{"run": run.name, "label": run.label} for run in runs])
    return order.join(counts, on="run", how="left", maintain_order="left")


def predicted(joined: pl.DataFrame, classes: int, runs: Sequence[TableRun]) -> pl.DataFrame:
    """How a run's answers spread over the classes: see `statistics.distribution`."""
    rows = []
    for run in runs:
        indices = joined.filter(pl.col("run") == run.name)["predicted_index"].drop_nulls()
        counts = np.bincount(indices.to_numpy(), minlength=classes)
        facts = {"run": run.name, "label": run.label, "classes": classes}
        facts |= {"classified": int(counts.sum()), "classes_named": int((counts > 0).sum())}
        rows.append(facts | distribution(counts))
    return pl.DataFrame(rows, infer_schema_length=None)
