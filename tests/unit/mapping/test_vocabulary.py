"""Glosses as words: how each may be written, and that no two are written alike."""

import unicodedata
from pathlib import Path

import pytest

from zerosign.errors import UserError
from zerosign.mapping.vocabulary import Vocabulary, read_forms


def found(words: Vocabulary, answer: str) -> str | None:
    index = words.find(words.normal(answer))
    return None if index is None else words.glosses[index]


@pytest.mark.parametrize(
    ("answer", "gloss"),
    [
        *[
            ("BOOK", "book"),
            ("books", "book"),
            ("head ache", "headache"),
            ("Head-Ache", "headache"),
        ],
        *[("thankyou", "thank you"), ("notebook", None), ("a bout", None), ("thank", None)],
    ],
)
def test_the_gloss_of_a_word(answer: str, gloss: str | None) -> None:
    assert found(Vocabulary.of(["book", "headache", "thank you", "about"]), answer) == gloss


def test_only_english_is_inflected() -> None:
    assert found(Vocabulary.of(["casa"], "es"), "casas") is None
    assert found(Vocabulary.of(["casa"]), "casas") == "casa"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        *[
            ("Drink", "drink"),
            ("C", "C#"),
            ("thank you", "THANK-YOU"),
            ("HOUSE", "\uff28\uff2f\uff35\uff33\uff25"),
        ],
        (unicodedata.normalize("NFC", "Tür"), unicodedata.normalize("NFD", "Tür")),
    ],
)
def test_glosses_that_no_answer_can_tell_apart(one: str, other: str) -> None:
    with pytest.raises(UserError, match=r"both written .*mapping\.glosses") as caught:
        Vocabulary.of(["book", one, other])
    assert repr(one) in str(caught.value)
    assert repr(other) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("gloss", ["?", "\U0001f600", "…", "-"])
def test_a_gloss_without_a_letter(gloss: str) -> None:
    with pytest.raises(UserError, match="has no letter or digit"):
        Vocabulary.of(["book", gloss])


def test_written_forms_take_the_place_of_a_gloss(tmp_path: Path) -> None:
    path = tmp_path / "forms.csv"
    path.write_text("gloss,form\nC#,C sharp\nC#,c-sharp\n?,question mark\nHOUSE-1,house\n")
    glosses = ["C", "C#", "?", "HOUSE-1"]
    words = Vocabulary.of(glosses, "en", read_forms(path, glosses))
    assert [found(words, text) for text in ("c", "C sharp", "Question mark!", "house")] == glosses
    assert found(words, "house 1") is None
    assert words.names == ["c", "c sharp", "question mark", "house"]
    with pytest.raises(UserError, match=r"forms\.csv: 'C#' is no gloss of the study"):
        read_forms(path, ["C"])
    path.write_text("gloss\nC\n")
    with pytest.raises(UserError, match="needs the columns gloss and form"):
        read_forms(path, ["C"])


def test_right_answers_in_hindi_are_right() -> None:
    glosses = ["दिन", "दीन", "दान", "हिन्दी", "हिंदी", "पानी", "मां", "माँ"]
    words = Vocabulary.of(glosses, "hi")
    for form in ("NFC", "NFD"):
        assert [found(words, unicodedata.normalize(form, gloss)) for gloss in glosses] == glosses


def test_right_answers_in_other_scripts_are_right() -> None:
    glosses = ["แม่", "แมว", "水", "書く", "학교", "собака", "שלום", "كتاب", "እናት", "νερό"]
    words = Vocabulary.of(glosses, "xx")
    assert [found(words, gloss) for gloss in glosses] == glosses
    assert found(words, "แม") is None


def test_turkish_glosses() -> None:
    words = Vocabulary.of(["İŞ", "IŞIK", "kitap"], "tr")
    assert [found(words, text) for text in ("iş", "\u0131ş\u0131k", "KİTAP")] == [
        "İŞ",
        "IŞIK",
        "kitap",
    ]
    assert found(Vocabulary.of(["İŞ"], "en"), "iş") is None


def test_points_of_arabic_and_hebrew_may_be_left_out_where_that_leaves_one_gloss() -> None:
    words = Vocabulary.of(["كِتَاب", "עֵט", "עֶלֶם", "עָלִים", "عِلْم", "عَلَم"], "ar")
    assert found(words, "كتاب") == "كِتَاب"
    assert found(words, "עט") == "עֵט"
    assert found(words, "عِلْم") == "عِلْم"
    assert found(words, "علم") is None
