"""What is stored of a decoded clip: a study's key ``frames``."""

from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from zerosign.entries import Entry, wrong


class Storage(StrEnum):
    """How frames are kept on disk."""

    JPEG = "jpeg"
    LOSSLESS = "lossless"
    RAW = "raw"


class Crop(StrEnum):
    """Which part of the picture is kept."""

    BBOX = "bbox"
    """The signer, by the metadata's bounding box."""


JPEG_QUALITY = 95


class FrameSettings(Entry):
    """One decode serves every sampling and every model."""

    short_side: Annotated[int, Field(ge=16, le=2160)] | None
    """Pixels of the shorter side; larger clips are scaled down, null keeps their size."""
    crop: Crop | None = None
    """What is cut out of the picture before it is scaled; null: nothing, all is shown."""
    storage: Storage = Storage.JPEG
    quality: Annotated[int, Field(ge=1, le=100)] | None = None
    """Of JPEG; 95 unless said."""

    @model_validator(mode="after")
    def _quality_is_of_jpeg(self) -> Self:
        if self.quality is not None and self.storage is not Storage.JPEG:
            raise wrong(f"quality has no effect with storage: {self.storage}; remove it")
        return self

    @property
    def jpeg_quality(self) -> int:
        """From 1 to 100."""
        return JPEG_QUALITY if self.quality is None else self.quality

    @property
    def stored_as(self) -> dict[str, Any]:
        """How frames are kept, as the decoded file says it."""
        if self.storage is Storage.JPEG:
            return {"storage": self.storage.value, "quality": self.jpeg_quality}
        return {"storage": self.storage.value}
