"""Embed the clips of one shard, or the text of every gloss, in a model's own space."""

import argparse
import json
from collections.abc import Sequence

import polars as pl

from zerosign import adapters, cli, devices, embedding, framecache
from zerosign.errors import UserError


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", required=True, help="clips.parquet")
    parser.add_argument("--model", required=True, type=json.loads, help="model entry, as JSON")
    parser.add_argument("--output", required=True, help="embeddings (.npz)")
    video = parser.add_argument_group("clips: video_ids and video[N, D]")
    video.add_argument("--split", help="the split to embed, e.g. test")
    video.add_argument("--shard", type=int, help="number of the shard")
    video.add_argument("--decoded", help="the shard's decoded frames (.npz)")
    video.add_argument("--selection", help="the shard's frame selection (.npz)")
    text = parser.add_argument_group("texts: glosses, texts and text[C, D]")
    text.add_argument("--texts", help="descriptions.parquet; glosses without are left out")
    text.add_argument(
        "--template", help="text of every gloss in the clips, e.g. 'sign for {gloss}'"
    )
    args = parser.parse_args(argv)

    of_video = (args.split, args.shard, args.decoded, args.selection)
    if (None not in of_video) + bool(args.texts) + bool(args.template) != 1:
        raise UserError(
            "embed clips with --split, --shard, --decoded and --selection, "
            "or texts with --texts or --template"
        )
    clips = pl.read_parquet(args.clips)
    adapter = adapters.module(args.model)

    if args.texts or args.template:
        glosses = clips.sort("class_index")["gloss"].unique(maintain_order=True).to_list()
        if args.template:
            texts = embedding.from_template(args.template, glosses)
        else:
            described = pl.read_parquet(args.texts, columns=["gloss", "description"])
            texts = dict(described.iter_rows())
            cli.log.info("%d of %d glosses have a description", len(texts), len(glosses))
        with devices.claim(args.model.get("gpus", 1)):
            embedding.write_texts(adapter.load(args.model), texts, args.output)
        return

    ours = clips.filter((pl.col("split") == args.split) & (pl.col("shard") == args.shard))
    usable = framecache.digests(args.selection)
    video_ids = [video_id for video_id in ours["video_id"] if video_id in usable]
    stream = framecache.read_clips(args.decoded, args.selection, video_ids)
    with devices.claim(args.model.get("gpus", 1)):
        shown = cli.progress(stream, len(video_ids), "embed")
        embedding.write_videos(adapter.load(args.model), shown, args.output)


if __name__ == "__main__":
    cli.run(main)
