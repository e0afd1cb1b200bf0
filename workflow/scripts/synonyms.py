"""List the synonyms of every gloss, for scores that count another word for the sign as correct."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from zerosign import cli
from zerosign.dataset.clips import class_glosses
from zerosign.files import write_parquet
from zerosign.mapping.mapping_settings import SynonymSource
from zerosign.mapping.synonyms import from_source
from zerosign.study_file import StudyFile


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--study", type=Path, required=True, help="settings of the study, JSON")
    made.add_argument("--clips", type=Path, required=True, help="clips.parquet")
    made.add_argument("--output", type=Path, required=True, help="synonyms to write, Parquet")
    return made


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, call, write."""
    options = parser().parse_args(argv)
    glosses = class_glosses(pl.read_parquet(options.clips))
    study = StudyFile(options.study)
    # mypy has no type for "a type of entry or a union of these" yet (PEP 747)
    source: SynonymSource = study.read(SynonymSource, "synonyms")  # type: ignore[arg-type]
    found = from_source(source, glosses)
    write_parquet(found, options.output)
    cli.log.info(
        "%d synonyms of %d glosses, %d of them other classes; %d glosses have none",
        found.height,
        len(glosses),
        found["other_class"].count(),
        len(glosses) - found["gloss"].n_unique(),
    )


if __name__ == "__main__":
    cli.run(main)
