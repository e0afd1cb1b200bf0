"""Frames on disk: one decoded file per shard holds pixels, one small file per sampling says which.

Both are `.npz` files for ``np.load(allow_pickle=False)``. A decoded file has a member
``<video_id>/<frame number>`` for each stored frame (`zerosign.frames.pixel_storage`), so that one
clip, or one frame, is read without the rest, and a member ``index``: UTF-8 JSON as uint8, a
`DecodedIndex`. A selection file has only ``index``, a `SelectionIndex`.
"""

import contextlib
import json
import os
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np

from zerosign.errors import UserError
from zerosign.files import write_atomic
from zerosign.frames import pixel_storage
from zerosign.frames.frame_settings import FrameSettings
from zerosign.frames.pixel_storage import clip_digest, frame_digest
from zerosign.frames.sampling import select, shows_frames
from zerosign.frames.strategies import ShownFrames, Strategy
from zerosign.videos.timeline import WHOLE, Decoded, SigningPart, Span, Timeline

VERSION = 1
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same bytes whenever written

FilePath = str | os.PathLike[str]


@dataclass(frozen=True)
class Clip:
    """What a model sees of a clip.

    ``frames`` uint8[T, H, W, 3] RGB; ``indices`` int64[T], frame numbers within the clip's range
    (as shown: an ablation reorders them); ``timestamps`` float64[T], seconds from the clip's first
    frame, ascending; ``fps`` mean native rate; ``total_frames`` and ``duration`` (s) of the range;
    ``digest`` hex SHA-256 over the stored frames and the timestamps.
    """

    video_id: str
    frames: np.ndarray
    indices: np.ndarray
    timestamps: np.ndarray
    fps: float
    total_frames: int
    duration: float
    digest: str


class StoredClip(TypedDict):
    """What a decoded file says of a clip."""

    indices: list[int]
    """Numbers of the stored frames within the clip's range, ascending."""
    sha256: list[str]
    """`frame_digest` of each."""
    times: list[float]
    """Seconds of all frames of the range after its first."""
    duration: float
    range_s: tuple[float, float | None]
    window: SigningPart | None
    damage: str | None


class ChosenClip(TypedDict):
    """What a selection file says of a clip; see `Clip`."""

    indices: list[int]
    timestamps: list[float]
    positions: list[int]
    """Places of the shown frames among the stored ones."""
    fps: float
    total_frames: int
    duration: float
    digest: str


class DecodedIndex(TypedDict):
    """The index of a decoded file."""

    version: int
    storage: dict[str, Any]
    plan: list[dict[str, Any]]
    short_side: int | None
    crop: str | None
    versions: Mapping[str, Any]
    clips: dict[str, StoredClip]
    failures: dict[str, str]
    """Why a clip has no frames: ``status: sentence``."""


class SelectionIndex(TypedDict):
    """The index of a selection file."""

    version: int
    sampling: dict[str, Any]
    clips: dict[str, ChosenClip]
    failures: dict[str, str]


class DecodedWriter:
    """Writes one shard's decoded frames; see `open_decoded_writer`."""

    def __init__(
        self, archive: zipfile.ZipFile, settings: FrameSettings, index: DecodedIndex
    ) -> None:
        self._archive = archive
        self._settings = settings
        self._index = index

    def add(
        self, video_id: str, decoded: Decoded, span: Span = WHOLE, part: SigningPart | None = None
    ) -> None:
        """Store a clip; ``span``: its range in its file, ``part``: where the signing is."""
        digests = []
        for number, frame in zip(decoded.indices.tolist(), decoded.frames, strict=True):
            stored = pixel_storage.encode(frame, self._settings)
            _write_member(self._archive, f"{video_id}/{number}", stored)
            digests.append(frame_digest(stored))
        self._index["clips"][video_id] = {
            "indices": decoded.indices.tolist(),
            "sha256": digests,
            "times": decoded.timeline.times.tolist(),
            "duration": decoded.timeline.duration,
            "range_s": (span.start_s, span.end_s),
            "window": part,
            "damage": decoded.damage,
        }

    def fail(self, video_id: str, reason: str) -> None:
        """Record why a clip has no frames."""
        self._index["failures"][video_id] = reason

    def close(self) -> None:
        """Write the index."""
        _write_member(self._archive, "index", _json_array(self._index))


