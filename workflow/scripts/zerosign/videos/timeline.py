"""When the frames of a clip are presented, and the frames that were decoded of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise

import numpy as np

TIME_TOLERANCE = 1e-3  # s: containers round time stamps to as much as a millisecond

MOST_REORDERED = 16  # frames that H.264 and H.265 hold back at most to present them in order

SigningPart = tuple[int, int]
"""First and last frame of the part of a clip in which something is signed."""


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
        """Mean native rate, frames per second."""
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
    damage: str | None = None


class Undecodable(Exception):
    """No frame can be had. ``status``: one word for tables; the message is a sentence."""

    def __init__(self, status: str, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Span:
    """A clip's range within its file, in seconds after the file's first frame.

    ``end_s`` is exclusive, None = to the end. ``verified_frames``: how many frames of the range a
    full decode without error has found, all of one size and with ascending time stamps; None =
    unknown, or not so.
    """

    start_s: float = 0.0
    end_s: float | None = None
    verified_frames: int | None = None

    def __str__(self) -> str:
        return (
            f"{self.start_s:.3f} s to {'the end' if self.end_s is None else f'{self.end_s:.3f} s'}"
        )


WHOLE = Span()


def in_range(seconds: np.ndarray, start_s: float, end_s: float | None) -> np.ndarray:
    """Which frames lie in [start_s, end_s): bool[n]; ``seconds`` after the file's first frame.

    Both ends give way by a millisecond, so that neither a container's rounding nor 29.97 written
    for 30000/1001 moves a frame across.
    """
    inside = seconds >= start_s - TIME_TOLERANCE
    if end_s is not None:
        inside &= seconds < end_s - TIME_TOLERANCE
    return inside


def cut(path: str, seconds: np.ndarray, span: Span, step: float) -> tuple[Timeline, int]:
    """Timeline of a range and its first frame's number in the file.

    ``seconds``: when the file's frames are shown, float64[n]; ``step``: how long a single frame
    lasts, s. The last frame of the range lasts until the next one of the file; the file's last for
    the median step. Raises `Undecodable` if no frame is in the range.
    """
    inside = np.flatnonzero(in_range(seconds, span.start_s, span.end_s))
    if not len(inside):
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


class Clock(StrEnum):
    """Where the times of a file's frames are from."""

    STAMPS = "stamps"
    """Their time stamps."""
    SORTED = "sorted"
    """The same stamps in ascending order: the file gives them out in decoding order."""
    COUNTED = "counted"
    """Their number and the stated rate: stamps are missing, duplicate or jump back."""


def clock(
    stamps: Sequence[int | None], time_base: Fraction, step: float
) -> tuple[np.ndarray, Clock]:
    """Seconds after the first frame, float64[n] ascending, of frames in the decoder's order.

    A decoder gives frames in the order of presentation, whatever their stamps say: containers
    without a notion of B-frames (AVI, ASF) stamp in decoding order. ``step``: seconds per frame by
    the stated rate.
    """
    known = [stamp for stamp in stamps if stamp is not None]
    if len(known) == len(stamps) and is_ascending(known):
        return seconds_after(known[0], known, time_base), Clock.STAMPS
    ascending = sorted(known)
    if len(known) == len(stamps) and is_ascending(ascending):
        place = {stamp: number for number, stamp in enumerate(ascending)}
        if all(abs(place[stamp] - i) <= MOST_REORDERED for i, stamp in enumerate(known)):
            return seconds_after(ascending[0], ascending, time_base), Clock.SORTED
    return np.arange(len(stamps)) * step, Clock.COUNTED


def seconds_after(origin: int, stamps: Sequence[int], time_base: Fraction) -> np.ndarray:
    """Time stamps as seconds after ``origin``, float64[n], each rounded once."""
    ticks = np.array(stamps, dtype=np.int64) - origin
    return ticks * time_base.numerator / time_base.denominator


def is_ascending(stamps: Sequence[int]) -> bool:
    """Whether each time stamp is later than the one before."""
    return all(a < b for a, b in pairwise(stamps))
