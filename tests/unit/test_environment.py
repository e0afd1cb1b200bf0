"""The environments that a user may choose hold the same packages."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("lock", "name"), [("requirements.lock", "zerosign"), ("requirements-vllm.lock", "vllm")]
)
def test_conda_environment_has_the_locked_pins(lock: str, name: str) -> None:
    locked = [line for line in (ROOT / lock).read_text().split() if line]
    environment = yaml.safe_load((ROOT / "envs" / f"{name}.yaml").read_text())
    (pip,) = (part["pip"] for part in environment["dependencies"] if isinstance(part, dict))
    assert environment["name"] == name
    assert pip == locked, "run `make lock`, which writes both"


def pins(lines: list[str]) -> dict[str, str]:
    """Version by name, of lines of a lock."""
    found = [re.match(r"([\w.-]+)==(\S+)", line) for line in lines]
    return {match[1].lower().replace("_", "-"): match[2] for match in found if match}


def test_the_lock_for_apis_has_hashes_the_same_versions_and_no_torch() -> None:
    text = (ROOT / "requirements-api.lock").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert all("--hash=sha256:" in line for line in lines)
    ours, all_others = pins(lines), pins((ROOT / "requirements.lock").read_text().split())
    assert {"openai", "google-genai", "anthropic", "polars"} <= set(ours)
    assert not {"torch", "transformers"} & set(ours)
    different = {name for name in ours.keys() & all_others.keys() if ours[name] != all_others[name]}
    assert not different
    environment = yaml.safe_load((ROOT / "envs" / "api.yaml").read_text())
    (pip,) = (part["pip"] for part in environment["dependencies"] if isinstance(part, dict))
    assert [line.split() for line in pip] == [line.split() for line in lines], "run `make lock`"


@pytest.mark.parametrize("name", ["requirements", "requirements-vllm"])
def test_everything_asked_for_is_locked(name: str) -> None:
    def package(requirement: str) -> str:
        return re.split("[=<]", requirement)[0].strip().lower().replace("_", "-")

    lines = (ROOT / f"{name}.in").read_text().splitlines()
    asked = {package(line) for line in lines if line and not line.startswith("#")}
    assert asked <= {package(line) for line in (ROOT / f"{name}.lock").read_text().split()}
