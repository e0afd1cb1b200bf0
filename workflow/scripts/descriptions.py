"""Merge the study's files of sign descriptions, and say which glosses they cover."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from zerosign import cli
from zerosign.dataset.clips import class_glosses
from zerosign.files import write_parquet
from zerosign.matching import descriptions
from zerosign.tables import write_table


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--study", type=Path, help="settings of the study, JSON; nothing is read")
    made.add_argument("--clips", type=Path, required=True, help="clips.parquet")
    made.add_argument(
        "--sources",
        nargs="+",
        required=True,
        help="CSV files in the order of preference, with the columns "
        + ", ".join(descriptions.COLUMNS),
    )
    made.add_argument("--table", type=Path, required=True, help="stem of the table of coverage")
    made.add_argument("--output", type=Path, required=True, help="merged descriptions, Parquet")
    return made


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, call, write."""
    options = parser().parse_args(argv)
    glosses = class_glosses(pl.read_parquet(options.clips))
    tables = [(path, descriptions.read(path)) for path in options.sources]
    merged = descriptions.merge(tables, glosses)
    table = descriptions.coverage(tables, glosses, merged)
    write_table(table, options.table, descriptions.CAPTION.format(glosses=len(glosses)))
    write_parquet(merged, options.output)
    cli.log.info("%d of %d glosses have a description", merged.height, len(glosses))


if __name__ == "__main__":
    cli.run(main)
