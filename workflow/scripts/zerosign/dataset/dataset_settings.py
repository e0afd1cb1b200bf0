"""Which clips a study is about: its key ``dataset``, and config/datasets.yaml."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from zerosign.entries import Entry, Many, Sha256, Text


class Split(StrEnum):
    """A part of a data set."""

    TRAIN = "train"
    VAL = "val"
    TEST = "test"


class Flag(StrEnum):
    """What the audit of a data set may find about a clip; `dataset.leakage.FLAGS` explains them."""

    SIGNER_IN_TRAIN = "signer_in_train"
    IDENTICAL_IN_TRAIN = "identical_in_train"
    IDENTICAL_IN_VAL = "identical_in_val"
    IDENTICAL_TWO_LABELS = "identical_two_labels"
    SEVERAL_VARIANTS = "several_variants"
    NEAR_DUPLICATE = "near_duplicate"


class WlaslTable(Entry):
    """Clips by metadata in the format of WLASL_v0.3.json."""

    format: Literal["wlasl"]
    metadata: Text
    """WLASL_v0.3.json or a file of that format."""
    subset: Annotated[int, Field(ge=2)]
    """The first so many glosses of the metadata."""
    split_file: str | None = None
    """nslt_{subset}.json or a file of that format, to verify the splits against."""
    facts: str | None = None
    """Entry of config/datasets.yaml to verify against; null: nothing is verified."""


class CsvTable(Entry):
    """Clips by a user's own CSV."""

    format: Literal["csv"]
    table: Text
    """CSV with path or url, gloss, split and more; docs/dataset.md."""


class SourceFacts(Entry):
    """How the videos of one source behave."""

    rate: Annotated[float, Field(gt=0)] | Literal["native"] | None = None
    """Frames per second in which frame_start and frame_end count; native: the file's own."""
    referer: str | None = None
    """The page that the site expects its visitors to come from."""
    interval: Annotated[float, Field(ge=0)] | None = None
    """Least seconds between two requests to a host."""


class Download(Entry):
    """A published file: any of the checksums will do."""

    url: str
    sha256: Many[Sha256]
