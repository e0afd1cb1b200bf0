"""The environments that a user may choose hold the same packages."""

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


@pytest.mark.parametrize("name", ["requirements", "requirements-vllm"])
def test_everything_asked_for_is_locked(name: str) -> None:
    def package(requirement: str) -> str:
        return requirement.split("==")[0].strip().lower().replace("_", "-")

    lines = (ROOT / f"{name}.in").read_text().splitlines()
    asked = {package(line) for line in lines if line and not line.startswith("#")}
    assert asked <= {package(line) for line in (ROOT / f"{name}.lock").read_text().split()}
