"""Which frames of a clip a model sees: pure functions from frame times to frame numbers.

A sampling is a mapping with ``strategy`` and that strategy's keys, and optionally ``ablation``:

- ``uniform`` (``frames``: n): frame ``i*T//n`` for i in range(n). A clip of T < n frames repeats
  some. The rule nests: n's frames are among m's whenever n divides m.
- ``fps`` (``fps``, ``max_frames``): the frame on screen every 1/fps seconds, each once; more than
  ``max_frames`` are thinned uniformly.
- ``all``: every frame. ``middle``: frame T//2.
- ``motion`` (``frames``: n): uniform within the signing part, as optical flow finds it.
- ``none``: no frame at all. The model is asked without a video: what it says is its prior.

``ablation`` changes what is shown at the chosen times, not the times: ``reversed``, ``shuffled``
(by ``seed`` and the video id) or ``static`` (the middle one of the chosen frames, throughout).

Only the standard library and numpy are imported: the workflow plans decoding with this module.
"""

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zerosign.errors import UserError

STRATEGIES: dict[str, dict[str, bool]] = {  # keys of each strategy: True = required
    "uniform": {"frames": True},
    "fps": {"fps": True, "max_frames": False},
    "all": {},
    "middle": {},
    "motion": {"frames": True},
    "none": {},
}
ABLATIONS = ("reversed", "shuffled", "static")
TIME_TOLERANCE = 1e-3  # s: containers round time stamps to as much as a millisecond


@dataclass(frozen=True)
class Selection:
    """What a model sees of a clip.

    ``indices``: number of each shown frame within the clip's range, int64[n]. ``timestamps``:
    when each is shown, seconds after the range's first frame, float64[n], ascending.
    """

    indices: np.ndarray
    timestamps: np.ndarray


def base(sampling: Mapping[str, Any]) -> dict[str, Any]:
    """The sampling without its ablation, keys sorted; a `UserError` for a wrong setting."""
    strategy = sampling.get("strategy")
    if strategy not in STRATEGIES:
        raise UserError(f"sampling strategy {strategy!r}: use one of {', '.join(STRATEGIES)}")
    keys = STRATEGIES[strategy]
    for key, required in keys.items():
        if required and key not in sampling:
            raise UserError(f"sampling strategy {strategy!r} needs the key {key!r}")
        if key in sampling and not sampling[key] > 0:
            raise UserError(f"sampling key {key!r} is {sampling[key]!r}: give a positive number")
    if unknown := sorted(set(sampling) - set(keys) - {"strategy", "ablation", "seed"}):
        raise UserError(f"sampling strategy {strategy!r} has no key {unknown[0]!r}")
    if sampling.get("ablation", "reversed") not in ABLATIONS:
        raise UserError(
            f"sampling ablation {sampling['ablation']!r}: use one of {', '.join(ABLATIONS)}"
        )
    if strategy == "none" and "ablation" in sampling:
        raise UserError("sampling strategy 'none' shows no frames: it has no ablation")
    if "seed" in sampling and sampling.get("ablation") != "shuffled":
        raise UserError("sampling key 'seed' belongs to 'ablation: shuffled' only")
    return {key: sampling[key] for key in sorted(sampling) if key in keys or key == "strategy"}


def shows_frames(sampling: Mapping[str, Any]) -> bool:
    """Whether a model that is asked with this sampling sees anything of a clip."""
    return sampling["strategy"] != "none"


