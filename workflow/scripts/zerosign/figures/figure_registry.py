"""The figures of a study: every file ``<name>_figure.py`` of this package registers one.

Rules, `figure.py --help` and the report read the registry, so that a new figure is one new file.
The Snakefile imports it: neither this module nor the file of a figure imports matplotlib, which
`zerosign.figures.style` does once something is drawn.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from zerosign import figures as package
from zerosign.errors import UserError
from zerosign.figures import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Tables = Mapping[str, pl.DataFrame]
_SUFFIX = "_figure"
Drawing = Callable[[Tables, str, str], "Figure"]

# Columns that stay text: a published rate is shown as it was printed, 0.30 and not 0.3.
_TEXT = {"published": {"top1": pl.String}}


class Need(StrEnum):
    """What only some studies have."""

    MATCH_RUNS = "match_runs"
    ALIGNMENT = "alignment"


@dataclass(frozen=True)
class StudyFigure:
    """A figure: what it is drawn from and how."""

    name: str
    module: str
    """The dotted name of its file."""
    tables: tuple[str, ...]
    """Names of the tables that it is drawn from."""
    caption: str
    need: Need | None
    """What the study must have, next to the tables that every study has."""
    draw: Drawing

    @property
    def root(self) -> str:
        """What `zerosign.code_digest` needs to find its code."""
        return f"{self.module}:{self.draw.__name__}"


_REGISTERED: dict[str, StudyFigure] = {}


def figure(
    tables: tuple[str, ...], caption: str, need: Need | None = None
) -> Callable[[Drawing], Drawing]:
    """Register a function as the figure that its file is named after.

    The function takes the tables by name, the level of the intervals as text ("95 %"), and the
    configuration's digest as text for the footer.
    """

    def register(draw: Drawing) -> Drawing:
        name = draw.__module__.rpartition(".")[2].removesuffix(_SUFFIX)
        _REGISTERED[name] = StudyFigure(name, draw.__module__, tables, caption, need, draw)
        return draw

    return register


@functools.cache
def figures() -> Mapping[str, StudyFigure]:
    """All figures by name."""
    for module in pkgutil.iter_modules(package.__path__):
        if module.name.endswith(_SUFFIX):
            importlib.import_module(f"{package.__name__}.{module.name}")
    return dict(sorted(_REGISTERED.items()))


def read_tables(name: str, folder: Path) -> dict[str, pl.DataFrame]:
    """The tables that a figure is drawn from, of a folder of CSV files; the gloss "none" is a word.

    A column without any value, whose type nobody can tell, is of polars' type Null. Raises
    `UserError` for a table that is not there.
    """
    return {table: _read(folder / f"{table}.csv", name) for table in figures()[name].tables}


def _read(path: Path, name: str) -> pl.DataFrame:
    try:
        table = pl.read_csv(path, infer_schema_length=None, schema_overrides=_TEXT.get(path.stem))
    except FileNotFoundError:
        raise UserError(f"{path}: no such table; the figure '{name}' is drawn from it") from None
    return table.cast({column.name: pl.Null for column in table if column.is_null().all()})


def draw(name: str, tables: Tables, confidence: float, digest: str) -> Figure:
    """Draw a figure from its tables; ``digest`` of the study's configuration is in its footer."""
    with style.applied():
        return figures()[name].draw(tables, f"{100 * confidence:g} %", f"config {digest}")
