from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zerosign.mapping.decisions import exact, is_refusal
from zerosign.mapping.normalise import base_forms, forms, normal, visible

GLOSSES = [
    *["book", "drink", "run", "no", "none", "hearing", "hear", "wife", "dance", "happy", "glasses"],
    *["before", "read", "sign", "hope", "plan", "thank you", "new", "thanksgiving", "woman"],
]
CLASSES = {gloss: index for index, gloss in enumerate(GLOSSES)}


@pytest.mark.parametrize(
    ("answer", "gloss"),
    [
        ("book", "book"),
        (" BOOK.\n", "book"),
        ('"Book"', "book"),
        ("\u201cBook\u201d", "book"),
        ("**book**", "book"),
        ("`book`", "book"),
        ("- book", "book"),
        ("{'gloss': 'book'}", "book"),
        ('```json\n{"gloss": "BOOK"}\n```', "book"),
        ("The sign is BOOK.", "book"),
        ("The sign shown in this video is most likely the ASL sign for 'book'.", "book"),
        ("Answer: to read", "read"),
        ("a book", "book"),
        ("The person is signing DANCE", "dance"),
        ("The sign shown is **BOOK** because both palms open.", "book"),
        ("BOOK (palms open)", "book"),
        ("# Gloss\nbook\n\nThe sign is made with two hands.", "book"),
        ("<think>It looks like run.</think>book", "book"),
        ("It looks like run.</think>\n\nBook", "book"),
        ("<answer>dance</answer>", "dance"),
        ("The final answer is \\boxed{dance}", "dance"),
        ("<|begin_of_box|>dance<|end_of_box|>", "dance"),
        ("B-O-O-K", "book"),
        ("books", "book"),
        ("running", "run"),
        ("hoping", "hope"),
        ("planned", "plan"),
        ("wives", "wife"),
        ("women", "woman"),
        ("Thank-You!", "thank you"),
        ("none", "none"),
        ("No", "no"),
        ("hearing", "hearing"),
        ("I'm not sure, but it could be 'book'.", "book"),
    ],
)
def test_answers_that_name_a_gloss(answer: str, gloss: str) -> None:
    found = exact(visible(answer), CLASSES)
    assert found is not None
    assert GLOSSES[found[0]] == gloss


@pytest.mark.parametrize(
    "answer",
    [
        *["", "...", "<think>book", "book or read", "The sign is 'BOOK' or 'READ'."],
        *["The sign is not book.", "notebook", "news", "The signer moves both hands.", "booklet"],
        *["It is not 'BOOK'.", "hello"],
    ],
)
def test_answers_that_name_none(answer: Any) -> None:
    assert exact(visible(answer), CLASSES) is None


@pytest.mark.parametrize(
    "answer",
    [
        *["I don't know.", "I\u2019m sorry, but I cannot identify the sign.", "Unknown", "N/A"],
        *["Unable to determine the sign.", "The sign is unclear.", "I am not able to say."],
        *["I'm not sure", "It cannot be determined from these frames.", "None"],
    ],
)
def test_refusals(answer: Any) -> None:
    assert is_refusal(answer)


@pytest.mark.parametrize("answer", ["automobile", "know", "sorry", "The sign is car.", "not"])
def test_not_refusals(answer: str) -> None:
    assert is_refusal(answer) == (answer == "sorry")


@given(st.text())
def test_normal_is_idempotent_and_never_raises(text: str) -> None:
    once = normal(visible(text))
    assert normal(once) == once
    assert all(form for tier in forms(visible(text)) for form in tier)


@given(st.sampled_from(GLOSSES), st.sampled_from(["{}", "{}.", '"{}"', "**{}**", "ASL: {}"]))
def test_case_and_marks_do_not_matter(gloss: str, template: Any) -> None:
    for text in (gloss, gloss.upper(), gloss.title()):
        answer = template.format(text)
        if template == "ASL: {}":
            continue
        assert exact(visible(answer), CLASSES) == (CLASSES[gloss], gloss)


def test_base_forms_prefer_the_likelier() -> None:
    assert base_forms("hoping")[0] == "hope"
    assert base_forms("ice creams") == ["ice cream"]
    assert base_forms("news") == []
    assert base_forms("grass") == []
