"""Every rule keeps the habits of the house."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RULES = {
    (path.stem, name): body
    for path in sorted((ROOT / "workflow/rules").glob("*.smk"))
    for name, body in re.findall(
        r"^ *rule (\w+):\n(.*?)(?=^ *(?:rule|if) |\Z)", path.read_text("utf-8"), re.M | re.S
    )
}
PROGRAMS = {name: body for (_, name), body in RULES.items() if "shell:" in body}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_rule_runs_the_program_of_its_name(name: str) -> None:
    assert f'run=RULES.program("{name}")' in PROGRAMS[name]
    assert (ROOT / f"workflow/scripts/{name}.py").is_file()


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_rule_carries_the_digest_of_its_code(name: str) -> None:
    # What asks models carries the code that makes answers and questions, not that of its program.
    of_answers = {"ask": "codes", "ask_api": "answer_code"}
    of_name = of_answers.get(name, rf'code\(\s*"{name}"|{name}_code\b')
    given = rf"(?:code|gathers)=.*RULES\.(?:{of_name})"
    assert re.search(given, PROGRAMS[name])
    assert "reads=" in PROGRAMS[name] or "--study" not in program(name)


def program(name: str) -> str:
    """Whether a program reads the study shows in its text."""
    text = (ROOT / f"workflow/scripts/{name}.py").read_text("utf-8")
    return "--study" if "StudyFile(" in text else ""


@pytest.mark.parametrize(("stage", "name"), RULES)
def test_an_input_by_content_has_its_digest_in_params(stage: str, name: str) -> None:
    """`ByContent.files` without `ByContent.digest` would miss a change, and the other way round."""
    body = RULES[stage, name]
    files = set(re.findall(r"RULES\.(\w+(?:\([^)]*\))?)\.files", body))
    digests = set(re.findall(r"RULES\.(\w+(?:\([^)]*\))?)\.digest", body))
    if "verified" in digests:  # all that the splits are verified with
        digests = digests - {"verified"} | {"table", "split_file", "published_clips"}
    assert files == digests
    # Providers show no weights.
    assert ("checkpoint(" in body or "_input)" in body) <= ("weights=" in body) or name == "ask_api"


def test_common_fits_a_screen() -> None:
    lines = (ROOT / "workflow/rules/common.smk").read_text("utf-8").splitlines()
    assert len(lines) <= 90


@pytest.mark.parametrize(("stage", "name"), RULES)
def test_no_json_in_a_command(stage: str, name: str) -> None:
    assert "json" not in RULES[stage, name].split("shell:")[-1].lower().replace(".json", "")
