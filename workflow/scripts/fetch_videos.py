"""Find every clip's video in the sources, decode each file once, and write a row a clip.

Sources are a JSON list in the order of preference; a clip that one lacks, or has only broken, is
looked for in the next: {"folder": PATH, "layout": "auto"|"clips"|"raw"},
{"hub": DATASET, "revision": COMMIT, "layout": ...}, {"urls": true, "interval": SECONDS,
"max_mb": N, "retry": true, "private_hosts": true}. Clips with a path of their own need none.
"""

import argparse
import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import polars as pl

from zerosign import acquire, availability, cli, hub, sources
from zerosign.errors import UserError
from zerosign.io import write_parquet
from zerosign.probe import Facts, probe
from zerosign.tables import write_table

Clip = dict[str, Any]
Hits = dict[str, sources.Found | sources.Failed]


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--clips", required=True, help="clips.parquet")
    options.add_argument("--splits", nargs="+", default=["test"], help="splits that are needed")
    options.add_argument(
        "--asked", help="the split that runs are asked about; --min-available counts its clips"
    )
    options.add_argument("--sources", type=json.loads, default=[], help="sources, a JSON list")
    options.add_argument(
        "--source-facts",
        type=json.loads,
        default={},
        help="by the metadata's source: rate, referer, interval (JSON; config/datasets.yaml)",
    )
    options.add_argument("--videos", required=True, help="folder for downloads; survives reruns")
    options.add_argument(
        "--min-available", type=float, default=0, help="fewest clips, a share (up to 1) or a number"
    )
    options.add_argument("--workers", type=int, default=1, help="files decoded at a time")
    options.add_argument("--summary", help="stem of the tables by split and source")
    options.add_argument("--output", required=True, help="availability.parquet to write")
    return options


def main(argv: Sequence[str] | None = None) -> None:
    options = parser().parse_args(argv)
    everything = pl.read_parquet(options.clips)
    clips = everything.filter(pl.col("split").is_in(options.splits))
    if clips.is_empty():
        raise UserError(f"{options.clips}: no clip in the splits {' '.join(options.splits)}")
    rows: dict[str, dict[str, Any]] = {}
    # Threads: decoding and hashing release the interpreter's lock.
    with ThreadPoolExecutor(options.workers) as pool:
        for source in [{"own": True}, *options.sources]:
            wanted = [
                clip
                for clip in clips.iter_rows(named=True)
                if rows.get(clip["video_id"], {}).get("status") != "ok"
            ]
            if not wanted:
                break
            hits = look_up(source, wanted, everything, options)
            for video_id, hit in hits.items():
                if isinstance(hit, sources.Found):
                    target = Path(options.videos) / "unpacked" / f"{video_id}.swf"
                    hits[video_id] = sources.unpacked(hit, target)
            paths = {hit.path for hit in hits.values() if isinstance(hit, sources.Found)}
            facts = probe_all(paths, pool)
            for clip in wanted:
                if hit := hits.get(clip["video_id"]):
                    row = make_row(clip, hit, facts, options.source_facts)
                    keep_better(rows, row)
    for video_id in clips["video_id"]:
        rows.setdefault(video_id, availability.missing(video_id, "missing", "in no source"))
    report(clips, availability.table(clips, rows), options)


