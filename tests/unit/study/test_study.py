"""Every mistake in a configuration is one line that names the file, the key and the fix."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from zerosign.errors import UserError
from zerosign.runs import Run
from zerosign.scoring import comparison_families
from zerosign.study.loading import load
from zerosign.study.run_grid import expand
from zerosign.study.study_config import RunGroup
from zerosign.study.yaml_files import read_yaml

ROOT = Path(__file__).parents[3]


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.chdir(ROOT)
    return read_yaml("config/demo.yaml")


@pytest.mark.parametrize("name", ["demo.yaml", "config.yaml"])
def test_shipped_studies_are_valid(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    checked = load(read_yaml(f"config/{name}"), name, ROOT)
    assert checked.runs
    assert {run.model for run in checked.runs.values()} <= set(checked.models)


def test_runs_are_products() -> None:
    groups = [RunGroup.of({"model": ["a", "b"], "prompt": "p", "sampling": ["s", "t"]})]
    grid = expand(groups, {"model": ["a", "b"], "prompt": ["p"], "sampling": ["s", "t"]}, (), {})
    assert list(grid.runs) == ["a.p.s", "a.p.t", "b.p.s", "b.p.t"]
    assert grid.runs["b.p.t"] == Run(model="b", prompt="p", sampling="t")
    with pytest.raises(UserError, match=r"runs\[1\]: duplicate run 'a\.p\.s'"):
        known = {"model": ["a", "b"], "prompt": ["p"], "sampling": ["s", "t"]}
        expand(
            [*groups, RunGroup.of({"model": "a", "prompt": "p", "sampling": "s"})], known, (), {}
        )


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (["shard"], 3, ["demo.yaml", "unknown key 'shard'", "did you mean 'shards'"]),
        (["dataset", "splt"], "x", ["dataset: unknown key 'splt'", "'split'"]),
        (["dataset", "split"], "tset", ["dataset.split", "'tset'", "'test'"]),
        (["shards"], 0, ["shards", "0 is not at least 1"]),
        (
            ["samplings", "u12", "frames"],
            "12",
            ["samplings.u12.frames: '12' is not a whole"],
        ),
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
        load(broken, "demo.yaml", ROOT)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def test_a_missing_key(demo: dict[str, Any]) -> None:
    del demo["mapping"]["threshold"]
    with pytest.raises(UserError, match=r"mapping: key 'threshold' is missing"):
        load(demo, "demo.yaml", ROOT)


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
    entries = read_yaml(demo[file])
    entries[name] |= change
    path = tmp_path / f"{file}.yaml"
    path.write_text(yaml.safe_dump(entries))
    demo[file] = str(path)
    with pytest.raises(UserError) as caught:
        load(demo, "demo.yaml", ROOT)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def test_a_duplicate_key(tmp_path: Path) -> None:
    path = tmp_path / "models.yaml"
    path.write_text("a: {}\nb: {}\na: {}\n")
    with pytest.raises(UserError, match=r"models.yaml: line 3: duplicate key 'a'"):
        read_yaml(path)


def test_synonyms_may_be_downloaded(demo: dict[str, Any], tmp_path: Path) -> None:
    path = "resources/wordnet/wordnet.zip"
    assert load(demo | {"synonyms": None}, "demo.yaml", ROOT).downloads == {}
    named = load(demo | {"synonyms": {"wordnet": path}}, "demo.yaml", ROOT)
    assert named.downloads[path].url.endswith("/wordnet.zip")
    assert len(named.downloads[path].sha256[0]) == 64
    (tmp_path / "index.noun").touch()
    own = load(demo | {"synonyms": {"wordnet": str(tmp_path)}}, "x", ROOT)
    assert own.downloads == {}


def test_digest_follows_what_is_used(demo: dict[str, Any]) -> None:
    before = load(demo, "demo.yaml", ROOT).digest
    assert load(copy.deepcopy(demo), "elsewhere.yaml", ROOT).digest == before
    demo["statistics"]["seed"] += 1
    assert load(demo, "demo.yaml", ROOT).digest != before


def test_the_default_study_plans_its_comparisons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    study = load(read_yaml("config/config.yaml"), "config.yaml", ROOT)
    found = comparison_families.all_pairs(study.config.comparisons, study.scored)
    assert {name: len(pairs) for name, pairs in found.items()} == {
        "prompts": 10 * 3,
        "controls": 2 * 4,
        "models": 10 * 9 / 2,
        "rankings": 5 * 4 / 2,
    }
    everything = comparison_families.pairs(comparison_families.Family(), study.scored)
    assert len(everything) == 59 * 58 / 2


def test_a_compared_run_must_be_there(demo: dict[str, Any]) -> None:
    demo["comparisons"] = {"some": {"runs": ["demo-trained.demo-gloss.u13"]}}
    with pytest.raises(UserError) as caught:
        load(demo, "demo.yaml", ROOT)
    assert "demo.yaml: comparisons.some.runs: no run named" in str(caught.value)
    assert "did you mean 'demo-trained.demo-gloss.u12'" in str(caught.value)
    demo["comparisons"] = {"some": {"runs": ["*.nothing"]}}
    load(demo, "demo.yaml", ROOT)
    del demo["comparisons"]
    assert list(load(demo, "demo.yaml", ROOT).config.comparisons) == ["all"]


def test_replays_are_scored_with_the_runs(demo: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "theirs.csv"
    path.write_text("video_id,answer\n")
    demo["replays"] = {"theirs": {"predictions": str(path)}}
    checked = load(demo, "demo.yaml", ROOT)
    *ours, theirs = checked.scored
    assert [run.name for run in ours] == list(checked.predict_runs)
    assert (theirs.name, theirs.label, theirs.prompt) == ("theirs", "theirs", "")


@pytest.mark.parametrize(
    ("replays", "words"),
    [
        (
            {"theirs": {"predictions": "no/where.csv"}},
            ["replays.theirs.predictions", "no/where.csv"],
        ),
        ({"chance": {"predictions": "config/demo.yaml"}}, ["replays.chance", "take another"]),
        ({"a.b": {"predictions": "config/demo.yaml"}}, ["replays", "'a.b' is no valid name"]),
        ({"theirs": {"file": "x"}}, ["replays.theirs", "unknown key 'file'"]),
    ],
)
def test_mistakes_in_replays(demo: dict[str, Any], replays: Any, words: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        load(demo | {"replays": replays}, "demo.yaml", ROOT)
    for word in words:
        assert word in str(caught.value)


MATCHING = {"model": "demo-trained", "prompt": "match-gloss", "sampling": "u12"}


def test_matching_runs_stand_apart(demo: dict[str, Any]) -> None:
    demo["runs"] = [{**MATCHING, "prompt": ["demo-gloss", "match-gloss"]}]
    checked = load(demo | {"descriptions": []}, "demo.yaml", ROOT)
    assert list(checked.runs) == ["demo-trained.demo-gloss.u12", "demo-trained.match-gloss.u12"]
    assert list(checked.predict_runs) == ["demo-trained.demo-gloss.u12"]
    assert list(checked.match_runs) == ["demo-trained.match-gloss.u12"]
    assert [run.name for run in checked.scored] == list(checked.predict_runs)
    assert not checked.matches_descriptions
    demo["runs"][0]["prompt"].append("match-description")
    assert load(demo, "demo.yaml", ROOT).matches_descriptions


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"runs": [{**MATCHING, "prompt": "match-description"}], "descriptions": []},
            ["run 'demo-trained.match-description.u12'", "{description}", "'descriptions'"],
        ),
        ({"runs": [MATCHING]}, ["runs: add one with a prompt of task 'predict'"]),
        ({"descriptions": "d.csv"}, ["descriptions: 'd.csv' is not a list"]),
        ({"descriptions": ["a", "a"]}, ["descriptions: duplicate 'a'"]),
        (
            {"matching": {"seed": 1, "random": 0, "hard": 0}},
            ["matching.random: 0 is not at least"],
        ),
        ({"matching": {"seed": 1, "random": 1}}, ["matching: key 'hard' is missing"]),
    ],
)
def test_mistakes_in_matching(
    demo: dict[str, Any], change: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(UserError) as caught:
        load(demo | change, "demo.yaml", ROOT)
    for word in words:
        assert word in str(caught.value)


def test_runs_that_need_descriptions_wait_for_some(demo: dict[str, Any]) -> None:
    described = {**MATCHING, "prompt": "match-description", "needs": "descriptions"}
    demo["runs"] = [demo["runs"][0], described]
    waiting = load(demo | {"descriptions": []}, "demo.yaml", ROOT)
    name = "demo-trained.match-description.u12"
    assert waiting.left_out == (name,)
    assert name not in waiting.runs and "match-description" not in waiting.prompts
    ready = load(demo, "demo.yaml", ROOT)
    assert name in ready.runs and ready.left_out == ()
    demo["runs"][-1] = {**described, "needs": "luck"}
    with pytest.raises(UserError, match=r"runs\[\d+\]\.needs: 'luck' is none of the choices"):
        load(demo, "demo.yaml", ROOT)


API = {
    "adapter": "openai",
    "model": "gpt-test",
    "key_env": "ZEROSIGN_TEST_KEY",
    "frames": {"as": "images"},
    "decoding": {"max_new_tokens": 16},
}


def with_api(demo: dict[str, Any], folder: Path, **change: Any) -> dict[str, Any]:
    """The demo with a run of an API model."""
    models = read_yaml(demo["models"]) | {"api": API | change}
    path = folder / "models.yaml"
    path.write_text(yaml.safe_dump(models))
    run = {"model": "api", "prompt": "demo-gloss", "sampling": "u12", "needs": "key"}
    return demo | {"models": str(path), "runs": [*demo["runs"], run]}


def test_runs_that_need_a_key_wait_for_one(
    demo: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = with_api(demo, tmp_path)
    name = "api.demo-gloss.u12"
    waiting = load(study, "demo.yaml", ROOT)
    assert waiting.without_key == {name: "ZEROSIGN_TEST_KEY"} and name not in waiting.runs
    monkeypatch.setenv("ZEROSIGN_TEST_KEY", "x")
    ready = load(study, "demo.yaml", ROOT)
    assert name in ready.runs and not ready.without_key
    assert list(ready.api_loads) == [ready.load_of("api")] and list(ready.api_runs) == [name]
    monkeypatch.delenv("ZEROSIGN_TEST_KEY")
    assert name in load(with_api(demo, tmp_path, key_env=None), "demo.yaml", ROOT).runs


def test_a_budget_needs_prices(demo: dict[str, Any], tmp_path: Path) -> None:
    study = with_api(demo, tmp_path, key_env=None) | {"budget": {"max_usd": 1}}
    with pytest.raises(UserError, match=r"demo\.yaml: budget: .*models\.yaml: api has no price"):
        load(study, "demo.yaml", ROOT)


def test_models_of_the_alignment_are_checked_too(demo: dict[str, Any], tmp_path: Path) -> None:
    models = read_yaml(demo["models"])
    models["other"] = {**models["demo-trained"], "checkpoint": "owner/name"}
    demo["models"] = str(tmp_path / "models.yaml")
    Path(demo["models"]).write_text(yaml.safe_dump(models))
    demo["alignment"]["models"] = ["other"]
    with pytest.raises(UserError, match=r"other\.revision: hub checkpoint 'owner/name' needs"):
        load(demo, "demo.yaml", ROOT)


def test_descriptions_that_are_not_there(demo: dict[str, Any], tmp_path: Path) -> None:
    del demo["demo"]
    table = tmp_path / "descriptions.csv"
    table.write_text("gloss,description\n")
    demo["descriptions"] = [str(table), "no/where.csv"]
    with pytest.raises(UserError, match=r"yaml: descriptions\[1\]: no such file 'no/where\.csv'"):
        load(demo, "demo.yaml", ROOT)


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
    models = read_yaml(demo["models"])
    models["demo-trained"]["adapter"] = adapter
    if adapter == "contrastive":
        del models["demo-trained"]["decoding"]
    demo["models"] = str(tmp_path / "models.yaml")
    Path(demo["models"]).write_text(yaml.safe_dump(models))
    demo["runs"] = [{"model": "demo-trained", "prompt": prompt, "sampling": "u12"}]
    with pytest.raises(UserError, match=words):
        load(demo, "demo.yaml", ROOT)


def test_a_contrastive_model_answers_no_question(demo: dict[str, Any], tmp_path: Path) -> None:
    models = read_yaml(demo["models"])
    models["demo-trained"]["adapter"] = "contrastive"
    del models["demo-trained"]["decoding"]
    path = tmp_path / "models.yaml"
    path.write_text(yaml.safe_dump(models))
    demo["runs"] = [{**MATCHING, "prompt": ["demo-gloss", "match-gloss"]}]
    with pytest.raises(UserError, match=r"match-gloss\.u12': a contrastive model answers no"):
        load(demo | {"models": str(path)}, "demo.yaml", ROOT)


def test_without_a_video(demo: dict[str, Any], tmp_path: Path) -> None:
    assert "demo-trained.demo-gloss.none" in load(demo, "demo.yaml", ROOT).runs

    blind = copy.deepcopy(demo)
    blind["alignment"]["sampling"] = "none"
    with pytest.raises(UserError, match=r"alignment\.sampling: 'none' shows no frames"):
        load(blind, "demo.yaml", ROOT)

    models = read_yaml(demo["models"])
    models["demo-trained"]["adapter"] = "contrastive"
    del models["demo-trained"]["decoding"]
    path = tmp_path / "models.yaml"
    path.write_text(yaml.safe_dump(models))
    with pytest.raises(
        UserError, match=r"demo-trained\.demo-gloss\.none'.* contrastive needs frames"
    ):
        load(demo | {"models": str(path)}, "demo.yaml", ROOT)


def wlasl300(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.chdir(ROOT)
    return read_yaml("config/config.yaml")


def test_without_facts_the_sources_count_their_frames_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    study = wlasl300(monkeypatch)
    with_facts = load(study, "config.yaml", ROOT).facts
    study["dataset"]["facts"] = None
    facts = load(study, "config.yaml", ROOT).facts
    assert facts.sources == with_facts.sources
    assert facts.sources["asl5200"].rate == "native"
    assert (facts.expected.clips, facts.downloads) == (None, {})


def test_facts_may_be_of_sources_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    study = wlasl300(monkeypatch)
    study["dataset"]["facts"] = "mine"
    study["synonyms"] = None
    for name in ("models", "prompts"):
        study[name] = str(ROOT / study[name])
    (tmp_path / "config").mkdir()
    (tmp_path / "config/datasets.yaml").write_text("mine: {sources: {there: {rate: 30}}}")
    monkeypatch.chdir(tmp_path)
    facts = load(study, "config.yaml", ROOT).facts
    assert facts.sources["there"].rate == 30
    assert facts.expected.clips is None


def test_an_undeclared_subset_is_not_sent_to_study_without_facts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    study = wlasl300(monkeypatch)
    study["dataset"]["subset"] = 50
    with pytest.raises(
        UserError, match=r"choose one of these, or declare '50': \{\} there"
    ) as error:
        load(study, "config.yaml", ROOT)
    assert "null" not in str(error.value)
