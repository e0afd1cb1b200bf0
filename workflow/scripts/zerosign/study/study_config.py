"""A study as the user writes it: config/config.yaml. config/README.md explains every key."""

from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from zerosign.alignment.alignment_settings import AlignmentSettings
from zerosign.dataset.dataset_settings import CsvTable, Flag, Split, WlaslTable
from zerosign.demo.demo_settings import DemoSettings
from zerosign.entries import ByValue, Entry, Many, Name, Text, Unique, UniqueSome, wrong
from zerosign.frames.frame_settings import FrameSettings
from zerosign.frames.sampling import Sampling
from zerosign.inference.money import Budget
from zerosign.inference.replay_settings import ReplaySettings
from zerosign.mapping.mapping_settings import MappingSettings, SynonymSource
from zerosign.matching.matching_settings import MatchingSettings
from zerosign.scoring.comparison_families import Family
from zerosign.scoring.statistics_settings import StatisticsSettings
from zerosign.videos.video_sources import FolderSource, VideoSource

RESERVED_SAMPLINGS = ("decoded",)
"""Names of folders next to those of the samplings."""


class _Videos(Entry):
    """Where the videos of a data set come from, and which are needed."""

    split: Split
    """The split to evaluate."""
    videos: Many[VideoSource]
    """In order of preference."""
    fetch: UniqueSome[Split] | None = None
    """Splits whose videos are fetched and checked; the one to evaluate unless said."""
    min_available: Annotated[float, Field(ge=0)] = 0
    """Share (up to 1) or number of clips."""

    @model_validator(mode="after")
    def _fetches_what_is_evaluated(self) -> Self:
        if self.split not in self.fetched:
            raise wrong(f"fetch: must include '{self.split}', the evaluated split (dataset.split)")
        return self

    @property
    def fetched(self) -> Many[Split]:
        """Splits whose videos are needed."""
        return self.fetch or (self.split,)


class WlaslDataset(WlaslTable, _Videos):
    """A data set in WLASL's format, with its videos."""


class CsvDataset(CsvTable, _Videos):
    """A user's own data set, with its videos."""


Dataset = Annotated[
    WlaslDataset | CsvDataset, ByValue("format", {"wlasl": WlaslDataset, "csv": CsvDataset})
]

Names = Annotated[
    Annotated[str, Tag("<name>")] | Annotated[UniqueSome[str], Tag("<names>")],
    Discriminator(lambda value: "<name>" if isinstance(value, str) else "<names>"),
]
"""One name, or a list of names."""


class RunGroup(Entry):
    """The runs of all combinations of its models, prompts and samplings."""

    model: Names
    prompt: Names
    sampling: Names
    needs: Literal["descriptions", "key"] | None = None
    """Left out while the study has no descriptions, or the environment no key of the provider."""


class StudyConfig(Entry):
    """A zerosign study; config/README.md explains every key."""

    study: Name
    """Results go to results/<study>/."""
    demo: DemoSettings | None = None
    """Only in a study whose data set is drawn by the rule make_demo."""
    dataset: Dataset
    shards: Annotated[int, Field(ge=1, le=4096)]
    """Number of jobs that a stage is cut into."""
    store: Text = "store"
    """Folder of all answers that models ever gave; studies share it."""
    parts: Annotated[int, Field(ge=1, le=256)] = 1
    """Number of jobs that ask one checkpoint, each loading it, for those who have so many GPUs."""
    vllm_python: Text | None = None
    """Python of an environment with vLLM; else the one of --sdm conda."""
    budget: Budget | None = None
    """How much money the study may spend."""
    frames: FrameSettings
    samplings: Annotated[dict[Name, Sampling], Field(min_length=1)]
    """Which frames a model sees, each under a name."""
    models: Text
    """YAML file with one entry per model."""
    prompts: Text
    """YAML file with one entry per prompt."""
    runs: Many[RunGroup]
    """None where the study only has replays."""
    leave_out: Unique[Text] = ()
    """Runs that are neither asked nor scored, by name; * stands for any letters."""
    replays: dict[Name, ReplaySettings] = Field(default_factory=dict)
    """Somebody else's predictions, each a CSV, scored on the same clips."""
    mapping: MappingSettings
    synonyms: SynonymSource | None
    """Where the synonyms of the relaxed scores come from."""
    filters: dict[Name, UniqueSome[Flag]]
    """Further scores, each without the clips that have one of its flags."""
    statistics: StatisticsSettings
    comparisons: dict[Name, Family] = Field(default_factory=lambda: {"all": Family()})
    """Families of pairs of runs that are tested together; all pairs are one unless said."""
    descriptions: Unique[Text]
    """CSV files that say how signs are made, the preferred one first."""
    matching: MatchingSettings
    alignment: AlignmentSettings

    @model_validator(mode="after")
    def _free_names(self) -> Self:
        for name in RESERVED_SAMPLINGS:
            if name in self.samplings:
                raise wrong(f"samplings.{name}: this name is reserved; take another")
        return self

    @model_validator(mode="after")
    def _demo_draws_wlasl(self) -> Self:
        if self.demo and self.dataset.format != "wlasl":
            raise wrong("demo: draws a data set in WLASL's format; set dataset.format: wlasl")
        if self.demo and not isinstance(next(iter(self.dataset.videos), None), FolderSource):
            raise wrong("demo: draws its videos into a folder; name it first under dataset.videos")
        return self
