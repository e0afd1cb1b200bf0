"""Choose the questions of binary matching: which clip is asked about which gloss."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from zerosign import cli, pairs
from zerosign.io import write_parquet
from zerosign.mapping import load_encoder


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, required=True, help="clips.parquet")
    parser.add_argument("--split", required=True, help="the split asked about, e.g. test")
    parser.add_argument(
        "--descriptions",
        type=Path,
        help="descriptions.parquet: only its glosses are asked about",
    )
    parser.add_argument(
        "--encoder", type=json.loads, required=True, help='JSON: {"checkpoint", "revision"}'
    )
    parser.add_argument(
        "--settings", type=json.loads, required=True, help='JSON: {"seed", "random", "hard"}'
    )
    parser.add_argument("--output", type=Path, required=True, help="pairs, Parquet")
    options = parser.parse_args(argv)

    clips = pl.read_parquet(options.clips)
    described = None
    if options.descriptions:
        texts = pl.read_parquet(options.descriptions, columns=["gloss", "description"])
        described = dict(texts.iter_rows())
    encode = load_encoder(**options.encoder)
    found = pairs.pairs(clips, options.split, described, encode, **options.settings)
    write_parquet(found, options.output)
    counts = found["kind"].value_counts(sort=True).iter_rows()
    cli.log.info(
        "%d of %d glosses are asked about; %d pairs: %s",
        found["gloss"].n_unique(),
        clips["gloss"].n_unique(),
        found.height,
        ", ".join(f"{n} {kind}" for kind, n in counts),
    )


if __name__ == "__main__":
    cli.run(main)
