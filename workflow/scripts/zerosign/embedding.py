"""Embeddings of clips and of texts in one model's space, on their way to files and back.

A model embeds a clip by the mean of its visual tokens, or of its frames' embeddings, and a text by
the mean of its last hidden states, or by its text tower (see the adapters). Nothing here is
normalised: a cosine does that.
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np

from zerosign import io
from zerosign.errors import UserError
from zerosign.framecache import Clip


class Embedder(Protocol):
    """An adapter that can embed."""

    def embed_clip(self, clip: Clip) -> np.ndarray:
        """float32[D]"""
        ...

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """float32[len(texts), D]"""
        ...


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


def from_template(template: str, glosses: Iterable[str]) -> dict[str, str]:
    """Gloss → text, from a template with ``{gloss}`` in it."""
    if "{gloss}" not in template:
        raise UserError(f"template {json.dumps(template)}: must hold {{gloss}}")
    return {gloss: template.replace("{gloss}", gloss) for gloss in glosses}


def _checked(values: np.ndarray, what: str) -> np.ndarray:
    if not np.isfinite(values).all():
        raise UserError(f"the embedding of {what} is not finite; try dtype: float32")
    return values.astype(np.float32)


def _write(path: str | os.PathLike[str], **arrays: np.ndarray) -> None:
    with io.write_atomic(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, **arrays)
