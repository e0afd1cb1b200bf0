import polars as pl
import pytest
from helpers.predictions import GLOSSES, RUNS, only

from zerosign.scoring import outcome_counts


def test_outcomes_add_up(joined: pl.DataFrame) -> None:
    table = outcome_counts.outcomes(joined, RUNS)
    bad = only(table, run="bad")
    assert (bad["classified"], bad["out_of_vocabulary"], bad["refused"]) == (8, 1, 1)
    assert (bad["error"], bad["missing"], bad["empty"], bad["cut_off"]) == (1, 1, 0, 0)
    assert (bad["by_exact"], bad["by_similarity"], bad["correct"]) == (7, 1, 5)
    assert table["run"].to_list() == ["good", "bad"]


def test_spread_of_answers(joined: pl.DataFrame) -> None:
    row = only(outcome_counts.predicted(joined, len(GLOSSES), RUNS), run="good")
    assert (row["classified"], row["classes_named"], row["classes"]) == (12, 4, 4)
    assert row["entropy_normalised"] == pytest.approx(1)
