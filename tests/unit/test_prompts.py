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
def test_faults_are_one_line_that_names_the_prompt(change: dict, says: str) -> None:
    with pytest.raises(UserError, match=says) as caught:
        prompts.check("listed", {**LISTED, **change})
    assert "\n" not in str(caught.value)


def test_a_value_that_is_not_there() -> None:
    with pytest.raises(UserError, match=r"'listed': nothing to put in place of \{candidates\}"):
        prompts.render("listed", LISTED, {})


def test_candidates_are_sorted_and_single() -> None:
    assert prompts.candidates(["drink", "book", "drink"]) == "book, drink"


def test_each_order_of_the_candidates_is_its_own() -> None:
    glosses = [f"g{i:02}" for i in range(40)]
    asked = prompts.questions({**LISTED, "orders": 3})
    orders = [prompts.listed(glosses, clip, name) for clip in ("1", "2") for name in asked]
    assert all(sorted(order) == glosses for order in orders)
    assert len({tuple(order) for order in orders}) == 6
    assert orders[0] == prompts.listed(glosses[::-1], "1", asked[0])
    assert prompts.candidates(glosses, "1", asked[0]) == ", ".join(orders[0])
    assert prompts.questions(LISTED) == [""]


def test_a_gloss_stands_everywhere_equally_often() -> None:
    places = [prompts.listed("abcd", str(clip), "order 0").index("a") for clip in range(2000)]
    counts = [places.count(place) for place in range(4)]
    assert min(counts) > 420 and max(counts) < 580  # 500 each, 4 standard deviations


def test_without_the_video() -> None:
    messages = prompts.without_video(prompts.render("p", {"system": "S", "user": "U"}, {}))
    assert [message["content"] for message in messages] == [
        [{"type": "text", "text": "S"}],
        [{"type": "text", "text": "U"}],
    ]


def test_closed_answers() -> None:
    assert prompts.choices({"task": "match"}, ["book"]) == {"yes": "YES", "no": "NO"}
    assert prompts.choices(LISTED, ["book"]) == {"book": "book"}


def test_variables() -> None:
    assert prompts.variables(LISTED) == {"candidates"}
    assert prompts.variables({"user": "x"}) == frozenset()
