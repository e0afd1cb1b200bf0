import polars as pl
import pytest
from helpers.predictions import MISTAKES, RUNS, SETTINGS, clips, only, predictions, run

from zerosign.scoring import comparisons, joined_runs
from zerosign.statistics import mcnemar


def test_pairs_of_runs(joined: pl.DataFrame) -> None:
    row = comparisons.pairs(joined, RUNS, SETTINGS).row(0, named=True)
    assert (row["n"], row["only_a"], row["only_b"]) == (11, 6, 0)
    assert row["difference"] == pytest.approx(-6 / 11)
    assert row["p"] == row["p_holm"] == mcnemar(6, 0)
    assert row["agreement"] == pytest.approx(5 / 11)
    assert comparisons.pairs(joined, RUNS[:1], SETTINGS).is_empty()


def test_a_run_equals_itself(joined: pl.DataFrame) -> None:
    twin = [("good", predictions({})), ("twin", predictions({}))]
    row = comparisons.pairs(
        joined_runs.join_runs(twin, clips()), [run("good"), run("twin")], SETTINGS
    ).row(0, named=True)
    assert (row["difference"], row["p"], row["kappa"]) == (0, 1, 1)


def test_two_failures_of_one_kind_agree_and_of_two_kinds_do_not() -> None:
    silent = {"test00": ("empty", None, "", "")}
    other = {"test00": ("refused", None, "", "")}
    for second, agreement in ((silent, 1.0), (other, 11 / 12)):
        frames = [("a", predictions(silent)), ("b", predictions(second))]
        joined = joined_runs.join_runs(frames, clips())
        table = comparisons.pairs(joined, [run("a"), run("b")], SETTINGS)
        assert table["agreement"][0] == pytest.approx(agreement)


def test_intervals_widen_with_clusters(joined: pl.DataFrame) -> None:
    table = comparisons.intervals(joined, RUNS, 0.95)
    rows = table.filter(pl.col("run") == "bad")
    assert rows.height == 4
    plain = only(rows, method="wilson")
    for row in rows.filter(pl.col("method") == "wilson, design effect").iter_rows(named=True):
        assert row["high"] - row["low"] >= plain["high"] - plain["low"]


def test_power_of_668_clips() -> None:
    bad = predictions(MISTAKES)
    big = pl.concat([bad.with_columns(video_id=pl.col("video_id") + f"_{i}") for i in range(60)])
    joined = big.with_columns(run=pl.lit("bad"))
    row = comparisons.power(joined, [run("bad")], 0.95).row(0, named=True)
    assert row["n_available"] == 660
    assert row["detectable_nested"] < row["detectable_independent"] < 0.1
