"""From the answers of a run to a prediction for every clip; several answers vote."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
import pytest

from zerosign.errors import UserError
from zerosign.mapping.mapper import PREDICTIONS, map_answers
from zerosign.mapping.mapping_settings import MappingSettings
from zerosign.mapping.vocabulary import Vocabulary
from zerosign.prompts.candidates import listed, questions
from zerosign.prompts.prompt_entry import Prompt, Task

GLOSSES = ["book", "drink", "cat", "none"]
VECTORS = {  # an encoder by hand: unit vectors in a plane
    **{"book": (1.0, 0.0), "drink": (0.0, 1.0), "cat": (0.0, 1.0), "none": (-1.0, 0.0)},
    **{"novel": (0.96, 0.28), "between": (0.6, 0.8), "far": (0.0, -1.0), "kitty": (0.1, 0.995)},
}


WORDS = Vocabulary.of(GLOSSES)


def settings(mapper: str, threshold: float = 0.5) -> MappingSettings:
    """Settings of a study that counts by this mapper."""
    encoder = {"checkpoint": "package:none"}
    return MappingSettings.of({"mapper": mapper, "encoder": encoder, "threshold": threshold})


def encode(texts: Sequence[str]) -> np.ndarray:
    return np.array([VECTORS[text] for text in texts], dtype=np.float32)


@pytest.fixture
def clips() -> pl.DataFrame:
    rows = [(f"{i:05}", GLOSSES[i % 4], i % 4, "test" if i < 12 else "train") for i in range(16)]
    return pl.DataFrame(
        rows,
        schema={
            "video_id": pl.String,
            "gloss": pl.String,
            "class_index": pl.Int32,
            "split": pl.String,
        },
        orient="row",
    )


def answers(*rows: tuple[str, str], **extra: Any) -> pl.DataFrame:
    """Answers from (text, finish) in the order of the clips."""
    frame = pl.DataFrame(
        {
            "video_id": [f"{i:05}" for i in range(len(rows))],
            "question": [""] * len(rows),
            "text": [text for text, _ in rows],
            "finish": [finish for _, finish in rows],
        }
    )
    return frame.with_columns(**extra)


def mapped(frame: pl.DataFrame, clips: pl.DataFrame, threshold: float = 0.5) -> pl.DataFrame:
    expected = clips.filter(pl.col("split") == "test")
    return map_answers(frame, expected, WORDS, encode, settings("lexical_similarity", threshold))


def test_every_outcome_and_step(clips: pl.DataFrame) -> None:
    found = mapped(
        answers(
            ("The sign is BOOK.", "stop"),
            ("novel", "stop"),
            ("far", "stop"),
            ("I don't know", "stop"),
            (" . ", "stop"),
            ("The hands", "length"),
            ("<think>The hands", "length"),
            ("Drink\nThe hands", "length"),
            ("", "error"),
            ("", "missing"),
            ("none", "stop"),
        ),
        clips,
    )
    assert found.schema == PREDICTIONS
    assert found["video_id"].to_list() == [f"{i:05}" for i in range(12)]
    assert found["outcome"].to_list() == [
        *[
            "classified",
            "classified",
            "out_of_vocabulary",
            "refused",
            "empty",
            "cut_off",
            "cut_off",
        ],
        *["classified", "error", "missing", "classified", "missing"],
    ]
    assert found["predicted"].to_list() == [
        *["book", "book", None, None, None, None, None, "drink", None, None, "none", None]
    ]
    assert found["step"].to_list() == [
        *["exact", "similarity", "none", "none", "none", "none", "none"],
        *["exact", "none", "none", "exact", "none"],
    ]
    assert found["similarity"].to_list()[:3] == [1.0, 0.96, 0.0]
    assert found["nearest_gloss"].to_list()[:3] == [None, "book", "book"]
    assert found["correct"].to_list() == [True, *[False] * 11]


def test_a_study_counts_by_the_mapper_that_it_names(clips: pl.DataFrame) -> None:
    """Whichever it is, the class of every mapper is there."""
    frame = answers(
        (" Book", "stop"), ("The sign is BOOK.", "stop"), ("novel", "stop"), ("far", "stop")
    )
    expected = clips.filter(pl.col("split") == "test").head(4)
    columns = {
        "strict": [0, None, None, None],
        "lexical": [0, 0, None, None],
        "lexical_similarity": [0, 0, 0, None],
        "nearest": [0, 0, 0, 0],
    }
    for name, classes in columns.items():
        found = map_answers(frame, expected, WORDS, encode, settings(name))
        assert found["mapper"].unique().to_list() == [name]
        assert found["predicted_index"].to_list() == classes
        assert found["outcome"].to_list() == [
            "out_of_vocabulary" if index is None else "classified" for index in classes
        ]
        assert {each: found[each].to_list() for each in columns} == columns
        assert found["likelihood"].null_count() == 4


def test_each_mapper_has_its_own_vote(clips: pl.DataFrame) -> None:
    frame = asked_in_orders(("novel", "stop"), ("novel", "stop"), ("The cat.", "stop"))
    expected = clips.filter(pl.col("split") == "test")
    found = map_answers(frame, expected, WORDS, encode, settings("lexical")).row(0, named=True)
    assert (found["lexical"], found["lexical_similarity"], found["strict"]) == (2, 0, None)
    assert (found["predicted"], found["text"], found["votes"]) == (
        "cat",
        "The cat.",
        [None, None, 2],
    )


def test_what_a_provider_says_of_an_answer_is_its_outcome(clips: pl.DataFrame) -> None:
    ends = ["refused", "blocked", "empty"]
    found = mapped(answers(("book", "refused"), ("", "blocked"), ("", "empty")), clips)
    assert found["outcome"].to_list()[:3] == ends and found["predicted"].to_list()[:3] == [None] * 3
    assert found["step"].to_list()[:3] == ["none"] * 3


def test_threshold_and_ties(clips: pl.DataFrame) -> None:
    frame = answers(("kitty", "stop"), ("between", "stop"))
    at = mapped(frame, clips, threshold=0.995)
    # drink and cat share a vector: the lower class index wins
    assert at["predicted"].to_list()[:2] == ["drink", None]
    assert mapped(frame, clips, 0.996)["outcome"].to_list()[0] == "out_of_vocabulary"
    assert mapped(frame, clips, -1)["predicted"].to_list()[1] == "drink"


def test_a_cut_off_answer_never_takes_the_class_of_an_equal_whole_one(clips: pl.DataFrame) -> None:
    found = mapped(answers(("novel", "stop"), ("novel", "length")), clips)
    assert found["outcome"].to_list()[:2] == ["classified", "cut_off"]


def test_likelihood_scores_decide_and_rank(clips: pl.DataFrame) -> None:
    frame = answers(
        ("x", "stop"),
        ("", "stop"),
        ("", "missing"),
        # as inference writes them: likeliest first
        labels=pl.Series(
            [["cat", "drink", "book", "none"], ["book", "none", "cat", "drink"], None]
        ),
        scores=pl.Series([[-0.5, -0.5, -1.0, -9.0], [0.0, -1.0, -2.0, -3.0], None]),
    )
    found = mapped(frame, clips)
    assert found["step"].to_list()[:3] == ["likelihood", "likelihood", "none"]
    assert found["predicted"].to_list()[:3] == ["drink", "book", None]
    assert found["top5"].to_list()[:3] == [[1, 2, 0, 3], [0, 3, 2, 1], None]
    chances = np.exp([0.0, -1.0, -2.0, -3.0])
    assert found["probability"][1] == pytest.approx(1 / chances.sum() * chances[0])
    assert found["probability"][2] is None


def test_faulty_answers_are_one_line(clips: pl.DataFrame) -> None:
    twice = pl.concat([answers(("book", "stop"))] * 2)
    with pytest.raises(UserError, match="00000 is answered twice"):
        mapped(twice, clips)
    stranger = answers(("book", "stop")).with_columns(video_id=pl.lit("99999"))
    with pytest.raises(UserError, match=r"clip 99999 .* none of the expected"):
        mapped(stranger, clips)
    scored = {"scores": pl.Series([[0.0, -1.0]]), "labels": pl.Series([["book", "drink"]])}
    with pytest.raises(UserError, match="00000 has scores of 2 labels that are not the 4 glosses"):
        mapped(answers(("", "stop"), **scored), clips)


def asked_in_orders(*said: tuple[str, str]) -> pl.DataFrame:
    """Answers (text, finish) to the questions of the first clip, in as many orders."""
    frame = answers(*said)
    prompt = Prompt(task=Task.PREDICT, user="Which sign is this?", orders=len(said))
    names = pl.Series(questions(prompt))
    return frame.with_columns(video_id=pl.lit("00000"), question=names)


@pytest.mark.parametrize(
    ("said", "predicted", "text", "votes"),
    [
        (["drink", "The cat.", "cat"], "cat", "The cat.", [1, 2, 2]),
        (["drink", "cat"], "drink", "drink", [1, 2]),  # a tie goes to the first order
        (["I don't know", "far", "cat"], "cat", "cat", [None, None, 2]),
        (["I don't know", "far", "far"], None, "I don't know", [None, None, None]),
    ],
)
def test_answers_in_several_orders_vote(
    clips: pl.DataFrame,
    said: list[str],
    predicted: str | None,
    text: str,
    votes: list[int | None],
) -> None:
    found = mapped(asked_in_orders(*[(answer, "stop") for answer in said]), clips)
    row = found.row(0, named=True)
    assert (row["predicted"], row["text"], row["votes"]) == (predicted, text, votes)
    assert row["positions"] is None
    assert found.height == 12
    assert found["votes"].to_list()[1:] == [[None]] * 11


def test_samples_vote_by_class_and_each_by_its_own_end(clips: pl.DataFrame) -> None:
    frame = answers(("book", "stop"), ("", "error")).with_columns(
        samples=pl.Series([["book", "The cat.", "novel", "CAT", "novel"], None]),
        finishes=pl.Series([["stop", "stop", "length", "stop", "length"], None]),
    )
    found = mapped(frame, clips)
    # a sample that was cut off is no novel, which is near to book
    assert found["votes"].to_list()[:2] == [[0, 2, None, 2, None], [None]]
    assert found["predicted"].to_list()[:2] == ["cat", None]
    assert found["outcome"].to_list()[:2] == ["classified", "error"]


def test_places_in_the_list_that_each_question_showed(clips: pl.DataFrame) -> None:
    expected = clips.filter(pl.col("split") == "test")
    frame = asked_in_orders(("cat", "stop"), ("far", "stop"), ("drink", "stop"))
    found = map_answers(frame, expected, WORDS, encode, settings("lexical"), candidates=True)
    lists = [listed(GLOSSES, "00000", f"order {n}") for n in range(3)]
    assert found["positions"][0].to_list() == [
        lists[0].index("cat"),
        None,
        lists[2].index("drink"),
    ]
    alphabetical = map_answers(
        answers(("cat", "stop")), expected, WORDS, encode, settings("lexical"), candidates=True
    )
    assert alphabetical["positions"][0].to_list() == [sorted(GLOSSES).index("cat")]
