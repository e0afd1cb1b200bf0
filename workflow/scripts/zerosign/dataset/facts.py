"""What is declared of published data sets: config/datasets.yaml."""

from pydantic import Field

from zerosign.dataset.dataset_settings import Download, SourceFacts
from zerosign.entries import Entry, Many, Sha256


class PublishedMetadata(Entry):
    """Where a data set's metadata is published."""

    url: str
    sha256: dict[Sha256, str]
    """What each known checksum stands for."""


class PublishedSplits(Entry):
    """Where its split files are; ``{subset}`` is replaced by the subset."""

    url: str


class PublishedFiles(Entry):
    """The files that a study may download."""

    metadata: PublishedMetadata
    split_file: PublishedSplits


class SplitFileCounts(Entry):
    """What a split file holds; null where it is not known."""

    clips: int | None = None
    train: int | None = None
    val: int | None = None
    test: int | None = None
    extra: Many[str] = ()
    """Ids that are not in the metadata."""


class SubsetChecksums(Entry):
    """Over lists of lines; docs/dataset.md says which."""

    test_ids: Sha256 | None = None
    gloss_list: Sha256 | None = None
    class_table: Sha256 | None = None
    split_file: Sha256 | None = None


class SubsetFacts(Entry):
    """What a verification of one subset must find; null where it is not known."""

    glosses: int | None = None
    clips: int | None = None
    train: int | None = None
    val: int | None = None
    test: int | None = None
    signers: int | None = None
    classes_without_test: int | None = None
    split_file: SplitFileCounts = SplitFileCounts()
    sha256: SubsetChecksums = SubsetChecksums()


class DatasetEntry(Entry):
    """An entry of config/datasets.yaml: what is known; `sources` alone will do."""

    licence: str | None = None
    files: PublishedFiles | None = None
    published: str | None = None
    """File with a digest of every gloss and clip."""
    sources: dict[str, SourceFacts] = Field(default_factory=dict)
    """By the metadata's ``source``."""
    subsets: dict[str, SubsetFacts] = Field(default_factory=dict)
    """By size; none where nothing is to be verified."""


class DatasetFacts(Entry):
    """What is declared of a study's data set; empty where nothing is."""

    expected: SubsetFacts = SubsetFacts()
    metadata: dict[Sha256, str] = Field(default_factory=dict)
    """What each known checksum of the metadata stands for."""
    published: str | None = None
    sources: dict[str, SourceFacts] = Field(default_factory=dict)
    downloads: dict[str, Download] = Field(default_factory=dict)
    """By path."""
