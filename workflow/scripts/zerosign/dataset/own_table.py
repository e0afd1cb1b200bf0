"""A user's own table of clips: a CSV with a row per clip, a whole file or a part of one."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import polars as pl

from zerosign.errors import UserError

REQUIRED = ("gloss", "split")
PLACES = ("path", "url")
OPTIONAL = ("signer", "video_id", "start", "end", "rate", "bbox")
KNOWN = ("path", *REQUIRED, "url", *OPTIONAL)

T = TypeVar("T")


def read(path: str | Path) -> pl.DataFrame:
    """Rows of a CSV as text, with all columns of `KNOWN`; empty cells are null. `UserError`."""
    try:
        table = pl.read_csv(path, infer_schema=False, encoding="utf8")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{path}: not a readable CSV in UTF-8 ({reason})") from None
    table = table.rename({name: name.strip().lstrip("\ufeff") for name in table.columns})
    if missing := [name for name in REQUIRED if name not in table.columns]:
        raise UserError(f"{path}: no column {missing[0]!r}; needed: {', '.join(REQUIRED)}")
    if not set(PLACES) & set(table.columns):
        raise UserError(f"{path}: no column 'path' or 'url'; one of them says where clips are")
    if unknown := [name for name in table.columns if name not in KNOWN]:
        raise UserError(f"{path}: unknown column {unknown[0]!r}; known: {', '.join(KNOWN)}")
    if table.is_empty():
        raise UserError(f"{path}: has no rows")
    table = table.with_columns(pl.all().str.strip_chars().replace("", None))
    table = table.with_columns(
        pl.lit(None, pl.Utf8).alias(name) for name in KNOWN if name not in table.columns
    )
    for name in REQUIRED:
        refuse(path, table, pl.col(name).is_null(), f"{name!r} is empty")
    refuse(path, table, pl.all_horizontal(pl.col(PLACES).is_null()), "'path' and 'url' are empty")
    no_name = pl.col("path").is_null() & pl.col("video_id").is_null()
    refuse(path, table, no_name, "a clip without 'path' needs a 'video_id'")
    return table


def refuse(path: str | Path, table: pl.DataFrame, fault: pl.Expr, what: str) -> None:
    """`UserError` with the first line that has a fault."""
    bad = table.with_row_index("line", 2).filter(fault)
    if not bad.is_empty():
        raise UserError(f"{path}: line {bad['line'][0]}: {what}")


def ranges(path: str | Path, table: pl.DataFrame) -> tuple[list[float | None], list[float | None]]:
    """Where each clip begins and ends in its file, seconds; None: with the file.

    ``start`` and ``end`` (exclusive) are seconds, or, with a ``rate``, numbers of frames from 0 on
    at so many a second. Raises `UserError`.
    """
    rates = numbers(path, table, "rate")
    starts, ends = numbers(path, table, "start"), numbers(path, table, "end")
    for line, (start, end, rate) in enumerate(zip(starts, ends, rates, strict=True), 2):
        if rate == 0:
            raise UserError(f"{path}: line {line}: 'rate' is 0; leave it empty for seconds")
        if end is not None and end <= (start or 0):
            raise UserError(f"{path}: line {line}: 'end' ({end:g}) is not after 'start'")
    in_seconds = [
        tuple(None if value is None else value / (rate or 1) for value in (start, end))
        for start, end, rate in zip(starts, ends, rates, strict=True)
    ]
    return [start for start, _ in in_seconds], [end for _, end in in_seconds]


def boxes(path: str | Path, table: pl.DataFrame) -> list[list[float] | None]:
    """The part of the picture that shows each signer: left, top, right, bottom. `UserError`.

    In pixels of the upright picture, or in fractions of its size, if none is above 1.
    """

    def box(text: str) -> list[float]:
        values = [float(part) for part in text.replace(",", " ").split()]
        left, top, right, bottom = values
        if not all(map(math.isfinite, values)) or not (0 <= left < right and 0 <= top < bottom):
            raise ValueError
        return values

    return cells(path, table, "bbox", box, "four numbers: left top right bottom")


def numbers(path: str | Path, table: pl.DataFrame, column: str) -> list[float | None]:
    """A column of numbers that are not negative. `UserError`."""

    def number(text: str) -> float:
        value = float(text)
        if not math.isfinite(value) or value < 0:
            raise ValueError
        return value

    return cells(path, table, column, number, "a number from 0 on")


def cells(
    path: str | Path, table: pl.DataFrame, column: str, parse: Callable[[str], T], what: str
) -> list[T | None]:
    """The values of a column, None where it is empty; `UserError` where ``parse`` raises."""
    values: list[Any] = []
    for line, text in enumerate(table[column], 2):
        try:
            values.append(None if text is None else parse(text))
        except ValueError:
            raise UserError(f"{path}: line {line}: {column!r} is {text!r}, not {what}") from None
    return values
