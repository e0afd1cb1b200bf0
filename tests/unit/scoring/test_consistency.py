"""Several answers about a clip: agreement, accuracy of one and of all, and places in the list."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from helpers.predictions import clips, predictions, run

from zerosign.prompts.prompt_entry import Prompt, Task
from zerosign.scoring import consistency
from zerosign.scoring.joined_runs import join_runs, rate_interval


def joined(
    said: dict[str, list[int | None]], places: dict[str, list[int | None]] | None = None
) -> Any:
    """One run that voted for each clip named; others are answered right by all three votes."""
    frame = predictions({})
    classes = frame["class_index"].to_list()
    ids = frame["video_id"].to_list()
    given = [said.get(i, [c] * 3) for i, c in zip(ids, classes, strict=True)]
    chosen = [
        max(dict.fromkeys(v for v in vote if v is not None), key=vote.count, default=None)
        for vote in given
    ]
    frame = frame.with_columns(
        votes=pl.Series(given, dtype=pl.List(pl.Int32)),
        positions=pl.Series([(places or {}).get(i) for i in ids], dtype=pl.List(pl.Int32)),
        predicted_index=pl.Series(chosen, dtype=pl.Int32),
        correct=pl.Series([a == b for a, b in zip(chosen, classes, strict=True)]),
    )
    return join_runs([("several", frame), ("one", predictions({}))], clips())


def test_consistency() -> None:
    frame = joined({"test00": [1, 0, 1], "test01": [None] * 3, "test02": [0, None, None]})
    table = consistency.consistency(frame, [run("several"), run("one")], 0.95)
    (row,) = table.rows(named=True)  # a run with one answer a clip has no row
    assert (row["run"], row["votes"], row["n_available"]) == ("several", 3, 12)
    # test00 two of three, test02 one of three; in test01 none names a class
    assert row["n_voted"] == 11
    assert row["agreement"] == pytest.approx((9 + 2 / 3 + 1 / 3) / 11)
    assert row["unanimous"] == pytest.approx(9 / 11)
    assert row["single_top1"] == pytest.approx((9 + 1 / 3 + 0 + 1 / 3) / 12)
    assert row["top1"] == pytest.approx(10 / 12)
    several = frame.filter(run="several")
    assert (row["low"], row["high"]) == rate_interval(several, several["correct"], 0.95)


def test_position_biases_of_runs_whose_prompt_lists_the_candidates() -> None:
    frame = joined({}, {"test00": [0, None, 3], "test01": [0, 0, 0]})
    prompts = {"p": Prompt(task=Task.PREDICT, user="{candidates}", orders=3)}
    (row,) = consistency.position_biases(frame, 4, [run("several"), run("one")], prompts).rows(
        named=True
    )
    assert (row["run"], row["orders"], row["n"], row["candidates"]) == ("several", 3, 5, 4)
    assert (row["first_tenth"], row["last_tenth"]) == (0.8, 0.2)
    assert consistency.position_biases(frame, 4, [run("one")], prompts).columns == [
        *consistency.POSITION_BIAS
    ]


def test_position_bias() -> None:
    rng = np.random.default_rng(1)
    p = [consistency.position_bias(rng.integers(0, 300, 668), 300)["p"] for _ in range(400)]
    assert 0.02 <= np.mean(np.array(p) < 0.05) <= 0.09  # holds its level
    early = consistency.position_bias(np.minimum(rng.geometric(0.02, 668), 299), 300)
    assert early["p"] < 1e-6
    assert early["first_tenth"] > 0.4
    # classes that do not divide into ten parts: shares as the parts are large
    uneven = consistency.position_bias(np.arange(16), 16)
    assert uneven["p"] == 1
    assert uneven["first_tenth"] == 2 / 16
    assert consistency.position_bias(np.array([], int), 300)["n"] == 0
