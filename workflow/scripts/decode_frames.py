"""Decode each available clip of a shard once, for all samplings of the study."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from zerosign import cli
from zerosign.frames import shard_decoding
from zerosign.frames.frame_settings import FrameSettings
from zerosign.frames.sampling import SAMPLINGS, decode_plan
from zerosign.study_file import StudyFile


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--study", type=Path, required=True, help="settings of the study, JSON")
    made.add_argument("--clips", type=Path, required=True, help="clips.parquet")
    made.add_argument("--availability", type=Path, required=True, help="availability.parquet")
    made.add_argument("--shard", type=int, required=True, help="number of the shard")
    made.add_argument("--output", type=Path, required=True, help="npz file to write")
    return made


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, call, write."""
    options = parser().parse_args(argv)
    study = StudyFile(options.study)
    settings = study.read(FrameSettings, "frames")
    plan = decode_plan(study.read(SAMPLINGS, "samplings").values())
    split = study.read(str, "dataset", "split")
    everything = shard_decoding.clips_of_split(options.clips, options.availability, split)
    rows = [row for row in everything if row["shard"] == options.shard]
    what = f"decode shard {options.shard}"
    for clips, name in ((rows, what), (everything, f"whole {split} split")):
        cli.log.info("%s", shard_decoding.disk_use(clips, plan, settings, name))
    shown = cli.progress(rows, len(rows), what)
    shard_decoding.decode_shard(shown, plan, settings, options.output)


if __name__ == "__main__":
    cli.run(main)
