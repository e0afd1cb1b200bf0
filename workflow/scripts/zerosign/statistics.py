"""Intervals and tests, as pure functions of counts and arrays.

Clips of one signer resemble each other, so intervals that treat clips as independent are too
narrow. Which remedy covers what it promises was tried by simulation
(tests/unit/test_interval_coverage.py): on WLASL300's 74 test signers, one of whom made 132 of 668
clips, percentile intervals of a clustered bootstrap cover 89-95 % instead of 95 %, so rates and
means of classes use Wilson's interval widened by the design effect, and differences a studentised
clustered bootstrap.
"""

import math
from collections.abc import Hashable, Sequence

import numpy as np

Interval = tuple[float, float]
NO_INTERVAL = (math.nan, math.nan)
_CELLS = 10**7  # numbers of a bootstrap held in memory at once


def wilson(successes: float, n: float, confidence: float, df: float = math.inf) -> Interval:
    """Wilson score interval of a proportion; nan when n = 0.

    Wilson 1927, without continuity correction. A finite `df` takes Student's quantile in place of
    the normal one, for an n that was estimated.
    """
    from scipy import stats as distributions

    if n == 0:
        return NO_INTERVAL
    z = float(distributions.t.ppf(0.5 + confidence / 2, df))
    rate = successes / n
    centre = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(max(0, rate * (1 - rate) / n) + z * z / (4 * n * n))
    low = 0.0 if rate == 0 else max(0.0, centre - half)
    high = 1.0 if rate == 1 else min(1.0, centre + half)
    return low, high


def cluster_codes(labels: Sequence[Hashable | None]) -> np.ndarray:
    """Cluster of each item (n,), numbered by first appearance; a None is a cluster of its own."""
    codes: dict[Hashable, int] = {}
    keys = ((i, None) if label is None else label for i, label in enumerate(labels))
    return np.array([codes.setdefault(key, len(codes)) for key in keys], dtype=np.int64)


def jackknife_variance(
    values: np.ndarray, clusters: np.ndarray, weights: np.ndarray | None = None
) -> float:
    """Variance of the (weighted) mean of `values` (n,), leaving out one of `clusters` (n,) a time.

    Around the full mean (CV3 of Cameron & Miller 2015). nan below two clusters.
    """
    sums, sizes = _totals(values, clusters, weights)
    count = len(sums)
    if count < 2:
        return math.nan
    without = (sums.sum() - sums) / (sizes.sum() - sizes)
    return float((count - 1) / count * ((without - sums.sum() / sizes.sum()) ** 2).sum())


def jackknife_correlation(values: np.ndarray, clusters: np.ndarray, side: np.ndarray) -> float:
    """Correlation of the means of `values` (n,) where `side` (n,) holds and where it doesn't.

    Leaving out one of `clusters` (n,) a time. 0 where nothing can be estimated.
    """
    _, codes = np.unique(clusters, return_inverse=True)
    deviations = []
    for part in (side, ~side):
        sums, sizes = (np.bincount(codes, weights=w) for w in (part * values, part.astype(float)))
        if (sizes == sizes.sum()).any():
            return 0.0
        deviations.append((sums.sum() - sums) / (sizes.sum() - sizes) - sums.sum() / sizes.sum())
    a, b = deviations
    spread = math.sqrt((a**2).sum() * (b**2).sum())
    return float((a * b).sum() / spread) if spread > 1e-12 else 0.0


def design_effect(
    values: np.ndarray, *clusterings: np.ndarray, weights: np.ndarray | None = None
) -> float:
    """Variance of a (weighted) rate with clusters over the variance without; at least 1.

    Two crossed clusterings (signers and glosses) add up, less the independent part that both hold
    (Cameron, Gelbach & Miller 2011). 1 where all values are equal: nothing can be estimated.
    """
    rate = np.average(values, weights=weights)
    independent = rate * (1 - rate) / _independent_clips(values, weights)
    if independent == 0:
        return 1.0
    effects = [jackknife_variance(values, c, weights) / independent for c in clusterings]
    return max(1.0, sum(effects) - (len(effects) - 1))


