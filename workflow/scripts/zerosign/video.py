"""Frames of a clip, exactly: frame i is the i-th one presented within the clip's range.

PyAV decodes with one thread (processes over shards use the cores better), and `_converter` is the
one place where colours are converted. Two ways lead to the same pixels:

- the sequential one decodes everything, damaged files too: first for the time stamps, then for
  the pixels;
- if an earlier full decode vouches for the number of frames in the range (`availability.parquet`
  does), the packets' time stamps give the timeline, and only what the wanted frames need is
  decoded: groups of pictures without a wanted frame are left out, frames that no other refers to
  are skipped unless wanted, and nothing is decoded after the last wanted one. If the packets don't
  bear the count out, or a wanted frame doesn't come, the sequential way decides.
"""

import contextlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

from zerosign.sampling import TIME_TOLERANCE

SKIPPABLE = ("h264", "hevc")  # decoders that can leave pictures out without touching the others

INDEXED = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm")  # containers that find key frames by index
SEEK_MARGIN_S = 1.0  # decoding order may run ahead of presentation by so much

Choose = Callable[["Timeline"], np.ndarray]
Convert = Callable[[av.VideoFrame], np.ndarray]


class Undecodable(Exception):
    """No frame can be had. ``status``: one word for tables; the message is a sentence."""

    def __init__(self, status: str, message: str):
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Timeline:
    """When the frames of a clip's range are presented.

    ``times``: seconds after the range's first frame, float64[T], ascending, T > 0; ``duration``:
    seconds to the end of the last frame.
    """

    times: np.ndarray
    duration: float

    @property
    def fps(self) -> float:
        """Mean native rate, frames a second."""
        return len(self.times) / self.duration


@dataclass(frozen=True)
class Decoded:
    """Wanted frames of a clip.

    ``frames``: as converted, one for each of the frame numbers ``indices`` int64[n] within the
    range; ``damage``: what the decoder of a damaged file said after its last good frame.
    """

    frames: list[np.ndarray]
    indices: np.ndarray
    timeline: Timeline
    damage: str | None


def read_clip(
    path: str,
    choose: Choose,
    convert: Convert,
    start_s: float = 0.0,
    end_s: float | None = None,
    vouched_frames: int | None = None,
) -> Decoded:
    """Decode the frames of a clip's range that ``choose`` asks for.

    ``choose``: from the `Timeline` to ascending frame numbers within the range, each once.
    ``convert``: from a decoded frame to pixels, see `to_rgb` and `to_grey`. ``start_s``, ``end_s``:
    the range in seconds after the file's first frame, end exclusive, None = to the end.
    ``vouched_frames``: how many frames of the range a full decode without error has found, None =
    unknown. Raises `Undecodable`.
    """
    if vouched_frames is not None:
        decoded = _read_wanted(path, choose, convert, start_s, end_s, vouched_frames)
        if decoded is not None:
            return decoded
    timeline, first, damage = _decode_timeline(path, start_s, end_s)
    indices = choose(timeline)
    frames = _read_numbers(path, indices + first, convert)
    return Decoded(frames, indices, timeline, damage)


def every_frame(timeline: Timeline) -> np.ndarray:
    """Choose all frames."""
    return np.arange(len(timeline.times), dtype=np.int64)


def to_rgb(short_side: int | None = None) -> Convert:
    """From a decoded frame to uint8[H, W, 3] RGB, upright, the short side capped, never enlarged.

    The only place where colours are converted: matrix and range are those that the file states,
    and BT.601, limited, where it states none (as FFmpeg's own tools do). Scaling is by area, in the
    same pass.
    """
    reformatter = VideoReformatter()

    def convert(frame: av.VideoFrame) -> np.ndarray:
        width, height = size_for(frame.width, frame.height, short_side)
        scale = Interpolation.AREA if width < frame.width else Interpolation.BILINEAR
        rgb = reformatter.reformat(
            frame, width, height, "rgb24", interpolation=scale, threads=1
        ).to_ndarray()
        quarters = round(frame.rotation / 90)
        return np.ascontiguousarray(np.rot90(rgb, quarters)) if quarters % 4 else rgb

    return convert


def to_grey(side: int) -> Convert:
    """From a decoded frame to uint8[side, side] grey, squeezed, as coded (not turned upright)."""
    reformatter = VideoReformatter()

    def convert(frame: av.VideoFrame) -> np.ndarray:
        return reformatter.reformat(
            frame, side, side, "gray", interpolation=Interpolation.AREA, threads=1
        ).to_ndarray()

    return convert


@contextlib.contextmanager
def open_video(path: str) -> Iterator[tuple[Any, Any]]:
    """Container and first video stream of a file, one thread; `Undecodable` with the reason."""
    try:
        container = av.open(path, metadata_errors="ignore", options={"protocol_whitelist": "file"})
    except FileNotFoundError:
        raise Undecodable("missing", f"{path}: no such file") from None
    except (av.FFmpegError, OSError) as error:
        raise Undecodable("not_a_video", f"{path}: not a video ({_sentence(error)})") from None
    with container:
        if not container.streams.video:
            raise Undecodable("no_video_stream", f"{path}: no video stream")
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        stream.codec_context.thread_count = 1
        yield container, stream


