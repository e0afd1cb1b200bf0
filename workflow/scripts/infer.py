"""Ask one run's question about the clips of one shard; a journal keeps every answer."""

import argparse
import contextlib
import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
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
    "key": pl.Utf8,
}
BATCH_SIZE = 8


def expected(args: argparse.Namespace, clips: pl.DataFrame) -> tuple[list[str], dict[str, Answer]]:
    """The shard's clips in order, and the answers of those that no model can be asked about.

    ``missing``: there is no usable video; ``error``: there is one, but no frames came of it.
    """
    ours = clips.filter((pl.col("split") == args.split) & (pl.col("shard") == args.shard))
    video_ids = ours["video_id"].to_list()
    availability = pl.read_parquet(args.availability, columns=["video_id", "status", "detail"])
    status = {row[0]: row[1:] for row in availability.iter_rows()}
    failures = framecache.failures(args.selection)
    without: dict[str, Answer] = {}
    for video_id in video_ids:
        if video_id not in status:
            raise UserError(
                f"{args.availability}: clip {video_id} is not in it; was it made for another split?"
            )
        reason, detail = status[video_id]
        if reason != "ok":
            error = f"{reason}: {detail}" if detail else reason
            without[video_id] = Answer("", "missing", error)
        elif video_id in failures:
            without[video_id] = Answer("", "error", failures[video_id])
    return video_ids, without


def ask(
    args: argparse.Namespace,
    video_ids: Sequence[str],
    messages: list[prompts.Message],
) -> dict[str, tuple[str, Answer]]:
    """Key and answer of each clip: from the journal, or from the model."""
    model, adapter = args.model, adapters.module(args.model)
    identity = adapter.identity(model)
    clips = inference.described(args.selection, video_ids)
    keys = {
        clip.video_id: inference.request_key(clip, messages, identity, args.code) for clip in clips
    }
    with journal.Journal(args.journal) as book, contextlib.ExitStack() as held:
        # Clips that look the same to the model (WLASL has some) are asked about once.
        asked = {key: video_id for video_id, key in keys.items() if key not in book}
        failed: dict[str, Answer] = {}
        if asked:
            held.enter_context(devices.claim(model.get("gpus", 1)))
            stream = inference.answer_all(
                requests(args, asked, messages),
                adapter.load(model),
                book,
                model.get("batch_size", BATCH_SIZE),
            )
            for key, answer in cli.progress(stream, len(asked), args.run):
                if answer.finish == "error":
                    failed[key] = answer
        cli.log.info("%s: %d clips, %d asked now", args.run, len(video_ids), len(asked))
        return {
            video_id: (key, failed[key] if key in failed else Answer(**book[key]))
            for video_id, key in keys.items()
        }


def requests(
    args: argparse.Namespace, asked: Mapping[str, str], messages: list[prompts.Message]
) -> Iterator[tuple[str, Request]]:
    """(key, request) of each clip to ask about, its frames read when it is its turn."""
    clips = framecache.read_clips(args.decoded, args.selection, asked.values())
    for key, clip in zip(asked, clips, strict=True):
        yield key, Request(clip, messages)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", required=True, help="clips.parquet")
    parser.add_argument("--availability", required=True, help="availability.parquet")
    parser.add_argument("--split", required=True, help="the split asked about, e.g. test")
    parser.add_argument("--shard", required=True, type=int, help="number of the shard")
    parser.add_argument("--decoded", required=True, help="the shard's decoded frames (.npz)")
    parser.add_argument("--selection", required=True, help="the shard's frame selection (.npz)")
    parser.add_argument("--model", required=True, type=json.loads, help="model entry, as JSON")
    parser.add_argument("--prompt", required=True, type=json.loads, help="prompt entry, as JSON")
    parser.add_argument("--run", required=True, help="name of the run, for messages")
    parser.add_argument("--code", default="", help="digest of the code that makes the answers")
    parser.add_argument("--journal", required=True, help="journal of answers (.jsonl), kept")
    parser.add_argument("--output", required=True, help="answers of the shard (.parquet)")
    args = parser.parse_args(argv)

    clips = pl.read_parquet(args.clips)
    glosses = clips["gloss"].unique().to_list()
    messages = prompts.render(args.run, args.prompt, {"candidates": prompts.candidates(glosses)})
    video_ids, without = expected(args, clips)
    answers = {video_id: ("", answer) for video_id, answer in without.items()}
    answers |= ask(args, [video_id for video_id in video_ids if video_id not in without], messages)
    rows = []
    for video_id in video_ids:
        key, answer = answers[video_id]
        rows.append(
            {"video_id": video_id, "question": "", **dataclasses.asdict(answer), "key": key}
        )
    io.write_parquet(pl.DataFrame(rows, schema=SCHEMA), args.output)


if __name__ == "__main__":
    cli.run(main)
