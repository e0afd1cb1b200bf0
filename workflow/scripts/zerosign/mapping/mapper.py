"""From the answers of a run to its predictions: a row per clip.

Several answers about a clip (orders of the candidates, samples) are mapped one by one and vote.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from zerosign.errors import UserError
from zerosign.mapping.decisions import Reply, open_texts, read_all
from zerosign.mapping.encoder import Encoder
from zerosign.mapping.mappers import LIKELIHOOD, MAPPERS, Decision
from zerosign.mapping.mapping_settings import MappingSettings
from zerosign.mapping.outcomes import Outcome
from zerosign.mapping.vocabulary import Vocabulary
from zerosign.prompts.candidates import listed
from zerosign.runs import Run
from zerosign.study_file import StudyFile

PREDICTIONS = pl.Schema(
    {
        "video_id": pl.String(),
        "gloss": pl.String(),
        "class_index": pl.Int32(),
        "text": pl.String(),
        "compared": pl.String(),
        "mapper": pl.String(),
        "predicted": pl.String(),
        "predicted_index": pl.Int32(),
        "step": pl.String(),
        "similarity": pl.Float64(),
        "nearest_gloss": pl.String(),
        "top5": pl.List(pl.Int32),
        "probability": pl.Float64(),
        "votes": pl.List(pl.Int32),
        "positions": pl.List(pl.Int32),
        "outcome": pl.String(),
        "correct": pl.Boolean(),
        **dict.fromkeys(MAPPERS, pl.Int32()),
    }
)
"""Columns of predictions. mapper: the one that predicted and its neighbours come from. step and
outcome: see `zerosign.mapping.outcomes`; compared, similarity, nearest_gloss, top5 and
probability: see `zerosign.mapping.reading.Reading`. votes: the class of each answer about the
clip, or null. positions: where the class of each answer was in the list of candidates that its
question showed, from 0; null for a prompt that lists none. A column per mapper: the class that it
gives the clip."""

_NO_REPLY = Reply(Outcome.MISSING, "")


def lists_candidates(study: StudyFile, run: str) -> bool:
    """Whether a run's prompt lists the candidates; that of a replay is not known."""
    if not study.has("runs", run):
        return False
    prompt = study.read(Run, "runs", run).prompt
    return "candidates" in study.read(list[str], "prompts", prompt, "variables")


def map_answers(
    answers: pl.DataFrame,
    expected: pl.DataFrame,
    vocabulary: Vocabulary,
    encode: Encoder,
    settings: MappingSettings,
    candidates: bool = False,
) -> pl.DataFrame:
    """Predictions (schema `PREDICTIONS`): a row for every clip of ``expected``, in its order.

    ``answers`` as inference writes them: a row per question, optionally with `samples` and
    `finishes`, or with `labels` and `scores`. ``candidates``: whether the prompt lists them. A
    clip without an answer is missing; an answer for another clip, or a second one to a question,
    is a `UserError`.
    """
    glosses = vocabulary.glosses
    replies = _by_clip(answers, expected, glosses)
    rows = list(expected.select("video_id", "gloss", "class_index").iter_rows(named=True))
    of_rows = [replies.get(row["video_id"], [_NO_REPLY]) for row in rows]
    readings = iter(read_all((r for clip in of_rows for r in clip), vocabulary, encode))
    table = []
    for row, clip in zip(rows, of_rows, strict=True):
        found = [next(readings) for _ in clip]
        decided = {
            name: [Decision(reading, mapper, settings.threshold) for reading in found]
            for name, mapper in MAPPERS.items()
        }
        counted = LIKELIHOOD if found[0].likeliest >= 0 else settings.mapper
        headline = decided[counted]
        positions = _positions(row["video_id"], clip, headline, glosses) if candidates else None
        table.append(
            row
            | {"mapper": counted, "positions": positions}
            | _prediction(clip, headline, glosses)
            | {name: _voted(decisions) for name, decisions in decided.items()}
        )
    return pl.DataFrame(table, schema=PREDICTIONS).with_columns(
        correct=pl.col("predicted_index").eq_missing(pl.col("class_index"))
    )