def in_range(seconds: np.ndarray, start_s: float, end_s: float | None) -> np.ndarray:
    """Which frames lie in [start_s, end_s): bool[n]; ``seconds`` after the file's first frame.

    Both ends give way by a millisecond, so that neither a container's rounding nor 29.97 written
    for 30000/1001 moves a frame across.
    """
    inside = seconds >= start_s - TIME_TOLERANCE
    if end_s is not None:
        inside &= seconds < end_s - TIME_TOLERANCE
    return inside


def size_for(width: int, height: int, short_side: int | None) -> tuple[int, int]:
    """Width and height with the short side at most ``short_side``: never enlarged, same aspect."""
    short = min(width, height)
    if short_side is None or short <= short_side:
        return width, height
    return round(width * short_side / short), round(height * short_side / short)


# The sequential way


def _decode_timeline(
    path: str, start_s: float, end_s: float | None
) -> tuple[Timeline, int, str | None]:
    """Timeline of a range, its first frame's number in the file, and the decoder's complaint."""
    stamps: list[int | None] = []
    damage = None
    with open_video(path) as (container, stream):
        step = _nominal_step(stream)
        try:
            for frame in container.decode(stream):
                stamps.append(frame.pts if frame.pts is not None else frame.dts)
        except av.FFmpegError as error:
            damage = _sentence(error)
        time_base = stream.time_base
    if not stamps:
        why = f" ({damage})" if damage else ""
        status = "undecodable" if damage else "no_frames"
        raise Undecodable(status, f"{path}: no frame could be decoded{why}")
    if _ascending(stamps):
        seconds = _seconds(stamps, stamps[0], time_base)
    else:  # no usable time stamps: count frames
        seconds = np.arange(len(stamps)) * step
    timeline, first = _cut(path, seconds, start_s, end_s, step)
    return timeline, first, damage


def _read_numbers(path: str, numbers: np.ndarray, convert: Convert) -> list[np.ndarray]:
    """Frames by their number within the file, ascending, decoding everything before them."""
    wanted = set(numbers.tolist())
    frames: list[np.ndarray] = []
    with open_video(path) as (container, stream):
        for number, frame in enumerate(container.decode(stream)):
            if number in wanted:
                frames.append(convert(frame))
                if len(frames) == len(wanted):
                    break
    return frames


def _cut(
    path: str, seconds: np.ndarray, start_s: float, end_s: float | None, step: float
) -> tuple[Timeline, int]:
    """Timeline of the range and its first frame's number; ``seconds``: when frames are shown.

    The last frame lasts until the next one of the file; the file's last for the median step.
    """
    inside = np.flatnonzero(in_range(seconds, start_s, end_s))
    if not len(inside):
        span = f"{start_s:.3f} s to {'the end' if end_s is None else f'{end_s:.3f} s'}"
        raise Undecodable(
            "range_outside", f"{path}: no frame from {span}; the last is at {seconds[-1]:.3f} s"
        )
    first, last = int(inside[0]), int(inside[-1])
    times = seconds[first : last + 1] - seconds[first]
    if last + 1 < len(seconds):
        step = float(seconds[last + 1] - seconds[last])
    elif len(times) > 1:
        step = float(np.median(np.diff(times)))
    return Timeline(times, float(times[-1]) + step), first


# The short way


def _read_wanted(
    path: str,
    choose: Choose,
    convert: Convert,
    start_s: float,
    end_s: float | None,
    vouched_frames: int,
) -> Decoded | None:
    """Decode what the wanted frames need; None where only a sequential decode can tell."""
    with open_video(path) as (container, stream):
        try:
            origin = _seek(container, stream, start_s)
            packets = _packets(container, stream, end_s, origin)
        except av.FFmpegError:
            return None
        shown = sorted(p.pts for p in packets if p.pts is not None and not p.is_discard)
        if not shown or not _ascending(shown) or any(p.pts is None for p in packets):
            return None
        seconds = _seconds(shown, shown[0] if origin is None else origin, stream.time_base)
        try:
            timeline, first = _cut(path, seconds, start_s, end_s, _nominal_step(stream))
        except Undecodable:
            return None
        if len(timeline.times) != vouched_frames:
            return None
        indices = choose(timeline)
        wanted = [shown[first + i] for i in indices]
        try:
            frames = _decode_wanted(stream.codec_context, packets, set(wanted), convert)
        except av.FFmpegError:
            return None
        if len(frames) != len(wanted):
            return None
        return Decoded([frames[pts] for pts in wanted], indices, timeline, None)


