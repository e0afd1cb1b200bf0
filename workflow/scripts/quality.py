"""List the clips of the evaluated split with what is odd about them."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from zerosign import cli
from zerosign.frames import quality
from zerosign.study_file import StudyFile
from zerosign.tables import write_table


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--study", type=Path, required=True, help="settings of the study, JSON")
    made.add_argument("--clips", type=Path, required=True, help="clips.parquet")
    made.add_argument("--availability", type=Path, required=True, help="availability.parquet")
    made.add_argument("--frames", type=Path, required=True, help="folder of the selections")
    made.add_argument("--samplings", nargs="*", default=[], help="whose selections are read")
    made.add_argument("--output", type=Path, required=True, help="stem of the table")
    return made


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, call, write."""
    options = parser().parse_args(argv)
    study = StudyFile(options.study)
    split = study.read(str, "dataset", "split")
    clips = pl.read_parquet(options.clips).filter(pl.col("split") == split)
    shards = study.read(int, "shards")
    selections = quality.read_selections(options.frames, options.samplings, shards)
    table = quality.table(clips, pl.read_parquet(options.availability), selections)
    write_table(table, options.output, quality.CAPTION)
    cli.log.info("%s", quality.summary(table))


if __name__ == "__main__":
    cli.run(main)