def make_row(
    clip: Clip,
    hit: sources.Found | sources.Failed,
    facts: Mapping[str, Facts],
    source_facts: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """A clip's row from what a source gave for it."""
    if isinstance(hit, sources.Failed):
        return availability.missing(clip["video_id"], hit.status, hit.detail, hit.origin)
    rate = source_facts.get(clip["source"] or "", {}).get("rate")
    return availability.row(clip, facts[hit.path], hit.path, hit.origin, hit.ready_cut, rate)


def keep_better(rows: dict[str, dict[str, Any]], row: dict[str, Any]) -> None:
    """Keep a usable file, else what was said of the first file, else of the first source."""

    def rank(candidate: dict[str, Any]) -> int:
        return 2 if candidate["status"] == "ok" else int(candidate["path"] is not None)

    earlier = rows.get(row["video_id"])
    if earlier is None or rank(row) > rank(earlier):
        rows[row["video_id"]] = row


def look_up(
    source: Mapping[str, Any], wanted: list[Clip], everything: pl.DataFrame, options: Any
) -> Hits:
    """What one source has, or says, for the wanted clips."""
    match source:
        case {"own": True}:
            own = [clip for clip in wanted if clip["path"] is not None]
            return {c["video_id"]: sources.Found(c["path"], "own", True) for c in own}
        case {"folder": str(folder)}:
            index = sources.index_folder(folder)
            return dict(sources.find(wanted, index, source.get("layout", "auto"), "folder"))
        case {"hub": str(dataset), "revision": str(revision)}:
            return from_hub(dataset, revision, source.get("layout", "clips"), wanted)
        case {"urls": True}:
            return from_urls(source, wanted, everything, options)
    raise UserError(f"sources: don't know {json.dumps(source)}; see docs/dataset.md")


def from_hub(dataset: str, revision: str, layout: str, wanted: list[Clip]) -> Hits:
    """Clips of a Hugging Face dataset, downloaded into the hub's cache."""
    index = hub.list_videos(dataset, revision, sources.EXTENSIONS)
    found = sources.find(wanted, index, layout, f"hub {dataset}")
    files = sorted({hit.path for hit in found.values()})
    brought = hub.download(dataset, revision, files)
    local = {
        file: (path, why)
        for file, path, why in cli.progress(brought, len(files), f"from {dataset}", "files")
    }
    hits: Hits = {}
    for video_id, hit in found.items():
        path, why = local[hit.path]
        hits[video_id] = (
            sources.Found(path, hit.origin, hit.ready_cut)
            if path
            else sources.Failed("unreachable", why, hit.origin)
        )
    return hits


def from_urls(
    source: Mapping[str, Any], wanted: list[Clip], everything: pl.DataFrame, options: Any
) -> Hits:
    """Clips from the URLs of the metadata."""
    given = {name: source[name] for name in ("interval", "private_hosts") if name in source}
    if "max_mb" in source:
        given["max_bytes"] = round(source["max_mb"] * 2**20)
    limits = acquire.Limits(**given)
    folder = Path(options.videos)
    rows = everything.iter_rows(named=True)
    tasks = sources.url_tasks(wanted, rows, folder, options.source_facts)
    unique = {task.url: task for task in tasks.values()}
    outcomes = acquire.fetch(unique.values(), folder, limits, again=source.get("retry", False))
    came = {
        outcome.url: outcome
        for outcome in cli.progress(outcomes, len(unique), "downloading", "files")
    }
    hits: Hits = {}
    for video_id, task in tasks.items():
        outcome = came[task.url]
        hits[video_id] = (
            sources.Found(str(folder / outcome.file), "url", False)
            if outcome.file
            else sources.Failed(outcome.status, outcome.detail, "url")
        )
    return hits


def probe_all(paths: Iterable[str], pool: ThreadPoolExecutor) -> dict[str, Facts]:
    """Facts of files, decoded in parallel, the largest first, each once."""
    todo = sorted(paths, key=lambda path: (-size(path), path))
    if not todo:
        return {}
    results = pool.map(probe, todo)
    return dict(zip(todo, cli.progress(results, len(todo), "decoding", "files"), strict=True))


def size(path: str) -> int:
    return os.path.getsize(path) if os.path.exists(path) else 0


def report(clips: pl.DataFrame, table: pl.DataFrame, options: argparse.Namespace) -> None:
    """Write the tables, say n of n, and stop if that is too few."""
    write_parquet(table, options.output)
    if options.summary:
        caption = f"Available clips by split and source ({', '.join(options.splits)})."
        write_table(availability.summary(clips, table), options.summary, caption)
    usable = int((table["status"] == "ok").sum())
    cli.log.info("%d of %d clips are available", usable, len(table))
    reasons = Counter(table.filter(pl.col("status") != "ok")["status"])
    for reason, count in reasons.most_common():
        example = table.filter(pl.col("status") == reason).row(0, named=True)
        cli.log.info("  %d %s, e.g. %s: %s", count, reason, example["video_id"], example["detail"])
    if options.asked:
        asked = clips.filter(pl.col("split") == options.asked)["video_id"]
        table = table.filter(pl.col("video_id").is_in(asked.implode()))
    if problem := availability.shortfall(table, options.min_available):
        raise UserError(problem)


if __name__ == "__main__":
    cli.run(main)
