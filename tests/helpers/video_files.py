"""Small generated videos, of the kinds that real collections hold."""

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np


def picture(number: int, width: int, height: int) -> np.ndarray:
    """A frame that differs from every other: gradients, a moving block, a little noise."""
    y, x = np.mgrid[:height, :width]
    noise = np.random.default_rng(number).integers(0, 24, (height, width))
    image = np.stack([x + 3 * number, y * 2 + noise, 255 - x - y + 5 * number], axis=2) % 256
    size = max(4, height // 5)
    top, left = (7 * number) % (height - size), (11 * number) % (width - size)
    image[top : top + size, left : left + size] = [(40 * number) % 256, 200, (90 * number) % 256]
    return image.astype(np.uint8)


def make_video(
    path: Path,
    frames: int | Sequence[int] = 30,
    size: tuple[int, int] = (64, 48),
    rate: Fraction | int = 25,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    shift: int = 0,
    rotation: int = 0,
    index_first: bool = False,
    options: dict[str, str] | None = None,
) -> Path:
    """Write a video of ``frames`` frames, or with the given time stamps in milliseconds.

    ``shift``: milliseconds added to every packet's time stamps; a negative one makes an edit list
    in mp4. ``rotation``: degrees counter-clockwise that a player turns it by (mp4).
    ``index_first``: whether an mp4's index precedes its frames.
    """
    muxer = {"movflags": "faststart"} if index_first else {}
    with av.open(str(path), "w", options=muxer) as container:
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height = size
        stream.pix_fmt = pixels
        stream.codec_context.thread_count = 1
        stream.options = (
            {"preset": "veryfast"} | (options or {}) if "264" in codec else options or {}
        )
        if isinstance(frames, int):
            stamps, base = range(frames), 1 / Fraction(rate)
        else:
            stamps, base = frames, Fraction(1, 1000)
            stream.codec_context.time_base = base
        container.start_encoding()

        def put(packets: Sequence[Any]) -> None:
            for packet in packets:
                if shift:
                    ticks = round(Fraction(shift, 1000) / packet.time_base)
                    packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
                container.mux(packet)

        for number, stamp in enumerate(stamps):
            frame = av.VideoFrame.from_ndarray(picture(number, *size), format="rgb24")
            frame.pts, frame.time_base = stamp, base
            put(stream.encode(frame))
        put(stream.encode(None))
    if rotation:
        orient(path, TURNED[rotation])
    return path


TURNED = {90: (0, -1, 1, 0), 180: (-1, 0, 0, -1), 270: (0, 1, -1, 0)}
"""Display matrices of rotations, degrees counter-clockwise."""


def orient(path: Path, matrix: tuple[int, int, int, int]) -> None:
    """Write a display matrix (a, b, c, d) into the track header (ISO 14496-12, tkhd version 0)."""
    a, b, c, d = (value << 16 for value in matrix)
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + 4 + 40
    struct.pack_into(">9i", data, place, a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


def all_frames(path: Path) -> tuple[list[np.ndarray], list[float]]:
    """Every frame, upright, and its seconds after the first: a plain sequential decode."""
    images, seconds = [], []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            images.append(np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90)))
            seconds.append(float((frame.pts) * frame.time_base))
    return images, [s - seconds[0] for s in seconds]
