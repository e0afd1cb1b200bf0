"""Binary matching: is this clip that sign? Verdicts, and measures that a constant cannot win.

With as many positives as negatives, a model that always says yes has F1 = 0.667; balanced accuracy
and Matthews' coefficient show that it is at chance.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from zerosign.errors import UserError
from zerosign.mapping.normalise import visible
from zerosign.matching.pairs import HARD, PAIRS, POSITIVE, RANDOM
from zerosign.matching.yes_or_no import verdict
from zerosign.runs import TableRun
from zerosign.statistics import NO_INTERVAL, cluster_codes, clustered_wilson, jackknife_correlation

OUTCOMES = {
    "yes": "the answer is yes",
    "no": "the answer is no",
    "no_verdict": "an answer that says neither yes nor no",
    "refused": "the provider says that the model declined",
    "blocked": "the provider withheld the answer",
    "empty": "nothing is left of the answer without reasoning and punctuation",
    "cut_off": "the end of the answer, where the verdict is, was not reached",
    "error": "the video is there, but no frames or no answer came",
    "missing": "no usable video",
}
"""What becomes of a question."""

VERDICTS = PAIRS | {
    "text": pl.String,
    "finish": pl.String,
    "outcome": pl.String,
    "verdict": pl.Boolean,
    "p_yes": pl.Float64,
    "correct": pl.Boolean,
}
NEGATIVES = {RANDOM: [RANDOM], HARD: [HARD], "all": [RANDOM, HARD]}
"""The negatives that a row of the table counts, next to all positives."""

_SILENT = ("refused", "blocked", "empty", "cut_off")

_BASELINES = {"always yes": True, "always no": False}
CAPTION = (
    "Binary matching: is this clip that sign? All positives with random negatives, with hard ones "
    "(the nearest other glosses) and with both, over the n pairs whose clip could be read; errors "
    "and answers without verdict count as wrong, and in the columns of all also missing clips. "
    "Balanced accuracy with {level} intervals (Wilson's of both rates, widened for pairs of one "
    "signer); 0.5 is chance. auroc: where yes and no were scored."
)


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
    """Verdicts (n,) in which every missing one is wrong: no verdict is never correct."""
    return np.array(
        [not t if v is None else v for t, v in zip(truth, verdicts, strict=True)], dtype=bool
    )


def auroc(truth: np.ndarray, scores: np.ndarray) -> float:
    """Probability that a positive scores higher than a negative, ties half; nan if one-sided.

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
    truth: np.ndarray, said: np.ndarray, signers: np.ndarray, confidence: float
) -> tuple[float, float]:
    """Interval of the balanced accuracy from those of its two rates; nan below two signers each.

    Each rate has Wilson's interval widened for pairs of one of `signers` (n,). MOVER (Zou & Donner
    2008) joins them, each rate weighing one half, with their correlation over signers: a clip
    is in several pairs, and a model that says yes to a signer gains in one rate what it loses
    in the other.
    """
    right = (said == truth).astype(float)
    rates, lows, highs = [], [], []
    for side in (truth, ~truth):
        low, high, _ = clustered_wilson(right[side], confidence, signers[side])
        if math.isnan(low):
            return NO_INTERVAL
        rates.append(float(right[side].mean()))
        lows.append(low)
        highs.append(high)
    correlation = jackknife_correlation(right, signers, truth)

    def joined(a: float, b: float) -> float:
        return math.sqrt(max(0.0, a * a + b * b + 2 * correlation * a * b)) / 2

    middle = sum(rates) / 2
    down = joined(*(rate - low for rate, low in zip(rates, lows, strict=True)))
    up = joined(*(high - rate for rate, high in zip(rates, highs, strict=True)))
    return middle - down, middle + up


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan


def judged(pairs: pl.DataFrame, answers: pl.DataFrame) -> pl.DataFrame:
    """One run's verdicts (schema `VERDICTS`): a row for every pair, in the order of `pairs`.

    `answers` as inference writes them. A pair without an answer is missing; an answer to another
    question, or a second one, is a `UserError`. `p_yes` is given where the model scored yes and no.
    """
    keys = ["video_id", "question"]
    strange = answers.join(pairs, on=keys, how="anti").sort(keys)
    if strange.height:
        raise UserError(
            f"answers: clip {strange['video_id'][0]} with '{strange['question'][0]}' is not among "
            "the pairs; delete these answers"
        )
    if answers.select(pl.struct(keys).is_duplicated().any()).item():
        raise UserError("answers: a question is answered twice; give each shard once")
    rows = pairs.join(
        answers.select(*keys, "text", "finish", "labels", "scores"),
        on=keys,
        how="left",
        maintain_order="left",
    ).with_columns(pl.col("text").fill_null(""), pl.col("finish").fill_null("missing"))
    found = [outcome(*row) for row in rows.select("finish", "text").iter_rows()]
    said = [name == "yes" if name in ("yes", "no") else None for name in found]
    chances = [p_yes(*row) for row in rows.select("labels", "scores").iter_rows()]
    return rows.with_columns(
        outcome=pl.Series(found, dtype=pl.String),
        verdict=pl.Series(said, dtype=pl.Boolean),
        p_yes=pl.Series(chances, dtype=pl.Float64),
        correct=pl.Series(said, dtype=pl.Boolean).eq_missing(rows["match"]),
    ).select(pl.col(name).cast(dtype) for name, dtype in VERDICTS.items())


