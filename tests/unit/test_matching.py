import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zerosign import matching

metrics = pytest.importorskip("sklearn.metrics")
pairs = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=80)


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("YES", True),
        ("The hand opens. **No**.", False),
        ("At first yes, but the movement is another: NO", False),
        ("<think>no no no</think> Yes!", True),
        ("<think>yes", None),
        ("I know nothing of yesterday.", None),
        ("", None),
        ('{"match": "yes"}', True),
    ],
)
def test_verdicts(text, verdict):
    assert matching.verdict(text) is verdict


@settings(deadline=None)
@given(pairs)
def test_measures_equal_sklearn(drawn):
    truth, said = (np.array(side) for side in zip(*drawn, strict=True))
    ours = matching.measures(truth, said)
    assert ours["accuracy"] == pytest.approx(metrics.accuracy_score(truth, said))
    assert ours["mcc"] == pytest.approx(metrics.matthews_corrcoef(truth, said), abs=1e-12)
    if truth.any() or said.any():
        assert ours["f1"] == pytest.approx(metrics.f1_score(truth, said))
    if said.any():
        assert ours["precision"] == pytest.approx(metrics.precision_score(truth, said))
    if 0 < truth.sum() < len(truth):
        expected = metrics.balanced_accuracy_score(truth, said)
        assert ours["balanced_accuracy"] == pytest.approx(expected)
    else:
        assert math.isnan(ours["balanced_accuracy"])


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=1, max_size=60))
def test_auroc_equals_sklearn(drawn):
    truth, scores = (np.array(side) for side in zip(*drawn, strict=True))
    ours = matching.auroc(truth, scores / 5)
    if 0 < truth.sum() < len(truth):
        assert ours == pytest.approx(metrics.roc_auc_score(truth, scores))
    else:
        assert math.isnan(ours)


def test_always_yes_is_worth_nothing_although_its_f1_is():
    truth = np.arange(200) % 2 == 0
    found = matching.measures(truth, np.ones(200, bool))
    assert found["f1"] == pytest.approx(2 / 3)
    assert found["balanced_accuracy"] == 0.5
    assert found["mcc"] == 0
    assert found["yes_rate"] == 1


def test_no_verdict_is_never_right():
    truth = np.array([True, False, True])
    assert matching.against(truth, [None, None, True]).tolist() == [False, True, True]


def test_interval_of_balanced_accuracy_covers():
    rng = np.random.default_rng(0)
    truth = np.arange(400) % 2 == 0
    held = 0
    for _ in range(1000):
        right = rng.random(400) < np.where(truth, 0.7, 0.55)
        low, high = matching.balanced_interval(truth, np.where(right, truth, ~truth), 0.95)
        held += low <= 0.625 <= high
    assert 930 <= held <= 970
    assert all(math.isnan(end) for end in matching.balanced_interval(truth[:1], truth[:1], 0.95))


def test_position_bias():
    rng = np.random.default_rng(1)
    even = matching.position_bias(rng.integers(0, 300, 668), 300)
    assert even["p"] > 0.01
    assert even["first_part"] == pytest.approx(0.1, abs=0.04)
    early = matching.position_bias(np.minimum(rng.geometric(0.02, 668), 299), 300)
    assert early["p"] < 1e-6
    assert early["first_part"] > 0.4
    assert matching.position_bias(np.array([], int), 300)["n"] == 0
