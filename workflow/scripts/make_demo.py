"""Make the demo's data set: a synthetic miniature of WLASL, in WLASL's own formats."""

import argparse
import concurrent.futures
import csv
import functools
import json
import os
from collections.abc import Sequence
from pathlib import Path

from zerosign import cli
from zerosign.demo import dataset
from zerosign.demo.signs import SIGNS
from zerosign.errors import UserError
from zerosign.io import write_atomic


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--settings",
        default="{}",
        help='JSON: {"seed": 0, "train_signers": 40, "val_signers": 8, "test_signers": 8}; each '
        f"signer makes each of the {len(SIGNS)} signs once",
    )
    parser.add_argument("--metadata", type=Path, required=True, help="to write: as WLASL_v0.3.json")
    parser.add_argument("--splits", type=Path, required=True, help="to write: as nslt_300.json")
    parser.add_argument("--descriptions", type=Path, required=True, help="to write: CSV")
    parser.add_argument("--videos", type=Path, required=True, help="folder to write <id>.mp4 to")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    args = parser.parse_args(argv)
    try:
        settings = dataset.Settings.parse(json.loads(args.settings))
    except json.JSONDecodeError as error:
        raise UserError(f"--settings is not valid JSON: {error}") from None

    clips = dataset.plan(settings)
    args.videos.mkdir(parents=True, exist_ok=True)
    with concurrent.futures.ProcessPoolExecutor(args.jobs) as pool:
        filmed = pool.map(functools.partial(dataset.film, folder=args.videos), clips, chunksize=8)
        for _ in cli.progress(filmed, len(clips), "filming"):
            pass
    with write_atomic(args.descriptions) as temporary, open(temporary, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("gloss", "description"))
        writer.writerows((sign.gloss, sign.description) for sign in SIGNS)
    with write_atomic(args.splits) as temporary:
        temporary.write_text(json.dumps(dataset.splits(clips)))
    with write_atomic(args.metadata) as temporary:
        temporary.write_text(json.dumps(dataset.metadata(clips), indent=4) + "\n")


if __name__ == "__main__":
    cli.run(main)
