"""Ablations: what is shown at the times of a sampling instead of its own frames, in its own order.

A new ablation is one more value of `Ablation` and its case in `ablate`.
"""

import hashlib
from enum import StrEnum

import numpy as np


class Ablation(StrEnum):
    """What is changed about the chosen frames; their times stay."""

    REVERSED = "reversed"
    """The same frames, last first."""
    SHUFFLED = "shuffled"
    """In an order fixed by the seed and the video id."""
    STATIC = "static"
    """The middle one of the chosen frames, throughout."""


def ablate(ablation: Ablation, numbers: np.ndarray, video_id: str, seed: int) -> np.ndarray:
    """Frame numbers as shown, int64[n]; ``numbers``: those of the sampling, int64[n]."""
    match ablation:
        case Ablation.REVERSED:
            return numbers[::-1]
        case Ablation.SHUFFLED:
            return numbers[shuffled(len(numbers), video_id, seed)]
        case Ablation.STATIC:
            return np.full_like(numbers, numbers[len(numbers) // 2])


def shuffled(total: int, video_id: str, seed: int) -> list[int]:
    """``range(total)`` in an order that is the same on every machine and for every version."""

    # Ordered by a hash, not by a generator whose stream may change between versions.
    def place(i: int) -> bytes:
        return hashlib.sha256(f"{seed}/{video_id}/{i}".encode()).digest()

    return sorted(range(total), key=place)
