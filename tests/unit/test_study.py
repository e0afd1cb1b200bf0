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
        ("prompts", "demo-gloss", {"user": {"fil": "x"}}, ["user", "'fil'", "'file'"]),
        ("prompts", "demo-gloss", {"user": {"file": "no.txt"}}, ["demo-gloss: user: no.txt"]),
        ("prompts", "demo-gloss", {"user": {"url": "https://x.org"}}, ["user: key 'sha256'"]),
        ("prompts", "demo-gloss", {"user": {"file": "a", "url": "b"}}, ["demo-gloss.user"]),
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


def test_synonyms_may_be_downloaded(demo: dict[str, Any]) -> None:
    path = "resources/wordnet/wordnet.zip"
    assert study.load(demo | {"synonyms": None}, "demo.yaml", SCHEMAS).downloads == {}
    named = study.load(demo | {"synonyms": {"wordnet": path}}, "demo.yaml", SCHEMAS)
    assert named.downloads[path]["url"].endswith("/wordnet.zip")
    assert len(named.downloads[path]["sha256"][0]) == 64
    own = study.load(demo | {"synonyms": {"wordnet": "/usr/share/wordnet"}}, "x", SCHEMAS)
    assert own.downloads == {}


def test_digest_follows_what_is_used(demo: dict[str, Any]) -> None:
    before = study.load(demo, "demo.yaml", SCHEMAS).digest
    assert study.load(copy.deepcopy(demo), "elsewhere.yaml", SCHEMAS).digest == before
    demo["statistics"]["seed"] += 1
    assert study.load(demo, "demo.yaml", SCHEMAS).digest != before


