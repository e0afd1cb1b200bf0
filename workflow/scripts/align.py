"""Measure how close the video and text embeddings of one model and sampling lie."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from zerosign import alignment, cli
from zerosign.errors import UserError
from zerosign.io import write_json
from zerosign.stats import cluster_codes


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--videos", nargs="+", type=Path, required=True, help="shards with video_ids and video"
    )
    parser.add_argument("--texts", type=Path, required=True, help="text.npz: glosses and text")
    parser.add_argument("--clips", type=Path, required=True, help="clips.parquet")
    parser.add_argument(
        "--splits", nargs="+", default=["test"], help="splits whose clips are expected"
    )
    parser.add_argument("--model", required=True, help="name of the model, for the result")
    parser.add_argument("--sampling", required=True, help="name of the sampling, for the result")
    parser.add_argument(
        "--settings",
        type=json.loads,
        required=True,
        help='JSON: {"confidence", "bootstrap", "seed"}',
    )
    parser.add_argument("--output", type=Path, required=True, help="result, JSON")
    options = parser.parse_args(argv)

    glosses, text = alignment.read_texts(options.texts)
    ids, video = alignment.read_videos(options.videos)
    clips = pl.read_parquet(options.clips).filter(pl.col("split").is_in(options.splits))
    column = {gloss: index for index, gloss in enumerate(glosses)}
    known = pl.DataFrame({"video_id": pl.Series(ids, dtype=pl.String), "row": range(len(ids))})
    rows = known.join(clips.select("video_id", "gloss", "signer"), on="video_id")
    rows = rows.filter(pl.col("gloss").is_in(glosses)).sort("video_id")
    if rows.is_empty():
        raise UserError(
            f"{options.model}.{options.sampling}: no embedded clip belongs to a described gloss "
            f"of the splits {', '.join(options.splits)}"
        )
    if video.shape[1] != text.shape[1]:
        raise UserError(
            f"{options.model}: video embeddings have {video.shape[1]} dimensions, texts "
            f"{text.shape[1]}; the model has no common space, leave it out of alignment"
        )
    similarity = alignment.cosines(video[rows["row"].to_numpy()], text)
    truth = np.array([column[gloss] for gloss in rows["gloss"]])
    measures = alignment.measures(
        similarity, truth, cluster_codes(rows["signer"].to_list()), **options.settings
    )
    write_json(
        {
            "model": options.model,
            "sampling": options.sampling,
            "n_expected": clips.height,
            "n": rows.height,
            "classes": len(glosses),
            "top5_chance": min(1.0, alignment.TOP / len(glosses)),
            "measures": measures,
            "settings": options.settings,
        },
        options.output,
    )


if __name__ == "__main__":
    cli.run(main)
