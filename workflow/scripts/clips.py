"""Write clips.parquet: a row per clip of the study, in the order of its metadata."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from zerosign import cli
from zerosign.dataset import clips as dataset_clips
from zerosign.errors import located
from zerosign.files import write_parquet
from zerosign.mapping import vocabulary
from zerosign.study_file import StudyFile


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--study", type=Path, required=True, help="settings of the study, JSON")
    made.add_argument("--table", type=Path, required=True, help="metadata, or the study's CSV")
    made.add_argument("--forms", type=Path, help="CSV: how glosses are written, mapping.glosses")
    made.add_argument("--output", type=Path, required=True, help="clips.parquet to write")
    return made


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, call, write."""
    options = parser().parse_args(argv)
    study = StudyFile(options.study)
    rows = dataset_clips.read(options.table, dataset_clips.subset_of(study))
    clips = dataset_clips.clips(rows, study.read(int, "shards"), options.table)
    with located(str(options.table)):
        vocabulary.of_study(study, dataset_clips.class_glosses(clips), options.forms)
    write_parquet(clips, options.output)
    cli.log.info("%d clips of %d glosses", len(clips), clips["gloss"].n_unique())


if __name__ == "__main__":
    cli.run(main)
