"""What the answers of API models cost: a row per run, from what was recorded with each answer."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from zerosign import cli
from zerosign.inference import costs
from zerosign.inference.answers import read_answers
from zerosign.runs import TableRun
from zerosign.study_file import StudyFile
from zerosign.tables import write_table


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--study", type=Path, required=True, help="settings of the study, JSON")
    made.add_argument(
        "--answers", type=Path, required=True, help="folder with a folder of answers per run"
    )
    made.add_argument("--output", type=Path, required=True, help="stem of the table")
    return made


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, call, write."""
    options = parser().parse_args(argv)
    study = StudyFile(options.study)
    runs = study.read(list[TableRun], "api_runs")
    shards = study.read(int, "shards")
    answers = [read_answers(options.answers / run.name, shards) for run in runs]
    write_table(costs.costs(runs, answers), options.output, costs.CAPTION)


if __name__ == "__main__":
    cli.run(main)
