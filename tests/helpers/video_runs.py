"""Runs of the programs that list clips and find their videos."""

import json
from pathlib import Path
from typing import Any

import polars as pl

import clips as clips_program
import fetch_videos
from helpers.study_files import study_option
from zerosign.videos import availability


def make_clips(folder: Path, rows: list[dict[str, Any]]) -> Path:
    """clips.parquet of one gloss with these instances."""
    metadata, output = folder / "meta.json", folder / "clips.parquet"
    metadata.write_text(json.dumps([{"gloss": "book", "instances": rows}]), "utf-8")
    study = study_option(
        folder, dataset={"format": "wlasl", "subset": 1}, shards=2, mapping={"language": "en"}
    )
    clips_program.main([*study, "--table", str(metadata), "--output", str(output)])
    return output


def arguments(
    clips: Path,
    sources: list[dict[str, Any]],
    facts: dict[str, Any] | None = None,
    min_available: float = 0,
    fetched: tuple[str, ...] = ("test",),
) -> list[str]:
    """Arguments of fetch_videos."""
    folder = clips.parent
    dataset = {"split": "test", "fetch": fetched, "videos": sources}
    return [
        *study_option(
            folder,
            dataset=dataset | {"min_available": min_available},
            facts={"sources": facts or {}},
        ),
        *("--clips", str(clips), "--videos", str(folder / "videos")),
        *("--summary", str(folder / "summary")),
        *("--output", str(folder / "availability.parquet")),
    ]


def fetch(clips: Path, sources: list[dict[str, Any]], **more: Any) -> dict[str, dict[str, Any]]:
    """Run fetch_videos; rows by video id."""
    output = clips.parent / "availability.parquet"
    fetch_videos.main(arguments(clips, sources, **more))
    table = pl.read_parquet(output)
    assert table.schema == pl.Schema(availability.SCHEMA)
    return {row["video_id"]: row for row in table.iter_rows(named=True)}
