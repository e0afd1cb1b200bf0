"""List the synonyms of every gloss, for scores that forgive another word for the same thing."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from zerosign import cli, synonyms
from zerosign.io import write_parquet
from zerosign.mapping import class_glosses


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, required=True, help="clips.parquet")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--wordnet", type=Path, help="folder or zip archive of WordNet's database")
    source.add_argument("--table", type=Path, help="CSV with the columns gloss and synonym")
    parser.add_argument("--output", type=Path, required=True, help="synonyms, Parquet")
    options = parser.parse_args(argv)

    glosses = class_glosses(pl.read_parquet(options.clips))
    if options.wordnet:
        found = synonyms.from_wordnet(options.wordnet, glosses)
    else:
        found = synonyms.from_table(options.table, glosses)
    write_parquet(found, options.output)
    without = len(glosses) - found["gloss"].n_unique()
    others = found["other_class"].count()
    cli.log.info(
        "%d synonyms of %d glosses, %d of them other classes; %d glosses have none",
        *(found.height, len(glosses), others, without),
    )


if __name__ == "__main__":
    cli.run(main)
