"""Find near duplicates among the available clips: one take in two splits or under two glosses.

Writes into the output folder the table near_duplicates (a row per pair) and
near_duplicates.parquet (video_id, flag), in the form of verify_splits' flags.parquet.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from zerosign import cli
from zerosign.files import write_parquet
from zerosign.frames import duplicate_pairs
from zerosign.tables import write_table


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--study", type=Path, help="settings of the study, JSON; nothing is read")
    made.add_argument("--clips", type=Path, required=True, help="clips.parquet")
    made.add_argument("--availability", type=Path, required=True, help="availability.parquet")
    made.add_argument("--workers", type=int, default=1, help="clips decoded at a time")
    made.add_argument("--output", type=Path, required=True, help="folder to write into")
    return made


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, call, write."""
    options = parser().parse_args(argv)
    clips = duplicate_pairs.read_clips(options.clips, options.availability)
    table = duplicate_pairs.find(clips, options.workers)
    write_table(table, options.output / "near_duplicates", duplicate_pairs.CAPTION)
    write_parquet(duplicate_pairs.flags(table), options.output / "near_duplicates.parquet")
    cli.log.info("%d near duplicates among %d clips", len(table), len(clips))


if __name__ == "__main__":
    cli.run(main)
