import polars as pl
import pytest
from helpers.predictions import clips, predictions

from zerosign.errors import UserError
from zerosign.scoring import joined_runs


def test_runs_must_cover_the_same_clips() -> None:
    with pytest.raises(UserError, match="bad and good cover different clips"):
        joined_runs.join_runs([("good", predictions({})), ("bad", predictions({})[1:])], clips())
    with pytest.raises(UserError, match=r"clip test00 is not in clips\.parquet"):
        train = clips().filter(pl.col("split") == "train")
        joined_runs.join_runs([("good", predictions({}))], train)
