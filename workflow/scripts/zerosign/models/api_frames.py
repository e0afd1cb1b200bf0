"""A clip's frames as providers take them: JPEG images, or one video."""

import base64
import io
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Generic, TypeVar

import numpy as np
from PIL import Image

from zerosign.frames.cache import Clip
from zerosign.models.api_entry import ApiFrames

T = TypeVar("T")

TIME_BASE = Fraction(1, 90_000)


class Shown(Generic[T]):
    """What a clip became, kept for further questions about it, which come one after the other."""

    def __init__(self) -> None:
        self._last: tuple[object, T] | None = None

    def get(self, clip: Clip, settings: ApiFrames, make: Callable[[], T]) -> T:
        """What ``make`` makes of a clip by these settings; the last one is made once."""
        key = (clip.digest, clip.duration, settings.model_dump_json())
        if self._last is None or self._last[0] != key:
            self._last = None  # two clips at a time are one too many
            self._last = (key, make())
        return self._last[1]


def fitted(height: int, width: int, max_side: int | None) -> tuple[int, int]:
    """(height, width) with no side longer than ``max_side``; never enlarged."""
    longest = max(height, width)
    if max_side is None or longest <= max_side:
        return height, width
    scale = max_side / longest
    return max(1, round(height * scale)), max(1, round(width * scale))


def jpegs(frames: np.ndarray, max_side: int | None, quality: int) -> list[bytes]:
    """Frames uint8[T, H, W, 3] as JPEG files, in their order."""
    return [_jpeg(frame, max_side, quality) for frame in frames]


def _jpeg(frame: np.ndarray, max_side: int | None, quality: int) -> bytes:
    buffer = io.BytesIO()
    image = _resized(Image.fromarray(frame), max_side)
    image.save(buffer, "JPEG", quality=quality, subsampling="4:4:4")
    return buffer.getvalue()


def base64_of(data: bytes) -> str:
    """Bytes as JSON carries them."""
    return base64.b64encode(data).decode()


def _resized(image: Image.Image, max_side: int | None) -> Image.Image:
    height, width = fitted(image.height, image.width, max_side)
    if (width, height) == image.size:
        return image
    return image.resize((width, height), Image.Resampling.LANCZOS)


def video(clip: Clip, max_side: int | None) -> bytes:
    """A clip's frames at their times as an MP4 file (H.264), nothing before or after them.

    The last frame is shown until the clip ends.
    """
    import av

    buffer = io.BytesIO()
    images = [_resized(Image.fromarray(frame), max_side) for frame in clip.frames]
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=30, options={"crf": "18", "bf": "0"})
        # H.264 with colours at half resolution wants even sides.
        stream.width, stream.height = images[0].width // 2 * 2, images[0].height // 2 * 2
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = TIME_BASE
        for image, time in _timed(images, clip.timestamps, clip.duration):
            frame = av.VideoFrame.from_image(image.crop((0, 0, stream.width, stream.height)))
            frame.pts, frame.time_base = round(time / TIME_BASE), TIME_BASE
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def _timed(
    images: Sequence[Image.Image], times: np.ndarray, duration: float
) -> list[tuple[Image.Image, float]]:
    """Each image with its time from the first, and the last once more just before the end."""
    timed = [(image, float(time - times[0])) for image, time in zip(images, times, strict=True)]
    end = max(duration - float(times[0]), 0.0)
    last = 1 / 30
    return [*timed, (images[-1], end - last)] if end - last > timed[-1][1] else timed
