"""The workflow runs from any folder, in another workflow, and with settings of any size."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from helpers import workflow_runs
from helpers.workflow_runs import Checkout

TARGETS = ["results/demo/splits/verification.json", "results/demo/study.json"]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    return workflow_runs.checkout(tmp_path_factory.mktemp("checkout"))


def snakemake(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "2", *arguments],
        cwd=folder,
        env=workflow_runs.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=workflow_runs.TIMEOUT_S,
    )


def shown(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode == 0, result.stdout[-4000:]
    return result.stdout


def test_a_folder_of_ones_own(checkout: Checkout, tmp_path: Path) -> None:
    folder = tmp_path / "my study"
    (folder / "config").mkdir(parents=True)
    config = (checkout.folder / "config/test.yaml").read_text("utf-8")
    (folder / "config/config.yaml").write_text(config, "utf-8")
    snakefile = str(checkout.folder / "Snakefile")
    where = ["-s", snakefile, "--directory", str(folder)]
    shown(snakemake(tmp_path, *where, *TARGETS))
    assert all((folder / target).is_file() for target in TARGETS)
    assert not (checkout.folder / "results").exists()
    again = shown(snakemake(tmp_path, *where, "--dry-run", *TARGETS))
    assert "Nothing to be done" in again
    planned = workflow_runs.rules(
        workflow_runs.jobs(shown(snakemake(tmp_path, *where, "--dry-run")))
    )
    assert {"ask", "score", "figure"} <= planned


def test_a_module_of_another_workflow(checkout: Checkout, tmp_path: Path) -> None:
    config = yaml.safe_load((checkout.folder / "config/test.yaml").read_text("utf-8"))
    (tmp_path / "paper.yaml").write_text(yaml.safe_dump({"signs": config}), "utf-8")
    (tmp_path / "Snakefile").write_text(
        f"""
configfile: "paper.yaml"

module zerosign:
    snakefile: {str(checkout.folder / "Snakefile")!r}
    config: config["signs"]

use rule * from zerosign as signs_*

rule paper:
    default_target: True
    input:
        {TARGETS!r}
    output:
        "paper.txt"
    shell:
        "cat {{input}} > {{output}}"
""",
        "utf-8",
    )
    shown(snakemake(tmp_path))
    assert '"passed": true' in (tmp_path / "paper.txt").read_text("utf-8")
    planned = shown(snakemake(tmp_path, "--dry-run", "signs_all"))
    assert "signs_ask" in planned


def test_variants_by_config_have_settings_of_their_own(checkout: Checkout, tmp_path: Path) -> None:
    study = workflow_runs.clone(checkout, tmp_path / "study")
    settings = study.folder / "results/demo/settings"
    study.snakemake("--dry-run")
    (first,) = settings.iterdir()
    written = first.stat().st_mtime_ns
    study.snakemake("--dry-run", "--config", "shards=3")
    assert len(list(settings.iterdir())) == 2
    study.snakemake("--dry-run")
    assert first.stat().st_mtime_ns == written
    assert {path.suffix for path in settings.iterdir()} == {".json"}


def test_no_command_grows_with_the_study(checkout: Checkout, tmp_path: Path) -> None:
    study = workflow_runs.clone(checkout, tmp_path / "study")

    def enlarge(prompts: dict[str, Any]) -> None:
        prompts["long"] = prompts["demo-gloss"] | {"system": "sign " * 60_000}
        prompts.update({f"p{i}": prompts["demo-gloss"] for i in range(499)})

    study.edit_yaml("config/prompts.yaml", enlarge)
    study.edit_yaml(
        "config/models.yaml",
        lambda models: models.update(lone=models["demo-untrained"] | {"attn": "eager"}),
    )
    prompts = ["long", *(f"p{i}" for i in range(499))]
    more = [
        {"model": ["demo-untrained", "demo-internvl"], "prompt": prompts, "sampling": "u12"},
        {"model": "lone", "prompt": "p0", "sampling": "none"},
    ]

    def use(config: dict[str, Any]) -> None:
        config["samplings"]["none"] = {"strategy": "none"}
        config["runs"].extend(more)

    study.edit_yaml("config/test.yaml", use)
    output = study.snakemake("--dry-run", "--printshellcmds").stdout
    commands = re.findall(r"^Shell command: (.*)$", output, re.MULTILINE)
    assert len(commands) > 1500
    assert max(map(len, commands)) < 2000
    assert not [command for command in commands if "{" in command]
    # Real jobs: one reads all of the study, one asks a model one of its prompts.
    answers = "results/demo/answers/lone.p0.none/0.parquet"
    study.snakemake(answers, "results/demo/study.json")
    assert "sign sign" in (study.folder / "results/demo/study.json").read_text("utf-8")
    assert pl.read_parquet(study.folder / answers)["finish"].is_in(["stop", "length"]).all()


def test_a_yaml_mistake_in_the_default_study_names_its_line(
    checkout: Checkout, tmp_path: Path
) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.yaml").write_text("study: x\n  shards: 1\n", "utf-8")
    where = ["-s", str(checkout.folder / "Snakefile"), "--directory", str(tmp_path)]
    result = snakemake(tmp_path, *where, "--dry-run")
    assert result.returncode == 1
    errors = [line for line in result.stdout.splitlines() if "rror" in line]
    assert errors == ["error: config/config.yaml: line 2: mapping values are not allowed here"]
