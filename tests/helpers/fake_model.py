"""A model that needs no weights, and clips for it."""

import hashlib
import threading
from collections.abc import Sequence

import numpy as np
import torch

from zerosign.frames.cache import Clip
from zerosign.models.base import Answer, ClipError, Request


def make_clip(number: int, frames: int = 4) -> Clip:
    pixels = np.full((frames, 2, 2, 3), number % 256, np.uint8)
    return Clip(
        video_id=f"v{number}",
        frames=pixels,
        indices=np.arange(frames),
        timestamps=np.arange(frames) / 25,
        fps=25.0,
        total_frames=frames,
        duration=frames / 25,
        digest=hashlib.sha256(pixels.tobytes()).hexdigest(),
    )


class Fake:
    """An adapter that answers with the brightness of a clip."""

    def __init__(
        self, fits: int = 100, bad: Sequence[str] = (), full: RuntimeError | None = None
    ) -> None:
        self.fits, self.bad = fits, bad
        self.full = full or torch.OutOfMemoryError("CUDA out of memory")
        self.batches: list[list[str]] = []
        self.prepared_by: set[str] = set()

    def bucket(self, request: Request) -> int:
        return len(request.clip.frames)

    def prepare(self, requests: Sequence[Request]) -> list[Request]:
        self.prepared_by.add(threading.current_thread().name)
        for request in requests:
            if request.clip.video_id in self.bad:
                raise ClipError(f"cannot show\n{request.clip.video_id}")
        return list(requests)

    def answer(self, prepared: list[Request]) -> list[Answer]:
        if len(prepared) > self.fits:
            raise self.full
        self.batches.append([request.clip.video_id for request in prepared])
        return [Answer(str(request.clip.frames[0, 0, 0, 0]), "stop") for request in prepared]
