"""Comparisons again, by a mixed model: what other people's code makes of the same answers."""

import warnings
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from zerosign import cli
from zerosign.runs import TableRun
from zerosign.scoring.comparison_families import Family, all_pairs
from zerosign.scoring.joined_runs import available
from zerosign.scoring.table_registry import ScoreInputs, table
from zerosign.statistics import cluster_codes

RUN_PRIOR, SPREAD_PRIOR = 5.0, 1.0
"""Standard deviations of the priors: of a run's log-odds, and of the log of the other two."""
MIXED = {
    "family": pl.String,
    "run_a": pl.String,
    "run_b": pl.String,
    "odds_ratio": pl.Float64,
    "odds_low": pl.Float64,
    "odds_high": pl.Float64,
    "sd_signers": pl.Float64,
    "sd_glosses": pl.Float64,
}


class Fit(NamedTuple):
    """A mixed logistic model of correct answers."""

    log_odds: np.ndarray
    """Of each run (R,). Their differences count: their level is shared with the glosses'."""
    errors: np.ndarray
    """Standard deviations (R,) of these."""
    sd_signers: float
    sd_glosses: float
    """Standard deviations of the log-odds over signers and glosses."""


@table(
    "mixed_model",
    "A cross-check of the comparisons: odds ratio (b over a) of a logistic mixed model of the runs "
    "of a family, run fixed, signer and gloss random (variational Bayes of statsmodels), with "
    "{level} intervals, and the standard deviations of the log-odds over signers and glosses. It "
    "compares the runs on a clip, as the odds ratio of the table comparisons does; its intervals "
    "take signers to shift all runs alike.",
)
def mixed_model_table(inputs: ScoreInputs) -> pl.DataFrame:
    """All families."""
    return mixed(inputs.joined, inputs.runs, inputs.families, inputs.confidence)


def mixed(
    joined: pl.DataFrame,
    runs: Sequence[TableRun],
    families: Mapping[str, Family],
    confidence: float,
) -> pl.DataFrame:
    """The pairs of each family (schema `MIXED`), by one model per family over available clips.

    A family whose answers are all correct, or all wrong, has no rows: it says nothing.
    """
    from scipy.stats import norm

    width = float(norm.ppf(0.5 + confidence / 2))
    seen = joined.filter(available())
    rows = []
    for family, found in all_pairs(families, runs).items():
        names = dict.fromkeys(run.name for pair in found for run in pair)
        own = seen.filter(pl.col("run").is_in(list(names)))
        place = {name: i for i, name in enumerate(own["run"].unique(maintain_order=True))}
        if len(place) < 2 or own["correct"].n_unique() < 2:
            continue
        fitted = fit(
            own["correct"].to_numpy(),
            own["run"].replace_strict(place, return_dtype=pl.Int64).to_numpy(),
            cluster_codes(own["signer"].fill_null(own["video_id"]).to_list()),
            cluster_codes(own["class_index"].to_list()),
        )
        for a, b in ((a.name, b.name) for a, b in found if {a.name, b.name} <= set(place)):
            log_ratio = fitted.log_odds[place[b]] - fitted.log_odds[place[a]]
            half = width * np.hypot(fitted.errors[place[a]], fitted.errors[place[b]])
            ratio, low, high = np.exp([log_ratio, log_ratio - half, log_ratio + half]).tolist()
            rows.append(
                {"family": family, "run_a": a, "run_b": b}
                | {"odds_ratio": ratio, "odds_low": low, "odds_high": high}
                | {"sd_signers": fitted.sd_signers, "sd_glosses": fitted.sd_glosses}
            )
    return pl.DataFrame(rows, schema=MIXED)


def fit(correct: np.ndarray, runs: np.ndarray, signers: np.ndarray, glosses: np.ndarray) -> Fit:
    """The model of answers (n,), by codes (n,) of run, signer and gloss; the same at every call.

    Mean-field variational Bayes: the errors of the runs leave out what they share with the random
    effects, which cancels in their differences.
    """
    from scipy import sparse
    from statsmodels.genmod.bayes_mixed_glm import BinomialBayesMixedGLM

    effects = [sparse.csr_matrix(np.eye(codes.max() + 1)[codes]) for codes in (signers, glosses)]
    kinds = np.repeat([0, 1], [effect.shape[1] for effect in effects])
    model = BinomialBayesMixedGLM(
        correct.astype(float),
        np.eye(runs.max() + 1)[runs],
        sparse.hstack(effects).tocsr(),
        kinds,
        vcp_p=SPREAD_PRIOR,
        fe_p=RUN_PRIOR,
    )
    count = runs.max() + 1 + 2 + len(kinds)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        # statsmodels would begin at random places
        found = model.fit_vb(np.zeros(count), np.full(count, 0.3), fit_method="L-BFGS-B")
    for warning in said:
        cli.log.warning("mixed model: %s", warning.message)
    signer, gloss = np.exp(found.vcp_mean).tolist()
    return Fit(found.fe_mean, found.fe_sd, signer, gloss)
