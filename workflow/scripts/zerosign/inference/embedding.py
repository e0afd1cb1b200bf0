"""Embeddings of clips and texts by a loaded model, kept in the store as answers are."""

import base64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from zerosign import cli, files
from zerosign.errors import UserError
from zerosign.frames import cache
from zerosign.inference import store
from zerosign.inference.journal import Journal, Recorded
from zerosign.inference.run_questions import Inputs
from zerosign.inference.store import Part
from zerosign.models import registry
from zerosign.models.base import Adapter, Concurrent, Embedder
from zerosign.models.model_entry import ModelEntry


@dataclass(frozen=True)
class Wanted:
    """What a model's alignment needs: keys of clips by shard and video id, of texts by gloss."""

    entry: ModelEntry
    folder: Path
    clips: list[dict[str, str]]
    texts: dict[str, str]
    digests: dict[str, str]
    """What a key is of: a clip's digest, or the words."""


def wanted(
    inputs: Inputs, model: str, store_folder: Path, code: str, texts: Mapping[str, str]
) -> Wanted:
    """The embeddings of a model; ``code``: digest of the code that makes them."""
    entry = registry.read(inputs.study, model)
    assert isinstance(entry, ModelEntry)
    identity = registry.kind(entry.kind).identity(entry)
    identity.pop("decoding", None)

    def key(what: str, value: Any) -> str:
        return files.digest({"model": identity, "code": code, what: value})

    sampling = inputs.study.read(str, "alignment", "sampling")
    clips: list[dict[str, str]] = []
    digests: dict[str, str] = {}
    for shard in inputs.shards:
        selection = inputs.selection(sampling, shard)
        if selection is None:
            raise UserError(f"alignment.sampling: '{sampling}' shows no frames to embed")
        keys = {}
        for video_id in inputs.video_ids(shard):
            if video_id in selection.clips:
                clip = selection.described(video_id)
                seen = [clip.digest, clip.fps, clip.total_frames, clip.duration]
                keys[video_id] = key("clip", seen)
                digests[keys[video_id]] = clip.digest
        clips.append(keys)
    of_texts = {gloss: key("text", text) for gloss, text in texts.items()}
    digests |= {of_texts[gloss]: text for gloss, text in texts.items()}
    return Wanted(entry, store.folder_of(store_folder, entry), clips, of_texts, digests)


def embed(
    inputs: Inputs,
    model: str,
    store_folder: Path,
    part: Part,
    code: str,
    texts: Mapping[str, str],
    load: Callable[[str, ModelEntry], Adapter | Concurrent],
) -> int:
    """Embed what is in no store yet; returns how many clips and texts there are. `UserError`."""
    need = wanted(inputs, model, store_folder, code, texts)
    keys = {key for key, of in need.digests.items() if part.has(of)}
    known = store.read(need.folder, store.EMBEDDINGS, keys)
    if known.keys() >= keys:
        return len(keys)
    with Journal(part.journal(need.folder, store.EMBEDDINGS)) as book:
        new = {key for key in keys if key not in known and key not in book}
        embedder = _embedder(need.entry, load(model, need.entry))
        vectors = _vectors(inputs, need, embedder, new, texts)
        for entry in cli.progress(vectors, len(new), f"embeddings of {model}", "vectors"):
            book.append([entry])
    return len(keys)


def _embedder(entry: ModelEntry, adapter: Adapter | Concurrent) -> Embedder:
    make = registry.kind(entry.kind).embedder
    if make is None:
        raise UserError(f"adapter: {entry.adapter} gives no embeddings; take it out of alignment")
    return make(adapter)


def _vectors(
    inputs: Inputs, need: Wanted, embedder: Embedder, new: set[str], texts: Mapping[str, str]
) -> Iterator[Recorded]:
    """The new vectors, each once."""
    left = set(new)
    sampling = inputs.study.read(str, "alignment", "sampling")
    for shard, keys in zip(inputs.shards, need.clips, strict=True):
        ours = {}
        for video_id, key in keys.items():
            if key in left:
                left.discard(key)
                ours[video_id] = key
        selection = inputs.selection(sampling, shard)
        if selection is None or not ours:
            continue
        for clip in cache.read_clips(inputs.decoded(shard), selection, ours):
            vector = _checked(embedder.embed_clip(clip), f"clip {clip.video_id}")
            yield Recorded(ours[clip.video_id], {"video_id": clip.video_id}, to_json(vector))
    missing = {key: gloss for gloss, key in need.texts.items() if key in left}
    if missing:
        found = embedder.embed_texts([texts[gloss] for gloss in missing.values()])
        for (key, gloss), vector in zip(missing.items(), found, strict=True):
            yield Recorded(key, {"gloss": gloss}, to_json(_checked(vector, f"text of {gloss}")))


def _checked(values: np.ndarray, what: str) -> np.ndarray:
    if not np.isfinite(values).all():
        raise UserError(f"the embedding of {what} is not finite; try dtype: float32")
    return values


def to_json(vector: np.ndarray) -> dict[str, str]:
    """float32[D] as a journal keeps it: its bytes, little-endian, in base64."""
    return {"float32": base64.b64encode(vector.astype("<f4").tobytes()).decode()}


def from_json(value: Mapping[str, str]) -> np.ndarray:
    """The vector that `to_json` wrote: float32[D]."""
    return np.frombuffer(base64.b64decode(value["float32"]), "<f4").astype(np.float32)
