"""How well mappers agree with a reader, over the threshold of the similarity."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from zerosign.figures import style
from zerosign.figures.figure_registry import Need, Tables, figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MEASURES = {  # column: (legend, colour)
    "agreement": ("agreement", style.BLUE),
    "found": ("glosses found", style.GREEN),
    "false_classes": ("false classes", style.RED),
}


@figure(
    tables=("mapping_thresholds",),
    caption="Answers labelled by hand, and how the mapper lexical_similarity takes them at "
    "thresholds of the cosine: how often it agrees with the reader, which share of the answers "
    "that are a gloss get it, and which share of those that are none get one. Dotted lines are the "
    "mapper lexical; the vertical line is the study's threshold.",
    need=Need.LABELLED,
    of_classes=False,
)
def draw(tables: Tables, level: str, origin: str) -> Figure:
    """A line per measure with its interval where it has one; the lexical mapper dotted."""
    table = tables["mapping_thresholds"]
    swept = table.filter(pl.col("threshold").is_not_null())
    lexical = table.filter(pl.col("threshold").is_null())
    figure = style.page(style.COLUMN, 2.4)
    ax = figure.subplots()
    for column, (_, colour) in _MEASURES.items():
        ax.plot(swept["threshold"], 100 * swept[column], color=colour, lw=1, clip_on=False)
        ax.axhline(100 * lexical[column].item(), color=colour, lw=0.8, ls=":")
        if f"{column}_low" in table.columns:
            low, high = (100 * swept[f"{column}_{end}"] for end in ("low", "high"))
            ax.fill_between(swept["threshold"], low, high, color=colour, alpha=0.15, lw=0)
    for threshold in swept.filter(pl.col("chosen"))["threshold"]:
        ax.axvline(threshold, color=style.GREY, lw=0.8, ls="--", zorder=0)
    ax.set_xlim(float(swept["threshold"][0]), 1)
    ax.set_ylim(0, 100)
    ax.set_xlabel("threshold of the cosine")
    ax.set_ylabel("share of answers, %")
    style.grid(ax)
    handles = [style.line(label, color=colour, lw=1) for label, colour in _MEASURES.values()]
    handles.append(style.line("lexical", color=style.GREY, lw=0.8, ls=":"))
    figure.legend(handles=handles, loc="outside upper center", ncols=4)
    style.footer(
        figure,
        f"n = {lexical['n'].item()} labelled answers, {lexical['n_no_gloss'].item()} of them no "
        "gloss; "
        f"{level} intervals of agreement and false classes; {origin}",
    )
    return figure
