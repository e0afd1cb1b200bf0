"""Where videos come from: the list ``dataset.videos`` of a study, in order of preference."""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field

from zerosign.entries import HUB_ID, ByKey, Commit, Entry, Text


class Layout(StrEnum):
    """What a folder's files are."""

    AUTO = "auto"
    CLIPS = "clips"
    """Files that hold one clip each."""
    RAW = "raw"
    """Whole videos that clips are cut from."""


class FolderSource(Entry):
    """A folder on this machine."""

    folder: Text
    layout: Layout = Layout.AUTO


class HubSource(Entry):
    """A data set on the Hugging Face hub, at one commit."""

    hub: Annotated[str, Field(pattern=HUB_ID)]
    revision: Commit
    layout: Layout = Layout.CLIPS


class UrlSource(Entry):
    """The addresses in the metadata."""

    urls: Literal[True]
    interval: Annotated[float, Field(ge=0)] | None = None
    """Seconds between two requests to a host."""
    max_mb: Annotated[float, Field(gt=0)] | None = None
    retry: bool = False
    """Ask again for what failed before."""
    private_hosts: bool = False
    """Allow addresses that are not public."""


VideoSource = Annotated[
    FolderSource | HubSource | UrlSource,
    ByKey(folder=FolderSource, hub=HubSource, urls=UrlSource),
]

VIDEO_SOURCES: Any = list[VideoSource]
"""The type of a study's ``dataset.videos``."""
