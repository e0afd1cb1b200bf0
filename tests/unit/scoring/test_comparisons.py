import math

import polars as pl
import pytest
from helpers.predictions import MISTAKES, RUNS, SETTINGS, clips, only, predictions, run

from zerosign.scoring import comparisons, joined_runs
from zerosign.scoring.comparison_families import Family
from zerosign.statistics import detectable_difference, mcnemar

ALL = {"all": Family()}


def test_pairs_of_runs(joined: pl.DataFrame) -> None:
    row = comparisons.compared(joined, RUNS, ALL, SETTINGS).row(0, named=True)
    assert (row["family"], row["n"], row["only_a"], row["only_b"]) == ("all", 11, 6, 0)
    assert row["difference"] == pytest.approx(-6 / 11)
    assert -1 <= row["low"] < row["difference"] < row["high"] <= 1
    assert row["p"] == row["p_holm"] == mcnemar(6, 0)
    # three signers, all on one side: 2 of the 8 swaps are as far out
    assert row["p_signers"] == row["p_signers_holm"] == 2 / 8
    assert row["odds_ratio"] == row["odds_low"] == 0
    assert 0 < row["odds_high"] < math.inf
    assert row["agreement"] == pytest.approx(5 / 11)
    assert comparisons.compared(joined, RUNS[:1], ALL, SETTINGS).is_empty()
    assert comparisons.compared(joined, RUNS, {}, SETTINGS).is_empty()


def test_the_better_run_second(joined: pl.DataFrame) -> None:
    row = comparisons.compared(joined, RUNS[::-1], ALL, SETTINGS).row(0, named=True)
    assert row["difference"] == pytest.approx(6 / 11)
    assert row["odds_ratio"] == row["odds_high"] == math.inf
    assert 0 < row["odds_low"] < 1  # three signers show little


def test_holm_is_within_a_family() -> None:
    frames = [
        (name, predictions(mistakes))
        for name, mistakes in (("a", {}), ("b", MISTAKES), ("c", MISTAKES))
    ]
    joined = joined_runs.join_runs(frames, clips())
    families = {
        "two": Family(runs=("b", "c"), against=("a",)),
        "one": Family(runs=("b",), against=("a",)),
    }
    table = comparisons.compared(joined, [run(name) for name in "abc"], families, SETTINGS)
    assert table["family"].to_list() == ["two", "two", "one"]
    p = mcnemar(6, 0)
    assert table["p"].to_list() == [p] * 3
    assert table["p_holm"].to_list() == [2 * p, 2 * p, p]


def test_a_run_equals_itself(joined: pl.DataFrame) -> None:
    twin = [("good", predictions({})), ("twin", predictions({}))]
    row = comparisons.compared(
        joined_runs.join_runs(twin, clips()), [run("good"), run("twin")], ALL, SETTINGS
    ).row(0, named=True)
    assert (row["difference"], row["p"], row["p_signers"], row["kappa"]) == (0, 1, 1, 1)
    assert row["low"] < 0 < row["high"]
    assert row["odds_ratio"] is row["odds_low"] is None


def test_two_failures_of_one_kind_agree_and_of_two_kinds_do_not() -> None:
    silent = {"test00": ("empty", None, "", "")}
    other = {"test00": ("refused", None, "", "")}
    for second, agreement in ((silent, 1.0), (other, 11 / 12)):
        frames = [("a", predictions(silent)), ("b", predictions(second))]
        joined = joined_runs.join_runs(frames, clips())
        table = comparisons.compared(joined, [run("a"), run("b")], ALL, SETTINGS)
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
    runs = [run("bad"), run("other"), run("third")]
    families = {"against bad": Family(runs=("other", "third"), against=("bad",))}
    table = comparisons.power(joined, runs, families, 0.95)
    assert table.select("family", "comparisons").rows() == [(None, 1), ("against bad", 2)]
    alone, of_two = table.iter_rows(named=True)
    assert alone["n_available"] == 660
    assert alone["detectable_nested"] < alone["detectable_independent"] < 0.1
    assert of_two["level"] == pytest.approx(0.025)
    for row, level in ((alone, 0.05), (of_two, 0.025)):
        for nested in (True, False):
            column = "detectable_nested" if nested else "detectable_independent"
            expected = detectable_difference(660, row["top1"], level, 0.8, nested)
            assert row[column] == expected
    assert alone["detectable_independent"] < of_two["detectable_independent"]
