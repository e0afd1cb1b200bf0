import functools
import math
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize
from scipy import special as reference_special
from scipy import stats as reference

from zerosign import statistics


@settings(deadline=None)
@given(st.integers(1, 5000), st.floats(0, 1), st.sampled_from([0.8, 0.95, 0.99]))
def test_wilson_equals_scipy(n: int, share: Any, confidence: Any) -> None:
    k = round(share * n)
    low, high = statistics.wilson(k, n, confidence)
    assert 0 <= low <= k / n <= high <= 1
    expected = reference.binomtest(k, n).proportion_ci(confidence, "wilson")
    assert (low, high) == pytest.approx(expected, abs=1e-9)


def test_wilson_of_nothing() -> None:
    assert all(math.isnan(end) for end in statistics.wilson(0, 0, 0.95))


@pytest.mark.parametrize(("a", "b"), [(0, 0), (0, 6), (5, 5), (14, 3), (120, 161)])
def test_mcnemar_equals_statsmodels(a: int, b: int) -> None:
    tables = pytest.importorskip("statsmodels.stats.contingency_tables")
    expected = tables.mcnemar([[5, a], [b, 5]], exact=True).pvalue if a + b else 1.0
    assert statistics.mcnemar(a, b) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_holm_equals_statsmodels(seed: Any) -> None:
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    p = np.random.default_rng(seed).random(4 * seed + 1) ** 3
    p[:2] = p[0]  # a tie
    assert statistics.holm(p) == pytest.approx(list(multitest.multipletests(p, method="holm")[1]))


def test_swaps_of_signers_equal_all_of_scipys() -> None:
    """With a clip per signer, swapping signs is scipy's exact test of paired samples."""
    changes = np.array([1, 1, 1, -1, 1, 0, 1, 1, 0, 1.0])
    expected = reference.permutation_test(
        (changes, np.zeros(10)),
        lambda a, b, axis: (a - b).sum(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf,
    )
    found = statistics.signer_swap_p(changes, np.arange(10), 10_000, 0)
    assert found == pytest.approx(expected.pvalue, abs=1e-9)
    some = statistics.signer_swap_p(changes, np.arange(10), 200, 0)
    assert some == pytest.approx(found, abs=0.06)
    assert some == statistics.signer_swap_p(changes, np.arange(10), 200, 0)
    assert statistics.signer_swap_p(np.zeros(4), np.arange(4), 100, 0) == 1


def test_swaps_of_signers_hold_their_level_where_mcnemar_does_not() -> None:
    """Two equally good runs, each with its own good and bad signers."""
    rng = np.random.default_rng(0)
    signers = np.repeat(np.arange(20), rng.integers(2, 40, 20))
    rejected = {"clips": 0, "signers": 0}
    for _ in range(400):
        chances = [1 / (1 + np.exp(-1.5 * rng.normal(size=20)[signers])) for _ in range(2)]
        a, b = (rng.random(len(signers)) < chance for chance in chances)
        changes = b.astype(float) - a
        p = statistics.mcnemar(int((changes < 0).sum()), int((changes > 0).sum()))
        rejected["clips"] += p <= 0.05
        rejected["signers"] += statistics.signer_swap_p(changes, signers, 999, 0) <= 0.05
    assert rejected["clips"] / 400 > 0.3
    assert rejected["signers"] / 400 < 0.08


def test_holm_of_nothing() -> None:
    assert statistics.holm([]) == []


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(-2, 4), st.integers(-2, 4)), min_size=1, max_size=60))
def test_kappa_equals_sklearn(pairs: Any) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    a, b = (np.array(side) for side in zip(*pairs, strict=True))
    ours = statistics.kappa(a, b)
    if len(set(a) | set(b)) == 1:
        assert math.isnan(ours)
    else:
        assert ours == pytest.approx(metrics.cohen_kappa_score(a, b), abs=1e-12)