def clustered_wilson(
    values: np.ndarray,
    confidence: float,
    *clusterings: np.ndarray,
    weights: np.ndarray | None = None,
) -> tuple[float, float, float]:
    """Wilson interval of a rate for n / design effect independent clips: low, high, design effect.

    `values` (n,) are 0 or 1, `weights` (n,) what each counts. Student's quantile has the clusters
    less one as degrees of freedom. nan below two clusters.
    """
    fewest = min((len(np.unique(c)) for c in clusterings), default=0)
    if fewest < 2:
        return (*NO_INTERVAL, math.nan)
    effect = design_effect(values, *clusterings, weights=weights)
    n = _independent_clips(values, weights) / effect
    rate = np.average(values, weights=weights)
    return (*wilson(rate * n, n, confidence, fewest - 1), effect)


def _independent_clips(values: np.ndarray, weights: np.ndarray | None) -> float:
    """How many equally weighted values have a mean as sure as these; Kish 1965."""
    return len(values) if weights is None else float(weights.sum() ** 2 / (weights**2).sum())


def bootstrap_interval(
    values: np.ndarray,
    clusters: np.ndarray,
    confidence: float,
    resamples: int,
    seed: int,
) -> Interval:
    """Studentised bootstrap interval of the mean of `values` (n,).

    Whole `clusters` (n,) are resampled, and the mean is a ratio of sums, since they differ in
    size. The resamples give the quantiles of t, the jackknife the error that they multiply. nan
    below two clusters; a point where all clusters have the same mean.
    """
    sums, sizes = _totals(values, clusters)
    count = len(sums)
    if count < 2:
        return NO_INTERVAL
    mean = float(sums.sum() / sizes.sum())
    error = math.sqrt(jackknife_variance(values, clusters))
    if error < 1e-12:
        return mean, mean
    means, errors = _resampled(sums, sizes, resamples, seed)
    usable = errors > 1e-12
    t = (means[usable] - mean) / errors[usable]
    low, high = np.quantile(t, [0.5 - confidence / 2, 0.5 + confidence / 2])
    return float(mean - high * error), float(mean - low * error)


