"""One run's answers about the clips of one shard."""

import contextlib
import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from zerosign import cli, gpus
from zerosign.frames import cache
from zerosign.frames.cache import ShardSelection
from zerosign.inference import engine, questions
from zerosign.inference.answers import ANSWERS
from zerosign.inference.batch_size import batch_size_file
from zerosign.inference.journal import Journal
from zerosign.inference.questions import Question
from zerosign.models import registry
from zerosign.models.base import Answer, Request
from zerosign.models.model_entry import ModelEntry
from zerosign.prompts import template
from zerosign.prompts.prompt_entry import Prompt
from zerosign.runs import Run
from zerosign.study_file import StudyFile


@dataclass(frozen=True)
class Frames:
    """What the models of a shard see."""

    decoded: Path
    selection: ShardSelection


@dataclass(frozen=True)
class Job:
    """What a run asks about the clips of a shard."""

    run: str
    model: ModelEntry
    prompt: Prompt
    glosses: list[str]
    """Of the study, in alphabetical order."""
    questions: list[Question]
    unanswerable: Mapping[str, Answer]
    """Answers for clips that no model can see, by video id: `questions.without_frames`."""
    frames: Frames | None
    """None: the model is asked without a video."""
    code: str
    """Digest of the code that makes the answers."""
    journal: Path


def read(
    study: StudyFile,
    run_name: str,
    shard: int,
    *,
    clips: Path,
    availability: Path,
    frames: Frames | None,
    asked: Path | None,
    code: str,
    journal: Path,
) -> Job:
    """The job of a run and a shard; ``asked``: a table of questions, else the prompt's own."""
    run = study.read(Run, "runs", run_name)
    prompt = study.read(Prompt, "prompts", run.prompt)
    table = pl.read_parquet(clips)
    in_shard = table.filter(split=study.read(str, "dataset", "split"), shard=shard)
    video_ids = in_shard["video_id"].to_list()
    glosses = sorted(set(table["gloss"]))
    failures = frames.selection.failures if frames else {}
    return Job(
        run=run_name,
        model=registry.read(study, run.model),
        prompt=prompt,
        glosses=glosses,
        questions=questions.of_table(asked, video_ids, glosses)
        if asked
        else questions.of_prompt(prompt, video_ids, glosses),
        unanswerable=questions.without_frames(availability, video_ids, failures),
        frames=frames,
        code=code,
        journal=journal,
    )


def answer(job: Job) -> pl.DataFrame:
    """A row (schema `ANSWERS`) per question, in their order."""
    asked = [question for question in job.questions if question.video_id not in job.unanswerable]
    answers = iter(_ask(job, asked))
    rows = []
    for question in job.questions:
        lost = job.unanswerable.get(question.video_id)
        key, found = ("", lost) if lost else next(answers)
        about = {"video_id": question.video_id, "question": question.name}
        rows.append({**about, **dataclasses.asdict(found), "key": key})
    return pl.DataFrame(rows, schema=ANSWERS)


def _ask(job: Job, asked: list[Question]) -> list[tuple[str, Answer]]:
    """Key and answer of each question: from the journal, or from the model."""
    keyed = _requests(job, asked)
    # Clips that look the same to the model (WLASL has some) are answered once.
    requests: dict[str, Request] = {}
    for key, request in keyed:
        requests.setdefault(key, request)
    with Journal(job.journal) as book:
        new = {key: request for key, request in requests.items() if key not in book}
        failed = _answer_new(job, new, book) if new else {}
        cli.log.info("%s: %d answers, %d of them new", job.run, len(keyed), len(new))
        return [(key, failed[key] if key in failed else Answer(**book[key])) for key, _ in keyed]


def _requests(job: Job, asked: list[Question]) -> list[tuple[str, Request]]:
    """The questions as the model takes them, without pixels, with their keys."""
    kind = registry.kind(job.model.adapter)
    identity = kind.identity(job.model)
    describe = job.frames.selection.described if job.frames else engine.unseen
    clips = {video_id: describe(video_id) for video_id in {q.video_id for q in asked}}
    found = []
    for question in asked:
        messages, choices = kind.pose(job.model, job.run, job.prompt, question.values, job.glosses)
        if job.frames is None:
            messages = template.without_video(messages)
        request = Request(clips[question.video_id], messages, question.name, choices)
        found.append((engine.request_key(request, identity, job.code), request))
    return found


def _answer_new(job: Job, new: Mapping[str, Request], book: Journal) -> dict[str, Answer]:
    """Load the model and answer; what could not be answered, and is not in the journal."""
    with contextlib.ExitStack() as held:
        held.enter_context(gpus.claim(job.model.gpus))
        loaded = registry.kind(job.model.adapter).load(job.model)
        shown = _with_pixels(job.frames, new) if job.frames else iter(new.items())
        selection = job.frames.selection if job.frames else None
        memory = batch_size_file(job.journal, job.model, selection)
        stream = engine.answer_all(shown, loaded, book, job.model.batch_size, memory)
        return {
            key: found
            for key, found in cli.progress(stream, len(new), job.run, "answers")
            if found.finish == "error"
        }


def _with_pixels(frames: Frames, requests: Mapping[str, Request]) -> Iterator[tuple[str, Request]]:
    """The requests with their clips' frames, each clip read once, when it is its turn."""
    by_clip = itertools.groupby(requests.items(), lambda item: item[1].clip.video_id)
    groups = {video_id: list(items) for video_id, items in by_clip}
    for clip in cache.read_clips(frames.decoded, frames.selection, groups):
        for key, request in groups[clip.video_id]:
            yield key, dataclasses.replace(request, clip=clip)
