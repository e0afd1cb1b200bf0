"""The command line of ffmpeg: another build of the decoders as a reference, and odd files."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

needs_ffmpeg = pytest.mark.skipif(
    shutil.which("ffmpeg") is None, reason="needs the ffmpeg command line (apt-get install ffmpeg)"
)


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
"""How ffmpeg encodes a kind of file; the name ends in the container."""


def ffmpeg(*arguments: str | Path) -> bytes:
    """Run ffmpeg; its standard output."""
    command = ["ffmpeg", "-hide_banner", "-loglevel", "error", "-y", "-threads", "1", *arguments]
    return subprocess.run(command, capture_output=True, check=True, stdin=subprocess.DEVNULL).stdout


def generate(
    path: Path,
    *encoding: str,
    seconds: float = 1,
    size: str = "96x64",
    rate: str = "25",
    sound: float | None = None,
) -> Path:
    """A video of ffmpeg's moving test picture; ``sound``: seconds of a tone."""
    tone = () if sound is None else ("-f", "lavfi", "-i", f"sine=d={sound}", "-c:a", "aac")
    source = f"testsrc2=s={size}:r={rate}:d={seconds}"
    ffmpeg("-f", "lavfi", "-i", source, *tone, "-pix_fmt", "yuv420p", *encoding, path)
    return path


def file_of(folder: Path, kind: str) -> Path:
    """A file of a kind."""
    path = folder / kind.replace(" ", "_")
    extra = ("-f", "h264") if path.suffix == ".264" else ()
    return generate(path, *KINDS[kind], *extra)


def shown_frames(path: Path, size: tuple[int, int]) -> np.ndarray:
    """Every frame that ffmpeg shows, upright, of width and height ``size``: uint8[n, H, W, 3]."""
    raw = ffmpeg(
        "-i", path, "-an", "-vsync", "passthrough", "-pix_fmt", "rgb24", "-f", "rawvideo", "-"
    )
    width, height = size
    return np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3)
