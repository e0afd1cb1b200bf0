"""Map a run's answers to the classes of the study, a row per clip; several per clip vote."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from zerosign import cli
from zerosign.dataset.clips import class_glosses
from zerosign.files import write_parquet
from zerosign.inference.answers import read_answers
from zerosign.mapping import vocabulary
from zerosign.mapping.encoder import read_vectors
from zerosign.mapping.mapper import lists_candidates, map_answers
from zerosign.mapping.mapping_settings import MappingSettings
from zerosign.study_file import StudyFile


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--study", type=Path, required=True, help="settings of the study, JSON")
    made.add_argument("--run", required=True, help="name of the run, or of a replay")
    made.add_argument(
        "--answers", type=Path, required=True, help="folder of its answers, a file per shard"
    )
    made.add_argument("--clips", type=Path, required=True, help="clips.parquet")
    made.add_argument("--texts", type=Path, required=True, help="texts and vectors, Parquet")
    made.add_argument("--forms", type=Path, help="CSV: how glosses are written, mapping.glosses")
    made.add_argument("--output", type=Path, required=True, help="predictions to write, Parquet")
    return made


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, call, write."""
    options = parser().parse_args(argv)
    study = StudyFile(options.study)
    clips = pl.read_parquet(options.clips)
    predictions = map_answers(
        read_answers(options.answers, study.read(int, "shards")),
        clips.filter(pl.col("split") == study.read(str, "dataset", "split")),
        vocabulary.of_study(study, class_glosses(clips), options.forms),
        read_vectors(options.texts),
        study.read(MappingSettings, "mapping"),
        lists_candidates(study, options.run),
    )
    write_parquet(predictions, options.output)
    counts = predictions["outcome"].value_counts(sort=True).iter_rows()
    cli.log.info("%d clips: %s", predictions.height, ", ".join(f"{n} {o}" for o, n in counts))


if __name__ == "__main__":
    cli.run(main)
