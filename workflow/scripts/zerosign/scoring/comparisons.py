"""Runs against each other on the same clips, and what the number of clips can show at all."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from zerosign import cli
from zerosign.mapping.outcomes import Outcome
from zerosign.runs import TableRun
from zerosign.scoring.comparison_families import Family, Pair, all_pairs
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
    signer_swap_p,
    wilson,
)

POWER = 0.8
_OUTCOMES = list(Outcome)
_TESTS = ("p", "p_signers")
COMPARISONS = {
    "family": pl.String,
    "run_a": pl.String,
    "run_b": pl.String,
    "n": pl.Int64,
    "only_a": pl.Int64,
    "only_b": pl.Int64,
    "difference": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "odds_ratio": pl.Float64,
    "odds_low": pl.Float64,
    "odds_high": pl.Float64,
    "p": pl.Float64,
    "p_holm": pl.Float64,
    "p_signers": pl.Float64,
    "p_signers_holm": pl.Float64,
    "agreement": pl.Float64,
    "kappa": pl.Float64,
}
INTERVALS = {
    "run": pl.String,
    "label": pl.String,
    "n_available": pl.Int64,
    "top1": pl.Float64,
    "method": pl.String,
    "clusters": pl.String,
    "low": pl.Float64,
    "high": pl.Float64,
    "design_effect": pl.Float64,
}
POWER_COLUMNS = {
    "run": pl.String,
    "label": pl.String,
    "n_available": pl.Int64,
    "top1": pl.Float64,
    "family": pl.String,
    "comparisons": pl.Int64,
    "level": pl.Float64,
    "detectable_nested": pl.Float64,
    "detectable_independent": pl.Float64,
}


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
    "Pairs of runs on the same clips, by the study's families: difference of top-1 (b minus a) "
    "with Tango's {level} interval and paired odds ratio (only_b over only_a) with Wilson's, both "
    "widened for clips of one signer; the exact McNemar test (p), which takes clips as "
    "independent, and a test that swaps the two runs for whole signers (p_signers), each with "
    "Holm's adjustment within the family; agreement of the answers.",
)
def comparisons_table(inputs: ScoreInputs) -> pl.DataFrame:
    """All families."""
    return compared(inputs.joined, inputs.runs, inputs.families, inputs.settings)


@table(
    "power",
    f"Smallest gain over each run that its clips show with {POWER:.0%} power (exact McNemar, clips "
    "independent): if the better run is correct wherever this one is, and if the two are correct "
    "independently. At the level that Holm's adjustment asks of the smallest p-value of a family; "
    "without a family, of one comparison alone.",
)
def power_table(inputs: ScoreInputs) -> pl.DataFrame:
    """All runs, alone and as what others are compared with."""
    return power(inputs.joined, inputs.runs, inputs.families, inputs.confidence)


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
    return pl.DataFrame(rows, schema=INTERVALS)


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


def compared(
    joined: pl.DataFrame,
    runs: Sequence[TableRun],
    families: Mapping[str, Family],
    settings: StatisticsSettings,
) -> pl.DataFrame:
    """The pairs of each family (schema `COMPARISONS`) on the clips that both runs could read.

    difference: top1 of run_b minus run_a; odds_ratio: the odds that run_b is the one which is right
    where only one is, inf where run_a never is and null where they never differ. agreement and
    kappa: of what the runs answered (a class, or how they failed), right or wrong.
    """
    seen = {run.name: joined.filter(available(), pl.col("run") == run.name) for run in runs}
    done: dict[tuple[str, str], dict[str, Any] | None] = {}
    rows = []
    for family, found in all_pairs(families, runs).items():
        of_family = []
        if not found:
            cli.log.warning("comparisons.%s: no two of the study's runs are such a pair", family)
        for a, b in found:
            names = (a.name, b.name)
            if names not in done:
                done[names] = _comparison(seen[a.name], seen[b.name], settings)
            if facts := done[names]:
                of_family.append({"family": family, "run_a": a.name, "run_b": b.name} | facts)
        for test in _TESTS:
            for row, p in zip(of_family, holm([row[test] for row in of_family]), strict=True):
                row[f"{test}_holm"] = p
        rows += of_family
    return pl.DataFrame(rows, schema=COMPARISONS)


def _comparison(
    a: pl.DataFrame, b: pl.DataFrame, settings: StatisticsSettings
) -> dict[str, Any] | None:
    """What a row says of two runs, but for names and adjustments; None without a common clip."""
    both = a.join(b, on="video_id", suffix="_b", maintain_order="left")
    if both.is_empty():
        return None
    right_a, right_b = (both[c].to_numpy() for c in ("correct", "correct_b"))
    change = right_b.astype(float) - right_a
    only_a, only_b = int((change < 0).sum()), int((change > 0).sum())
    signers = cluster_codes(both["signer"].to_list())
    low, high, _ = clustered_tango(change, settings.confidence, signers)
    answers = [_answers(both, suffix) for suffix in ("", "_b")]
    return {
        "n": both.height,
        "only_a": only_a,
        "only_b": only_b,
        "difference": (only_b - only_a) / both.height,
        "low": _or_none(low),
        "high": _or_none(high),
        **_odds_ratio(change, signers, settings.confidence),
        "p": mcnemar(only_a, only_b),
        "p_signers": signer_swap_p(change, signers, settings.permutations, settings.seed),
        "agreement": float(np.mean(answers[0] == answers[1])),
        "kappa": _or_none(kappa(*answers)),
    }


def _odds_ratio(
    change: np.ndarray, signers: np.ndarray, confidence: float
) -> dict[str, float | None]:
    """Paired odds ratio of changes (n,), 1 or -1 where the runs differ: from the share of 1."""
    differ = change != 0
    better = change[differ] > 0
    low, high, _ = clustered_wilson(better.astype(float), confidence, signers[differ])
    share = float(better.mean()) if len(better) else math.nan
    names = ("odds_ratio", "odds_low", "odds_high")
    return {name: _or_none(_odds(p)) for name, p in zip(names, (share, low, high), strict=True)}


def _odds(share: float) -> float:
    return share / (1 - share) if share < 1 else math.inf if share == 1 else math.nan


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value


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


def power(
    joined: pl.DataFrame,
    runs: Sequence[TableRun],
    families: Mapping[str, Family],
    confidence: float,
) -> pl.DataFrame:
    """The smallest gain over each run that its number of clips shows with 80 % power.

    By the exact McNemar test at level (1 - confidence) / comparisons, if the better run is correct
    wherever this one is (easiest), and if the two are correct independently. A row for each run
    alone (no family), and for each family in which others are compared with it.
    """
    found = all_pairs(families, runs)
    rows = []
    for run in runs:
        seen = joined.filter(available(), pl.col("run") == run.name)
        n = seen.height
        if not n:
            continue
        rate = int(seen["correct"].sum()) / n
        facts = {"run": run.name, "label": run.label, "n_available": n, "top1": rate}
        for family, comparisons in _families_of(run, found):
            level = (1 - confidence) / comparisons
            nested, independent = (
                detectable_difference(n, rate, level, POWER, nested) for nested in (True, False)
            )
            rows.append(
                facts
                | {"family": family, "comparisons": comparisons, "level": level}
                | {"detectable_nested": nested, "detectable_independent": independent}
            )
    return pl.DataFrame(rows, schema=POWER_COLUMNS)


def _families_of(
    run: TableRun, families: Mapping[str, Sequence[Pair]]
) -> list[tuple[str | None, int]]:
    """Families in which others are compared with a run, and how many pairs each has."""
    alone: list[tuple[str | None, int]] = [(None, 1)]
    return alone + [
        (name, len(found))
        for name, found in families.items()
        if any(a.name == run.name for a, _ in found)
    ]
