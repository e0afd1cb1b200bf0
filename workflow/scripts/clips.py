"""Write clips.parquet: a row a clip of the study, in the order of its metadata."""

import argparse
from collections.abc import Sequence

from zerosign import cli, wlasl
from zerosign.io import write_parquet


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__)
    origin = options.add_mutually_exclusive_group(required=True)
    origin.add_argument("--metadata", help="metadata in the format of WLASL_v0.3.json")
    origin.add_argument("--csv", help="own table: path, gloss, split[, signer, video_id]")
    options.add_argument("--subset", type=int, help="take the first SUBSET glosses of --metadata")
    options.add_argument("--shards", type=int, required=True, help="number of shards")
    options.add_argument("--output", required=True, help="clips.parquet to write")
    return options


def main(argv: Sequence[str] | None = None) -> None:
    options = parser().parse_args(argv)
    if options.csv:
        rows = wlasl.read_table(options.csv)
    else:
        rows = wlasl.read_metadata(options.metadata, options.subset)
    clips = wlasl.clips(rows, options.shards, options.csv or options.metadata)
    write_parquet(clips, options.output)
    cli.log.info("%d clips of %d glosses", len(clips), clips["gloss"].n_unique())


if __name__ == "__main__":
    cli.run(main)
