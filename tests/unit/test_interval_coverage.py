"""Do 95 % intervals hold the truth in 93 % of studies like WLASL300's, at least? By simulation."""

import importlib
from pathlib import Path
from types import ModuleType

import pytest

STUDIES = 1000


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    """benchmarks/coverage.py"""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).resolve().parents[2] / "benchmarks"))
        return importlib.import_module("coverage_of_intervals")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("accuracy", "by_signer", "by_gloss"),
    # the hardest effects; benchmarks/coverage_of_intervals.py tries more
    [(0.02, 1.0, 0.0), (0.15, 1.0, 0.0), (0.5, 1.0, 0.0), (0.9, 1.0, 0.0), (0.15, 1.0, 2.5)],
)
def test_intervals_hold_the_truth(
    benchmark: ModuleType, wlasl: Path, accuracy: float, by_signer: float, by_gloss: float
) -> None:
    where = benchmark.layout(wlasl / "WLASL_v0.3.json")
    assert len(where.signers) == 668
    setting = benchmark.Setting(accuracy, by_signer, by_gloss)
    for name, held in benchmark.coverage(where, setting, STUDIES).items():
        # 1000 studies: the standard error of a coverage of 95 % is 0.7 points
        assert 0.93 <= held.coverage <= 0.99, name
        bounds = (-1, 1) if name.startswith("difference") else (0, 1)
        assert bounds[0] <= held.lowest < held.highest <= bounds[1], name


@pytest.mark.slow
def test_intervals_of_independent_clips_are_not_wide(benchmark: ModuleType, wlasl: Path) -> None:
    """A method that covers everything by intervals of any width would be no method."""
    where = benchmark.layout(wlasl / "WLASL_v0.3.json")
    held = benchmark.coverage(where, benchmark.Setting(0.15, 0.0, 0.0), STUDIES)
    independent = 2 * 1.96 * (0.15 * 0.85 / 668) ** 0.5
    assert held["top-1"].coverage >= 0.93
    assert held["top-1"].width < 1.3 * independent
