"""What a video file really holds, found by decoding it once from end to end.

Containers lie about their frame counts, so nothing here is taken from a header that can be
counted. Times are in seconds after the first frame. Files are untrusted: FFmpeg may open neither
a URL nor a playlist through them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import av.error
import numpy as np

from zerosign.io import sha256_file
from zerosign.sampling import TIME_TOLERANCE
from zerosign.video import in_range

# Formats that hold video, by FFmpeg's names. Playlists (hls, concat, dash) are not among them:
# they make FFmpeg open what they name.
FORMATS = "mov,matroska,avi,mpegts,mpeg,flv,swf,asf,ogg,mpegvideo,h264,hevc,gif,m4v,rm,nut"

OPEN_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": FORMATS}


@dataclass(frozen=True)
class Facts:
    """A file's facts. ``status`` is "ok" or why no frame can be used; then most facts are unset.

    ``width`` and ``height`` are as coded, before ``rotation`` (degrees anticlockwise, 0 to 359) is
    applied. ``times`` are the frames' times in s; ``decode_error`` says what ended the decoding
    early although frames came out.
    """

    status: str
    detail: str | None = None
    bytes: int | None = None
    sha256: str | None = None
    codec: str | None = None
    width: int | None = None
    height: int | None = None
    rotation: int | None = None
    fps: float | None = None
    duration: float | None = None
    decode_error: str | None = None
    times: tuple[float, ...] = field(default=(), repr=False)


def probe(path: str | Path) -> Facts:
    """Decode all frames of a file and say what it holds. Never raises for a bad file.

    Status: "ok"; "missing" (no such file, not readable); "not_a_video" (empty, a web page, no
    known container); "no_video_stream" (only sound); "no_frames" (a stream without one);
    "undecodable" (a container or codec that breaks before the first frame).
    """
    try:
        size = Path(path).stat().st_size
        with open(path, "rb") as file:
            head = file.read(512)
        checksum = sha256_file(path)
    except OSError as error:
        return Facts("missing", f"cannot be read: {error.strerror}")
    known = {"bytes": size, "sha256": checksum}
    if kind := not_video(head):
        return Facts("not_a_video", kind, **known)
    try:
        container = av.open(str(path), metadata_errors="ignore", options=dict(OPEN_OPTIONS))
    except (av.error.FFmpegError, OSError, ValueError) as error:
        if looks_like_video(head):
            return Facts("undecodable", f"cannot be opened, truncated? ({_say(error)})", **known)
        return Facts("not_a_video", f"no known container ({_say(error)})", **known)
    with container:
        if not container.streams.video:
            return Facts("no_video_stream", "holds no video stream", **known)
        return _decode(container, known)


def _decode(container: "av.container.InputContainer", known: dict) -> Facts:
    """Facts of an open container's first video stream."""
    stream = container.streams.video[0]
    stream.thread_type = "NONE"  # processes over files use the cores better than threads
    stamps: list[int | None] = []
    last_step = 0.0
    error = codec = None
    width = height = rotation = 0
    try:
        codec = stream.codec_context.name
        for frame in container.decode(stream):
            stamps.append(frame.pts if frame.pts is not None else frame.dts)
            last_step = float(frame.duration * frame.time_base) if frame.duration else 0.0
            if len(stamps) == 1:
                width, height = frame.width, frame.height
                rotation = round(frame.rotation) % 360
    except (av.error.FFmpegError, OSError, ValueError) as caught:
        error = _say(caught)
    if not stamps:
        if error:
            return Facts("undecodable", f"no frame decodes ({error})", codec=codec, **known)
        return Facts("no_frames", "holds a video stream without frames", codec=codec, **known)
    nominal = float(stream.average_rate or stream.guessed_rate or 25)
    times = _clock(stamps, stream.time_base, nominal)
    span = float(times[-1])
    rate = round((len(times) - 1) / span, 6) if span > 0 else nominal
    return Facts(
        "ok",
        codec=codec,
        width=width,
        height=height,
        rotation=rotation,
        fps=rate,
        duration=round(span + (last_step or 1 / rate), 6),
        decode_error=error and f"after {len(times)} frames: {error}",
        times=tuple(times.tolist()),
        **known,
    )


