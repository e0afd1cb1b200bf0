"""What a video file really holds, found by decoding it once from end to end.

Containers lie about their frame counts, so nothing here is taken from a header that can be
counted. Times are in seconds after the first frame.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import av.error
import numpy as np

from zerosign.files import sha256_file
from zerosign.videos import damage
from zerosign.videos.opening import (
    is_encrypted,
    nominal_step,
    open_container,
    sentence,
    size_of_file,
    video_stream,
)
from zerosign.videos.orientation import UPRIGHT, Orientation, orientation
from zerosign.videos.timeline import TIME_TOLERANCE, Undecodable, clock, in_range

HDR = {16: "PQ", 18: "HLG"}
"""Transfer characteristics (ITU-T H.273) that would look dull and grey as SDR."""


@dataclass(frozen=True)
class Facts:
    """A file's facts. ``status`` is "ok" or why no frame can be used; then most facts are unset.

    ``width`` and ``height`` are as coded, before the picture is mirrored from left to right
    (``mirrored``), then turned by ``rotation`` (degrees anticlockwise, 0 to 359); ``sizes`` is how
    many different ones the frames have. ``times`` are the frames' times
    in s, from the `zerosign.videos.timeline.Clock` that ``clock`` names; ``damage`` says what
    looks broken although frames came out (`zerosign.videos.damage`).
    """

    status: str
    detail: str | None = None
    bytes: int | None = None
    sha256: str | None = None
    codec: str | None = None
    width: int | None = None
    height: int | None = None
    rotation: int | None = None
    mirrored: bool | None = None
    fps: float | None = None
    duration: float | None = None
    damage: str | None = None
    clock: str | None = None
    sizes: int | None = None
    times: tuple[float, ...] = field(default=(), repr=False)


def probe(path: str | Path) -> Facts:
    """Decode all frames of a file and say what it holds. Never raises for a bad file.

    Status: "ok"; "no_frames" (a stream without one); "undecodable" (a container or codec that is
    unknown, or breaks before the first frame); "encrypted"; "hdr"; those of
    `open_container` and `video_stream`.
    """
    try:
        size, checksum = size_of_file(path), sha256_file(path)
    except Undecodable as error:
        return Facts(error.status, str(error))
    except OSError as error:
        return Facts("missing", f"cannot be read: {error.strerror}")
    try:
        with damage.listening() as logs, open_container(str(path)) as container:
            facts = _decode(container, str(path), logs)
    except Undecodable as error:
        facts = Facts(error.status, str(error))
    return replace(facts, bytes=size, sha256=checksum)


@dataclass
class _Seen:
    """What decoding has shown of a file's video stream so far."""

    stamps: list[int | None] = field(default_factory=list)
    sizes: dict[tuple[int, int], None] = field(default_factory=dict)  # in the order of appearance
    turn: Orientation = UPRIGHT
    last_step: float = 0.0

    def add(self, frame: Any) -> None:
        if not self.stamps:
            self.turn = orientation(frame)
            if transfer := HDR.get(frame.color_trc):
                raise Undecodable("hdr", f"HDR ({transfer}): make it SDR first, see docs/videos.md")
        self.stamps.append(frame.pts if frame.pts is not None else frame.dts)
        self.sizes[frame.width, frame.height] = None
        self.last_step = float(frame.duration * frame.time_base) if frame.duration else 0.0


def _decode(container: Any, path: str, logs: Sequence[damage.Log]) -> Facts:
    """Facts of an open container's video stream, but those of its file."""
    stream = video_stream(container)
    codec = stream.codec_context.name
    seen, tally = _Seen(), damage.Tally()
    error: str | None = None
    try:
        for packet in container.demux():
            tally.add_packet(packet, packet.stream is stream)
            if packet.stream is stream:
                if is_encrypted(packet):
                    raise Undecodable("encrypted", "encrypted: get a file without protection")
                for frame in packet.decode():
                    seen.add(frame)
                    tally.corrupt += frame.is_corrupt
    except (av.error.FFmpegError, OSError, ValueError) as caught:
        error = sentence(caught)
    if not seen.stamps:
        if error:
            return Facts("undecodable", f"no frame decodes ({error})", codec=codec)
        return Facts("no_frames", "holds a video stream without frames", codec=codec)
    step = nominal_step(stream)
    times, kind = clock(seen.stamps, stream.time_base, step)
    span = float(times[-1])
    rate = round((len(times) - 1) / span, 6) if span > 0 else 1 / step
    width, height = next(iter(seen.sizes))
    ended = f"decoding ended after {len(times)} frames ({error})" if error else None
    signs = damage.signs(path, container, stream, tally, step, logs)
    return Facts(
        "ok",
        codec=codec,
        width=width,
        height=height,
        rotation=seen.turn.degrees,
        mirrored=seen.turn.mirrored,
        fps=rate,
        duration=round(span + (seen.last_step or 1 / rate), 6),
        damage="; ".join(sign for sign in (ended, signs) if sign) or None,
        clock=kind.value,
        sizes=len(seen.sizes),
        times=tuple(times.tolist()),
    )


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
    used = rate or facts.fps or 25.0
    start = _moment(times, duration, frame_start - 1, rate)
    end = duration if frame_end == -1 else _moment(times, duration, frame_end, rate)
    said = f"frames {frame_start} to {frame_end} at {used:.5g} fps"
    if frame_start < 1 or (frame_end != -1 and frame_end < frame_start):
        return Range(start, end, 0, used, problem=f"{said} are no range")
    return _within(facts, start, None if frame_end == -1 else end, used, said)


def cut_seconds(facts: Facts, start_s: float, end_s: float | None) -> Range:
    """Where ``start_s`` to ``end_s`` (exclusive, None: the end) lie; as for `cut`."""
    said = f"{start_s:g} s to {'the end' if end_s is None else f'{end_s:g} s'}"
    return _within(facts, start_s, end_s, None, said)


def _within(
    facts: Facts, start: float, wanted_end: float | None, rate: float | None, said: str
) -> Range:
    """A range of seconds, if it lies within the file; ``said``: as the metadata says it."""
    duration, step = facts.duration or 0.0, 1 / (rate or facts.fps or 25.0)
    end = duration if wanted_end is None else wanted_end
    if start >= duration - TIME_TOLERANCE or end > duration + 2 * step + TIME_TOLERANCE:
        last = "the end" if wanted_end is None else f"{end:.2f} s"
        problem = f"{said} ({start:.2f} s to {last}) lie outside {duration:.2f} s of video"
        return Range(start, min(end, duration), 0, rate, problem=problem)
    note = f"range ends {end - duration:.3f} s behind the video's end" if end > duration else None
    end = min(end, duration)
    count = int(np.count_nonzero(in_range(np.asarray(facts.times), start, end)))
    if not count:
        return Range(start, end, 0, rate, problem=f"{said}: no frame lies between")
    return Range(start, end, count, rate, note=note)


def _moment(times: Sequence[float], duration: float, index: int, rate: float | None) -> float:
    """Time at which frame ``index`` (0-based) begins; past the last one, by the mean step."""
    if rate is not None:
        return index / rate
    if index < len(times):
        return times[max(index, 0)]
    return duration + (index - len(times)) * duration / len(times)
