"""Is this clip that sign? Balanced accuracy of the matching runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from zerosign.figures import style
from zerosign.figures.figure_registry import Need, Tables, figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

# Negatives: name, colour, marker, and offset within a run's row.
_NEGATIVES = (("random", style.BLUE, "o", -0.16), ("hard", style.ORANGE, "D", 0.16))


@figure(
    tables=("matching",),
    caption="Is this clip that sign? Balanced accuracy of each run against random and against "
    "hard negatives, with intervals, and the share of pairs that it answers with yes. The dotted "
    "line is chance: what always answering yes, or always no, scores.",
    need=Need.MATCH_RUNS,
)
def draw(tables: Tables, level: str, origin: str) -> Figure:
    """Balanced accuracy on the left, share of yes on the right; a row per run."""
    table = tables["matching"].filter(pl.col("kind") == "run", pl.col("negatives") != "all")
    labels = table["label"].unique(maintain_order=True).to_list()
    figure = style.page(style.COLUMN, style.ROW * 1.6 * style.label_rows(labels, 24) + 1.1)
    axes = list(figure.subplots(1, 2, sharey=True, width_ratios=[3, 2]))
    handles = _draw_runs(axes, table, labels)
    axes[0].axvline(50, color=style.RED, lw=0.8, ls=":", zorder=0)
    handles.append(style.line("always yes, always no", color=style.RED, lw=0.8, ls=":"))
    for ax, name in zip(axes, ("balanced accuracy, %", "answered yes, %"), strict=True):
        ax.set_xlim(0, 100)
        ax.set_xlabel(name)
        style.grid(ax)
    style.label_axis(axes[0], labels, width=24)
    figure.legend(handles=handles, loc="outside upper center", ncols=3)
    n = f"{style.number_range(table['n'])} of {style.number_range(table['n_expected'])}"
    style.footer(
        figure,
        f"n = {n} pairs per point; {level} intervals over signers, none for the share of yes; "
        f"{origin}",
    )
    return figure


def _draw_runs(axes: list[Axes], table: pl.DataFrame, labels: list[str]) -> list[Line2D]:
    """A point per run and kind of negatives; the handles for the legend."""
    handles = []
    for negatives, colour, marker, shift in _NEGATIVES:
        part = table.filter(pl.col("negatives") == negatives)
        for row in part.iter_rows(named=True):
            y = labels.index(row["label"]) + shift
            if row["balanced_accuracy"] is not None:
                if row["low"] is not None:
                    ends = [100 * row["low"], 100 * row["high"]]
                    axes[0].plot(ends, [y, y], color=colour, lw=1, clip_on=False)
                _point(axes[0], 100 * row["balanced_accuracy"], y, marker, colour)
            if row["yes_rate"] is not None:
                _point(axes[1], 100 * row["yes_rate"], y, marker, colour)
        if part.height:
            text = f"{negatives} negatives"
            handles.append(style.line(text, ls="", marker=marker, ms=3.5, color=colour))
    return handles


def _point(ax: Axes, x: float, y: float, marker: str, colour: str) -> None:
    ax.plot(x, y, marker, ms=3.5, color=colour, clip_on=False)
