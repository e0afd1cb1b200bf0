"""What the runs really said: their commonest answers as words, and how these spread."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from zerosign.mapping.normalise import normal, visible
from zerosign.runs import TableRun
from zerosign.scoring.joined_runs import available
from zerosign.scoring.table_registry import ScoreInputs, table
from zerosign.statistics import distribution

COMMONEST = 20
SHOWN = 200  # characters of an answer
_MEASURES = ("entropy", "hhi", "top1_share", "top10_share")


@table(
    "common_answers",
    f"What each run said most often: its {COMMONEST} commonest answers as it wrote them (one of "
    "each wording, case and punctuation apart), how often, what became of them, by which step, "
    "and the class that they count as.",
)
def common_answers_table(inputs: ScoreInputs) -> pl.DataFrame:
    """All runs with free answers."""
    return commonest(inputs.joined, inputs.runs)


@table(
    "answer_spread",
    "How each run's answers spread as words, whatever class they count as: entropy in bits, "
    "Herfindahl-Hirschman index, share of the commonest 1 and 10 wordings (case and punctuation "
    "apart) among the answers with any text. The table distribution has the same over classes.",
    of_classes=False,
)
def answer_spread_table(inputs: ScoreInputs) -> pl.DataFrame:
    """All runs with free answers."""
    return spread(inputs.joined, inputs.runs)


def commonest(joined: pl.DataFrame, runs: Sequence[TableRun]) -> pl.DataFrame:
    """The commonest wordings of each run: run, label, answer, n, share, outcome, step, predicted.

    Each as it was written first; share is of the answers with any text. Where one wording became
    several things (a part of it was cut off), the commonest of these is shown.
    """
    schema = {"run": pl.String, "label": pl.String, "answer": pl.String, "n": pl.Int64}
    schema |= {"share": pl.Float64, "outcome": pl.String, "step": pl.String, "predicted": pl.String}
    rows = []
    for run in runs:
        said = _said(joined, run.name)
        counts = said.group_by("words", maintain_order=True).agg(
            pl.len().alias("n"),
            pl.col("text").first().str.slice(0, SHOWN).alias("answer"),
            *(pl.col(name).mode().sort().first() for name in ("outcome", "step")),
            pl.col("predicted").drop_nulls().mode().sort().first(),
        )
        for row in (
            counts.sort("n", descending=True, maintain_order=True).head(COMMONEST).to_dicts()
        ):
            share = row["n"] / said.height
            rows.append(row | {"run": run.name, "label": run.label, "share": share})
    return pl.DataFrame(rows, schema=schema)


def spread(joined: pl.DataFrame, runs: Sequence[TableRun]) -> pl.DataFrame:
    """How the wordings of each run spread: see `zerosign.statistics.distribution`."""
    rows = []
    for run in runs:
        said = _said(joined, run.name)
        counts = said["words"].value_counts(sort=True)
        if said.is_empty():
            continue
        measured = distribution(counts["count"].to_numpy().astype(np.int64))
        facts: dict[str, Any] = {"run": run.name, "label": run.label, "answers": said.height}
        facts |= {"wordings": counts.height, "commonest": said["text"][_first(said, counts)]}
        rows.append(facts | {name: measured[name] for name in _MEASURES})
    schema = {"run": pl.String, "label": pl.String, "answers": pl.Int64, "wordings": pl.Int64}
    schema |= {"commonest": pl.String} | dict.fromkeys(_MEASURES, pl.Float64)
    return pl.DataFrame(rows, schema=schema).with_columns(pl.col("commonest").str.slice(0, SHOWN))


def _first(said: pl.DataFrame, counts: pl.DataFrame) -> int:
    """Which answer is the first of the commonest wordings: of equally common ones the earliest."""
    best = counts.filter(pl.col("count") == pl.col("count").max())["words"]
    return int(said["words"].is_in(best.implode()).arg_true()[0])


def _said(joined: pl.DataFrame, run: str) -> pl.DataFrame:
    """The free answers of a run with any text, and the words of each without case and marks."""
    own = joined.filter(pl.col("run") == run, available(), pl.col("likelihood").is_null())
    own = own.with_columns(
        words=pl.col("text").map_elements(
            lambda text: normal(visible(text)), return_dtype=pl.String
        )
    )
    return own.filter(pl.col("words") != "")
