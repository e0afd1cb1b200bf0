"""Do 95 % intervals hold the truth in 95 % of studies like WLASL300's? By simulation.

Correctness of a clip depends on its gloss and its signer (normal effects on the logit scale); the
truth is the mean over all glosses and signers. Clips, signers and glosses are those of the test
split, where one signer of 74 made 132 of 668 clips.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zerosign import statistics

STUDIES = 1000
RESAMPLES = 1000


@pytest.fixture(scope="module")
def layout(wlasl: Path) -> Any:
    classes = json.loads((wlasl / "WLASL_v0.3.json").read_text())[:300]
    pairs = [
        (instance["signer_id"], index)
        for index, entry in enumerate(classes)
        for instance in entry["instances"]
        if instance["split"] == "test"
    ]
    signers, glosses = zip(*pairs, strict=True)
    assert len(pairs) == 668
    return statistics.cluster_codes(signers), np.array(glosses)


def coverage(layout: Any, base: Any, gain: Any, by_signer: Any, by_gloss: Any) -> Any:
    """Share of simulated studies in which each interval holds the true value."""
    signers, glosses = layout
    rng = np.random.default_rng(0)
    noise = np.sqrt(2 * (by_signer**2 + by_gloss**2)) * rng.normal(size=10**6)
    true_a, true_b = ((1 / (1 + np.exp(-(b + noise)))).mean() for b in (base, base + gain))
    weights = 1 / np.bincount(glosses)[glosses]

    def effects() -> Any:
        of_signer = by_signer * rng.normal(size=signers.max() + 1)
        return of_signer[signers] + by_gloss * rng.normal(size=300)[glosses]

    held = {"wilson, signer": 0, "wilson, both": 0, "class mean": 0, "difference": 0}
    for study in range(STUDIES):
        shared = effects()
        chances = [base + shared + effects(), base + gain + shared + effects()]
        a, b = ((rng.random(668) < 1 / (1 + np.exp(-c))).astype(float) for c in chances)
        intervals = {
            "wilson, signer": (true_a, statistics.clustered_wilson(a, 0.95, signers)[:2]),
            "wilson, both": (true_a, statistics.clustered_wilson(a, 0.95, signers, glosses)[:2]),
            "class mean": (
                true_a,
                statistics.clustered_wilson(a, 0.95, signers, weights=weights)[:2],
            ),
            "difference": (
                true_b - true_a,
                statistics.bootstrap_interval(b - a, signers, 0.95, RESAMPLES, study),
            ),
        }
        for name, (truth, (low, high)) in intervals.items():
            held[name] += low <= truth <= high
    return {name: count / STUDIES for name, count in held.items()}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("base", "gain", "by_signer", "by_gloss"),
    [(-1.5, 0.0, 0.0, 0.0), (-1.5, 0.5, 0.3, 0.5), (-4.0, 0.5, 0.3, 0.5)],
)
def test_nominal_coverage(
    layout: Any, base: float, gain: float, by_signer: float, by_gloss: float
) -> None:
    # 1000 studies: the standard error of a coverage of 95 % is 0.7 points
    for name, share in coverage(layout, base, gain, by_signer, by_gloss).items():
        assert 0.93 <= share <= 0.97, f"{name}: {share:.3f}"
