"""Draw one figure of the study from its tables, as PDF and PNG."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from zerosign import cli, plots, published
from zerosign.errors import UserError


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--figure", choices=list(plots.FIGURES), required=True, help="which one")
    parser.add_argument(
        "--tables", nargs="+", type=Path, required=True, help="CSV tables, found by their names"
    )
    parser.add_argument("--published", type=Path, help="CSV of published rates")
    parser.add_argument("--dataset", help="dataset whose published rates are shown: WLASL300")
    parser.add_argument("--confidence", type=float, default=0.95, help="level of the intervals")
    parser.add_argument("--digest", required=True, help="digest of the study's configuration")
    parser.add_argument("--output", type=Path, required=True, help="stem of the files")
    options = parser.parse_args(argv)

    tables = {path.stem: read_table(path) for path in options.tables}
    for needed in plots.FIGURES[options.figure][1]:
        if needed not in tables:
            raise UserError(f"figure {options.figure} needs the table {needed}.csv in --tables")
    if options.published:
        rates = published.read(options.published, options.dataset)
        if rates.height:
            tables["published"] = rates
    plots.save(
        plots.draw(options.figure, tables, options.confidence, options.digest), options.output
    )


def read_table(path: Path) -> pl.DataFrame:
    """A CSV table; the gloss "none" stays a word."""
    try:
        return pl.read_csv(path, infer_schema_length=None)
    except FileNotFoundError:
        raise UserError(f"{path}: no such table") from None


if __name__ == "__main__":
    cli.run(main)
