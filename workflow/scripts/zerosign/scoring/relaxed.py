"""Scores that forgive: another word for the same thing, another label of the same video."""

from collections.abc import Sequence

import polars as pl

from zerosign.dataset.leakage import shared_labels
from zerosign.mapping.normalise import normal
from zerosign.mapping.outcomes import Outcome
from zerosign.runs import TableRun
from zerosign.scoring.joined_runs import available, rate_interval
from zerosign.scoring.table_registry import ScoreInputs, table

EXACT = "exact label"
ALL_SYNONYMS = "synonyms"
OTHER_WORDS = "synonyms that are no other class"
SHARED_LABEL = "shared video label"
_SAID = [Outcome.CLASSIFIED, Outcome.OUT_OF_VOCABULARY]


def relations(synonyms: pl.DataFrame | None) -> list[str]:
    """The relations that a study can forgive: those of synonyms need a source of these."""
    words = [ALL_SYNONYMS, OTHER_WORDS] if synonyms is not None else []
    return [*words, SHARED_LABEL]


@table(
    "relaxed",
    "Top-1 accuracy when a synonym (WordNet or the study's own table), or another label of the "
    "same video, counts as correct, too; {widened}.",
)
def relaxed_table(inputs: ScoreInputs) -> pl.DataFrame:
    """All runs and relations."""
    credited = credits(inputs.joined, inputs.clips, inputs.synonyms)
    forgiven = relations(inputs.synonyms)
    return scores(inputs.joined, credited, inputs.runs, forgiven, inputs.confidence)


@table(
    "relaxed_matches",
    "Answers that a relation forgives: the class shown, what was credited, and why.",
)
def relaxed_matches_table(inputs: ScoreInputs) -> pl.DataFrame:
    """All runs and relations."""
    return matches(inputs.joined, credits(inputs.joined, inputs.clips, inputs.synonyms))


def credits(
    joined: pl.DataFrame, clips: pl.DataFrame, synonyms: pl.DataFrame | None
) -> pl.DataFrame:
    """Wrong answers that a relation forgives: run, video_id, relation, credited, origin.

    A synonym counts when it is what the answer says or the class it was mapped to. `synonyms` has
    the schema `zerosign.mapping.synonyms.SYNONYMS`. `credited` is the synonym, or the other
    class that is a label of the same video.
    """
    wrong = joined.filter(~pl.col("correct") & pl.col("outcome").is_in(_SAID))
    keys = ["run", "video_id"]
    signs = wrong.join(
        shared_labels(clips),
        left_on=["class_index", "predicted_index"],
        right_on=["class_index", "other"],
    ).select(
        *keys,
        pl.lit(SHARED_LABEL).alias("relation"),
        pl.col("predicted").alias("credited"),
        pl.lit("identical video").alias("origin"),
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
    runs: Sequence[TableRun],
    relations: Sequence[str],
    confidence: float,
) -> pl.DataFrame:
    """Top-1 of each run under each relation, over available clips, and how many it gained."""
    rows = []
    for run in runs:
        seen = joined.filter(available(), pl.col("run") == run.name)
        strict = int(seen["correct"].sum())
        for relation in (EXACT, *relations):
            of_run = credited.filter(pl.col("run") == run.name, pl.col("relation") == relation)
            right = seen["correct"] | seen["video_id"].is_in(of_run["video_id"].implode())
            gained = int(right.sum()) - strict
            low, high = rate_interval(seen, right, confidence)
            rows.append(
                {
                    "run": run.name,
                    "label": run.label,
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
