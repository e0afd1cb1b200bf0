"""How a frame is kept on disk: ``raw`` is uint8[H, W, 3], the others an image file as uint8[n].

``jpeg`` has chroma at full resolution; ``lossless`` is WebP.
"""

import hashlib
import io

import numpy as np
from PIL import Image

from zerosign.frames.frame_settings import FrameSettings, Storage

BYTES_PER_PIXEL = {Storage.JPEG: 0.25, Storage.LOSSLESS: 0.6, Storage.RAW: 3.0}
"""About; docs/frames.md, "Storage"."""


def encode(frame: np.ndarray, settings: FrameSettings) -> np.ndarray:
    """A frame uint8[H, W, 3] RGB as it is kept."""
    buffer = io.BytesIO()
    match settings.storage:
        case Storage.RAW:
            return frame
        case Storage.LOSSLESS:  # the fastest of its settings
            Image.fromarray(frame).save(buffer, "WEBP", lossless=True, quality=0, method=0)
        case Storage.JPEG:
            quality = settings.jpeg_quality
            Image.fromarray(frame).save(buffer, "JPEG", quality=quality, subsampling="4:4:4")
    return np.frombuffer(buffer.getbuffer(), dtype=np.uint8)


def decode(stored: np.ndarray) -> np.ndarray:
    """A frame uint8[H, W, 3] RGB from what was kept."""
    if stored.ndim == 3:
        return stored
    return np.asarray(Image.open(io.BytesIO(stored.tobytes())))


def frame_digest(stored: np.ndarray) -> str:
    """Hex SHA-256 over the shape and bytes of what is kept."""
    digest = hashlib.sha256(repr(stored.shape).encode())
    digest.update(np.ascontiguousarray(stored).data)
    return digest.hexdigest()


def clip_digest(frames: list[str], timestamps: np.ndarray) -> str:
    """Hex SHA-256 over the digests of the shown frames and their times, float64[n] s."""
    digest = hashlib.sha256("".join(frames).encode())
    digest.update(timestamps.astype("<f8").tobytes())
    return digest.hexdigest()
