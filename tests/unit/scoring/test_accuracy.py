import polars as pl
import pytest
from helpers.predictions import RUNS, SETTINGS, clips, only, predictions, run, widened

from zerosign.scoring import accuracy, comparisons, joined_runs, relaxed, summary
from zerosign.statistics import wilson


def test_accuracy_over_available_and_over_all(joined: pl.DataFrame) -> None:
    table = accuracy.accuracy(joined, clips(), RUNS, 0.95)
    bad = only(table, run="bad")
    assert (bad["n_expected"], bad["n_available"], bad["correct"]) == (12, 11, 5)
    of_bad = joined.filter(run="bad")
    assert (bad["low"], bad["high"]) == widened(of_bad.filter(pl.col("outcome") != "missing"))
    plain = wilson(5, 11, 0.95)
    assert bad["low"] < plain[0] and bad["high"] > plain[1]
    assert bad["top1_all"] == pytest.approx(5 / 12)
    assert (bad["low_all"], bad["high_all"]) == widened(of_bad)
    # car 0 of 2, book 1 of 3, dad 1 of 3, none 3 of 3
    assert bad["macro_accuracy"] == pytest.approx((0 + 1 / 3 + 1 / 3 + 1) / 4)
    assert bad["macro_low"] <= bad["macro_accuracy"] <= bad["macro_high"]
    assert only(table, run="good")["top1"] == 1


def test_baselines_need_no_model(joined: pl.DataFrame) -> None:
    table = accuracy.accuracy(joined, clips(), RUNS, 0.95)
    names = ("chance", "majority", "train-prior")
    chance, majority, prior = (only(table, run=name) for name in names)
    assert chance["top1"] == pytest.approx(1 / 4)
    assert chance["low"] is None
    # car has the most train clips; all 12 clips were read by some run
    assert (majority["correct"], majority["n_available"]) == (3, 12)
    assert prior["top1"] == pytest.approx(sum(n / 10 * 3 / 12 for n in (4, 3, 2, 1)))
    untrained = accuracy.accuracy(joined, clips().filter(pl.col("split") == "test"), RUNS, 0.95)
    assert untrained.filter(pl.col("kind") == "baseline")["run"].to_list() == ["chance"]


def test_a_run_that_read_nothing_has_no_rate() -> None:
    nothing = predictions(dict.fromkeys(predictions({})["video_id"], ("missing", None, "", "")))
    joined = joined_runs.join_runs([("none", nothing)], clips())
    row = only(accuracy.accuracy(joined, clips(), [run("none")], 0.95), run="none")
    assert row["top1"] is row["low"] is row["macro_accuracy"] is None
    assert row["top1_all"] == 0
    assert comparisons.intervals(joined, [run("none")], SETTINGS).is_empty()


def test_top5_from_scores() -> None:
    frame = predictions({}, {"test00": [1, 2, 0], "test01": [1, 2, 3]})
    joined = joined_runs.join_runs([("ranked", frame)], clips())
    row = only(accuracy.accuracy(joined, clips(), [run("ranked")], 0.95), run="ranked")
    # A hit, a miss, and ten clips that failed, which are misses too.
    assert (row["n_top5"], row["top5"]) == (12, pytest.approx(1 / 12))


def test_one_signer_gives_no_interval(joined: pl.DataFrame) -> None:
    alone = joined.with_columns(signer=pl.lit("a"))
    table = accuracy.accuracy(alone, clips(), RUNS, 0.95)
    row = only(table, run="bad")
    assert row["low"] is row["high"] is row["macro_low"] is None
    forgiven = relaxed.scores(alone, relaxed.credits(alone, clips(), None), RUNS, [], 0.95)
    assert only(summary.summary(table, forgiven), run="label of bad")["top-1"] == "45.5"
