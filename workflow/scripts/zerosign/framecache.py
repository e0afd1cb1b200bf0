"""Frames on disk: one decoded file a shard holds pixels, one small file a sampling says which.

Both are `.npz` files for ``np.load(allow_pickle=False)``. A decoded file has a member
``<video_id>/<frame number>`` for each stored frame, so that one clip, or one frame, is read without
the rest, and a member ``index``: UTF-8 JSON as uint8. A selection file has only ``index``.

Storage of a frame: ``raw`` is uint8[H, W, 3]; ``jpeg`` and ``lossless`` are an image file as
uint8[n] (JPEG with chroma at full resolution; lossless WebP).
"""

import contextlib
import hashlib
import io
import json
import os
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from zerosign import sampling as sampling_
from zerosign.errors import UserError
from zerosign.io import write_atomic

VERSION = 1
STORAGES = ("jpeg", "lossless", "raw")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same bytes whenever written


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


class DecodedWriter:
    """Writes one shard's decoded frames; see `open_decoded_writer`."""

    def __init__(
        self, archive: zipfile.ZipFile, storage: Mapping[str, Any], header: dict[str, Any]
    ):
        self._archive = archive
        self._storage = storage
        self._index: dict[str, Any] = {
            "version": VERSION,
            "storage": dict(storage),
            **header,
            "clips": {},
            "failures": {},
        }

    def add(
        self,
        video_id: str,
        frames: Sequence[np.ndarray],
        indices: np.ndarray,
        times: np.ndarray,
        duration: float,
        **more: Any,
    ) -> None:
        """Store a clip: ``frames`` uint8[H, W, 3] each, of frame numbers ``indices`` (ascending).

        ``times``: seconds of all frames of the range; ``duration``: of the range, s; ``more``: JSON
        values to keep beside.
        """
        digests = []
        for number, frame in zip(indices.tolist(), frames, strict=True):
            stored = _encode(frame, self._storage)
            _write_member(self._archive, f"{video_id}/{number}", stored)
            digests.append(_array_digest(stored))
        self._index["clips"][video_id] = {
            "indices": indices.tolist(),
            "sha256": digests,
            "times": times.tolist(),
            "duration": duration,
            **more,
        }

    def fail(self, video_id: str, reason: str) -> None:
        """Record why a clip has no frames."""
        self._index["failures"][video_id] = reason

    def close(self) -> None:
        _write_member(self._archive, "index", _json_array(self._index))


