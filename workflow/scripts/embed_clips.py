"""Embed the clips of one shard with a model's own vision encoder: video_ids and video[N, D]."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from zerosign import cli, gpus
from zerosign.alignment import embeddings
from zerosign.frames import cache
from zerosign.models import registry
from zerosign.study_file import StudyFile


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--study", type=Path, required=True, help="settings of the study, JSON")
    made.add_argument("--model", required=True, help="name of the model")
    made.add_argument("--shard", type=int, required=True, help="number of the shard")
    made.add_argument("--clips", type=Path, required=True, help="clips.parquet")
    made.add_argument("--decoded", required=True, help="the shard's decoded frames (.npz)")
    made.add_argument("--selection", required=True, help="the shard's frame selection (.npz)")
    made.add_argument("--output", type=Path, required=True, help="embeddings (.npz)")
    return made


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, call, write."""
    options = parser().parse_args(argv)
    study = StudyFile(options.study)
    entry = registry.read(study, options.model)
    split = study.read(str, "dataset", "split")
    ours = pl.read_parquet(options.clips).filter(split=split, shard=options.shard)
    selection = cache.read_selection(options.selection)
    video_ids = [video_id for video_id in ours["video_id"] if video_id in selection.clips]
    clips = cache.read_clips(options.decoded, selection, video_ids)
    with gpus.claim(entry.gpus):
        shown = cli.progress(clips, len(video_ids), "embed")
        embeddings.write_videos(embeddings.load(entry), shown, options.output)


if __name__ == "__main__":
    cli.run(main)
