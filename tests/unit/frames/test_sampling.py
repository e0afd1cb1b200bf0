import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zerosign.errors import UserError
from zerosign.frames import sampling
from zerosign.frames.ablations import Ablation
from zerosign.frames.sampling import SAMPLINGS, decode_plan, sampling_of
from zerosign.frames.strategies import STRATEGIES, at_rate, uniform
from zerosign.study import error_lines
from zerosign.videos.timeline import TIME_TOLERANCE, SigningPart, Timeline

counts = st.integers(1, 300)


@st.composite
def timelines(draw: Any) -> Any:
    """Clips of constant and variable rate."""
    steps = draw(st.lists(st.sampled_from([0.02, 0.04, 1001 / 30000, 0.12]), max_size=150))
    times = np.concatenate([[0.0], np.cumsum(steps)])
    return Timeline(times, float(times[-1] + 0.04))


@st.composite
def samplings(draw: Any) -> Any:
    strategy = draw(st.sampled_from(sorted(set(STRATEGIES) - {"none"})))
    entry = {"strategy": strategy}
    if strategy in ("uniform", "motion"):
        entry["frames"] = draw(st.integers(1, 64))
    if strategy == "fps":
        entry["fps"] = draw(st.sampled_from([1, 2, 4, 12.5, 25, 60]))
        if draw(st.booleans()):
            entry["max_frames"] = draw(st.integers(1, 64))
    ablation = draw(st.sampled_from([None, *Ablation]))
    return sampling_of(entry | ({"ablation": ablation} if ablation else {}))


@given(total=counts, frames=counts)
def test_uniform_stays_in_the_clip_and_spreads(total: Any, frames: Any) -> None:
    indices = uniform(total, frames)
    assert len(indices) == frames
    assert indices[0] == 0
    assert 0 <= indices[-1] < total
    steps = np.diff(indices)
    assert (steps >= 0).all()
    assert steps.size == 0 or steps.max() - steps.min() <= 1


@given(total=counts, frames=st.integers(1, 40), times=st.integers(1, 8))
def test_uniform_nests(total: Any, frames: Any, times: Any) -> None:
    assert set(uniform(total, frames)) <= set(uniform(total, frames * times))


def test_uniform_of_a_short_clip_repeats_frames() -> None:
    assert uniform(3, 6).tolist() == [0, 0, 1, 1, 2, 2]


@given(timeline=timelines(), fps=st.sampled_from([1, 3, 4, 25, 100]), cap=st.integers(1, 40))
def test_at_rate_shows_what_is_on_screen(timeline: Any, fps: Any, cap: Any) -> None:
    times, duration = timeline.times, timeline.duration
    indices = at_rate(timeline, fps, None)
    assert indices[0] == 0
    assert (np.diff(indices) > 0).all()
    for k, index in enumerate(indices):  # one due time or more fall on each chosen frame
        end = times[index + 1] if index + 1 < len(times) else duration
        due = np.arange(int(duration * fps) + 2) / fps + TIME_TOLERANCE
        assert ((due >= times[index]) & (due < end + 2 * TIME_TOLERANCE)).any(), k
    capped = at_rate(timeline, fps, cap)
    assert len(capped) == min(cap, len(indices))
    assert set(capped) <= set(indices)


def test_at_rate_on_a_variable_rate() -> None:
    times = np.array([0, 0.04, 0.08, 0.5, 0.54, 1.0])
    assert at_rate(Timeline(times, 1.04), 4, None).tolist() == [0, 2, 3, 4, 5]


def test_at_rate_of_30000_over_1001_is_every_frame() -> None:
    times = np.arange(90) * 1001 / 30000
    assert len(at_rate(Timeline(times, 90 * 1001 / 30000), 29.97, None)) == 90


@given(chosen=st.lists(samplings(), min_size=1, max_size=6), timeline=timelines(), data=st.data())
def test_the_plan_holds_every_sampling(chosen: Any, timeline: Any, data: Any) -> None:
    last = len(timeline.times) - 1
    first = data.draw(st.integers(0, last))
    window = SigningPart(first, data.draw(st.integers(first, last)))
    plan = decode_plan(chosen)
    stored = set(sampling.planned_indices(plan, timeline, window).tolist())
    for entry in chosen:
        selection = sampling.select(entry, "12345", timeline, window)
        assert set(selection.indices.tolist()) <= stored
        assert len(selection.timestamps) == len(selection.indices)
        assert (np.diff(selection.timestamps) >= 0).all()
    if any(base.strategy == "motion" for base in chosen):
        assert any(base.strategy == "motion" for base in plan)


