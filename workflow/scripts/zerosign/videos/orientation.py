"""How a decoded frame is to be turned and mirrored before it is looked at."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from av.sidedata.sidedata import Type


@dataclass(frozen=True)
class Orientation:
    """First mirrored from left to right, then rotated by ``degrees`` (anticlockwise, 0 to 359)."""

    mirrored: bool = False
    degrees: int = 0


UPRIGHT = Orientation()


def orientation(frame: Any) -> Orientation:
    """What the display matrix of a frame says; the identity where it has none.

    The matrix (ISO 14496-12, 6.2.2) takes a point (x, y) to (a x + c y, b x + d y), y downwards.
    """
    matrix = frame.side_data.get(Type.DISPLAYMATRIX)
    if matrix is None:
        return UPRIGHT
    a, b, _, c, d = (int(value) for value in np.frombuffer(bytes(matrix), np.int32)[:5])
    mirrored = a * d - b * c < 0
    if mirrored:
        a, b = -a, -b
    return Orientation(mirrored, round(math.degrees(math.atan2(-b, a))) % 360)


def upright(pixels: np.ndarray, how: Orientation) -> np.ndarray:
    """Pixels [H, W, …] mirrored and turned, to the nearest quarter."""
    if how.mirrored:
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(np.rot90(pixels, round(how.degrees / 90)))
