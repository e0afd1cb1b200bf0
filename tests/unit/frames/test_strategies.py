"""A new strategy is one class: in checks, schema, decoding plan and choice of frames."""

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import pytest
from pydantic import TypeAdapter

from zerosign.errors import UserError
from zerosign.frames import sampling
from zerosign.frames.strategies import STRATEGIES, Frames, ShownFrames, Strategy, register
from zerosign.study import error_lines
from zerosign.videos.timeline import SigningPart, Timeline


@pytest.fixture
def last() -> Iterator[Any]:
    """The type of samplings with a strategy ``last`` among them."""

    @register
    class Last(ShownFrames):
        """The last frames."""

        strategy: Literal["last"]
        frames: Frames

        def numbers(self, timeline: Timeline, part: SigningPart | None) -> np.ndarray:
            total = len(timeline.times)
            return np.arange(max(0, total - self.frames), total)

    yield Last
    del STRATEGIES["last"]


def checked(entry: dict[str, Any]) -> Strategy:
    """A sampling as a study has it."""
    found: Strategy = error_lines.check(sampling.SAMPLING, entry, "study.yaml: samplings.l3")
    return found


@pytest.mark.usefixtures("last")
def test_one_class_makes_a_strategy() -> None:
    entry = checked({"strategy": "last", "frames": 3, "ablation": "reversed"})
    assert sampling.shows_frames(entry)
    timeline = Timeline(np.arange(10) / 25, 0.4)
    assert sampling.select(entry, "a", timeline).indices.tolist() == [9, 8, 7]
    (planned,) = sampling.decode_plan([entry])
    assert planned.as_json() == {"strategy": "last", "frames": 3}
    with pytest.raises(UserError, match="fps has no meaning with strategy: last"):
        checked({"strategy": "last", "frames": 3, "fps": 2})


@pytest.mark.usefixtures("last")
def test_the_schema_has_it() -> None:
    schema = TypeAdapter(sampling.SAMPLING).json_schema()
    assert schema["$defs"]["Last"]["properties"]["strategy"]["const"] == "last"


def test_an_unknown_strategy() -> None:
    with pytest.raises(UserError, match="'last' is none of the choices"):
        checked({"strategy": "last", "frames": 3})


def test_the_docs_list_every_strategy() -> None:
    from pathlib import Path

    text = (Path(__file__).parents[3] / "docs/frames.md").read_text("utf-8")
    for name in STRATEGIES:
        assert f"`{name}`" in text
