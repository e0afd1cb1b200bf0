"""The environments that a user may choose hold the same packages."""

from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def test_conda_environment_has_the_locked_pins() -> None:
    locked = [line for line in (ROOT / "requirements.lock").read_text().split() if line]
    environment = yaml.safe_load((ROOT / "envs" / "zerosign.yaml").read_text())
    (pip,) = (part["pip"] for part in environment["dependencies"] if isinstance(part, dict))
    assert pip == locked, "run `make lock`, which writes both"


def test_everything_asked_for_is_locked() -> None:
    def name(requirement: str) -> str:
        return requirement.split("==")[0].strip().lower().replace("_", "-")

    lines = (ROOT / "requirements.in").read_text().splitlines()
    asked = {name(line) for line in lines if line and not line.startswith("#")}
    assert asked <= {name(line) for line in (ROOT / "requirements.lock").read_text().split()}