def _resampled(
    sums: np.ndarray, sizes: np.ndarray, resamples: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Means (resamples,) of clusters drawn with replacement, and the error of each mean."""
    count = len(sums)
    rng = np.random.default_rng(seed)
    parts = []
    for start in range(0, resamples, max(1, _CELLS // count)):
        rows = min(max(1, _CELLS // count), resamples - start)
        draws = rng.multinomial(count, np.full(count, 1 / count), size=rows).astype(float)
        totals = draws @ sizes
        means = draws @ sums / totals
        # the squared error, draws @ (sums - mean * sizes)², expanded, since the means differ
        a, b, c = (draws @ np.stack([sums * sums, sums * sizes, sizes * sizes], axis=1)).T
        squared = np.maximum(a - 2 * means * b + means**2 * c, 0)
        parts.append((means, np.sqrt(squared) / totals))
    means, errors = zip(*parts, strict=True)
    return np.concatenate(means), np.concatenate(errors)


def _totals(
    values: np.ndarray, clusters: np.ndarray, weights: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Weighted sum and weight of the values of each cluster that has any."""
    _, codes = np.unique(clusters, return_inverse=True)
    weights = np.ones(len(values)) if weights is None else weights
    return np.bincount(codes, weights=weights * values), np.bincount(codes, weights=weights)


def mcnemar(only_a: int, only_b: int) -> float:
    """Two-sided exact McNemar p-value from the numbers of discordant pairs."""
    from scipy import stats as distributions

    n = only_a + only_b
    return float(distributions.binomtest(only_a, n).pvalue) if n else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values adjusted by Holm's step-down method, in the order given."""
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(np.argsort(p_values, kind="stable")):
        largest = max(largest, (len(p_values) - rank) * p_values[index])
        adjusted[index] = min(1.0, largest)
    return adjusted


def kappa(a: np.ndarray, b: np.ndarray) -> float:
    """Cohen's kappa of two labellings (n,) by integers; nan when both are the same constant."""
    agreement = float(np.mean(a == b))
    labels = np.unique(np.concatenate([a, b]))
    by_chance = float(sum(np.mean(a == label) * np.mean(b == label) for label in labels))
    return (agreement - by_chance) / (1 - by_chance) if by_chance < 1 else math.nan


def calibration_error(chances: np.ndarray, correct: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error (Guo et al. 2017) of answers given with these probabilities.

    The mean over the answers (n,) of the distance between accuracy and mean probability in each of
    `bins` equally wide bins (a bound belongs to the bin above it, 1 to the last). nan for none.
    """
    if not len(chances):
        return math.nan
    which = np.minimum((chances * bins).astype(int), bins - 1)
    excess = np.bincount(which, weights=chances - correct, minlength=bins)
    return float(np.abs(excess).sum() / len(chances))


def distribution(counts: np.ndarray) -> dict[str, float]:
    """How evenly answers spread over the classes; `counts` (K,) holds the classes not named too.

    entropy in bits and normalised by log2 K (not by the classes seen); hhi, the
    Herfindahl-Hirschman index, from 1/K to 1; shares of the commonest 1 and 10; chi2 against the
    uniform distribution with its p-value, which is rough where n/K < 5. nan for no answers.
    """
    from scipy import stats as distributions

    n, classes = counts.sum(), len(counts)
    if n == 0:
        names = ("entropy", "entropy_normalised", "hhi", "top1_share", "top10_share")
        return dict.fromkeys((*names, "chi2", "chi2_p"), math.nan)
    share = counts / n
    seen = share[share > 0]
    entropy = max(0.0, float(-(seen * np.log2(seen)).sum()))
    ranked = np.sort(share)[::-1]
    chi2 = distributions.chisquare(counts)
    return {
        "entropy": entropy,
        "entropy_normalised": entropy / math.log2(classes) if classes > 1 else math.nan,
        "hhi": float((share**2).sum()),
        "top1_share": float(ranked[0]),
        "top10_share": float(ranked[:10].sum()),
        "chi2": float(chi2.statistic),
        "chi2_p": float(chi2.pvalue),
    }


def mcnemar_power(n: int, only_a: float, only_b: float, alpha: float) -> float:
    """Power of the exact McNemar test on n pairs; `only_a`, `only_b` are discordant rates.

    Exact: summed over the number of discordant pairs.
    """
    from scipy import stats as distributions

    discordant = only_a + only_b
    if discordant == 0:
        return 0.0
    share = only_a / discordant
    d = np.arange(n + 1)
    weights = distributions.binom.pmf(d, n, discordant)
    keep = weights > 1e-9
    d, weights = d[keep], weights[keep]
    critical = _critical(d, alpha)  # reject when min(k, d - k) <= critical
    reject = distributions.binom.cdf(critical, d, share) + distributions.binom.cdf(
        critical, d, 1 - share
    )
    return float((weights * np.where(critical >= 0, reject, 0)).sum())


def _critical(d: np.ndarray, alpha: float) -> np.ndarray:
    """Largest k with two-sided exact p = 2 P(X <= k | d, 1/2) <= alpha; -1 where there is none."""
    from scipy import stats as distributions

    k = distributions.binom.ppf(alpha / 2, d, 0.5)
    k = np.where(2 * distributions.binom.cdf(k, d, 0.5) <= alpha, k, k - 1)
    return k.astype(int)


def detectable_difference(
    n: int, rate: float, alpha: float, power: float, nested: bool
) -> float | None:
    """Smallest higher rate less `rate` that McNemar's exact test finds on n clips; None if none.

    With `nested` the better run is right wherever the other is (the easiest case); else the two
    are right independently of each other, which is about the hardest.
    """

    def enough(extra: int) -> bool:
        better = rate + extra / n
        pair = (extra / n, 0.0) if nested else (better * (1 - rate), rate * (1 - better))
        return mcnemar_power(n, *pair, alpha) >= power

    low, high = 0, math.floor(n * (1 - rate) + 1e-9)
    if high < 1 or not enough(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high / n
