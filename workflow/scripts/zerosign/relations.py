"""Scores that forgive: another word for the same thing, another label for the same sign."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from zerosign.audit import identical
from zerosign.normalise import normal
from zerosign.scores import available, rate_interval

EXACT = "exact label"
ALL_SYNONYMS = "synonyms"
OTHER_WORDS = "synonyms that are no other class"
SAME_SIGN = "same sign"


def same_sign(clips: pl.DataFrame) -> pl.DataFrame:
    """Ordered pairs of classes (class_index, other) under which one and the same video stands."""
    groups = identical(clips.filter(pl.coalesce("url", "path").is_not_null()))
    groups = groups.select("group", "class_index")
    return (
        groups.join(groups.rename({"class_index": "other"}), on="group")
        .filter(pl.col("class_index") != pl.col("other"))
        .select("class_index", "other")
        .unique()
        .sort("class_index", "other")
    )


def credits(
    joined: pl.DataFrame, clips: pl.DataFrame, synonyms: pl.DataFrame | None
) -> pl.DataFrame:
    """Wrong answers that a relation forgives: run, video_id, relation, credited, origin.

    A synonym counts when it is what the answer says or the class it was mapped to. `synonyms` has
    the schema `synonyms.SYNONYMS`. `credited` is the synonym, or the class of the same sign.
    """
    wrong = joined.filter(
        ~pl.col("correct") & pl.col("outcome").is_in(["mapped", "out_of_vocabulary"])
    )
    keys = ["run", "video_id"]
    signs = (
        wrong.join(
            same_sign(clips),
            left_on=["class_index", "predicted_index"],
            right_on=["class_index", "other"],
        )
        .select(*keys, pl.lit(SAME_SIGN).alias("relation"), pl.col("predicted").alias("credited"))
        .with_columns(origin=pl.lit("identical video"))
    )
    if synonyms is None:
        return signs
    said = wrong.select(
        *keys,
        "class_index",
        pl.concat_list(
            "compared", pl.col("predicted").map_elements(normal, return_dtype=pl.String)
        ).alias("synonym"),
    ).explode("synonym")
    hits = said.join(synonyms, on=["class_index", "synonym"]).unique(
        [*keys, "synonym"], maintain_order=True
    )
    words = [
        part.select(
            *keys,
            pl.lit(relation).alias("relation"),
            pl.col("synonym").alias("credited"),
            "origin",
        )
        for relation, part in (
            (ALL_SYNONYMS, hits),
            (OTHER_WORDS, hits.filter(pl.col("other_class").is_null())),
        )
    ]
    return pl.concat([*words, signs])


def scores(
    joined: pl.DataFrame,
    credited: pl.DataFrame,
    runs: Sequence[dict[str, Any]],
    relations: Sequence[str],
    confidence: float,
) -> pl.DataFrame:
    """Top-1 of each run under each relation, over available clips, and how many it gained."""
    rows = []
    for run in runs:
        seen = joined.filter(available(), pl.col("run") == run["run"])
        strict = int(seen["correct"].sum())
        for relation in (EXACT, *relations):
            of_run = credited.filter(pl.col("run") == run["run"], pl.col("relation") == relation)
            right = seen["correct"] | seen["video_id"].is_in(of_run["video_id"].implode())
            gained = int(right.sum()) - strict
            low, high = rate_interval(seen, right, confidence)
            rows.append(
                {
                    "run": run["run"],
                    "label": run["label"],
                    "relation": relation,
                    "n_available": seen.height,
                    "correct": strict + gained,
                    "gained": gained,
                    "top1": (strict + gained) / seen.height if seen.height else None,
                    "low": low,
                    "high": high,
                }
            )
    return pl.DataFrame(rows, infer_schema_length=None)


def matches(joined: pl.DataFrame, credited: pl.DataFrame) -> pl.DataFrame:
    """Which answers were forgiven, and why: run, relation, gloss, credited, origin, n."""
    return (
        credited.join(joined.select("run", "video_id", "gloss"), on=["run", "video_id"])
        .group_by("run", "relation", "gloss", "credited", "origin")
        .len("n")
        .sort(
            "run",
            "relation",
            "n",
            "gloss",
            "credited",
            descending=[False] * 2 + [True] + [False] * 2,
        )
    )
