import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from helpers.study_files import study_option

import align
import align_table
from zerosign.alignment import metrics
from zerosign.errors import UserError
from zerosign.scoring.statistics_settings import StatisticsSettings

SETTINGS = StatisticsSettings(confidence=0.95, permutations=300, seed=0)


def test_cosines_are_blind_to_length() -> None:
    video = np.array([[2.0, 0.0], [0.0, 0.5], [0.0, 0.0]], np.float32)
    text = np.array([[10.0, 0.0], [3.0, 3.0]], np.float32)
    expected = [[1, np.sqrt(0.5)], [0, np.sqrt(0.5)], [0, 0]]
    assert metrics.cosines(video, text) == pytest.approx(np.array(expected))


def test_ranks_count_ties_against_the_model() -> None:
    similarity = np.array([[0.9, 0.1, 0.5], [0.3, 0.3, 0.3], [0.1, 0.2, 0.3]])
    assert metrics.ranks(similarity, np.array([0, 1, 0])).tolist() == [1, 3, 3]


def test_measures_by_hand() -> None:
    similarity = np.full((4, 10), 0.2)
    truth = np.array([0, 1, 2, 3])
    similarity[[0, 1], [0, 1]] = [0.8, 0.3]  # nearest
    similarity[2, 2] = 0.2  # one of ten equals: not among the five nearest
    similarity[3, 3] = -0.1
    found = metrics.measures(similarity, truth, np.arange(4), SETTINGS)
    value = {name: measure.value for name, measure in found.items()}
    assert value["positive"] == pytest.approx((0.8 + 0.3 + 0.2 - 0.1) / 4)
    assert value["top5"] == 0.5
    assert value["aligned"] == 0.5
    assert value["negative"] == pytest.approx(0.2)
    assert value["positive_minus_negative"] == pytest.approx(0.3 - 0.2)
    assert found["positive"].low < 0.3 < found["positive"].high


def test_one_signer_gives_no_interval() -> None:
    found = metrics.measures(np.eye(3), np.arange(3), np.zeros(3, int), SETTINGS)
    assert found["positive"] == metrics.Measure(value=1.0, low=None, high=None)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    glosses = [f"gloss{i}" for i in range(8)]
    rows = [(f"{i:03}", glosses[i % 8], i % 8, f"s{i % 5}", "test") for i in range(40)]
    schema = ["video_id", "gloss", "class_index", "signer", "split"]
    clips = pl.DataFrame(rows, schema=schema, orient="row")
    clips.write_parquet(tmp_path / "clips.parquet")
    text = rng.normal(size=(7, 16))  # gloss7 has no description
    video = np.stack([text[i % 7] for i in range(40)])
    video[:] = [text[i % 8] if i % 8 < 7 else rng.normal(size=16) for i in range(40)]
    np.savez(tmp_path / "text.npz", glosses=np.array(glosses[:7]), text=text.astype("f4"))
    for shard in range(2):
        ids = np.array([row[0] for row in rows[shard::2]])
        np.savez(tmp_path / f"{shard}.npz", video_ids=ids, video=video[shard::2].astype("f4"))
    np.savez(tmp_path / "2.npz", video_ids=np.array([], "<U5"), video=np.zeros((0, 16), "f4"))
    return tmp_path


def arguments(folder: Path, split: str = "test") -> list[str]:
    """Arguments of align.py."""
    return [
        *study_option(
            folder,
            shards=3,
            dataset={"split": split},
            alignment={"models": ["m"], "sampling": "s"},
            statistics=SETTINGS.as_json(),
        ),
        *("--model", "m", "--clips", str(folder / "clips.parquet")),
        *("--embeddings", str(folder), "--output", str(folder / "m.json")),
    ]


def test_programs(study: Path) -> None:
    align.main(arguments(study))
    result = json.loads((study / "m.json").read_text())
    # the clips of the gloss without a description are left out, and said to be
    assert (result["n_expected"], result["n"], result["classes"]) == (40, 35, 7)
    assert result["measures"]["positive"]["value"] == pytest.approx(1)
    assert result["measures"]["top5"]["value"] == 1
    assert result["top5_chance"] == pytest.approx(5 / 7)
    options = ["--alignments", str(study), "--output", str(study / "table")]
    align_table.main([*arguments(study)[:2], *options])
    table = pl.read_csv(study / "table.csv")
    assert table["measure"].to_list() == [
        *("positive", "top5", "aligned", "negative", "positive_minus_negative")
    ]
    assert table.filter(pl.col("measure") == "top5")["chance"].item() == pytest.approx(5 / 7)


def test_faults_are_one_line(study: Path) -> None:
    with pytest.raises(UserError, match=r"m\.s: no clip with frames has a gloss with a text"):
        align.main(arguments(study, split="val"))
    np.savez(study / "text.npz", glosses=np.array(["gloss0"]), text=np.zeros((1, 3), "f4"))
    with pytest.raises(UserError, match="16 dimensions, texts 3"):
        align.main(arguments(study))
    np.savez(study / "text.npz", other=np.zeros(1))
    with pytest.raises(UserError, match="no array glosses"):
        align.main(arguments(study))
