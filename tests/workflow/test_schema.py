"""Schemas, documentation and code name the same keys."""

from pathlib import Path

import yaml

from zerosign import adapters, audit
from zerosign.sampling import ABLATIONS, STRATEGIES

ROOT = Path(__file__).parents[2]


def schema(name: str) -> dict:
    return yaml.safe_load((ROOT / f"workflow/schemas/{name}.schema.yaml").read_text())


def test_adapters() -> None:
    (entry,) = schema("models")["patternProperties"].values()
    assert set(entry["properties"]["adapter"]["enum"]) == set(adapters.KINDS)
    manual = (ROOT / "docs/inference.md").read_text()
    for key in entry["properties"]:
        assert f"`{key}`" in manual, f"docs/inference.md does not explain {key}"


def test_samplings() -> None:
    keys = schema("config")["$defs"]["sampling"]["properties"]
    assert set(keys["strategy"]["enum"]) == set(STRATEGIES)
    assert set(keys["ablation"]["enum"]) == set(ABLATIONS)


def test_flags() -> None:
    flags = schema("config")["properties"]["filters"]["additionalProperties"]["items"]["enum"]
    assert set(flags) == set(audit.FLAGS)


def test_the_manual_names_every_key() -> None:
    manual = (ROOT / "config/README.md").read_text()
    properties = schema("config")["properties"]
    for key in [*properties, *properties["dataset"]["properties"]]:
        assert f"`{key}`" in manual or f"`{key}," in manual, f"config/README.md lacks {key}"
