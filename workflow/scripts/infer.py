"""Run one model and prompt over the clips of one shard; a journal keeps every answer.

Without --decoded and --selection the model is asked without a video: the no-video control. Its
answer is the same for all clips, so the model runs once.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from zerosign import cli, files
from zerosign.errors import UserError
from zerosign.frames import cache
from zerosign.inference import job
from zerosign.study_file import StudyFile


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--study", type=Path, required=True, help="settings of the study, JSON")
    made.add_argument("--run", required=True, help="name of the run")
    made.add_argument("--shard", type=int, required=True, help="number of the shard")
    made.add_argument("--clips", type=Path, required=True, help="clips.parquet")
    made.add_argument("--availability", type=Path, required=True, help="availability.parquet")
    made.add_argument("--decoded", type=Path, help="the shard's decoded frames (.npz)")
    made.add_argument("--selection", type=Path, help="the shard's frame selection (.npz)")
    made.add_argument(
        "--questions", type=Path, help="several questions per clip: video_id, question, variables"
    )
    made.add_argument("--code", default="", help="digest of the code that makes the answers")
    made.add_argument("--journal", type=Path, required=True, help="journal of answers, kept")
    made.add_argument("--output", type=Path, required=True, help="answers of the shard (.parquet)")
    return made


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, call, write."""
    options = parser().parse_args(argv)
    if (options.decoded is None) != (options.selection is None):
        raise UserError("--decoded and --selection belong together: give both, or neither")
    frames = None
    if options.selection:
        frames = job.Frames(options.decoded, cache.read_selection(options.selection))
    asked = job.read(
        StudyFile(options.study),
        options.run,
        options.shard,
        clips=options.clips,
        availability=options.availability,
        frames=frames,
        asked=options.questions,
        code=options.code,
        journal=options.journal,
    )
    files.write_parquet(job.answer(asked), options.output)


if __name__ == "__main__":
    cli.run(main)