def decode_plan(samplings: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The fewest base samplings whose frames hold those of all ``samplings``, in canonical order.

    It stays the same when a sampling is added whose frames are stored already: an ablation, a
    uniform or motion sampling whose n divides a larger one's, ``middle`` beside an even uniform
    (T//2 = 1*T//2), and everything beside ``all``. Motion keeps its place beside ``all``, since
    the clip's motion is measured while it is decoded.
    """
    bases = [b for b in map(base, samplings.values()) if shows_frames(b)]
    plan: list[dict[str, Any]] = []
    for strategy in STRATEGIES:
        own = sorted(
            (b for b in bases if b["strategy"] == strategy), key=lambda b: sorted(b.items())
        )
        for i, candidate in enumerate(own):
            rest = own[i + 1 :]
            if not any(_within(candidate, other) for other in rest) and candidate not in plan:
                plan.append(candidate)
    if {"strategy": "all"} in plan:
        return [b for b in plan if b["strategy"] in ("all", "motion")]
    if any(b["strategy"] == "uniform" and b["frames"] % 2 == 0 for b in plan):
        plan = [b for b in plan if b["strategy"] != "middle"]
    return plan


def _within(small: Mapping[str, Any], large: Mapping[str, Any]) -> bool:
    return small == large or (
        small["strategy"] in ("uniform", "motion") and large["frames"] % small["frames"] == 0
    )


def uniform(total: int, frames: int) -> np.ndarray:
    """``i*total//frames`` for i in range(frames): int64[frames], ascending, repeats if short."""
    return np.arange(frames, dtype=np.int64) * total // frames


def at_rate(times: np.ndarray, duration: float, fps: float, max_frames: int | None) -> np.ndarray:
    """Frame on screen at 0, 1/fps, 2/fps … before ``duration``, each once: int64[≤ max_frames]."""
    steps = max(1, math.ceil((duration - TIME_TOLERANCE) * fps))
    due = np.arange(steps) / fps
    indices = np.unique(np.searchsorted(times, due + TIME_TOLERANCE, side="right") - 1)
    if max_frames is not None and len(indices) > max_frames:
        indices = indices[uniform(len(indices), max_frames)]
    return indices.astype(np.int64)


def base_indices(
    sampling: Mapping[str, Any],
    times: np.ndarray,
    duration: float,
    window: tuple[int, int] | None = None,
) -> np.ndarray:
    """Frame numbers of a sampling before its ablation: int64[n], ascending.

    ``times``: seconds of each frame of the range after its first, float64[T], T > 0; ``duration``:
    seconds to the end of the last; ``window``: first and last frame of the signing part, needed by
    ``motion``.
    """
    total = len(times)
    match sampling["strategy"]:
        case "uniform":
            return uniform(total, sampling["frames"])
        case "fps":
            return at_rate(times, duration, sampling["fps"], sampling.get("max_frames"))
        case "all":
            return np.arange(total, dtype=np.int64)
        case "middle":
            return np.array([total // 2], dtype=np.int64)
        case "motion":
            if window is None:
                raise ValueError("motion sampling needs the signing part")
            first, last = window
            return first + uniform(last - first + 1, sampling["frames"])
    raise ValueError(f"unknown strategy {sampling['strategy']!r}")


def planned_indices(
    plan: Sequence[Mapping[str, Any]],
    times: np.ndarray,
    duration: float,
    window: tuple[int, int] | None = None,
) -> np.ndarray:
    """Frame numbers that any sampling of the plan needs: int64, ascending, each once."""
    chosen = [base_indices(sampling, times, duration, window) for sampling in plan]
    return np.unique(np.concatenate(chosen))


def select(
    sampling: Mapping[str, Any],
    video_id: str,
    times: np.ndarray,
    duration: float,
    window: tuple[int, int] | None = None,
) -> Selection:
    """Frames and times that a model sees; see `base_indices` for the arguments."""
    indices = base_indices(sampling, times, duration, window)
    shown = _ABLATE[sampling.get("ablation", "none")](indices, video_id, sampling.get("seed", 0))
    return Selection(shown, times[indices])


def _shuffled(indices: np.ndarray, video_id: str, seed: int) -> np.ndarray:
    # Ordered by a hash, not by a generator whose stream may change between versions.
    def place(i: int) -> bytes:
        return hashlib.sha256(f"{seed}/{video_id}/{i}".encode()).digest()

    return indices[sorted(range(len(indices)), key=place)]


_ABLATE: dict[str, Callable[[np.ndarray, str, int], np.ndarray]] = {
    "none": lambda indices, video_id, seed: indices,
    "reversed": lambda indices, video_id, seed: indices[::-1],
    "shuffled": _shuffled,
    "static": lambda indices, video_id, seed: np.full_like(indices, indices[len(indices) // 2]),
}
