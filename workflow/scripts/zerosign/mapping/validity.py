"""How well each mapper agrees with a reader, on answers that were labelled by hand."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import polars as pl

from zerosign.mapping.decisions import Reply, read_all
from zerosign.mapping.encoder import Encoder
from zerosign.mapping.labelled import NO_GLOSS, REFUSAL, Labelled
from zerosign.mapping.mappers import Decision, of_free_answers
from zerosign.mapping.mapping_settings import MappingSettings
from zerosign.mapping.outcomes import Outcome
from zerosign.mapping.reading import Reading
from zerosign.mapping.vocabulary import Vocabulary
from zerosign.statistics import kappa, wilson

THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(6, 21))
"""Cosines at which the similarity is tried, next to the study's own."""
SWEPT = "lexical_similarity"

CAPTIONS = {
    "mapping_validity": "Mappers held against a reader: {n} answers labelled by hand. agreement: "
    "the class, or none, is one that the reader accepts. false_classes: of the answers that are no "
    "gloss, those that get one; refusal_classes: of the refusals among them. found: of the answers "
    "that are a gloss, those that get it; missed: those that get none although one is due. kappa: "
    "Cohen's. {level} Wilson intervals.",
    "mapping_thresholds": "The mapper lexical_similarity at thresholds of the cosine, on {n} "
    "labelled answers; chosen is the study's, and the row without threshold the mapper lexical. "
    "The columns are those of mapping_validity, with {level} Wilson intervals.",
    "mapping_disagreements": "Those of {n} labelled answers that some mapper does not take as the "
    "reader does: what the reader accepts (OOV: none of the glosses, REF: a refusal), and what "
    "each mapper gives.",
}


def readings(labelled: Iterable[Labelled], words: Vocabulary, encode: Encoder) -> list[Reading]:
    """What is known of each labelled answer."""
    return read_all((Reply("stop", each.answer) for each in labelled), words, encode)


def by_mapper(
    labelled: Sequence[Labelled],
    found: Sequence[Reading],
    settings: MappingSettings,
    confidence: float,
) -> pl.DataFrame:
    """A row per mapper for free answers: how it agrees with the reader."""
    return pl.DataFrame(
        {"mapper": name, "headline": name == settings.mapper}
        | measures(labelled, _decided(found, name, settings.threshold), confidence)
        for name in of_free_answers()
    )


def by_threshold(
    labelled: Sequence[Labelled],
    found: Sequence[Reading],
    settings: MappingSettings,
    confidence: float,
) -> pl.DataFrame:
    """A row per threshold of the similarity, and one for the lexical mapper alone (null)."""
    rows: list[dict[str, Any]] = []
    for threshold in sorted({*THRESHOLDS, settings.threshold}):
        decided = _decided(found, SWEPT, threshold)
        chosen = threshold == settings.threshold
        rows.append(
            {"threshold": threshold, "chosen": chosen} | measures(labelled, decided, confidence)
        )
    lexical = _decided(found, "lexical", 1.0)
    rows.append({"threshold": None, "chosen": False} | measures(labelled, lexical, confidence))
    return pl.DataFrame(rows, infer_schema_length=None)


def disagreements(
    labelled: Sequence[Labelled],
    found: Sequence[Reading],
    settings: MappingSettings,
    glosses: Sequence[str],
) -> pl.DataFrame:
    """The answers that any mapper takes otherwise than the reader, with what each gives."""
    decided = {name: _decided(found, name, settings.threshold) for name in of_free_answers()}
    rows = [
        {"answer": each.answer, "accept": _label(each, glosses)}
        | {name: _given(decisions[i], glosses) for name, decisions in decided.items()}
        for i, each in enumerate(labelled)
        if any(not _agrees(each, decisions[i]) for decisions in decided.values())
    ]
    names = ("answer", "accept", *decided)
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String))


def measures(
    labelled: Sequence[Labelled], decided: Sequence[Decision], confidence: float
) -> dict[str, Any]:
    """Measures of decisions (n,) on labelled answers (n,), each counting its weight.

    Cohen's kappa takes for the reader's label the mapper's where it is accepted, else the first
    class that is accepted, or none; it counts every answer once. Rates are null where no answer is
    of their kind; intervals are Wilson's, for as many equally weighted answers as tell as much
    (Kish 1965).
    """
    weights = np.array([each.weight for each in labelled])
    given = np.array([decision.class_index for decision in decided])
    right = np.array([_agrees(*pair) for pair in zip(labelled, decided, strict=True)])
    without = np.array([not each.classes for each in labelled])
    refusal = np.array([each.refusal for each in labelled])
    due = np.array([not each.none for each in labelled])
    reader = np.array(
        [
            index if agrees else min(each.classes, default=-1)
            for index, agrees, each in zip(given, right, labelled, strict=True)
        ]
    )
    rows: dict[str, Any] = {"n": len(labelled), "n_no_gloss": int(without.sum())}
    rows |= {"n_refusals": int(refusal.sum())}
    rows |= _rate("agreement", right, weights, confidence)
    rows |= _rate("false_classes", given[without] >= 0, weights[without], confidence)
    for name, hits, among in (
        ("refusal_classes", given >= 0, refusal),
        ("found", right & (given >= 0), ~without),
        ("missed", given < 0, due),
    ):
        rows[name] = _mean(hits[among], weights[among])
    return rows | {"kappa": kappa(reader, given)}


def _decided(found: Iterable[Reading], mapper: str, threshold: float) -> list[Decision]:
    return [Decision(reading, of_free_answers()[mapper], threshold) for reading in found]


def _agrees(each: Labelled, decision: Decision) -> bool:
    return decision.class_index in each.classes if decision.class_index >= 0 else each.none


def _label(each: Labelled, glosses: Sequence[str]) -> str:
    none = [REFUSAL if each.refusal else NO_GLOSS] if each.none else []
    return "|".join([*(glosses[index] for index in sorted(each.classes)), *none])


def _given(decision: Decision, glosses: Sequence[str]) -> str:
    if decision.class_index >= 0:
        return glosses[decision.class_index]
    return REFUSAL if decision.outcome is Outcome.REFUSED else NO_GLOSS


def _mean(hits: np.ndarray, weights: np.ndarray) -> float | None:
    return float(np.average(hits, weights=weights)) if len(hits) else None


def _rate(
    name: str, hits: np.ndarray, weights: np.ndarray, confidence: float
) -> dict[str, float | None]:
    rate = _mean(hits, weights)
    low = high = None
    if rate is not None:
        n = float(weights.sum() ** 2 / (weights**2).sum())
        low, high = wilson(rate * n, n, confidence)
    return {name: rate, f"{name}_low": low, f"{name}_high": high}
