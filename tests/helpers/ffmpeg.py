"""The command line of ffmpeg: another build of the decoders as a reference, and odd files."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

needs_ffmpeg = pytest.mark.skipif(
    shutil.which("ffmpeg") is None, reason="needs the ffmpeg command line (apt-get install ffmpeg)"
)


def ffmpeg(*arguments: str | Path) -> bytes:
    """Run ffmpeg; its standard output."""
    command = ["ffmpeg", "-hide_banner", "-loglevel", "error", "-y", "-threads", "1", *arguments]
    return subprocess.run(command, capture_output=True, check=True, stdin=subprocess.DEVNULL).stdout


def generate(
    path: Path, *encoding: str, seconds: float = 1, size: str = "96x64", rate: str = "25"
) -> Path:
    """A video of ffmpeg's moving test picture."""
    source = f"testsrc2=s={size}:r={rate}:d={seconds}"
    ffmpeg("-f", "lavfi", "-i", source, "-pix_fmt", "yuv420p", *encoding, path)
    return path


def shown_frames(path: Path, size: tuple[int, int]) -> np.ndarray:
    """Every frame that ffmpeg shows, upright, of width and height ``size``: uint8[n, H, W, 3]."""
    raw = ffmpeg(
        "-i", path, "-an", "-vsync", "passthrough", "-pix_fmt", "rgb24", "-f", "rawvideo", "-"
    )
    width, height = size
    return np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3)
