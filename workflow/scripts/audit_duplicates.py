"""Find near duplicates among the available clips: the same take in two splits or under two glosses.

Writes into the output folder: near_duplicates (.csv, .md, .tex; a row a pair) and
near_duplicates.parquet (video_id, flag), in the form of verify_splits' flags.parquet.
"""

import argparse
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from zerosign import cli, similar
from zerosign.io import write_parquet
from zerosign.tables import write_table
from zerosign.video import Undecodable

SHOWN = ("video_id", "split", "gloss", "signer")


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--clips", required=True, help="clips.parquet")
    options.add_argument("--availability", required=True, help="availability.parquet")
    options.add_argument("--workers", type=int, default=1, help="clips decoded at a time")
    options.add_argument("--output", required=True, help="folder to write into")
    return options


def main(argv: Sequence[str] | None = None) -> None:
    options = parser().parse_args(argv)
    available = pl.read_parquet(options.availability).filter(pl.col("status") == "ok")
    clips = pl.read_parquet(options.clips).drop("path").join(available, on="video_id")
    rows = list(clips.iter_rows(named=True))
    with ThreadPoolExecutor(options.workers) as pool:
        found = list(cli.progress(pool.map(fingerprint, rows), len(rows), "comparing"))
    kept = [(row, print_) for row, print_ in zip(rows, found, strict=True) if print_ is not None]
    pairs = list(similar.pairs([print_ for _, print_ in kept]))
    table = pair_table([row for row, _ in kept], pairs)
    folder = Path(options.output)
    caption = (
        "Near duplicates: pairs of clips of two splits or two glosses that show the same take."
    )
    write_table(table, folder / "near_duplicates", caption)
    ids = pl.concat([table["video_id"], table["video_id_2"]]).unique().sort()
    flags = pl.DataFrame({"video_id": ids}).with_columns(flag=pl.lit("near_duplicate"))
    write_parquet(flags, folder / "near_duplicates.parquet")
    cli.log.info("%d near duplicates among %d clips", len(table), len(kept))


def fingerprint(row: dict[str, Any]) -> np.ndarray | None:
    """A clip's fingerprint; None, and a line in the log, if it no longer decodes."""
    vouched = None if row["decode_error"] else row["range_frames"]
    try:
        return similar.fingerprint(row["path"], row["start_s"], row["end_s"], vouched)
    except Undecodable as error:
        cli.log.warning("%s: left out: %s", row["video_id"], error)
        return None


def pair_table(rows: list[dict[str, Any]], pairs: list[similar.Pair]) -> pl.DataFrame:
    """Row a pair of two splits or two glosses: both clips, correlations, whether identical."""
    schema: dict[str, Any] = dict.fromkeys((*SHOWN, *(f"{name}_2" for name in SHOWN)), pl.Utf8)
    schema |= {"still": pl.Float64, "where": pl.Float64, "moving": pl.Float64}
    schema |= {"identical": pl.Boolean}
    data = []
    for pair in pairs:
        a, b = rows[pair.first], rows[pair.second]
        if a["split"] != b["split"] or a["gloss"] != b["gloss"]:
            names = [clip[name] for clip in (a, b) for name in SHOWN]
            identical = all(a[key] == b[key] for key in ("sha256", "start_s", "end_s"))
            data.append((*names, pair.still, pair.where, pair.moving, identical))
    return pl.DataFrame(data, schema=schema, orient="row")


if __name__ == "__main__":
    cli.run(main)
