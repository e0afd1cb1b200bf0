"""What the runs really said, as words."""

import polars as pl
import pytest
from helpers.predictions import RUNS, clips, only, predictions, run, scored

from zerosign.scoring import answer_strings
from zerosign.scoring.joined_runs import join_runs


@pytest.fixture
def elephants() -> pl.DataFrame:
    """A run that says "elephant" of most clips, which similarity takes for a car."""
    said = {
        f"test{i}{k}": ("classified", 0, "elephant", "Elephant.") for i in (0, 1) for k in range(3)
    }
    said["test20"] = ("classified", 0, "elephant", "ELEPHANT")
    said["test21"] = ("refused", None, "unknown", "Unknown")
    said["test22"] = ("missing", None, "", "")
    return join_runs([("good", predictions(said)), ("ranked", scored())], clips())


def test_a_run_is_reported_by_what_it_said_and_not_by_its_classes(elephants: pl.DataFrame) -> None:
    found = answer_strings.commonest(elephants, [run("good"), run("ranked")])
    assert set(found["run"]) == {"good"}  # the other scored the classes and said nothing
    first = found.row(0, named=True)
    assert (first["answer"], first["n"], first["share"]) == ("Elephant.", 7, 7 / 11)
    assert (first["outcome"], first["step"], first["predicted"]) == (
        "classified",
        "similarity",
        "car",
    )
    assert found["answer"].to_list() == ["Elephant.", "none", "Unknown"]
    assert only(found, answer="Unknown")["predicted"] is None


def test_spread_of_wordings(elephants: pl.DataFrame) -> None:
    row = only(answer_strings.spread(elephants, [run("good"), run("ranked")]), run="good")
    assert (row["answers"], row["wordings"], row["commonest"]) == (11, 3, "Elephant.")
    assert row["top1_share"] == pytest.approx(7 / 11)
    assert row["hhi"] == pytest.approx((49 + 9 + 1) / 121)


def test_a_run_without_any_text() -> None:
    silent = predictions(
        {f"test{i}{k}": ("empty", None, "", " ") for i in range(4) for k in range(3)}
    )
    joined = join_runs([("good", silent)], clips())
    assert answer_strings.commonest(joined, RUNS[:1]).is_empty()
    assert answer_strings.spread(joined, RUNS[:1]).is_empty()
