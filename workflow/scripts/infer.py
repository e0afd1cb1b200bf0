"""Run one model and prompt over the clips of one shard; a journal keeps every answer.

Without --decoded and --selection the model is asked without a video: the no-video control. Its
answer is the same for all clips, so the model runs once.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from zerosign import cli, files
from zerosign.frames import cache
from zerosign.inference import job, questions
from zerosign.models import registry
from zerosign.prompts.prompt_entry import Prompt
from zerosign.runs import Run
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
    files.write_parquet(job.answer(read_job(options)), options.output)


def read_job(options: argparse.Namespace) -> job.Job:
    """What the options name."""
    study = StudyFile(options.study)
    run = study.read(Run, "runs", options.run)
    prompt = study.read(Prompt, "prompts", run.prompt)
    clips = pl.read_parquet(options.clips)
    ours = clips.filter(split=study.read(str, "dataset", "split"), shard=options.shard)[
        "video_id"
    ].to_list()
    glosses = sorted(set(clips["gloss"]))
    frames = None
    if options.selection:
        frames = job.Frames(options.decoded, cache.read_selection(options.selection))
    failures = frames.selection.failures if frames else {}
    return job.Job(
        run=options.run,
        model=registry.read(study, run.model),
        prompt=prompt,
        glosses=glosses,
        questions=questions.of_table(options.questions, ours, glosses)
        if options.questions
        else questions.of_prompt(prompt, ours, glosses),
        unanswerable=questions.without_frames(options.availability, ours, failures),
        frames=frames,
        code=options.code,
        journal=options.journal,
    )


if __name__ == "__main__":
    cli.run(main)
