"""From answers to classes: a study's keys ``mapping`` and ``synonyms``."""

from typing import Annotated

from pydantic import Field

from zerosign.entries import ByKey, Commit, Entry, Text


class EncoderSettings(Entry):
    """A sentence encoder: a folder, a hub id with its revision, or ``package:<name>``."""

    checkpoint: Text
    revision: Commit | None = None


class MappingSettings(Entry):
    """How a free answer becomes one of the glosses."""

    encoder: EncoderSettings
    threshold: Annotated[float, Field(ge=-1, le=1)]
    """Cosine below which an answer is out of vocabulary."""


class WordNetSynonyms(Entry):
    """Synonyms by Princeton's WordNet 3.0."""

    wordnet: Text
    """Its database: a folder or a zip archive."""


class SynonymTable(Entry):
    """Synonyms by a CSV with the columns gloss and synonym."""

    table: Text


SynonymSource = Annotated[
    WordNetSynonyms | SynonymTable, ByKey(wordnet=WordNetSynonyms, table=SynonymTable)
]
