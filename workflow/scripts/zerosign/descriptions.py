"""Descriptions of signs: CSV files in the order of preference, the first to describe a gloss wins.

Where a text comes from and under which licence stands beside it, from the file to the prompt.
"""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from zerosign.errors import UserError

COLUMNS = {
    "gloss": "the label, as the data set spells it",
    "description": "how the sign is made",
    "source": "who described it",
    "licence": "what may be done with the text",
    "url": "where it stands",
}
"""Columns of a CSV file of descriptions; the first two are required."""

REQUIRED = ("gloss", "description")


def read(path: str | Path) -> pl.DataFrame:
    """A CSV file (UTF-8) with the columns `COLUMNS`, blanks squeezed; a `UserError` for any fault.

    Empty cells of the optional columns, and columns that the file lacks, are null.
    """
    try:
        table = pl.read_csv(path, infer_schema=False, empty_string_is_null=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UserError(f"{path}: not a readable CSV ({str(error).splitlines()[0]})") from None
    for column in REQUIRED:
        if column not in table.columns:
            raise UserError(f"{path}: lacks the column '{column}'")
    for column in table.columns:
        if column not in COLUMNS:
            raise UserError(f"{path}: unknown column '{column}'; known are {', '.join(COLUMNS)}")
    table = table.with_columns(
        pl.all().fill_null("").str.replace_all(r"\s+", " ").str.strip_chars()
    )
    for line, (gloss, description) in enumerate(table.select(REQUIRED).iter_rows(), start=1):
        if not gloss:
            raise UserError(f"{path}: row {line} has no gloss")
        if not description:
            raise UserError(f"{path}: gloss '{gloss}' has no description; leave its row out")
    if table["gloss"].is_duplicated().any():
        twice = table.filter(pl.col("gloss").is_duplicated())["gloss"][0]
        raise UserError(f"{path}: gloss '{twice}' stands twice; keep one row")
    optional = [column for column in COLUMNS if column not in REQUIRED]
    absent = [pl.lit(None, pl.String).alias(name) for name in optional if name not in table.columns]
    return table.with_columns(*absent).select(
        *REQUIRED,
        *(pl.when(pl.col(name) != "").then(pl.col(name)).alias(name) for name in optional),
    )


def merge(tables: Sequence[tuple[str, pl.DataFrame]], glosses: Sequence[str]) -> pl.DataFrame:
    """One row a described gloss, in the order of `glosses`: `COLUMNS`, and `file`, its file's name.

    `tables`: name and content (see `read`) of each file, the preferred one first.
    """
    rows = pl.concat(
        table.with_columns(pl.lit(name).alias("file"), pl.lit(rank).alias("rank"))
        for rank, (name, table) in enumerate(tables)
    )
    first = rows.sort("rank", maintain_order=True).unique("gloss", keep="first")
    order = pl.DataFrame({"gloss": list(glosses)}, schema={"gloss": pl.String})
    return order.join(first, on="gloss", how="inner", maintain_order="left").drop("rank")


def coverage(
    tables: Sequence[tuple[str, pl.DataFrame]], glosses: Sequence[str], merged: pl.DataFrame
) -> pl.DataFrame:
    """How far each file reaches, and all together.

    Columns: file, rows, not_in_study, covered, used, without. covered: glosses of the study that
    the file describes; used: those taken from it, since no file before it has them; without (last
    row alone): the glosses that no file describes.
    """
    rows = []
    for name, table in tables:
        covered = int(table["gloss"].is_in(list(glosses)).sum())
        used = int((merged["file"] == name).sum())
        counts = {"rows": table.height, "not_in_study": table.height - covered}
        rows.append({"file": name, **counts, "covered": covered, "used": used, "without": []})
    total = {key: sum(row[key] for row in rows) for key in ("rows", "not_in_study")}
    without = [gloss for gloss in glosses if gloss not in set(merged["gloss"])]
    counts = {"covered": merged.height, "used": merged.height, "without": without}
    return pl.DataFrame(
        [*rows, {"file": "all", **total, **counts}],
        schema_overrides={"without": pl.List(pl.String)},
    )
