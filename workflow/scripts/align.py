"""Measure how close the video and text embeddings of one model are."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from zerosign import cli
from zerosign.alignment import metrics
from zerosign.files import write_json
from zerosign.scoring.statistics_settings import StatisticsSettings
from zerosign.study_file import StudyFile


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--study", type=Path, required=True, help="settings of the study, JSON")
    made.add_argument("--model", required=True, help="name of the model")
    made.add_argument("--clips", type=Path, required=True, help="clips.parquet")
    made.add_argument(
        "--embeddings", type=Path, required=True, help="folder with a file per shard and text.npz"
    )
    made.add_argument("--output", type=Path, required=True, help="result, JSON")
    return made


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, call, write."""
    options = parser().parse_args(argv)
    study = StudyFile(options.study)
    shards = range(study.read(int, "shards"))
    split = study.read(str, "dataset", "split")
    result = metrics.align(
        options.model,
        study.read(str, "alignment", "sampling"),
        pl.read_parquet(options.clips).filter(split=split),
        metrics.read_videos([options.embeddings / f"{shard}.npz" for shard in shards]),
        metrics.read_texts(options.embeddings / "text.npz"),
        study.read(StatisticsSettings, "statistics"),
    )
    write_json(result.as_json(), options.output)


if __name__ == "__main__":
    cli.run(main)
