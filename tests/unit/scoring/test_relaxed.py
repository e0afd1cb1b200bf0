import polars as pl
from helpers.predictions import RUNS, clips, only, synonyms

from zerosign.dataset.leakage import shared_labels
from zerosign.scoring import relaxed


def test_relations_forgive_what_they_say(joined: pl.DataFrame) -> None:
    table = synonyms(
        (0, "car", "auto", "noun:1", None),
        (0, "car", "motorcar", "noun:1", None),
        (2, "dad", "car", "noun:9", 0),
        (1, "book", "i do not know", "noun:2", None),
    )
    credited = relaxed.credits(joined, clips(), table)
    kinds = [relaxed.ALL_SYNONYMS, relaxed.OTHER_WORDS, relaxed.SHARED_LABEL]
    found = relaxed.scores(joined, credited, RUNS, kinds, 0.95)
    gained = {row["relation"]: row["gained"] for row in found.rows(named=True)[4:]}
    # a refusal is no synonym; car for dad counts only with the synonyms that are classes
    assert gained == {
        "exact label": 0,
        relaxed.ALL_SYNONYMS: 3,
        relaxed.OTHER_WORDS: 2,
        relaxed.SHARED_LABEL: 1,
    }
    assert only(found, run="bad", relation=relaxed.ALL_SYNONYMS)["correct"] == 8
    assert only(found, run="good", relation=relaxed.SHARED_LABEL)["top1"] == 1
    matches = relaxed.matches(joined, credited)
    assert only(matches, credited="motorcar", relation=relaxed.OTHER_WORDS)["gloss"] == "car"
    assert only(matches, relation=relaxed.SHARED_LABEL)["credited"] == "dad"


def test_a_shared_label_is_a_video_under_two_glosses() -> None:
    assert shared_labels(clips()).rows() == [(1, 2), (2, 1)]


def test_a_credit_counts_once(joined: pl.DataFrame) -> None:
    table = synonyms(
        (0, "car", "auto", "noun:1", None), (0, "car", "book", "noun:2", 1)
    )  # test01 said auto and was mapped to book
    credited = relaxed.credits(joined, clips(), table)
    found = relaxed.scores(joined, credited, RUNS, [relaxed.ALL_SYNONYMS], 0.95)
    assert only(found, run="bad", relation=relaxed.ALL_SYNONYMS)["gained"] == 1
