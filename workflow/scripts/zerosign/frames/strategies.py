"""The strategies of sampling: which frames of a clip are chosen.

Each strategy is a class with its own keys that registers itself: a new one is one more class here.
Checks, the schema for editors, the decoding plan and the choice of frames find it in `STRATEGIES`.

Only the standard library, numpy and pydantic are imported: the workflow plans decoding with this
module.
"""

import math
from abc import abstractmethod
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar, get_args

import numpy as np
from pydantic import Field, model_validator

from zerosign.entries import Entry, Seed, wrong
from zerosign.frames.ablations import Ablation
from zerosign.videos.timeline import TIME_TOLERANCE, SigningPart, Timeline

Frames = Annotated[int, Field(ge=1, le=1024)]


class Strategy(Entry):
    """A sampling, whatever its strategy."""

    strategy: str

    def as_json(self) -> dict[str, Any]:
        """The JSON object of the sampling, with the keys that are given."""
        return self.model_dump(mode="json", exclude_none=True)


class ShownFrames(Strategy):
    """A sampling that shows frames of a clip."""

    measures_motion: ClassVar[bool] = False
    """Whether `numbers` depends on the signing part, which is measured while a clip is decoded."""

    ablation: Ablation | None = None
    """What is shown at the times of the chosen frames instead."""
    seed: Seed | None = None
    """Of ablation: shuffled; 0 unless said."""

    @model_validator(mode="after")
    def _seed_is_of_shuffled(self) -> Self:
        if self.seed is not None and self.ablation is not Ablation.SHUFFLED:
            raise wrong("seed has no meaning without ablation: shuffled; remove it")
        return self

    @abstractmethod
    def numbers(self, timeline: Timeline, part: SigningPart | None) -> np.ndarray:
        """Frame numbers within the clip's range, int64[n], ascending; a number may repeat.

        ``part``: where the signing is, needed if the strategy `measures_motion`.
        """

    def holds(self, other: "ShownFrames") -> bool:
        """Whether its frames include those of another sampling in every clip."""
        return False


STRATEGIES: dict[str, type[Strategy]] = {}
"""By the value of the key ``strategy``."""

S = TypeVar("S", bound=Strategy)


def register(kind: type[S]) -> type[S]:
    """Make a strategy known under the value of its key ``strategy``."""
    (name,) = get_args(kind.model_fields["strategy"].annotation)
    STRATEGIES[name] = kind
    return kind


@register
class Uniform(ShownFrames):
    """Frame ``i*T//n`` for i in range(n): a clip of T < n frames repeats some.

    The rule nests: the frames of n are among those of m whenever n divides m.
    """

    strategy: Literal["uniform"]
    frames: Frames
    """Number of frames."""

    def numbers(self, timeline: Timeline, part: SigningPart | None) -> np.ndarray:
        return uniform(len(timeline.times), self.frames)

    def holds(self, other: ShownFrames) -> bool:
        if isinstance(other, Middle):
            return self.frames % 2 == 0  # T//2 = 1*T//2
        return isinstance(other, Uniform) and self.frames % other.frames == 0


@register
class Fps(ShownFrames):
    """The frame on screen every 1/fps seconds, each once."""

    strategy: Literal["fps"]
    fps: Annotated[float, Field(gt=0)]
    """Frames per second."""
    max_frames: Frames | None = None
    """More are thinned uniformly."""

    def numbers(self, timeline: Timeline, part: SigningPart | None) -> np.ndarray:
        return at_rate(timeline, self.fps, self.max_frames)


@register
class All(ShownFrames):
    """Every frame."""

    strategy: Literal["all"]

    def numbers(self, timeline: Timeline, part: SigningPart | None) -> np.ndarray:
        return np.arange(len(timeline.times), dtype=np.int64)

    def holds(self, other: ShownFrames) -> bool:
        return not other.measures_motion  # to store every frame measures no motion


@register
class Middle(ShownFrames):
    """Frame T//2."""

    strategy: Literal["middle"]

    def numbers(self, timeline: Timeline, part: SigningPart | None) -> np.ndarray:
        return np.array([len(timeline.times) // 2], dtype=np.int64)


@register
class Motion(ShownFrames):
    """Uniform within the signing part, as optical flow finds it (`zerosign.frames.motion`)."""

    measures_motion = True

    strategy: Literal["motion"]
    frames: Frames
    """Number of frames."""

    def numbers(self, timeline: Timeline, part: SigningPart | None) -> np.ndarray:
        if part is None:
            raise ValueError("motion sampling needs the signing part")
        return part.first + uniform(part.last - part.first + 1, self.frames)

    def holds(self, other: ShownFrames) -> bool:
        return isinstance(other, Motion) and self.frames % other.frames == 0


@register
class NoFrames(Strategy):
    """No frame at all: the no-video control."""

    strategy: Literal["none"]


def uniform(total: int, frames: int) -> np.ndarray:
    """``i*total//frames`` for i in range(frames): int64[frames], ascending, repeats if short."""
    return np.arange(frames, dtype=np.int64) * total // frames


def at_rate(timeline: Timeline, fps: float, max_frames: int | None) -> np.ndarray:
    """Frame on screen at 0, 1/fps, 2/fps … s, each once: int64[≤ max_frames], ascending."""
    steps = max(1, math.ceil((timeline.duration - TIME_TOLERANCE) * fps))
    due = np.arange(steps) / fps
    numbers = np.unique(np.searchsorted(timeline.times, due + TIME_TOLERANCE, side="right") - 1)
    if max_frames is not None and len(numbers) > max_frames:
        numbers = numbers[uniform(len(numbers), max_frames)]
    return numbers.astype(np.int64)
