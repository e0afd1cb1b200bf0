"""Choose the questions of binary matching: pairs of a clip and a gloss."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from zerosign import cli
from zerosign.dataset.clips import class_glosses
from zerosign.files import write_parquet
from zerosign.mapping import encoder
from zerosign.mapping.mapping_settings import EncoderSettings
from zerosign.matching import descriptions, pairs
from zerosign.matching.matching_settings import MatchingSettings
from zerosign.study_file import StudyFile


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--study", type=Path, required=True, help="settings of the study, JSON")
    made.add_argument("--clips", type=Path, required=True, help="clips.parquet")
    made.add_argument(
        "--descriptions", type=Path, help="descriptions.parquet: only its glosses are in the pairs"
    )
    made.add_argument("--output", type=Path, required=True, help="pairs, Parquet")
    return made


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, call, write."""
    options = parser().parse_args(argv)
    study = StudyFile(options.study)
    entry = study.read(EncoderSettings, "mapping", "encoder")
    encode = encoder.load_encoder(entry.checkpoint, entry.revision)
    clips = pl.read_parquet(options.clips)
    encoder.check_readable(encode(class_glosses(clips)))
    found = pairs.pairs(
        clips,
        study.read(str, "dataset", "split"),
        descriptions.texts_of(options.descriptions) if options.descriptions else None,
        encode,
        study.read(MatchingSettings, "matching"),
    )
    write_parquet(found, options.output)
    counts = found["kind"].value_counts(sort=True).iter_rows()
    cli.log.info(
        "%d of %d glosses are in the pairs; %d pairs: %s",
        found["gloss"].n_unique(),
        clips["gloss"].n_unique(),
        found.height,
        ", ".join(f"{n} {kind}" for kind, n in counts),
    )


if __name__ == "__main__":
    cli.run(main)
