"""One way to open videos: no file makes another one be read."""

from pathlib import Path

import pytest
from helpers.video_files import make_video

from zerosign.frames.decode import every_frame, read_clip
from zerosign.frames.pixels import to_rgb
from zerosign.videos.opening import open_container, open_video
from zerosign.videos.probe import probe
from zerosign.videos.timeline import Undecodable


@pytest.fixture
def playlist(tmp_path: Path) -> Path:
    """A text named like a video, by which FFmpeg would read another file."""
    make_video(tmp_path / "other.mp4", 10)
    path = tmp_path / "clip.mp4"
    path.write_text("ffconcat version 1.0\nfile other.mp4\n")
    return path


def test_a_playlist_is_no_video_for_anybody(playlist: Path) -> None:
    facts = probe(playlist)
    assert (facts.status, facts.detail) == ("not_a_video", "a playlist")
    with pytest.raises(Undecodable, match=r"clip\.mp4: a playlist") as caught:
        read_clip(str(playlist), every_frame, to_rgb())
    assert caught.value.status == "not_a_video"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.mp4", "#EXTM3U\nother.mp4\n"),
        ("b.mp4", "  ffconcat version 1.0\nfile other.mp4\n"),
        ("c.mpd", "<?xml version='1.0'?><MPD/>"),
        ("d.mp4", "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nm=video 5004 RTP/AVP 96\n"),
        ("e.mp4", ";FFMETADATA1\ntitle=x\n"),
    ],
)
def test_containers_that_name_other_files_are_unknown(tmp_path: Path, name: str, text: str) -> None:
    make_video(tmp_path / "other.mp4", 10)
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(Undecodable) as caught:
        open_container(str(path))
    assert caught.value.status == "not_a_video"


def test_a_video_opens_with_one_thread(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", 10)
    with open_video(str(path)) as (container, stream):
        assert stream.codec_context.thread_count == 1
        assert len(list(container.decode(stream))) == 10


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(Undecodable, match=r"gone\.mp4: cannot be read") as caught,
        open_video(str(tmp_path / "gone.mp4")),
    ):
        pass
    assert caught.value.status == "missing"
