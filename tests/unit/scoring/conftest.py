import json
from pathlib import Path

import polars as pl
import pytest
from helpers.predictions import MISTAKES, RUNS, SETTINGS, clips, predictions, synonyms

from zerosign.dataset import leakage
from zerosign.scoring.joined_runs import join_runs


@pytest.fixture
def joined() -> pl.DataFrame:
    """A run without mistakes, "good", and one with some, "bad"."""
    return join_runs([("good", predictions({})), ("bad", predictions(MISTAKES))], clips())


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    """The arguments of `score.main` but for the output."""
    clips().write_parquet(tmp_path / "clips.parquet")
    (tmp_path / "predictions").mkdir()
    predictions({}).write_parquet(tmp_path / "predictions/good.parquet")
    predictions(MISTAKES).write_parquet(tmp_path / "predictions/bad.parquet")
    synonyms((0, "car", "auto", "noun:1", None)).write_parquet(tmp_path / "synonyms.parquet")
    leakage.flags(clips()).write_parquet(tmp_path / "flags.parquet")
    study = {
        "scored": [run.as_json() for run in RUNS],
        "prompts": {"p": {"task": "predict", "user": "CAR?"}},
        "filters": {"unambiguous": ["identical_two_labels"]},
        "title": "WLASL300",
        "statistics": SETTINGS.as_json(),
        "comparisons": {"all": {}},
    }
    (tmp_path / "study.json").write_text(json.dumps(study))
    named = {
        "study": "study.json",
        "clips": "clips.parquet",
        "predictions": "predictions",
        "flags": "flags.parquet",
        "synonyms": "synonyms.parquet",
    }
    words = [word for name, file in named.items() for word in (f"--{name}", str(tmp_path / file))]
    return [*words, "--published", str(Path(__file__).parents[3] / "config/published.csv")]
