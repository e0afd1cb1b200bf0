"""Draw one figure of the study from its tables, as PDF and PNG.

The figures:
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from zerosign import cli
from zerosign.figures import figure_registry, style
from zerosign.study_file import StudyFile


def parser() -> argparse.ArgumentParser:
    """The command line; its help lists the figures with their captions."""
    figures = figure_registry.figures()
    captions = {name: entry.caption for name, entry in figures.items()}
    options = cli.listing_parser(__doc__, captions)
    options.add_argument("--study", required=True, help="the study's settings, JSON")
    options.add_argument("--figure", choices=figures, required=True, help="which one")
    options.add_argument("--tables", type=Path, required=True, help="folder of the study's tables")
    options.add_argument("--output", type=Path, required=True, help="the files, without suffix")
    return options


def main(argv: Sequence[str] | None = None) -> None:
    """Draw and write."""
    options = parser().parse_args(argv)
    study = StudyFile(options.study)
    tables = figure_registry.read_tables(options.figure, options.tables)
    confidence = study.read(float, "statistics", "confidence")
    figure = figure_registry.draw(
        options.figure,
        tables,
        confidence,
        study.read(str, "digest"),
        study.read(str, "mapping", "mapper"),
    )
    style.save(figure, options.output)


if __name__ == "__main__":
    cli.run(main)
