"""Top-1 accuracy of each run, with baselines and published rates."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, Any

import polars as pl

from zerosign.figures import style
from zerosign.figures.figure_registry import Tables, figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

_BASELINE_LINES = (":", "--", "-.")
_PUBLISHED_MARKERS = {"zero-shot": "o", "supervised": "D"}
_CERTAINTY_MARKS = {"verified": "", "secondary": "*", "recalled": "**"}
_MARKS = "; published: secondary source (*), not checked (**), no whole number of n test clips (†)"


@figure(
    tables=("accuracy", "published"),
    caption="Top-1 accuracy of each run over the clips that could be read, with its interval. "
    "Broken lines are baselines that need no model. Published rates, if the data set has any, "
    "are set apart: they were not measured here.",
)
def draw(tables: Tables, level: str, origin: str) -> Figure:
    """Runs with intervals and baselines in one panel; published rates in another below."""
    table, published = tables["accuracy"], tables["published"]
    runs = table.filter(pl.col("kind") == "run")
    has_published = not published.is_empty()
    heights = [style.label_rows(runs["label"].to_list())]
    if has_published:
        heights.append(style.label_rows(published["model"].to_list()))
    figure, axes = style.stack(heights, style.COLUMN, extra=0.95, gap=0.4)
    _draw_runs(axes[0], runs)
    handles = _draw_baselines(axes[0], table.filter(pl.col("kind") == "baseline"))
    if has_published:
        axes[0].set_title("This study")
        axes[0].set_xlim(0, 100)
        handles += _draw_published(axes[1], published)
    else:
        highest = max([*runs["high"].drop_nulls(), *table["top1"].drop_nulls(), 0.01])
        axes[0].set_xlim(0, min(100, 125 * highest))
    for ax in axes:
        style.grid(ax)
    axes[-1].set_xlabel("top-1 accuracy, %")
    figure.legend(handles=handles, loc="outside upper center", ncols=3, handlelength=1.8)
    n = f"{style.number_range(runs['n_available'])} of {style.number_range(runs['n_expected'])}"
    style.footer(
        figure,
        f"n = {n} expected clips; {level} intervals over signers; {origin}"
        + (_MARKS if has_published else ""),
    )
    return figure


def _draw_runs(ax: Axes, runs: pl.DataFrame) -> None:
    style.whiskers(ax, runs, "top1", 100)
    for y, row in enumerate(runs.iter_rows(named=True)):
        if row["top1"] is None:
            continue
        right = row["top1"] if row["high"] is None else row["high"]
        style.number(ax, f"{100 * row['top1']:.1f}", 100 * right, y, style.BLACK)
    style.label_axis(ax, runs["label"].to_list())


def _draw_baselines(ax: Axes, baselines: pl.DataFrame) -> list[Line2D]:
    """A vertical line per baseline; its handle for the legend."""
    handles = []
    for row, dashes in zip(baselines.iter_rows(named=True), cycle(_BASELINE_LINES)):
        if row["top1"] is None:
            continue
        rate = 100 * row["top1"]
        ax.axvline(rate, zorder=0, color=style.RED, lw=0.8, ls=dashes)
        label = f"{row['label']} {rate:.2g} %"
        handles.append(style.line(label, color=style.RED, lw=0.8, ls=dashes))
    return handles


def _draw_published(ax: Axes, published: pl.DataFrame) -> list[Line2D]:
    """Rates from papers: hollow, grey, no intervals; circles zero-shot, diamonds supervised."""
    look: dict[str, Any] = {
        "ls": "",
        "ms": 3.2,
        "mfc": "white",
        "mec": style.GREY,
        "mew": 0.8,
        "clip_on": False,
    }
    ax.set_title("Published, not run here", color=style.GREY)
    ax.set_facecolor("#F4F4F4")
    ax.set_xlim(0, 100)
    for y, row in enumerate(published.iter_rows(named=True)):
        rate = float(row["top1"])
        odd = "" if row["clips"] is not None else "†"
        ax.plot(rate, y, marker=_PUBLISHED_MARKERS[row["kind"]], **look)
        style.number(ax, f"{row['top1']}{odd}", rate, y, style.GREY)
    names = published.select("model", "certainty").iter_rows()
    labels = [f"{model}{_CERTAINTY_MARKS[certainty]}" for model, certainty in names]
    style.label_axis(ax, labels, color=style.GREY)
    return [
        style.line(f"published, {kind}", marker=marker, **look)
        for kind, marker in _PUBLISHED_MARKERS.items()
    ]
