"""How well a model's own encoders place a clip beside the description of its sign."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from zerosign.errors import UserError
from zerosign.stats import bootstrap_interval

ALIGNED = 0.25  # cosine above which a pair counts as aligned (the paper's rebuttal)
TOP = 5


def read_videos(paths: Sequence[Path]) -> tuple[list[str], np.ndarray]:
    """Clip ids (N) and embeddings (N, D) of all shards, in the order given."""
    ids: list[str] = []
    parts = []
    for path in paths:
        with np.load(path, allow_pickle=False) as shard:
            _need(path, shard, ("video_ids", "video"))
            ids += shard["video_ids"].tolist()
            parts.append(shard["video"])
    filled = [part for part in parts if len(part)]
    return ids, np.concatenate(filled) if filled else np.zeros((0, 0), np.float32)


def read_texts(path: Path) -> tuple[list[str], np.ndarray]:
    """Glosses (C) and the embeddings of their texts (C, D)."""
    with np.load(path, allow_pickle=False) as texts:
        _need(path, texts, ("glosses", "text"))
        return texts["glosses"].tolist(), texts["text"]


def _need(path: Path, arrays: Any, names: Sequence[str]) -> None:
    for name in names:
        if name not in arrays:
            raise UserError(f"{path}: no array {name}; delete the file and run again")


def cosines(video: np.ndarray, text: np.ndarray) -> np.ndarray:
    """Cosine of every clip with every text (N, C). A vector of zeros has cosine 0 with all."""
    return _unit(video) @ _unit(text).T


def _unit(vectors: np.ndarray) -> np.ndarray:
    vectors = vectors.astype(np.float64)
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(norms > 0, norms, 1)


def ranks(similarity: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Rank (N,) of the true text among all, 1 the nearest; ties count against the model."""
    own = similarity[np.arange(len(truth)), truth][:, None]
    return (similarity >= own).sum(axis=1)


def measures(
    similarity: np.ndarray,
    truth: np.ndarray,
    signers: np.ndarray,
    confidence: float,
    bootstrap: int,
    seed: int,
) -> dict[str, dict[str, float | None]]:
    """Each measure as value, low and high (None where there are no two signers).

    `similarity` (N, C), `truth` (N,) the column of the right text, `signers` (N,) clusters that
    are resampled. correct and wrong: mean cosine of right and of all other pairs; top5: share of
    clips whose right text is among the five nearest; aligned: share of right pairs above 0.25.
    """
    classes = similarity.shape[1]
    own = similarity[np.arange(len(truth)), truth]
    per_clip = {"correct": own, "top5": (ranks(similarity, truth) <= TOP).astype(float)}
    per_clip["aligned"] = (own > ALIGNED).astype(float)
    if classes > 1:
        per_clip["wrong"] = (similarity.sum(axis=1) - own) / (classes - 1)
        per_clip["gap"] = own - per_clip["wrong"]
    return {
        name: _with_interval(values, signers, confidence, bootstrap, seed)
        for name, values in per_clip.items()
    }


def _with_interval(
    values: np.ndarray, clusters: np.ndarray, confidence: float, bootstrap: int, seed: int
) -> dict[str, float | None]:
    low, high = bootstrap_interval(values, clusters, confidence, bootstrap, seed)
    found = math.isfinite(low)
    return {
        "value": float(values.mean()),
        "low": low if found else None,
        "high": high if found else None,
    }


def table(results: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """A row a model, sampling and measure, from the JSON results of `align`."""
    rows = [
        {key: result[key] for key in ("model", "sampling", "n_expected", "n", "classes")}
        | {"measure": name, **measure}
        | {"chance": result["top5_chance"] if name == "top5" else None}
        for result in results
        for name, measure in result["measures"].items()
    ]
    return pl.DataFrame(rows, infer_schema_length=None)
