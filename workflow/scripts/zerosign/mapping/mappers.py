"""Mappers: ways to get from a run's answers to classes, to be compared with each other.

A function that `mapper` decorates is one; tables, captions and ``--help`` read the registry.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from zerosign.mapping.outcomes import Outcome, Step

Classes = Callable[[Sequence[str]], pl.Expr]
"""From the glosses by class index to an expression over predictions (schema
`zerosign.mapping.mapper.PREDICTIONS`) that gives the class index of each, or null."""


@dataclass(frozen=True)
class Mapper:
    """A way to get from answers to classes."""

    name: str
    summary: str
    classes: Classes
    scored: bool
    """Whether it is for runs that scored all classes; the others are for free answers."""


MAPPERS: dict[str, Mapper] = {}


def mapper(name: str, summary: str, scored: bool = False) -> Callable[[Classes], Classes]:
    """Register a function as the mapper of this name."""

    def register(classes: Classes) -> Classes:
        MAPPERS[name] = Mapper(name, summary, classes, scored)
        return classes

    return register


def mapped(predictions: pl.DataFrame, glosses: Sequence[str]) -> pl.DataFrame:
    """The predictions with the class of each mapper (null: none) in a column of its name."""
    return predictions.with_columns(
        mapper.classes(glosses).alias(name) for name, mapper in MAPPERS.items()
    )


def of_free_answers() -> Mapping[str, Mapper]:
    """The mappers for free answers, by name."""
    return {name: mapper for name, mapper in MAPPERS.items() if not mapper.scored}


@mapper("strict", "equal but for case and blanks at the ends, as in the authors' script")
def strict(glosses: Sequence[str]) -> pl.Expr:
    """The answer is a gloss, whatever its case."""
    literal = {gloss.lower(): index for index, gloss in reversed(list(enumerate(glosses)))}
    answered = pl.col("outcome").is_in([Outcome.ERROR, Outcome.MISSING]).not_()
    text = pl.when(answered).then(pl.col("text").str.strip_chars().str.to_lowercase())
    return text.replace_strict(literal, default=None, return_dtype=pl.Int32)


@mapper("normalised", "equal after normalisation")
def normalised(glosses: Sequence[str]) -> pl.Expr:
    """A form of the answer is a gloss: `zerosign.mapping.normalise`."""
    return pl.when(pl.col("step") == Step.EXACT).then(pl.col("predicted_index"))


@mapper("similarity", "the study's: normalised, else nearest sentence above the threshold")
def similarity(glosses: Sequence[str]) -> pl.Expr:
    """What the study's tables are made from."""
    return pl.col("predicted_index")


@mapper("nearest", "normalised, else nearest sentence, however far")
def nearest(glosses: Sequence[str]) -> pl.Expr:
    """Never out of vocabulary."""
    indices = {gloss: index for index, gloss in enumerate(glosses)}
    found = pl.col("nearest").replace_strict(indices, default=None, return_dtype=pl.Int32)
    return pl.coalesce("predicted_index", found)


@mapper("likelihood", "the likeliest, of a run that scored them", scored=True)
def likelihood(glosses: Sequence[str]) -> pl.Expr:
    """The one mapper for runs that scored all classes."""
    return pl.when(pl.col("step") == Step.LIKELIHOOD).then(pl.col("predicted_index"))
