"""Answers that a reader labelled, and a sample of a study's own answers to label."""

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl

from zerosign.errors import UserError, located
from zerosign.mapping.vocabulary import Vocabulary

NO_GLOSS, REFUSAL = "OOV", "REF"
"""How a label says that an answer is none of the glosses, or declines to name one."""
SPLIT, REPORTED = "split", "frozen"
"""The column that sets answers apart which the rules were written on, and its value for others."""


class Labelled(NamedTuple):
    """An answer and what a careful reader accepts for it."""

    answer: str
    classes: frozenset[int]
    """The classes that are accepted."""
    none: bool
    """Whether it is accepted that the answer has no class."""
    refusal: bool
    """Whether it declines to name a sign."""
    weight: float
    """How many answers it stands for."""


def read_labelled(
    path: str | Path, words: Vocabulary, split: str | None = REPORTED
) -> list[Labelled]:
    """Labelled answers of a CSV (UTF-8) with the columns answer and accept.

    accept: glosses, OOV (none of the glosses) or REF (a refusal); alternatives divided by "|". A
    row with an empty one is not labelled yet, and left out. Optional columns: weight, and split, of
    which only the rows with ``split`` are taken (all for None). `UserError` for a label that is no
    gloss, and for an answer that is a gloss but labelled as none: labels are for one vocabulary.
    """
    try:
        table = pl.read_csv(path, infer_schema=False, empty_string_is_null=False).fill_null("")
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UserError(
            f"{path}: cannot be read as CSV in UTF-8 ({str(error).splitlines()[0]})"
        ) from None
    if not {"answer", "accept"} <= set(table.columns):
        raise UserError(f"{path}: needs the columns answer and accept; name them in the first line")
    if split is not None and SPLIT in table.columns:
        table = table.filter(pl.col(SPLIT) == split)
    found = []
    for row in table.filter(pl.col("accept") != "").iter_rows(named=True):
        with located(f"{path}: answer {row['answer'][:60]!r}"):
            found.append(_labelled(row, words))
    if not found:
        raise UserError(f"{path}: has no labelled answer; fill in the column accept")
    return found


def _labelled(row: Mapping[str, str], words: Vocabulary) -> Labelled:
    indices = {gloss: index for index, gloss in enumerate(words.glosses)}
    labels = [label.strip() for label in row["accept"].split("|")]
    classes = {label: indices.get(label) for label in labels if label not in (NO_GLOSS, REFUSAL)}
    for label, index in classes.items():
        if index is None:
            raise UserError(
                f"{label!r} is no gloss of this study; write a gloss, {NO_GLOSS} or {REFUSAL}, or "
                "take the file out of mapping.labelled if it was labelled for other glosses"
            )
    if not classes and (index := words.forms.get(words.normal(row["answer"]))) is not None:
        raise UserError(
            f"is labelled {row['accept']}, but is the gloss {words.glosses[index]!r}; correct it, "
            "or take the file out of mapping.labelled if it was labelled for other glosses"
        )
    return Labelled(
        row["answer"],
        frozenset(index for index in classes.values() if index is not None),
        none=len(classes) < len(labels),
        refusal=labels == [REFUSAL],
        weight=_weight(row.get("weight", "")),
    )


def _weight(text: str) -> float:
    try:
        weight = float(text or 1)
    except ValueError:
        weight = -1
    if not 0 < weight < float("inf"):
        raise UserError(f"weight {text!r} is no positive number")
    return weight


def sample(predictions: Sequence[tuple[str, pl.DataFrame]], size: int, seed: int) -> pl.DataFrame:
    """A stratified sample of real answers to label: answer, accept (empty), weight, run.

    ``predictions`` by run (schema `zerosign.mapping.mapper.PREDICTIONS`). Strata are the runs and
    what their answers became, each with the same number of answers where it has so many; ``weight``
    is how many answers of the study each stands for. What they became is not shown, so that it
    cannot lead the reader; the order is random.
    """
    strata = [
        (run, part)
        for run, frame in predictions
        for _, part in sorted(
            frame.filter(pl.col("text").str.strip_chars() != "").group_by("outcome", "step"),
            key=lambda group: str(group[0]),
        )
    ]
    chances = random.Random(seed)
    rows = []
    for (run, part), count in zip(
        strata, _shares([p.height for _, p in strata], size), strict=True
    ):
        texts = chances.sample(part["text"].to_list(), count)
        rows += [(text, "", part.height / count, run) for text in texts]
    chances.shuffle(rows)
    schema = {"answer": pl.String, "accept": pl.String, "weight": pl.Float64, "run": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _shares(sizes: Sequence[int], total: int) -> list[int]:
    """How many of each stratum are drawn: as evenly as their sizes allow, at least one of each."""
    drawn = [0] * len(sizes)
    left = max(total, len(sizes))
    while left and (open_ := [i for i, size in enumerate(sizes) if drawn[i] < size]):
        for i in open_[:left]:
            drawn[i] += 1
        left -= min(left, len(open_))
    return drawn
