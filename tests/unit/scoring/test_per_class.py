import numpy as np
import polars as pl
from helpers.predictions import RUNS, clips, only

from zerosign.dataset import leakage
from zerosign.scoring import breakdown, outcome_counts, per_class


def test_per_gloss_and_confusions(joined: pl.DataFrame) -> None:
    book = only(per_class.per_gloss(joined, RUNS), run="bad", gloss="book")
    assert (book["n_available"], book["correct"], book["commonest_error"]) == (3, 1, "dad")
    car = only(per_class.per_gloss(joined, RUNS), run="bad", gloss="car")
    assert (car["n_expected"], car["n_available"], car["top1"]) == (3, 2, 0)
    # in all, 5 of 11 are right: a class of two clips is not trusted to be at 0
    assert car["top1"] < car["shrunk"] < 5 / 11
    table = per_class.confusions(joined, RUNS)
    assert only(table, run="bad", gloss="book", predicted="dad")["n"] == 1
    assert table.filter(pl.col("run") == "bad")["n"].sum() == 8


def test_order_of_predictions_does_not_matter(joined: pl.DataFrame) -> None:
    shuffled = joined.sample(fraction=1, shuffle=True, seed=1)
    for table in (
        per_class.per_gloss,
        outcome_counts.outcomes,
        per_class.confusions,
    ):
        assert table(joined, RUNS).equals(table(shuffled, RUNS))
    a, b = (
        breakdown.breakdown(frame, clips(), RUNS, leakage.flags(clips()), 0.95)
        for frame in (joined, shuffled)
    )
    assert a.equals(b)
    assert np.isfinite(a["top1"].to_numpy()).all()
