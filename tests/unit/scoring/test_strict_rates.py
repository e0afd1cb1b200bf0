"""Strict matches next to published ones."""

from pathlib import Path

import polars as pl
import pytest
from helpers.predictions import MISTAKES, RUNS, clips, only, predictions, run, scored, synonyms

from zerosign.scoring import published_rates, strict_rates
from zerosign.scoring.joined_runs import join_runs
from zerosign.scoring.strict_rates import SCHEMA

RATES = Path(__file__).parents[3] / "config/published.csv"
SYNONYMS = synonyms((0, "car", "auto", "n.1", None), (0, "car", "motorcar", "n.1", None))


def test_strict_rates_and_synonyms(joined: pl.DataFrame) -> None:
    found = strict_rates.rates(joined, RUNS, SYNONYMS, 0.95)
    assert found.schema == SCHEMA
    good, bad = (only(found, run=name) for name in ("good", "bad"))
    assert (good["strict"], good["synonyms"], good["n"]) == (1, 1, 12)
    # "auto" is a synonym, strictly; "The sign is motorcar." and "The sign is BOOK." are no matches
    assert (bad["strict"], bad["n"]) == (pytest.approx(4 / 11), 11)
    assert bad["synonyms"] == pytest.approx(5 / 11)
    assert bad["strict_low"] < bad["strict"] < bad["strict_high"]
    without = strict_rates.rates(joined, RUNS, None, 0.95)
    assert without["synonyms"].null_count() == 2


def test_a_run_that_scored_the_classes_has_no_answers_to_match() -> None:
    frames = [("ranked", scored()), ("bad", predictions(MISTAKES))]
    found = strict_rates.rates(join_runs(frames, clips()), [run("ranked"), run("bad")], None, 0.95)
    assert found["run"].to_list() == ["bad"]


def test_published_zero_shot_rates_are_shares() -> None:
    found = strict_rates.published(published_rates.read(RATES, "WLASL300"))
    assert found.schema == SCHEMA
    row = only(found, label="GPT-5 (64 frames)")
    assert (row["strict"], row["synonyms"], row["n"]) == (
        pytest.approx(0.1467),
        pytest.approx(0.1796),
        668,
    )
    assert "NLA-SLR" not in " ".join(found["label"])
    assert strict_rates.published(published_rates.read(RATES, "demo")).is_empty()