@contextlib.contextmanager
def open_decoded_writer(
    path: FilePath,
    settings: FrameSettings,
    plan: Sequence[ShownFrames] = (),
    versions: Mapping[str, Any] | None = None,
) -> Iterator[DecodedWriter]:
    """Write a decoded file, clip by clip, atomically.

    ``plan``: the samplings whose frames are stored; ``versions``: of the libraries that decode.
    """
    index: DecodedIndex = {
        "version": VERSION,
        "storage": settings.stored_as,
        "plan": [dict(sorted(entry.as_json().items())) for entry in plan],
        "short_side": settings.short_side,
        "crop": settings.crop,
        "versions": versions or {},
        "clips": {},
        "failures": {},
    }
    with write_atomic(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        writer = DecodedWriter(archive, settings, index)
        yield writer
        writer.close()


def write_selection(decoded_path: FilePath, sampling: Strategy, path: FilePath) -> None:
    """Write which stored frames a sampling shows of each clip, atomically. Reads no pixels."""
    if not shows_frames(sampling):
        raise UserError(f"sampling strategy '{sampling.strategy}' shows no frames to choose")
    index: DecodedIndex = read_index(decoded_path)
    selection: SelectionIndex = {
        "version": VERSION,
        "sampling": sampling.as_json(),
        "clips": {},
        "failures": index["failures"],
    }
    for video_id, stored in index["clips"].items():
        chosen = _chosen(sampling, video_id, stored)
        if chosen is None:
            raise UserError(
                f"{decoded_path}: frames that the sampling needs of clip {video_id} aren't stored; "
                "run decode_frames with a plan that includes it"
            )
        selection["clips"][video_id] = chosen
    with write_atomic(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        _write_member(archive, "index", _json_array(selection))


def _chosen(sampling: ShownFrames, video_id: str, stored: StoredClip) -> ChosenClip | None:
    """What a sampling shows of a clip; None if some of it isn't stored."""
    timeline = Timeline(np.array(stored["times"]), stored["duration"])
    shown = select(sampling, video_id, timeline, stored["window"])
    positions = np.searchsorted(stored["indices"], shown.indices)
    if not np.array_equal(np.take(stored["indices"], positions, mode="clip"), shown.indices):
        return None
    return {
        "indices": shown.indices.tolist(),
        "timestamps": shown.timestamps.tolist(),
        "positions": positions.tolist(),
        "fps": timeline.fps,
        "total_frames": len(timeline.times),
        "duration": timeline.duration,
        "digest": clip_digest([stored["sha256"][p] for p in positions], shown.timestamps),
    }


@dataclass(frozen=True)
class ShardSelection:
    """A selection file: what a sampling shows of a shard's clips."""

    path: str
    index: SelectionIndex

    @property
    def clips(self) -> dict[str, ChosenClip]:
        """What is shown of each clip, by video id."""
        return self.index["clips"]

    @property
    def failures(self) -> dict[str, str]:
        """Why each clip without frames has none: video id → ``status: sentence``."""
        return self.index["failures"]

    def described(self, video_id: str) -> Clip:
        """A clip without its pixels: ``frames`` is empty. Raises `UserError`."""
        if video_id not in self.clips:
            raise UserError(f"{self.path}: clip {video_id} is not in it, though its video is ok")
        return _clip(video_id, self.clips[video_id], np.empty((0, 0, 0, 3), np.uint8))


def read_selection(path: FilePath) -> ShardSelection:
    """A selection file. Raises `UserError`."""
    return ShardSelection(str(path), read_index(path))


def read_clips(
    decoded_path: FilePath, selection: ShardSelection, video_ids: Iterable[str] | None = None
) -> Iterator[Clip]:
    """Yield clips one by one, in the shard's order or that of ``video_ids``.

    Clips without frames are left out (see `ShardSelection.failures`). A damaged file (each member
    has a CRC), or a selection made from other frames, is a `UserError` that names it.
    """
    with _opened(decoded_path) as archive:
        index: DecodedIndex = _index_of(archive, decoded_path)
        for video_id in selection.clips if video_ids is None else video_ids:
            if video_id in selection.failures:
                continue
            if video_id not in selection.clips or video_id not in index["clips"]:
                raise UserError(f"{selection.path}: clip {video_id} is not in this shard")
            chosen, stored = selection.clips[video_id], index["clips"][video_id]
            digests = [stored["sha256"][p] for p in chosen["positions"]]
            if clip_digest(digests, np.array(chosen["timestamps"])) != chosen["digest"]:
                raise UserError(
                    f"{decoded_path}: frames of clip {video_id} are not the ones that "
                    f"{selection.path} was made from; delete both and run again"
                )
            yield _clip(video_id, chosen, _pixels(archive, video_id, chosen, stored))


def _pixels(
    archive: np.lib.npyio.NpzFile, video_id: str, chosen: ChosenClip, stored: StoredClip
) -> np.ndarray:
    """The frames that are shown, each stored one read once: uint8[T, H, W, 3]."""
    pixels = {
        position: pixel_storage.decode(archive[f"{video_id}/{stored['indices'][position]}"])
        for position in sorted(set(chosen["positions"]))
    }
    return np.stack([pixels[p] for p in chosen["positions"]])


def _clip(video_id: str, chosen: ChosenClip, frames: np.ndarray) -> Clip:
    return Clip(
        video_id=video_id,
        frames=frames,
        indices=np.array(chosen["indices"], dtype=np.int64),
        timestamps=np.array(chosen["timestamps"]),
        fps=chosen["fps"],
        total_frames=chosen["total_frames"],
        duration=chosen["duration"],
        digest=chosen["digest"],
    )


def read_index(path: FilePath) -> Any:
    """The index of a decoded or selection file: `DecodedIndex` or `SelectionIndex`."""
    with _opened(path) as archive:
        return _index_of(archive, path)


@contextlib.contextmanager
def _opened(path: FilePath) -> Iterator[np.lib.npyio.NpzFile]:
    """An npz file; damage met on opening or reading is a `UserError` that names it."""
    try:
        # Opened here, because numpy leaves a file open that is no archive.
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            yield archive
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, KeyError, ValueError) as error:
        raise UserError(f"{path}: damaged ({error}); delete it and run again") from None


def _index_of(archive: np.lib.npyio.NpzFile, path: FilePath) -> Any:
    index = json.loads(archive["index"].tobytes())
    if index["version"] != VERSION:
        raise UserError(
            f"{path}: version {index['version']} of the frame cache, this program reads {VERSION}; "
            "delete it and run again"
        )
    return index


def _write_member(archive: zipfile.ZipFile, name: str, array: np.ndarray) -> None:
    # As np.savez does, but one at a time: a shard of raw frames need not fit in memory.
    with archive.open(zipfile.ZipInfo(f"{name}.npy", _EPOCH), "w", force_zip64=True) as member:
        np.lib.format.write_array(member, array, allow_pickle=False)


def _json_array(value: Any) -> np.ndarray:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return np.frombuffer(text.encode(), dtype=np.uint8)
