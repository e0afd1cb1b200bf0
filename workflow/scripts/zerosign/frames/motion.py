"""Where the signing is in a clip, from how much the picture moves.

The paper's frame selection (VaJavorek/WLASL_LLM): optical flow of 124 x 124 grey frames, its mean
length smoothed, its peaks; hands go up at the first and down at the last. Their code looks for the
valleys between the first two peaks only, which is wrong as soon as there are three; here they lie
between the first and the last.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

SIDE = 124  # px, of the square grey frames
SMOOTHING = 3.0  # frames, sigma
PEAK_PROMINENCE = 0.1  # px of SIDE a frame
VALLEY_PROMINENCE = 0.001
DISTANCE = 2  # frames between peaks
NEAR_S = 0.5  # s: a valley further from its peak does not move the bound


def flow(frames: Sequence[np.ndarray]) -> np.ndarray:
    """Mean length of the optical flow (Farnebäck) from each frame to the next, px: float64[T-1].

    ``frames``: uint8[SIDE, SIDE] grey each.
    """
    import cv2

    cv2.setNumThreads(1)
    lengths = []
    for before, after in pairwise(frames):
        field = cv2.calcOpticalFlowFarneback(before, after, None, 0.5, 3, 15, 3, 5, 1.2, 0)
        lengths.append(float(np.hypot(field[..., 0], field[..., 1]).mean()))
    return np.array(lengths)


def signing_part(lengths: np.ndarray, fps: float) -> tuple[int, int]:
    """First and last frame of the signing part; the whole clip where none stands out.

    ``lengths``: flow from each frame to the next, float[T-1]. The bounds are the first and the last
    peak of the smoothed flow. A valley within `NEAR_S` after the first peak, or before the last,
    moves that bound half-way to it; a single valley moves one bound, the last if it can. Bounds
    that don't lie on either side of the clip's middle are not used.
    """
    from scipy.ndimage import gaussian_filter1d
    from scipy.signal import find_peaks

    total = len(lengths) + 1
    whole = 0, total - 1
    if total < 4:
        return whole
    smooth = gaussian_filter1d(lengths, sigma=SMOOTHING)
    peaks, _ = find_peaks(smooth, distance=DISTANCE, prominence=PEAK_PROMINENCE)
    if len(peaks) < 2:
        return whole
    low, high = int(peaks[0]), int(peaks[-1])
    valleys, _ = find_peaks(-smooth, distance=DISTANCE, prominence=VALLEY_PROMINENCE)
    valleys = valleys[(peaks[0] < valleys) & (valleys < peaks[-1])]
    near = NEAR_S * fps
    moves_high = len(valleys) > 0 and peaks[-1] - valleys[-1] < near
    moves_low = len(valleys) > 0 and valleys[0] - peaks[0] < near
    if moves_high:
        high = int(valleys[-1] + peaks[-1]) // 2
    if moves_low and (len(valleys) > 1 or not moves_high):
        low = int(valleys[0] + peaks[0]) // 2
    if not low < total / 2 < high:
        return whole
    return low, high - 1
