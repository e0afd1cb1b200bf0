"""Fetch descriptions of signs from pages of an online dictionary, such as HandSpeak's.

No rule runs this. The texts belong to their authors: docs/matching.md says what to ask first.
"""

import argparse
import csv
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import polars as pl

from zerosign import cli, descriptions, dictionary
from zerosign.acquire import Refused
from zerosign.errors import UserError
from zerosign.io import write_atomic
from zerosign.mapping import class_glosses

LICENCE = "rights not established: for one's own study, not to be passed on"


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, required=True, help="clips.parquet: the glosses")
    parser.add_argument("--pages", type=Path, help="CSV of addresses, columns gloss and url")
    parser.add_argument(
        "--index", nargs="*", default=[], help="pages on which links with a gloss's words are used"
    )
    parser.add_argument(
        "--label", default=dictionary.LABEL, help="words before the description on a page"
    )
    parser.add_argument(
        "--interval",
        type=float,
        default=dictionary.POLITE.interval,
        help="least seconds between two requests to a host; robots.txt may ask for more",
    )
    parser.add_argument("--folder", type=Path, required=True, help="where pages are kept")
    parser.add_argument("--output", type=Path, required=True, help="CSV to write")
    parser.add_argument(
        "--rights-checked", action="store_true", help="you may fetch and use these texts"
    )
    parser.add_argument(
        "--private-hosts", action="store_true", help="allow addresses that are not public"
    )
    args = parser.parse_args(argv)
    if not args.rights_checked:
        raise UserError(
            "the texts of a dictionary belong to its authors; read docs/matching.md, and come "
            "back with --rights-checked"
        )
    if not args.pages and not args.index:
        raise UserError("give --pages or --index: where to look for the glosses")

    glosses = class_glosses(pl.read_parquet(args.clips))
    limits = dataclasses.replace(
        dictionary.POLITE, interval=args.interval, private_hosts=args.private_hosts
    )
    visitor = dictionary.Visitor(args.folder, limits)
    pages = read_pages(args.pages, glosses) if args.pages else {}
    for url in args.index:
        try:
            linked = dictionary.links_to(glosses, visitor.page(url), url)
        except Refused as refused:
            raise UserError(f"{url}: {refused.status}: {refused.detail}") from None
        pages = linked | pages
    if not pages:
        raise UserError(f"no page is known for any of the {len(glosses)} glosses")

    rows = []
    found = dictionary.find(pages, visitor, args.label)
    for gloss, url, text, why in cli.progress(found, len(pages), "descriptions", "pages"):
        if text:
            rows.append((gloss, text, urlsplit(url).hostname, LICENCE, url))
        else:
            cli.log.warning("%s: %s: %s", gloss, url, why)
    if not rows:
        raise UserError(f"none of {len(pages)} pages has a description; is --label right?")
    with (
        write_atomic(args.output) as temporary,
        open(temporary, "w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(descriptions.COLUMNS)
        writer.writerows(rows)
    cli.log.info("%d of %d glosses have a description", len(rows), len(glosses))


def read_pages(path: Path, glosses: Sequence[str]) -> dict[str, str]:
    """Gloss to URL from a CSV with these two columns; rows of other glosses are left out."""
    try:
        table = pl.read_csv(path, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UserError(f"{path}: not a readable CSV ({str(error).splitlines()[0]})") from None
    for column in ("gloss", "url"):
        if column not in table.columns:
            raise UserError(f"{path}: lacks the column '{column}'")
    rows = table.select("gloss", "url").filter(pl.col("gloss").is_in(list(glosses)))
    if rows["gloss"].is_duplicated().any():
        twice = rows.filter(pl.col("gloss").is_duplicated())["gloss"][0]
        raise UserError(f"{path}: gloss '{twice}' stands twice; keep one row")
    return dict(rows.drop_nulls().iter_rows())


if __name__ == "__main__":
    cli.run(main)
