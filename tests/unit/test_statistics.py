import functools
import math
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
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
    assert all(math.isnan(x) for x in statistics.bootstrap_interval(values, one, 0.95, 100, 0))


def test_bootstrap_agrees_with_student_on_independent_values() -> None:
    values = np.random.default_rng(2).normal(3, 2, 200)
    low, high = statistics.bootstrap_interval(values, np.arange(200), 0.95, 20000, 0)
    expected = reference.t.interval(0.95, 199, values.mean(), reference.sem(values))
    assert (low, high) == pytest.approx(expected, abs=0.02)


def test_bootstrap_is_seeded_and_blind_to_the_names_of_clusters() -> None:
    rng = np.random.default_rng(3)
    values, clusters = rng.random(90), rng.integers(0, 9, 90)
    first = statistics.bootstrap_interval(values, clusters, 0.95, 500, 7)
    assert first == statistics.bootstrap_interval(values, clusters * 10 + 4, 0.95, 500, 7)
    assert first != statistics.bootstrap_interval(values, clusters, 0.95, 500, 8)
    assert statistics.bootstrap_interval(np.ones(90), clusters, 0.95, 500, 7) == (1.0, 1.0)


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
