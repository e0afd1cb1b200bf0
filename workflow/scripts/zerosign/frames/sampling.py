"""Which frames of a clip a model sees, and which frames a study needs decoded.

The strategies are in `zerosign.frames.strategies`, the ablations in `zerosign.frames.ablations`.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeGuard

import numpy as np
from pydantic import TypeAdapter

from zerosign.entries import ByValue
from zerosign.frames.ablations import ablate
from zerosign.frames.strategies import STRATEGIES, ShownFrames, Strategy
from zerosign.videos.timeline import SigningPart, Timeline

Sampling = Annotated[Strategy, ByValue("strategy", STRATEGIES)]
"""An entry of a study's key ``samplings``."""
SAMPLING: Any = Sampling
SAMPLINGS: Any = dict[str, Sampling]
"""The same, and the whole key, for `StudyFile.read`."""
DecodePlan = list[Annotated[ShownFrames, ByValue("strategy", STRATEGIES)]]
"""Samplings without ablations whose frames are decoded."""


@dataclass(frozen=True)
class Selection:
    """What a model sees of a clip.

    ``indices``: number of each shown frame within the clip's range, int64[n]. ``timestamps``:
    when each is shown, seconds after the range's first frame, float64[n], ascending.
    """

    indices: np.ndarray
    timestamps: np.ndarray


def sampling_of(value: Mapping[str, Any]) -> Strategy:
    """The sampling of a JSON object. Raises pydantic's `ValidationError`."""
    adapter: TypeAdapter[Strategy] = TypeAdapter(Sampling)
    return adapter.validate_json(json.dumps(value))


def shows_frames(sampling: Strategy) -> TypeGuard[ShownFrames]:
    """Whether a model that is run with this sampling sees anything of a clip."""
    return isinstance(sampling, ShownFrames)


def base(sampling: ShownFrames) -> ShownFrames:
    """The sampling without its ablation."""
    return sampling.model_copy(update={"ablation": None, "seed": None})


def decode_plan(samplings: Iterable[Strategy]) -> DecodePlan:
    """The fewest samplings whose frames include those of all ``samplings``, in canonical order.

    It stays the same when a sampling is added whose frames are stored already: an ablation, a
    uniform or motion sampling whose n divides a larger one's, ``middle`` next to an even uniform,
    and everything next to ``all`` but ``motion``.
    """
    plan: DecodePlan = []
    for candidate in map(base, filter(shows_frames, samplings)):
        if candidate not in plan:
            plan.append(candidate)
    plan.sort(key=_canonical)
    for candidate in list(plan):
        if any(other.holds(candidate) for other in plan if other is not candidate):
            plan.remove(candidate)
    return plan


def _canonical(sampling: ShownFrames) -> tuple[int, list[tuple[str, Any]]]:
    return list(STRATEGIES).index(sampling.strategy), sorted(sampling.as_json().items())


def planned_indices(
    plan: Sequence[ShownFrames], timeline: Timeline, part: SigningPart | None = None
) -> np.ndarray:
    """Frame numbers that any sampling of the plan needs: int64, ascending, each once."""
    return np.unique(np.concatenate([entry.numbers(timeline, part) for entry in plan]))


def select(
    sampling: ShownFrames, video_id: str, timeline: Timeline, part: SigningPart | None = None
) -> Selection:
    """Frames and times that a model sees; ``part``: where the signing is, for ``motion``."""
    numbers = sampling.numbers(timeline, part)
    shown = numbers
    if sampling.ablation is not None:
        shown = ablate(sampling.ablation, numbers, video_id, sampling.seed or 0)
    return Selection(shown, timeline.times[numbers])
