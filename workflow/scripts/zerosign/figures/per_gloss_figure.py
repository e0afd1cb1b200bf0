"""Accuracy of each run on each gloss."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from zerosign.figures import style
from zerosign.figures.figure_registry import Tables, figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GLOSSES_SHOWN = 40


@figure(
    tables=("per_gloss", "outcomes"),
    caption="Top-1 accuracy of each run on each gloss, over the clips that could be read; of many "
    f"glosses, the {GLOSSES_SHOWN} that are recognised best over all runs. A gloss has few clips: "
    "look for patterns, not for values.",
)
def draw(tables: Tables, level: str, origin: str) -> Figure:
    """A heat map: a row per run, a column per gloss."""
    table = tables["per_gloss"].filter(pl.col("n_available") > 0)
    if table.is_empty():
        return style.nothing("no clip could be read", origin)
    labels = dict(tables["outcomes"].select("run", "label").iter_rows())
    ranked = (
        table.group_by("class_index", "gloss")
        .agg(pl.col("top1").mean())
        .sort(["top1", "class_index"], descending=[True, False])
    )
    shown = ranked.head(GLOSSES_SHOWN)
    runs = [run for run in labels if run in set(table["run"])]
    names = [labels[run] for run in runs]
    figure, (ax,) = style.stack([style.label_rows(names)], style.PAGE, extra=1.25)
    rates = _rates(table, runs, shown["class_index"].to_list())
    image = style.heat_map(ax, rates, interpolation="none")
    style.label_axis(ax, names, width=46)
    ax.set_xticks(range(shown.height), shown["gloss"].to_list(), rotation=90, fontsize=6)
    _separate_cells(ax, len(names), shown.height)
    style.colour_bar(figure, image, [ax], "top-1, %", fraction=0.02)
    total = ranked.height
    which = f"the {shown.height} best recognised of {total}" if shown.height < total else "all"
    clips = max(table.group_by("run").agg(pl.col("n_available").sum())["n_available"].to_list())
    style.footer(
        figure,
        f"{which} glosses, by mean accuracy over runs; n = {clips} clips per run, "
        f"{style.number_range(table['n_available'])} per gloss; no interval at such n; {origin}",
    )
    return figure


def _rates(table: pl.DataFrame, runs: list[str], classes: list[int]) -> list[list[float]]:
    """Top-1 in %, a row per run and a column per class; nan where a run has no clip."""
    row = {run: y for y, run in enumerate(runs)}
    column = {index: x for x, index in enumerate(classes)}
    rates = [[float("nan")] * len(classes) for _ in runs]
    for entry in table.iter_rows(named=True):
        if entry["class_index"] in column:
            rates[row[entry["run"]]][column[entry["class_index"]]] = 100 * entry["top1"]
    return rates


def _separate_cells(ax: Axes, rows: int, columns: int) -> None:
    ax.set_xticks([x + 0.5 for x in range(columns - 1)], minor=True)
    ax.set_yticks([y + 0.5 for y in range(rows - 1)], minor=True)
    ax.tick_params(which="both", length=0)
    ax.grid(which="minor", color="white", lw=0.4)
