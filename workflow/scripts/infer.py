"""Ask one run's question about the clips of one shard; a journal keeps every answer.

Without --decoded and --selection the model is asked without a video: what it answers then is its
prior, the same for all clips, and asked once.
"""

import argparse
import contextlib
import dataclasses
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from zerosign import adapters, cli, devices, framecache, inference, io, journal, prompts
from zerosign.adapters import Answer, Request
from zerosign.errors import UserError

SCHEMA: dict[str, Any] = {
    "video_id": pl.Utf8,
    "question": pl.Utf8,
    "text": pl.Utf8,
    "finish": pl.Utf8,
    "error": pl.Utf8,
    "prompt_tokens": pl.Int32,
    "visual_tokens": pl.Int32,
    "answer_tokens": pl.Int32,
    "frames": pl.Int32,
    "pixels_height": pl.Int32,
    "pixels_width": pl.Int32,
    "timestamps": pl.List(pl.Float64),
    "seconds": pl.Float64,
    "samples": pl.List(pl.Utf8),
    "finishes": pl.List(pl.Utf8),
    "labels": pl.List(pl.Utf8),
    "scores": pl.List(pl.Float64),
    "key": pl.Utf8,
}


@dataclasses.dataclass(frozen=True)
class Question:
    """A question about one clip, and what stands in place of the prompt's variables."""

    video_id: str
    name: str
    values: dict[str, str]


def questions(args: argparse.Namespace, clips: pl.DataFrame) -> list[Question]:
    """The questions about the shard's clips, in order; without a table of them, the prompt's."""
    ours = clips.filter((pl.col("split") == args.split) & (pl.col("shard") == args.shard))
    video_ids = ours["video_id"].to_list()
    glosses = clips["gloss"].unique().to_list()
    if not args.questions:
        return [
            Question(video_id, name, {"candidates": prompts.candidates(glosses, video_id, name)})
            for video_id in video_ids
            for name in prompts.questions(args.prompt)
        ]
    values = {"candidates": prompts.candidates(glosses)}
    table = pl.read_parquet(args.questions)
    if missing := {"video_id", "question"} - set(table.columns):
        raise UserError(f"{args.questions}: lacks the column {sorted(missing)[0]!r}")
    given = [name for name in prompts.KNOWN if name in table.columns]
    asked: dict[str, list[Question]] = {video_id: [] for video_id in video_ids}
    for row in table.iter_rows(named=True):
        if row["video_id"] in asked:
            own = {name: row[name] for name in given if row[name] is not None}
            asked[row["video_id"]].append(Question(row["video_id"], row["question"], values | own))
    return [question for video_id in video_ids for question in asked[video_id]]


def without_frames(args: argparse.Namespace, video_ids: Iterable[str]) -> dict[str, Answer]:
    """The answer about each clip that no model can be asked about.

    ``missing``: there is no usable video; ``error``: there is one, but no frames came of it.
    """
    availability = pl.read_parquet(args.availability, columns=["video_id", "status", "detail"])
    status = {row[0]: row[1:] for row in availability.iter_rows()}
    failures = framecache.failures(args.selection) if args.selection else {}
    found: dict[str, Answer] = {}
    for video_id in video_ids:
        if video_id not in status:
            raise UserError(
                f"{args.availability}: clip {video_id} is not in it; was it made for another split?"
            )
        reason, detail = status[video_id]
        if reason != "ok":
            found[video_id] = Answer("", "missing", f"{reason}: {detail}" if detail else reason)
        elif video_id in failures:
            found[video_id] = Answer("", "error", failures[video_id])
    return found


