import polars as pl
from helpers.predictions import RUNS, clips, only, widened

from zerosign.scoring import accuracy, relaxed, summary


def test_summary_says_the_same_in_percent(joined: pl.DataFrame) -> None:
    table = accuracy.accuracy(joined, clips(), RUNS, 0.95)
    credited = relaxed.credits(joined, clips(), None)
    forgiven = relaxed.scores(joined, credited, RUNS, [relaxed.SHARED_LABEL], 0.95)
    bad = only(summary.summary(table, forgiven), run="label of bad")
    low, high = widened(joined.filter(pl.col("run") == "bad", pl.col("outcome") != "missing"))
    assert bad["top-1"] == f"45.5 [{100 * low:.1f}, {100 * high:.1f}]"
    assert bad["top-1, shared video label"].startswith("54.5 [")
    assert bad["clips"] == "11 of 12"
    chance = only(summary.summary(table, forgiven), run="chance")
    assert (chance["top-1"], chance["top-1, shared video label"]) == ("25.0", "")
