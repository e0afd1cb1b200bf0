"""Videos of YouTube, by yt-dlp."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import video_server as server
from helpers.video_server import QUICK, Site

from zerosign.videos import youtube


def test_youtube_is_asked_through_yt_dlp() -> None:
    command = youtube.youtube_command(
        "https://www.youtube.com/watch?v=-abcdefghij", Path("a%b/youtube/-abcdefghij"), QUICK
    )
    assert command[:3] == [sys.executable, "-m", "yt_dlp"]
    assert command[-2:] == ["--", "https://www.youtube.com/watch?v=-abcdefghij"]
    assert "a%%b/youtube/-abcdefghij.%(ext)s" in command
    assert {"--ignore-config", "--no-playlist", "--max-filesize"} <= set(command)


@pytest.mark.parametrize(
    ("code", "said", "status"),
    [
        (1, "[youtube] x: Video unavailable", "gone"),
        (1, "[youtube] x: Private video. Sign in if you've been granted access", "gone"),
        (1, "[youtube] x: Sign in to confirm you're not a bot", "forbidden"),
        (1, "HTTP Error 429: Too Many Requests", "rate_limited"),
        (1, "Unable to download webpage: timed out", "unreachable"),
        (1, "/usr/bin/python3: No module named yt_dlp", "needs_yt_dlp"),
        (0, "yt-dlp brought no file", "too_large"),
    ],
)
def test_what_yt_dlp_says_becomes_a_status(code: int, said: str, status: str) -> None:
    assert youtube._youtube_status(code, said) == status


def test_yt_dlp_brings_a_file(site: Site, video: bytes, tmp_path: Path) -> None:
    pytest.importorskip("yt_dlp", reason="needs yt-dlp, which is optional")
    site.routes["/watch.mp4"] = server.file(video)
    limits = replace(QUICK, deadline=60, read=5)
    file = youtube.download_youtube(f"{site.url}/watch.mp4", tmp_path / "youtube" / "x", limits)
    assert file == tmp_path / "youtube" / "x.mp4"
    assert file.read_bytes() == video