def _seek(container: Any, stream: Any, start_s: float) -> int | None:
    """Go to a clean key frame before the range; its file's first time stamp, None = at the start.

    Only where it saves reading, and the container's index can be relied upon.
    """
    if start_s <= SEEK_MARGIN_S or container.format.name not in INDEXED:
        return None
    if stream.codec_context.name not in SKIPPABLE:
        return None
    origin = first = None
    for packet in container.demux(stream):
        if packet.pts is None or packet.dts is None:
            break
        first = packet.dts if first is None else first
        if not packet.is_discard:
            origin = packet.pts if origin is None else min(origin, packet.pts)
        if origin is not None and packet.dts > origin:
            target = origin + int((start_s - SEEK_MARGIN_S) / stream.time_base)
            container.seek(target, stream=stream)
            landed = next(container.demux(stream))
            clean = _is_clean(landed, stream.codec_context)
            if (
                clean
                and not landed.is_discard
                and landed.pts <= origin + start_s / stream.time_base
            ):
                container.seek(target, stream=stream)
                return origin
            break
    container.seek(first or 0, stream=stream)
    return None


def _packets(container: Any, stream: Any, end_s: float | None, origin: int | None) -> list[Any]:
    """Packets in decoding order from here to the end of the range.

    They go on to the first frame after the range, which tells how long the last one lasts.
    ``origin``: time stamp of the file's first frame, None = the first one read here.
    """
    packets: list[Any] = []
    after = None
    for packet in container.demux(stream):
        if packet.size == 0 or (
            after is not None and packet.dts is not None and packet.dts > after
        ):  # the demuxer's last, empty one, or all of the range is here
            break
        packets.append(packet)
        if packet.is_discard or packet.pts is None or end_s is None:
            continue
        if origin is None or packet.pts < origin:
            origin = packet.pts
        if after is None and (packet.pts - origin) * stream.time_base >= end_s - TIME_TOLERANCE:
            after = packet.pts
    return packets


def _decode_wanted(
    context: Any, packets: list[Any], wanted: set[int], convert: Convert
) -> dict[int, np.ndarray]:
    """Decode the frames with the time stamps ``wanted``, and what they refer to: pts → pixels."""
    frames: dict[int, np.ndarray] = {}

    def keep(decoded: list[Any]) -> None:
        frames.update((frame.pts, convert(frame)) for frame in decoded if frame.pts in wanted)

    skippable = context.name in SKIPPABLE
    for group in _groups(packets, context) if skippable else [packets]:
        due = [place for place, packet in enumerate(group) if packet.pts in wanted]
        if not due:
            continue
        for packet in group[: due[-1] + 1]:
            if skippable:
                context.skip_frame = "DEFAULT" if packet.pts in wanted else "NONREF"
            keep(context.decode(packet))
        keep(context.decode(None))
        context.flush_buffers()
    return frames


def _groups(packets: list[Any], context: Any) -> list[list[Any]]:
    """Packets split before each key frame that nothing after it looks back across."""
    starts = [i for i, packet in enumerate(packets) if i == 0 or _is_clean(packet, context)]
    return [packets[a:b] for a, b in zip(starts, [*starts[1:], len(packets)], strict=True)]


def _is_clean(packet: Any, context: Any) -> bool:
    """Whether a packet of H.264 or H.265 starts with an instantaneous decoder refresh (IDR)."""
    if not packet.is_keyframe:
        return False
    hevc = context.name == "hevc"
    for head in _nal_heads(bytes(packet), context.extradata or b"", hevc):
        kind = head >> 1 & 63 if hevc else head & 31
        if kind < 32 if hevc else 1 <= kind <= 5:  # the first that carries a slice
            return kind in (19, 20) if hevc else kind == 5
    return False


def _nal_heads(data: bytes, extradata: bytes, hevc: bool) -> Iterator[int]:
    """First byte of each NAL unit: after its length (ISO 14496-15) or a start code (Annex B)."""
    if extradata[:3] in (b"", b"\0\0\0", b"\0\0\1"):
        place = data.find(b"\0\0\1")
        while 0 <= place < len(data) - 3:
            yield data[place + 3]
            place = data.find(b"\0\0\1", place + 3)
        return
    width = (extradata[21 if hevc else 4] & 3) + 1
    place = 0
    while place + width < len(data):
        yield data[place + width]
        place += width + int.from_bytes(data[place : place + width])


# Time


def _seconds(stamps: list[int], origin: int, time_base: Fraction) -> np.ndarray:
    """Time stamps as seconds after ``origin``, float64, each rounded once."""
    ticks = np.array(stamps, dtype=np.int64) - origin
    return ticks * time_base.numerator / time_base.denominator


def _ascending(stamps: list[int | None]) -> bool:
    return None not in stamps and all(a < b for a, b in itertools.pairwise(stamps))


def _nominal_step(stream: Any) -> float:
    """Seconds a frame by the stream's stated rate; WLASL's 25 where it states none."""
    return float(1 / (stream.average_rate or stream.guessed_rate or 25))


def _sentence(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