def test_distribution_of_even_and_of_constant_answers() -> None:
    even = statistics.distribution(np.full(300, 4))
    assert even["entropy"] == pytest.approx(math.log2(300))
    assert even["entropy_normalised"] == pytest.approx(1)
    assert even["hhi"] == pytest.approx(1 / 300)
    assert even["top10_share"] == pytest.approx(10 / 300)
    assert even["chi2_p"] == pytest.approx(1)
    constant = statistics.distribution(np.eye(300, dtype=int)[7] * 668)
    assert constant["entropy"] == 0
    assert constant["hhi"] == constant["top1_share"] == 1
    assert constant["chi2"] == pytest.approx(668 * 299)
    assert all(math.isnan(v) for v in statistics.distribution(np.zeros(300, int)).values())


def test_entropy_is_over_all_classes_not_those_named() -> None:
    two = np.zeros(300, int)
    two[:2] = 50
    assert statistics.distribution(two)["entropy_normalised"] == pytest.approx(1 / math.log2(300))
    assert statistics.distribution(two)["entropy"] == pytest.approx(reference.entropy(two, base=2))


def test_cluster_codes_keep_unknown_signers_apart() -> None:
    assert statistics.cluster_codes(["a", None, "a", None, "b"]).tolist() == [0, 1, 0, 2, 3]


def test_clusters_of_one_are_no_clusters() -> None:
    rng = np.random.default_rng(0)
    values = (rng.random(400) < 0.3).astype(float)
    single = np.arange(400)
    variance = statistics.jackknife_variance(values, single)
    assert variance == pytest.approx(values.var(ddof=1) / 400)
    low, high, effect = statistics.clustered_wilson(values, 0.95, single)
    plain = statistics.wilson(values.sum(), 400, 0.95)
    assert effect == pytest.approx(1, abs=0.01)
    assert (low, high) == pytest.approx(plain, abs=1e-3)


def test_equal_clips_of_a_signer_count_once() -> None:
    rng = np.random.default_rng(1)
    signers = np.repeat(np.arange(50), 10)
    values = (rng.random(50) < 0.4).astype(float)[signers]
    _, _, effect = statistics.clustered_wilson(values, 0.95, signers)
    assert effect == pytest.approx(10, rel=0.05)
    _, _, both = statistics.clustered_wilson(values, 0.95, signers, np.arange(500))
    assert both == pytest.approx(effect, rel=0.01)


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_rates_of_none_and_all_keep_an_interval(rate: float) -> None:
    low, high, effect = statistics.clustered_wilson(np.full(60, rate), 0.95, np.arange(60) % 6)
    assert effect == 1
    assert low <= rate <= high
    assert high - low > 0.03


def test_one_cluster_has_no_interval() -> None:
    values, one = np.array([0.0, 1.0, 1.0]), np.zeros(3, int)
    assert all(math.isnan(x) for x in statistics.clustered_wilson(values, 0.95, one))
    assert all(math.isnan(x) for x in statistics.clustered_tango(values - 1, 0.95, one))


def log_likelihood(shares: Any, counts: Any) -> float:
    return float(reference_special.xlogy(counts, shares).sum())


@pytest.mark.parametrize(("b", "c", "n"), [(9, 2, 50), (0, 7, 30), (16, 2, 668), (3, 3, 12)])
def test_tango_ends_where_a_score_test_rejects(b: int, c: int, n: int) -> None:
    """The score statistic from a likelihood maximised by scipy, at both ends of the interval."""
    counts, z = np.array([b, c, n - b - c]), reference.norm.ppf(0.975)
    for end in statistics.tango(b, c, n, 0.95):

        def loss(only_a: float, end: float = end) -> float:
            shares = np.array([only_a, only_a + end, 1 - 2 * only_a - end])
            return -log_likelihood(shares, counts)

        found = optimize.minimize_scalar(
            loss, bounds=(max(0, -end), (1 - end) / 2), method="bounded", options={"xatol": 1e-12}
        )
        variance = (2 * found.x + end - end**2) / n
        assert abs((c - b) / n - end) / math.sqrt(variance) == pytest.approx(z, abs=1e-4)


