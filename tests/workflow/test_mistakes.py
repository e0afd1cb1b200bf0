"""A user's mistake ends Snakemake with one line, before any job."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers import workflow_runs
from helpers.workflow_runs import Checkout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    return workflow_runs.checkout(tmp_path_factory.mktemp("mistakes"))


def with_config(checkout: Checkout, change: Any) -> list[str]:
    """Snakemake's lines on a changed configuration."""
    config = yaml.safe_load((checkout.folder / "config/test.yaml").read_text())
    change(config)
    (checkout.folder / "config/broken.yaml").write_text(yaml.safe_dump(config))
    result = checkout.snakemake("--configfile", "config/broken.yaml", "--dry-run", check=False)
    assert result.returncode == 1
    assert not (checkout.folder / "results").exists()
    return [line for line in result.stdout.splitlines() if line.startswith(("error", "Trace"))]


def test_an_unknown_key(checkout: Checkout) -> None:
    lines = with_config(checkout, lambda config: config.update(shard=2))
    assert lines == ["error: config/broken.yaml: unknown key 'shard'; did you mean 'shards'?"]


def test_a_model_that_is_not_there(checkout: Checkout) -> None:
    lines = with_config(checkout, lambda config: config["runs"][0].update(model="demo-untraind"))
    (line,) = lines
    assert "runs[0].model: no model named 'demo-untraind'; did you mean 'demo-untrained'?" in line


def test_a_prompt_with_descriptions_in_a_study_without(checkout: Checkout) -> None:
    (line,) = with_config(checkout, lambda config: config.update(descriptions=[]))
    assert "run 'demo-trained-closed.demo-match.u12': the prompt shows {description}" in line
    assert "name CSV files under 'descriptions'" in line


def test_a_prompt_without_its_variable(checkout: Checkout, tmp_path: Path) -> None:
    prompts = yaml.safe_load((checkout.folder / "config/prompts.yaml").read_text())
    prompts["demo-gloss"]["variables"] = ["candidates"]
    path = tmp_path / "prompts.yaml"
    path.write_text(yaml.safe_dump(prompts))
    lines = with_config(checkout, lambda config: config.update(prompts=str(path)))
    (line,) = lines
    assert "demo-gloss" in line
    assert "candidates" in line
    assert str(path) in line


def test_a_checkpoint_whose_folder_is_gone(checkout: Checkout, tmp_path: Path) -> None:
    models = yaml.safe_load((checkout.folder / "config/models.yaml").read_text())
    models["demo-trained-closed"]["checkpoint"] = "./resources/demo/nowhere"
    path = tmp_path / "models.yaml"
    path.write_text(yaml.safe_dump(models))
    lines = with_config(checkout, lambda config: config.update(models=str(path)))
    assert lines == [
        f"error: {path}: demo-trained-closed.checkpoint: no folder './resources/demo/nowhere'"
    ]


def test_a_duplicate_key(checkout: Checkout) -> None:
    text = (checkout.folder / "config/test.yaml").read_text()
    (checkout.folder / "config/twice.yaml").write_text(text + "\nshards: 7\n")
    result = checkout.snakemake("--configfile", "config/twice.yaml", "--dry-run", check=False)
    assert result.returncode == 1
    assert "error: config/twice.yaml: line" in result.stdout
    assert "duplicate key 'shards'" in result.stdout
