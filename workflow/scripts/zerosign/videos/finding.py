"""Every clip's video: looked for in source after source, each file decoded once."""

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from zerosign import cli, http
from zerosign.dataset.dataset_settings import SourceFacts
from zerosign.videos import availability, fetch_many, hub, sources
from zerosign.videos.probe import Facts, probe
from zerosign.videos.sources import Failed, Found
from zerosign.videos.video_sources import FolderSource, HubSource, UrlSource

Clip = Mapping[str, Any]
"""A row of clips.parquet."""
Hits = dict[str, Found | Failed]
"""What a source has for clips, by video id."""
Source = FolderSource | HubSource | UrlSource


@dataclass(frozen=True)
class Search:
    """Where clips are looked for."""

    sources: Sequence[Source]
    """In order of preference: a clip that one does not have, or only damaged, is looked for in the
    next. Clips with a path of their own need none."""
    facts: Mapping[str, SourceFacts]
    """By the metadata's ``source``."""
    videos: Path
    """Folder for downloads."""
    workers: int
    """Files decoded at a time."""


def find_videos(clips: pl.DataFrame, everything: pl.DataFrame, search: Search) -> pl.DataFrame:
    """Availability (schema `availability.SCHEMA`) of ``clips``, among ``everything`` of the study.

    Downloads of files that several clips share are named after all clips of the study.
    """
    rows: dict[str, dict[str, Any]] = {}
    # Threads: decoding and hashing release the interpreter's lock.
    with ThreadPoolExecutor(search.workers) as pool:
        for source in (None, *search.sources):
            wanted = [
                clip
                for clip in clips.iter_rows(named=True)
                if rows.get(clip["video_id"], {}).get("status") != "ok"
            ]
            if not wanted:
                break
            hits = _unpacked(look_up(source, wanted, everything, search), search.videos)
            facts = _probe_all({hit.path for hit in hits.values() if isinstance(hit, Found)}, pool)
            for clip in wanted:
                if hit := hits.get(clip["video_id"]):
                    keep_better(rows, make_row(clip, hit, facts, search.facts))
    for video_id in clips["video_id"]:
        rows.setdefault(video_id, availability.missing(video_id, "missing", "in no source"))
    return availability.table(clips, rows)


def make_row(
    clip: Clip,
    hit: Found | Failed,
    facts: Mapping[str, Facts],
    source_facts: Mapping[str, SourceFacts],
) -> dict[str, Any]:
    """A clip's row from what a source gave for it."""
    if isinstance(hit, Failed):
        return availability.missing(clip["video_id"], hit.status, hit.detail, hit.origin)
    rate = source_facts.get(clip["source"] or "", SourceFacts()).rate
    return availability.row(clip, facts[hit.path], hit.path, hit.origin, hit.pretrimmed, rate)


def keep_better(rows: dict[str, dict[str, Any]], row: dict[str, Any]) -> None:
    """Keep a usable file, else what was said of the first file, else of the first source."""

    def rank(candidate: Mapping[str, Any]) -> int:
        return 2 if candidate["status"] == "ok" else int(candidate["path"] is not None)

    earlier = rows.get(row["video_id"])
    if earlier is None or rank(row) > rank(earlier):
        rows[row["video_id"]] = row


def look_up(
    source: Source | None, wanted: Sequence[Clip], everything: pl.DataFrame, search: Search
) -> Hits:
    """What a source has, or says, for the wanted clips; None: clips with a path of their own."""
    match source:
        case FolderSource():
            index = sources.index_folder(source.folder)
            return dict(sources.find(wanted, index, source.layout, "folder"))
        case HubSource():
            return from_hub(source, wanted)
        case UrlSource():
            return from_urls(source, wanted, everything, search)
        case None:
            own = [clip for clip in wanted if clip["path"] is not None]
            return {
                clip["video_id"]: Found(clip["path"], "own", availability.is_whole(clip))
                for clip in own
            }


def from_hub(source: HubSource, wanted: Sequence[Clip]) -> Hits:
    """Clips of a Hugging Face data set, downloaded into the hub's cache."""
    index = hub.list_videos(source.hub, source.revision, sources.EXTENSIONS)
    found = sources.find(wanted, index, source.layout, f"hub {source.hub}")
    files = sorted({hit.path for hit in found.values()})
    brought = hub.download(source.hub, source.revision, files)
    local = {
        file: (path, why)
        for file, path, why in cli.progress(brought, len(files), f"from {source.hub}", "files")
    }
    hits: Hits = {}
    for video_id, hit in found.items():
        path, why = local[hit.path]
        hits[video_id] = (
            Found(path, hit.origin, hit.pretrimmed)
            if path
            else Failed("unreachable", why, hit.origin)
        )
    return hits


def from_urls(
    source: UrlSource, wanted: Sequence[Clip], everything: pl.DataFrame, search: Search
) -> Hits:
    """Clips from the URLs of the metadata."""
    rows = everything.iter_rows(named=True)
    tasks = sources.url_tasks(wanted, rows, search.videos, search.facts)
    unique = {task.url: task for task in tasks.values()}
    outcomes = fetch_many.fetch_many(
        unique.values(), search.videos, limits_of(source), again=source.retry
    )
    came = {
        outcome.url: outcome
        for outcome in cli.progress(outcomes, len(unique), "downloading", "files")
    }
    hits: Hits = {}
    for video_id, task in tasks.items():
        outcome = came[task.url]
        hits[video_id] = (
            Found(str(search.videos / outcome.file), "url", False)
            if outcome.file
            else Failed(outcome.status, outcome.detail, "url")
        )
    return hits


def limits_of(source: UrlSource) -> http.Limits:
    """How patient and how polite the downloads are."""
    usual = http.Limits()
    return http.Limits(
        interval=usual.interval if source.interval is None else source.interval,
        max_bytes=usual.max_bytes if source.max_mb is None else round(source.max_mb * 2**20),
        private_hosts=source.private_hosts,
    )


def _unpacked(hits: Hits, videos: Path) -> Hits:
    """The hits, with compressed Flash files unpacked."""
    return {
        video_id: sources.unpacked(hit, videos / "unpacked" / f"{video_id}.swf")
        if isinstance(hit, Found)
        else hit
        for video_id, hit in hits.items()
    }


def _probe_all(paths: Iterable[str], pool: ThreadPoolExecutor) -> dict[str, Facts]:
    """Facts of files, decoded in parallel, the largest first, each once."""
    todo = sorted(paths, key=lambda path: (-_size(path), path))
    if not todo:
        return {}
    results = pool.map(probe, todo)
    return dict(zip(todo, cli.progress(results, len(todo), "decoding", "files"), strict=True))


def _size(path: str) -> int:
    return os.path.getsize(path) if os.path.exists(path) else 0


def log_reasons(table: pl.DataFrame) -> None:
    """Say how many clips are available, damaged, missing and why, with an example each."""
    usable = int((table["status"] == "ok").sum())
    cli.log.info("%d of %d clips are available", usable, len(table))
    reasons = Counter(table.filter(pl.col("status") != "ok")["status"])
    for reason, count in reasons.most_common():
        example = table.filter(pl.col("status") == reason).row(0, named=True)
        cli.log.info("  %d %s, e.g. %s: %s", count, reason, example["video_id"], example["detail"])
    if damaged := availability.count_damaged(table):
        example = table.filter(pl.col("damage").is_not_null(), status="ok").row(0, named=True)
        cli.log.warning(
            "%d of them look damaged (column damage of availability.parquet), e.g. %s: %s",
            *(damaged, example["video_id"], example["damage"]),
        )
