"""What the answers of API models cost, and which models really gave them: a table per study."""

from collections import Counter
from collections.abc import Sequence

import polars as pl

from zerosign.runs import TableRun

CAPTION = (
    "What the answers of API models cost. requests: different questions, identical clips once; "
    "attempts: how often they were sent; tokens as the provider counted them over all attempts, "
    "cached ones within those read, reasoning within those written; seconds: mean and longest of a "
    "request; usd: by the price in the model's entry on the day it was asked, per answer too. "
    "served: the models and tiers that the provider says it used, with their requests; changed: "
    "more than one model served the run, so that its rates are of no single model."
)


def costs(runs: Sequence[TableRun], answers: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """A row per run; ``answers``: of each, as `zerosign.inference.answers.ANSWERS` says."""
    return pl.DataFrame(
        [_row(run, table) for run, table in zip(runs, answers, strict=True)],
        infer_schema_length=None,
    )


def _row(run: TableRun, answers: pl.DataFrame) -> dict[str, object]:
    asked = answers.filter(pl.col("attempts").is_not_null()).unique("key", maintain_order=True)
    usd = asked["usd"].sum() if asked.height and not asked["usd"].null_count() else None
    served = asked["served_model"].drop_nulls()
    return {
        "run": run.name,
        "label": run.label,
        "model": run.checkpoint,
        "requests": asked.height,
        "attempts": asked["attempts"].sum(),
        "tokens_in": asked["prompt_tokens"].sum(),
        "tokens_cached": asked["cached_tokens"].sum(),
        "tokens_out": asked["answer_tokens"].sum(),
        "tokens_reasoning": asked["reasoning_tokens"].sum(),
        "seconds_mean": asked["seconds"].mean(),
        "seconds_max": asked["seconds"].max(),
        "usd": usd,
        "usd_per_answer": usd / asked.height if usd is not None else None,
        "served": _counted(served),
        "tiers": _counted(asked["tier"].drop_nulls()),
        "changed": served.n_unique() > 1,
    }


def _counted(names: pl.Series) -> str:
    """``default 30, flex 638``: the names with how often they are there, in their order."""
    return ", ".join(f"{name} {count}" for name, count in sorted(Counter(names).items()))
