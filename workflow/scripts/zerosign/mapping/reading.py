"""A reading: what is known of one answer, from which every mapper chooses its class."""

from typing import NamedTuple

from zerosign.mapping.outcomes import Outcome


class Reading(NamedTuple):
    """What is known of an answer, whichever mapper chooses its class. -1 is no class."""

    without_class: Outcome
    """What becomes of it where the mapper chooses none."""
    strict: int = -1
    """The gloss that the answer equals, but for case and blanks at its ends."""
    lexical: int = -1
    """The gloss that it names after normalisation."""
    likeliest: int = -1
    """The likeliest class of a run that scored all of them."""
    compared: str = ""
    """The words of the answer that are compared with the glosses, normalised."""
    similarity: float | None = None
    """Cosine of the nearest gloss; 1 for a lexical match."""
    nearest: int = -1
    """The class of highest cosine, however low; -1 where no cosine was needed."""
    top5: list[int] | None = None
    """The five likeliest classes, where the classes were scored."""
    probability: float | None = None
    """That of the likeliest."""
