"""Embeddings of clips and of texts in one model's space, on their way to files and back.

A model embeds a clip by the mean of its visual tokens, or of its frames' embeddings, and a text by
the mean of its last hidden states, or by its text tower (see `zerosign.models.kinds`). Nothing
here is normalised: a cosine does that.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from zerosign import files
from zerosign.errors import UserError
from zerosign.frames.cache import Clip
from zerosign.models import registry
from zerosign.models.base import Embedder
from zerosign.models.model_entry import ModelEntry


def load(entry: ModelEntry) -> Embedder:
    """The model of an entry, ready to embed. Raises `UserError`."""
    loaded: object = registry.kind(entry.adapter).load(entry)
    if not isinstance(loaded, Embedder):
        raise UserError(f"adapter: {entry.adapter} gives no embeddings; take it out of alignment")
    return loaded


def write_videos(embedder: Embedder, clips: Iterable[Clip], path: str | os.PathLike[str]) -> int:
    """Write ``video_ids`` (U) and ``video`` float32[N, D] as ``.npz``; returns N."""
    video_ids, rows = [], []
    for clip in clips:
        video_ids.append(clip.video_id)
        rows.append(_checked(embedder.embed_clip(clip), f"clip {clip.video_id}"))
    video = np.stack(rows) if rows else np.empty((0, 0), np.float32)
    _write(path, video_ids=np.array(video_ids, dtype=np.str_), video=video)
    return len(rows)


def write_texts(embedder: Embedder, texts: Mapping[str, str], path: str | os.PathLike[str]) -> None:
    """Write ``glosses`` (U), ``texts`` (U) and ``text`` float32[C, D], in the mapping's order."""
    rows = _checked(embedder.embed_texts(list(texts.values())), "a text")
    glosses = np.array(list(texts), dtype=np.str_)
    _write(path, glosses=glosses, texts=np.array(list(texts.values()), dtype=np.str_), text=rows)


def texts_of(descriptions: Path | None, glosses: Sequence[str]) -> dict[str, str]:
    """The text of each gloss that has one: its description, or without descriptions itself."""
    if descriptions is None:
        return {gloss: gloss for gloss in glosses}
    return dict(pl.read_parquet(descriptions, columns=["gloss", "description"]).iter_rows())


def _checked(values: np.ndarray, what: str) -> np.ndarray:
    if not np.isfinite(values).all():
        raise UserError(f"the embedding of {what} is not finite; try dtype: float32")
    return values.astype(np.float32)


def _write(path: str | os.PathLike[str], **arrays: np.ndarray) -> None:
    with files.write_atomic(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
