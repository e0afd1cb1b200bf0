"""A table in the forms a study needs: CSV for programs, Markdown for eyes, LaTeX for a paper.

CSV keeps every digit; the other two round. Same frame, same caption: same bytes. The caption has a
file of its own, which the report shows.
"""

import math
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from zerosign.files import write_atomic

_LONG = 50  # rows; a longer LaTeX table may break over pages
FORMS = ("csv", "md", "tex", "rst")
"""Suffixes of the files that `write_table` writes."""
_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
}


def write_table(frame: pl.DataFrame, stem: str | Path, caption: str) -> None:
    """Write ``<stem>`` as .csv, .md and .tex, and its caption as .rst, each atomically.

    Columns may hold numbers, text, truth values or lists of these (joined by "; "); null and nan
    are empty cells. A dot in the stem's name stays. LaTeX needs the booktabs package, and longtable
    beyond 50 rows.
    """
    flat = frame.with_columns(
        pl.col(name).map_elements(_joined, return_dtype=pl.String).alias(name)
        for name, dtype in frame.schema.items()
        if isinstance(dtype, pl.List)
    ).with_columns(pl.selectors.float().fill_nan(None))
    cells = [_cells(flat[name]) for name in flat.columns]
    rows = list(zip(*cells, strict=True))
    numeric = [dtype.is_numeric() for dtype in flat.dtypes]
    texts = {
        "csv": flat.write_csv(),
        "md": _markdown(flat.columns, rows, numeric, caption),
        "tex": _latex(flat.columns, rows, numeric, caption, Path(stem).name),
        "rst": escape_restructured(caption) + "\n",
    }
    for suffix, text in texts.items():
        with write_atomic(f"{stem}.{suffix}") as temporary:
            temporary.write_text(text, "utf-8")


def escape_latex(text: str) -> str:
    """Make text stand for itself in LaTeX; line breaks become spaces."""
    return "".join(_LATEX.get(character, character) for character in _one_line(text))


def escape_markdown(text: str) -> str:
    """Make text stand for itself in a cell of a Markdown table; line breaks become spaces."""
    return re.sub(r"([\\`*_\[\]<>|~])", r"\\\1", _one_line(text))


def escape_restructured(text: str) -> str:
    """Make text stand for itself in reStructuredText, and in the report's templates."""
    escaped = re.sub(r"([\\`*_|<>])", r"\\\1", _one_line(text))
    return re.sub(r"[{}]", lambda brace: "{{ '" + brace[0] + "' }}", escaped)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _joined(values: Iterable[Any]) -> str:
    return "; ".join(str(value) for value in values)


def _cells(column: pl.Series) -> list[str]:
    """A column's cells as text: floats of one column with the same number of decimals."""
    if not column.dtype.is_float():
        return ["" if value is None else str(value) for value in column]
    finite = [abs(v) for v in column if v is not None and math.isfinite(v) and v != 0]
    small = bool(finite) and min(finite) < 5e-4  # four decimals would hide it: p-values
    form = "{:.3g}" if small else "{:.4f}"
    return ["" if value is None else form.format(value) for value in column]


def _markdown(
    names: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[bool], caption: str
) -> str:
    def line(cells: Iterable[str]) -> str:
        return "| " + " | ".join(cells) + " |"

    lines = [escape_markdown(caption), "", line(map(escape_markdown, names))]
    lines.append(line("---:" if right else "---" for right in numeric))
    lines += [line(map(escape_markdown, row)) for row in rows]
    return "\n".join(lines) + "\n"


def _latex(
    names: Sequence[str],
    rows: Sequence[Sequence[str]],
    numeric: Sequence[bool],
    caption: str,
    label: str,
) -> str:
    def line(cells: Iterable[str]) -> str:
        return " & ".join(map(escape_latex, cells)) + r" \\"

    columns = "".join("r" if right else "l" for right in numeric)
    head = (
        rf"\caption{{{escape_latex(caption)}}}\label{{tab:{re.sub(r'[^A-Za-z0-9.-]', '-', label)}}}"
    )
    body = [line(row) for row in rows]
    if len(rows) > _LONG:
        lines = [
            rf"\begin{{longtable}}{{{columns}}}",
            head + r" \\",
            r"\toprule",
            line(names),
            r"\midrule",
            r"\endhead",
            r"\bottomrule",
            r"\endfoot",
            *body,
            r"\end{longtable}",
        ]
    else:
        lines = [
            r"\begin{table}",
            r"\centering",
            head,
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            line(names),
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
        ]
    return "\n".join(lines) + "\n"
