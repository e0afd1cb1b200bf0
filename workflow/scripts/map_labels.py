"""Map a run's answers to the classes of the study, a row a clip; several about a clip vote."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from zerosign import cli
from zerosign.io import write_parquet
from zerosign.mapping import class_glosses, load_encoder, map_answers


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--answers", nargs="+", type=Path, required=True, help="answers of all shards of one run"
    )
    parser.add_argument("--clips", type=Path, required=True, help="clips.parquet")
    parser.add_argument(
        "--splits", nargs="+", default=["test"], help="splits whose clips are expected"
    )
    parser.add_argument(
        "--settings",
        type=json.loads,
        required=True,
        help='JSON: {"encoder": {"checkpoint", "revision"}, "threshold"}',
    )
    parser.add_argument(
        "--candidates",
        action="store_true",
        help="the prompt listed the glosses: record the places of those that were named",
    )
    parser.add_argument("--output", type=Path, required=True, help="predictions, Parquet")
    options = parser.parse_args(argv)

    clips = pl.read_parquet(options.clips)
    answers = pl.concat([pl.read_parquet(path) for path in options.answers], how="vertical")
    predictions = map_answers(
        answers,
        clips.filter(pl.col("split").is_in(options.splits)),
        class_glosses(clips),
        load_encoder(**options.settings["encoder"]),
        options.settings["threshold"],
        options.candidates,
    )
    write_parquet(predictions, options.output)
    counts = predictions["outcome"].value_counts(sort=True).iter_rows()
    cli.log.info("%d clips: %s", predictions.height, ", ".join(f"{n} {o}" for o, n in counts))


if __name__ == "__main__":
    cli.run(main)
