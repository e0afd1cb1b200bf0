"""How often 95 % intervals hold the truth, in simulated studies like WLASL300's.

Whether a clip is recognised depends on its gloss and its signer, by normal effects on the logit
scale. The truth is the expected accuracy over new signers on the study's glosses. Clips, signers
and glosses are those of the test split, where one signer of 74 made 132 of 668 clips.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from zerosign import statistics  # noqa: E402

CONFIDENCE = 0.95
ACCURACIES = (0.02, 0.15, 0.5, 0.9)
EFFECTS = ((0.0, 0.0), (0.3, 0.5), (1.0, 0.0), (1.0, 2.5))
"""Standard deviations of the effects of signers and of glosses."""
GAIN = 0.7  # on the logit scale: the odds of being right double
SHARED = 0.5  # share of the variance of the effects that two runs have in common
MEASURES = ("top-1", "per-class accuracy", "difference, of equals", "difference, of unequals")

_POINTS, _WEIGHTS = np.polynomial.hermite_e.hermegauss(40)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


@dataclass(frozen=True)
class Layout:
    """Who signs what: codes of signers and glosses (n,), and weights of clips (n,) that make the
    mean of the classes."""

    signers: np.ndarray
    glosses: np.ndarray
    class_weights: np.ndarray


@dataclass(frozen=True)
class Setting:
    """How accurate a run is, and how much that depends on signers and glosses."""

    accuracy: float
    by_signer: float
    by_gloss: float


@dataclass(frozen=True)
class Held:
    """Of one measure in one setting: share of the studies whose interval holds the truth, the mean
    width, and the ends farthest out."""

    coverage: float
    width: float
    lowest: float
    highest: float


def layout(metadata: Path) -> Layout:
    """The test split of WLASL300."""
    classes = json.loads(metadata.read_text("utf-8"))[:300]
    pairs = [
        (instance["signer_id"], index)
        for index, entry in enumerate(classes)
        for instance in entry["instances"]
        if instance["split"] == "test"
    ]
    signers, glosses = zip(*pairs, strict=True)
    codes = np.array(glosses)
    return Layout(statistics.cluster_codes(signers), codes, 1 / np.bincount(codes)[codes])


def intercept(setting: Setting) -> float:
    """The logit at which the mean over signers and glosses is the setting's accuracy."""
    spread = float(np.hypot(setting.by_signer, setting.by_gloss))

    def excess(logit: float) -> float:
        return float(_WEIGHTS @ expit(logit + spread * _POINTS)) - setting.accuracy

    return float(brentq(excess, -30, 30))


def studies(
    where: Layout, setting: Setting, count: int, seed: int = 0
) -> Iterator[dict[str, tuple[float, tuple[float, float]]]]:
    """Simulated studies: the truth and the interval of each measure."""
    rng = np.random.default_rng(seed)
    base = intercept(setting)
    for _ in range(count):
        effects = _effects(where, setting, rng)
        runs = [_run(where, setting, logit, effects, rng) for logit in (base, base, base + GAIN)]
        (first, truth), (equal, true_equal), (better, true_better) = runs
        wilson = statistics.clustered_wilson
        macro = wilson(first, CONFIDENCE, where.signers, weights=where.class_weights)
        true_macro = float(np.average(truth, weights=where.class_weights))
        found = {
            "top-1": (truth.mean(), wilson(first, CONFIDENCE, where.signers)[:2]),
            "per-class accuracy": (true_macro, macro[:2]),
        }
        for name, other, true_other in (
            ("difference, of equals", equal, true_equal),
            ("difference, of unequals", better, true_better),
        ):
            interval = statistics.clustered_tango(other - first, CONFIDENCE, where.signers)
            found[name] = (true_other.mean() - truth.mean(), interval[:2])
        yield found


def _effects(
    where: Layout, setting: Setting, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Effects of the signers and of the glosses, each of one run."""
    signers, glosses = where.signers.max() + 1, where.glosses.max() + 1
    return setting.by_signer * rng.normal(size=signers), setting.by_gloss * rng.normal(size=glosses)


def _run(
    where: Layout,
    setting: Setting,
    logit: float,
    shared: tuple[np.ndarray, np.ndarray],
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Whether a run is right (n,), and its chance to be with a new signer (n,)."""
    own = _effects(where, setting, rng)
    signer, gloss = (
        np.sqrt(SHARED) * a + np.sqrt(1 - SHARED) * b for a, b in zip(shared, own, strict=True)
    )
    of_gloss = logit + gloss
    expected = expit(of_gloss[:, None] + setting.by_signer * _POINTS) @ _WEIGHTS
    chances = expit(of_gloss[where.glosses] + signer[where.signers])
    return (rng.random(len(chances)) < chances).astype(float), expected[where.glosses]


def coverage(where: Layout, setting: Setting, count: int, seed: int = 0) -> dict[str, Held]:
    """Each measure over so many simulated studies."""
    found = list(studies(where, setting, count, seed))
    held = {}
    for name in MEASURES:
        truths = np.array([study[name][0] for study in found])
        low, high = np.array([study[name][1] for study in found]).T
        within = float(((low <= truths) & (truths <= high)).mean())
        held[name] = Held(within, float((high - low).mean()), float(low.min()), float(high.max()))
    return held


def table(where: Layout, count: int, show: Callable[[str], None]) -> None:
    """A row per setting: coverage in % and mean width in points of each measure."""
    show("| accuracy | sd of signers | sd of glosses | " + " | ".join(MEASURES) + " |")
    show("|---:" * (3 + len(MEASURES)) + "|")
    for accuracy in ACCURACIES:
        for by_signer, by_gloss in EFFECTS:
            found = coverage(where, Setting(accuracy, by_signer, by_gloss), count)
            cells = [f"{100 * h.coverage:.1f} ({100 * h.width:.1f})" for h in found.values()]
            show(f"| {accuracy:g} | {by_signer:g} | {by_gloss:g} | " + " | ".join(cells) + " |")


def main(argv: Sequence[str] | None = None) -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--metadata", type=Path, default=Path("resources/wlasl/WLASL_v0.3.json"))
    parser.add_argument("--studies", type=int, default=2000)
    options = parser.parse_args(argv)
    table(layout(options.metadata), options.studies, lambda line: print(line, flush=True))


if __name__ == "__main__":
    main()
