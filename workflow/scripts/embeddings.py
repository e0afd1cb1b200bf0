"""Gather a model's embeddings from the store: of clips, a file per shard, and of texts."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from zerosign import cli
from zerosign.alignment import embeddings
from zerosign.inference.run_questions import Inputs
from zerosign.study_file import StudyFile


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--study", type=Path, required=True, help="settings of the study, JSON")
    made.add_argument("--model", required=True, help="name of the model")
    made.add_argument("--clips", type=Path, required=True, help="clips.parquet")
    made.add_argument("--availability", type=Path, required=True, help="availability.parquet")
    made.add_argument("--frames", type=Path, required=True, help="folder of the frame cache")
    made.add_argument(
        "--descriptions",
        type=Path,
        help="descriptions.parquet: the texts, without those of other glosses; else the glosses",
    )
    made.add_argument("--embed-code", default="", help="digest of the code that embedded")
    made.add_argument("--store", type=Path, required=True, help="folder of all embeddings")
    made.add_argument(
        "--output", type=Path, required=True, help="folder: a file per shard, and text.npz"
    )
    return made


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, call, write."""
    options = parser().parse_args(argv)
    inputs = Inputs(
        StudyFile(options.study),
        clips=options.clips,
        availability=options.availability,
        frames=options.frames,
    )
    texts = embeddings.texts_of(options.descriptions, inputs.glosses)
    cli.log.info("%d of %d glosses have a text", len(texts), len(inputs.glosses))
    found = embeddings.gather(inputs, options.model, options.store, options.embed_code, texts)
    found.write(options.output)


if __name__ == "__main__":
    cli.run(main)
