"""The figures of a study, drawn from its tables. One column of a paper is 3.5 inches wide.

Colours are Okabe and Ito's, which the colour-blind can tell apart. Everything is laid out from the
number of rows, so three runs and twenty both fit. Files are the same bytes for the same input.
"""

import logging
import math
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from zerosign.alignment import ALIGNED
from zerosign.io import write_atomic

mpl.use("agg")
logging.getLogger("fontTools").setLevel(logging.WARNING)  # it tells each glyph it embeds

COLUMN = 3.5  # inches
PAGE = 7.16
ROW = 0.2  # inches a row of one line of label
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
LABEL_WIDTH = 30  # characters of a label's line
GLOSSES_SHOWN = 40
GLOSSES_CONFUSED = 24
RUNS_CONFUSED = 4

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
_OUTCOMES = {  # column: (legend, colour, hatch)
    "correct": ("correct", GREEN, ""),
    "wrong": ("wrong class", ORANGE, ""),
    "out_of_vocabulary": ("no such class", YELLOW, ""),
    "refusal": ("refusal", SKY, "////"),
    "empty": ("empty", "#FFFFFF", ""),
    "cut_off": ("cut off", PINK, "...."),
    "error": ("error", RED, "xxxx"),
    "missing": ("no video", "#BBBBBB", ""),
}
_PUBLISHED_MARKS = (
    "; published: secondary source (*), not checked (**), no whole number of n test clips (†)"
)
# Wrong pairs of matching: name, colour, marker, and where in a run's row they stand.
_WRONG_PAIRS = (("random", BLUE, "o", -0.16), ("hard", ORANGE, "D", 0.16))
_FLOOR = {"chance": ":", "majority": "--", "prior": "-."}


def save(figure: Figure, stem: str | Path) -> None:
    """Write ``<stem>.pdf`` and ``<stem>.png`` (300 dpi) without dates."""
    dates = {"CreationDate": None, "ModDate": None}
    for suffix, metadata in (("pdf", dates), ("png", {"Software": None})):
        with write_atomic(f"{stem}.{suffix}") as temporary, mpl.rc_context(_STYLE):
            figure.savefig(temporary, dpi=300, metadata=metadata)


