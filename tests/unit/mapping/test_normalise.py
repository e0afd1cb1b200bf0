"""Words as they are compared, in any script."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zerosign.mapping.inflection import base_forms
from zerosign.mapping.normalise import normal, visible, without_optional_marks


@pytest.mark.parametrize(
    ("answer", "left"),
    [
        ("<think>It looks like run.</think>book", "book"),
        ("It looks like run.</think>\n\nBook", "Book"),
        ("<think>The hands", ""),
        ("\u25c1think\u25b7no\u25c1/think\u25b7book", "book"),
        ("<answer>dance</answer>", "dance"),
        ("The final answer is \\boxed{dance}", "dance"),
        ("$\\boxed{\\text{dance}}$", "dance"),
        ("<|begin_of_box|>dance<|end_of_box|>", "dance"),
        ("dance</s>", "dance"),
        ("\u201cBook\u201d", '"Book"'),
        ("\uff22\uff4f\uff4f\uff4b", "Book"),
    ],
)
def test_what_is_visible_of_an_answer(answer: str, left: str) -> None:
    assert visible(answer) == left


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("  Thank-You!\n", "thank you"),
        ("DON'T 'know'", "don't know"),
        ("snake_case", "snake case"),
        ("HAPPY \U0001f60a", "happy"),
        ("heart\ufe0f", "heart"),
        ("co\u00adoperate", "cooperate"),
        ("\u201cStra\u00dfe\u201d", "strasse"),
        ("\u03a3\u039f\u03a6\u039f\u03a3", "\u03c3\u03bf\u03c6\u03bf\u03c3"),
        ("", ""),
        ("?", ""),
    ],
)
def test_normal(text: str, words: str) -> None:
    assert normal(text) == words


def test_vowels_of_hindi_and_thai_are_kept() -> None:
    words = ["दिन", "दीन", "दान", "हिन्दी", "แม่", "แมว", "แม"]
    assert [normal(word) for word in words] == [unicodedata.normalize("NFKC", w) for w in words]


@pytest.mark.parametrize("word", ["T\u00fcr", "\u0939\u093f\u0928\u094d\u0926\u0940", "\u304c"])
def test_composed_and_decomposed_letters_are_the_same(word: str) -> None:
    assert normal(unicodedata.normalize("NFD", word)) == normal(unicodedata.normalize("NFC", word))


def test_turkish_i() -> None:
    assert normal("İŞ", "tr") == normal("iş", "tr") == "iş"
    assert normal("IŞIK", "tr") == normal("\u0131ş\u0131k", "tr") == "\u0131ş\u0131k"
    assert normal("I", "tr") != normal("İ", "tr")
    assert normal("I") == "i"


def test_marks_that_may_be_left_out() -> None:
    assert without_optional_marks(normal("كِتَاب")) == normal("كتاب")
    assert without_optional_marks(normal("סֵפֶר")) == normal("ספר")
    assert normal("كـــتاب") == normal("كتاب")
    assert without_optional_marks(normal("हिन्दी")) == normal("हिन्दी")


@given(st.text(), st.sampled_from(["en", "tr"]))
def test_normal_is_idempotent_and_never_raises(text: str, language: str) -> None:
    once = normal(visible(text), language)
    assert normal(once, language) == once


@pytest.mark.parametrize(
    ("form", "first"),
    [
        *[("hoping", "hope"), ("visiting", "visite")],
        *[("studies", "study"), ("wives", "wive"), ("women", "woman"), ("dresses", "dresse")],
        *[("ice creams", "ice cream"), ("colour", "color"), ("centre", "center")],
    ],
)
def test_base_forms_in_order(form: str, first: str) -> None:
    assert base_forms(form)[0] == first


@pytest.mark.parametrize(
    ("form", "base"),
    [
        *[("wives", "wife"), ("visiting", "visit"), ("running", "run")],
        *[("planned", "plan"), ("hurried", "hurry")],
        *[("dresses", "dress"), ("knives", "knife"), ("teacher's", "teacher"), ("drawing", "draw")],
    ],
)
def test_base_forms_have(form: str, base: str) -> None:
    assert base in base_forms(form)


@pytest.mark.parametrize(
    ("form", "other"),
    [
        *[("hating", "hat"), ("hated", "hat"), ("planes", "plan"), ("planed", "plan")],
        *[("caring", "car"), ("cares", "car"), ("hates", "hat"), ("four", "for"), ("hour", "hor")],
        *[("news", "new"), ("shorts", "short"), ("grass", "gras"), ("evening", "even")],
    ],
)
def test_another_word_is_no_base_form(form: str, other: str) -> None:
    assert other not in base_forms(form)
