"""Fetch descriptions of signs from pages of an online dictionary, such as HandSpeak's.

No rule runs this. The texts belong to their authors: docs/matching.md says what to ask first.
"""

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from zerosign import cli
from zerosign.dataset.clips import class_glosses
from zerosign.errors import UserError
from zerosign.matching import descriptions, web_dictionary


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--clips", type=Path, required=True, help="clips.parquet: the glosses")
    made.add_argument("--pages", type=Path, help="CSV of addresses, columns gloss and url")
    made.add_argument(
        "--index", nargs="*", default=[], help="pages on which links with a gloss's words are used"
    )
    made.add_argument(
        "--label", default=web_dictionary.LABEL, help="words before the description on a page"
    )
    made.add_argument(
        "--interval",
        type=float,
        default=web_dictionary.POLITE.interval,
        help="least seconds between two requests to a host; robots.txt may ask for more",
    )
    made.add_argument("--folder", type=Path, required=True, help="where pages are kept")
    made.add_argument("--output", type=Path, required=True, help="CSV to write")
    made.add_argument(
        "--rights-checked", action="store_true", help="you may fetch and use these texts"
    )
    made.add_argument(
        "--private-hosts", action="store_true", help="allow addresses that are not public"
    )
    return made


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, call, write."""
    args = parser().parse_args(argv)
    if not args.rights_checked:
        raise UserError(
            "the texts of a dictionary belong to its authors; read docs/matching.md, and come "
            "back with --rights-checked"
        )
    if not args.pages and not args.index:
        raise UserError("give --pages or --index: where to look for the glosses")

    glosses = class_glosses(pl.read_parquet(args.clips))
    limits = dataclasses.replace(
        web_dictionary.POLITE, interval=args.interval, private_hosts=args.private_hosts
    )
    crawler = web_dictionary.Crawler(args.folder, limits)
    pages = web_dictionary.known_pages(args.pages, args.index, glosses, crawler)
    rows = web_dictionary.described(pages, crawler, args.label)
    descriptions.write(rows, args.output)
    cli.log.info("%d of %d glosses have a description", len(rows), len(glosses))


if __name__ == "__main__":
    cli.run(main)
