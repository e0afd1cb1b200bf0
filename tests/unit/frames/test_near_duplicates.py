"""Near duplicates: the same take is found, another take of the same scene is not."""

from pathlib import Path

import av
import numpy as np
import polars as pl
from helpers.video_runs import fetch, make_clips
from helpers.wlasl_metadata import instance

import near_duplicates as program
from zerosign.frames import near_duplicates
from zerosign.videos.timeline import Span


def walk(
    path: Path,
    phase: int,
    skip: int = 0,
    size: tuple[int, int] = (96, 72),
    rate: int = 25,
    crf: str = "18",
    count: int = 50,
) -> Path:
    """A dark square that wanders over a lit ground: its way is set by ``phase``."""
    width, height = size
    y, x = np.mgrid[:height, :width]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": crf})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(skip, round(count * rate / 25)):
            time = number / rate
            image = 90 + 120 * x / width + 40 * y / height
            left = width * (0.4 + 0.3 * np.sin(3 * time + phase))
            top = height * (0.4 + 0.3 * np.cos(2 * time * (1 + phase)))
            image[(abs(x - left) < width / 8) & (abs(y - top) < height / 8)] = 10
            pixels = np.repeat(image.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def test_a_take_is_found_again_and_another_take_of_the_scene_is_not(tmp_path: Path) -> None:
    versions = [
        walk(tmp_path / "a.mp4", 0),
        walk(tmp_path / "small.mp4", 0, size=(64, 48), crf="34"),
        walk(tmp_path / "trimmed.mp4", 0, skip=5),
        walk(tmp_path / "faster.mp4", 0, rate=30),
        walk(tmp_path / "b.mp4", 1),
        walk(tmp_path / "c.mp4", 2),
    ]
    prints = [near_duplicates.fingerprint(str(path), Span(0.0, 60.0)) for path in versions]
    assert prints[0].shape == (25, near_duplicates.SIDE, near_duplicates.SIDE)
    found = {(pair.first, pair.second) for pair in near_duplicates.pairs(prints)}
    assert found == {(i, j) for i in range(4) for j in range(i + 1, 4)}


def test_near_duplicates_across_splits_are_flagged(tmp_path: Path) -> None:
    folder = tmp_path / "videos"
    folder.mkdir()
    walk(folder / "00001.mp4", 0)
    walk(folder / "00002.mp4", 0, crf="34", size=(64, 48))
    walk(folder / "00003.mp4", 1)
    walk(folder / "00004.mp4", 1)
    walk(folder / "00005.mp4", 2)
    splits = ["train", "test", "train", "train", "test"]
    clips = make_clips(
        tmp_path, [instance(f"0000{i}", split=split) for i, split in enumerate(splits, 1)]
    )
    fetch(clips, [{"folder": str(folder)}], fetched=("train", "test"))
    arguments = ["--clips", str(clips), "--availability", str(tmp_path / "availability.parquet")]
    program.main([*arguments, "--output", str(tmp_path / "out")])
    pairs = pl.read_csv(tmp_path / "out" / "near_duplicates.csv", infer_schema=False)
    assert pairs.select("video_id", "video_id_2", "identical").rows() == [
        ("00001", "00002", "false")
    ]
    flags = pl.read_parquet(tmp_path / "out" / "near_duplicates.parquet")
    assert flags.rows() == [("00001", "near_duplicate"), ("00002", "near_duplicate")]


def test_no_video_no_duplicate(tmp_path: Path) -> None:
    clips = {"video_id": ["a"], "split": ["test"], "gloss": ["x"], "signer": ["s"], "path": [None]}
    pl.DataFrame(clips).write_parquet(tmp_path / "clips.parquet")
    gone = {"video_id": ["a"], "status": ["missing"], "path": [None]}
    pl.DataFrame(gone).write_parquet(tmp_path / "availability.parquet")
    named = ["--clips", str(tmp_path / "clips.parquet")]
    named += ["--availability", str(tmp_path / "availability.parquet")]
    program.main([*named, "--output", str(tmp_path)])
    assert pl.read_parquet(tmp_path / "near_duplicates.parquet").is_empty()
    assert pl.read_csv(tmp_path / "near_duplicates.csv").is_empty()
