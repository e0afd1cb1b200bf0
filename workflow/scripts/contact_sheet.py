"""Draw one picture of all clips of a shard: the frames that a sampling shows, with id and gloss.

For looking at the data on this machine; frames of most data sets may not be published.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from zerosign import cli
from zerosign.frames import cache, contact_sheet


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--study", type=Path, help="settings of the study, JSON; nothing is read")
    made.add_argument("--clips", type=Path, required=True, help="clips.parquet")
    made.add_argument("--decoded", type=Path, required=True, help="npz file of decode_frames")
    made.add_argument("--selection", type=Path, required=True, help="npz file of sample_frames")
    made.add_argument("--output", type=Path, required=True, help="JPEG file to write")
    return made


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, call, write."""
    options = parser().parse_args(argv)
    names = pl.read_parquet(options.clips, columns=["video_id", "gloss"])
    selection = cache.read_selection(options.selection)
    shown = contact_sheet.rows(options.decoded, selection, dict(names.iter_rows()))
    total = len(selection.clips) + len(selection.failures)
    contact_sheet.write(list(cli.progress(shown, total, "drawing")), options.output)


if __name__ == "__main__":
    cli.run(main)