def outcome(finish: str, text: str) -> str:
    """What became of an answer: a key of `OUTCOMES`."""
    if finish in ("missing", "error", "refused", "blocked", "empty"):
        return finish
    if finish == "length":
        return "cut_off"
    if not visible(text).strip():
        return "empty"
    said = verdict(text)
    return "no_verdict" if said is None else "yes" if said else "no"


def p_yes(labels: Sequence[str] | None, scores: Sequence[float] | None) -> float | None:
    """P(YES) of a closed answer, from the log-likelihoods of "yes" and "no"; None of a free one."""
    if not labels or not scores:
        return None
    from scipy.special import expit

    by_label = dict(zip(labels, scores, strict=True))
    return float(expit(by_label["yes"] - by_label["no"]))


def table(
    verdicts: Sequence[pl.DataFrame],
    clips: pl.DataFrame,
    runs: Sequence[TableRun],
    confidence: float,
) -> pl.DataFrame:
    """A row per run and set of negatives (see `NEGATIVES`), and baselines that need no model.

    Measures are over the n pairs whose clip could be read, in which an error or an answer without
    verdict counts against the run; accuracy_all and balanced_accuracy_all are over all n_expected,
    in which a missing clip does too. `verdicts`: a frame per run, see `judged`; `clips` say whose.
    """
    verdicts = [
        frame.join(
            clips.select("video_id", "signer"), on="video_id", how="left", maintain_order="left"
        )
        for frame in verdicts
    ]
    rows = []
    for run, frame in zip(runs, verdicts, strict=True):
        facts = {"run": run.name, "model": run.model, "prompt": run.prompt}
        facts |= {"sampling": run.sampling, "label": run.label}
        for negatives, part in _parts(frame):
            rows.append(facts | {"kind": "run"} | _row(negatives, part, confidence))
    for name, said in _BASELINES.items():
        nothing = dict.fromkeys(("model", "prompt", "sampling"))
        constant_facts = {"run": name, **nothing, "label": name}
        constant = verdicts[0].with_columns(
            verdict=pl.lit(said),
            outcome=pl.when(pl.col("outcome") == "missing")
            .then("outcome")
            .otherwise(pl.lit("yes" if said else "no")),
            p_yes=pl.lit(None, pl.Float64),
        )
        for negatives, part in _parts(constant):
            row = _row(negatives, part, confidence) | {"low": None, "high": None}
            rows.append(constant_facts | {"kind": "baseline"} | row)
    return pl.DataFrame(rows, infer_schema_length=None)


def together(runs: Sequence[TableRun], verdicts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The verdicts of all runs in one table: the column run first."""
    return pl.concat(
        frame.select(pl.lit(run.name).alias("run"), pl.all())
        for run, frame in zip(runs, verdicts, strict=True)
    )


def _parts(frame: pl.DataFrame) -> list[tuple[str, pl.DataFrame]]:
    """All positives with each set of negatives that the study has."""
    there = set(frame["kind"])
    return [
        (name, frame.filter(pl.col("kind").is_in([POSITIVE, *kinds])))
        for name, kinds in NEGATIVES.items()
        if there.issuperset(kinds)
    ]


def _row(negatives: str, part: pl.DataFrame, confidence: float) -> dict[str, Any]:
    seen = part.filter(pl.col("outcome") != "missing")
    truth, said = _sides(seen)
    measured = measures(truth, said)
    signers = cluster_codes(seen["signer"].to_list())
    low, high = balanced_interval(truth, said, signers, confidence)
    everything = measures(*_sides(part))
    scored = seen.filter(pl.col("p_yes").is_not_null())
    silent = seen["outcome"].is_in(["no_verdict", *_SILENT]).sum()
    return {
        "negatives": negatives,
        "n_expected": part.height,
        "n": seen.height,
        "accuracy": measured["accuracy"],
        "balanced_accuracy": measured["balanced_accuracy"],
        "low": low,
        "high": high,
        **{key: measured[key] for key in ("mcc", "f1", "precision", "recall", "specificity")},
        "yes_rate": _ratio(float((seen["outcome"] == "yes").sum()), seen.height),
        "no_verdict": _ratio(float(silent), seen.height),
        **{f"n_{name}": int((seen["outcome"] == name).sum()) for name in (*_SILENT, "error")},
        "n_missing": part.height - seen.height,
        "accuracy_all": everything["accuracy"],
        "balanced_accuracy_all": everything["balanced_accuracy"],
        "n_scored": scored.height,
        "auroc": auroc(scored["match"].to_numpy(), scored["p_yes"].to_numpy()),
    }


def _sides(rows: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """The truth and the verdicts (n,), a missing verdict being wrong."""
    truth = rows["match"].to_numpy()
    return truth, against(truth, rows["verdict"].to_list())
