"""From a decoded frame to pixels: the only place where colours are converted."""

from typing import Protocol

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

from zerosign.videos.orientation import orientation, upright

Size = tuple[int, int]
"""Width and height, px."""


class Convert(Protocol):
    """From a decoded frame to pixels. ``size``: the size to take it for, None = its own."""

    def __call__(self, frame: av.VideoFrame, size: Size | None = None) -> np.ndarray:
        """Pixels of a frame, uint8."""
        ...


def to_rgb(short_side: int | None = None) -> Convert:
    """From a decoded frame to uint8[H, W, 3] RGB, upright, the short side capped, never enlarged.

    Matrix and range are those that the file states, and BT.601, limited, where it states none (as
    FFmpeg's own tools do). Scaling is by area, in the same pass.
    """
    reformatter = VideoReformatter()

    def convert(frame: av.VideoFrame, size: Size | None = None) -> np.ndarray:
        width, height = size_for(size or (frame.width, frame.height), short_side)
        scale = Interpolation.AREA if width < frame.width else Interpolation.BILINEAR
        rgb: np.ndarray = reformatter.reformat(
            frame, width, height, "rgb24", interpolation=scale, threads=1
        ).to_ndarray()
        return upright(rgb, orientation(frame))

    return convert


def to_grey(side: int) -> Convert:
    """From a decoded frame to uint8[side, side] grey, squeezed, as coded (not turned upright)."""
    reformatter = VideoReformatter()

    def convert(frame: av.VideoFrame, size: Size | None = None) -> np.ndarray:
        grey: np.ndarray = reformatter.reformat(
            frame, side, side, "gray", interpolation=Interpolation.AREA, threads=1
        ).to_ndarray()
        return grey

    return convert


def size_for(size: Size, short_side: int | None) -> Size:
    """The size with the short side at most ``short_side``: never enlarged, same aspect."""
    width, height = size
    short = min(size)
    if short_side is None or short <= short_side:
        return size
    return round(width * short_side / short), round(height * short_side / short)
