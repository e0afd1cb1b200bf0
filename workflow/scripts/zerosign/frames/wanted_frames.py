"""Only what the wanted frames of a clip need is decoded.

The packets' time stamps give the timeline. Groups of pictures without a wanted frame are left out,
frames that no other refers to are skipped unless wanted, and nothing is decoded after the last
wanted one.
"""

from collections.abc import Callable, Iterator
from typing import Any

import av
import numpy as np

from zerosign.frames.pixels import Convert
from zerosign.videos.opening import nominal_step, open_video
from zerosign.videos.timeline import (
    TIME_TOLERANCE,
    Decoded,
    Span,
    Timeline,
    Undecodable,
    cut,
    is_ascending,
    seconds_after,
)

SKIPPABLE = ("h264", "hevc")  # decoders that can leave pictures out without touching the others
INDEXED = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm")  # containers that find key frames by index
SEEK_MARGIN_S = 1.0  # decoding order may run ahead of presentation by so much

Choose = Callable[[Timeline], np.ndarray]


def read_wanted(path: str, choose: Choose, convert: Convert, span: Span) -> Decoded | None:
    """Decode what the wanted frames need; None where only a sequential decode can tell.

    The arguments are those of `zerosign.frames.decode.read_clip`.
    """
    with open_video(path) as (container, stream):
        try:
            origin = seek(container, stream, span.start_s)
            packets = read_packets(container, stream, span.end_s, origin)
            shown = presented(packets)
            if not shown:
                return None
            seconds = seconds_after(shown[0] if origin is None else origin, shown, stream.time_base)
            timeline, first = cut(path, seconds, span, nominal_step(stream))
            if len(timeline.times) != span.verified_frames:
                return None
            indices = choose(timeline)
            wanted = [shown[first + i] for i in indices]
            frames = decode_wanted(stream.codec_context, packets, set(wanted), convert)
        except (av.FFmpegError, Undecodable):
            return None
    if len(frames) != len(wanted) or len({frame.shape for frame in frames.values()}) > 1:
        return None
    return Decoded([frames[pts] for pts in wanted], indices, timeline)


def presented(packets: list[Any]) -> list[int]:
    """Time stamps of the frames shown, ascending; empty if a stamp is missing or double."""
    if any(packet.pts is None for packet in packets):
        return []
    shown = sorted(packet.pts for packet in packets if not packet.is_discard)
    return shown if is_ascending(shown) else []


def seek(container: Any, stream: Any, start_s: float) -> int | None:
    """Go to a clean key frame before the range; its file's first time stamp, None = at the start.

    Only where it saves reading, and the container's index can be relied upon.
    """
    if start_s <= SEEK_MARGIN_S or container.format.name not in INDEXED:
        return None
    if stream.codec_context.name not in SKIPPABLE:
        return None
    first, origin = _first_stamps(container, stream)
    if origin is not None:
        target = origin + int((start_s - SEEK_MARGIN_S) / stream.time_base)
        container.seek(target, stream=stream)
        landed = next(container.demux(stream))
        if (
            _is_clean(landed, stream.codec_context)
            and not landed.is_discard
            and landed.pts <= origin + start_s / stream.time_base
        ):
            container.seek(target, stream=stream)
            return origin
    container.seek(first or 0, stream=stream)
    return None


def _first_stamps(container: Any, stream: Any) -> tuple[int | None, int | None]:
    """First decoding time stamp, and that of the first frame shown; None = cannot be told."""
    first = origin = None
    for packet in container.demux(stream):
        if packet.pts is None or packet.dts is None:
            break
        first = packet.dts if first is None else first
        if not packet.is_discard:
            origin = packet.pts if origin is None else min(origin, packet.pts)
        if origin is not None and packet.dts > origin:
            return first, origin
    return first, None


def read_packets(container: Any, stream: Any, end_s: float | None, origin: int | None) -> list[Any]:
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


def decode_wanted(
    context: Any, packets: list[Any], wanted: set[int], convert: Convert
) -> dict[int, np.ndarray]:
    """Decode the frames with the time stamps ``wanted``, and what they refer to: pts → pixels.

    Empty if the decoder's order is not that of the stamps: then they don't tell which frame is
    presented when.
    """
    frames: dict[int, np.ndarray] = {}
    order: list[int] = []

    def keep(decoded: list[Any]) -> None:
        for frame in decoded:
            order.append(-1 if frame.pts is None else frame.pts)
            if frame.pts in wanted:
                frames[frame.pts] = convert(frame)

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
    return frames if is_ascending(order) else {}


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
