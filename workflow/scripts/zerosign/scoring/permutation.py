"""What a run's accuracy would be if its answers had nothing to do with the clips."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from zerosign.runs import TableRun
from zerosign.scoring.joined_runs import available
from zerosign.scoring.table_registry import ScoreInputs, table

_CELLS = 10**7  # labels of permutations held in memory at once

PERMUTED = {
    "run": pl.String,
    "label": pl.String,
    "n_available": pl.Int64,
    "correct": pl.Int64,
    "top1": pl.Float64,
    "permuted": pl.Float64,
    "gain": pl.Float64,
    "permutations": pl.Int64,
    "p": pl.Float64,
}


@table(
    "permuted",
    "Top-1 accuracy against its mean when the true classes are permuted among the clips (the sum "
    "over the classes of share of the clips times share of the answers). p: share of the random "
    "permutations, the true labels among them, that are as good as these or better.",
)
def permuted_table(inputs: ScoreInputs) -> pl.DataFrame:
    """All runs."""
    settings = inputs.settings
    return permuted(inputs.joined, inputs.runs, settings.permutations, settings.seed)


def permuted(
    joined: pl.DataFrame, runs: Sequence[TableRun], permutations: int, seed: int
) -> pl.DataFrame:
    """A row (schema `PERMUTED`) per run: its accuracy against that with permuted labels.

    permuted: mean accuracy over all permutations of the true classes among the run's clips that
    could be read; it keeps how often each class is there and how often the run names it. gain: top1
    minus that. p: one-sided, see `permutation_p`.
    """
    rows = []
    for run in runs:
        seen = joined.filter(available(), pl.col("run") == run.name)
        if seen.is_empty():
            continue
        truth = seen["class_index"].to_numpy()
        answers = seen["predicted_index"].fill_null(-1).to_numpy()
        top1 = float(np.mean(truth == answers))
        chance = expected_accuracy(truth, answers)
        rows.append(
            {
                "run": run.name,
                "label": run.label,
                "n_available": len(truth),
                "correct": int((truth == answers).sum()),
                "top1": top1,
                "permuted": chance,
                "gain": top1 - chance,
                "permutations": permutations,
                "p": permutation_p(truth, answers, permutations, seed),
            }
        )
    return pl.DataFrame(rows, schema=PERMUTED)


def expected_accuracy(truth: np.ndarray, answers: np.ndarray) -> float:
    """Mean accuracy of `answers` (n,) over all permutations of `truth` (n,).

    Each answer meets each label with probability 1/n, so it is the sum over the classes of
    (clips of the class / n) * (answers that name it / n). A negative answer names no class.
    """
    classes = int(max(truth.max(), answers.max())) + 1
    there = np.bincount(truth, minlength=classes)
    named = np.bincount(answers[answers >= 0], minlength=classes)
    return float(there @ named) / len(truth) ** 2


def permutation_p(truth: np.ndarray, answers: np.ndarray, permutations: int, seed: int) -> float:
    """How often permuted labels agree with the answers at least as often as the true ones do.

    Of `permutations` random ones and the true one itself, which keeps the test valid and p above 0
    (Phipson & Smyth 2010).
    """
    observed = int((truth == answers).sum())
    rng = np.random.default_rng(seed)
    block = max(1, _CELLS // len(truth))
    as_good = 0
    for start in range(0, permutations, block):
        rows = np.tile(truth, (min(block, permutations - start), 1))
        agree = (rng.permuted(rows, axis=1) == answers).sum(1)
        as_good += int((agree >= observed).sum())
    return (as_good + 1) / (permutations + 1)
