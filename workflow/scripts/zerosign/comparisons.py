"""Runs against each other on the same clips, and what the number of clips can show at all."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from zerosign.mapping import OUTCOMES
from zerosign.scores import available
from zerosign.stats import (
    bootstrap_interval,
    cluster_codes,
    clustered_wilson,
    detectable_difference,
    holm,
    kappa,
    mcnemar,
    wilson,
)

POWER = 0.8


def intervals(
    joined: pl.DataFrame,
    runs: Sequence[dict[str, Any]],
    confidence: float,
    bootstrap: int,
    seed: int,
) -> pl.DataFrame:
    """Top-1 of each run with intervals that take clips of one signer or gloss together.

    method: "wilson" (clips independent), "wilson, design effect" or "bootstrap" (studentised);
    clusters: what may be resampled.
    """
    rows = []
    for run in runs:
        seen = joined.filter(available(), pl.col("run") == run["run"])
        if seen.is_empty():
            continue
        values = seen["correct"].to_numpy().astype(float)
        signer = cluster_codes(seen["signer"].to_list())
        gloss = cluster_codes(seen["class_index"].to_list())
        facts = {"run": run["run"], "label": run["label"], "n_available": len(values)}
        facts["top1"] = float(values.mean())

        def row(method: str, clusters: str, interval: Sequence[float], facts=facts) -> dict:
            low, high, *effect = interval
            names = {"method": method, "clusters": clusters, "low": low, "high": high}
            return facts | names | {"design_effect": effect[0] if effect else None}

        rows.append(row("wilson", "none", wilson(values.sum(), len(values), confidence)))
        for name, clusters in (
            ("signer", [signer]),
            ("gloss", [gloss]),
            ("signer and gloss", [signer, gloss]),
        ):
            widened = clustered_wilson(values, confidence, *clusters)
            rows.append(row("wilson, design effect", name, widened))
        for name, clusters in (("signer", signer), ("gloss", gloss)):
            resampled = bootstrap_interval(values, clusters, confidence, bootstrap, seed)
            rows.append(row("bootstrap", name, resampled))
    return pl.DataFrame(rows, infer_schema_length=None)


def pairs(
    joined: pl.DataFrame,
    runs: Sequence[dict[str, Any]],
    confidence: float,
    bootstrap: int,
    seed: int,
) -> pl.DataFrame:
    """Every pair of runs on the clips that both could read.

    difference: top1 of run_b less run_a, its interval a studentised bootstrap over signers; p:
    exact McNemar, p_holm adjusted over all pairs; agreement and kappa: of what the runs answered
    (a class, or how they failed), right or wrong.
    """
    wide = {run["run"]: joined.filter(available(), pl.col("run") == run["run"]) for run in runs}
    rows = []
    for a, b in itertools.combinations(wide, 2):
        both = wide[a].join(wide[b], on="video_id", suffix="_b", maintain_order="left")
        if both.is_empty():
            continue
        right_a, right_b = (both[c].to_numpy() for c in ("correct", "correct_b"))
        only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
        low, high = bootstrap_interval(
            right_b.astype(float) - right_a,
            cluster_codes(both["signer"].to_list()),
            confidence,
            bootstrap,
            seed,
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
    """An integer a clip: the class, or a negative number for each way to have none."""
    return np.array(
        [
            -1 - OUTCOMES.index(outcome) if index is None else index
            for outcome, index in both.select(
                f"outcome{suffix}", f"predicted_index{suffix}"
            ).iter_rows()
        ]
    )


def power(joined: pl.DataFrame, runs: Sequence[dict[str, Any]], confidence: float) -> pl.DataFrame:
    """The smallest gain over each run that its number of clips shows with 80 % power.

    By the exact McNemar test at level 1 - confidence, one comparison alone: if the better run is
    right wherever this one is (easiest), and if the two are right independently.
    """
    alpha = 1 - confidence
    rows = []
    for run in runs:
        seen = joined.filter(available(), pl.col("run") == run["run"])
        n = seen.height
        if not n:
            continue
        rate = int(seen["correct"].sum()) / n
        rows.append(
            {
                "run": run["run"],
                "label": run["label"],
                "n_available": n,
                "top1": rate,
                "smallest_nested": detectable_difference(n, rate, alpha, POWER, nested=True),
                "smallest_independent": detectable_difference(n, rate, alpha, POWER, nested=False),
            }
        )
    return pl.DataFrame(rows, infer_schema_length=None)