@pytest.mark.parametrize(("b", "c"), [(0, 0), (16, 2), (2, 16), (5, 4), (20, 9), (19, 9)])
def test_tango_excludes_0_where_mcnemar_rejects(b: int, c: int) -> None:
    tables = pytest.importorskip("statsmodels.stats.contingency_tables")
    low, high = statistics.tango(b, c, 668, 0.95)
    if b + c == 0:
        z2 = reference.norm.ppf(0.975) ** 2
        assert (low, high) == pytest.approx((-z2 / (668 + z2), z2 / (668 + z2)))
    else:
        p = tables.mcnemar([[9, b], [c, 9]], exact=False, correction=False).pvalue
        assert (low > 0 or high < 0) == (p < 0.05)
    swapped = statistics.tango(c, b, 668, 0.95)
    assert (low, high) == pytest.approx((-swapped[1], -swapped[0]))


def test_tango_of_nothing_but_differences() -> None:
    low, high = statistics.tango(0, 668, 668, 0.95)
    assert high == 1
    assert low == pytest.approx(statistics.wilson(668, 668, 0.95)[0], abs=0.01)


clustered = st.lists(st.tuples(st.sampled_from([0, 1]), st.sampled_from([0, 1]), st.integers(0, 5)))


@settings(deadline=None, max_examples=300)
@given(clustered.filter(lambda rows: len({signer for *_, signer in rows}) > 1))
def test_intervals_are_possible_and_never_a_point(rows: Any) -> None:
    a, b, signers = (np.array(column) for column in zip(*rows, strict=True))
    weights = 1.0 / (1 + np.arange(len(a)) % 3)
    for given_weights in (None, weights):
        low, high, effect = statistics.clustered_wilson(
            a.astype(float), 0.95, signers, weights=given_weights
        )
        assert 0 <= low < high <= 1
        assert low <= np.average(a, weights=given_weights) + 1e-12
        assert high >= np.average(a, weights=given_weights) - 1e-12
        assert effect >= 1
    low, high, effect = statistics.clustered_tango((b - a).astype(float), 0.95, signers)
    assert -1 <= low < high <= 1
    assert low <= (b - a).mean() <= high
    assert effect >= 1
    cosines = 1 - (a + b / 7) * 1e-3
    low, high = statistics.bounded_interval(cosines, 0.95, signers, -1, 1)
    assert -1 <= low < high <= 1


def test_one_clip_has_no_interval() -> None:
    one = np.zeros(1, int)
    for found in (
        statistics.clustered_wilson(np.ones(1), 0.95, one),
        statistics.clustered_tango(np.ones(1), 0.95, one),
        statistics.bounded_interval(np.ones(1), 0.95, one, -1, 1),
    ):
        assert all(math.isnan(end) for end in found)


def test_an_interval_of_cosines_agrees_with_student() -> None:
    values = np.random.default_rng(2).normal(0.3, 0.05, 400)
    found = statistics.bounded_interval(values, 0.95, np.arange(400), -1, 1)
    expected = reference.t.interval(0.95, 399, values.mean(), reference.sem(values))
    assert found == pytest.approx(expected, abs=2e-4)


@pytest.mark.parametrize("correlation", [0.0, 0.3])
def test_intraclass_correlation_is_that_of_the_simulation(correlation: float) -> None:
    rng = np.random.default_rng(0)
    signers = np.repeat(np.arange(600), rng.integers(1, 12, 600))
    shared = math.sqrt(correlation) * rng.normal(size=600)[signers]
    values = shared + math.sqrt(1 - correlation) * rng.normal(size=len(signers))
    found = statistics.intraclass_correlation(values, signers)
    assert found == pytest.approx(correlation, abs=0.03)
    weighted = statistics.intraclass_correlation(values, signers, np.full(len(signers), 0.2))
    assert weighted == pytest.approx(found)


def test_intraclass_correlation_of_nothing_is_0() -> None:
    assert statistics.intraclass_correlation(np.ones(9), np.arange(9) % 3) == 0
    assert statistics.intraclass_correlation(np.arange(9.0), np.arange(9)) == 0


