"""Encode the glosses, and all answers that only their similarity to a gloss can map."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from zerosign import cli
from zerosign.dataset.clips import class_glosses
from zerosign.inference.answers import read_answers
from zerosign.mapping import encoder, mapper, vocabulary
from zerosign.mapping.mapping_settings import EncoderSettings
from zerosign.runs import TableRun
from zerosign.study_file import StudyFile


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--study", type=Path, required=True, help="settings of the study, JSON")
    made.add_argument(
        "--answers", type=Path, required=True, help="folder of answers, a folder per run"
    )
    made.add_argument("--clips", type=Path, required=True, help="clips.parquet")
    made.add_argument("--forms", type=Path, help="CSV: how glosses are written, mapping.glosses")
    made.add_argument("--output", type=Path, required=True, help="texts and vectors, Parquet")
    return made


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, call, write."""
    options = parser().parse_args(argv)
    study = StudyFile(options.study)
    clips = pl.read_parquet(options.clips)
    words = vocabulary.of_study(study, class_glosses(clips), options.forms)
    expected = clips.filter(split=study.read(str, "dataset", "split"))
    shards = study.read(int, "shards")
    texts: set[str] = set()
    for run in study.read(list[TableRun], "scored"):
        answers = read_answers(options.answers / run.name, shards)
        texts |= mapper.texts_to_encode(answers, expected, words)
    settings = study.read(EncoderSettings, "mapping", "encoder")
    encode = encoder.load_encoder(settings.checkpoint, settings.revision)
    if texts:
        encoder.check_readable(encode(words.names))
    encoder.write_vectors(sorted(texts), encode, options.output)
    cli.log.info("%d texts", len(texts))


if __name__ == "__main__":
    cli.run(main)
