"""Frames and times against ffmpeg's command line: containers, codecs, B-frames."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.ffmpeg import H264_B, KINDS, file_of, generate, needs_ffmpeg, shown_frames
from helpers.video_files import orient

from zerosign.frames import shard_decoding, wanted_frames
from zerosign.frames.cache import read_index
from zerosign.frames.decode import every_frame, read_clip
from zerosign.frames.frame_settings import FrameSettings
from zerosign.frames.pixels import to_rgb
from zerosign.frames.shard_decoding import span_of
from zerosign.frames.strategies import Uniform, uniform
from zerosign.videos.availability import row as availability_row
from zerosign.videos.probe import probe
from zerosign.videos.timeline import Span

pytestmark = needs_ffmpeg

UNEVEN = ("xvid bf2.mp4", "xvid bf2.mkv")  # libxvid's first frame is stamped two frames too early


def whole_clip(path: Path) -> dict[str, Any]:
    """The row of availability.parquet of a file that is a clip."""
    clip = {"video_id": "a", "frame_start": 1, "frame_end": -1, "fps_declared": None}
    clip |= {"start_declared": None, "end_declared": None}
    row = availability_row(clip, probe(path), str(path), "own", True, None)
    assert row["status"] == "ok", row
    return row


def best_match(frame: np.ndarray, reference: np.ndarray) -> int:
    """Number of the reference frame that is most like a frame."""
    return int(np.abs(reference.astype(int) - frame).mean(axis=(1, 2, 3)).argmin())


@pytest.mark.parametrize("kind", KINDS)
def test_frames_are_those_that_ffmpeg_shows(tmp_path: Path, kind: str) -> None:
    path = file_of(tmp_path, kind)
    reference = shown_frames(path, (96, 64))
    row = whole_clip(path)
    assert row["damage"] is None
    assert row["range_frames"] == len(reference)
    for n in (3, 16, len(reference)):
        indices = uniform(len(reference), n)
        decoded = read_clip(str(path), lambda _, i=indices: i, to_rgb(), span_of(row))
        assert [best_match(frame, reference) for frame in decoded.frames] == indices.tolist()
        worst = max(
            np.abs(f - reference[i].astype(int)).mean()
            for f, i in zip(decoded.frames, indices, strict=True)
        )
        assert worst < 1.5  # of 255: IDCT and conversion differ a little between versions
    if kind not in UNEVEN:
        times = np.arange(len(reference)) / 25
        np.testing.assert_allclose(decoded.timeline.times, times, atol=0.0015)


def test_a_size_that_changes_is_that_of_the_first_frame(tmp_path: Path) -> None:
    """Two streams joined by ``cat``: ffmpeg scales the second to the size of the first."""
    parts = [generate(tmp_path / f"{size}.ts", *H264_B, size=size) for size in ("96x64", "64x96")]
    path = tmp_path / "joined.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    reference = shown_frames(path, (96, 64))
    row = whole_clip(path)
    assert (row["sizes"], row["clock"]) == (2, "counted")
    assert (row["width"], row["height"], row["range_frames"]) == (96, 64, len(reference))
    output, clip = tmp_path / "0.npz", {"video_id": "b", "status": "missing", "detail": None}
    shard_decoding.decode_shard(
        [row, clip], [Uniform(strategy="uniform", frames=8)], FrameSettings(short_side=None), output
    )
    index = read_index(output)
    assert (list(index["clips"]), list(index["failures"])) == (["a"], ["b"])
    indices = uniform(len(reference), 8)
    decoded = read_clip(str(path), lambda _: indices, to_rgb(), span_of(row))
    assert [best_match(frame, reference) for frame in decoded.frames] == indices.tolist()


def test_stamps_in_decoding_order_are_no_packet_order(tmp_path: Path) -> None:
    """Where availability.parquet does not say it, the frame reader finds out itself."""
    path = generate(tmp_path / "a.avi", *H264_B)
    reference = shown_frames(path, (96, 64))
    indices = uniform(len(reference), 16)
    span = Span(verified_frames=len(reference))
    assert wanted_frames.read_wanted(str(path), lambda _: indices, to_rgb(), span) is None


@pytest.mark.parametrize("a", [1, -1])
@pytest.mark.parametrize("d", [1, -1])
@pytest.mark.parametrize("turned", [False, True])
def test_frames_are_turned_and_mirrored_as_ffmpeg_shows_them(
    tmp_path: Path, a: int, d: int, turned: bool
) -> None:
    """All eight display matrices; a mirrored signer would be of the other hand."""
    path = generate(tmp_path / "a.mp4", *H264_B)
    orient(path, (0, a, d, 0) if turned else (a, 0, 0, d))
    size = (64, 96) if turned else (96, 64)
    reference = shown_frames(path, size)
    row = whole_clip(path)
    assert row["mirrored"] == (a * d < 0) ^ turned
    decoded = read_clip(str(path), every_frame, to_rgb(), span_of(row))
    for frame, shown in zip(decoded.frames, reference, strict=True):
        assert np.abs(frame - shown.astype(int)).mean() < 1.5
