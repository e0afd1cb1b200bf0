"""The tables of scores: a function of this package that `table` decorates makes one.

Rules, `score.py --help` and the report read the registry, so that a new table is one function with
its caption. The Snakefile imports it: modules of this package import scipy inside functions.
"""

import functools
import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from zerosign import scoring as package
from zerosign.dataset.dataset_settings import Flag
from zerosign.mapping.mappers import MAPPERS
from zerosign.prompts.prompt_entry import Prompt
from zerosign.runs import TableRun
from zerosign.scoring.comparison_families import Family
from zerosign.scoring.statistics_settings import StatisticsSettings


@dataclass(frozen=True)
class ScoreInputs:
    """What the tables are made from."""

    joined: pl.DataFrame
    """Predictions of all runs: `zerosign.scoring.joined_runs.join_runs`."""
    clips: pl.DataFrame
    """Clips of all splits."""
    glosses: Sequence[str]
    """By class index."""
    runs: Sequence[TableRun]
    prompts: Mapping[str, Prompt]
    """Those of the runs, by name."""
    flagged: pl.DataFrame
    """Findings of the audit: video_id, flag."""
    filters: Mapping[str, Sequence[Flag]]
    synonyms: pl.DataFrame | None
    published: pl.DataFrame
    """Published rates: `zerosign.scoring.published_rates.read`."""
    settings: StatisticsSettings
    families: Mapping[str, Family]
    """Which pairs of runs are compared."""

    @property
    def confidence(self) -> float:
        """Level of all intervals."""
        return self.settings.confidence


@dataclass(frozen=True)
class ScoreTable:
    """A table: how it is made, and what its caption says."""

    name: str
    module: str
    """The dotted name of its file."""
    caption: str
    """With {level}, {widened}, {n_expected} and {mappers} for what depends on the study."""
    make: Callable[[ScoreInputs], pl.DataFrame]

    @property
    def root(self) -> str:
        """What `zerosign.code_digest` needs to find its code."""
        return f"{self.module}:{self.make.__name__}"

    def caption_for(self, inputs: ScoreInputs) -> str:
        """The caption with the study's numbers."""
        expected = inputs.joined["video_id"].n_unique()
        return self._filled(f"{100 * inputs.confidence:g} %", str(expected))

    @property
    def help(self) -> str:
        """The caption for any study."""
        return self._filled("", "the")

    def _filled(self, level: str, n_expected: str) -> str:
        text = self.caption.format(
            level=level,
            widened=f"{level} Wilson intervals, widened for clips of one signer",
            n_expected=n_expected,
            mappers="; ".join(f"{name}: {entry.summary}" for name, entry in MAPPERS.items()),
        )
        return " ".join(text.split())


_REGISTERED: dict[str, ScoreTable] = {}


def table(
    name: str, caption: str
) -> Callable[[Callable[[ScoreInputs], pl.DataFrame]], Callable[[ScoreInputs], pl.DataFrame]]:
    """Register a function as the table of this name."""

    def register(
        make: Callable[[ScoreInputs], pl.DataFrame],
    ) -> Callable[[ScoreInputs], pl.DataFrame]:
        _REGISTERED[name] = ScoreTable(name, make.__module__, caption, make)
        return make

    return register


@functools.cache
def tables() -> Mapping[str, ScoreTable]:
    """All tables of scores by name."""
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
    return dict(sorted(_REGISTERED.items()))
