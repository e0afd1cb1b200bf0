"""The synthetic data set of a study that draws its own: its key ``demo``."""

from typing import Annotated

from pydantic import Field

from zerosign.entries import Entry, Seed

Signers = Annotated[int, Field(ge=0)]


class DemoSettings(Entry):
    """How many signers each split has; each makes every sign once."""

    seed: Seed
    train_signers: Signers
    val_signers: Signers
    test_signers: Signers
