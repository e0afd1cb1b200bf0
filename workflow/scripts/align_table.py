"""Gather the alignment of all models in one table."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from zerosign import cli
from zerosign.alignment.metrics import CAPTION, Alignment, table
from zerosign.files import read_json
from zerosign.study_file import StudyFile
from zerosign.tables import write_table


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--study", type=Path, required=True, help="settings of the study, JSON")
    made.add_argument("--alignments", type=Path, required=True, help="folder of align.py's results")
    made.add_argument("--output", type=Path, required=True, help="stem of the table's files")
    return made


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, call, write."""
    options = parser().parse_args(argv)
    models = StudyFile(options.study).read(list[str], "alignment", "models")
    files = [options.alignments / f"{model}.json" for model in models]
    results = [Alignment.of(read_json(file)) for file in files]
    level = f"{100 * results[0].settings.confidence:g} %"
    write_table(table(results), options.output, CAPTION.format(level=level))


if __name__ == "__main__":
    cli.run(main)
