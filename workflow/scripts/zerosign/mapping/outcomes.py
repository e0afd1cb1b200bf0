"""What becomes of a clip in a run, and what decided its class: as tables and figures say it."""

from enum import StrEnum


class Outcome(StrEnum):
    """What became of a clip. The order is that of the columns of tables and of bars in figures."""

    CLASSIFIED = "classified"
    """The answer became a class, right or wrong."""
    OUT_OF_VOCABULARY = "out_of_vocabulary"
    """The answer is no gloss, by the mapper that counts."""
    REFUSED = "refused"
    """The model declined to name a sign."""
    BLOCKED = "blocked"
    """The provider withheld the answer."""
    EMPTY = "empty"
    """Nothing is left of the answer without reasoning and punctuation."""
    CUT_OFF = "cut_off"
    """The token limit ended the answer before it named a class."""
    ERROR = "error"
    """The model failed on this clip."""
    MISSING = "missing"
    """The clip has no video that could be read."""


class Step(StrEnum):
    """What decided the class of an answer."""

    EXACT = "exact"
    """The answer names a gloss."""
    SIMILARITY = "similarity"
    """The nearest gloss by the sentence encoder."""
    LIKELIHOOD = "likelihood"
    """The likeliest class of a run that scored all classes."""
    NONE = "none"
    """The answer has no class."""
