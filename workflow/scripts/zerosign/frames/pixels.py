"""From a decoded frame to pixels: the only place where colours are converted."""

from collections.abc import Sequence
from typing import Protocol

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

from zerosign.videos.orientation import orientation, upright
from zerosign.videos.timeline import Undecodable

Size = tuple[int, int]
"""Width and height, px."""
Box = Sequence[float]
"""Left, top, right, bottom, in px, or in fractions of the picture's size if none is above 1."""
MARGIN = 4  # px by which annotators' boxes stick out


class Convert(Protocol):
    """From a decoded frame to pixels. ``size``: the size to take it for, None = its own."""

    def __call__(self, frame: av.VideoFrame, size: Size | None = None) -> np.ndarray:
        """Pixels of a frame, uint8."""
        ...


def to_rgb(short_side: int | None = None, box: Box | None = None) -> Convert:
    """From a decoded frame to uint8[H, W, 3] RGB, upright, the short side capped, never enlarged.

    Matrix and range are those that the file states, and BT.601, limited, where it states none (as
    FFmpeg's own tools do). Scaling is by area, in the same pass. ``box``: the part of the upright
    picture to keep, before it is scaled. Raises `Undecodable`, if that is not within the picture.
    """
    reformatter = VideoReformatter()

    def scaled(frame: av.VideoFrame, size: Size) -> np.ndarray:
        scale = Interpolation.AREA if size[0] < frame.width else Interpolation.BILINEAR
        rgb: np.ndarray = reformatter.reformat(
            frame, *size, "rgb24", interpolation=scale, threads=1
        ).to_ndarray()
        return rgb

    def convert(frame: av.VideoFrame, size: Size | None = None) -> np.ndarray:
        size = size or (frame.width, frame.height)
        if box is None:
            return upright(scaled(frame, size_for(size, short_side)), orientation(frame))
        shown = cropped(upright(scaled(frame, size), orientation(frame)), box)
        height, width = shown.shape[:2]
        wanted = size_for((width, height), short_side)
        if wanted == (width, height):
            return shown
        return scaled(av.VideoFrame.from_ndarray(shown, format="rgb24"), wanted)

    return convert


def cropped(pixels: np.ndarray, box: Box) -> np.ndarray:
    """The part of a picture [H, W, 3] within a box, which may stick out by `MARGIN` px."""
    height, width = pixels.shape[:2]
    by = (width, height, width, height) if max(box) <= 1 else (1, 1, 1, 1)
    left, top, right, bottom = (round(value * scale) for value, scale in zip(box, by, strict=True))
    outside = right > width + MARGIN or bottom > height + MARGIN or min(left, top) < -MARGIN
    left, top = max(left, 0), max(top, 0)
    shown = pixels[top:bottom, left:right]
    if outside or not shown.size:
        named = " ".join(f"{value:g}" for value in box)
        raise Undecodable(
            "bbox_outside", f"bbox {named} is not within {width} x {height}: of another resolution?"
        )
    return np.ascontiguousarray(shown)


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
