"""Merge the study's files of sign descriptions, and say which glosses they cover."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from zerosign import cli, descriptions
from zerosign.errors import UserError
from zerosign.io import write_parquet
from zerosign.mapping import class_glosses
from zerosign.tables import write_table


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, required=True, help="clips.parquet")
    parser.add_argument(
        "--sources",
        nargs="+",
        required=True,
        help="CSV files in the order of preference, with the columns "
        + ", ".join(descriptions.COLUMNS),
    )
    parser.add_argument("--table", type=Path, required=True, help="stem of the table of coverage")
    parser.add_argument("--output", type=Path, required=True, help="merged descriptions, Parquet")
    options = parser.parse_args(argv)

    glosses = class_glosses(pl.read_parquet(options.clips))
    tables = [(path, descriptions.read(path)) for path in options.sources]
    merged = descriptions.merge(tables, glosses)
    if merged.is_empty():
        files = ", ".join(options.sources)
        raise UserError(f"{files}: none of the study's {len(glosses)} glosses is described")
    write_table(
        descriptions.coverage(tables, glosses, merged),
        options.table,
        f"Descriptions of the {len(glosses)} glosses, file by file in the order of preference: "
        "rows, rows about glosses of other studies, glosses covered, glosses for which the file is "
        "used. The last row names the glosses without description.",
    )
    write_parquet(merged, options.output)
    cli.log.info("%d of %d glosses have a description", merged.height, len(glosses))


if __name__ == "__main__":
    cli.run(main)