@contextlib.contextmanager
def open_decoded_writer(
    path: str | os.PathLike[str], storage: Mapping[str, Any], **header: Any
) -> Iterator[DecodedWriter]:
    """Write a decoded file, clip by clip, atomically.

    ``storage``: ``{"storage": "jpeg", "quality": 1 … 100}``, or "lossless" or "raw" without
    quality; ``header``: JSON values to keep in the index.
    """
    with write_atomic(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        writer = DecodedWriter(archive, storage, header)
        yield writer
        writer.close()


def write_selection(
    decoded_path: str | os.PathLike[str],
    sampling: Mapping[str, Any],
    path: str | os.PathLike[str],
) -> None:
    """Write which stored frames a sampling shows of each clip, atomically. Reads no pixels."""
    sampling_.base(sampling)
    index = read_index(decoded_path)
    clips = {}
    for video_id, stored in index["clips"].items():
        times = np.array(stored["times"])
        chosen = sampling_.select(
            sampling, video_id, times, stored["duration"], stored.get("window")
        )
        positions = np.searchsorted(stored["indices"], chosen.indices)
        if not np.array_equal(np.take(stored["indices"], positions, mode="clip"), chosen.indices):
            raise UserError(
                f"{decoded_path}: frames that the sampling needs of clip {video_id} aren't stored; "
                "run decode_frames with a plan that includes it"
            )
        clips[video_id] = {
            "indices": chosen.indices.tolist(),
            "timestamps": chosen.timestamps.tolist(),
            "positions": positions.tolist(),
            "fps": len(times) / stored["duration"],
            "total_frames": len(times),
            "duration": stored["duration"],
            "digest": _clip_digest([stored["sha256"][p] for p in positions], chosen.timestamps),
        }
    selection = {
        "version": VERSION,
        "sampling": dict(sampling),
        "clips": clips,
        "failures": index["failures"],
    }
    with write_atomic(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        _write_member(archive, "index", _json_array(selection))


def read_clips(
    decoded_path: str | os.PathLike[str],
    selection_path: str | os.PathLike[str],
    video_ids: Iterable[str] | None = None,
) -> Iterator[Clip]:
    """Yield clips one by one, in the shard's order or that of ``video_ids``.

    Clips without frames are left out (see `failures`). A damaged file (each member carries a CRC),
    or a selection made from other frames, is a `UserError` that names it.
    """
    clips = read_index(selection_path)["clips"]
    failed = failures(selection_path)
    with _opened(decoded_path) as archive:
        index = _index_of(archive, decoded_path)
        for video_id in clips if video_ids is None else video_ids:
            if video_id in failed:
                continue
            if video_id not in clips or video_id not in index["clips"]:
                raise UserError(f"{selection_path}: clip {video_id} is not in this shard")
            chosen, stored = clips[video_id], index["clips"][video_id]
            timestamps = np.array(chosen["timestamps"])
            digests = [stored["sha256"][p] for p in chosen["positions"]]
            if _clip_digest(digests, timestamps) != chosen["digest"]:
                raise UserError(
                    f"{decoded_path}: frames of clip {video_id} are not the ones that "
                    f"{selection_path} was made from; delete both and run again"
                )
            pixels = {
                position: _decode(archive[f"{video_id}/{stored['indices'][position]}"])
                for position in sorted(set(chosen["positions"]))
            }
            yield Clip(
                video_id=video_id,
                frames=np.stack([pixels[p] for p in chosen["positions"]]),
                indices=np.array(chosen["indices"], dtype=np.int64),
                timestamps=timestamps,
                fps=chosen["fps"],
                total_frames=chosen["total_frames"],
                duration=chosen["duration"],
                digest=chosen["digest"],
            )


def failures(selection_path: str | os.PathLike[str]) -> dict[str, str]:
    """Why each clip without frames has none: video id → ``status: sentence``."""
    return read_index(selection_path)["failures"]


def digests(selection_path: str | os.PathLike[str]) -> dict[str, str]:
    """`Clip.digest` of each clip, without reading pixels."""
    return {
        video_id: clip["digest"] for video_id, clip in read_index(selection_path)["clips"].items()
    }


def read_index(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The index of a decoded or selection file."""
    with _opened(path) as archive:
        return _index_of(archive, path)


@contextlib.contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[np.lib.npyio.NpzFile]:
    """An npz file; damage met on opening or reading is a `UserError` that names it."""
    try:
        # Opened here, because numpy leaves a file open that is no archive.
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            yield archive
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, KeyError, ValueError) as error:
        raise UserError(f"{path}: damaged ({error}); delete it and run again") from None


def _index_of(archive: np.lib.npyio.NpzFile, path: str | os.PathLike[str]) -> dict[str, Any]:
    index = json.loads(archive["index"].tobytes())
    if index["version"] != VERSION:
        raise UserError(
            f"{path}: version {index['version']} of the frame cache, this program reads {VERSION}; "
            "delete it and run again"
        )
    return index


def _encode(frame: np.ndarray, storage: Mapping[str, Any]) -> np.ndarray:
    if storage["storage"] == "raw":
        return frame
    buffer = io.BytesIO()
    image = Image.fromarray(frame)
    if storage["storage"] == "lossless":
        image.save(
            buffer, "WEBP", lossless=True, quality=0, method=0
        )  # the fastest of its settings
    else:
        image.save(buffer, "JPEG", quality=storage["quality"], subsampling="4:4:4")
    return np.frombuffer(buffer.getbuffer(), dtype=np.uint8)


def _decode(member: np.ndarray) -> np.ndarray:
    if member.ndim == 3:
        return member
    return np.asarray(Image.open(io.BytesIO(member.tobytes())))


def _write_member(archive: zipfile.ZipFile, name: str, array: np.ndarray) -> None:
    # As np.savez does, but one at a time: a shard of raw frames need not fit in memory.
    with archive.open(zipfile.ZipInfo(f"{name}.npy", _EPOCH), "w", force_zip64=True) as member:
        np.lib.format.write_array(member, array, allow_pickle=False)


def _json_array(value: Any) -> np.ndarray:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return np.frombuffer(text.encode(), dtype=np.uint8)


def _array_digest(array: np.ndarray) -> str:
    digest = hashlib.sha256(repr(array.shape).encode())
    digest.update(np.ascontiguousarray(array))
    return digest.hexdigest()


def _clip_digest(frames: Sequence[str], timestamps: np.ndarray) -> str:
    digest = hashlib.sha256("".join(frames).encode())
    digest.update(timestamps.astype("<f8").tobytes())
    return digest.hexdigest()
