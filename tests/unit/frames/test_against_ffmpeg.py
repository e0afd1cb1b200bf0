"""Frames and times against ffmpeg's command line: containers, codecs, B-frames."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.ffmpeg import generate, needs_ffmpeg, shown_frames

from zerosign.frames import shard_decoding, wanted_frames
from zerosign.frames.cache import read_index
from zerosign.frames.decode import read_clip
from zerosign.frames.frame_settings import FrameSettings
from zerosign.frames.pixels import to_rgb
from zerosign.frames.shard_decoding import span_of
from zerosign.frames.strategies import Uniform, uniform
from zerosign.videos.availability import row as availability_row
from zerosign.videos.probe import probe
from zerosign.videos.timeline import Span

pytestmark = needs_ffmpeg

H264 = ("-c:v", "libx264", "-preset", "veryfast", "-x264-params", "keyint=12:scenecut=0")
H264_B = (*H264, "-bf", "3", "-b_strategy", "0")
HEVC = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "keyint=12:bframes=3")
XVID, MPEG4 = ("-c:v", "libxvid"), ("-c:v", "mpeg4")
MPEG2 = ("-c:v", "mpeg2video", "-b:v", "1M")

KINDS: dict[str, tuple[str, ...]] = {
    **{
        f"h264 bf0.{ending}": (*H264, "-bf", "0")
        for ending in ("mp4", "mkv", "avi", "flv", "ts", "asf", "3gp", "nut")
    },
    **{
        f"h264 bf3.{ending}": H264_B
        for ending in ("mp4", "mov", "mkv", "avi", "flv", "ts", "m2ts", "asf", "wmv", "nut", "264")
    },
    **{f"hevc.{ending}": HEVC for ending in ("mp4", "mkv", "ts", "hevc")},
    **{f"xvid bf0.{ending}": XVID for ending in ("avi", "mp4", "mkv")},
    **{f"xvid bf2.{ending}": (*XVID, "-bf", "2") for ending in ("avi", "mp4", "mkv")},
    **{
        f"mpeg4 bf2.{ending}": (*MPEG4, "-bf", "2") for ending in ("avi", "mp4", "asf", "mkv", "ts")
    },
    "divx packed.avi": (*MPEG4, "-bf", "1", "-tag:v", "DX50"),
    **{
        f"mpeg2 bf2.{ending}": (*MPEG2, "-bf", "2") for ending in ("ts", "mpg", "avi", "mkv", "vob")
    },
    "mpeg1.mpg": ("-c:v", "mpeg1video", "-bf", "2"),
    "vp8.webm": ("-c:v", "libvpx", "-auto-alt-ref", "1", "-lag-in-frames", "5"),
    "vp9.webm": ("-c:v", "libvpx-vp9", "-cpu-used", "8", "-auto-alt-ref", "1"),
    "vp9.mp4": ("-c:v", "libvpx-vp9", "-cpu-used", "8"),
    "vp9.ivf": ("-c:v", "libvpx-vp9", "-cpu-used", "8"),
    "av1.mp4": ("-c:v", "libsvtav1", "-preset", "12"),
    "flv1.flv": (
        "-c:v",
        "flv",
    ),
    "flv1.swf": (
        "-c:v",
        "flv",
    ),
    "wmv2.wmv": (
        "-c:v",
        "wmv2",
    ),
    "msmpeg4.avi": (
        "-c:v",
        "msmpeg4",
    ),
    "mjpeg.avi": ("-c:v", "mjpeg", "-pix_fmt", "yuvj420p"),
    "theora.ogv": (
        "-c:v",
        "libtheora",
    ),
}


UNEVEN = ("xvid bf2.mp4", "xvid bf2.mkv")  # libxvid's first frame is stamped two frames too early


def file_of(folder: Path, kind: str) -> Path:
    """A file of a kind."""
    path = folder / kind.replace(" ", "_")
    extra = ("-f", "h264") if path.suffix == ".264" else ()
    return generate(path, *KINDS[kind], *extra)


def whole_clip(path: Path) -> dict[str, Any]:
    """The row of availability.parquet of a file that is a clip."""
    clip = {"video_id": "a", "frame_start": 1, "frame_end": -1, "fps_declared": None}
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
