"""Damaged video files by seed: codecs, containers and kinds of damage."""

from collections.abc import Callable

import numpy as np

Rng = np.random.Generator
Damage = Callable[[bytes, Rng], bytes]

SOURCES = (
    *("h264 bf3.mp4", "h264 bf3.mov", "h264 bf3.mkv", "h264 bf3.avi", "h264 bf3.flv"),
    *("h264 bf3.ts", "h264 bf0.asf", "hevc.mp4", "hevc.mkv", "xvid bf2.avi", "mpeg2 bf2.ts"),
    *("mpeg2 bf2.mpg", "vp8.webm", "vp9.webm", "av1.mp4", "flv1.flv", "flv1.swf", "wmv2.wmv"),
    *("mjpeg.avi", "theora.ogv"),
)
"""Of `helpers.ffmpeg.KINDS`."""


def cut(share: float) -> Damage:
    """An end that is missing: of the file, ``share`` is left."""
    return lambda data, rng: data[: int(len(data) * share)]


def zeros(data: bytes, rng: Rng) -> bytes:
    """A hole in the middle, as of a download in parts."""
    place, length = _middle(data, rng), min(2048, len(data) // 20)
    return data[:place] + bytes(length) + data[place + length :]


def noise(data: bytes, rng: Rng) -> bytes:
    """Other bytes in the middle."""
    place, length = _middle(data, rng), min(512, len(data) // 20)
    return data[:place] + rng.bytes(length) + data[place + length :]


def lost(data: bytes, rng: Rng) -> bytes:
    """Bytes of the middle are missing."""
    place, length = _middle(data, rng), min(1500, len(data) // 20)
    return data[:place] + data[place + length :]


def doubled(data: bytes, rng: Rng) -> bytes:
    """Bytes of the middle come twice, as of a download that was continued too early."""
    place, length = _middle(data, rng), min(1500, len(data) // 20)
    return data[: place + length] + data[place:]


def bits(data: bytes, rng: Rng) -> bytes:
    """Twelve flipped bits."""
    changed = bytearray(data)
    for _ in range(12):
        changed[_middle(data, rng)] ^= 1 << int(rng.integers(8))
    return bytes(changed)


DAMAGES: dict[str, Damage] = {
    "cut at 40 %": cut(0.4),
    "cut at 80 %": cut(0.8),
    "cut at 97 %": cut(0.97),
    "zeros": zeros,
    "noise": noise,
    "bytes lost": lost,
    "bytes doubled": doubled,
    "flipped bits": bits,
}


def damaged(kind: str, name: str, seed: int, sound: bytes) -> bytes:
    """A file of a kind, damaged: the same for the same seed."""
    return DAMAGES[name](sound, np.random.default_rng([seed, *kind.encode(), *name.encode()]))


def judge(
    status: str, damage: str | None, frames: list[np.ndarray], expected: list[np.ndarray]
) -> str:
    """What became of a damaged file: "refused", "noticed", "unharmed" or "silent"."""
    if status != "ok":
        return "refused"
    if damage is not None:
        return "noticed"
    same = len(frames) == len(expected) and all(map(np.array_equal, frames, expected))
    return "unharmed" if same else "silent"


def _middle(data: bytes, rng: Rng) -> int:
    return int(rng.integers(len(data) // 5, len(data) * 9 // 10))
