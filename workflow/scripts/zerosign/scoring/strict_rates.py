"""Strict matches, as papers count them: the study's own next to those that were published."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from zerosign.mapping.outcomes import Outcome
from zerosign.runs import TableRun
from zerosign.scoring.joined_runs import available, rate_interval
from zerosign.scoring.table_registry import ScoreInputs, table

THIS_STUDY, PUBLISHED = "this study", "published"


@table(
    "strict",
    "Like next to like: strict matches (equal but for case and blanks at the ends) and strict "
    "matches of the gloss or one of its synonyms, of this study's runs with {widened}, and as "
    "published for zero-shot models. Runs that scored the classes have no answers to match.",
    of_classes=False,
)
def strict_table(inputs: ScoreInputs) -> pl.DataFrame:
    """All runs with free answers, and the published rates of the study's data set."""
    own = rates(inputs.joined, inputs.runs, inputs.synonyms, inputs.confidence)
    return pl.concat([own, published(inputs.published)])


SCHEMA = pl.Schema(
    {
        "source": pl.String(),
        "run": pl.String(),
        "label": pl.String(),
        "n": pl.Int64(),
        "strict": pl.Float64(),
        "strict_low": pl.Float64(),
        "strict_high": pl.Float64(),
        "synonyms": pl.Float64(),
        "synonyms_low": pl.Float64(),
        "synonyms_high": pl.Float64(),
    }
)


def rates(
    joined: pl.DataFrame,
    runs: Sequence[TableRun],
    synonyms: pl.DataFrame | None,
    confidence: float,
) -> pl.DataFrame:
    """Rows (`SCHEMA`) of the runs with free answers, over the clips that could be read.

    ``synonyms`` (schema `zerosign.mapping.synonyms.SYNONYMS`): all of them, other classes too, as
    the paper counts; None leaves these columns empty.
    """
    rows = []
    for run in runs:
        seen = joined.filter(pl.col("run") == run.name, available())
        if not seen["likelihood"].null_count() or seen.is_empty():
            continue
        strict = seen["strict"].eq(seen["class_index"]).fill_null(False)
        row = {"source": THIS_STUDY, "run": run.name, "label": run.label, "n": seen.height}
        row |= _rate("strict", seen, strict, confidence)
        if synonyms is not None:
            row |= _rate("synonyms", seen, strict | _names_synonym(seen, synonyms), confidence)
        rows.append(row)
    return pl.DataFrame(rows, schema=SCHEMA)


def published(table: pl.DataFrame) -> pl.DataFrame:
    """Rows (`SCHEMA`) of published zero-shot rates (`zerosign.scoring.published_rates`)."""
    share = pl.col("top1", "top1_synonyms").cast(pl.Float64, strict=False) / 100
    found = table.filter(pl.col("kind") == "zero-shot").with_columns(share)
    named = found.select(
        source=pl.lit(PUBLISHED),
        label="model",
        n="n",
        strict="top1",
        synonyms="top1_synonyms",
    )
    return pl.DataFrame(named.to_dicts(), schema=SCHEMA)


def _names_synonym(seen: pl.DataFrame, synonyms: pl.DataFrame) -> pl.Series:
    """Whether the answer to each clip is a synonym of its gloss, but for case and blanks (n,)."""
    said = seen.select(
        "video_id",
        "class_index",
        pl.when(pl.col("outcome") != Outcome.ERROR)
        .then(pl.col("text").str.strip_chars().str.to_lowercase())
        .alias("synonym"),
    )
    hits = said.join(synonyms, on=["class_index", "synonym"], how="semi")
    return seen["video_id"].is_in(hits["video_id"].implode())


def _rate(name: str, seen: pl.DataFrame, right: pl.Series, confidence: float) -> dict[str, Any]:
    low, high = rate_interval(seen, right, confidence)
    return {name: right.mean(), f"{name}_low": low, f"{name}_high": high}
