"""Score the predictions of all runs: the study's tables as CSV, Markdown and LaTeX."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from zerosign import cli, scores
from zerosign.errors import UserError
from zerosign.tables import write_table


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, required=True, help="clips.parquet")
    parser.add_argument(
        "--predictions",
        nargs="+",
        type=Path,
        required=True,
        help="a file a run, in the order of --runs",
    )
    parser.add_argument(
        "--runs",
        type=json.loads,
        required=True,
        help='JSON: list of {"run", "model", "prompt", "sampling", "label"}',
    )
    parser.add_argument(
        "--settings",
        type=json.loads,
        required=True,
        help='JSON: {"confidence", "bootstrap", "seed"}',
    )
    parser.add_argument("--output-dir", type=Path, required=True, help="folder of the tables")
    options = parser.parse_args(argv)

    runs = options.runs
    if len(runs) != len(options.predictions):
        raise UserError(f"{len(options.predictions)} prediction files for {len(runs)} runs")
    clips = pl.read_parquet(options.clips)
    joined = scores.join_runs(
        [
            (run["run"], pl.read_parquet(path))
            for run, path in zip(runs, options.predictions, strict=True)
        ],
        clips,
    )
    level = f"{100 * options.settings['confidence']:g} %"
    expected = joined["video_id"].n_unique()
    tables = {
        "accuracy": (
            scores.accuracy(joined, clips, runs, **options.settings),
            f"Top-1 accuracy on {expected} expected clips with {level} Wilson intervals: over the "
            "clips that could be read, and over all (those that could not count as wrong). "
            "class_mean averages over classes. Floor rows need no model.",
        ),
        "outcomes": (
            scores.outcomes(joined, runs),
            f"What became of the {expected} expected clips in each run.",
        ),
        "per_gloss": (
            scores.per_gloss(joined, runs),
            "Accuracy per class over the clips that could be read, and the commonest wrong answer.",
        ),
    }
    for name, (frame, caption) in tables.items():
        write_table(frame, options.output_dir / name, caption)


if __name__ == "__main__":
    cli.run(main)