def ask(
    args: argparse.Namespace, asked: Sequence[Question], glosses: Sequence[str]
) -> list[tuple[str, Answer]]:
    """Key and answer of each question: from the journal, or from the model."""
    model, adapter = args.model, adapters.module(args.model)
    identity = adapter.identity(model)
    video_ids = dict.fromkeys(question.video_id for question in asked)
    if args.selection:
        clips = inference.described(args.selection, video_ids)
    else:
        clips = map(inference.unseen, video_ids)
    clip_of = {clip.video_id: clip for clip in clips}
    requests: dict[str, Request] = {}
    keys = []
    for question in asked:
        messages, candidates = adapter.pose(model, args.run, args.prompt, question.values, glosses)
        if not args.selection:
            messages = prompts.without_video(messages)
        request = Request(clip_of[question.video_id], messages, question.name, candidates)
        keys.append(inference.request_key(request, identity, args.code))
        # Clips that look the same to the model (WLASL has some) are asked about once.
        requests.setdefault(keys[-1], request)
    with journal.Journal(args.journal) as book, contextlib.ExitStack() as held:
        new = {key: request for key, request in requests.items() if key not in book}
        failed: dict[str, Answer] = {}
        if new:
            held.enter_context(devices.claim(model.get("gpus", 1)))
            loaded = adapter.load(model)
            batch_size = model.get("batch_size")
            shown = with_pixels(args, new) if args.selection else new.items()
            memory = inference.batch_size_file(args.journal, model, args.selection)
            stream = inference.answer_all(shown, loaded, book, batch_size, memory)
            for key, answer in cli.progress(stream, len(new), args.run, "answers"):
                if answer.finish == "error":
                    failed[key] = answer
        cli.log.info("%s: %d answers, %d of them asked now", args.run, len(keys), len(new))
        return [(key, failed[key] if key in failed else Answer(**book[key])) for key in keys]


def with_pixels(
    args: argparse.Namespace, requests: Mapping[str, Request]
) -> Iterator[tuple[str, Request]]:
    """The requests with their clips' frames, each clip read once, when it is its turn."""
    by_clip = itertools.groupby(requests.items(), lambda item: item[1].clip.video_id)
    groups = {video_id: list(items) for video_id, items in by_clip}
    for clip in framecache.read_clips(args.decoded, args.selection, groups):
        for key, request in groups[clip.video_id]:
            yield key, dataclasses.replace(request, clip=clip)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", required=True, help="clips.parquet")
    parser.add_argument("--availability", required=True, help="availability.parquet")
    parser.add_argument("--split", required=True, help="the split asked about, e.g. test")
    parser.add_argument("--shard", required=True, type=int, help="number of the shard")
    parser.add_argument("--decoded", help="the shard's decoded frames (.npz)")
    parser.add_argument("--selection", help="the shard's frame selection (.npz)")
    parser.add_argument("--model", required=True, type=json.loads, help="model entry, as JSON")
    parser.add_argument("--prompt", required=True, type=json.loads, help="prompt entry, as JSON")
    parser.add_argument(
        "--questions", help="table of several questions a clip: video_id, question, variables"
    )
    parser.add_argument("--run", required=True, help="name of the run, for messages")
    parser.add_argument("--code", default="", help="digest of the code that makes the answers")
    parser.add_argument("--journal", required=True, help="journal of answers (.jsonl), kept")
    parser.add_argument("--output", required=True, help="answers of the shard (.parquet)")
    args = parser.parse_args(argv)

    clips = pl.read_parquet(args.clips)
    glosses = sorted(clips["gloss"].unique())
    rows = questions(args, clips)
    without = without_frames(args, dict.fromkeys(question.video_id for question in rows))
    asked = [question for question in rows if question.video_id not in without]
    answers = iter(ask(args, asked, glosses))
    table = []
    for question in rows:
        lost = without.get(question.video_id)
        key, answer = ("", lost) if lost else next(answers)
        about = {"video_id": question.video_id, "question": question.name}
        table.append({**about, **dataclasses.asdict(answer), "key": key})
    io.write_parquet(pl.DataFrame(table, schema=SCHEMA), args.output)


if __name__ == "__main__":
    cli.run(main)
