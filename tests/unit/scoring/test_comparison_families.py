import pytest
from helpers.predictions import run

from zerosign.runs import TableRun
from zerosign.scoring.comparison_families import Family, pairs


def runs(*names: str) -> list[TableRun]:
    """Runs of these names, with model, prompt and sampling; a name without dots is a replay."""
    found = []
    for name in names:
        parts = name.rsplit(".", 2) if "." in name else ("", "", "")
        model, prompt, sampling = parts
        parts_of = {"model": model, "prompt": prompt, "sampling": sampling}
        found.append(run(name).model_copy(update=parts_of))
    return found


RUNS = runs("a2.5.plain.u8", "a2.5.list.u8", "b.plain.u8", "b.list.u8", "b.plain.none", "theirs")


def names(family: Family) -> list[tuple[str, str]]:
    return [(a.name, b.name) for a, b in pairs(family, RUNS)]


def test_all_pairs_unless_said() -> None:
    assert len(names(Family())) == 6 * 5 / 2
    assert names(Family())[0] == ("a2.5.plain.u8", "a2.5.list.u8")


def test_the_same_model_another_prompt() -> None:
    family = Family(runs=("*",), against=("*.plain.u8",), same=("model", "sampling"))
    assert names(family) == [("a2.5.plain.u8", "a2.5.list.u8"), ("b.plain.u8", "b.list.u8")]


def test_a_model_against_its_controls() -> None:
    family = Family(runs=("*.plain.u8",), against=("*.none",), same=("model", "prompt"))
    assert names(family) == [("b.plain.none", "b.plain.u8")]


def test_models_under_one_prompt() -> None:
    assert names(Family(runs=("*.plain.u8",))) == [("a2.5.plain.u8", "b.plain.u8")]


def test_a_replay_is_like_no_other() -> None:
    assert names(Family(runs=("theirs",), against=("b.*.u8",))) == [
        ("b.plain.u8", "theirs"),
        ("b.list.u8", "theirs"),
    ]
    two = [*RUNS, *runs("ours")]
    family = Family(runs=("theirs", "ours"), same=("model",))
    assert pairs(family, two) == []


@pytest.mark.parametrize("family", [Family(runs=("b.*",), against=("b.*",)), Family(runs=("b.*",))])
def test_each_pair_once_and_none_with_itself(family: Family) -> None:
    assert len(names(family)) == 3
    assert len({frozenset(pair) for pair in names(family)}) == 3
