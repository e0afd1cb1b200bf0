"""Frames of a clip, exactly: frame i is the i-th one presented within the clip's range.

PyAV decodes with one thread (processes over shards use the cores better). Two ways lead to the
same pixels:

- the sequential one, here, decodes everything, damaged files too: first for the time stamps, then
  for the pixels;
- if an earlier full decode has verified the number of frames in the range, their order and their
  size (`availability.parquet` has it), the packets' time stamps give the timeline, and only what
  the wanted frames need is decoded: `zerosign.frames.wanted_frames`. If the packets don't confirm
  the number, the stamps of decoded frames don't ascend, or a wanted frame doesn't come, the
  sequential way decides.
"""

import av
import numpy as np

from zerosign.frames import wanted_frames
from zerosign.frames.pixels import Convert
from zerosign.frames.wanted_frames import Choose
from zerosign.videos.opening import nominal_step, open_video, sentence
from zerosign.videos.timeline import (
    WHOLE,
    Decoded,
    Span,
    Timeline,
    Undecodable,
    clock,
    cut,
)


def read_clip(path: str, choose: Choose, convert: Convert, span: Span = WHOLE) -> Decoded:
    """Decode the frames of a clip's range that ``choose`` asks for.

    ``choose``: from the `Timeline` to ascending frame numbers within the range, each once.
    ``convert``: from a decoded frame to pixels, see `zerosign.frames.pixels`. Raises `Undecodable`.
    """
    if span.verified_frames is not None:
        decoded = wanted_frames.read_wanted(path, choose, convert, span)
        if decoded is not None:
            return decoded
    timeline, first, damage = _decode_timeline(path, span)
    indices = choose(timeline)
    frames = _read_numbers(path, indices + first, convert)
    return Decoded(frames, indices, timeline, damage)


def every_frame(timeline: Timeline) -> np.ndarray:
    """Choose all frames."""
    return np.arange(len(timeline.times), dtype=np.int64)


def _decode_timeline(path: str, span: Span) -> tuple[Timeline, int, str | None]:
    """Timeline of a range, its first frame's number in the file, and the decoder's complaint."""
    stamps: list[int | None] = []
    damage = None
    with open_video(path) as (container, stream):
        step = nominal_step(stream)
        try:
            for frame in container.decode(stream):
                stamps.append(frame.pts if frame.pts is not None else frame.dts)
        except av.FFmpegError as error:
            damage = sentence(error)
        time_base = stream.time_base
    if not stamps:
        why = f" ({damage})" if damage else ""
        status = "undecodable" if damage else "no_frames"
        raise Undecodable(status, f"{path}: no frame could be decoded{why}")
    seconds, _ = clock(stamps, time_base, step)
    timeline, first = cut(path, seconds, span, step)
    return timeline, first, damage


def _read_numbers(path: str, numbers: np.ndarray, convert: Convert) -> list[np.ndarray]:
    """Frames by their number within the file, ascending, decoding everything before them.

    Where the size changes within the file, all frames get that of the first.
    """
    wanted = set(numbers.tolist())
    frames: list[np.ndarray] = []
    size = None
    with open_video(path) as (container, stream):
        for number, frame in enumerate(container.decode(stream)):
            size = size or (frame.width, frame.height)
            if number in wanted:
                frames.append(convert(frame, size))
                if len(frames) == len(wanted):
                    break
    return frames
