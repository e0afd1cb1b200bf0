import pytest
from helpers.predictions import clips, predictions, run, scored

from zerosign.scoring import calibration, joined_runs


def test_calibration_of_runs_that_scored_the_classes() -> None:
    joined = joined_runs.join_runs([("ranked", scored()), ("good", predictions({}))], clips())
    table = calibration.calibration(joined, [run("ranked"), run("good")], 0.95)
    (row,) = table.rows(named=True)
    assert (row["run"], row["n_scored"], row["top1"]) == ("ranked", 12, 10 / 12)
    assert row["top5"] == 9 / 12  # all but the class none
    assert row["probability"] == pytest.approx((4 * 0.5 + 8 * 0.9) / 12)
    # two of the four less sure ones are right, and all of the others
    assert row["ece"] == pytest.approx(8 / 12 * 0.1)
    # the four less sure ones are half wrong, and the others a tenth
    assert row["brier"] == pytest.approx((4 * 0.5**2 + 8 * 0.1**2) / 12)
