"""Find every clip's video in the study's sources, decode each file once, and say what it holds.

Fails, after everything is written, if fewer clips are available than the study's min_available.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from zerosign import cli
from zerosign.dataset.dataset_settings import SourceFacts
from zerosign.errors import UserError
from zerosign.files import write_parquet
from zerosign.study_file import StudyFile
from zerosign.tables import write_table
from zerosign.videos import availability, finding
from zerosign.videos.video_sources import VIDEO_SOURCES


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--study", type=Path, required=True, help="settings of the study, JSON")
    made.add_argument("--clips", type=Path, required=True, help="clips.parquet")
    made.add_argument("--videos", type=Path, required=True, help="folder for downloads, kept")
    made.add_argument("--workers", type=int, default=1, help="files decoded at a time")
    made.add_argument("--summary", type=Path, required=True, help="stem of the table")
    made.add_argument("--output", type=Path, required=True, help="availability.parquet to write")
    return made


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, call, write."""
    options = parser().parse_args(argv)
    study = StudyFile(options.study)
    everything = pl.read_parquet(options.clips)
    splits = study.read(list[str], "dataset", "fetch")
    clips = everything.filter(pl.col("split").is_in(splits))
    if clips.is_empty():
        raise UserError(f"{options.clips}: no clip in the splits {' '.join(splits)}")
    search = finding.Search(
        sources=study.read(VIDEO_SOURCES, "dataset", "videos"),
        facts=study.read(dict[str, SourceFacts], "facts", "sources"),
        videos=options.videos,
        workers=options.workers,
    )
    table = finding.find_videos(clips, everything, search)
    write_parquet(table, options.output)
    caption = availability.CAPTION.format(splits=", ".join(splits))
    write_table(availability.summary(clips, table), options.summary, caption)
    finding.log_reasons(table)
    evaluated = clips.filter(pl.col("split") == study.read(str, "dataset", "split"))["video_id"]
    minimum = study.read(float, "dataset", "min_available")
    counted = table.filter(pl.col("video_id").is_in(evaluated.implode()))
    if problem := availability.shortfall(counted, minimum):
        raise UserError(problem)


if __name__ == "__main__":
    cli.run(main)
