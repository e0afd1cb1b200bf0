"""Which clips of a study can be used, from which file, and why the others can't."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import polars as pl

from zerosign.videos import probe

SCHEMA: Mapping[str, Any] = {
    "video_id": pl.Utf8,
    "status": pl.Utf8,
    "detail": pl.Utf8,
    "path": pl.Utf8,
    "origin": pl.Utf8,
    "pretrimmed": pl.Boolean,
    "bytes": pl.Int64,
    "sha256": pl.Utf8,
    "codec": pl.Utf8,
    "width": pl.Int32,
    "height": pl.Int32,
    "rotation": pl.Int32,
    "mirrored": pl.Boolean,
    "fps": pl.Float64,
    "frames": pl.Int32,
    "damage": pl.Utf8,
    "clock": pl.Utf8,
    "sizes": pl.Int32,
    "duration": pl.Float64,
    "start_s": pl.Float64,
    "end_s": pl.Float64,
    "range_frames": pl.Int32,
    "rate_assumed": pl.Float64,
}

CAPTION = "Available clips by split and source ({splits})."
NATIVE = "native"


def missing(video_id: str, status: str, detail: str, origin: str | None = None) -> dict[str, Any]:
    """A row for a clip without a usable file."""
    row = dict.fromkeys(SCHEMA)
    return row | {"video_id": video_id, "status": status, "detail": detail, "origin": origin}


def row(
    clip: Mapping[str, Any],
    facts: probe.Facts,
    path: str,
    origin: str,
    pretrimmed: bool,
    rate: float | str | None,
) -> dict[str, Any]:
    """A clip's row, from what its file holds.

    A pretrimmed file is the clip. Else the clip is the range that its metadata declares: in
    seconds, or in frames of ``rate`` per second, in the file's own frames (`NATIVE`), or in the
    metadata's declared rate (None).
    """
    found = missing(clip["video_id"], facts.status, facts.detail or "", origin) | {
        "detail": facts.detail,
        "path": path,
        "pretrimmed": pretrimmed,
        "bytes": facts.bytes,
        "sha256": facts.sha256,
        "codec": facts.codec,
    }
    if facts.status != "ok":
        return found
    found |= {
        "width": facts.width,
        "height": facts.height,
        "rotation": facts.rotation,
        "mirrored": facts.mirrored,
        "fps": facts.fps,
        "frames": len(facts.times),
        "damage": facts.damage,
        "clock": facts.clock,
        "sizes": facts.sizes,
        "duration": facts.duration,
    }
    status = "range_outside"
    if pretrimmed or is_whole(clip):
        part = probe.whole(facts)
        if problem := _untrimmed(clip, facts):
            part, status = replace(part, problem=problem), "untrimmed"
    elif clip["start_declared"] is not None or clip["end_declared"] is not None:
        part = probe.cut_seconds(facts, clip["start_declared"] or 0.0, clip["end_declared"])
    else:
        counting = None if rate == NATIVE else float(rate or clip["fps_declared"] or 25)
        part = probe.cut(facts, clip["frame_start"], clip["frame_end"], counting)
    return found | {
        "status": status if part.problem else "ok",
        "detail": part.problem or part.note,
        "start_s": part.start_s,
        "end_s": part.end_s,
        "range_frames": part.frames,
        "rate_assumed": part.rate,
    }


def is_whole(clip: Mapping[str, Any]) -> bool:
    """Whether a clip is all of its file, by its metadata."""
    by_frames = clip["frame_start"] != 1 or clip["frame_end"] != -1
    return not by_frames and clip["start_declared"] is None and clip["end_declared"] is None


def _untrimmed(clip: Mapping[str, Any], facts: probe.Facts) -> str | None:
    """Why a file can't be the pretrimmed clip: it is far longer than the range it should hold.

    Mirrors' clips are up to 1.2 times longer, where 29.97 frames per second were written as 25.
    """
    if clip["end_declared"] is not None:
        length = clip["end_declared"] - (clip["start_declared"] or 0)
    elif clip["frame_end"] != -1:
        length = (clip["frame_end"] - clip["frame_start"] + 1) / (clip["fps_declared"] or 25)
    else:
        return None
    if (facts.duration or 0) <= 2 * length + 1:
        return None
    return (
        f"lasts {facts.duration:.1f} s, the clip {length:.1f} s: the untrimmed video? "
        "then give this source layout: raw"
    )


def table(clips: pl.DataFrame, rows: Mapping[str, Mapping[str, Any]]) -> pl.DataFrame:
    """``availability.parquet``: a row per clip, in the clips' order."""
    data = [rows[video_id] for video_id in clips["video_id"]]
    return pl.DataFrame(data, schema=SCHEMA)


def summary(clips: pl.DataFrame, available: pl.DataFrame) -> pl.DataFrame:
    """Row per split and source, and one for all: expected, available, why others are not.

    ``damaged`` counts available clips.
    """
    joined = clips.join(available, on="video_id").with_columns(pl.col("source").fill_null("own"))
    groups = [
        ((split, source), part)
        for (split, source), part in joined.group_by("split", "source", maintain_order=True)
    ]
    groups.sort(key=lambda group: group[0])
    rows = []
    for (split, source), part in [*groups, (("all", "all"), joined)]:
        reasons = Counter(status for status in part["status"] if status != "ok")
        usable = len(part) - reasons.total()
        rows.append(
            {
                "split": split,
                "source": source,
                "expected": len(part),
                "available": usable,
                "percent": 100 * usable / len(part),
                "damaged": count_damaged(part),
                "reasons": ", ".join(f"{n} {reason}" for reason, n in reasons.most_common()),
            }
        )
    return pl.DataFrame(rows)


def count_damaged(available: pl.DataFrame) -> int:
    """How many clips are used although something looks broken in their files."""
    return available.filter((pl.col("status") == "ok") & pl.col("damage").is_not_null()).height


def shortfall(available: pl.DataFrame, minimum: float) -> str | None:
    """The line that stops a study on too few clips, or None.

    ``minimum`` is a share of the expected clips up to 1, or a number of clips above that.
    """
    expected = len(available)
    usable = int((available["status"] == "ok").sum())
    needed = minimum * expected if minimum <= 1 else minimum
    if usable >= needed:
        return None
    wanted = f"{minimum:.0%}" if minimum <= 1 else f"{minimum:.0f}"
    reasons = Counter(status for status in available["status"] if status != "ok")
    why = ", ".join(f"{n} {reason}" for reason, n in reasons.most_common(4))
    return (
        f"only {usable} of {expected} clips are available ({why}), min_available is {wanted}: "
        "add a source of videos, or lower min_available and report another benchmark"
    )
