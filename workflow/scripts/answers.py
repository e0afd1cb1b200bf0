"""Gather a run's answers from the store: a row per question about a clip, a file per shard."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from zerosign import cli, files
from zerosign.inference import gathering
from zerosign.inference.run_questions import Inputs
from zerosign.study_file import StudyFile


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--study", type=Path, required=True, help="settings of the study, JSON")
    made.add_argument("--run", required=True, help="name of the run")
    made.add_argument("--clips", type=Path, required=True, help="clips.parquet")
    made.add_argument("--availability", type=Path, required=True, help="availability.parquet")
    made.add_argument("--frames", type=Path, required=True, help="folder of the frame cache")
    made.add_argument("--pairs", type=Path, help="pairs of clip and gloss, for a matching run")
    made.add_argument("--code", default="", help="digest of the code that made the answers")
    made.add_argument("--store", type=Path, required=True, help="folder of all answers")
    made.add_argument(
        "--asked", type=Path, nargs="+", required=True, help="what was asked of its model, JSON"
    )
    made.add_argument("--output", type=Path, required=True, help="folder, a file per shard")
    return made


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, call, write."""
    options = parser().parse_args(argv)
    inputs = Inputs(
        StudyFile(options.study),
        clips=options.clips,
        availability=options.availability,
        frames=options.frames,
        pairs=options.pairs,
    )
    asked = gathering.read_asked(options.asked)
    tables = gathering.gather(inputs, options.run, options.code, options.store, asked)
    for shard, table in enumerate(tables):
        files.write_parquet(table, options.output / f"{shard}.parquet")


if __name__ == "__main__":
    cli.run(main)
