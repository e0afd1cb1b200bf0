"""Whose embeddings are compared with texts: a study's key ``alignment``."""

from zerosign.entries import Entry, Unique


class AlignmentSettings(Entry):
    """The models, and the frames that they see."""

    models: Unique[str]
    sampling: str
