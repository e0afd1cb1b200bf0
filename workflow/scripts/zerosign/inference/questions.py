"""The questions of a run about the clips of a shard, and the clips without frames."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from zerosign.errors import UserError
from zerosign.models.base import Answer
from zerosign.prompts import candidates, template
from zerosign.prompts.prompt_entry import Prompt


@dataclass(frozen=True)
class Question:
    """A question about one clip, and the values of the prompt's variables."""

    video_id: str
    name: str
    values: dict[str, str]


def of_prompt(prompt: Prompt, video_ids: Iterable[str], glosses: list[str]) -> list[Question]:
    """The prompt's questions about the clips, in order; several where it has several orders."""
    return [
        Question(video_id, name, {"candidates": candidates.candidates(glosses, video_id, name)})
        for video_id in video_ids
        for name in candidates.questions(prompt)
    ]


def of_table(path: Path, video_ids: Iterable[str], glosses: list[str]) -> list[Question]:
    """Questions of a table (video_id, question, variables), clip by clip, as matching needs them.

    Raises `UserError`.
    """
    values = {"candidates": candidates.candidates(glosses)}
    table = pl.read_parquet(path)
    if missing := {"video_id", "question"} - set(table.columns):
        raise UserError(f"{path}: no column {min(missing)!r}; delete it and run again")
    given = [name for name in template.KNOWN if name in table.columns]
    asked: dict[str, list[Question]] = {video_id: [] for video_id in video_ids}
    for row in table.iter_rows(named=True):
        if row["video_id"] in asked:
            own = {name: row[name] for name in given if row[name] is not None}
            asked[row["video_id"]].append(Question(row["video_id"], row["question"], values | own))
    return [question for questions in asked.values() for question in questions]


def without_frames(
    availability: Path, video_ids: Iterable[str], failures: Mapping[str, str]
) -> dict[str, Answer]:
    """The answer for each clip that no model can see.

    ``missing``: there is no usable video; ``error``: there is one, but no frames came of it
    (``failures``: the reason by clip).
    """
    table = pl.read_parquet(availability, columns=["video_id", "status", "detail"])
    status = {row[0]: row[1:] for row in table.iter_rows()}
    found: dict[str, Answer] = {}
    for video_id in video_ids:
        if video_id not in status:
            raise UserError(
                f"{availability}: clip {video_id} is not in it; was it made for another split?"
            )
        reason, detail = status[video_id]
        if reason != "ok":
            found[video_id] = Answer("", "missing", f"{reason}: {detail}" if detail else reason)
        elif video_id in failures:
            found[video_id] = Answer("", "error", failures[video_id])
    return found
