"""What the figures share: sizes, colours, labels, intervals, footers.

A column of a paper is 3.5 inches wide. Colours are Okabe and Ito's, which colour-blind readers can
tell apart. Heights follow the number of rows, so three runs and twenty both fit. The same input
gives the same bytes. matplotlib is imported in the functions that draw: the Snakefile imports the
registry of figures at every start, and must not wait for it.
"""

from __future__ import annotations

import contextlib
import logging
import re
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from zerosign.files import write_atomic

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

COLUMN = 3.5  # inches
PAGE = 7.16
ROW = 0.2  # inches per row with one line of label
BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, RED, PINK = [
    "#000000",
    "#E69F00",
    "#56B4E9",
    "#009E73",
    "#F0E442",
    "#0072B2",
    "#D55E00",
    "#CC79A7",
]
GREY = "#666666"
LABEL_WIDTH = 30  # characters per line of a label

_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 6.5,
    "axes.linewidth": 0.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 7,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "xtick.major.width": 0.5,
    "ytick.major.width": 0.0,
    "ytick.major.size": 0.0,
    "legend.frameon": False,
    "legend.fontsize": 6,
    "legend.columnspacing": 1,
    "legend.handletextpad": 0.4,
    "hatch.linewidth": 0.4,
    "pdf.fonttype": 42,
    "figure.dpi": 100,
}


@contextlib.contextmanager
def applied() -> Iterator[None]:
    """Draw in the style of the figures, whatever the user's own settings of matplotlib."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield


def save(figure: Figure, stem: str | Path) -> None:
    """Write ``<stem>.pdf`` and ``<stem>.png`` (300 dpi) without dates."""
    logging.getLogger("fontTools").setLevel(logging.WARNING)  # it names every glyph it embeds
    dates = {"CreationDate": None, "ModDate": None}
    metadata: dict[str, dict[str, None]] = {"pdf": dates, "png": {"Software": None}}
    for suffix, fields in metadata.items():
        with write_atomic(f"{stem}.{suffix}") as temporary, applied():
            figure.savefig(temporary, dpi=300, metadata=fields)


def page(width: float, height: float) -> Figure:
    """An empty figure of a size in inches."""
    from matplotlib.figure import Figure

    return Figure((width, height), layout="constrained")


def nothing(reason: str, origin: str) -> Figure:
    """A figure that says why there is nothing to draw."""
    figure = page(COLUMN, 1.0)
    figure.text(0.5, 0.6, reason, ha="center", va="center", color=GREY)
    footer(figure, origin)
    return figure


def stack(
    rows: Sequence[float], width: float, extra: float, gap: float = 0.0
) -> tuple[Figure, list[Axes]]:
    """A figure of panels above each other whose heights follow their numbers of rows."""
    height = ROW * sum(rows) + extra + gap * (len(rows) - 1)
    figure = page(width, height)
    axes = figure.subplots(len(rows), 1, height_ratios=rows, squeeze=False)[:, 0]
    return figure, list(axes)


def line(label: str = "", **style: Any) -> Line2D:
    """A line or marker for a legend."""
    from matplotlib.lines import Line2D

    return Line2D([], [], label=label, **style)


def patch(label: str, **style: Any) -> Patch:
    """A filled box for a legend."""
    from matplotlib.patches import Patch

    return Patch(label=label, **style)


def label_rows(labels: Sequence[str], width: int = LABEL_WIDTH) -> float:
    """Height of labels in units of `ROW`: a second line adds less than the first."""
    return sum(max(1.0, 0.62 * len(wrapped(label, width)) + 0.2) for label in labels)


def wrapped(label: str, width: int = LABEL_WIDTH) -> list[str]:
    """Lines of at most `width` characters: broken at blanks, and in long words after . _ / -."""
    words = label.split(" ")
    pieces = [
        piece
        for word in words
        for piece in (re.findall(r"[^._/-]*[._/-]?", word)[:-1] if len(word) > width else [word])
        + [" "]
    ]
    lines = [""]
    for piece in pieces[:-1]:
        if lines[-1] and len(lines[-1]) + len(piece.rstrip()) > width:
            lines.append("")
        lines[-1] += piece if lines[-1] else piece.lstrip()
    return [text.rstrip() for text in lines]


def label_axis(
    ax: Axes, labels: Sequence[str], color: str = BLACK, width: int = LABEL_WIDTH
) -> None:
    """Label the rows of a panel, the first at the top."""
    texts = ["\n".join(wrapped(label, width)) for label in labels]
    ax.set_yticks(range(len(texts)), texts, color=color, linespacing=1.05)
    ax.set_ylim(len(texts) - 0.5, -0.5)


def whiskers(ax: Axes, table: pl.DataFrame, value: str, scale: float) -> None:
    """A point and its interval per row, from the columns `value`, low and high."""
    for y, row in enumerate(table.iter_rows(named=True)):
        if row[value] is None:
            continue
        if row["low"] is not None:
            ax.plot([scale * row["low"], scale * row["high"]], [y, y], color=BLUE, lw=1)
        ax.plot(scale * row[value], y, "o", color=BLUE, ms=3.5, clip_on=False)


def number(ax: Axes, value: str, right: float, y: float, color: str) -> None:
    """A number next to a point, right of all that is drawn there."""
    ax.annotate(
        value,
        (right, y),
        xytext=(5, 0),
        textcoords="offset points",
        va="center",
        fontsize=5.5,
        color=color,
        bbox={"facecolor": ax.get_facecolor(), "edgecolor": "none", "pad": 0.6},
    )


def grid(ax: Axes) -> None:
    """Thin vertical lines behind what is drawn."""
    ax.grid(axis="x", lw=0.3, color="#CCCCCC")
    ax.set_axisbelow(True)


def heat_map(ax: Axes, shares: Sequence[Sequence[float]], **options: Any) -> AxesImage:
    """A grid of cells coloured by percentages, white where there is none (nan)."""
    import matplotlib as mpl

    colours = mpl.colormaps["cividis"].with_extremes(bad="white")
    ax.tick_params(which="both", length=0)
    ax.spines[:].set_visible(False)
    return ax.imshow(shares, aspect="auto", cmap=colours, vmin=0, vmax=100, **options)


def colour_bar(
    figure: Figure, image: AxesImage, axes: Sequence[Axes], label: str, **options: Any
) -> None:
    """The scale of a heat map, right of its panels."""
    bar = figure.colorbar(image, ax=list(axes), pad=0.01, **options)
    bar.set_label(label)
    bar.outline.set_linewidth(0.4)


def number_range(numbers: pl.Series) -> str:
    """ "668", or "576 to 668" where they differ."""
    distinct = numbers.unique().sort().to_list()
    return f"{distinct[0]}" if len(distinct) == 1 else f"{distinct[0]} to {distinct[-1]}"


def footer(figure: Figure, text: str) -> None:
    """Small grey text below all panels."""
    width = int(figure.get_figwidth() * 24)
    figure.supxlabel(
        "\n".join(textwrap.wrap(text, width)), fontsize=5.5, color=GREY, x=0.01, ha="left"
    )
