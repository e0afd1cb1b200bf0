"""Near duplicates: clips that show the same take, though encoded, scaled or trimmed differently.

A clip's fingerprint is small grey thumbnails at a fixed rate. Clips of one studio look alike
whatever is signed, so three things must agree: what does not move (the mean thumbnail), where
something moves (the standard deviation over time), and, for pairs that agree so far, the movement
itself at the best of some shifts in time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from zerosign.frames.decode import read_clip
from zerosign.frames.pixels import to_grey
from zerosign.videos.timeline import Span, Timeline

RATE = 12.5  # thumbnails per second
LONGEST_S = 8.0  # of a clip is looked at
SIDE = 16
SHIFT_S = 0.4  # the largest difference in trimming that is looked for, at either end
# Lowest correlations of a pair; docs/dataset.md says how they were chosen.
STILL_AT_LEAST = 0.93
WHERE_AT_LEAST = 0.90
MOVING_AT_LEAST = 0.80
_BLOCK = 512  # clips compared at a time
_RESTING = 1e-3  # thumbnails (of 1) that vary less than this show no movement


@dataclass(frozen=True)
class Pair:
    """Two clips, by their places, and how far they agree: correlations, at most 1."""

    first: int
    second: int
    still: float
    where: float
    moving: float


def fingerprint(path: str, span: Span) -> np.ndarray:
    """Thumbnails of a clip: uint8[T, SIDE, SIDE], grey. Raises `Undecodable`."""
    decoded = read_clip(path, _chosen, to_grey(SIDE), span)
    place = {number: i for i, number in enumerate(decoded.indices.tolist())}
    return np.stack([decoded.frames[place[i]] for i in _numbers(decoded.timeline).tolist()])


def _numbers(timeline: Timeline) -> np.ndarray:
    """The frame shown at every 1/RATE s, at least one; a number may repeat."""
    due = np.arange(0.5 / RATE, min(timeline.duration, LONGEST_S), 1 / RATE)
    return np.maximum(np.searchsorted(timeline.times, due, side="right") - 1, 0)


def _chosen(timeline: Timeline) -> np.ndarray:
    return np.unique(_numbers(timeline))


def pairs(fingerprints: Sequence[np.ndarray]) -> Iterator[Pair]:
    """Pairs of clips that agree in all three ways, each once, first < second."""
    if not fingerprints:
        return
    grey = [thumbnails.astype(np.float32) / 255 for thumbnails in fingerprints]
    still = _directions(np.stack([clip.mean(axis=0).ravel() for clip in grey]))
    where = _directions(np.stack([clip.std(axis=0).ravel() for clip in grey]))
    for start in range(0, len(grey), _BLOCK):
        rows = slice(start, start + _BLOCK)
        a, b = still[rows] @ still.T, where[rows] @ where.T
        first, second = np.nonzero((a >= STILL_AT_LEAST) & (b >= WHERE_AT_LEAST))
        for i, j in zip(first.tolist(), second.tolist(), strict=True):
            if start + i < j:
                same = moving(grey[start + i], grey[j])
                if same >= MOVING_AT_LEAST:
                    yield Pair(start + i, j, float(a[i, j]), float(b[i, j]), same)


def _directions(vectors: np.ndarray) -> np.ndarray:
    """Vectors minus their own mean, of length 1; the zero vector stays."""
    centred = vectors - vectors.mean(axis=1, keepdims=True)
    return centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-9)


def moving(a: np.ndarray, b: np.ndarray) -> float:
    """Correlation of two clips' movement (thumbnails less their mean) at the best shift.

    Clips: float32[T, SIDE, SIDE]. At least two thirds of the longer clip must overlap; else 0. Two
    clips without movement correlate by 1.
    """
    reach = round(SHIFT_S * RATE)
    best = 0.0
    for shift in range(-reach, reach + 1):
        x, y = a[max(0, shift) :], b[max(0, -shift) :]
        length = min(len(x), len(y))
        if length < 2 / 3 * max(len(a), len(b)):
            continue
        x = x[:length] - x[:length].mean(axis=0)
        y = y[:length] - y[:length].mean(axis=0)
        norms = float(np.linalg.norm(x)), float(np.linalg.norm(y))
        floor = _RESTING * np.sqrt(x.size)
        if max(norms) < floor:
            return 1.0
        if min(norms) >= floor:
            best = max(best, float((x * y).sum()) / (norms[0] * norms[1]))
    return best
