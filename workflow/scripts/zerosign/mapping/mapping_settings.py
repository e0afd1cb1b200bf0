"""From answers to classes: a study's keys ``mapping`` and ``synonyms``."""

from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema

from zerosign.entries import ByKey, Commit, Entry, Text, Unique, wrong
from zerosign.errors import unknown
from zerosign.mapping.mappers import of_free_answers


def _known(name: str) -> str:
    if name not in of_free_answers():
        raise wrong(unknown("mapper for free answers", name, of_free_answers()))
    return name


MapperName = Annotated[
    str,
    AfterValidator(_known),
    WithJsonSchema({"type": "string", "enum": list(of_free_answers())}),
]
"""A mapper for free answers; runs that scored all classes have their own."""


class EncoderSettings(Entry):
    """A sentence encoder: a folder, a hub id with its revision, or ``package:<name>``."""

    checkpoint: Text
    revision: Commit | None = None


class MappingSettings(Entry):
    """How a free answer becomes one of the glosses."""

    mapper: MapperName = "lexical"
    """By which the tables count; the others are compared with it."""
    encoder: EncoderSettings
    threshold: Annotated[float, Field(ge=-1, le=1)]
    """Cosine below which a similar answer is out of vocabulary."""
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$")] = "en"
    """That of the glosses, as ISO 639 writes it."""
    labelled: Unique[Text] = ()
    """CSV files with answers that a reader labelled, which the mappers are held against."""
    glosses: Text | None = None
    """CSV with the columns gloss and form: how glosses are written that are not written so."""


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
