"""Hold the mappers against a reader: answers labelled by hand, as tables of agreement."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from zerosign import cli
from zerosign.dataset.clips import class_glosses
from zerosign.mapping import encoder, labelled, validity, vocabulary
from zerosign.mapping.mapping_settings import MappingSettings
from zerosign.study_file import StudyFile
from zerosign.tables import write_table


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--study", type=Path, required=True, help="settings of the study, JSON")
    made.add_argument("--clips", type=Path, required=True, help="clips.parquet")
    made.add_argument("--forms", type=Path, help="CSV: how glosses are written, mapping.glosses")
    made.add_argument("--labelled", type=Path, nargs="+", required=True, help="CSV files")
    made.add_argument(
        "--split", default=labelled.REPORTED, help="of files with a column split: which rows"
    )
    made.add_argument("--output", type=Path, required=True, help="folder of the tables")
    return made


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, call, write."""
    options = parser().parse_args(argv)
    study = StudyFile(options.study)
    settings = study.read(MappingSettings, "mapping")
    confidence = study.read(float, "statistics", "confidence")
    glosses = class_glosses(pl.read_parquet(options.clips))
    words = vocabulary.of_study(study, glosses, options.forms)
    answers = [
        answer
        for path in options.labelled
        for answer in labelled.read_labelled(path, words, options.split)
    ]
    encode = encoder.load_encoder(settings.encoder.checkpoint, settings.encoder.revision)
    encoder.check_readable(encode(words.names))
    found = validity.readings(answers, words, encode)
    tables = {
        "mapping_validity": validity.by_mapper(answers, found, settings, confidence),
        "mapping_thresholds": validity.by_threshold(answers, found, settings, confidence),
        "mapping_disagreements": validity.disagreements(answers, found, settings, glosses),
    }
    for name, table in tables.items():
        caption = validity.CAPTIONS[name].format(n=len(answers), level=f"{100 * confidence:g} %")
        write_table(table, options.output / name, caption)
    cli.log.info("%d labelled answers", len(answers))


if __name__ == "__main__":
    cli.run(main)
