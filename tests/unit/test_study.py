"""Every mistake in a configuration is one line that names the file, the key and the mend."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from zerosign import study
from zerosign.errors import UserError

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / "workflow" / "schemas"


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.chdir(ROOT)
    return study.read_yaml("config/demo.yaml")


@pytest.mark.parametrize("name", ["demo.yaml", "config.yaml"])
def test_shipped_studies_are_valid(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    checked = study.load(study.read_yaml(f"config/{name}"), name, SCHEMAS)
    assert checked.runs
    assert {run.model for run in checked.runs.values()} <= set(checked.models)


def test_runs_are_products(demo: dict[str, Any]) -> None:
    runs = study.expand_runs(
        [{"model": ["a", "b"], "prompt": "p", "sampling": ["s", "t"]}],
        {"a": {}, "b": {}},
        {"p": {}},
        {"s": {}, "t": {}},
        "study.yaml",
    )
    assert list(runs) == ["a.p.s", "a.p.t", "b.p.s", "b.p.t"]


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (["shard"], 3, ["demo.yaml", "unknown key 'shard'", "did you mean 'shards'"]),
        (["dataset", "splt"], "x", ["dataset: unknown key 'splt'", "'split'"]),
        (["dataset", "split"], "tset", ["dataset.split", "'tset'", "'test'"]),
        (["shards"], 0, ["shards", "0 is less than the minimum"]),
        (["samplings", "u12", "frames"], "12", ["samplings.u12.frames", "integer"]),
        (["samplings", "Bad Name"], {"strategy": "all"}, ["samplings", "'Bad Name'", "valid name"]),
        (["runs", 0, "promt"], "x", ["runs[0]: unknown key 'promt'", "'prompt'"]),
        (["runs", 1, "model"], "demo-traned", ["runs[1].model", "did you mean 'demo-trained'"]),
        (["runs", 1, "prompt"], "nothing", ["runs[1].prompt", "no prompt named 'nothing'"]),
        (["runs", 1, "sampling"], "u13", ["runs[1].sampling", "did you mean 'u12'"]),
        (["alignment", "models"], ["x"], ["alignment.models", "no model named 'x'"]),
        (["alignment", "sampling"], "u8", ["alignment.sampling", "no sampling named 'u8'"]),
        (["models"], "config/nowhere.yaml", ["config/nowhere.yaml", "no such file"]),
    ],
)
def test_mistakes_in_a_study(
    demo: dict[str, Any], path: list[Any], value: Any, words: list[str]
) -> None:
    broken = copy.deepcopy(demo)
    inner: Any = broken
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    with pytest.raises(UserError) as caught:
        study.load(broken, "demo.yaml", SCHEMAS)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def test_a_missing_key(demo: dict[str, Any]) -> None:
    del demo["mapping"]["threshold"]
    with pytest.raises(UserError, match=r"mapping: key 'threshold' is missing"):
        study.load(demo, "demo.yaml", SCHEMAS)


@pytest.mark.parametrize(
    ("file", "name", "change", "words"),
    [
        ("models", "demo-trained", {"dtyp": "float32"}, ["unknown key 'dtyp'", "'dtype'"]),
        ("models", "demo-trained", {"dtype": "float31"}, ["demo-trained.dtype", "float31"]),
        (
            "models",
            "demo-trained",
            {"checkpoint": "owner/name"},
            ["demo-trained.revision", "owner/name", "40 hex digits"],
        ),
        ("prompts", "demo-gloss", {"usr": "x"}, ["unknown key 'usr'", "'user'"]),
        ("prompts", "demo-gloss", {"user": "One of {candidates}?"}, ["demo-gloss", "candidates"]),
        ("prompts", "demo-gloss", {"variables": ["candidates"]}, ["demo-gloss", "candidates"]),
        ("prompts", "demo-gloss", {"user": "{"}, ["demo-gloss"]),
    ],
)
def test_mistakes_in_models_and_prompts(
    demo: dict[str, Any],
    tmp_path: Path,
    file: str,
    name: str,
    change: dict[str, Any],
    words: list[str],
) -> None:
    entries = study.read_yaml(demo[file])
    entries[name] |= change
    path = tmp_path / f"{file}.yaml"
    path.write_text(yaml.safe_dump(entries))
    demo[file] = str(path)
    with pytest.raises(UserError) as caught:
        study.load(demo, "demo.yaml", SCHEMAS)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def test_a_key_that_stands_twice(tmp_path: Path) -> None:
    path = tmp_path / "models.yaml"
    path.write_text("a: {}\nb: {}\na: {}\n")
    with pytest.raises(UserError, match=r"models.yaml: line 3: key 'a' stands twice"):
        study.read_yaml(path)


def test_digest_follows_what_is_used(demo: dict[str, Any]) -> None:
    before = study.load(demo, "demo.yaml", SCHEMAS).digest
    assert study.load(copy.deepcopy(demo), "elsewhere.yaml", SCHEMAS).digest == before
    demo["statistics"]["seed"] += 1
    assert study.load(demo, "demo.yaml", SCHEMAS).digest != before