def texts_to_encode(
    answers: pl.DataFrame, expected: pl.DataFrame, vocabulary: Vocabulary
) -> set[str]:
    """The texts whose vectors `map_answers` needs; none where every answer is mapped without."""
    replies = _by_clip(answers, expected, vocabulary.glosses)
    return open_texts((r for clip in replies.values() for r in clip), vocabulary)


def majority_vote(decisions: Sequence[Decision]) -> int:
    """Which decision is that of the clip: the first of those for the most frequent class.

    Of equally frequent classes that which was named first. Where none names a class, the first.
    """
    named = [d.class_index for d in decisions if d.class_index >= 0]
    if not named:
        return 0
    winner = Counter(named).most_common(1)[0][0]  # in the order of first appearance
    return next(i for i, d in enumerate(decisions) if d.class_index == winner)


def _by_clip(
    answers: pl.DataFrame, expected: pl.DataFrame, glosses: Sequence[str]
) -> dict[str, list[Reply]]:
    """All replies about each clip that has any, in the order of the questions."""
    unknown = answers.join(expected, on="video_id", how="anti")["video_id"].sort()
    if len(unknown):
        raise UserError(
            f"answers: clip {unknown[0]} (and {len(unknown) - 1} more) is none of the expected "
            "clips; were the splits changed? Delete these answers"
        )
    twice = answers.filter(pl.struct("video_id", "question").is_duplicated())["video_id"].sort()
    if len(twice):
        raise UserError(
            f"answers: clip {twice[0]} is answered twice; two shards hold it. Delete these answers"
        )
    classes = {gloss: index for index, gloss in enumerate(glosses)}
    found: dict[str, list[Reply]] = {}
    for row in answers.iter_rows(named=True):
        found.setdefault(row["video_id"], []).extend(_replies(row, classes))
    return found


def _replies(row: Mapping[str, Any], classes: Mapping[str, int]) -> list[Reply]:
    """The votes in a row of answers: its samples, or its one answer, scores by class index."""
    question = row["question"]
    if row.get("samples"):
        pairs = zip(row["finishes"], row["samples"], strict=True)
        return [Reply(finish, text, None, question) for finish, text in pairs]
    scores = None
    if row.get("scores"):
        if sorted(row["labels"]) != sorted(classes):
            raise UserError(
                f"answers: clip {row['video_id']} has scores of {len(row['labels'])} labels that "
                f"are not the {len(classes)} glosses; were the clips changed? Delete these answers"
            )
        by_label = dict(zip(row["labels"], row["scores"], strict=True))
        scores = [by_label[gloss] for gloss in classes]
    return [Reply(row["finish"], row["text"] or "", scores, question)]


def _prediction(
    replies: Sequence[Reply], decisions: Sequence[Decision], glosses: Sequence[str]
) -> dict[str, Any]:
    """What the replies about one clip come to."""
    chosen = majority_vote(decisions)
    found = decisions[chosen]
    reading = found.reading
    return {
        "text": replies[chosen].text,
        "compared": reading.compared,
        "predicted": _name(glosses, found.class_index),
        "predicted_index": _voted(decisions),
        "step": found.step.value,
        "similarity": reading.similarity,
        "nearest_gloss": _name(glosses, reading.nearest),
        "top5": reading.top5,
        "probability": reading.probability,
        "votes": [None if d.class_index < 0 else d.class_index for d in decisions],
        "outcome": found.outcome.value,
    }


def _voted(decisions: Sequence[Decision]) -> int | None:
    """The class that the decisions on a clip's answers come to, or None."""
    index = decisions[majority_vote(decisions)].class_index
    return None if index < 0 else index


def _positions(
    video_id: str, replies: Sequence[Reply], decisions: Sequence[Decision], glosses: Sequence[str]
) -> list[int | None]:
    """Where the class of each reply was in the list of candidates that its question showed."""
    return [
        None
        if decision.class_index < 0
        else listed(glosses, video_id, reply.question).index(glosses[decision.class_index])
        for reply, decision in zip(replies, decisions, strict=True)
    ]


def _name(glosses: Sequence[str], index: int) -> str | None:
    return None if index < 0 else glosses[index]
