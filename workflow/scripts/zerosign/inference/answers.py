"""Answers on disk: a Parquet file per run and shard."""

from pathlib import Path
from typing import Any

import polars as pl

from zerosign.errors import UserError

ANSWERS: dict[str, Any] = {
    "video_id": pl.String,
    "question": pl.String,
    "text": pl.String,
    "finish": pl.String,
    "error": pl.String,
    "reasoning": pl.String,
    "prompt_tokens": pl.Int32,
    "visual_tokens": pl.Int32,
    "answer_tokens": pl.Int32,
    "frames": pl.Int32,
    "pixels_height": pl.Int32,
    "pixels_width": pl.Int32,
    "timestamps": pl.List(pl.Float64),
    "seconds": pl.Float64,
    "samples": pl.List(pl.String),
    "finishes": pl.List(pl.String),
    "reasonings": pl.List(pl.String),
    "labels": pl.List(pl.String),
    "scores": pl.List(pl.Float64),
    "cached_tokens": pl.Int32,
    "reasoning_tokens": pl.Int32,
    "usd": pl.Float64,
    "tier": pl.String,
    "served_model": pl.String,
    "request_id": pl.String,
    "attempts": pl.Int32,
    "key": pl.String,
}
"""Columns of answers; all but the first two and the last are those of `Answer`."""


def read_answers(folder: Path, shards: int) -> pl.DataFrame:
    """The answers of a run: a row per question about a clip, from a file per shard."""
    paths = [folder / f"{shard}.parquet" for shard in range(shards)]
    for path in paths:
        if not path.is_file():
            raise UserError(f"{path}: no such file; run snakemake {path}")
    return pl.concat([pl.read_parquet(path) for path in paths], how="vertical")
