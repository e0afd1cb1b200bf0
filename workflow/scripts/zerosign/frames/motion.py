"""Where the signing is in a clip, from how fast the fastest part of the picture moves.

Hands cover little of a picture and rest before and after a sign. So the speed of the fastest
twentieth of the picture tells signing from rest; the mean over the picture, by which the paper's
code selects frames (VaJavorek/WLASL_LLM), drowns in the noise of the rest. How well this works:
docs/frames.md, "Motion".
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from zerosign.videos.timeline import SigningPart

SIDE = 124  # px, of the square grey frames
FASTEST = 0.05  # of the picture
SPIKE = 3  # frames, of the median that takes out cuts and repeated frames
SMOOTHING_S = 0.04  # sigma
REST, SIGNING = 10, 95  # percentiles of the speed over time
RISE = 0.2  # of the way from rest to signing: faster is signing
LEAST_RISE = 10.0  # px of SIDE a second, of signing above rest
SUSTAINED_S = 0.12  # shorter bursts are noise


def flow(frames: Sequence[np.ndarray]) -> np.ndarray:
    """Mean length of the fastest part of the optical flow (Farnebäck) between frames.

    ``frames``: uint8[SIDE, SIDE] grey each. From each frame to the next, px: float64[T-1].
    """
    import cv2

    cv2.setNumThreads(1)
    lengths = []
    for before, after in pairwise(frames):
        field = cv2.calcOpticalFlowFarneback(before, after, None, 0.5, 3, 15, 3, 5, 1.2, 0)
        moved = np.hypot(field[..., 0], field[..., 1]).ravel()
        slower = round(len(moved) * (1 - FASTEST))
        lengths.append(float(np.partition(moved, slower)[slower:].mean()))
    return np.array(lengths)


def signing_part(lengths: np.ndarray, fps: float) -> SigningPart:
    """From the first to the last sustained movement; the whole clip where nothing stands out.

    ``lengths``: flow from each frame to the next, float[T-1].
    """
    from scipy.ndimage import gaussian_filter1d, median_filter

    nothing = SigningPart(0, len(lengths), found=False)
    if not len(lengths):
        return nothing
    speed = gaussian_filter1d(median_filter(lengths * fps, SPIKE), SMOOTHING_S * fps)
    rest, signing = np.percentile(speed, [REST, SIGNING])
    if signing - rest < LEAST_RISE:
        return nothing
    bursts = _runs(speed > rest + RISE * (signing - rest), max(1, round(SUSTAINED_S * fps)))
    if not bursts:
        return nothing
    return SigningPart(bursts[0][0], bursts[-1][1])


def _runs(active: np.ndarray, least: int) -> list[tuple[int, int]]:
    """First and end (exclusive) of each run of at least ``least`` true values."""
    edges = np.diff(np.concatenate([[0], active.astype(np.int8), [0]]))
    starts, ends = np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist()
    return [(a, b) for a, b in zip(starts, ends, strict=True) if b - a >= least]
