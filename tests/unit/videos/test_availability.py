"""What a file holds, where a clip lies in it, which file is a clip's, and the table of it all."""

import os
import zlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import polars as pl
import pytest
from helpers import video_server as server
from helpers.ffmpeg import ffmpeg, generate, needs_ffmpeg
from helpers.video_files import all_frames, make_video

from zerosign.dataset.dataset_settings import SourceFacts
from zerosign.errors import UserError
from zerosign.frames.decode import every_frame, read_clip
from zerosign.frames.pixels import to_rgb
from zerosign.videos import availability, sources
from zerosign.videos.probe import Facts, cut, probe, whole
from zerosign.videos.timeline import Span, Undecodable, in_range
from zerosign.videos.video_sources import Layout


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound file of 79 frames, its index behind the frames."""
    return make_video(tmp_path_factory.mktemp("sound") / "sound.mp4", 79)


@pytest.fixture(scope="module")
def index_first(sound: Path) -> Path:
    """The same with its index before the frames."""
    target = sound.with_name("first.mp4")
    options = {"movflags": "faststart"}
    with av.open(str(sound)) as source, av.open(str(target), "w", options=options) as copy:
        stream = copy.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                copy.mux(packet)
    return target


def shorten(source: Path, target: Path, share: float) -> Path:
    data = source.read_bytes()
    target.write_bytes(data[: int(len(data) * share)])
    return target


def packet_places(path: Path) -> list[int]:
    with av.open(str(path)) as container:
        return [packet.pos for packet in container.demux(video=0) if packet.size]


# Files


def test_a_sound_file(sound: Path) -> None:
    facts = probe(sound)
    assert (facts.status, facts.damage) == ("ok", None)
    assert (facts.codec, facts.width, facts.height, facts.rotation) == ("h264", 64, 48, 0)
    assert (len(facts.times), facts.fps, facts.duration) == (79, 25.0, 3.16)
    assert facts.bytes == sound.stat().st_size


def test_truncated_with_the_index_first_keeps_its_frames(index_first: Path, tmp_path: Path) -> None:
    path = shorten(index_first, tmp_path / "a.mp4", 0.6)
    with av.open(str(path)) as container:
        assert container.streams.video[0].frames == 79, "the header lies"
    facts = probe(path)
    assert facts.status == "ok"
    assert 30 < len(facts.times) < 60
    assert facts.damage.startswith(f"decoding ended after {len(facts.times)} frames (Invalid data")


def test_truncated_with_the_index_last_is_undecodable(sound: Path, tmp_path: Path) -> None:
    facts = probe(shorten(sound, tmp_path / "a.mp4", 0.6))
    assert facts.status == "undecodable"
    assert "truncated?" in facts.detail
    assert facts.bytes and facts.sha256


def test_cut_off_before_the_first_frame(index_first: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(index_first.read_bytes()[: packet_places(index_first)[0]])
    facts = probe(path)
    assert facts.status in ("no_frames", "undecodable")
    assert facts.detail


def test_flipped_bits_end_the_frames(sound: Path, tmp_path: Path) -> None:
    data = bytearray(sound.read_bytes())
    place = packet_places(sound)[24]
    data[place : place + 4] = b"\xff\xff\xff\xff"
    path = tmp_path / "a.mp4"
    path.write_bytes(data)
    facts = probe(path)
    assert facts.status == "ok"
    assert 15 < len(facts.times) < 30
    assert "Invalid data" in facts.damage


def test_only_sound_is_no_video_stream(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), "fltp", "mono")
        sound.sample_rate = 16000
        container.mux(stream.encode(sound))
        container.mux(stream.encode(None))
    assert probe(path).status == "no_video_stream"


@pytest.mark.parametrize(
    ("name", "status"), [("a.mp4", "no_video_stream"), ("a.mkv", "undecodable")]
)
def test_a_container_without_frames(tmp_path: Path, name: str, status: str) -> None:
    path = tmp_path / name
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.start_encoding()
    assert probe(path).status == status


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty file"),
        (b"\n<!DOCTYPE html><title>404</title>", "HTML"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:ab", "git lfs pull"),
        (b'{"error": "gone"}', "JSON"),
        (b"\xff\xd8\xff\xe0\0\0JFIF", "image"),
        (b"just some words", "no known container"),
    ],
)
def test_what_is_no_video_says_what_it_is(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    facts = probe(path)
    assert facts.status == "not_a_video"
    assert said in facts.detail


def test_a_missing_file(tmp_path: Path) -> None:
    assert probe(tmp_path / "a.mp4").status == "missing"
    assert probe(tmp_path).status == "missing"


@pytest.mark.parametrize("name", ["a.mp4", "a.swf"])
def test_a_pipe_or_a_device_does_not_hang(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    (tmp_path / "zero.mp4").symlink_to("/dev/zero")
    for path in (tmp_path / name, tmp_path / "zero.mp4"):
        found = sources.Found(str(path), "folder", True)
        assert sources.unpacked(found, tmp_path / "b.swf") == found
        facts = probe(path)
        assert facts.status == "not_a_video"
        assert facts.detail == "a pipe, a socket or a device, not a file"


@pytest.mark.parametrize(
    ("name", "codec", "tag"), [("a.mp4", "libx264", b"avc1"), ("a.avi", "mpeg4", b"FMP4")]
)
def test_an_unknown_codec_is_a_status(tmp_path: Path, name: str, codec: str, tag: bytes) -> None:
    path = make_video(tmp_path / name, 10, codec=codec)
    path.write_bytes(path.read_bytes().replace(tag, b"zzzz"))
    facts = probe(path)
    assert (facts.status, facts.detail) == ("undecodable", "its codec is unknown to FFmpeg")
    with pytest.raises(Undecodable, match=r"a\.\w+: its codec is unknown") as caught:
        read_clip(str(path), every_frame, to_rgb(), Span(verified_frames=10))
    assert caught.value.status == "undecodable"


@needs_ffmpeg
def test_cover_art_is_no_video(tmp_path: Path) -> None:
    picture = ("-f", "lavfi", "-i", "testsrc2=s=96x96:d=1:r=1")
    cover = ("-c:v", "mjpeg", "-frames:v", "1", "-disposition:v", "attached_pic")
    sound = ("-f", "lavfi", "-i", "sine=d=1")
    ffmpeg(*sound, *picture, "-map", "0", "-map", "1", *cover, tmp_path / "a.m4a")
    facts = probe((tmp_path / "a.m4a").rename(tmp_path / "a.mp4"))
    assert facts.status == "no_video_stream"
    assert "cover picture" in facts.detail
    made, both = make_video(tmp_path / "b.mp4", 10), tmp_path / "c.mp4"
    cover = ("-c:v:0", "mjpeg", "-disposition:v:0", "attached_pic")
    ffmpeg(*picture, "-i", made, "-map", "0", "-map", "1", "-c:v:1", "copy", *cover, both)
    assert len(probe(both).times) == 10


@needs_ffmpeg
@pytest.mark.parametrize("ending", ["dv", "mxf", "ivf", "m2ts", "vob", "3g2", "f4v"])
def test_containers_of_cameras_and_discs_are_found_and_read(tmp_path: Path, ending: str) -> None:
    codecs = {"dv": "dvvideo", "mxf": "mpeg2video", "ivf": "libvpx", "vob": "mpeg2video"}
    codec = codecs.get(ending, "libx264")
    path = generate(tmp_path / f"00001.{ending}", "-c:v", codec, size="720x576", seconds=0.4)
    assert sources.index_folder(tmp_path) == {"00001": str(path)}
    facts = probe(path)
    assert (facts.status, len(facts.times)) == ("ok", 10)


@pytest.mark.parametrize("lead", ["", "\n" * 600], ids=["plain", "hidden"])
def test_a_playlist_is_not_followed(tmp_path: Path, lead: str) -> None:
    path = tmp_path / "a.mp4"
    with server.serve() as site:
        path.write_text(f"{lead}#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{site.url}/a.ts\n")
        assert probe(path).status == "not_a_video"
        assert site.requests == []


@pytest.mark.parametrize(
    ("made", "named"), [("a.mkv", "b.mp4"), ("a.mp4", "b.avi"), ("a.swf", "b.mp4")]
)
def test_a_wrong_extension_does_not_matter(tmp_path: Path, made: str, named: str) -> None:
    codec = "flv" if made.endswith("swf") else "libx264"
    path = make_video(tmp_path / made, 20, codec=codec).rename(tmp_path / named)
    facts = probe(path)
    assert (facts.status, len(facts.times)) == ("ok", 20)


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.ts", "libx264"), ("a.webm", "libvpx-vp9"), ("a.swf", "flv"), ("a.avi", "mpeg4")],
)
def test_containers_that_count_no_frames_or_start_late(
    tmp_path: Path, name: str, codec: str
) -> None:
    path = make_video(tmp_path / name, 30, codec=codec)
    facts = probe(path)
    assert (len(facts.times), facts.times[0]) == (30, 0.0)
    assert facts.duration == pytest.approx(1.2, abs=0.01)


def test_a_compressed_swf_is_unpacked_and_whole(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.swf", 60, size=(320, 240), codec="flv")
    plain = path.read_bytes()
    found = sources.Found(str(path), "url", False)
    assert sources.unpacked(found, tmp_path / "b.swf") == found
    path.write_bytes(b"CWS" + plain[3:8] + zlib.compress(plain[8:]))
    assert len(probe(path).times) < 60, "FFmpeg loses the end; then this is no longer needed"
    target = tmp_path / "out" / "b.swf"
    assert sources.unpacked(found, target).path == str(target)
    assert target.read_bytes() == plain
    assert len(probe(target).times) == 60
    path.write_bytes(b"CWS\x06\0\0\0\0garbage")
    assert sources.unpacked(found, target) == found
    assert probe(path).status == "undecodable"


def test_an_edit_list_hides_frames(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", 79, shift=-720)
    assert len(probe(path).times) == len(all_frames(path)[0]) == 61


def test_variable_rate_is_measured_by_time_stamps(tmp_path: Path) -> None:
    stamps = [0, 40, 80, 160, 240, 280, 320, 400]
    facts = probe(make_video(tmp_path / "a.mp4", stamps))
    assert facts.times == pytest.approx([stamp / 1000 for stamp in stamps])
    assert facts.fps == pytest.approx(7 / 0.4)


def test_rotation_is_recorded(tmp_path: Path) -> None:
    facts = probe(make_video(tmp_path / "a.mp4", 5, rotation=90))
    assert (facts.rotation, facts.width, facts.height) == (90, 64, 48)


# Ranges


def even(count: int, fps: float) -> Facts:
    times = tuple(i / fps for i in range(count))
    return Facts("ok", fps=fps, duration=count / fps, times=times)


@pytest.mark.parametrize(
    ("fps", "rate", "start", "end", "frames"),
    [
        (25.0, 25.0, 1, 50, 50),
        (25.0, 25.0, 11, 20, 10),
        (25.0, 25.0, 11, -1, 90),
        (30000 / 1001, 25.0, 26, 50, 30),  # one second
        (30000 / 1001, None, 26, 50, 25),  # the file's own frames
        (50.0, 25.0, 2, 2, 2),
    ],
)
def test_a_cut_counts_in_the_assumed_rate(
    fps: float, rate: float | None, start: int, end: int, frames: int
) -> None:
    part = cut(even(100, fps), start, end, rate)
    assert part.problem is None
    assert part.frames == frames
    assert part.rate == (fps if rate is None else rate)
    if rate:
        assert part.start_s == pytest.approx((start - 1) / rate)


def test_native_frames_of_a_variable_rate() -> None:
    facts = Facts("ok", fps=20, duration=0.5, times=(0.0, 0.04, 0.2, 0.24, 0.4))
    part = cut(facts, 2, 3, None)
    assert (part.start_s, part.end_s, part.frames) == (0.04, 0.24, 2)


@pytest.mark.parametrize(
    ("start", "end"), [(90, 120), (101, -1), (200, 210), (0, 5), (9, 3)], ids=str
)
def test_a_cut_outside_the_video_is_a_problem(start: int, end: int) -> None:
    assert cut(even(100, 25.0), start, end, 25.0).problem


def test_a_cut_may_end_two_frames_late_and_says_so() -> None:
    part = cut(even(100, 25.0), 51, 102, 25.0)
    assert (part.problem, part.end_s, part.frames) == (None, 4.0, 50)
    assert "behind" in part.note


def test_the_whole_file_takes_the_last_frame(sound: Path) -> None:
    part = whole(probe(sound))
    assert part.frames == 79
    assert in_range(np.asarray(probe(sound).times), part.start_s, part.end_s).sum() == 79


# Sources


def clip(video_id: str, url: str | None = None, **more: Any) -> dict:
    base = {"video_id": video_id, "url": url, "source": None, "path": None}
    base |= {"start_declared": None, "end_declared": None}
    return base | {"frame_start": 1, "frame_end": -1, "fps_declared": 25.0} | more


TUBE = "https://www.youtube.com/watch?v=abcdefghij-"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (TUBE, "abcdefghij-"),
        ("https://youtu.be/3-GrhsVs830", "3-GrhsVs830"),
        ("https://www.youtube.com/watch?t=1&v=abcdefghij-&x=2", "abcdefghij-"),
        ("https://evil.example/youtube.com/watch?v=abcdefghij-", None),
        ("https://youtu.be/../../etc/pw", None),
        (None, None),
    ],
)
def test_youtube_ids(url: Any, expected: str | None) -> None:
    assert sources.youtube_id(url) == expected


LAYOUTS = {
    "flat": ("videos/00001.mp4", True),
    "authors": ("test/book/00001.mp4", True),
    "hub mirror": ("data/data_3/00001.mp4", True),
    "other container": ("00001.WebM", True),
    "raw youtube": ("raw_videos/abcdefghij-.mkv", False),
}


@pytest.mark.parametrize(("file", "ready"), LAYOUTS.values(), ids=LAYOUTS)
def test_layouts_that_people_have(tmp_path: Path, file: Any, ready: Any) -> None:
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).touch()
    found = sources.find(
        [clip("00001", TUBE)], sources.index_folder(tmp_path), Layout.AUTO, "folder"
    )
    assert found == {"00001": sources.Found(str(tmp_path / file), "folder", ready)}


def test_the_declared_layout_decides() -> None:
    index = {"00001": "a/00001.mp4", "abcdefghij-": "a/abcdefghij-.mp4"}
    clips = [clip("00001"), clip("00002", TUBE)]
    raw = sources.find(clips, index, Layout.RAW, "folder")
    assert [raw[i].pretrimmed for i in ("00001", "00002")] == [False, False]
    ready = sources.find(clips, index, Layout.CLIPS, "folder")
    assert list(ready) == ["00001"]


def test_an_index_takes_the_least_deep_file_and_no_others(tmp_path: Path) -> None:
    for name in ("b/x/00001.mp4", "b/00001.mp4", "c/00001.mkv", "a.txt", ".hidden.mp4"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "b" / "loop").symlink_to(tmp_path)
    assert sources.index_folder(tmp_path) == {"00001": str(tmp_path / "b/00001.mp4")}
    with pytest.raises(UserError, match="no such folder"):
        sources.index_folder(tmp_path / "none")


def test_clips_of_one_url_share_a_download_and_its_name_is_stable(tmp_path: Path) -> None:
    clips = [clip("00009", "http://a/x.mp4"), clip("00002", "http://a/x.mp4"), clip("00003", TUBE)]
    clips.append(clip("../x", "http://a/y.mp4"))
    tasks = sources.url_tasks(clips[:1] + clips[2:], clips, tmp_path, {})
    assert tasks["00009"].stem == tmp_path / "00002"
    assert (tasks["00003"].youtube, tasks["00003"].stem.name) == (True, "abcdefghij-")
    assert "../x" not in tasks


def test_a_source_has_its_referer(tmp_path: Path) -> None:
    clips = [clip("00001", "http://a/x.swf", source="aslpro")]
    facts = {"aslpro": SourceFacts(referer="http://a/page", interval=2)}
    task = sources.url_tasks(clips, clips, tmp_path, facts)["00001"]
    assert (task.referer, task.interval) == ("http://a/page", 2)


# Rows and tables


def test_a_pretrimmed_clip_is_taken_whole() -> None:
    long = clip("00001", frame_start=51, frame_end=100)
    row = availability.row(long, even(100, 25.0), "a.mp4", "folder", True, 25)
    assert (row["start_s"], row["end_s"], row["range_frames"], row["rate_assumed"]) == (
        *(0.0, 4.0, 100),
        None,
    )
    row = availability.row(long, even(100, 25.0), "a.mp4", "folder", False, 25)
    assert (row["start_s"], row["end_s"], row["range_frames"]) == (2.0, 4.0, 50)


def test_an_uncut_video_does_not_pass_for_a_ready_clip() -> None:
    segment = clip("00001", frame_start=51, frame_end=100)
    row = availability.row(segment, even(1000, 25.0), "a.mp4", "folder", True, 25)
    assert row["status"] == "untrimmed"
    assert row["detail"].startswith("lasts 40.0 s, the clip 2.0 s: the untrimmed video?")
    slowed = even(60, 25.0)  # 29.97 frames written as 25 a second
    assert availability.row(segment, slowed, "a.mp4", "folder", True, 25)["status"] == "ok"


@pytest.mark.parametrize(
    ("rate", "assumed", "frames"), [(25, 25.0, 30), (None, 25.0, 30), ("native", 29.97, 25)]
)
def test_the_rate_of_a_source_is_applied_and_recorded(
    rate: Any, assumed: float, frames: int
) -> None:
    part = clip("00001", frame_start=26, frame_end=50)
    row = availability.row(part, even(100, 29.97), "a.mp4", "folder", False, rate)
    assert (row["rate_assumed"], row["range_frames"]) == (assumed, frames)


def test_a_range_outside_is_a_status_with_its_reason() -> None:
    outside = clip("00001", frame_start=90, frame_end=200)
    row = availability.row(outside, even(100, 25.0), "a.mp4", "folder", False, 25)
    assert row["status"] == "range_outside"
    assert (
        row["detail"] == "frames 90 to 200 at 25 fps (3.56 s to 8.00 s) lie outside 4.00 s of video"
    )


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (1.0, 2.0, ("ok", 1.0, 2.0, 25)),
        (None, 2.0, ("ok", 0.0, 2.0, 50)),
        (1.0, None, ("ok", 1.0, 4.0, 75)),
        (3.0, 4.05, ("ok", 3.0, 4.0, 25)),  # two frames late: the end
        (3.0, 4.5, ("range_outside", 3.0, 4.0, 0)),
        (5.0, None, ("range_outside", 5.0, 4.0, 0)),
    ],
)
def test_a_clip_may_be_cut_by_seconds(start: Any, end: Any, expected: Any) -> None:
    part = clip("a", start_declared=start, end_declared=end)
    row = availability.row(part, even(100, 25.0), "a.mp4", "own", False, None)
    assert tuple(row[key] for key in ("status", "start_s", "end_s", "range_frames")) == expected
    assert row["rate_assumed"] is None


def test_the_long_video_of_a_clip_in_seconds_is_not_the_clip() -> None:
    part = clip("a", start_declared=1.0, end_declared=2.0)
    row = availability.row(part, even(1000, 25.0), "a.mp4", "folder", True, None)
    assert row["status"] == "untrimmed"


def test_damaged_clips_are_counted() -> None:
    clips = pl.DataFrame({"video_id": ["a", "b", "c"], "split": "test", "source": ["x", "x", None]})
    rows = {
        video_id: availability.missing(video_id, status, "") | {"damage": damage}
        for video_id, status, damage in (("a", "ok", "cut"), ("b", "ok", None), ("c", "no", "cut"))
    }
    table = availability.summary(clips, availability.table(clips, rows))
    assert table["damaged"].to_list() == [0, 1, 1]
    assert table["available"].to_list() == [0, 2, 2]


def test_the_shortfall_is_one_line() -> None:
    table = pl.DataFrame({"status": ["ok"] * 317 + ["missing"] * 350 + ["undecodable"]})
    assert availability.shortfall(table, 0) is None
    assert availability.shortfall(table, 317) is None
    assert availability.shortfall(table, 0.47) is None
    line = availability.shortfall(table, 0.9)
    assert line.startswith("only 317 of 668 clips are available (350 missing, 1 undecodable), ")
    assert "min_available is 90%" in line
    assert "min_available is 668" in availability.shortfall(table, 668)


def test_rates_are_exact_for_ntsc(tmp_path: Path) -> None:
    facts = probe(make_video(tmp_path / "a.mp4", 10, rate=Fraction(30000, 1001)))
    assert facts.fps == pytest.approx(30000 / 1001, abs=1e-6)
