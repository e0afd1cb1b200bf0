"""Do a model's own encoders put a clip near the text that describes its sign?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from zerosign.alignment.metrics import ALIGNED
from zerosign.figures import style
from zerosign.figures.figure_registry import Need, Tables, figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PANELS = (  # measure, label, scale
    ("positive", "cosine", 1),
    ("top5", "top-5, %", 100),
    ("aligned", f"cosine > {ALIGNED:g}, %", 100),
)


@figure(
    tables=("alignment",),
    caption="Do a model's own encoders put a clip near the text that describes its sign? Cosine "
    "of clips with their own text (positives) and mean cosine with all other texts (negatives), "
    "retrieval of the own text among those of all glosses, and the share of positives with a "
    f"cosine above {ALIGNED:g}; with intervals over signers.",
    need=Need.ALIGNMENT,
)
def draw(tables: Tables, level: str, origin: str) -> Figure:
    """Three panels side by side; a row per model and sampling."""
    table = tables["alignment"]
    keys = table.select("model", "sampling").unique(maintain_order=True)
    names = [f"{model}, {sampling}" for model, sampling in keys.iter_rows()]
    figure = style.page(style.COLUMN, style.ROW * style.label_rows(names) + 1.15)
    axes = list(figure.subplots(1, 3, sharey=True))
    for ax, (measure, label, scale) in zip(axes, _PANELS, strict=True):
        style.whiskers(ax, _rows(table, keys, measure), "value", scale)
        ax.set_xlabel(label)
        style.grid(ax)
        ax.locator_params(axis="x", nbins=3)
        if scale == 100:
            ax.set_xlim(0, 103)
    _draw_cosines(axes[0], table, keys)
    chance = table.filter(pl.col("measure") == "top5").select(pl.col("chance").max()).item()
    axes[1].axvline(100 * chance, color=style.RED, lw=0.8, ls=":")
    style.label_axis(axes[0], names, width=20)
    handles = [
        style.line("positives", ls="", marker="o", ms=3.5, color=style.BLUE),
        style.line("negatives, mean", ls="", marker="|", ms=6, mew=1.2, color=style.RED),
        style.line("chance", color=style.RED, lw=0.8, ls=":"),
        style.line(f"cosine {ALIGNED:g}", color=style.GREY, lw=0.8, ls="--"),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=4)
    n = f"{style.number_range(table['n'])} of {style.number_range(table['n_expected'])}"
    style.footer(figure, f"n = {n} clips; {level} intervals over signers; {origin}")
    return figure


def _rows(table: pl.DataFrame, keys: pl.DataFrame, measure: str) -> pl.DataFrame:
    """A measure of every model and sampling, in the order of ``keys``; nulls where it has none."""
    part = table.filter(pl.col("measure") == measure)
    return keys.join(part, on=["model", "sampling"], how="left", maintain_order="left")


def _draw_cosines(ax: Axes, table: pl.DataFrame, keys: pl.DataFrame) -> None:
    """What only the panel of cosines has: the negatives, and the line of `ALIGNED`."""
    cosines = table.filter(pl.col("measure").is_in(["positive", "negative"]))
    lowest = cosines.select(pl.min_horizontal("low", "value").min()).item()
    highest = cosines.select(pl.max_horizontal("high", "value").max()).item()
    ax.axvline(ALIGNED, color=style.GREY, lw=0.8, ls="--", zorder=0)
    ax.set_xlim(min(-0.02, 1.1 * lowest), max(0.3, 1.1 * highest))
    negatives = _rows(table, keys, "negative")["value"]
    ax.plot(negatives, range(keys.height), "|", color=style.RED, ms=6, mew=1.2)
