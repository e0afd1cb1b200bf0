"""A mixed model from a kept library agrees with the truth and with the paired comparisons."""

import numpy as np
import polars as pl
import pytest
from helpers.predictions import RUNS, only

from zerosign.scoring import comparisons, mixed_model
from zerosign.scoring.comparison_families import Family
from zerosign.scoring.statistics_settings import StatisticsSettings

SETTINGS = StatisticsSettings(confidence=0.95, permutations=1000, seed=0)
FAMILIES = {"all": Family()}


def drawn(gain: float, seed: int = 0) -> pl.DataFrame:
    """Answers of two runs to 900 clips of 100 glosses by 30 signers; "bad" has more log-odds."""
    rng = np.random.default_rng(seed)
    signers, glosses = rng.integers(0, 30, 900), np.arange(900) % 100
    shared = rng.normal(size=30)[signers] + 1.5 * rng.normal(size=100)[glosses]
    parts = []
    for run, level in (("good", -0.5), ("bad", -0.5 + gain)):
        right = rng.random(900) < 1 / (1 + np.exp(-(shared + level)))
        columns = {"run": run, "video_id": [f"v{i}" for i in range(900)], "correct": right}
        columns |= {"signer": [f"s{i}" for i in signers], "class_index": glosses}
        columns |= {"outcome": "classified", "predicted_index": np.where(right, glosses, -1)}
        parts.append(pl.DataFrame(columns))
    return pl.concat(parts)


def test_it_finds_the_simulated_effects() -> None:
    row = mixed_model.mixed(drawn(1.0), RUNS, FAMILIES, 0.95).row(0, named=True)
    assert (row["family"], row["run_a"], row["run_b"]) == ("all", "good", "bad")
    assert row["odds_low"] < np.e < row["odds_high"]
    assert row["odds_ratio"] == pytest.approx(np.e, rel=0.25)
    assert row["sd_signers"] == pytest.approx(1.0, rel=0.3)
    assert row["sd_glosses"] == pytest.approx(1.5, rel=0.3)


@pytest.mark.parametrize("gain", [0.0, 0.7, 1.5])
def test_it_agrees_with_the_paired_odds_ratio(gain: float) -> None:
    joined = drawn(gain, seed=1)
    model = mixed_model.mixed(joined, RUNS, FAMILIES, 0.95).row(0, named=True)
    paired = comparisons.compared(joined, RUNS, FAMILIES, SETTINGS).row(0, named=True)
    assert np.log(model["odds_ratio"]) == pytest.approx(np.log(paired["odds_ratio"]), abs=0.15)


def test_it_is_the_same_every_time() -> None:
    joined = drawn(0.5)
    first = mixed_model.mixed(joined, RUNS, FAMILIES, 0.95)
    np.random.default_rng(1).random()
    assert first.equals(mixed_model.mixed(joined, RUNS, FAMILIES, 0.95))


def test_a_run_without_mistakes_has_finite_odds(joined: pl.DataFrame) -> None:
    row = only(mixed_model.mixed(joined, RUNS, FAMILIES, 0.95), family="all")
    assert 0 < row["odds_low"] < row["odds_ratio"] < row["odds_high"] < np.inf
    assert row["odds_ratio"] < 1


def test_what_says_nothing_has_no_rows(joined: pl.DataFrame) -> None:
    assert mixed_model.mixed(joined, RUNS[:1], FAMILIES, 0.95).is_empty()
    for same in (True, False):
        equal = joined.with_columns(correct=pl.lit(same))
        assert mixed_model.mixed(equal, RUNS, FAMILIES, 0.95).is_empty()
