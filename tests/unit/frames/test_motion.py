import numpy as np
import pytest

from zerosign.frames import motion

FPS = 25


def bumps(total: int, *middles: int, height: float = 1.0) -> np.ndarray:
    """Flow of a clip of ``total`` frames with a burst of movement around each of ``middles``."""
    at = np.arange(total - 1)
    return sum(height * np.exp(-((at - middle) ** 2) / 18) for middle in middles) + 0 * at


def test_flow_measures_displacement() -> None:
    rng = np.random.default_rng(0)
    field = rng.integers(0, 255, (20, 20)).astype(np.uint8)
    wide = np.kron(field, np.ones((10, 10), np.uint8))
    frames = [wide[:124, shift : shift + 124].copy() for shift in (0, 0, 2, 4)]
    lengths = motion.flow(frames)
    assert lengths[0] == pytest.approx(0, abs=0.01)
    assert lengths[1:] == pytest.approx([2, 2], abs=0.4)


@pytest.mark.parametrize("total", [1, 2, 3, 10, 60])
def test_a_still_clip_is_taken_whole(total: int) -> None:
    assert motion.signing_part(np.zeros(total - 1), FPS) == (0, total - 1)


def test_one_burst_is_no_part() -> None:
    assert motion.signing_part(bumps(60, 30), FPS) == (0, 59)


def test_small_movements_are_no_peaks() -> None:
    assert motion.signing_part(bumps(60, 15, 45, height=0.05), FPS) == (0, 59)


def test_hands_up_and_down_bound_the_part() -> None:
    # Peaks at 15 and 75; the one valley, at 45, is more than half a second from both.
    assert motion.signing_part(bumps(90, 15, 75), FPS) == (15, 74)


def test_a_single_near_valley_moves_the_last_bound() -> None:
    low, high = motion.signing_part(bumps(60, 20, 40), FPS)
    assert (low, high) == (20, (30 + 40) // 2 - 1)


def test_three_peaks_use_the_valleys_of_the_first_and_the_last() -> None:
    # Peaks at 20, 50, 70; valleys near 35 and 60. The paper's code looks between the first two
    # peaks only, so that it finds one valley, 35 frames from the last peak, and leaves that bound.
    low, high = motion.signing_part(bumps(100, 20, 50, 70), FPS)
    assert low == 20
    assert high == pytest.approx((60 + 70) // 2 - 1, abs=1)


def test_four_peaks_move_both_bounds() -> None:
    low, high = motion.signing_part(bumps(100, 15, 33, 60, 78), FPS)
    assert low == pytest.approx((24 + 15) // 2, abs=1)
    assert high == pytest.approx((69 + 78) // 2 - 1, abs=1)


def test_a_part_beside_the_middle_is_not_used() -> None:
    assert motion.signing_part(bumps(100, 10, 35), FPS) == (0, 99)
