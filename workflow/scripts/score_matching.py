"""Judge the answers of all matching runs, and measure them next to constants."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from zerosign import cli
from zerosign.files import write_parquet
from zerosign.inference.answers import read_answers
from zerosign.matching import verdicts
from zerosign.runs import TableRun
from zerosign.study_file import StudyFile
from zerosign.tables import write_table


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--study", type=Path, required=True, help="settings of the study, JSON")
    made.add_argument("--clips", type=Path, required=True, help="clips.parquet")
    made.add_argument("--pairs", type=Path, required=True, help="pairs.parquet")
    made.add_argument(
        "--answers", type=Path, required=True, help="folder with a folder of answers per run"
    )
    made.add_argument("--table", type=Path, required=True, help="stem of the table")
    made.add_argument("--output", type=Path, required=True, help="verdicts of all runs, Parquet")
    return made


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, call, write."""
    options = parser().parse_args(argv)
    study = StudyFile(options.study)
    runs = study.read(list[TableRun], "matched")
    shards = study.read(int, "shards")
    confidence = study.read(float, "statistics", "confidence")
    pairs = pl.read_parquet(options.pairs)
    judged = [
        verdicts.judged(pairs, read_answers(options.answers / run.name, shards)) for run in runs
    ]
    write_parquet(verdicts.together(runs, judged), options.output)
    table = verdicts.table(judged, pl.read_parquet(options.clips), runs, confidence)
    caption = verdicts.CAPTION.format(level=f"{100 * confidence:g} %")
    write_table(table, options.table, caption)


if __name__ == "__main__":
    cli.run(main)
