"""The questions of binary matching: a clip, a gloss, and whether the clip shows that gloss.

Right pairs are all tested clips with their own gloss. Wrong pairs are *random*, clips of other
glosses as many as the gloss has of its own (Javorek et al. 2026), or *hard*, clips asked about the
glosses that are most like their own.
"""

import hashlib
from collections.abc import Mapping

import numpy as np
import polars as pl

from zerosign.mapping import DECIMALS, Encoder, class_glosses
from zerosign.normalise import normal
from zerosign.relations import same_sign

PAIRS = {
    "video_id": pl.String,
    "question": pl.String,  # names the question about the clip: the gloss
    "gloss": pl.String,
    "description": pl.String,
    "kind": pl.String,
    "match": pl.Boolean,
}
POSITIVE, RANDOM, HARD = "positive", "random", "hard"


def pairs(
    clips: pl.DataFrame,
    split: str,
    described: Mapping[str, str] | None,
    encode: Encoder,
    seed: int,
    random: int,
    hard: int,
) -> pl.DataFrame:
    """Questions (schema `PAIRS`), gloss by gloss, no pair twice.

    `clips` of all splits, those of `split` are asked about. With `described` (gloss to
    description), only about the glosses in it, whose likeness is that of their descriptions; else
    about all, by the likeness of the glosses. `random`: wrong pairs per right one; `hard`: nearest
    other glosses that each clip is asked about, those apart that it is asked about at random. A
    clip is never a wrong pair of a gloss under which one of its own gloss's videos stands too.
    """
    glosses = class_glosses(clips)
    asked = [k for k, gloss in enumerate(glosses) if described is None or gloss in described]
    texts = {k: normal(glosses[k]) if described is None else described[glosses[k]] for k in asked}
    alike = set(same_sign(clips).iter_rows())
    if described is not None:  # one text for two glosses: to tell them apart is asked of nobody
        alike |= {(k, other) for k in asked for other in asked if texts[k] == texts[other]}
    tested = clips.filter(pl.col("split") == split).sort("class_index", "video_id")
    of_class: dict[int, list[str]] = {k: [] for k in range(len(glosses))}
    for video_id, k in tested.select("video_id", "class_index").iter_rows():
        of_class[k].append(video_id)

    of_kind: dict[str, set[tuple[str, int]]] = {
        POSITIVE: {(video_id, k) for k in asked for video_id in of_class[k]},
        RANDOM: set(),
        HARD: set(),
    }
    for k in asked:
        others = [
            video_id
            for other, video_ids in of_class.items()
            if other != k and (other, k) not in alike
            for video_id in video_ids
        ]
        drawn = sorted(others, key=lambda video_id, k=k: _draw(seed, glosses[k], video_id))
        of_kind[RANDOM] |= {(video_id, k) for video_id in drawn[: random * len(of_class[k])]}
    if hard:
        for k, likest in neighbours(texts, encode).items():
            for video_id in of_class[k]:
                new = [
                    other
                    for other in likest
                    if (k, other) not in alike and (video_id, other) not in of_kind[RANDOM]
                ]
                of_kind[HARD] |= {(video_id, other) for other in new[:hard]}
    rows = [
        (video_id, glosses[k], glosses[k], texts[k] if described else None, kind, kind == POSITIVE)
        for k in asked
        for kind, found in of_kind.items()
        for video_id in sorted(video_id for video_id, other in found if other == k)
    ]
    return pl.DataFrame(rows, schema=PAIRS, orient="row")


def neighbours(texts: Mapping[int, str], encode: Encoder) -> dict[int, list[int]]:
    """For each class all others by cosine of their texts, the nearest first; ties to the lowest."""
    classes = sorted(texts)
    vectors = encode([texts[k] for k in classes])
    cosines = np.round(vectors @ vectors.T, DECIMALS)
    return {
        k: [classes[i] for i in np.argsort(-row, kind="stable") if classes[i] != k]
        for k, row in zip(classes, cosines, strict=True)
    }


def _draw(seed: int, gloss: str, video_id: str) -> str:
    """A clip's lot for a gloss: the same on every machine, whatever else is in the study."""
    return hashlib.sha256(f"{seed}\n{gloss}\n{video_id}".encode()).hexdigest()
