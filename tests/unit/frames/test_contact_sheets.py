"""Contact sheets show the frames that a sampling shows; the quality table says what is odd."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from helpers.study_files import study_option
from PIL import Image

import contact_sheet as contact_sheet_program
import quality as quality_program
from zerosign.frames import cache, contact_sheet, quality
from zerosign.frames.frame_settings import FrameSettings, Storage
from zerosign.frames.sampling import sampling_of
from zerosign.videos import availability
from zerosign.videos.timeline import Decoded, SigningPart, Timeline

RAW = FrameSettings(short_side=None, storage=Storage.RAW)
COLOURS = ((250, 10, 10), (10, 250, 10), (10, 10, 250), (250, 250, 10))


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    """Three clips of four plain frames and one that failed, sampled by motion and uniformly."""
    folder = tmp_path / "frames"
    decoded = folder / "decoded" / "0.npz"
    with cache.open_decoded_writer(decoded, RAW) as writer:
        for video_id, part in (
            ("a", SigningPart(0, 3)),
            ("b", SigningPart(0, 3, found=False)),
            ("c", SigningPart(1, 2)),
        ):
            frames = [np.full((48, 64, 3), colour, np.uint8) for colour in COLOURS]
            timeline = Timeline(np.arange(4) / 25, 4 / 25)
            writer.add(video_id, Decoded(frames, np.arange(4), timeline), part=part)
        writer.fail("d", "missing: in no source")
    for name, entry in (
        ("moving", {"strategy": "motion", "frames": 2}),
        ("all", {"strategy": "all"}),
    ):
        cache.write_selection(decoded, sampling_of(entry), folder / name / "0.npz")
    return folder


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    path = tmp_path / "clips.parquet"
    rows = {"video_id": list("abcde"), "gloss": ["one", "แมว", "none", "cost $", "x"]}
    splits = {"signer": ["1", "1", None, "2", "2"], "split": ["test"] * 4 + ["train"]}
    pl.DataFrame(rows | splits).write_parquet(path)
    return path


def test_a_sheet_shows_each_clips_frames(shard: Path, clips: Path, tmp_path: Path) -> None:
    output = tmp_path / "sheet.jpg"
    files = [f"--decoded={shard}/decoded/0.npz", f"--selection={shard}/all/0.npz"]
    contact_sheet_program.main([*files, f"--clips={clips}", f"--output={output}"])
    sheet = np.asarray(Image.open(output)).astype(int)
    step = contact_sheet.ROW + contact_sheet.GAP
    assert sheet.shape[0] == 4 * step
    width = round(64 * contact_sheet.ROW / 48)
    for row in range(3):
        middle = row * step + contact_sheet.ROW // 2
        for number, colour in enumerate(COLOURS):
            left = contact_sheet.LABEL + number * (width + contact_sheet.GAP) + width // 2
            assert np.abs(sheet[middle, left] - colour).max() < 12
        label = sheet[row * step : row * step + contact_sheet.ROW, : contact_sheet.LABEL]
        assert label.min() < 60, "something is written"
    assert sheet[3 * step :, contact_sheet.LABEL + 60 :].mean() > 200, "no frames of the failed one"


def test_many_frames_are_thinned_and_many_clips_fit(tmp_path: Path) -> None:
    frames = [np.zeros((10, 10, 3), np.uint8)] * 3
    clips = [contact_sheet.SheetRow(str(i), ["x"], frames) for i in range(3000)]
    contact_sheet.write(clips, tmp_path / "a.jpg")
    with Image.open(tmp_path / "a.jpg") as sheet:
        assert sheet.height <= contact_sheet.MOST_PIXELS


def test_the_log_says_where_no_signing_part_was_found(
    shard: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "zerosign")
    entry = sampling_of({"strategy": "motion", "frames": 2})
    cache.write_selection(shard / "decoded" / "0.npz", entry, tmp_path / "again.npz")
    assert "no signing part was found in 1 of 3 clips, which are sampled whole: e.g. b" in (
        caplog.text
    )
    chosen = cache.read_selection(tmp_path / "again.npz").clips
    assert {video_id: clip["fallback"] for video_id, clip in chosen.items()} == {
        "a": False,
        "b": True,
        "c": False,
    }
    assert chosen["b"]["indices"] == [0, 2]
    assert chosen["c"]["indices"] == [1, 2]


def row(video_id: str, **more: Any) -> dict[str, Any]:
    """A clip's row of availability.parquet."""
    usual = {"status": "ok", "start_s": 0.0, "end_s": 2.0, "range_frames": 50, "fps": 25.0}
    size = {"width": 320, "height": 240}
    return availability.missing(video_id, "ok", "") | usual | size | more


def test_the_quality_table(shard: Path, clips: Path, tmp_path: Path) -> None:
    found = [
        row("a", damage="ends within a packet", end_s=0.3),
        row("b", start_s=1.0, end_s=12.0, fps=12.0),
        row("c", width=96),
        availability.missing("d", "missing", "in no source"),
        row("e"),
    ]
    path = tmp_path / "availability.parquet"
    pl.DataFrame(found, schema=availability.SCHEMA).write_parquet(path)
    study = study_option(tmp_path, dataset={"split": "test"}, shards=1)
    files = [f"--clips={clips}", f"--availability={path}", f"--frames={shard}"]
    output = tmp_path / "quality"
    quality_program.main([*study, *files, "--samplings", "moving", "all", f"--output={output}"])
    table = pl.read_csv(f"{output}.csv")
    assert tuple(table.columns) == quality.COLUMNS
    assert dict(table.select("video_id", "odd").iter_rows()) == {
        "a": "damaged; short",
        "b": "no signing part; long; low rate",
        "c": "tiny",
        "d": "unavailable",
    }
    assert table["fallback"].to_list() == ["", "moving", "", ""]
    assert table["seconds"].to_list() == pytest.approx([0.3, 11.0, 2.0, None])


def test_the_summary_counts() -> None:
    rows = pl.DataFrame({"odd": [["short"], [], ["short", "tiny"]]})
    assert quality.summary(rows) == "3 clips: 2 short, 1 tiny"
    assert quality.summary(rows.head(0)) == "0 clips: nothing odd"


def test_the_index_stays_json(shard: Path) -> None:
    index = cache.read_index(shard / "decoded" / "0.npz")
    assert json.loads(json.dumps(index["clips"]["b"]["window"])) == [0, 3, False]
