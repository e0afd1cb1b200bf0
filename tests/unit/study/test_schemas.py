"""Editors complete the keys that the types have."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from zerosign.study import schemas
from zerosign.study.yaml_files import read_yaml

ROOT = Path(__file__).parents[3]
SHIPPED = {
    "config.yaml": "config",
    "demo.yaml": "config",
    "models.yaml": "models",
    "prompts.yaml": "prompts",
    "datasets.yaml": "datasets",
    "downloads.yaml": "downloads",
}


def shipped_schema(name: str) -> Any:
    return json.loads((ROOT / f"workflow/schemas/{name}.schema.json").read_text("utf-8"))


@pytest.mark.parametrize("name", schemas.FILES)
def test_shipped_schemas_are_those_of_the_types(name: str) -> None:
    assert shipped_schema(name) == schemas.schema_of(name), "run: make schemas"


@pytest.mark.parametrize(("file", "name"), SHIPPED.items())
def test_shipped_files_name_their_schema_and_follow_it(file: str, name: str) -> None:
    path = ROOT / "config" / file
    head = path.read_text("utf-8").splitlines()[0]
    assert head == f"# yaml-language-server: $schema=../workflow/schemas/{name}.schema.json"
    assert (path.parent / head.split("=")[1]).is_file()
    jsonschema.Draft202012Validator(shipped_schema(name)).validate(read_yaml(path))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("config", {"shard": 1}),
        ("models", {"m": {"adapter": "chat", "checkpoint": "a", "dtyp": "auto"}}),
        ("prompts", {"p": {"task": "guess", "user": "Which sign?"}}),
    ],
)
def test_an_editor_sees_a_mistake(name: str, value: Any) -> None:
    assert not jsonschema.Draft202012Validator(shipped_schema(name)).is_valid(value)


def test_schemas_describe_their_keys() -> None:
    found = shipped_schema("config")["$defs"]["WlaslDataset"]["properties"]
    assert found["subset"]["description"] == "The first so many glosses of the metadata."
