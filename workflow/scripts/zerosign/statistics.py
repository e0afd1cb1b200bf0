"""Intervals and tests, as pure functions of counts and arrays.

Intervals are for the same glosses signed by other signers. Clips of one signer resemble each other,
so intervals that treat clips as independent are too narrow: rates have Wilson's, differences of
paired rates Tango's, both for as many independent clips as the clustered ones are worth. Neither
can leave the possible range or shrink to a point. How often they hold the truth was tried by
simulation: docs/benchmarks.md.
"""

import functools
import math
from collections.abc import Callable, Hashable, Sequence

import numpy as np

Interval = tuple[float, float]
NO_INTERVAL = (math.nan, math.nan)


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

    Leaving out one of `clusters` (n,) a time. 0 where nothing can be estimated, and never a perfect
    one: at most 1 - 2 / clusters, or an interval made with it could shrink to a point.
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
    if spread <= 1e-12:
        return 0.0
    most = 1 - 2 / len(a)
    return float(np.clip((a * b).sum() / spread, -most, most))


def intraclass_correlation(
    values: np.ndarray, clusters: np.ndarray, weights: np.ndarray | None = None
) -> float:
    """Correlation of two (weighted) `values` (n,) of one of `clusters` (n,); at least 0.

    The mean product of two residuals of a cluster, each value having the same say whatever the
    size of its cluster (Karlin, Cameron & Williams 1981; Ridout, Demétrio & Firth 1999), over the
    variance, and corrected for residuals from the sample's own mean. 0 where nothing can be
    estimated: equal values, or no two in a cluster.
    """
    residuals, variance, weights = _residuals(values, weights)
    sums, sizes = _totals(residuals, clusters, weights)
    squares, own = _totals(residuals**2, clusters, weights**2)
    several = np.bincount(np.unique(clusters, return_inverse=True)[1]) - 1
    say = np.divide(1, several, out=np.zeros(len(several)), where=several > 0)
    pairs = (say * (sizes**2 - own)).sum()
    if variance == 0 or pairs == 0:
        return 0.0
    found = (say * (sums**2 - squares)).sum() / pairs / variance
    spread = 1 + _pairs_of_one(clusters, weights) * max(0.0, found)
    return float(max(0.0, found + spread / _independent_clips(weights)))


def design_effect(
    values: np.ndarray, *clusterings: np.ndarray, weights: np.ndarray | None = None
) -> float:
    """Variance of a (weighted) mean with clusters over the variance without; at least 1.

    The larger of two estimates: by leaving out one cluster at a time, and from the correlation
    within clusters (Kish 1965). The first hangs on a cluster that holds a fifth of the clips, the
    second on clusters that are equally correlated. Two crossed clusterings (signers and glosses)
    add up, less the independent part that both hold (Cameron, Gelbach & Miller 2011). 1 where all
    values are equal: nothing can be estimated.
    """
    _, variance, weights = _residuals(values, weights)
    if variance == 0:
        return 1.0
    independent = variance / _independent_clips(weights)
    effects = [
        max(
            jackknife_variance(values, clusters, weights) / independent,
            1
            + _pairs_of_one(clusters, weights) * intraclass_correlation(values, clusters, weights),
        )
        for clusters in clusterings
    ]
    return max(1.0, sum(effects) - (len(effects) - 1))


def clustered_wilson(
    values: np.ndarray,
    confidence: float,
    *clusterings: np.ndarray,
    weights: np.ndarray | None = None,
) -> tuple[float, float, float]:
    """Wilson interval of a mean for as many clips as are worth these: low, high, design effect.

    `values` (n,) are from 0 to 1, as a rule one of these, `weights` (n,) what each counts. The
    clips are worth n / design effect independent ones, and more where values vary less than those
    of 0 or 1 with the same mean. Student's quantile has the clusters less one as degrees of
    freedom. nan below two clusters.
    """
    fewest = min((len(np.unique(c)) for c in clusterings), default=0)
    if fewest < 2:
        return (*NO_INTERVAL, math.nan)
    effect = design_effect(values, *clusterings, weights=weights)
    rate = float(np.average(values, weights=weights))
    _, variance, weights = _residuals(values, weights)
    n = _independent_clips(weights) / effect
    if variance > 0:
        n *= rate * (1 - rate) / variance
    return (*wilson(rate * n, n, confidence, fewest - 1), effect)


def clustered_tango(
    differences: np.ndarray, confidence: float, clusters: np.ndarray
) -> tuple[float, float, float]:
    """Tango's interval of the mean of paired `differences` (n,): low, high, design effect.

    Each is 1, 0 or -1: right now and wrong before, no change, wrong now. For n / design effect
    independent pairs, as `clustered_wilson`. nan below two of `clusters` (n,).
    """
    count = len(np.unique(clusters))
    if count < 2:
        return (*NO_INTERVAL, math.nan)
    effect = design_effect(differences, clusters)
    n, only_a, only_b = (
        float(number) / effect
        for number in (len(differences), (differences < 0).sum(), (differences > 0).sum())
    )
    return (*tango(only_a, only_b, n, confidence, count - 1), effect)