def test_a_signer_with_most_clips_does_not_hide_what_the_others_show() -> None:
    """The mean of the big signer is the mean: leaving it out shows nothing, the others do."""
    signers = np.concatenate([np.zeros(100, int), 1 + np.arange(80) // 8])
    values = np.concatenate([np.arange(100) % 2, (np.arange(80) // 8) % 2]).astype(float)
    alone = statistics.jackknife_variance(values, signers) / (0.25 / 180)
    assert statistics.design_effect(values, signers) > 3 * alone


def test_a_model_that_says_yes_by_signer_keeps_an_interval() -> None:
    from zerosign.matching.verdicts import balanced_interval

    signers, truth = np.arange(80) // 8, np.arange(80) % 2 == 0
    said = signers % 2 == 0
    low, high = balanced_interval(truth, said, signers, 0.95)
    assert 0 <= low < 0.5 < high <= 1


def test_a_weighted_rate() -> None:
    rng = np.random.default_rng(4)
    values, clusters = (rng.random(300) < 0.3).astype(float), np.arange(300) % 30
    weights = rng.random(300)
    low, high, effect = statistics.clustered_wilson(values, 0.95, clusters, weights=weights)
    assert low < np.average(values, weights=weights) < high
    doubled = statistics.clustered_wilson(values, 0.95, clusters, weights=2 * weights)
    assert doubled == pytest.approx((low, high, effect))
    equal = statistics.clustered_wilson(values, 0.95, clusters, weights=np.ones(300))
    assert equal == pytest.approx(statistics.clustered_wilson(values, 0.95, clusters))


def test_a_weighted_rate_of_one_leaves_room_below() -> None:
    weights = np.repeat([1.0, 0.25], 40)
    low, high, effect = statistics.clustered_wilson(
        np.ones(80), 0.95, np.arange(80) % 8, weights=weights
    )
    assert (high, effect) == (1, 1)
    # Kish: (40 + 10)² / (40 + 40 / 16) = 58.8 clips
    assert low == pytest.approx(statistics.wilson(50**2 / 42.5, 50**2 / 42.5, 0.95, 7)[0])


def test_calibration_error() -> None:
    chances, correct = np.array([0.1, 0.15, 0.15, 1.0]), np.array([0, 1, 0, 1])
    # one bin of three answers, one right, and 1.0 in the last bin
    assert statistics.calibration_error(chances, correct) == pytest.approx(abs(1 - 0.4) / 4)
    rng = np.random.default_rng(0)
    honest = rng.random(200_000)
    right = rng.random(200_000) < honest
    assert statistics.calibration_error(honest, right) < 0.01
    assert statistics.calibration_error(honest**2, right) > 0.1
    assert math.isnan(statistics.calibration_error(np.array([]), np.array([])))


@pytest.mark.parametrize(("n", "a", "b"), [(668, 0.05, 0.02), (100, 0.2, 0.1), (30, 0.3, 0.05)])
def test_power_equals_simulation(n: int, a: float, b: float) -> None:
    rng = np.random.default_rng(5)
    draws = rng.multinomial(n, [a, b, 1 - a - b], size=4000)
    exact = functools.cache(statistics.mcnemar)
    p = np.array([exact(*sorted(pair)) for pair in draws[:, :2].tolist()])
    assert statistics.mcnemar_power(n, a, b, 0.05) == pytest.approx((p <= 0.05).mean(), abs=0.025)


def test_power_without_difference_stays_below_the_level() -> None:
    for n in (10, 100, 668):
        assert statistics.mcnemar_power(n, 0.1, 0.1, 0.05) <= 0.05
    assert statistics.mcnemar_power(668, 0, 0, 0.05) == 0


def test_detectable_difference_is_the_smallest() -> None:
    for nested in (True, False):
        difference = statistics.detectable_difference(668, 0.1, 0.05, 0.8, nested)
        extra = round(difference * 668)

        def power(clips: pl.DataFrame, nested: Any = nested) -> Any:
            better = 0.1 + clips / 668
            pair = (clips / 668, 0) if nested else (better * 0.9, 0.1 * (1 - better))
            return statistics.mcnemar_power(668, *pair, 0.05)

        assert power(extra) >= 0.8 > power(extra - 1)
    assert statistics.detectable_difference(3, 0.5, 0.05, 0.8, nested=True) is None
