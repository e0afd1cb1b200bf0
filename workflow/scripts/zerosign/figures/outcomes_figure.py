"""What became of every expected clip."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from zerosign.figures import style
from zerosign.figures.figure_registry import Tables, figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_OUTCOMES = {  # column: (legend, colour, hatch)
    "correct": ("correct", style.GREEN, ""),
    "wrong": ("wrong class", style.ORANGE, ""),
    "out_of_vocabulary": ("out of vocabulary", style.YELLOW, ""),
    "refused": ("refused", style.SKY, "////"),
    "blocked": ("blocked", style.BLUE, "\\\\\\\\"),
    "empty": ("empty", "#FFFFFF", ""),
    "cut_off": ("cut off", style.PINK, "...."),
    "error": ("error", style.RED, "xxxx"),
    "missing": ("missing video", "#BBBBBB", ""),
}


@figure(
    tables=("outcomes",),
    caption="What became of every expected clip in each run: a correct class, a wrong class, or "
    "one of the ways to have no class. Every clip stays in the denominator.",
)
def draw(tables: Tables, level: str, origin: str) -> Figure:
    """A bar per run, in shares of the expected clips."""
    table = tables["outcomes"].with_columns(wrong=pl.col("classified") - pl.col("correct"))
    figure, (ax,) = style.stack(
        [style.label_rows(table["label"].to_list())], style.COLUMN, extra=1.1
    )
    left = [0.0] * table.height
    handles = []
    for column, (text, colour, hatch) in _OUTCOMES.items():
        counts = table[column].fill_null(0).to_list()
        if not any(counts):
            continue
        shares = [100 * c / n if n else 0 for c, n in zip(counts, table["n_expected"], strict=True)]
        look: dict[str, Any] = {
            "facecolor": colour,
            "edgecolor": style.BLACK,
            "linewidth": 0.3,
            "hatch": hatch,
        }
        ax.barh(range(table.height), shares, left=left, height=0.62, **look)
        left = [a + b for a, b in zip(left, shares, strict=True)]
        handles.append(style.patch(text, **look))
    style.label_axis(ax, table["label"].to_list())
    ax.set_xlim(0, 100)
    ax.set_xlabel("share of expected clips, %")
    figure.legend(handles=handles, loc="outside upper center", ncols=4, handlelength=1.2)
    n = style.number_range(table["n_expected"])
    style.footer(figure, f"n = {n} expected clips per run; counts, no interval; {origin}")
    return figure
