from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zerosign.errors import UserError
from zerosign.prompts import candidates, template
from zerosign.prompts.prompt_entry import Prompt


def asking(user: str, **more: Any) -> Prompt:
    return Prompt.of({"task": "predict", "user": user, **more})


LISTED: dict[str, Any] = {
    "task": "predict",
    "system": "You name signs.",
    "user": "Which of these is it? {candidates}\n",
    "variables": ["candidates"],
}


def test_render_puts_the_video_before_the_question() -> None:
    messages = template.render(
        "listed", Prompt.of(LISTED), {"candidates": "book, drink", "gloss": "unused"}
    )
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
    messages = template.render("p", asking("Which sign?", system=system), {})
    assert [message["role"] for message in messages] == ["user"]


@given(st.text())
def test_values_are_taken_literally(value: str) -> None:
    prompt = asking("<{{x}} {candidates}>", variables=["candidates"])
    (message,) = template.render("p", prompt, {"candidates": value})
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
        ({"task": "match"}, r"task 'match' needs \{gloss\} or \{description\}"),
        (
            {"user": "Which?", "variables": [], "orders": 3},
            r"orders has no meaning without \{candidates\} in task 'predict'; remove it",
        ),
        (
            {
                "task": "match",
                "user": "{candidates}{gloss}",
                "variables": ["candidates", "gloss"],
                "orders": 3,
            },
            r"orders has no meaning without \{candidates\} in task 'predict'",
        ),
        (
            {"user": "{candidates}{description}", "variables": ["candidates", "description"]},
            r"\{description\} has no meaning in task 'predict'",
        ),
    ],
)
def test_faults_are_one_line_that_names_the_prompt(change: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError, match=says) as caught:
        template.check("listed", Prompt.of({**LISTED, **change}))
    assert "\n" not in str(caught.value)


def test_a_value_that_is_not_there() -> None:
    with pytest.raises(UserError, match=r"'listed': no value for \{candidates\} in this run"):
        template.render("listed", Prompt.of(LISTED), {})


def test_candidates_are_sorted_and_single() -> None:
    assert candidates.candidates(["drink", "book", "drink"]) == "book, drink"


def test_each_order_of_the_candidates_is_its_own() -> None:
    glosses = [f"g{i:02}" for i in range(40)]
    asked = candidates.questions(Prompt.of({**LISTED, "orders": 3}))
    orders = [candidates.listed(glosses, clip, name) for clip in ("1", "2") for name in asked]
    assert all(sorted(order) == glosses for order in orders)
    assert len({tuple(order) for order in orders}) == 6
    assert orders[0] == candidates.listed(glosses[::-1], "1", asked[0])
    assert candidates.candidates(glosses, "1", asked[0]) == ", ".join(orders[0])
    assert candidates.questions(Prompt.of(LISTED)) == [""]


def test_a_gloss_is_at_every_place_equally_often() -> None:
    places = [candidates.listed("abcd", str(clip), "order 0").index("a") for clip in range(2000)]
    counts = [places.count(place) for place in range(4)]
    assert min(counts) > 420 and max(counts) < 580  # 500 each, 4 standard deviations


def test_without_the_video() -> None:
    messages = template.without_video(template.render("p", asking("U", system="S"), {}))
    assert [message["content"] for message in messages] == [
        [{"type": "text", "text": "S"}],
        [{"type": "text", "text": "U"}],
    ]


def test_closed_answers() -> None:
    match = Prompt.of({"task": "match", "user": "{gloss}?", "variables": ["gloss"]})
    assert candidates.choices(match, ["book"]) == {"yes": "YES", "no": "NO"}
    assert candidates.choices(Prompt.of(LISTED), ["book"]) == {"book": "book"}


def test_variables() -> None:
    assert template.variables(Prompt.of(LISTED)) == {"candidates"}
    assert template.variables(asking("x")) == frozenset()
