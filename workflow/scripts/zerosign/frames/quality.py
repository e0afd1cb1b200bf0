"""The quality of a study's clips: what is odd about each, before anybody trusts a rate of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from zerosign.frames import cache

SHORT_S, LONG_S, LOW_FPS, TINY = 0.5, 10.0, 15.0, 128
CAPTION = (
    "The clips of the evaluated split and what is odd about them: unavailable; damaged; no signing "
    f"part found, by the samplings named; shorter than {SHORT_S:g} s or longer than {LONG_S:g} s; "
    f"fewer than {LOW_FPS:g} frames per second; a short side below {TINY} px."
)
COLUMNS = (
    *("video_id", "gloss", "signer", "status", "seconds", "frames", "fps", "width", "height"),
    *("damage", "fallback", "odd"),
)


def table(
    clips: pl.DataFrame,
    availability: pl.DataFrame,
    selections: Mapping[str, Sequence[cache.ShardSelection]],
) -> pl.DataFrame:
    """Row per clip: `COLUMNS`. ``selections``: the shards' files of each sampling, by its name.

    ``fallback`` lists the samplings that take the clip whole because no signing part was found.
    """
    known = availability.select(
        *("video_id", "status", "fps", "width", "height", "damage"),
        frames="range_frames",
        seconds=pl.col("end_s") - pl.col("start_s"),
    )
    rows = clips.select("video_id", "gloss", "signer").join(
        known, on="video_id", how="left", maintain_order="left"
    )
    whole = fallbacks(selections)
    fallback = [whole.get(video_id, []) for video_id in rows["video_id"]]
    rows = rows.with_columns(fallback=pl.Series(fallback, dtype=pl.List(pl.Utf8)))
    odd = [oddities(row) for row in rows.iter_rows(named=True)]
    return rows.with_columns(odd=pl.Series(odd, dtype=pl.List(pl.Utf8))).select(COLUMNS)


def fallbacks(selections: Mapping[str, Sequence[cache.ShardSelection]]) -> dict[str, list[str]]:
    """The samplings that take a clip whole because no signing part was found, by video id."""
    found: dict[str, list[str]] = {}
    for name, shards in selections.items():
        for shard in shards:
            for video_id, chosen in shard.clips.items():
                if chosen["fallback"]:
                    found.setdefault(video_id, []).append(name)
    return found


def oddities(row: Mapping[str, Any]) -> list[str]:
    """What is odd about a clip, in words."""
    if row["status"] != "ok":
        return ["unavailable"]
    found = {
        "damaged": row["damage"] is not None,
        "no signing part": bool(row["fallback"]),
        "short": row["seconds"] < SHORT_S,
        "long": row["seconds"] > LONG_S,
        "low rate": row["fps"] < LOW_FPS,
        "tiny": min(row["width"], row["height"]) < TINY,
    }
    return [word for word, is_so in found.items() if is_so]


def summary(rows: pl.DataFrame) -> str:
    """One line for the log: how many clips are odd, and how."""
    counts = rows["odd"].explode().drop_nulls().value_counts(sort=True)
    said = ", ".join(f"{count} {word}" for word, count in counts.iter_rows())
    return f"{rows.height} clips: {said or 'nothing odd'}"


def read_selections(
    folder: Path, samplings: Sequence[str], shards: int
) -> dict[str, list[cache.ShardSelection]]:
    """The selection files of samplings in a folder: by name, one of each shard."""
    return {
        name: [cache.read_selection(folder / name / f"{shard}.npz") for shard in range(shards)]
        for name in samplings
    }
