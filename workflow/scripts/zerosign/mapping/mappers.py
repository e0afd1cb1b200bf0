"""Mappers: ways to get from an answer to a class. A study counts by one and compares all.

A function that `mapper` decorates is one; tables, captions and ``--help`` read the registry. It
chooses from a `zerosign.mapping.reading.Reading`. What another mapper needs to know of an answer
from elsewhere, as a judge's verdict on it, is one more field there, filled in from a file as the
cosines are.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from zerosign.mapping.outcomes import Outcome, Step
from zerosign.mapping.reading import Reading

Choice = tuple[int, Step]
"""Class index, -1 for none, and what decided."""
Choose = Callable[[Reading, float], Choice]
"""From what is known of an answer, and the threshold of the similarity, to its class."""

_NONE: Choice = (-1, Step.NONE)


@dataclass(frozen=True)
class Mapper:
    """A way to get from answers to classes."""

    name: str
    summary: str
    choose: Choose
    scored: bool
    """Whether it is for runs that scored all classes; the others are for free answers."""


class Decision:
    """What an answer became, by one mapper."""

    def __init__(self, reading: Reading, mapper: "Mapper", threshold: float) -> None:
        self.reading = reading
        self.class_index, self.step = mapper.choose(reading, threshold)
        classified = self.class_index >= 0
        self.outcome = Outcome.CLASSIFIED if classified else reading.without_class


MAPPERS: dict[str, Mapper] = {}
LIKELIHOOD = "likelihood"
"""The one mapper for runs that scored all classes, whichever the study counts by."""


def mapper(name: str, summary: str, scored: bool = False) -> Callable[[Choose], Choose]:
    """Register a function as the mapper of this name."""

    def register(choose: Choose) -> Choose:
        MAPPERS[name] = Mapper(name, summary, choose, scored)
        return choose

    return register


def of_free_answers() -> Mapping[str, Mapper]:
    """The mappers for free answers, by name."""
    return {name: mapper for name, mapper in MAPPERS.items() if not mapper.scored}


@mapper("strict", "equal but for case and blanks at the ends, as in the authors' script")
def strict(reading: Reading, threshold: float) -> Choice:
    """The answer is a gloss, whatever its case."""
    return (reading.strict, Step.EXACT) if reading.strict >= 0 else _NONE


@mapper("lexical", "names one gloss after normalisation")
def lexical(reading: Reading, threshold: float) -> Choice:
    """What a reader finds named: `zerosign.mapping.decisions.lexical`."""
    return (reading.lexical, Step.EXACT) if reading.lexical >= 0 else _NONE


@mapper("lexical_similarity", "lexical, else the nearest sentence embedding above the threshold")
def lexical_similarity(reading: Reading, threshold: float) -> Choice:
    """The protocol of the paper's rebuttal, with a threshold."""
    near = reading.similarity is not None and reading.similarity >= threshold
    return nearest(reading, threshold) if near else lexical(reading, threshold)


@mapper("nearest", "lexical, else the nearest sentence embedding, however far")
def nearest(reading: Reading, threshold: float) -> Choice:
    """The protocol of the paper's rebuttal: never out of vocabulary."""
    if reading.lexical >= 0:
        return lexical(reading, threshold)
    return (reading.nearest, Step.SIMILARITY) if reading.nearest >= 0 else _NONE


@mapper(LIKELIHOOD, "the likeliest, of a run that scored them", scored=True)
def likelihood(reading: Reading, threshold: float) -> Choice:
    """The one mapper for runs that scored all classes."""
    return (reading.likeliest, Step.LIKELIHOOD) if reading.likeliest >= 0 else _NONE
