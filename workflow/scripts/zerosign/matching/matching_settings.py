"""The negatives of matching runs: a study's key ``matching``."""

from typing import Annotated

from pydantic import Field

from zerosign.entries import Count, Entry, Seed


class MatchingSettings(Entry):
    """How many negatives, and which."""

    seed: Seed
    random: Count
    """Random negatives for each positive."""
    hard: Annotated[int, Field(ge=0)]
    """Nearest other glosses that each clip is paired with."""
