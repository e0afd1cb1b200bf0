import pytest
from hypothesis import given
from hypothesis import strategies as st

from zerosign import prompts
from zerosign.errors import UserError

LISTED = {
    "task": "predict",
    "system": "You name signs.",
    "user": "Which of these is it? {candidates}\n",
    "variables": ["candidates"],
}


def test_render_puts_the_video_before_the_question() -> None:
    messages = prompts.render("listed", LISTED, {"candidates": "book, drink", "gloss": "unused"})
    assert messages == [
        {"role": "system", "content": [{"type": "text", "text": "You name signs."}]},
        {
            "role": "user",
            "content": [
                {"type": "video"},
                {"type": "text", "text": "Which of these is it? book, drink"},
            ],
        },
    ]


@pytest.mark.parametrize("system", [None, ""])
def test_no_system_message(system: str | None) -> None:
    messages = prompts.render("p", {"system": system, "user": "Which sign?"}, {})
    assert [message["role"] for message in messages] == ["user"]


@given(st.text())
def test_values_are_taken_literally(value: str) -> None:
    entry = {"user": "<{{x}} {candidates}>", "variables": ["candidates"]}
    (message,) = prompts.render("p", entry, {"candidates": value})
    assert message["content"][1]["text"] == "<{x} " + value + ">"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"variables": []}, r"'listed': uses \{candidates\} but does not declare it"),
        ({"user": "Which sign?"}, r"'listed': declares the variable 'candidates' but no text uses"),
        ({"user": "{candidates} {glosses}"}, r"'listed': unknown variable \{glosses\}; known are"),
        ({"user": "{candidates!r}"}, r"'listed': user: '\{candidates\}' is not a variable's name"),
        ({"user": "{candidates:>9}"}, "is not a variable's name"),
        ({"user": "{candidates[0]}"}, "is not a variable's name"),
        ({"user": "{} {candidates}"}, r"'\{\}' is not a variable's name"),
        ({"user": "{candidates"}, "'listed': user: .* literal braces"),
        ({"system": "as {x}"}, r"unknown variable \{x\}"),
        ({"user": " "}, "user is empty"),
        ({"task": "guess"}, "unknown task 'guess'"),
        (
            {"user": "{candidates}{description}", "variables": ["candidates", "description"]},
            r"\{description\} has no meaning in task 'predict'",
        ),
    ],
)
def test_faults_are_one_line_that_names_the_prompt(change: dict, says: str) -> None:
    with pytest.raises(UserError, match=says) as caught:
        prompts.check("listed", {**LISTED, **change})
    assert "\n" not in str(caught.value)


def test_a_value_that_is_not_there() -> None:
    with pytest.raises(UserError, match=r"'listed': nothing to put in place of \{candidates\}"):
        prompts.render("listed", LISTED, {})


def test_candidates_are_sorted_and_single() -> None:
    assert prompts.candidates(["drink", "book", "drink"]) == "book, drink"


def test_variables() -> None:
    assert prompts.variables(LISTED) == {"candidates"}
    assert prompts.variables({"user": "x"}) == frozenset()
