"""What intervals and tests share: a study's key ``statistics``."""

from typing import Annotated

from pydantic import Field

from zerosign.entries import Entry, Seed


class StatisticsSettings(Entry):
    """What all intervals and tests share."""

    confidence: Annotated[float, Field(gt=0.5, lt=1)]
    """Level of all intervals."""
    permutations: Annotated[int, Field(ge=100)]
    """Number of random permutations of a test."""
    seed: Seed