def test_replays_are_scored_with_the_runs(demo: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "theirs.csv"
    path.write_text("video_id,answer\n")
    demo["replays"] = {"theirs": {"predictions": str(path)}}
    checked = study.load(demo, "demo.yaml", SCHEMAS)
    *ours, theirs = checked.scored
    assert [run["run"] for run in ours] == list(checked.predict_runs)
    assert (theirs["run"], theirs["label"], theirs["prompt"]) == ("theirs", "theirs", "")


@pytest.mark.parametrize(
    ("replays", "words"),
    [
        (
            {"theirs": {"predictions": "no/where.csv"}},
            ["replays.theirs.predictions", "no/where.csv"],
        ),
        ({"chance": {"predictions": "config/demo.yaml"}}, ["replays: 'chance'", "take another"]),
        ({"a.b": {"predictions": "config/demo.yaml"}}, ["replays", "'a.b' is no valid name"]),
        ({"theirs": {"file": "x"}}, ["replays.theirs", "unknown key 'file'"]),
    ],
)
def test_mistakes_in_replays(demo: dict[str, Any], replays: Any, words: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        study.load(demo | {"replays": replays}, "demo.yaml", SCHEMAS)
    for word in words:
        assert word in str(caught.value)


MATCHING = {"model": "demo-trained", "prompt": "match-gloss", "sampling": "u12"}


def test_matching_runs_stand_apart(demo: dict[str, Any]) -> None:
    demo["runs"] = [{**MATCHING, "prompt": ["demo-gloss", "match-gloss"]}]
    checked = study.load(demo | {"descriptions": []}, "demo.yaml", SCHEMAS)
    assert list(checked.runs) == ["demo-trained.demo-gloss.u12", "demo-trained.match-gloss.u12"]
    assert list(checked.predict_runs) == ["demo-trained.demo-gloss.u12"]
    assert list(checked.match_runs) == ["demo-trained.match-gloss.u12"]
    assert [run["run"] for run in checked.scored] == list(checked.predict_runs)
    assert not checked.matches_descriptions
    demo["runs"][0]["prompt"].append("match-description")
    assert study.load(demo, "demo.yaml", SCHEMAS).matches_descriptions


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"runs": [{**MATCHING, "prompt": "match-description"}], "descriptions": []},
            ["run 'demo-trained.match-description.u12'", "{description}", "'descriptions'"],
        ),
        ({"runs": [MATCHING]}, ["runs: add one with a prompt of task 'predict'"]),
        ({"descriptions": "d.csv"}, ["descriptions: 'd.csv' is not of type 'array'"]),
        ({"descriptions": ["a", "a"]}, ["descriptions", "non-unique"]),
        ({"matching": {"seed": 1, "random": 0, "hard": 0}}, ["matching.random", "minimum of 1"]),
        ({"matching": {"seed": 1, "random": 1}}, ["matching: key 'hard' is missing"]),
    ],
)
def test_mistakes_in_matching(
    demo: dict[str, Any], change: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(UserError) as caught:
        study.load(demo | change, "demo.yaml", SCHEMAS)
    for word in words:
        assert word in str(caught.value)


def test_runs_that_need_descriptions_wait_for_some(demo: dict[str, Any]) -> None:
    described = {**MATCHING, "prompt": "match-description", "needs": "descriptions"}
    demo["runs"] = [demo["runs"][0], described]
    waiting = study.load(demo | {"descriptions": []}, "demo.yaml", SCHEMAS)
    name = "demo-trained.match-description.u12"
    assert waiting.left_out == [name]
    assert name not in waiting.runs and "match-description" not in waiting.prompts
    ready = study.load(demo, "demo.yaml", SCHEMAS)
    assert name in ready.runs and ready.left_out == []
    demo["runs"][-1] = {**described, "needs": "luck"}
    with pytest.raises(UserError, match=r"runs\[\d+\]\.needs: 'luck' is none of the choices"):
        study.load(demo, "demo.yaml", SCHEMAS)


def test_models_of_the_alignment_are_checked_too(demo: dict[str, Any], tmp_path: Path) -> None:
    models = study.read_yaml(demo["models"])
    models["other"] = {**models["demo-trained"], "checkpoint": "owner/name"}
    demo["models"] = str(tmp_path / "models.yaml")
    Path(demo["models"]).write_text(yaml.safe_dump(models))
    demo["alignment"]["models"] = ["other"]
    with pytest.raises(UserError, match=r"other\.revision: hub checkpoint 'owner/name' needs"):
        study.load(demo, "demo.yaml", SCHEMAS)


def test_descriptions_that_are_not_there(demo: dict[str, Any]) -> None:
    del demo["demo"]
    demo["descriptions"] = ["config/demo.yaml", "no/where.csv"]
    with pytest.raises(UserError, match=r"demo\.yaml: descriptions: no such file 'no/where\.csv'"):
        study.load(demo, "demo.yaml", SCHEMAS)


@pytest.mark.parametrize(
    ("adapter", "prompt", "words"),
    [
        ("contrastive", "demo-gloss", r"needs a prompt with the variable \{gloss\} and no system"),
        ("chat", "contrastive", r"the prompt 'contrastive' names one \{gloss\}"),
    ],
)
def test_prompt_and_kind_of_model_fit(
    demo: dict[str, Any], tmp_path: Path, adapter: str, prompt: str, words: str
) -> None:
    models = study.read_yaml(demo["models"])
    models["demo-trained"]["adapter"] = adapter
    if adapter == "contrastive":
        del models["demo-trained"]["decoding"]
    demo["models"] = str(tmp_path / "models.yaml")
    Path(demo["models"]).write_text(yaml.safe_dump(models))
    demo["runs"] = [{"model": "demo-trained", "prompt": prompt, "sampling": "u12"}]
    with pytest.raises(UserError, match=words):
        study.load(demo, "demo.yaml", SCHEMAS)


def test_a_contrastive_model_answers_no_question(demo: dict[str, Any], tmp_path: Path) -> None:
    models = study.read_yaml(demo["models"])
    models["demo-trained"]["adapter"] = "contrastive"
    del models["demo-trained"]["decoding"]
    path = tmp_path / "models.yaml"
    path.write_text(yaml.safe_dump(models))
    demo["runs"] = [{**MATCHING, "prompt": ["demo-gloss", "match-gloss"]}]
    with pytest.raises(UserError, match=r"match-gloss\.u12': a contrastive model answers no"):
        study.load(demo | {"models": str(path)}, "demo.yaml", SCHEMAS)


def test_without_a_video(demo: dict[str, Any], tmp_path: Path) -> None:
    assert "demo-trained.demo-gloss.none" in study.load(demo, "demo.yaml", SCHEMAS).runs

    blind = copy.deepcopy(demo)
    blind["alignment"]["sampling"] = "none"
    with pytest.raises(UserError, match=r"alignment\.sampling: 'none' shows no frames"):
        study.load(blind, "demo.yaml", SCHEMAS)

    models = study.read_yaml(demo["models"])
    models["demo-trained"]["adapter"] = "contrastive"
    del models["demo-trained"]["decoding"]
    path = tmp_path / "models.yaml"
    path.write_text(yaml.safe_dump(models))
    with pytest.raises(
        UserError, match=r"demo-trained\.demo-gloss\.none'.* contrastive needs frames"
    ):
        study.load(demo | {"models": str(path)}, "demo.yaml", SCHEMAS)
