"""Where videos come from: a local folder, a Hugging Face dataset, the original URLs."""

import os
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from zerosign.dataset.clips import is_safe_id
from zerosign.dataset.dataset_settings import SourceFacts
from zerosign.errors import UserError
from zerosign.files import write_atomic
from zerosign.videos.fetch_many import Task
from zerosign.videos.opening import size_of_file
from zerosign.videos.timeline import Undecodable
from zerosign.videos.video_sources import Layout
from zerosign.videos.youtube import youtube_id

_CONTAINERS = (
    "mp4 mkv webm mov m4v avi flv swf ts mpg mpeg wmv ogv 3gp 3g2 f4v asf vob mts m2ts dv mxf ivf"
)
EXTENSIONS = frozenset(f".{name}" for name in _CONTAINERS.split())
MOST_PACKED, MOST_UNPACKED = 100 * 2**20, 500 * 2**20  # bytes of a Flash file


@dataclass(frozen=True)
class Found:
    """A file that should hold a clip, and whether it holds nothing but the clip."""

    path: str
    origin: str
    pretrimmed: bool


@dataclass(frozen=True)
class Failed:
    """Why a source has no file for a clip."""

    status: str
    detail: str
    origin: str


def index_folder(folder: str | Path) -> dict[str, str]:
    """Video files below a folder by their stem; of several, the least deep, then the first.

    Links to folders are followed, circles are not. Raises `UserError` if there is no such folder.
    """
    root = os.fspath(folder)
    if not os.path.isdir(root):
        raise UserError(f"{root}: no such folder of videos; see docs/videos.md, 'A local folder'")
    files = sorted(_videos(root), key=lambda path: (path.count(os.sep), path))
    index: dict[str, str] = {}
    for path in files:
        index.setdefault(Path(path).stem, path)
    return index


def _videos(root: str) -> Iterator[str]:
    seen: set[str] = set()
    for folder, folders, names in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        for name in names:
            if os.path.splitext(name)[1].lower() in EXTENSIONS and not name.startswith("."):
                yield os.path.join(folder, name)


def find(
    clips: Iterable[Mapping[str, Any]], index: Mapping[str, str], layout: Layout, origin: str
) -> dict[str, Found]:
    """The files of an index (by stem) that should hold the clips, by video id.

    A file named like the YouTube video is the raw one. A file named like the clip is
    pretrimmed in the layouts "auto" and "clips" (mirrors, the authors'
    ``test/<class>/<id>.mp4``) and raw in "raw" (the start kit's ``raw_videos``). "auto" and "raw"
    know both names.
    """
    found = {}
    for clip in clips:
        video_id, raw = clip["video_id"], youtube_id(clip["url"])
        if video_id in index:
            found[video_id] = Found(index[video_id], origin, layout is not Layout.RAW)
        elif layout is not Layout.CLIPS and raw is not None and raw in index:
            found[video_id] = Found(index[raw], origin, False)
    return found


def unpacked(found: Found, target: Path) -> Found:
    """The same clip with a compressed Flash file (CWS) written uncompressed (FWS) to ``target``.

    FFmpeg reads compressed ones too, but loses the last few kilobytes of each.
    """
    if Path(found.path).suffix.lower() != ".swf":
        return found
    try:
        size_of_file(found.path)
        with open(found.path, "rb") as file:
            data = file.read(MOST_PACKED)
        if data[:3] != b"CWS":
            return found
        body = zlib.decompressobj().decompress(data[8:], MOST_UNPACKED)
    except (OSError, zlib.error, Undecodable):
        return found  # the decoder says what is wrong
    with write_atomic(target) as temporary:
        temporary.write_bytes(b"FWS" + data[3:8] + body)
    return replace(found, path=str(target))


def url_tasks(
    wanted: Iterable[Mapping[str, Any]],
    everything: Iterable[Mapping[str, Any]],
    folder: Path,
    facts: Mapping[str, SourceFacts],
) -> dict[str, Task]:
    """What to download for the wanted clips, by video id; clips of one URL share a task.

    A file is named after the YouTube video or the smallest id of all clips with its URL, so that
    the folder has the start kit's raw layout. ``facts``: referer and interval by source.
    """
    owner: dict[str, str] = {}
    for clip in everything:
        if clip["url"] and is_safe_id(clip["video_id"]):
            owner[clip["url"]] = min(clip["video_id"], owner.get(clip["url"], clip["video_id"]))
    tasks = {}
    for clip in wanted:
        url, known = clip["url"], facts.get(clip["source"] or "", SourceFacts())
        if url not in owner:
            continue
        if raw := youtube_id(url):
            page = f"https://www.youtube.com/watch?v={raw}"
            task = Task(page, folder / "youtube" / raw, youtube=True)
        else:
            stem = folder / owner[url]
            task = Task(url, stem, False, known.referer, known.interval)
        tasks[clip["video_id"]] = task
    return tasks
