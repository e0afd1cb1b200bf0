"""Ask one provider over the network all that its runs need and that is in no store.

The store keeps every answer as soon as it is given. The provider's key is read from the
environment variable that the model's entry names, when the first request is sent.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from zerosign import cli, files
from zerosign.inference import api_asking
from zerosign.inference.run_questions import Inputs
from zerosign.study_file import StudyFile


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--study", type=Path, required=True, help="settings of the study, JSON")
    made.add_argument("--provider", required=True, help="name of what is asked, in the study")
    made.add_argument("--clips", type=Path, required=True, help="clips.parquet")
    made.add_argument("--availability", type=Path, required=True, help="availability.parquet")
    made.add_argument("--frames", type=Path, required=True, help="folder of the frame cache")
    made.add_argument("--pairs", type=Path, help="pairs of clip and gloss, for matching runs")
    made.add_argument("--code", default="", help="part of the answers' keys; never changes")
    made.add_argument("--store", type=Path, required=True, help="folder of all answers, kept")
    made.add_argument("--output", type=Path, required=True, help="what was asked, JSON")
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
    asked = api_asking.ask(inputs, options.provider, options.store, options.code)
    files.write_json(asked.as_json(), options.output)


if __name__ == "__main__":
    cli.run(main)
