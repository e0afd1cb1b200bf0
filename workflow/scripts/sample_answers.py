"""Draw a stratified sample of a study's own answers for a reader to label.

Fill in the column accept, and name the file under mapping.labelled: docs/mapping.md.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from zerosign import cli
from zerosign.errors import UserError
from zerosign.files import write_atomic
from zerosign.mapping.labelled import sample


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument(
        "--predictions", type=Path, required=True, help="folder: results/<study>/predictions"
    )
    made.add_argument("--size", type=int, default=200, help="how many answers")
    made.add_argument("--seed", type=int, default=0, help="of the draw")
    made.add_argument("--output", type=Path, required=True, help="CSV to write; a new file")
    return made


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, call, write."""
    options = parser().parse_args(argv)
    if options.output.exists():
        raise UserError(f"{options.output}: is there already, perhaps with labels; name a new file")
    files = sorted(options.predictions.glob("*.parquet"))
    if not files:
        raise UserError(f"{options.predictions}: has no predictions; run the study first")
    drawn = sample(
        [(file.stem, pl.read_parquet(file)) for file in files], options.size, options.seed
    )
    with write_atomic(options.output) as temporary:
        drawn.write_csv(temporary)
    cli.log.info("%d answers of %d runs", drawn.height, len(files))


if __name__ == "__main__":
    cli.run(main)
