"""Take somebody else's predictions, a CSV, as the answers of a run to the clips of one shard."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from zerosign import cli
from zerosign.files import write_parquet
from zerosign.inference import replay
from zerosign.study_file import StudyFile


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--study", type=Path, required=True, help="settings of the study, JSON")
    made.add_argument(
        "--predictions", type=Path, required=True, help="CSV: video_id, answer or predicted_gloss"
    )
    made.add_argument("--clips", type=Path, required=True, help="clips.parquet")
    made.add_argument("--shard", type=int, required=True, help="number of the shard")
    made.add_argument("--output", type=Path, required=True, help="answers, Parquet")
    return made


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, call, write."""
    options = parser().parse_args(argv)
    split = StudyFile(options.study).read(str, "dataset", "split")
    clips = pl.read_parquet(options.clips).filter(split=split)
    found = replay.replayed_answers(options.predictions, clips)
    answered = found.filter(finish="stop").height
    cli.log.info("%d of %d expected clips are answered", answered, clips.height)
    ours = clips.filter(shard=options.shard).select("video_id")
    write_parquet(found.join(ours, on="video_id", how="semi"), options.output)


if __name__ == "__main__":
    cli.run(main)
