"""Descriptions of signs: CSV files in the order of preference, the first to describe a gloss wins.

The source and licence of a text stay with it, from the file to the prompt.
"""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from zerosign.errors import UserError
from zerosign.files import write_atomic

COLUMNS = {
    "gloss": "the label, as the data set spells it",
    "description": "how the sign is made",
    "source": "who described it",
    "licence": "what may be done with the text",
    "url": "where it is",
}
"""Columns of a CSV file of descriptions; the first two are required."""

REQUIRED = ("gloss", "description")
CAPTION = (
    "Descriptions of the {glosses} glosses, file by file in the order of preference: rows, rows "
    "about glosses of other studies, glosses covered, glosses for which the file is used. The last "
    "row names the glosses without description."
)


def read(path: str | Path) -> pl.DataFrame:
    """A CSV file (UTF-8) with the columns `COLUMNS`, blanks squeezed; a `UserError` for any fault.

    Empty cells of the optional columns, and columns that the file does not have, are null.
    """
    try:
        table = pl.read_csv(path, infer_schema=False, empty_string_is_null=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UserError(f"{path}: cannot be read as CSV ({str(error).splitlines()[0]})") from None
    for column in REQUIRED:
        if column not in table.columns:
            raise UserError(f"{path}: no column '{column}'; add it")
    for column in table.columns:
        if column not in COLUMNS:
            raise UserError(f"{path}: unknown column '{column}'; known are {', '.join(COLUMNS)}")
    table = table.with_columns(
        pl.all().fill_null("").str.replace_all(r"\s+", " ").str.strip_chars()
    )
    for line, (gloss, description) in enumerate(table.select(REQUIRED).iter_rows(), start=1):
        if not gloss:
            raise UserError(f"{path}: row {line} has no gloss; name it or remove the row")
        if not description:
            raise UserError(f"{path}: gloss '{gloss}' has no description; leave its row out")
    if table["gloss"].is_duplicated().any():
        twice = table.filter(pl.col("gloss").is_duplicated())["gloss"][0]
        raise UserError(f"{path}: duplicate gloss '{twice}'; keep one row")
    optional = [column for column in COLUMNS if column not in REQUIRED]
    absent = [pl.lit(None, pl.String).alias(name) for name in optional if name not in table.columns]
    return table.with_columns(*absent).select(
        *REQUIRED,
        *(pl.when(pl.col(name) != "").then(pl.col(name)).alias(name) for name in optional),
    )


def merge(tables: Sequence[tuple[str, pl.DataFrame]], glosses: Sequence[str]) -> pl.DataFrame:
    """One row per described gloss, in the order of `glosses`: `COLUMNS` and `file`, a name.

    `tables`: name and content (see `read`) of each file, the preferred one first.
    """
    rows = pl.concat(
        table.with_columns(pl.lit(name).alias("file"), pl.lit(rank).alias("rank"))
        for rank, (name, table) in enumerate(tables)
    )
    first = rows.sort("rank", maintain_order=True).unique("gloss", keep="first")
    order = pl.DataFrame({"gloss": list(glosses)}, schema={"gloss": pl.String})
    merged = order.join(first, on="gloss", how="inner", maintain_order="left").drop("rank")
    if merged.is_empty():
        files = ", ".join(name for name, _ in tables)
        raise UserError(
            f"{files}: none of the study's {len(glosses)} glosses is described; spell them as the "
            "data set does"
        )
    return merged


def texts_of(path: Path) -> dict[str, str]:
    """Gloss to description, of merged descriptions (Parquet)."""
    return dict(pl.read_parquet(path, columns=["gloss", "description"]).iter_rows())


def coverage(
    tables: Sequence[tuple[str, pl.DataFrame]], glosses: Sequence[str], merged: pl.DataFrame
) -> pl.DataFrame:
    """How far each file reaches, and all together.

    Columns: file, rows, not_in_study, covered, used, without. covered: glosses of the study that
    the file describes; used: those taken from it, since no file before it has them; without (last
    row alone): the glosses that no file describes.
    """
    rows: list[dict[str, Any]] = []
    for name, table in tables:
        covered = int(table["gloss"].is_in(list(glosses)).sum())
        used = int((merged["file"] == name).sum())
        counts = {"rows": table.height, "not_in_study": table.height - covered}
        rows.append({"file": name, **counts, "covered": covered, "used": used, "without": []})
    described = set(merged["gloss"])
    everything = {
        "file": "all",
        **{key: sum(int(row[key]) for row in rows) for key in ("rows", "not_in_study")},
        "covered": merged.height,
        "used": merged.height,
        "without": [gloss for gloss in glosses if gloss not in described],
    }
    return pl.DataFrame([*rows, everything], schema_overrides={"without": pl.List(pl.String)})


def write(rows: Iterable[tuple[str, ...]], path: Path) -> None:
    """Rows with the columns `COLUMNS` as a CSV file."""
    with (
        write_atomic(path) as temporary,
        open(temporary, "w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows)
