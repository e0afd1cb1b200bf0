"""Videos of YouTube, by yt-dlp, which is optional."""

import re
import subprocess
import sys
from pathlib import Path

from zerosign.http import Limits, Refused

_YOUTUBE = re.compile(
    r"https?://(?:(?:www\.|m\.)?youtube\.com/(?:watch\?(?:.*&)?v=|embed/|shorts/|v/)|youtu\.be/)"
    r"([A-Za-z0-9_-]{11})(?:[?&#].*)?"
)


def youtube_id(url: str | None) -> str | None:
    """The 11 characters of a YouTube video, or None for any other URL."""
    match = _YOUTUBE.fullmatch(url or "")
    return match[1] if match else None


def youtube_command(url: str, stem: Path, limits: Limits) -> list[str]:
    """The command of yt-dlp for one video: no sound, at most 720 lines, no ffmpeg needed."""
    return [
        sys.executable,
        *("-m", "yt_dlp", "--ignore-config", "--no-playlist", "--quiet", "--no-progress"),
        *("--no-mtime", "--fixup", "never", "--format", "bestvideo/best"),
        *("--format-sort", "res:720,vcodec:h264,ext:mp4"),
        *("--retries", "2", "--socket-timeout", f"{limits.read:.0f}"),
        *("--max-filesize", str(limits.max_bytes)),
        *("--output", str(stem).replace("%", "%%") + ".%(ext)s", "--", url),
    ]


def download_youtube(url: str, stem: Path, limits: Limits) -> Path:
    """Get a video through yt-dlp; returns the file. Raises `Refused`."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    try:
        run = subprocess.run(
            youtube_command(url, stem, limits),
            capture_output=True,
            text=True,
            timeout=limits.deadline,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Refused("unreachable", f"not done after {limits.deadline:.0f} s", True) from None
    files = [
        file
        for file in sorted(stem.parent.glob(f"{stem.name}.*"))
        if file.suffix not in (".part", ".ytdl", ".json", ".temp")
    ]
    if run.returncode == 0 and files:
        return files[0]
    lines = [line for line in (run.stderr or "").splitlines() if line.strip()]
    said = lines[-1].removeprefix("ERROR: ").strip() if lines else "yt-dlp brought no file"
    raise Refused(_youtube_status(run.returncode, said), said[:200])


# The first status with one of its words in yt-dlp's message.
_YOUTUBE_SAYS = {
    "needs_yt_dlp": ("no module named",),
    "gone": (
        *("unavailable", "private video", "removed", "terminated", "does not exist"),
        *("not found", "404", "no longer available"),
    ),
    "rate_limited": ("429", "rate-limit", "too many requests"),
    "forbidden": ("sign in", "captcha", "forbidden", "403"),
}


def _youtube_status(code: int, said: str) -> str:
    text = said.lower()
    if code == 0:
        return "too_large"  # yt-dlp skips such a file without an error
    for status, words in _YOUTUBE_SAYS.items():
        if any(word in text for word in words):
            return status
    return "unreachable"