@given(chosen=st.lists(samplings(), min_size=1, max_size=6), order=st.randoms())
def test_the_plan_is_canonical(chosen: Any, order: Any) -> None:
    plan = decode_plan(chosen)
    shuffled = list(chosen)
    order.shuffle(shuffled)
    assert decode_plan(shuffled) == plan
    assert decode_plan(plan) == plan


@pytest.mark.parametrize(
    "added",
    [
        {"strategy": "uniform", "frames": 8},
        {"strategy": "uniform", "frames": 16, "ablation": "reversed"},
        {"strategy": "uniform", "frames": 4, "ablation": "shuffled", "seed": 7},
        {"strategy": "uniform", "frames": 16, "ablation": "static"},
        {"strategy": "middle"},
    ],
)
def test_a_sampling_that_nests_changes_no_plan(added: dict[str, Any]) -> None:
    sixteen = sampling_of({"strategy": "uniform", "frames": 16})
    assert decode_plan([sixteen, sampling_of(added)]) == decode_plan([sixteen])


def test_a_sampling_that_does_not_nest_changes_the_plan() -> None:
    both = [sampling_of({"strategy": "uniform", "frames": frames}) for frames in (16, 12)]
    assert [entry.as_json() for entry in decode_plan(both)] == [
        {"frames": 12, "strategy": "uniform"},
        {"frames": 16, "strategy": "uniform"},
    ]


def test_what_shows_no_frames_needs_none_decoded() -> None:
    shown = sampling_of({"strategy": "uniform", "frames": 8})
    blind = sampling_of({"strategy": "none"})
    assert not sampling.shows_frames(blind)
    assert sampling.shows_frames(shown)
    assert decode_plan([shown, blind]) == decode_plan([shown])


def test_ablations_change_frames_but_not_times() -> None:
    def select(video_id: str = "a", **more: Any) -> sampling.Selection:
        entry = sampling_of({"strategy": "uniform", "frames": 5} | more)
        return sampling.select(entry, video_id, Timeline(np.arange(10) / 25, 0.4))

    plain = select()
    reverse = select(ablation="reversed")
    assert reverse.indices.tolist() == [8, 6, 4, 2, 0]
    assert reverse.timestamps.tolist() == plain.timestamps.tolist()
    static = select(ablation="static")
    assert static.indices.tolist() == [4] * 5
    orders = [
        select(video_id, ablation="shuffled", seed=seed).indices.tolist()
        for seed, video_id in ((0, "a"), (0, "b"), (1, "a"))
    ]
    # Fixed for good: published numbers depend on it.
    assert orders == [[4, 2, 6, 0, 8], [0, 8, 2, 4, 6], [0, 6, 8, 2, 4]]
    assert all(sorted(order) == [0, 2, 4, 6, 8] for order in orders)


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"strategy": "unifrom", "frames": 3}, "'unifrom' is none of the choices; did you mean"),
        ({"frames": 3}, "key 'strategy' is missing"),
        ({"strategy": "uniform"}, "key 'frames' is missing"),
        ({"strategy": "uniform", "frames": 0}, "frames: .*at least 1"),
        ({"strategy": "uniform", "frames": 3, "fps": 2}, "fps has no meaning with strategy"),
        ({"strategy": "all", "ablation": "mirrored"}, "reversed.*shuffled.*static"),
        ({"strategy": "none", "ablation": "static"}, "ablation has no meaning with strategy: none"),
        ({"strategy": "all", "seed": 1}, "seed has no meaning without ablation: shuffled"),
    ],
)
def test_a_wrong_sampling_is_named(entry: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError, match=says):
        error_lines.check(SAMPLINGS, {"wrong": entry}, "study.yaml")


def test_planning_imports_little() -> None:
    heavy = "{'scipy', 'PIL', 'cv2', 'torch'} & set(sys.modules)"
    code = f"import sys; import zerosign.frames.sampling; sys.exit(bool({heavy}))"
    path = sampling.__file__.rsplit("/zerosign/", 1)[0]
    done = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": path}, check=False)
    assert done.returncode == 0