def _clock(stamps: list[int | None], time_base: Fraction, nominal: float) -> np.ndarray:
    """Seconds after the first frame; frames are counted where a container has no usable times."""
    if None in stamps or any(a >= b for a, b in pairwise(stamps)):
        return np.arange(len(stamps)) / nominal
    ticks = np.asarray(stamps, dtype=np.int64) - stamps[0]
    return ticks * time_base.numerator / time_base.denominator


def not_video(head: bytes) -> str | None:
    """What a file's first bytes say it is, if that is surely no video: else None."""
    if not head:
        return "empty file"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html", b"<head", b"<body", b"<script")):
        return "a web page (HTML)"
    if text.startswith((b"<?xml", b"<svg", b"<error")):
        return "an XML document"
    if text.startswith((b"{", b"[")):
        return "a JSON document"
    if text.startswith((b"#extm3u", b"ffconcat")):
        return "a playlist"
    if text.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer: run `git lfs pull`"
    if head.startswith((b"\xff\xd8\xff", b"\x89PNG", b"%PDF", b"PK\x03\x04", b"\x1f\x8b")):
        return "an image, a document or an archive"
    return None


def looks_like_video(head: bytes) -> bool:
    """True if a file begins like a video container that people really have."""
    return (
        head[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip")
        or head.startswith((b"\x1a\x45\xdf\xa3", b"FLV", b"FWS", b"CWS", b"ZWS", b"OggS"))
        or (head.startswith(b"RIFF") and head[8:12] == b"AVI ")
        or head.startswith((b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3", b"\x30\x26\xb2\x75"))
        or (head[:1] == b"\x47" and head[188:189] == b"\x47")
    )


def _say(error: BaseException) -> str:
    """An error's own words on one line, without the path."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(text.split())


@dataclass(frozen=True)
class Range:
    """A clip within its file: s after the first frame, ``end_s`` exclusive; frames counted."""

    start_s: float
    end_s: float
    frames: int
    rate: float | None  # the rate in which frame numbers were taken to count; None: whole file
    problem: str | None = None  # why the range is unusable
    note: str | None = None  # what was adjusted


def whole(facts: Facts) -> Range:
    """The range of a file that is the clip."""
    return Range(0.0, facts.duration or 0.0, len(facts.times), None)


def cut(facts: Facts, frame_start: int, frame_end: int, rate: float | None) -> Range:
    """Where frames ``frame_start`` (1-based) to ``frame_end`` (inclusive, -1: the end) lie.

    ``rate`` is the frames per second in which the numbers count, or None if they count the
    file's own frames. An end up to two frames behind the file's end is taken as the end; more is
    a problem.
    """
    times, duration = facts.times, facts.duration or 0.0
    used = rate if rate is not None else facts.fps
    start = _moment(times, duration, frame_start - 1, rate)
    end = duration if frame_end == -1 else _moment(times, duration, frame_end, rate)
    said = f"frames {frame_start} to {frame_end} at {used:.5g} fps"
    if frame_start < 1 or (frame_end != -1 and frame_end < frame_start):
        return Range(start, end, 0, used, problem=f"{said} are no range")
    if start >= duration - TIME_TOLERANCE or end > duration + 2 / used + TIME_TOLERANCE:
        last = "the end" if frame_end == -1 else f"{end:.2f} s"
        problem = f"{said} ({start:.2f} s to {last}) lie outside {duration:.2f} s of video"
        return Range(start, min(end, duration), 0, used, problem=problem)
    note = f"range ends {end - duration:.3f} s behind the video's end" if end > duration else None
    end = min(end, duration)
    count = int(np.count_nonzero(in_range(np.asarray(times), start, end)))
    if not count:
        return Range(start, end, 0, used, problem=f"{said}: no frame lies between")
    return Range(start, end, count, used, note=note)


def _moment(times: Sequence[float], duration: float, index: int, rate: float | None) -> float:
    """Time at which frame ``index`` (0-based) begins; past the last one, by the mean step."""
    if rate is not None:
        return index / rate
    if index < len(times):
        return times[max(index, 0)]
    return duration + (index - len(times)) * duration / len(times)
