"""Binary matching: is this clip that sign? Verdicts, and measures that a constant cannot win.

With as many right as wrong pairs, a model that always says yes has F1 = 0.667: balanced accuracy
and Matthews' coefficient show it for what it is.
"""

import math
import re

import numpy as np
from scipy.stats import chisquare

from zerosign.normalise import normal, visible
from zerosign.stats import wilson

_VERDICT = re.compile(r"\b(yes|no)\b")


def verdict(text: str) -> bool | None:
    """The last yes or no of an answer, in any case, after its reasoning; None if there is none.

    A closing "it is not a match" without either word is no verdict.
    """
    found = _VERDICT.findall(normal(visible(text)))
    return found[-1] == "yes" if found else None


def measures(truth: np.ndarray, said: np.ndarray) -> dict[str, float]:
    """Measures of verdicts `said` (n,) against `truth` (n,), both 0 or 1; nan where undefined.

    An answer without verdict must be counted against the truth before: see `against`.
    """
    tp, fp = float(np.sum(truth & said)), float(np.sum(~truth & said))
    fn, tn = float(np.sum(truth & ~said)), float(np.sum(~truth & ~said))
    recall, specificity = _ratio(tp, tp + fn), _ratio(tn, tn + fp)
    spread = math.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    return {
        "n": len(truth),
        "accuracy": _ratio(tp + tn, len(truth)),
        "balanced_accuracy": (recall + specificity) / 2,
        "mcc": (tp * tn - fp * fn) / spread if spread else 0.0,
        "f1": _ratio(2 * tp, 2 * tp + fp + fn),
        "precision": _ratio(tp, tp + fp),
        "recall": recall,
        "specificity": specificity,
        "yes_rate": _ratio(tp + fp, len(truth)),
    }


def against(truth: np.ndarray, verdicts: list[bool | None]) -> np.ndarray:
    """Verdicts (n,) in which every missing one is the wrong one: silence is never right."""
    return np.array(
        [not t if v is None else v for t, v in zip(truth, verdicts, strict=True)], dtype=bool
    )


def auroc(truth: np.ndarray, scores: np.ndarray) -> float:
    """Probability that a right pair scores higher than a wrong one, ties half; nan if one-sided.

    `scores` (n,): P(YES), or anything that grows with it.
    """
    positive, negative = scores[truth], scores[~truth]
    if not len(positive) or not len(negative):
        return math.nan
    ordered = np.sort(negative)
    below = np.searchsorted(ordered, positive, "left")
    not_above = np.searchsorted(ordered, positive, "right")
    return float((below + not_above).sum() / (2 * len(positive) * len(negative)))


def balanced_interval(
    truth: np.ndarray, said: np.ndarray, confidence: float
) -> tuple[float, float]:
    """Interval of the balanced accuracy from the Wilson intervals of its two rates.

    MOVER (Zou & Donner 2008): the half widths add in quadrature, each rate weighing one half.
    """
    rates, lows, highs = [], [], []
    for side in (truth, ~truth):
        right = said[side] == truth[side]
        if not len(right):
            return math.nan, math.nan
        low, high = wilson(int(right.sum()), len(right), confidence)
        rates.append(float(right.mean()))
        lows.append(low)
        highs.append(high)
    middle = sum(rates) / 2
    down = math.hypot(*(r - low for r, low in zip(rates, lows, strict=True))) / 2
    up = math.hypot(*(high - r for r, high in zip(rates, highs, strict=True))) / 2
    return middle - down, middle + up


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan


def position_bias(positions: np.ndarray, candidates: int, parts: int = 10) -> dict[str, float]:
    """Whether answers come from some places of the candidate list more than from others.

    `positions` (n,) from 0: where the named class stood in the list that this clip was shown. A
    model that reads only the clips names every tenth of a shuffled list equally often.
    """

    edges = np.linspace(0, candidates, parts + 1)
    counts, _ = np.histogram(positions + 0.5, edges)
    widths = np.histogram(np.arange(candidates) + 0.5, edges)[0] / candidates
    if not len(positions):
        return {"n": 0, "first_part": math.nan, "last_part": math.nan, "p": math.nan}
    test = chisquare(counts, widths * len(positions))
    share = counts / len(positions)
    return {
        "n": len(positions),
        "first_part": float(share[0]),
        "last_part": float(share[-1]),
        "p": float(test.pvalue),
    }
