"""Damage is noticed, on files that a seed damages; sound files are never accused of it."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from helpers.damaged_files import DAMAGES, SOURCES, damaged, judge
from helpers.ffmpeg import H264_B, ffmpeg, file_of, generate, needs_ffmpeg
from helpers.video_files import make_video

from zerosign.frames.decode import every_frame, read_clip
from zerosign.frames.pixels import to_rgb
from zerosign.videos.probe import probe

pytestmark = needs_ffmpeg


def outcomes(folder: Path, name: str) -> dict[str, str]:
    """What becomes of a file of each source that is damaged in a way."""
    found = {}
    for kind in SOURCES:
        sound = file_of(folder, kind)
        expected = frames_of(sound)
        path = folder / f"damaged{sound.suffix}"
        path.write_bytes(damaged(kind, name, 0, sound.read_bytes()))
        facts = probe(path)
        frames = frames_of(path) if facts.status == "ok" else []
        found[kind] = judge(facts.status, facts.damage, frames, expected)
    return found


def frames_of(path: Path) -> list[np.ndarray]:
    return read_clip(str(path), every_frame, to_rgb()).frames


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_noticed(tmp_path: Path, name: str) -> None:
    """What is missing always; changed bytes mostly: codecs carry no checksums."""
    found = outcomes(tmp_path, name)
    silent = [kind for kind, outcome in found.items() if outcome == "silent"]
    if name in ("noise", "flipped bits"):
        assert len(silent) <= len(SOURCES) // 4, silent
        assert Counter(found.values())["noticed"] >= len(SOURCES) // 2
    else:
        assert silent == []


SOUND = {
    "with a time code.mov": ("-timecode", "01:00:00:00", *H264_B),
    "in fragments.mp4": (*H264_B, "-movflags", "frag_keyframe+empty_moov"),
    "with subtitles.mkv": (*H264_B, "-metadata:s:v", "language=eng"),
    "starts late.mkv": (*H264_B, "-output_ts_offset", "7"),
    "starts late.mp4": (*H264_B, "-output_ts_offset", "7"),
    "interlaced.ts": ("-c:v", "mpeg2video", "-flags", "+ildct+ilme"),
    "open groups.mkv": ("-c:v", "libx264", "-x264-params", "open-gop=1:keyint=8:bframes=3"),
    "open groups.ts": ("-c:v", "libx265", "-x265-params", "open-gop=1:keyint=8:log-level=none"),
    "refresh.flv": ("-c:v", "libx264", "-x264-params", "intra-refresh=1:keyint=12"),
    "one frame.avi": ("-c:v", "mpeg4", "-frames:v", "1"),
    "live.webm": ("-c:v", "libvpx", "-live", "1"),
}


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_file_is_not_called_damaged(tmp_path: Path, name: str) -> None:
    facts = probe(generate(tmp_path / name, *SOUND[name]))
    assert (facts.status, facts.damage) == ("ok", None)


@pytest.mark.parametrize("sound", [0.3, 3])
@pytest.mark.parametrize("ending", ["mp4", "mkv", "flv", "avi", "ts"])
def test_sound_may_end_before_or_after_the_pictures(
    tmp_path: Path, ending: str, sound: float
) -> None:
    assert probe(generate(tmp_path / f"a.{ending}", *H264_B, sound=sound)).damage is None


@pytest.mark.parametrize("name", ["cut.mp4", "cut.mkv", "cut.ts"])
def test_a_range_copied_without_coding_again_is_sound(tmp_path: Path, name: str) -> None:
    """From a key frame on, as mirrors cut clips."""
    whole = generate(tmp_path / "whole.mkv", *H264_B, seconds=3)
    path = tmp_path / name
    ffmpeg("-ss", "1", "-i", whole, "-t", "1", "-c", "copy", path)
    facts = probe(path)
    assert (facts.status, facts.damage) == ("ok", None)


def test_damage_says_what_was_seen(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.avi", 60, size=(320, 240), codec="mpeg4")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    said = probe(path).damage
    assert "FFmpeg says mpeg4: " in said
    assert "of the 60 frames that the header declares" in said
    assert f"{len(data) // 2} of the {len(data)} bytes that the header declares" in said


def test_an_encrypted_file_is_refused(tmp_path: Path) -> None:
    sound, path = generate(tmp_path / "a.mp4", *H264_B), tmp_path / "b.mp4"
    key = ("-encryption_key", "76a6c65c5ea762046bd749a2e632ccbb")
    kid = ("-encryption_kid", "a7e61c373e219033c21091fa607bf3b8")
    ffmpeg("-i", sound, "-c", "copy", "-encryption_scheme", "cenc-aes-ctr", *key, *kid, path)
    assert (probe(path).status, probe(sound).status) == ("encrypted", "ok")


@pytest.mark.parametrize(
    ("transfer", "status"), [("smpte2084", "hdr"), ("arib-std-b67", "hdr"), ("bt709", "ok")]
)
def test_hdr_is_refused(tmp_path: Path, transfer: str, status: str) -> None:
    ten_bits = ("-c:v", "libvpx-vp9", "-cpu-used", "8", "-pix_fmt", "yuv420p10le")
    colours = ("-color_trc", transfer, "-color_primaries", "bt2020", "-colorspace", "bt2020nc")
    assert probe(generate(tmp_path / "a.webm", *ten_bits, *colours)).status == status
