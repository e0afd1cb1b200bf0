"""Clips of the demo's signers who rest before and after a sign, so that its bounds are known."""

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from zerosign.demo.signs import SIGNS, Take, draw_signer, draw_take, render

RATES = (Fraction(25), Fraction(30000, 1001), Fraction(15), Fraction(50))


@dataclass(frozen=True)
class SigningClip:
    """Frames uint8[T, H, W, 3] and when the hand leaves its rest and is back, s."""

    frames: np.ndarray
    rate: Fraction
    onset: float
    end: float


def signing_clip(seed: int) -> SigningClip:
    """A clip by its number; every fourth one has no rest before, every fifth none after."""
    rng = np.random.default_rng([77, seed])
    signer = draw_signer(rng)
    take = draw_take(rng, SIGNS[seed % len(SIGNS)], signer)
    lead = 0.0 if seed % 4 == 3 else float(rng.uniform(0.3, 1.5))
    tail = 0.0 if seed % 5 == 4 else float(rng.uniform(0.3, 1.5))
    takes = [*([rest(take, lead)] if lead else []), take, *([rest(take, tail)] if tail else [])]
    rate = RATES[int(rng.integers(len(RATES)))]
    return SigningClip(render(takes, signer, rng, rate), rate, lead, lead + take.duration)


def rest(take: Take, seconds: float) -> Take:
    """So long before or after a take, the hand hanging: it is lifted infinitely slowly."""
    return replace(take, lift=1e6, hold_before=0.0, stroke=0.0, hold_after=seconds - 1e6, lower=0.0)
