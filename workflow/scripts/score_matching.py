"""Judge the answers of all matching runs, and measure them against constants."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from zerosign import cli, matching
from zerosign.io import write_parquet
from zerosign.tables import write_table


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, required=True, help="clips.parquet")
    parser.add_argument("--pairs", type=Path, required=True, help="pairs.parquet")
    parser.add_argument(
        "--answers", nargs="+", type=Path, required=True, help="answers, in folders named as runs"
    )
    parser.add_argument(
        "--runs",
        type=json.loads,
        required=True,
        help='JSON: list of {"run", "model", "prompt", "sampling", "label"}',
    )
    parser.add_argument("--confidence", type=float, required=True, help="level of the intervals")
    parser.add_argument("--table", type=Path, required=True, help="stem of the table")
    parser.add_argument("--output", type=Path, required=True, help="verdicts of all runs, Parquet")
    options = parser.parse_args(argv)

    pairs = pl.read_parquet(options.pairs)
    verdicts = []
    for run in options.runs:
        shards = [path for path in options.answers if path.parent.name == run["run"]]
        verdicts.append(matching.judged(pairs, pl.concat(map(pl.read_parquet, shards))))
    rows = zip(options.runs, verdicts, strict=True)
    write_parquet(
        pl.concat(frame.select(pl.lit(run["run"]).alias("run"), pl.all()) for run, frame in rows),
        options.output,
    )
    level = f"{100 * options.confidence:g} %"
    write_table(
        matching.table(verdicts, pl.read_parquet(options.clips), options.runs, options.confidence),
        options.table,
        "Binary matching: is this clip that sign? All right pairs with random wrong ones, with "
        "hard ones (the nearest other glosses) and with both, over the n pairs whose clip could be "
        "read; errors and answers without verdict count as wrong, and in the columns of all also "
        f"missing clips. Balanced accuracy with {level} intervals (Wilson's of both rates, "
        "widened for pairs of one signer); 0.5 is worth nothing. auroc: where both were scored.",
    )


if __name__ == "__main__":
    cli.run(main)
