import polars as pl
from helpers.predictions import RUNS, clips, only

from zerosign.dataset import leakage
from zerosign.scoring import breakdown


def test_breakdown_adds_up_and_knows_the_flags(joined: pl.DataFrame) -> None:
    table = breakdown.breakdown(joined, clips(), RUNS, leakage.flags(clips()), 0.95)
    for by in ("signer", "source", "variant", "train clips", "signer_in_train"):
        assert table.filter(pl.col("run") == "bad", pl.col("by") == by)["n_available"].sum() == 11
    assert only(table, run="good", by="signer_in_train", group="no")["n_available"] == 4  # signer c
    assert only(table, run="bad", by="identical_two_labels", group="yes")["correct"] == 0
    frequencies = table.filter(pl.col("run") == "good", pl.col("by") == "train clips")
    assert set(frequencies["group"]) == {"1 to 2", "3", "4"}


def test_a_filter_gives_both_numbers(joined: pl.DataFrame) -> None:
    flagged = leakage.flags(clips())
    filters = {"unambiguous": ["identical_two_labels"]}
    table = breakdown.filtered(joined, RUNS, flagged, filters, 0.95)
    ambiguous = set(flagged.filter(pl.col("flag") == "identical_two_labels")["video_id"])
    own = joined.filter(pl.col("run") == "bad")
    gone = own.filter(pl.col("video_id").is_in(list(ambiguous)))
    everything, rest = (
        only(table, run="bad", filter=""),
        only(table, run="bad", filter="unambiguous"),
    )
    assert gone.height == rest["n_left_out"] > 0
    assert (everything["correct"], everything["n_available"]) == (5, 11)
    assert rest["correct"] == 5 - gone["correct"].sum()
    assert rest["n_expected"] == everything["n_expected"] - gone.height
