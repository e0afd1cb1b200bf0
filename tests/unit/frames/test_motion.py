"""The signing part of a clip: by speeds, and on clips whose bounds are known."""

import numpy as np
import pytest
from helpers.signing_clips import SigningClip, signing_clip
from PIL import Image

from zerosign.frames import motion
from zerosign.videos.timeline import SigningPart

FPS = 25.0


def speeds(total: int, *parts: tuple[int, int], height: float = 2.0) -> np.ndarray:
    """Flow of a clip of ``total`` frames that moves within parts, first to last frame each."""
    lengths = np.full(total - 1, 0.1)
    for first, last in parts:
        lengths[first:last] = height
    return lengths


def test_flow_measures_displacement() -> None:
    rng = np.random.default_rng(0)
    field = rng.integers(0, 255, (20, 20)).astype(np.uint8)
    wide = np.kron(field, np.ones((10, 10), np.uint8))
    frames = [wide[:124, shift : shift + 124].copy() for shift in (0, 0, 2, 4)]
    lengths = motion.flow(frames)
    assert lengths[0] == pytest.approx(0, abs=0.05)
    assert lengths[1:] == pytest.approx([2, 2], abs=0.6)


def test_flow_is_that_of_the_part_that_moves() -> None:
    """A hand of 12 % of the picture in front of a still wall."""
    rng = np.random.default_rng(0)
    hand = np.kron(rng.integers(0, 255, (8, 8)), np.ones((5, 5)))[:44, :44].astype(np.uint8)
    frames = [np.full((124, 124), 128, np.uint8) for _ in range(2)]
    for frame, left in zip(frames, (40, 43), strict=True):
        frame[40 : 40 + hand.shape[0], left : left + hand.shape[1]] = hand
    assert motion.flow(frames)[0] == pytest.approx(3, abs=1)


@pytest.mark.parametrize("total", [1, 2, 3, 10, 60])
@pytest.mark.parametrize("level", [0.0, 2.0])
def test_where_nothing_stands_out_the_clip_is_taken_whole(total: int, level: float) -> None:
    lengths = np.full(total - 1, level)
    assert motion.signing_part(lengths, FPS) == SigningPart(0, total - 1, found=False)


def test_slow_drift_is_no_signing() -> None:
    part = motion.signing_part(speeds(60, (20, 40), height=0.4), FPS)
    assert part == SigningPart(0, 59, found=False)


@pytest.mark.parametrize("fps", [15.0, 25.0, 50.0])
def test_the_part_is_from_the_first_to_the_last_movement(fps: float) -> None:
    """A hold within it belongs to it."""
    first, second = round(0.8 * fps), round(2.4 * fps)
    lengths = speeds(round(4 * fps), (first, first + 20), (second, second + 20))
    part = motion.signing_part(lengths, fps)
    assert part.found
    assert part.first == pytest.approx(first, abs=0.15 * fps)
    assert part.last == pytest.approx(second + 20, abs=0.15 * fps)


def test_a_burst_of_a_frame_is_noise() -> None:
    part = motion.signing_part(speeds(100, (5, 6), (40, 70)), FPS)
    assert part.first == pytest.approx(40, abs=3)


def test_movement_at_the_ends_is_kept() -> None:
    assert motion.signing_part(speeds(60, (0, 30)), FPS).first == 0
    assert motion.signing_part(speeds(60, (30, 59)), FPS).last == 59


def found_part(clip: SigningClip) -> tuple[float, float]:
    """When the signing part begins and ends, s."""
    grey = [
        np.asarray(
            Image.fromarray(frame).convert("L").resize((motion.SIDE,) * 2, Image.Resampling.BOX)
        )
        for frame in clip.frames
    ]
    part = motion.signing_part(motion.flow(grey), float(clip.rate))
    assert part.found
    return part.first / float(clip.rate), (part.last + 1) / float(clip.rate)


def test_idle_ends_are_cut_off_and_the_sign_is_not() -> None:
    """Clips with noise whose hands rest before and after; docs/frames.md has more of them."""
    errors = []
    for seed in range(1000, 1012):
        clip = signing_clip(seed)
        begin, end = found_part(clip)
        assert begin < clip.onset + 0.1
        assert end > clip.end - 0.1
        errors += [abs(begin - clip.onset), abs(end - clip.end)]
    assert np.mean(errors) < 0.15
