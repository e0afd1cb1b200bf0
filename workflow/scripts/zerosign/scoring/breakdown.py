"""Accuracy in groups of clips: by signer, source, variant, frequency and finding of the audit."""

from collections.abc import Mapping, Sequence

import polars as pl

from zerosign.dataset.leakage import FLAGS
from zerosign.runs import TableRun
from zerosign.scoring.joined_runs import available, in_order, rates
from zerosign.scoring.table_registry import ScoreInputs, table
from zerosign.statistics import wilson


@table(
    "breakdown",
    "Accuracy in groups of clips: by signer, source, variant, number of train clips of the class, "
    "and with and without each flag of the audit; {level} Wilson intervals that take clips as "
    "independent: too narrow for other signers and glosses.",
)
def breakdown_table(inputs: ScoreInputs) -> pl.DataFrame:
    """All runs."""
    return breakdown(inputs.joined, inputs.clips, inputs.runs, inputs.flagged, inputs.confidence)


@table(
    "filtered",
    "Top-1 accuracy on all clips and without those that a filter of the study leaves out, by the "
    "audit's flags; {widened}.",
)
def filtered_table(inputs: ScoreInputs) -> pl.DataFrame:
    """All runs and filters."""
    return filtered(inputs.joined, inputs.runs, inputs.flagged, inputs.filters, inputs.confidence)


def breakdown(
    joined: pl.DataFrame,
    clips: pl.DataFrame,
    runs: Sequence[TableRun],
    flagged: pl.DataFrame,
    confidence: float,
) -> pl.DataFrame:
    """Accuracy of each run in groups of clips: run, by, group, n_available, correct, top1, ….

    by: signer, source, variant (variation_id), train clips (of the class, in thirds of the
    classes), and each flag of the audit of splits (``flagged``: video_id, flag), with and without
    the flagged clips.
    """
    seen = joined.filter(available()).with_columns(
        pl.col("variation_id").cast(pl.String).alias("variant"),
        pl.col("class_index")
        .replace_strict(_frequency(clips), default=None, return_dtype=pl.String)
        .alias("train clips"),
    )
    parts = [
        seen.filter(pl.col(by).is_not_null()).select(
            "run", "correct", pl.lit(by).alias("by"), pl.col(by).alias("group")
        )
        for by in ("signer", "source", "variant", "train clips")
    ]
    for flag in FLAGS:
        ids = flagged.filter(pl.col("flag") == flag)["video_id"].implode()
        if len(ids.item()):
            group = (
                pl.when(pl.col("video_id").is_in(ids)).then(pl.lit("yes")).otherwise(pl.lit("no"))
            )
            parts.append(
                seen.select("run", "correct", pl.lit(flag).alias("by"), group.alias("group"))
            )
    table = (
        pl.concat(parts)
        .group_by("run", "by", "group")
        .agg(pl.len().alias("n_available"), pl.col("correct").sum())
        .with_columns(top1=pl.col("correct") / pl.col("n_available"))
    )
    ends = [
        wilson(correct, n, confidence)
        for correct, n in table.select("correct", "n_available").iter_rows()
    ]
    table = table.with_columns(
        low=pl.Series([low for low, _ in ends], dtype=pl.Float64),
        high=pl.Series([high for _, high in ends], dtype=pl.Float64),
    )
    table = table.sort("by", "n_available", "group", descending=[False, True, False])
    return in_order(table, runs, [])


def filtered(
    joined: pl.DataFrame,
    runs: Sequence[TableRun],
    flagged: pl.DataFrame,
    filters: Mapping[str, Sequence[str]],
    confidence: float,
) -> pl.DataFrame:
    """Accuracy with all clips and without those that a filter leaves out, a row per run and filter.

    ``filters``: name → flags; a clip with any of them is left out. The filter "" leaves out none.
    """
    rows = []
    for run in runs:
        own = joined.filter(pl.col("run") == run.name)
        for name, left_out in {"": [], **filters}.items():
            ids = flagged.filter(pl.col("flag").is_in(list(left_out)))["video_id"]
            kept = own.filter(~pl.col("video_id").is_in(ids.implode()))
            seen = kept.filter(available())
            row = rates(kept, seen, confidence)
            facts = {"run": run.name, "filter": name, "leaves_out": ", ".join(left_out)}
            rows.append(facts | {"n_left_out": own.height - kept.height} | row)
    return pl.DataFrame(rows, infer_schema_length=None)


def _frequency(clips: pl.DataFrame) -> dict[int, str]:
    """Third of the classes by number of train clips, as text: "9 to 10"."""
    counts = clips.group_by("class_index").agg((pl.col("split") == "train").sum().alias("n"))
    trained: dict[int, int] = dict(counts.sort("n", "class_index").iter_rows())
    ordered = sorted(trained.values())
    limits = sorted({ordered[third * (len(ordered) - 1) // 3] for third in (1, 2, 3)})
    names = {}
    for index, n in trained.items():
        upper = next(limit for limit in limits if n <= limit)
        below = max((limit for limit in limits if limit < upper), default=-1)
        least = min(count for count in ordered if count > below)
        names[index] = f"{least} to {upper}" if least < upper else f"{upper}"
    return names
