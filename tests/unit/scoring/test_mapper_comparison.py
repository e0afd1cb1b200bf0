import polars as pl
import pytest
from helpers.predictions import RUNS, clips, only, predictions, run, scored

from zerosign.mapping.mappers import of_free_answers
from zerosign.scoring import joined_runs, mapper_comparison


def test_a_run_that_scored_the_classes_has_one_mapper() -> None:
    joined = joined_runs.join_runs([("ranked", scored()), ("good", predictions({}))], clips())
    runs = [run("ranked"), run("good")]
    table = mapper_comparison.rates(joined, runs, 0.95)
    row = only(table, run="ranked")
    assert (row["mapper"], row["classified"], row["top1"]) == ("likelihood", 12, 10 / 12)
    assert table.filter(run="good")["mapper"].to_list() == list(of_free_answers())
    agree = mapper_comparison.agreement(joined, runs)
    assert set(agree["run"]) == {"good"}
    # The same checkpoint, prompt and frames: 10 of 12 clips have the class that "good" names.
    row = only(agree, mapper_a="lexical_similarity", mapper_b="likelihood")
    assert (row["n_available"], row["agreement"]) == (12, pytest.approx(10 / 12))
    others = [run("ranked").model_copy(update={"checkpoint": "another"}), run("good")]
    assert "likelihood" not in mapper_comparison.agreement(joined, others)["mapper_b"]


def test_mappers(joined: pl.DataFrame) -> None:
    table = mapper_comparison.rates(joined, RUNS, 0.95)
    strict = only(table, run="bad", mapper="strict")
    # "The sign is BOOK." needs normalisation; " Car" does not
    assert (strict["correct"], strict["classified"], strict["n_available"]) == (4, 6, 11)
    assert strict["top1_answered"] == pytest.approx(4 / 10)
    assert only(table, run="bad", mapper="lexical")["classified"] == 7
    assert only(table, run="bad", mapper="lexical_similarity")["classified"] == 8
    assert only(table, run="bad", mapper="nearest")["classified"] == 9
    agree = mapper_comparison.agreement(joined, RUNS)
    assert only(agree, run="good", mapper_a="strict", mapper_b="nearest")["kappa"] == 1
    pair = only(agree, run="bad", mapper_a="strict", mapper_b="lexical")
    assert pair["agreement"] == pytest.approx(10 / 11)
    assert pair["kappa"] < pair["agreement"]
