"""Which gloss is taken for which."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import polars as pl

from zerosign.figures import style
from zerosign.figures.figure_registry import Tables, figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

GLOSSES_SHOWN = 24
RUNS_SHOWN = 4


@figure(
    tables=("confusions", "per_gloss", "outcomes"),
    caption=f"Which gloss is taken for which, in the best runs (at most {RUNS_SHOWN}): shares of "
    "the clips of a gloss that could be read. Correct answers are on the diagonal. Of many "
    f"glosses, the {GLOSSES_SHOWN} that are confused most often in these runs.",
)
def draw(tables: Tables, level: str, origin: str) -> Figure:
    """A heat map per run: rows are the glosses shown, columns those answered."""
    labels = dict(tables["outcomes"].select("run", "label").iter_rows())
    best = tables["outcomes"].sort("correct", descending=True, maintain_order=True)
    runs = best["run"].head(RUNS_SHOWN).to_list()
    found = tables["confusions"].filter(pl.col("run").is_in(runs))
    totals = tables["per_gloss"].filter(pl.col("run").is_in(runs), pl.col("n_available") > 0)
    if totals.is_empty():
        return style.nothing("no clip could be read", origin)
    ranked = _by_confusions(found, totals)
    shown = ranked.head(GLOSSES_SHOWN).sort("class_index")
    names = shown["gloss"].to_list()
    figure, axes = _panels(len(runs), len(names))
    for ax, run in zip(axes, runs, strict=True):
        own = pl.col("run") == run
        shares = _shares(found.filter(own), totals.filter(own), shown["class_index"].to_list())
        image = _draw_run(ax, shares, names)
        ax.set_title("\n".join(style.wrapped(labels[run], 40)), fontsize=6.5)
    style.colour_bar(
        figure, image, axes, "share of the clips of a gloss, %", fraction=0.03, aspect=40
    )
    which = "all" if len(names) == ranked.height else f"the {len(names)} most confused"
    part = len(runs) < len(labels)
    best_of = f"the {len(runs)} best of {len(labels)} runs" if part else "all runs"
    per_run = totals.group_by("run").agg(pl.col("n_available").sum())["n_available"]
    style.footer(
        figure,
        f"rows: gloss shown, columns: answered; {which} glosses, {best_of}; "
        f"n = {style.number_range(per_run)} clips per run, "
        f"{style.number_range(totals['n_available'])} per gloss; no interval at such n; {origin}",
    )
    return figure


def _by_confusions(found: pl.DataFrame, totals: pl.DataFrame) -> pl.DataFrame:
    """Glosses, those first that most often were taken for another or another for them."""
    wrong = found.filter(pl.col("class_index") != pl.col("predicted_index"))
    involved = pl.concat(
        [
            totals.select("class_index", "gloss", n=pl.lit(0)),
            wrong.select("class_index", "gloss", "n"),
            wrong.select(pl.col("predicted_index").alias("class_index"), gloss="predicted", n="n"),
        ],
        how="vertical_relaxed",
    )
    ranked = involved.group_by("class_index", "gloss").agg(pl.col("n").sum())
    return ranked.sort(["n", "class_index"], descending=[True, False])


def _panels(runs: int, glosses: int) -> tuple[Figure, list[Axes]]:
    """A panel per run, two in a row."""
    columns = min(2, runs)
    rows = math.ceil(runs / columns)
    height = rows * (max(1.4, 0.115 * glosses) + 1.0) + 0.35
    figure = style.page(style.PAGE / 2 * columns, height)
    axes = list(figure.subplots(rows, columns, squeeze=False).ravel())
    for ax in axes[runs:]:
        ax.set_visible(False)
    return figure, axes[:runs]


def _shares(found: pl.DataFrame, totals: pl.DataFrame, classes: list[int]) -> list[list[float]]:
    """Shares in % of a run's answers: a row per class shown, a column per class answered.

    The last column is for all other answers, and for none. nan where a class has no clip.
    """
    place = {index: at for at, index in enumerate(classes)}
    available = dict(totals.select("class_index", "n_available").iter_rows())
    shares = [[0.0] * len(classes) + [100.0 if available.get(i) else math.nan] for i in classes]
    for entry in found.iter_rows(named=True):
        row, column = place.get(entry["class_index"]), place.get(entry["predicted_index"])
        if row is not None and column is not None:
            share = 100 * entry["n"] / available[entry["class_index"]]
            shares[row][column] += share
            shares[row][-1] -= share
    return shares


def _draw_run(ax: Axes, shares: list[list[float]], names: list[str]) -> AxesImage:
    image = style.heat_map(ax, shares)
    ax.set_xticks(range(len(names) + 1), [*names, "other or none"], rotation=90, fontsize=5.5)
    ax.set_yticks(range(len(names)), names, fontsize=5.5)
    ax.axvline(len(names) - 0.5, color="white", lw=1)
    ax.tick_params(pad=1.5)
    return image