def draw(name: str, tables: Mapping[str, pl.DataFrame], confidence: float, digest: str) -> Figure:
    """Figure `name` (a key of `FIGURES`) from the tables it needs, by their names."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        return FIGURES[name][0](tables, f"{100 * confidence:g} %", f"config {digest}")


def accuracy(tables: Mapping[str, pl.DataFrame], level: str, origin: str) -> Figure:
    """Top-1 of each run with its interval and the floor; published rates below, set apart."""
    table = tables["accuracy"]
    runs = table.filter(pl.col("kind") == "run", pl.col("top1").is_not_null())
    published = tables.get("published")
    heights = [_rows(runs["label"])]
    if published is not None:
        heights.append(_rows(published["model"]))
    figure, axes = _stack(heights, COLUMN, extra=0.95, gap=0.4)
    top = axes[0]
    _whiskers(top, runs, "top1", 100)
    for y, row in enumerate(runs.iter_rows(named=True)):
        _value(top, f"{100 * row['top1']:.1f}", 100 * row["high"], y, BLACK)
    _labels(top, runs["label"])
    handles = []
    for floor in table.filter(pl.col("kind") == "floor").iter_rows(named=True):
        if floor["top1"] is not None:
            style = {"color": RED, "lw": 0.8, "ls": _FLOOR[floor["run"]]}
            top.axvline(100 * floor["top1"], zorder=0, **style)
            text = f"{floor['label']} {100 * floor['top1']:.2g} %"
            handles.append(Line2D([], [], label=text, **style))
    if published is None:
        highest = max([*runs["high"], *table["top1"].drop_nulls(), 0.01])
        top.set_xlim(0, min(100, 125 * highest))
    else:
        top.set_title("This study")
        top.set_xlim(0, 100)
        axes[1].set_xlim(0, 100)
        handles += _published(axes[1], published)
    for ax in axes:
        _grid(ax)
    axes[-1].set_xlabel("top-1 accuracy, %")
    figure.legend(handles=handles, loc="outside upper center", ncols=3, handlelength=1.8)
    marks = "" if published is None else _PUBLISHED_MARKS
    _footer(figure, f"{_n(runs)}; {level} intervals over signers and glosses; {origin}{marks}")
    return figure


def _published(ax: Axes, published: pl.DataFrame) -> list[Line2D]:
    """Rates from papers: hollow, grey, no intervals; circles zero-shot, diamonds supervised."""
    style = {"ls": "", "ms": 3.2, "mfc": "white", "mec": GREY, "mew": 0.8, "clip_on": False}
    markers = {"zero-shot": "o", "supervised": "D"}
    ax.set_title("Published, not run here", color=GREY)
    ax.set_facecolor("#F4F4F4")
    for y, row in enumerate(published.iter_rows(named=True)):
        rate = float(row["top1"])
        odd = "" if row["clips"] is not None else "†"
        ax.plot(rate, y, marker=markers[row["kind"]], **style)
        _value(ax, f"{row['top1']}{odd}", rate, y, GREY)
    unsure = {"verified": "", "secondary": "*", "recalled": "**"}
    names = published.select("model", "certainty").iter_rows()
    _labels(ax, [f"{model}{unsure[certainty]}" for model, certainty in names], color=GREY)
    return [
        Line2D([], [], marker=marker, label=f"published, {kind}", **style)
        for kind, marker in markers.items()
    ]


def outcomes(tables: Mapping[str, pl.DataFrame], level: str, origin: str) -> Figure:
    """What became of every expected clip, in shares, a bar a run."""
    table = tables["outcomes"].with_columns(wrong=pl.col("mapped") - pl.col("correct"))
    figure, (ax,) = _stack([_rows(table["label"])], COLUMN, extra=1.1)
    left = [0.0] * table.height
    handles = []
    for column, (text, colour, hatch) in _OUTCOMES.items():
        counts = table[column].fill_null(0).to_list()
        if not any(counts):
            continue
        shares = [100 * c / n if n else 0 for c, n in zip(counts, table["n_expected"], strict=True)]
        style = {"facecolor": colour, "edgecolor": BLACK, "linewidth": 0.3, "hatch": hatch}
        ax.barh(range(table.height), shares, left=left, height=0.62, **style)
        left = [a + b for a, b in zip(left, shares, strict=True)]
        handles.append(Patch(label=text, **style))
    _labels(ax, table["label"])
    ax.set_xlim(0, 100)
    ax.set_xlabel("share of expected clips, %")
    figure.legend(
        handles=handles,
        loc="outside upper center",
        ncols=4,
        handlelength=1.2,
    )
    _footer(
        figure,
        f"n = {_range(table['n_expected'])} expected clips a run; counts, no interval; {origin}",
    )
    return figure


def per_gloss(tables: Mapping[str, pl.DataFrame], level: str, origin: str) -> Figure:
    """Accuracy of each run on the glosses that are recognised best, over all runs together."""
    table = tables["per_gloss"].filter(pl.col("n_available") > 0)
    labels = dict(tables["outcomes"].select("run", "label").iter_rows())
    mean = (
        table.group_by("class_index", "gloss")
        .agg(pl.col("top1").mean())
        .sort(["top1", "class_index"], descending=[True, False])
    )
    shown = mean.head(GLOSSES_SHOWN)
    column = {index: x for x, index in enumerate(shown["class_index"])}
    runs = [run for run in labels if run in set(table["run"])]
    grid = [[float("nan")] * shown.height for _ in runs]
    row = {run: y for y, run in enumerate(runs)}
    for entry in table.iter_rows(named=True):
        if entry["class_index"] in column:
            grid[row[entry["run"]]][column[entry["class_index"]]] = 100 * entry["top1"]
    names = [labels[run] for run in runs]
    figure, (ax,) = _stack([_rows(names)], PAGE, extra=1.25)
    colours = mpl.colormaps["cividis"].with_extremes(bad="white")
    image = ax.imshow(grid, aspect="auto", cmap=colours, vmin=0, vmax=100, interpolation="none")
    _labels(ax, names, width=46)
    ax.set_xticks(range(shown.height), shown["gloss"], rotation=90, fontsize=6)
    ax.set_xticks([x + 0.5 for x in range(shown.height - 1)], minor=True)
    ax.set_yticks([y + 0.5 for y in range(len(names) - 1)], minor=True)
    ax.tick_params(which="both", length=0)
    ax.grid(which="minor", color="white", lw=0.4)
    ax.spines[:].set_visible(False)
    bar = figure.colorbar(image, ax=ax, fraction=0.02, pad=0.01)
    bar.set_label("top-1, %")
    bar.outline.set_linewidth(0.4)
    total = mean.height
    which = f"the {shown.height} best recognised of {total}" if shown.height < total else "all"
    clips = table.group_by("run").agg(pl.col("n_available").sum())["n_available"].max()
    _footer(
        figure,
        f"{which} glosses, by mean accuracy over runs; n = {clips} clips a run, "
        f"{_range(table['n_available'])} a gloss; "
        f"no interval at such n; {origin}",
    )
    return figure


def confusion(tables: Mapping[str, pl.DataFrame], level: str, origin: str) -> Figure:
    """What the best runs took each gloss for: rows shown, columns answered, shares of a row.

    Of many glosses, those that were confused with a class most often, over these runs.
    """
    labels = dict(tables["outcomes"].select("run", "label").iter_rows())
    best = tables["outcomes"].sort("correct", descending=True, maintain_order=True)
    runs = best["run"].head(RUNS_CONFUSED).to_list()
    found = tables["confusions"].filter(pl.col("run").is_in(runs))
    totals = tables["per_gloss"].filter(pl.col("run").is_in(runs), pl.col("n_available") > 0)
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
    ranked = ranked.sort(["n", "class_index"], descending=[True, False])
    shown = ranked.head(GLOSSES_CONFUSED).sort("class_index")
    place = {index: at for at, index in enumerate(shown["class_index"])}
    names = shown["gloss"].to_list()
    columns = min(2, len(runs))
    rows = math.ceil(len(runs) / columns)
    side = PAGE / 2
    size = (side * columns, rows * (max(1.4, 0.115 * len(names)) + 1.0) + 0.35)
    figure = Figure(size, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax in axes[len(runs) :]:
        ax.set_visible(False)
    for ax, run in zip(axes, runs, strict=False):
        grid = [[0.0] * (len(names) + 1) for _ in names]
        available = dict(
            totals.filter(pl.col("run") == run).select("class_index", "n_available").iter_rows()
        )
        for index, at in place.items():
            grid[at][-1] = 100.0 if available.get(index) else float("nan")
        for entry in found.filter(pl.col("run") == run).iter_rows(named=True):
            at = place.get(entry["class_index"])
            to = place.get(entry["predicted_index"])
            if at is not None and to is not None:
                share = 100 * entry["n"] / available[entry["class_index"]]
                grid[at][to] += share
                grid[at][-1] -= share
        image = ax.imshow(grid, cmap="cividis", vmin=0, vmax=100, aspect="auto")
        ax.set_xticks(range(len(names) + 1), [*names, "other or none"], rotation=90, fontsize=5.5)
        ax.set_yticks(range(len(names)), names, fontsize=5.5)
        ax.axvline(len(names) - 0.5, color="white", lw=1)
        ax.tick_params(length=0, pad=1.5)
        ax.spines[:].set_visible(False)
        ax.set_title("\n".join(_wrapped(labels[run], 40)), fontsize=6.5)
    bar = figure.colorbar(image, ax=list(axes), fraction=0.03, pad=0.01, aspect=40)
    bar.set_label("share of the clips of a gloss, %")
    bar.outline.set_linewidth(0.4)
    kinds = "all" if len(names) == ranked.height else f"the {len(names)} most confused"
    part = len(runs) < len(labels)
    best_of = f"the {len(runs)} best of {len(labels)} runs" if part else "all runs"
    _footer(
        figure,
        f"rows: gloss shown, columns: answered; {kinds} glosses, {best_of}; "
        f"n = {_range(totals.group_by('run').agg(pl.col('n_available').sum())['n_available'])} "
        f"clips a run, {_range(totals['n_available'])} a gloss; no interval at such n; {origin}",
    )
    return figure


def alignment(tables: Mapping[str, pl.DataFrame], level: str, origin: str) -> Figure:
    """Cosine of right and wrong pairs, top-5 retrieval and aligned share of each model."""
    table = tables["alignment"]
    keys = table.select("model", "sampling").unique(maintain_order=True)
    names = [f"{model}, {sampling}" for model, sampling in keys.iter_rows()]
    height = ROW * _rows(names) + 1.15
    figure = Figure((COLUMN, height), layout="constrained")
    axes = figure.subplots(1, 3, sharey=True)
    panels = (
        ("correct", "cosine", 1),
        ("top5", "top-5, %", 100),
        ("aligned", "cosine > 0.25, %", 100),
    )
    for ax, (measure, label, scale) in zip(axes, panels, strict=True):
        part = keys.join(
            table.filter(pl.col("measure") == measure),
            on=["model", "sampling"],
            how="left",
            maintain_order="left",
        )
        _whiskers(ax, part, "value", scale)
        ax.set_xlabel(label)
        _grid(ax)
        ax.locator_params(axis="x", nbins=3)
        if scale == 100:
            ax.set_xlim(0, 103)
    wrong = keys.join(
        table.filter(pl.col("measure") == "wrong"),
        on=["model", "sampling"],
        how="left",
        maintain_order="left",
    )
    axes[0].axvline(ALIGNED, color=GREY, lw=0.8, ls="--", zorder=0)
    lowest, highest = (
        table.filter(pl.col("measure").is_in(["correct", "wrong"]))
        .select(
            pl.min_horizontal("low", "value").min().alias("low"),
            pl.max_horizontal("high", "value").max().alias("high"),
        )
        .row(0)
    )
    axes[0].set_xlim(min(-0.02, 1.1 * lowest), max(0.3, 1.1 * highest))
    axes[0].plot(wrong["value"], range(keys.height), "|", color=RED, ms=6, mew=1.2)
    chance = table.filter(pl.col("measure") == "top5")["chance"].max()
    axes[1].axvline(100 * chance, color=RED, lw=0.8, ls=":")
    _labels(axes[0], names, width=20)
    figure.legend(
        handles=[
            Line2D([], [], ls="", marker="o", ms=3.5, color=BLUE, label="right pairs"),
            Line2D([], [], ls="", marker="|", ms=6, mew=1.2, color=RED, label="wrong pairs, mean"),
            Line2D([], [], color=RED, lw=0.8, ls=":", label="chance"),
            Line2D([], [], color=GREY, lw=0.8, ls="--", label=f"cosine {ALIGNED:g}"),
        ],
        loc="outside upper center",
        ncols=4,
    )
    _footer(
        figure,
        f"n = {_range(table['n'])} of {_range(table['n_expected'])} clips; "
        f"{level} bootstrap intervals over signers; {origin}",
    )
    return figure


def matching(tables: Mapping[str, pl.DataFrame], level: str, origin: str) -> Figure:
    """Balanced accuracy of each matching run on random and on hard wrong pairs, and its yeses."""
    table = tables["matching"].filter(pl.col("kind") == "run", pl.col("negatives") != "all")
    labels = table["label"].unique(maintain_order=True).to_list()
    figure = Figure((COLUMN, ROW * 1.6 * _rows(labels, 24) + 1.1), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True, width_ratios=[3, 2])
    handles = []
    for negatives, colour, marker, shift in _WRONG_PAIRS:
        part = table.filter(pl.col("negatives") == negatives)
        for row in part.iter_rows(named=True):
            y = labels.index(row["label"]) + shift
            style = {"color": colour, "clip_on": False}
            if row["balanced_accuracy"] is not None:
                axes[0].plot([100 * row["low"], 100 * row["high"]], [y, y], lw=1, **style)
                axes[0].plot(100 * row["balanced_accuracy"], y, marker, ms=3.5, **style)
            if row["yes_rate"] is not None:
                axes[1].plot(100 * row["yes_rate"], y, marker, ms=3.5, **style)
        if part.height:
            text = f"{negatives} wrong pairs"
            handles.append(Line2D([], [], ls="", marker=marker, ms=3.5, color=colour, label=text))
    axes[0].axvline(50, color=RED, lw=0.8, ls=":", zorder=0)
    handles.append(Line2D([], [], color=RED, lw=0.8, ls=":", label="always yes, always no"))
    for ax, name in zip(axes, ("balanced accuracy, %", "answered yes, %"), strict=True):
        ax.set_xlim(0, 100)
        ax.set_xlabel(name)
        _grid(ax)
    _labels(axes[0], labels, width=24)
    figure.legend(handles=handles, loc="outside upper center", ncols=3)
    _footer(
        figure,
        f"n = {_range(table['n'])} of {_range(table['n_expected'])} pairs a point; "
        f"{level} intervals over signers, none of the share of yes; {origin}",
    )
    return figure


def _stack(
    rows: Sequence[float], width: float, extra: float, gap: float = 0.0
) -> tuple[Figure, list[Axes]]:
    """A figure of panels above each other whose heights follow their numbers of rows."""
    height = ROW * sum(rows) + extra + gap * (len(rows) - 1)
    figure = Figure((width, height), layout="constrained")
    axes = figure.subplots(len(rows), 1, height_ratios=rows, squeeze=False)[:, 0]
    return figure, list(axes)


def _rows(labels: Sequence[str], width: int = LABEL_WIDTH) -> float:
    """Height of labels in units of ROW: a second line adds less than the first."""
    return sum(max(1.0, 0.62 * len(_wrapped(label, width)) + 0.2) for label in labels)


def _wrapped(label: str, width: int = LABEL_WIDTH) -> list[str]:
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
    return [line.rstrip() for line in lines]


def _labels(ax: Axes, labels: Sequence[str], color: str = BLACK, width: int = LABEL_WIDTH) -> None:
    texts = ["\n".join(_wrapped(label, width)) for label in labels]
    ax.set_yticks(range(len(texts)), texts, color=color, linespacing=1.05)
    ax.set_ylim(len(texts) - 0.5, -0.5)


def _whiskers(ax: Axes, table: pl.DataFrame, value: str, scale: float) -> None:
    """A point and its interval a row, from the columns `value`, low and high."""
    for y, row in enumerate(table.iter_rows(named=True)):
        if row[value] is None:
            continue
        if row["low"] is not None:
            ax.plot([scale * row["low"], scale * row["high"]], [y, y], color=BLUE, lw=1)
        ax.plot(scale * row[value], y, "o", color=BLUE, ms=3.5, clip_on=False)


def _value(ax: Axes, value: str, right: float, y: float, color: str) -> None:
    """A number beside a point, right of all that is drawn there."""
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


def _grid(ax: Axes) -> None:
    ax.grid(axis="x", lw=0.3, color="#CCCCCC")
    ax.set_axisbelow(True)


def _n(runs: pl.DataFrame) -> str:
    """The clips that rates stand on, as text."""
    return f"n = {_range(runs['n_available'])} of {_range(runs['n_expected'])} expected clips"


def _range(numbers: pl.Series) -> str:
    """ "668", or "576 to 668" where they differ."""
    lowest, highest = numbers.min(), numbers.max()
    return f"{lowest}" if lowest == highest else f"{lowest} to {highest}"


def _footer(figure: Figure, text: str) -> None:
    width = int(figure.get_figwidth() * 24)
    figure.supxlabel(
        "\n".join(textwrap.wrap(text, width)), fontsize=5.5, color=GREY, x=0.01, ha="left"
    )


Drawing = Callable[[Mapping[str, pl.DataFrame], str, str], Figure]
FIGURES: dict[str, tuple[Drawing, tuple[str, ...]]] = {
    "accuracy": (accuracy, ("accuracy",)),
    "outcomes": (outcomes, ("outcomes",)),
    "per_gloss": (per_gloss, ("per_gloss", "outcomes")),
    "confusion": (confusion, ("confusions", "per_gloss", "outcomes")),
    "alignment": (alignment, ("alignment",)),
    "matching": (matching, ("matching",)),
}
