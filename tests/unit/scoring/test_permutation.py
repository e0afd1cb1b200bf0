"""The accuracy of answers that have nothing to do with the clips."""

import itertools

import numpy as np
import pytest
from helpers.predictions import MISTAKES, clips, predictions, run

from zerosign.scoring import permutation
from zerosign.scoring.joined_runs import join_runs


def test_expected_accuracy_is_the_mean_over_all_permutations() -> None:
    truth, answers = np.array([0, 0, 1, 2, 2]), np.array([0, 1, -1, 2, 0])
    every = [np.mean(np.array(order) == answers) for order in itertools.permutations(truth)]
    assert permutation.expected_accuracy(truth, answers) == pytest.approx(np.mean(every))


def test_expected_accuracy_agrees_with_simulation() -> None:
    rng = np.random.default_rng(0)
    truth, answers = rng.integers(0, 300, 668), rng.geometric(0.1, 668) - 2
    drawn = [np.mean(rng.permutation(truth) == answers) for _ in range(4000)]
    spread = np.std(drawn) / np.sqrt(len(drawn))
    assert abs(np.mean(drawn) - permutation.expected_accuracy(truth, answers)) < 4 * spread


def test_p_is_that_of_all_permutations() -> None:
    truth, answers = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 0, 1, 2, 2, 1])
    observed = np.sum(truth == answers)
    every = [np.sum(np.array(order) == answers) for order in itertools.permutations(truth)]
    exact = np.mean(np.array(every) >= observed)
    assert permutation.permutation_p(truth, answers, 40_000, 0) == pytest.approx(exact, abs=0.01)
    assert permutation.permutation_p(truth, truth, 99, 0) >= 1 / 100


def test_p_holds_its_level_without_a_relation() -> None:
    rng = np.random.default_rng(1)
    p = []
    for _ in range(400):
        truth, answers = rng.integers(0, 5, 60), rng.integers(0, 5, 60)
        p.append(permutation.permutation_p(truth, answers, 199, int(rng.integers(1 << 30))))
    assert 0.005 <= np.mean(np.array(p) <= 0.05) <= 0.08  # discrete: below its level


def test_a_constant_answer_gains_nothing() -> None:
    constant = dict.fromkeys(predictions({})["video_id"], ("classified", 0, "car", "car"))
    frames = [("one", predictions(constant)), ("bad", predictions(MISTAKES))]
    table = permutation.permuted(join_runs(frames, clips()), [run("one"), run("bad")], 500, 0)
    one, bad = table.rows(named=True)
    assert (one["top1"], one["permuted"], one["gain"], one["p"]) == (0.25, 0.25, 0, 1)
    assert (bad["n_available"], bad["correct"]) == (11, 5)
    # clips: car 2, the others 3; answers: car 1, book 2, dad 2, none 3
    assert bad["permuted"] == pytest.approx((2 * 1 + 3 * 2 + 3 * 2 + 3 * 3) / 11**2)
    assert bad["gain"] > 0 and 0 < bad["p"] < 1
