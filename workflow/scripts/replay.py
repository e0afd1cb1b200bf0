"""Take somebody else's predictions, a CSV, as the answers of a run."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from zerosign import cli, replay
from zerosign.io import write_parquet


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--predictions", type=Path, required=True, help="CSV: video_id, answer or predicted_gloss"
    )
    parser.add_argument("--clips", type=Path, required=True, help="clips.parquet")
    parser.add_argument("--availability", type=Path, required=True, help="availability.parquet")
    parser.add_argument(
        "--splits", nargs="+", default=["test"], help="splits whose clips are expected"
    )
    parser.add_argument("--shard", type=int, help="keep the clips of this shard only")
    parser.add_argument("--output", type=Path, required=True, help="answers, Parquet")
    options = parser.parse_args(argv)

    clips = pl.read_parquet(options.clips).filter(pl.col("split").is_in(options.splits))
    availability = pl.read_parquet(options.availability).filter(pl.col("status") == "ok")
    found = replay.answers(options.predictions, clips, set(availability["video_id"]))
    answered = found.filter(pl.col("finish") == "stop").height
    cli.log.info("%d of %d expected clips are answered", answered, clips.height)
    if options.shard is not None:
        ours = clips.filter(pl.col("shard") == options.shard).select("video_id")
        found = found.join(ours, on="video_id", how="semi")
    write_parquet(found, options.output)


if __name__ == "__main__":
    cli.run(main)
