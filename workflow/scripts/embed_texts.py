"""Embed the text of every gloss with a model's own text encoder: glosses, texts and text[C, D]."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from zerosign import cli, gpus
from zerosign.alignment import embeddings
from zerosign.dataset.clips import class_glosses
from zerosign.models import registry
from zerosign.study_file import StudyFile


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--study", type=Path, required=True, help="settings of the study, JSON")
    made.add_argument("--model", required=True, help="name of the model")
    made.add_argument("--clips", type=Path, required=True, help="clips.parquet")
    made.add_argument(
        "--descriptions",
        type=Path,
        help="descriptions.parquet: the texts, without those of other glosses; else the glosses",
    )
    made.add_argument("--output", type=Path, required=True, help="embeddings (.npz)")
    return made


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, call, write."""
    options = parser().parse_args(argv)
    entry = registry.read(StudyFile(options.study), options.model)
    glosses = class_glosses(pl.read_parquet(options.clips))
    texts = embeddings.texts_of(options.descriptions, glosses)
    cli.log.info("%d of %d glosses have a text", len(texts), len(glosses))
    with gpus.claim(entry.gpus):
        embeddings.write_texts(embeddings.load(entry), texts, options.output)


if __name__ == "__main__":
    cli.run(main)
