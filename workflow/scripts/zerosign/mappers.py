"""How much the way from answer to class matters: the same answers, mapped in several ways."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import polars as pl

from zerosign.scores import available, rate_interval
from zerosign.stats import kappa

MAPPERS = {
    "strict": "equal but for case and blanks at the ends, as in the authors' script",
    "normalised": "equal after normalisation",
    "similarity": "the study's: normalised, else nearest sentence above the threshold",
    "nearest": "normalised, else nearest sentence, however far",
}
LIKELIHOOD = "likelihood"
"""The one mapping of a run that scored all classes: the likeliest."""


def mapped(joined: pl.DataFrame, glosses: Sequence[str]) -> pl.DataFrame:
    """`joined` with the class of each mapper (null: none) in a column of its name."""
    literal = {gloss.lower(): index for index, gloss in reversed(list(enumerate(glosses)))}
    by_gloss = {gloss: index for index, gloss in enumerate(glosses)}
    known = pl.col("outcome").is_in(["error", "missing"]).not_()
    return joined.with_columns(
        pl.when(known)
        .then(pl.col("text").str.strip_chars().str.to_lowercase())
        .replace_strict(literal, default=None, return_dtype=pl.Int32)
        .alias("strict"),
        pl.when(pl.col("step") == "exact").then("predicted_index").alias("normalised"),
        pl.col("predicted_index").alias("similarity"),
        pl.coalesce(
            "predicted_index",
            pl.col("nearest").replace_strict(by_gloss, default=None, return_dtype=pl.Int32),
        ).alias("nearest"),
        pl.when(pl.col("step") == LIKELIHOOD).then("predicted_index").alias(LIKELIHOOD),
    )


def table(
    joined: pl.DataFrame, glosses: Sequence[str], runs: Sequence[dict[str, Any]], confidence: float
) -> pl.DataFrame:
    """Accuracy of each run under each mapper: run, mapper, n_available, mapped, correct, top1, ….

    top1_answered leaves clips without an answer (errors) out of the denominator. With the strict
    mapper that is what the script of Javorek et al. (2026) prints, but for answers that pandas
    reads as missing: "none", "null", "nan" never count there, although "none" is a class. A run
    that scored the classes has no free answers, and one row: the likeliest class. Of several
    answers about a clip only the one that stands for it is mapped.
    """
    rows = []
    for run, seen in _by_run(joined, glosses, runs):
        for mapper in [LIKELIHOOD] if _scored(seen) else MAPPERS:
            right = seen[mapper].eq(seen["class_index"]).fill_null(False)
            correct = int(right.sum())
            low, high = rate_interval(seen, right, confidence)
            answered = int((seen["outcome"] != "error").sum())
            rows.append(
                {
                    "run": run,
                    "mapper": mapper,
                    "n_available": seen.height,
                    "mapped": seen[mapper].count(),
                    "correct": correct,
                    "top1": correct / seen.height,
                    "low": low,
                    "high": high,
                    "n_answered": answered,
                    "top1_answered": correct / answered if answered else None,
                }
            )
    schema = {"run": pl.String, "mapper": pl.String}
    return pl.DataFrame(rows, infer_schema_length=None) if rows else pl.DataFrame(schema=schema)


def agreement(
    joined: pl.DataFrame, glosses: Sequence[str], runs: Sequence[dict[str, Any]]
) -> pl.DataFrame:
    """Agreement of each pair of mappers on a run's free answers, "no class" being one too.

    The likelihood is that of a run that scored the classes: of the same checkpoint, asked the same
    prompt about the same frames.
    """
    parts = dict(_by_run(joined, glosses, runs))
    asked = {run["run"]: (run["checkpoint"], run["prompt"], run["sampling"]) for run in runs}
    scored = {asked[run]: seen for run, seen in parts.items() if _scored(seen)}
    rows = []
    for run, seen in parts.items():
        if _scored(seen):
            continue
        names = list(MAPPERS)
        if asked[run] in scored:
            likeliest = scored[asked[run]].select("video_id", likeliest=LIKELIHOOD)
            seen = seen.join(likeliest, on="video_id", how="left", maintain_order="left")
            seen = seen.with_columns(pl.col("likeliest").alias(LIKELIHOOD))
            names.append(LIKELIHOOD)
        for a, b in itertools.combinations(names, 2):
            first, second = (seen[mapper].fill_null(-1).to_numpy() for mapper in (a, b))
            rows.append(
                {
                    "run": run,
                    "mapper_a": a,
                    "mapper_b": b,
                    "n_available": seen.height,
                    "agreement": float(np.mean(first == second)),
                    "kappa": kappa(first, second),
                }
            )
    schema = {"run": pl.String, "mapper_a": pl.String, "mapper_b": pl.String}
    return pl.DataFrame(rows, infer_schema_length=None) if rows else pl.DataFrame(schema=schema)


def _by_run(
    joined: pl.DataFrame, glosses: Sequence[str], runs: Sequence[dict[str, Any]]
) -> Iterator[tuple[str, pl.DataFrame]]:
    """Each run with its available clips, where it has any."""
    seen = mapped(joined, glosses).filter(available())
    for run in runs:
        part = seen.filter(pl.col("run") == run["run"])
        if part.height:
            yield run["run"], part


def _scored(seen: pl.DataFrame) -> bool:
    """Whether a run scored all classes instead of answering freely."""
    return bool((seen["step"] == LIKELIHOOD).any())
