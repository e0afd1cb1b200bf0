"""Embeddings of clips and of texts in one model's space, from the store to files.

A model embeds a clip by the mean of its visual tokens, or of its frames' embeddings, and a text by
the mean of its last hidden states, or by its text tower (see `zerosign.models.kinds`). Nothing
here is normalised: a cosine does that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from zerosign import files
from zerosign.errors import UserError
from zerosign.inference import embedding, store
from zerosign.inference.run_questions import Inputs


@dataclass(frozen=True)
class Embeddings:
    """Vectors of a model."""

    clips: list[dict[str, np.ndarray]]
    """By shard: video id to float32[D]."""
    vectors: dict[str, np.ndarray]
    """Gloss to float32[D]."""
    texts: Mapping[str, str]
    """Gloss to what was embedded."""

    def write(self, folder: Path) -> None:
        """Write ``<shard>.npz`` (video_ids, video[N, D]) and text.npz (glosses, texts, text)."""
        for shard, clips in enumerate(self.clips):
            _write(folder / f"{shard}.npz", video_ids=_words(clips), video=_rows(clips))
        words = _words(self.vectors)
        texts = np.array([self.texts[gloss] for gloss in self.vectors], dtype=np.str_)
        _write(folder / "text.npz", glosses=words, texts=texts, text=_rows(self.vectors))


def gather(
    inputs: Inputs, model: str, folder: Path, code: str, texts: Mapping[str, str]
) -> Embeddings:
    """A model's embeddings from the store. `UserError`: not all was embedded."""
    need = embedding.wanted(inputs, model, folder, code, texts)
    found = store.read(need.folder, store.EMBEDDINGS, need.digests)
    if missing := need.digests.keys() - found.keys():
        raise UserError(
            f"model {model}: {len(missing)} of {len(need.digests)} embeddings are not in {folder}; "
            "was it deleted? Embed again: snakemake --forcerun ask"
        )

    def vectors(keys: Mapping[str, str]) -> dict[str, np.ndarray]:
        return {name: embedding.from_json(found[key]) for name, key in keys.items()}

    return Embeddings([vectors(shard) for shard in need.clips], vectors(need.texts), texts)


def texts_of(descriptions: Path | None, glosses: Sequence[str]) -> dict[str, str]:
    """The text of each gloss that has one: its description, or without descriptions itself."""
    if descriptions is None:
        return {gloss: gloss for gloss in glosses}
    return dict(pl.read_parquet(descriptions, columns=["gloss", "description"]).iter_rows())


def _words(names: Mapping[str, np.ndarray]) -> np.ndarray:
    return np.array(list(names), dtype=np.str_)


def _rows(vectors: Mapping[str, np.ndarray]) -> np.ndarray:
    return np.stack(list(vectors.values())) if vectors else np.empty((0, 0), np.float32)


def _write(path: Path, **arrays: np.ndarray) -> None:
    with files.write_atomic(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
