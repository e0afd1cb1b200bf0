"""How much the mapper matters: the same answers, mapped to classes in several ways."""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from zerosign.mapping.mappers import LIKELIHOOD, of_free_answers
from zerosign.mapping.outcomes import Outcome, Step
from zerosign.runs import TableRun
from zerosign.scoring.joined_runs import available, rate_interval
from zerosign.scoring.table_registry import ScoreInputs, table
from zerosign.statistics import kappa


@table(
    "mappers",
    "The same answers mapped to classes in several ways: {mappers}. {widened}.",
    of_classes=False,
)
def mappers_table(inputs: ScoreInputs) -> pl.DataFrame:
    """All runs and mappers."""
    return rates(inputs.joined, inputs.runs, inputs.confidence)


@table(
    "mapper_agreement",
    "Agreement of the mappings of each run's answers, with Cohen's kappa; with likelihood where "
    "the same checkpoint also scored the classes.",
    of_classes=False,
)
def mapper_agreement_table(inputs: ScoreInputs) -> pl.DataFrame:
    """All runs and pairs of mappers."""
    return agreement(inputs.joined, inputs.runs)


def rates(joined: pl.DataFrame, runs: Sequence[TableRun], confidence: float) -> pl.DataFrame:
    """Accuracy of each run under each mapper: run, mapper, n_available, classified, correct, ….

    top1_answered leaves clips without an answer (errors) out of the denominator. With the strict
    mapper that is what the script of Javorek et al. (2026) prints, but for answers that pandas
    reads as missing: "none", "null", "nan" never count there, although "none" is a class. A run
    that scored the classes has no free answers, and one row: the likeliest class. Several
    answers about a clip vote under each mapper.
    """
    rows = []
    for run, seen in _by_run(joined, runs):
        for mapper in [LIKELIHOOD] if _scored(seen) else of_free_answers():
            right = seen[mapper].eq(seen["class_index"]).fill_null(False)
            correct = int(right.sum())
            low, high = rate_interval(seen, right, confidence)
            answered = int((seen["outcome"] != Outcome.ERROR).sum())
            rows.append(
                {
                    "run": run,
                    "mapper": mapper,
                    "n_available": seen.height,
                    "classified": seen[mapper].count(),
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


def agreement(joined: pl.DataFrame, runs: Sequence[TableRun]) -> pl.DataFrame:
    """Agreement of each pair of mappers on a run's free answers, "no class" being one too.

    The likelihood is that of a run that scored the classes: of the same checkpoint, asked the same
    prompt about the same frames.
    """
    parts = dict(_by_run(joined, runs))
    asked = {run.name: (run.checkpoint, run.prompt, run.sampling) for run in runs}
    scored = {asked[run]: seen for run, seen in parts.items() if _scored(seen)}
    rows = []
    for run, seen in parts.items():
        if _scored(seen):
            continue
        names = list(of_free_answers())
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


def _by_run(joined: pl.DataFrame, runs: Sequence[TableRun]) -> Iterator[tuple[str, pl.DataFrame]]:
    """Each run with its available clips, where it has any."""
    seen = joined.filter(available())
    for run in runs:
        part = seen.filter(pl.col("run") == run.name)
        if part.height:
            yield run.name, part


def _scored(seen: pl.DataFrame) -> bool:
    """Whether a run scored all classes instead of answering freely."""
    return bool((seen["step"] == Step.LIKELIHOOD).any())
