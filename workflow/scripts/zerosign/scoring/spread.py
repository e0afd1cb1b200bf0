"""How much a model's accuracy depends on what should not matter: words, order, luck."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from zerosign.prompts.prompt_entry import Prompt
from zerosign.runs import TableRun
from zerosign.scoring.joined_runs import available
from zerosign.scoring.table_registry import ScoreInputs, table

SPREAD = {
    "model": pl.String,
    "prompt": pl.String,
    "sampling": pl.String,
    "over": pl.String,
    "values": pl.Int64,
    "n_available": pl.Int64,
    "lowest": pl.Float64,
    "mean": pl.Float64,
    "highest": pl.Float64,
    "sd": pl.Float64,
}


@table(
    "spread",
    "How much top-1 accuracy varies over what should not matter: prompts (of one model and "
    "sampling), random orders of the candidates, and samples of an answer (seeds), each answer "
    "counted alone, before any vote. sd: standard deviation over the values, so that its square is "
    "the variance between prompts, orders or seeds.",
)
def spread_table(inputs: ScoreInputs) -> pl.DataFrame:
    """Models with several prompts, and runs with several answers about a clip."""
    return spread(inputs.joined, inputs.runs, inputs.prompts)


def spread(
    joined: pl.DataFrame, runs: Sequence[TableRun], prompts: Mapping[str, Prompt]
) -> pl.DataFrame:
    """A row (schema `SPREAD`) for each model and sampling with several prompts, and for each run
    with several orders or samples; over the clips that could be read.
    """
    seen = {run.name: joined.filter(available(), pl.col("run") == run.name) for run in runs}
    rows = []
    for (model, sampling), group in _by_model(runs).items():
        frames = [seen[run.name] for run in group if seen[run.name].height]
        if len(frames) > 1:
            rates = [float(frame["correct"].sum()) / frame.height for frame in frames]
            facts = {"model": model, "prompt": None, "sampling": sampling, "over": "prompts"}
            rows.append(facts | _spread(rates, min(frame.height for frame in frames)))
    for run in runs:
        orders = prompts[run.prompt].orders or 1 if run.prompt else 1
        facts = {"model": run.model or run.name, "prompt": run.prompt, "sampling": run.sampling}
        for over, rates in _of_votes(seen[run.name], orders):
            rows.append(facts | {"over": over} | _spread(rates, seen[run.name].height))
    return pl.DataFrame(rows, schema=SPREAD)


def _by_model(runs: Sequence[TableRun]) -> dict[tuple[str, str], list[TableRun]]:
    """Runs by model and sampling; nobody knows those of a replay."""
    found: dict[tuple[str, str], list[TableRun]] = {}
    for run in runs:
        if run.model:
            found.setdefault((run.model, run.sampling), []).append(run)
    return found


def _of_votes(seen: pl.DataFrame, orders: int) -> Iterator[tuple[str, list[float]]]:
    """Accuracy by order of the candidates, and by sample, where a run has several.

    Its votes are order by order, with all samples of each. A clip with fewer failed: it is wrong.
    """
    votes = seen["votes"].list.len().max() if seen.height else None
    if not isinstance(votes, int) or votes < 2 or votes % orders:
        return
    right = np.array(
        [
            [vote == truth for vote in given] if given and len(given) == votes else [False] * votes
            for given, truth in seen.select("votes", "class_index").iter_rows()
        ]
    ).reshape(seen.height, orders, votes // orders)
    for over, axis in (("orders", 2), ("samples", 1)):
        rates = right.mean(axis=(0, axis))
        if len(rates) > 1:
            yield over, rates.tolist()


def _spread(rates: Sequence[float], n: int) -> dict[str, Any]:
    return {
        "values": len(rates),
        "n_available": n,
        "lowest": min(rates),
        "mean": float(np.mean(rates)),
        "highest": max(rates),
        "sd": float(np.std(rates, ddof=1)),
    }
