"""One decode per clip of a shard, for all samplings of a study."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import polars as pl

from zerosign.frames import cache, motion
from zerosign.frames.decode import every_frame, read_clip
from zerosign.frames.frame_settings import FrameSettings
from zerosign.frames.pixel_storage import BYTES_PER_PIXEL
from zerosign.frames.pixels import Box, size_for, to_grey, to_rgb
from zerosign.frames.sampling import DecodePlan, planned_indices
from zerosign.videos.timeline import (
    TIME_TOLERANCE,
    Clock,
    SigningPart,
    Span,
    Timeline,
    Undecodable,
)

Row = dict[str, Any]
"""A clip with its shard and what is known of its video (availability.parquet)."""


def clips_of_split(clips: Path, availability: Path, split: str) -> list[Row]:
    """A row per clip of the split."""
    wanted = pl.read_parquet(clips, columns=["video_id", "split", "shard", "bbox"])
    return (
        wanted.filter(pl.col("split") == split)
        .select("video_id", "shard", "bbox")
        .join(pl.read_parquet(availability), on="video_id", how="left", maintain_order="left")
        .to_dicts()
    )


def decode_shard(
    rows: Iterable[Row], plan: DecodePlan, settings: FrameSettings, output: Path
) -> None:
    """Write the shard's decoded file; a clip without frames has its reason in it."""
    versions = {"av": av.__version__, **{k: list(v) for k, v in av.library_versions.items()}}
    with cache.open_decoded_writer(output, settings, plan, versions) as writer:
        for row in rows:
            decode_row(row, plan, settings, writer)


def decode_row(
    row: Row, plan: DecodePlan, settings: FrameSettings, writer: cache.DecodedWriter
) -> None:
    """Decode one clip into the cache, or record why it can't be."""
    if row["status"] != "ok":
        status = row["status"] or "missing"
        writer.fail(row["video_id"], f"{status}: {row['detail'] or 'no video is known'}")
        return
    span = span_of(row)
    part = None
    try:
        if any(entry.measures_motion for entry in plan):
            part = signing_part(row["path"], span)

        def choose(timeline: Timeline) -> np.ndarray:
            return planned_indices(plan, timeline, part)

        convert = to_rgb(settings.short_side, box_of(row, settings))
        decoded = read_clip(row["path"], choose, convert, span)
    except Undecodable as error:
        writer.fail(row["video_id"], f"{error.status}: {error}")
        return
    writer.add(row["video_id"], decoded, replace(span, verified_frames=None), part)


def box_of(row: Row, settings: FrameSettings) -> Box | None:
    """The part of the picture to keep, None = all. Raises `Undecodable` for a clip without one."""
    if settings.crop is None:
        return None
    if row["bbox"] is None:
        raise Undecodable("no_bbox", "the metadata has no bbox of it, which frames.crop asks for")
    box: Box = row["bbox"]
    return box


def signing_part(path: str, span: Span) -> SigningPart:
    """Where the signing is, from the movement in all frames."""
    grey = read_clip(path, every_frame, to_grey(motion.SIDE), span)
    return motion.signing_part(motion.flow(grey.frames), grey.timeline.fps)


def span_of(row: Row) -> Span:
    """A clip's range within its file; a pretrimmed file is taken whole."""
    verified = verified_frames(row)
    if row["pretrimmed"]:
        return Span(verified_frames=verified)
    start_s, end_s = row["start_s"] or 0.0, row["end_s"]
    if end_s is not None and end_s >= row["duration"] - TIME_TOLERANCE:
        end_s = None
    return Span(start_s, end_s, verified)


def verified_frames(row: Row) -> int | None:
    """Frames in the clip's range, where its packets tell which frame is presented when."""
    plain = row["damage"] is None and row["clock"] == Clock.STAMPS and row["sizes"] == 1
    return row["range_frames"] if plain else None


def disk_use(rows: Sequence[Row], plan: DecodePlan, settings: FrameSettings, name: str) -> str:
    """One line that says what clips will take on disk, before any work."""
    frames = pixels = 0
    usable = [row for row in rows if row["status"] == "ok"]
    for row in usable:
        stored = frames_to_store(plan, row["range_frames"], row["fps"])
        frames += stored
        pixels += stored * math.prod(size_for((row["width"], row["height"]), settings.short_side))
    size = pixels * BYTES_PER_PIXEL[settings.storage] / 1e6
    return (
        f"{name}: {len(usable)} of {len(rows)} clips have a video; {frames} frames, "
        f"about {size:,.0f} MB on disk ({settings.storage})"
    )


def frames_to_store(plan: DecodePlan, total: int, fps: float) -> int:
    """How many frames of a clip the plan needs, at a constant rate, with signing throughout."""
    timeline = Timeline(np.arange(total) / fps, total / fps)
    return len(planned_indices(plan, timeline, (0, total - 1)))
