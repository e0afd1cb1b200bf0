import polars as pl
import pytest
from helpers.predictions import MISTAKES, clips, only, predictions, run
from scipy.stats import binom

from zerosign.scoring import chance, joined_runs
from zerosign.statistics import cluster_codes, clustered_wilson


def test_a_good_run_and_one_that_nobody_can_tell_from_guessing(joined: pl.DataFrame) -> None:
    table = chance.against_chance(joined, 4, [run("good"), run("bad")], 0.95)
    good, bad = (only(table, run=name) for name in ("good", "bad"))
    assert (good["correct"], good["n_available"], good["chance"]) == (12, 12, 0.25)
    assert good["p"] == pytest.approx(0.25**12)
    assert (bad["correct"], bad["n_available"]) == (5, 11)
    assert bad["p"] == pytest.approx(binom.sf(4, 11, 0.25))
    for row in (good, bad):
        assert row["at_least"] <= row["top1"] <= row["at_most"] <= 1


def test_limits_are_one_sided(joined: pl.DataFrame) -> None:
    row = chance.against_chance(joined, 4, [run("bad")], 0.95).row(0, named=True)
    seen = joined.filter(joined_runs.available(), run="bad")
    values = seen["correct"].to_numpy().astype(float)
    low, high, _ = clustered_wilson(values, 0.9, cluster_codes(seen["signer"].to_list()))
    assert (row["at_least"], row["at_most"]) == pytest.approx((low, high))


def test_nothing_right_is_no_better_than_a_limit() -> None:
    wrong = {f"test{c}{k}": ("empty", None, "", "") for c in range(4) for k in range(3)}
    joined = joined_runs.join_runs([("none", predictions(wrong))], clips())
    row = chance.against_chance(joined, 4, [run("none")], 0.95).row(0, named=True)
    assert (row["p"], row["at_least"]) == (1, 0)
    assert 0 < row["at_most"] < 1


def test_a_run_without_clips_has_no_row() -> None:
    gone = {f"test{c}{k}": ("missing", None, "", "") for c in range(4) for k in range(3)}
    joined = joined_runs.join_runs([("good", predictions(gone | MISTAKES))], clips())
    assert chance.against_chance(joined.head(0), 4, [run("good")], 0.95).is_empty()
