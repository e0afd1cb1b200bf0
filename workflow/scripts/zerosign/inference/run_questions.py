"""What a run asks about the clips of each shard, and the key under which each answer is found."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from zerosign import files
from zerosign.errors import UserError
from zerosign.frames import cache
from zerosign.frames.cache import Clip, ShardSelection
from zerosign.frames.sampling import Sampling, shows_frames
from zerosign.inference import questions
from zerosign.inference.questions import Question
from zerosign.models import registry
from zerosign.models.base import Answer, Request
from zerosign.models.model_entry import AnyModelEntry
from zerosign.prompts import template
from zerosign.prompts.prompt_entry import Prompt, Task
from zerosign.runs import Run
from zerosign.study_file import StudyFile


class Inputs:
    """A study and the files of earlier stages, each read once."""

    def __init__(
        self,
        study: StudyFile,
        *,
        clips: Path,
        availability: Path,
        frames: Path,
        pairs: Path | None = None,
    ) -> None:
        """``frames``: the folder of decoded frames and selections; ``pairs``: of matching runs."""
        self.study = study
        self.availability = availability
        self.frames = frames
        self.pairs = pairs
        self.clips = pl.read_parquet(clips)
        self.shards = range(study.read(int, "shards"))
        self._selections: dict[tuple[str, int], ShardSelection] = {}

    @functools.cached_property
    def glosses(self) -> list[str]:
        """Of the study, in alphabetical order."""
        return sorted(set(self.clips["gloss"]))

    def run(self, name: str) -> Run:
        """A run of the study."""
        return self.study.read(Run, "runs", name)

    def video_ids(self, shard: int) -> list[str]:
        """The clips of a shard that are asked about."""
        split = self.study.read(str, "dataset", "split")
        return self.clips.filter(split=split, shard=shard)["video_id"].to_list()

    def selection(self, sampling: str, shard: int) -> ShardSelection | None:
        """What a sampling shows of a shard's clips; None if it shows no frames."""
        if not shows_frames(self.study.read(Sampling, "samplings", sampling)):
            return None
        if (sampling, shard) not in self._selections:
            path = self.frames / sampling / f"{shard}.npz"
            self._selections[sampling, shard] = cache.read_selection(path)
        return self._selections[sampling, shard]

    def decoded(self, shard: int) -> Path:
        """The decoded frames of a shard."""
        return self.frames / "decoded" / f"{shard}.npz"


@dataclass(frozen=True)
class ShardQuestions:
    """What a run asks about the clips of a shard."""

    shard: int
    questions: list[Question]
    unanswerable: Mapping[str, Answer]
    """Answers for clips that no model can see, by video id: `questions.without_frames`."""
    requests: list[tuple[str, Request]]
    """Key and request of each other question, in their order, without pixels."""
    selection: ShardSelection | None
    """None: the model is asked without a video."""


def of_run(inputs: Inputs, name: str, code: str) -> tuple[AnyModelEntry, list[ShardQuestions]]:
    """A run's model and its questions by shard; ``code``: digest of the code that answers."""
    study = inputs.study
    run = inputs.run(name)
    entry = registry.read(study, run.model)
    prompt = study.read(Prompt, "prompts", run.prompt)
    determines = {"model": registry.kind(entry.kind).identity(entry), "code": code}
    return entry, [
        _of_shard(inputs, run, entry, prompt, determines, shard) for shard in inputs.shards
    ]


def _of_shard(
    inputs: Inputs,
    run: Run,
    entry: AnyModelEntry,
    prompt: Prompt,
    determines: Mapping[str, Any],
    shard: int,
) -> ShardQuestions:
    video_ids, glosses = inputs.video_ids(shard), inputs.glosses
    selection = inputs.selection(run.sampling, shard)
    if prompt.task is Task.MATCH:
        if inputs.pairs is None:
            raise UserError(f"run {run.name} asks about pairs of clip and gloss; give --pairs")
        asked = questions.of_table(inputs.pairs, video_ids, glosses)
    else:
        asked = questions.of_prompt(prompt, video_ids, glosses)
    failures = selection.failures if selection else {}
    lost = questions.without_frames(inputs.availability, video_ids, failures)
    kind = registry.kind(entry.kind)
    describe = selection.described if selection else unseen
    answerable = [question for question in asked if question.video_id not in lost]
    clips = {video_id: describe(video_id) for video_id in {q.video_id for q in answerable}}
    requests = []
    for question in answerable:
        messages, choices = kind.pose(entry, run.name, prompt, question.values, glosses)
        if selection is None:
            messages = template.without_video(messages)
        request = Request(clips[question.video_id], messages, question.name, choices)
        requests.append((answer_key(request, determines), request))
    return ShardQuestions(shard, asked, lost, requests, selection)


def unseen(video_id: str) -> Clip:
    """A clip of which nothing is shown: to a model, all such clips are the same."""
    nothing = np.empty(0)
    return Clip(
        video_id=video_id,
        frames=np.empty((0, 0, 0, 3), np.uint8),
        indices=nothing.astype(np.int64),
        timestamps=nothing,
        fps=0.0,
        total_frames=0,
        duration=0.0,
        digest="no frames",
    )


def answer_key(request: Request, determines: Mapping[str, Any]) -> str:
    """Digest of all that determines an answer. Needs no pixels: the clip has their digest.

    ``determines``: what is the same for all requests, the model's identity and its code's digest.
    """
    clip = request.clip
    return files.digest(
        {
            **determines,
            "messages": request.messages,
            "candidates": request.candidates,
            "clip": [clip.digest, clip.fps, clip.total_frames, clip.duration],
        }
    )
