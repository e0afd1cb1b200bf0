"""A run's answers from the store: no model is loaded."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import polars as pl

from zerosign import files
from zerosign.errors import UserError
from zerosign.inference import run_questions, store
from zerosign.inference.answers import ANSWERS
from zerosign.inference.asking import Asked
from zerosign.inference.run_questions import Inputs, ShardQuestions
from zerosign.models.base import Answer


def read_asked(paths: Iterable[Path]) -> list[Asked]:
    """What the jobs that asked left behind, one for each part of the work."""
    return [Asked.of(files.read_json(path)) for path in paths]


def gather(
    inputs: Inputs, run: str, code: str, folder: Path, asked: Sequence[Asked]
) -> list[pl.DataFrame]:
    """A run's answers from the store, a table for each shard.

    A row (schema `ANSWERS`) for each question, in their order. ``asked``: what the jobs that asked
    its model left behind. `UserError`: not all was asked.
    """
    entry, shards = run_questions.of_run(inputs, run, code)
    keys = {key for shard in shards for key, _ in shard.requests}
    found = store.read(store.folder_of(folder, entry), store.ANSWERS, keys)
    errors = {key: reason for each in asked for key, reason in each.errors.items()}
    if missing := keys - found.keys() - errors.keys():
        raise UserError(
            f"run {run}: {len(missing)} of {len(keys)} answers are not in {folder}; was it "
            "deleted? Ask again: snakemake --forcerun ask"
        )
    answers = {key: Answer("", "error", reason) for key, reason in errors.items()}
    answers |= {key: Answer(**answer) for key, answer in found.items()}
    return [_table(shard, answers) for shard in shards]


def _table(shard: ShardQuestions, answers: Mapping[str, Answer]) -> pl.DataFrame:
    keyed = iter(shard.requests)
    rows = []
    for question in shard.questions:
        lost = shard.unanswerable.get(question.video_id)
        key = "" if lost else next(keyed)[0]
        about = {"video_id": question.video_id, "question": question.name}
        rows.append({**about, **dataclasses.asdict(lost or answers[key]), "key": key})
    return pl.DataFrame(rows, schema=ANSWERS)
