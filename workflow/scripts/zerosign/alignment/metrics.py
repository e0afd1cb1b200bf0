"""How close a model's own encoders place a clip to the description of its sign."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from zerosign.entries import Entry
from zerosign.errors import UserError
from zerosign.scoring.statistics_settings import StatisticsSettings
from zerosign.statistics import bounded_interval, cluster_codes

ALIGNED = 0.25  # cosine above which a pair counts as aligned (the paper's rebuttal)
TOP = 5
_BOUNDS = {
    "positive": (-1.0, 1.0),
    "negative": (-1.0, 1.0),
    "positive_minus_negative": (-2.0, 2.0),
}
"""What the values of measures of cosines can be; those of shares are from 0 to 1."""
CAPTION = (
    "Alignment of video and text embeddings: mean cosine of clips with their own text (positive) "
    "and with all others (negative), and the difference; share of clips whose own text is among "
    f"the five nearest (top5); share of positives with a cosine above {ALIGNED:g} (aligned); "
    "{level} Wilson intervals, widened for clips of one signer."
)


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


class Measure(Entry):
    """A value with its interval; null where there are no two signers."""

    value: float
    low: float | None
    high: float | None


class Alignment(Entry):
    """How close a model places the clips of a sampling to their texts: the file of `align`."""

    model: str
    sampling: str
    n_expected: int
    n: int
    classes: int
    top5_chance: float
    measures: dict[str, Measure]
    settings: StatisticsSettings


def align(
    model: str,
    sampling: str,
    clips: pl.DataFrame,
    videos: tuple[list[str], np.ndarray],
    texts: tuple[list[str], np.ndarray],
    settings: StatisticsSettings,
) -> Alignment:
    """Compare the clips' embeddings with the glosses' texts: see `read_videos`, `read_texts`.

    Raises `UserError` where nothing can be compared.
    """
    ids, video = videos
    glosses, text = texts
    known = pl.DataFrame({"video_id": pl.Series(ids, dtype=pl.String), "row": range(len(ids))})
    rows = known.join(clips.select("video_id", "gloss", "signer"), on="video_id")
    rows = rows.filter(pl.col("gloss").is_in(glosses)).sort("video_id")
    if rows.is_empty():
        raise UserError(
            f"{model}.{sampling}: no clip with frames has a gloss with a text; check the "
            "descriptions and the videos of the evaluated split"
        )
    if video.shape[1] != text.shape[1]:
        raise UserError(
            f"{model}: video embeddings have {video.shape[1]} dimensions, texts {text.shape[1]}; "
            "the model has no common space, take it out of alignment.models"
        )
    column = {gloss: index for index, gloss in enumerate(glosses)}
    return Alignment(
        model=model,
        sampling=sampling,
        n_expected=clips.height,
        n=rows.height,
        classes=len(glosses),
        top5_chance=min(1.0, TOP / len(glosses)),
        measures=measures(
            cosines(video[rows["row"].to_numpy()], text),
            np.array([column[gloss] for gloss in rows["gloss"]]),
            cluster_codes(rows["signer"].to_list()),
            settings,
        ),
        settings=settings,
    )


def measures(
    similarity: np.ndarray, truth: np.ndarray, signers: np.ndarray, settings: StatisticsSettings
) -> dict[str, Measure]:
    """Each measure with its interval.

    `similarity` (N, C), `truth` (N,) the column of the clip's own text, `signers` (N,) whose clips
    resemble each other. positive and negative: mean cosine with the own text and with all others;
    top5: share of clips whose own text is among the five nearest; aligned: share of positives
    above 0.25.
    """
    classes = similarity.shape[1]
    own = similarity[np.arange(len(truth)), truth]
    per_clip = {"positive": own, "top5": (ranks(similarity, truth) <= TOP).astype(float)}
    per_clip["aligned"] = (own > ALIGNED).astype(float)
    if classes > 1:
        per_clip["negative"] = (similarity.sum(axis=1) - own) / (classes - 1)
        per_clip["positive_minus_negative"] = own - per_clip["negative"]
    return {
        name: _with_interval(values, signers, settings.confidence, _BOUNDS.get(name, (0.0, 1.0)))
        for name, values in per_clip.items()
    }


def _with_interval(
    values: np.ndarray, clusters: np.ndarray, confidence: float, bounds: tuple[float, float]
) -> Measure:
    low, high = bounded_interval(values, confidence, clusters, *bounds)
    found = math.isfinite(low)
    return Measure(
        value=float(values.mean()), low=low if found else None, high=high if found else None
    )


def table(results: Sequence[Alignment]) -> pl.DataFrame:
    """A row per model, sampling and measure."""
    rows = [
        {
            "model": result.model,
            "sampling": result.sampling,
            "n_expected": result.n_expected,
            "n": result.n,
            "classes": result.classes,
            "measure": name,
            **measure.as_json(),
            "chance": result.top5_chance if name == "top5" else None,
        }
        for result in results
        for name, measure in result.measures.items()
    ]
    return pl.DataFrame(rows, infer_schema_length=None)