def tango(
    only_a: float, only_b: float, n: float, confidence: float, df: float = math.inf
) -> Interval:
    """Score interval of the difference of paired rates (b minus a), from the discordant pairs.

    Tango 1998: the differences that a score test on `n` pairs does not reject; at 0 it is
    McNemar's without continuity correction. A finite `df` takes Student's quantile.
    """
    from scipy import stats as distributions

    limit = float(distributions.t.ppf(0.5 + confidence / 2, df))
    observed = (only_b - only_a) / n

    def distance(difference: float) -> float:
        """How many standard errors the observed difference is from this one."""
        linear = (2 * n - only_b + only_a) * difference - only_a - only_b
        constant = -only_a * difference * (1 - difference)
        rate_a = (math.sqrt(max(0.0, linear**2 - 8 * n * constant)) - linear) / (4 * n)
        variance = max(0.0, 2 * rate_a + difference * (1 - difference)) / n
        return abs(observed - difference) / math.sqrt(variance) if variance else math.inf

    return (
        _last_within(distance, limit, observed, -1.0),
        _last_within(distance, limit, observed, 1.0),
    )


def _last_within(
    distance: Callable[[float], float], limit: float, inside: float, outside: float
) -> float:
    """The last value from `inside` towards `outside` whose distance is within the limit."""
    if inside == outside:
        return outside
    while abs(outside - inside) > 1e-12:
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if distance(middle) <= limit else (inside, middle)
    return inside


def bounded_interval(
    values: np.ndarray, confidence: float, clusters: np.ndarray, low: float, high: float
) -> Interval:
    """`clustered_wilson` of the mean of `values` (n,) that are from `low` to `high`.

    But for rounding: a cosine of 1 may be computed as a little more.
    """
    width = high - low
    *ends, _ = clustered_wilson(((values - low) / width).clip(0, 1), confidence, clusters)
    return low + width * ends[0], low + width * ends[1]


def _residuals(
    values: np.ndarray, weights: np.ndarray | None
) -> tuple[np.ndarray, float, np.ndarray]:
    """Distances of values (n,) from their mean, the mean of their squares, and the weights."""
    weights = np.ones(len(values)) if weights is None else weights
    if (values == values[0]).all():
        return np.zeros(len(values)), 0.0, weights
    residuals = values - np.average(values, weights=weights)
    return residuals, float(np.average(residuals**2, weights=weights)), weights


def _pairs_of_one(clusters: np.ndarray, weights: np.ndarray) -> float:
    """How many other values of its cluster a value meets, on average and weighted."""
    sums, squares = _totals(weights, clusters)[0], _totals(weights**2, clusters)[0]
    return float((sums**2 - squares).sum() / squares.sum())


def _independent_clips(weights: np.ndarray) -> float:
    """How many equally weighted values have a mean as sure as these; Kish 1965."""
    return float(weights.sum() ** 2 / (weights**2).sum())


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


def signer_swap_p(
    differences: np.ndarray, clusters: np.ndarray, permutations: int, seed: int
) -> float:
    """Two-sided p-value of paired `differences` (n,) whose signs whole `clusters` (n,) may swap.

    Fisher's randomisation test: if two runs are equally good, it is chance which of them is which,
    for each signer anew. Exact over all swaps where those are at most `permutations`, else over so
    many random ones and the true one (Phipson & Smyth 2010).
    """
    sums = _totals(differences, clusters)[0]
    sums = sums[sums != 0]
    observed = abs(sums.sum())
    signs = _swaps(len(sums), permutations, seed)
    as_far = int((np.abs(signs @ sums) >= observed - 1e-9).sum())
    every = 2 ** len(sums) <= permutations
    return as_far / len(signs) if every else (1 + as_far) / (1 + len(signs))


@functools.lru_cache(maxsize=64)
def _swaps(count: int, permutations: int, seed: int) -> np.ndarray:
    """Rows of `count` signs: all there are, or so many random ones."""
    if 2**count <= permutations:
        bits = np.arange(2**count)[:, None] >> np.arange(count)
    else:
        bits = np.random.default_rng(seed).integers(0, 2, size=(permutations, count))
    return (1.0 - 2 * (bits & 1)).astype(np.float32)


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
    labels, codes = np.unique(np.concatenate([a, b]), return_inverse=True)
    if len(labels) < 2:
        return math.nan
    counts = [np.bincount(part, minlength=len(labels)) for part in np.split(codes, 2)]
    by_chance = float(counts[0] @ counts[1]) / len(a) ** 2
    return (float(np.mean(a == b)) - by_chance) / (1 - by_chance)


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
