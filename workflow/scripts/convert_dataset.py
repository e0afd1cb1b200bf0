"""Make the CSV of a data set of one's own from the lists of a published one; run by hand.

Where the lists come from, and under which terms: docs/other-datasets.md. Nothing is downloaded.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from zerosign import cli
from zerosign.dataset import converting


def parser() -> argparse.ArgumentParser:
    """The command line."""
    known = {name: entry.what for name, entry in converting.CONVERTERS.items()}
    made = cli.listing_parser(__doc__, known)
    made.add_argument("dataset", choices=known, help="whose lists these are")
    made.add_argument("--lists", type=Path, required=True, help="folder of the published lists")
    made.add_argument("--videos", type=Path, help="folder of the videos, unless clips have URLs")
    made.add_argument("--output", type=Path, required=True, help="CSV to write")
    return made


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, call, write."""
    options = parser().parse_args(argv)
    convert = converting.CONVERTERS[options.dataset].convert
    rows = list(converting.with_safe_ids(convert(options.lists)))
    converting.write(rows, options.videos, options.output)
    cli.log.info("%s: %s", options.output, converting.summary(rows))


if __name__ == "__main__":
    cli.run(main)
