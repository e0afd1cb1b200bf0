"""The questions of binary matching: a clip, a gloss, and whether the clip shows that gloss.

Positives are all evaluated clips with their own gloss. Negatives are *random*, as many clips of
other glosses as the gloss has of its own (Javorek et al. 2026), or *hard*, clips with the glosses
that are nearest to their own.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import polars as pl

from zerosign.dataset.clips import class_glosses
from zerosign.dataset.leakage import shared_labels
from zerosign.errors import UserError
from zerosign.mapping.encoder import DECIMALS, Encoder
from zerosign.mapping.normalise import normal
from zerosign.matching.matching_settings import MatchingSettings

PAIRS = {
    "video_id": pl.String,
    "question": pl.String,  # names the question about the clip: the gloss
    "gloss": pl.String,
    "description": pl.String,
    "kind": pl.String,
    "match": pl.Boolean,
}
POSITIVE, RANDOM, HARD = "positive", "random", "hard"

Pair = tuple[str, int]
"""A clip and the class that it is paired with."""


def pairs(
    clips: pl.DataFrame,
    split: str,
    described: Mapping[str, str] | None,
    encode: Encoder,
    settings: MatchingSettings,
) -> pl.DataFrame:
    """Questions (schema `PAIRS`), gloss by gloss, no pair twice.

    `clips` are those of all splits, of which `split` is evaluated. With `described` (gloss to
    description) only its glosses are in the pairs, and their descriptions are compared to find the
    nearest; else all are, and the glosses themselves are compared. A clip is no negative of a gloss
    that shares a video with the clip's own gloss, or its description. `UserError` where there is
    nothing to ask, or no answer but yes.
    """
    glosses = class_glosses(clips)
    texts = {
        k: normal(gloss) if described is None else described[gloss]
        for k, gloss in enumerate(glosses)
        if described is None or gloss in described
    }
    ambiguous = set(shared_labels(clips).iter_rows())
    if described is not None:
        ambiguous |= _equal_texts(texts)
    of_class = _clips_by_class(clips, split, len(glosses))
    if not any(of_class[k] for k in texts):
        raise UserError(
            f"no clip of split '{split}' has a gloss with a description; leave the matching runs "
            "out (leave_out), or add descriptions"
        )
    random = {
        (video_id, k)
        for k in texts
        for video_id in random_clips(k, glosses[k], of_class, ambiguous, settings)
    }
    found = {
        POSITIVE: {(video_id, k) for k in texts for video_id in of_class[k]},
        RANDOM: random,
        HARD: _hard(texts, encode, of_class, ambiguous, random, settings.hard),
    }
    if not found[RANDOM] and not found[HARD]:
        raise UserError(
            f"no two glosses of split '{split}' can be told apart, so that every answer would be "
            "yes; leave the matching runs out (leave_out), or add glosses"
        )
    return _table(found, glosses, texts, with_description=described is not None)


def _equal_texts(texts: Mapping[int, str]) -> set[tuple[int, int]]:
    """Ordered pairs of classes with equal texts, which nobody could tell apart."""
    return {(k, other) for k in texts for other in texts if texts[k] == texts[other]}


def _clips_by_class(clips: pl.DataFrame, split: str, classes: int) -> dict[int, list[str]]:
    """Clips of a split, sorted, by class; a class without clips has an empty list."""
    found: dict[int, list[str]] = {k: [] for k in range(classes)}
    evaluated = clips.filter(pl.col("split") == split).sort("class_index", "video_id")
    for video_id, k in evaluated.select("video_id", "class_index").iter_rows():
        found[k].append(video_id)
    return found


def random_clips(
    k: int,
    gloss: str,
    of_class: Mapping[int, Sequence[str]],
    ambiguous: Collection[tuple[int, int]],
    settings: MatchingSettings,
) -> list[str]:
    """Random negatives of class `k`: `settings.random` for each of its own clips, if there are."""
    others = [
        video_id
        for other, video_ids in of_class.items()
        if other != k and (other, k) not in ambiguous
        for video_id in video_ids
    ]
    others.sort(key=lambda video_id: _lot(settings.seed, gloss, video_id))
    return others[: settings.random * len(of_class[k])]


def _lot(seed: int, gloss: str, video_id: str) -> str:
    """A random number for a clip and a gloss: the same on all machines and in all studies."""
    return hashlib.sha256(f"{seed}\n{gloss}\n{video_id}".encode()).hexdigest()


def _hard(
    texts: Mapping[int, str],
    encode: Encoder,
    of_class: Mapping[int, Sequence[str]],
    ambiguous: Collection[tuple[int, int]],
    random: Collection[Pair],
    count: int,
) -> set[Pair]:
    """Each clip with the `count` classes nearest to its own that are no random pair of it."""
    if not count:
        return set()
    found: set[Pair] = set()
    for k, nearest in neighbours(texts, encode).items():
        distinct = [other for other in nearest if (k, other) not in ambiguous]
        for video_id in of_class[k]:
            new = [other for other in distinct if (video_id, other) not in random]
            found |= {(video_id, other) for other in new[:count]}
    return found


def neighbours(texts: Mapping[int, str], encode: Encoder) -> dict[int, list[int]]:
    """For each class all others by cosine of their texts, the nearest first; ties to the lowest."""
    classes = sorted(texts)
    vectors = encode([texts[k] for k in classes])
    cosines = np.round(vectors @ vectors.T, DECIMALS)
    return {
        k: [classes[i] for i in np.argsort(-row, kind="stable") if classes[i] != k]
        for k, row in zip(classes, cosines, strict=True)
    }


def _table(
    found: Mapping[str, Collection[Pair]],
    glosses: Sequence[str],
    texts: Mapping[int, str],
    with_description: bool,
) -> pl.DataFrame:
    """Pairs by kind as a table (schema `PAIRS`): by gloss, then kind, then clip."""
    rows = [
        (
            video_id,
            glosses[k],
            glosses[k],
            texts[k] if with_description else None,
            kind,
            kind == POSITIVE,
        )
        for k in texts
        for kind, of_kind in found.items()
        for video_id in sorted(video_id for video_id, other in of_kind if other == k)
    ]
    return pl.DataFrame(rows, schema=PAIRS, orient="row")
