"""Choose which decoded frames of a shard's clips a sampling shows."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from zerosign import cli
from zerosign.frames import cache
from zerosign.frames.sampling import SAMPLING
from zerosign.study_file import StudyFile


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--study", type=Path, required=True, help="settings of the study, JSON")
    made.add_argument("--decoded", type=Path, required=True, help="npz file of decode_frames")
    made.add_argument("--sampling", required=True, help="name of the sampling")
    made.add_argument("--output", type=Path, required=True, help="npz file to write (no pixels)")
    return made


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, call, write."""
    options = parser().parse_args(argv)
    sampling = StudyFile(options.study).read(SAMPLING, "samplings", options.sampling)
    cache.write_selection(options.decoded, sampling, options.output)


if __name__ == "__main__":
    cli.run(main)
