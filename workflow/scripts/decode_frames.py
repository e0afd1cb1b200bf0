"""Rule decode_frames: decode each available clip of a shard once, for all samplings."""

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import av
import numpy as np
import polars as pl

from zerosign import cli, framecache, motion, sampling, video
from zerosign.errors import UserError

PIXEL_BYTES = {"jpeg": 0.25, "lossless": 0.6, "raw": 3.0}  # docs/frames.md, "Storage"


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", required=True, help="clips.parquet")
    parser.add_argument("--availability", required=True, help="availability.parquet")
    parser.add_argument("--shard", required=True, type=int, help="number of the shard")
    parser.add_argument("--split", required=True, help="split whose clips are decoded")
    parser.add_argument(
        "--plan", required=True, type=json.loads, help="JSON: zerosign.sampling.decode_plan(…)"
    )
    parser.add_argument(
        "--frames",
        required=True,
        type=json.loads,
        help='JSON: {"short_side": 448, "storage": "jpeg", "quality": 95}',
    )
    parser.add_argument("--output", required=True, help="npz file to write")
    args = parser.parse_args(argv)
    split = clips_of_split(args.clips, args.availability, args.split)
    rows = [row for row in split if row["shard"] == args.shard]
    short_side, storage = args.frames.get("short_side"), storage_of(args.frames)
    what = f"decode shard {args.shard}"
    for clips, name in ((rows, what), (split, f"whole {args.split} split")):
        cli.log.info("%s", disk_use(clips, args.plan, short_side, storage, name))
    header = {
        "plan": args.plan,
        "short_side": short_side,
        "versions": {"av": av.__version__, **{k: list(v) for k, v in av.library_versions.items()}},
    }
    with framecache.open_decoded_writer(args.output, storage, **header) as writer:
        for row in cli.progress(rows, len(rows), what):
            decode_row(row, args.plan, short_side, writer)


def storage_of(frames: Mapping[str, Any]) -> dict[str, Any]:
    """The part of the study's ``frames`` settings that says how frames are kept."""
    storage = frames.get("storage", "jpeg")
    if storage not in framecache.STORAGES:
        known = ", ".join(framecache.STORAGES)
        raise UserError(f"frames storage {storage!r}: use one of {known}")
    if storage != "jpeg":
        return {"storage": storage}
    return {"storage": storage, "quality": frames.get("quality", 95)}


def clips_of_split(clips: str, availability: str, split: str) -> list[dict[str, Any]]:
    """A row a clip of the split, with its shard and what is known of its video."""
    wanted = pl.read_parquet(clips, columns=["video_id", "split", "shard"])
    return (
        wanted.filter(pl.col("split") == split)
        .select("video_id", "shard")
        .join(pl.read_parquet(availability), on="video_id", how="left", maintain_order="left")
        .to_dicts()
    )


def decode_row(
    row: Mapping[str, Any],
    plan: list[dict[str, Any]],
    short_side: int | None,
    writer: framecache.DecodedWriter,
) -> None:
    """Decode one clip into the cache, or record why it can't be."""
    if row["status"] != "ok":
        status = row["status"] or "missing"
        writer.fail(row["video_id"], f"{status}: {row['detail'] or 'no video is known'}")
        return
    start_s, end_s = clip_range(row)
    vouched = None if row["decode_error"] else row["range_frames"]
    clip = partial(
        video.read_clip, row["path"], start_s=start_s, end_s=end_s, vouched_frames=vouched
    )
    window = None
    try:
        if any(base["strategy"] == "motion" for base in plan):
            grey = clip(video.every_frame, video.to_grey(motion.SIDE))
            window = motion.signing_part(motion.flow(grey.frames), grey.timeline.fps)

        def choose(timeline: video.Timeline) -> np.ndarray:
            return sampling.planned_indices(plan, timeline.times, timeline.duration, window)

        decoded = clip(choose, video.to_rgb(short_side))
    except video.Undecodable as error:
        writer.fail(row["video_id"], f"{error.status}: {error}")
        return
    writer.add(
        row["video_id"],
        decoded.frames,
        decoded.indices,
        decoded.timeline.times,
        decoded.timeline.duration,
        range_s=[start_s, end_s],
        window=window,
        damage=decoded.damage,
    )


def clip_range(row: Mapping[str, Any]) -> tuple[float, float | None]:
    """Seconds after the file's first frame; a file that is cut already is taken whole."""
    if row["ready_cut"]:
        return 0.0, None
    start_s, end_s = row["start_s"] or 0.0, row["end_s"]
    if end_s is None or end_s >= row["duration"] - sampling.TIME_TOLERANCE:
        return start_s, None
    return start_s, end_s


def disk_use(
    rows: Sequence[Mapping[str, Any]],
    plan: list[dict[str, Any]],
    short_side: int | None,
    storage: Mapping[str, Any],
    name: str,
) -> str:
    """One line that says what clips will take on disk, before any work."""
    frames = pixels = 0
    usable = [row for row in rows if row["status"] == "ok"]
    for row in usable:
        stored = frames_to_store(plan, row["range_frames"], row["fps"])
        frames += stored
        pixels += stored * math.prod(video.size_for(row["width"], row["height"], short_side))
    kind = storage["storage"]
    size = pixels * PIXEL_BYTES[kind] / 1e6
    return (
        f"{name}: {len(usable)} of {len(rows)} clips have a video; {frames} frames, "
        f"about {size:,.0f} MB on disk ({kind})"
    )


def frames_to_store(plan: list[dict[str, Any]], total: int, fps: float) -> int:
    """How many frames of a clip the plan needs, at a constant rate, with signing throughout."""
    times = np.arange(total) / fps
    return len(sampling.planned_indices(plan, times, total / fps, (0, total - 1)))


if __name__ == "__main__":
    cli.run(main)
