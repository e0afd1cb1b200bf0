"""An entry of prompts.yaml."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from zerosign.entries import ByKey, Entry, Sha256, Text, Unique


class Task(StrEnum):
    """What a prompt asks about a clip."""

    PREDICT = "predict"
    """Which sign is it?"""
    MATCH = "match"
    """Is it this sign?"""


class TextFile(Entry):
    """A text in a file."""

    file: Text
    sha256: Sha256 | None = None
    """If the text must not change."""


class TextUrl(Entry):
    """A text at an address; a download is kept."""

    url: Annotated[str, Field(pattern=r"^https?://")]
    sha256: Sha256


TextOrSource = Annotated[str | TextFile | TextUrl, ByKey(text=True, file=TextFile, url=TextUrl)]


class Prompt(Entry):
    """A prompt with its texts."""

    task: Task
    system: str | None = None
    user: Text
    variables: Unique[str] = ()
    """Every {variable} that the texts use."""
    orders: Annotated[int, Field(ge=1, le=100)] | None = None
    """Ask so many times, with the candidates in another random order each time."""


class PromptSource(Entry):
    """A prompt as prompts.yaml has it: the words, or where they are."""

    task: Task
    system: TextOrSource | None = None
    user: TextOrSource
    variables: Unique[str] = ()
    """Every {variable} that the texts use."""
    orders: Annotated[int, Field(ge=1, le=100)] | None = None
    """Ask so many times, with the candidates in another random order each time."""
