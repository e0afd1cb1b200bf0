"""Runs against each other on the same clips, and what the number of clips can show at all."""

import itertools
from collections.abc import Sequence

import numpy as np
import polars as pl

from zerosign.mapping.outcomes import Outcome
from zerosign.runs import TableRun
from zerosign.scoring.joined_runs import available
from zerosign.scoring.statistics_settings import StatisticsSettings
from zerosign.scoring.table_registry import ScoreInputs, table
from zerosign.statistics import (
    cluster_codes,
    clustered_tango,
    clustered_wilson,
    detectable_difference,
    holm,
    kappa,
    mcnemar,
    wilson,
)

POWER = 0.8
_OUTCOMES = list(Outcome)


@table(
    "intervals",
    "Top-1 accuracy with {level} Wilson intervals: clips independent, or widened by the design "
    "effect for clips of one signer (other signers, these glosses: the interval of all other "
    "tables), of one gloss, or of both (other signers and other glosses).",
)
def intervals_table(inputs: ScoreInputs) -> pl.DataFrame:
    """All runs and methods."""
    return intervals(inputs.joined, inputs.runs, inputs.confidence)


@table(
    "comparisons",
    "Pairs of runs on the same clips: difference of top-1 (b minus a) with Tango's {level} "
    "intervals, widened for clips of one signer, exact McNemar test, Holm's adjustment over all "
    "pairs, and agreement of the answers.",
)
def comparisons_table(inputs: ScoreInputs) -> pl.DataFrame:
    """All pairs of runs."""
    return pairs(inputs.joined, inputs.runs, inputs.settings)


@table(
    "power",
    f"Smallest gain over each run that its clips show with {POWER:.0%} power (exact McNemar, one "
    "comparison, at the level of the study's intervals): if the better run is correct wherever "
    "this one is, and if the two are correct independently.",
)
def power_table(inputs: ScoreInputs) -> pl.DataFrame:
    """All runs."""
    return power(inputs.joined, inputs.runs, inputs.confidence)


def intervals(
    joined: pl.DataFrame,
    runs: Sequence[TableRun],
    confidence: float,
) -> pl.DataFrame:
    """Top-1 of each run with intervals that take clips of one signer or gloss together.

    method: "wilson" (clips independent) or "wilson, design effect"; clusters: what others would
    replace.
    """
    rows = []
    for run in runs:
        seen = joined.filter(available(), pl.col("run") == run.name)
        if seen.is_empty():
            continue
        values = seen["correct"].to_numpy().astype(float)
        signer = cluster_codes(seen["signer"].to_list())
        gloss = cluster_codes(seen["class_index"].to_list())
        facts = {"run": run.name, "label": run.label, "n_available": len(values)}
        facts["top1"] = float(values.mean())

        rows += [facts | row for row in _methods(values, signer, gloss, confidence)]
    return pl.DataFrame(rows, infer_schema_length=None)


def _methods(
    values: np.ndarray, signer: np.ndarray, gloss: np.ndarray, confidence: float
) -> list[dict[str, str | float | None]]:
    """A row per method for `values` (n,) of clips of these signers and glosses (codes, (n,))."""
    rows = [_interval("wilson", "none", wilson(values.sum(), len(values), confidence))]
    for name, clusters in (
        ("signer", [signer]),
        ("gloss", [gloss]),
        ("signer and gloss", [signer, gloss]),
    ):
        widened = clustered_wilson(values, confidence, *clusters)
        rows.append(_interval("wilson, design effect", name, widened))
    return rows


def _interval(
    method: str, clusters: str, interval: Sequence[float]
) -> dict[str, str | float | None]:
    """A row: (low, high) or (low, high, design effect)."""
    low, high, *effect = interval
    return {
        "method": method,
        "clusters": clusters,
        "low": low,
        "high": high,
        "design_effect": effect[0] if effect else None,
    }


def pairs(
    joined: pl.DataFrame,
    runs: Sequence[TableRun],
    settings: StatisticsSettings,
) -> pl.DataFrame:
    """Every pair of runs on the clips that both could read.

    difference: top1 of run_b minus run_a, its interval Tango's, widened for clips of one signer; p:
    exact McNemar, p_holm adjusted over all pairs; agreement and kappa: of what the runs answered
    (a class, or how they failed), right or wrong.
    """
    wide = {run.name: joined.filter(available(), pl.col("run") == run.name) for run in runs}
    rows = []
    for a, b in itertools.combinations(wide, 2):
        both = wide[a].join(wide[b], on="video_id", suffix="_b", maintain_order="left")
        if both.is_empty():
            continue
        right_a, right_b = (both[c].to_numpy() for c in ("correct", "correct_b"))
        only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
        low, high, _ = clustered_tango(
            right_b.astype(float) - right_a,
            settings.confidence,
            cluster_codes(both["signer"].to_list()),
        )
        answers = [_answers(both, suffix) for suffix in ("", "_b")]
        rows.append(
            {
                "run_a": a,
                "run_b": b,
                "n": both.height,
                "only_a": only_a,
                "only_b": only_b,
                "difference": (only_b - only_a) / both.height,
                "low": low,
                "high": high,
                "p": mcnemar(only_a, only_b),
                "agreement": float(np.mean(answers[0] == answers[1])),
                "kappa": kappa(*answers),
            }
        )
    schema = {"run_a": pl.String, "run_b": pl.String, "p": pl.Float64}
    table = pl.DataFrame(rows, infer_schema_length=None) if rows else pl.DataFrame(schema=schema)
    adjusted = pl.Series("p_holm", holm(table["p"].to_list()), dtype=pl.Float64)
    return table.insert_column(table.columns.index("p") + 1, adjusted)


def _answers(both: pl.DataFrame, suffix: str) -> np.ndarray:
    """An integer per clip: the class, or a negative number for each way to have none."""
    return np.array(
        [
            -1 - _OUTCOMES.index(outcome) if index is None else index
            for outcome, index in both.select(
                f"outcome{suffix}", f"predicted_index{suffix}"
            ).iter_rows()
        ]
    )


def power(joined: pl.DataFrame, runs: Sequence[TableRun], confidence: float) -> pl.DataFrame:
    """The smallest gain over each run that its number of clips shows with 80 % power.

    By the exact McNemar test at level 1 - confidence, one comparison alone: if the better run is
    correct wherever this one is (easiest), and if the two are correct independently.
    """
    alpha = 1 - confidence
    rows = []
    for run in runs:
        seen = joined.filter(available(), pl.col("run") == run.name)
        n = seen.height
        if not n:
            continue
        rate = int(seen["correct"].sum()) / n
        rows.append(
            {
                "run": run.name,
                "label": run.label,
                "n_available": n,
                "top1": rate,
                **{
                    f"detectable_{name}": detectable_difference(n, rate, alpha, POWER, nested)
                    for name, nested in (("nested", True), ("independent", False))
                },
            }
        )
    return pl.DataFrame(rows, infer_schema_length=None)
