"""Make the demo's data set: a synthetic miniature of WLASL, in WLASL's own formats."""

import argparse
import concurrent.futures
import functools
import os
from collections.abc import Sequence
from pathlib import Path

from zerosign import cli
from zerosign.demo import synthetic
from zerosign.demo.demo_settings import DemoSettings
from zerosign.study_file import StudyFile


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--study", type=Path, required=True, help="settings of the study, JSON")
    made.add_argument("--metadata", type=Path, required=True, help="to write: as WLASL_v0.3.json")
    made.add_argument("--splits", type=Path, required=True, help="to write: as nslt_300.json")
    made.add_argument("--descriptions", type=Path, required=True, help="to write: CSV")
    made.add_argument("--videos", type=Path, required=True, help="folder to write <id>.mp4 to")
    made.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    return made


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, call, write."""
    options = parser().parse_args(argv)
    clips = synthetic.plan(StudyFile(options.study).read(DemoSettings, "demo"))
    options.videos.mkdir(parents=True, exist_ok=True)
    film = functools.partial(synthetic.film, folder=options.videos)
    with concurrent.futures.ProcessPoolExecutor(options.jobs) as pool:
        for _ in cli.progress(pool.map(film, clips, chunksize=8), len(clips), "filming"):
            pass
    synthetic.write_descriptions(options.descriptions)
    synthetic.write_splits(clips, options.splits)
    synthetic.write_metadata(clips, options.metadata)


if __name__ == "__main__":
    cli.run(main)
