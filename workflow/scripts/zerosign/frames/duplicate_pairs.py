"""The audit of near duplicates: pairs of clips of two splits or two glosses that show one take."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from zerosign import cli
from zerosign.dataset.dataset_settings import Flag
from zerosign.frames.near_duplicates import Pair, fingerprint, pairs
from zerosign.frames.shard_decoding import span_of
from zerosign.videos.timeline import Undecodable

CAPTION = "Near duplicates: pairs of clips of two splits or two glosses that show the same take."
SHOWN = ("video_id", "split", "gloss", "signer")

Row = dict[str, Any]
"""A clip with what is known of its video."""


def read_clips(clips: Path, availability: Path) -> list[Row]:
    """The clips that have a video."""
    available = pl.read_parquet(availability).filter(pl.col("status") == "ok")
    return pl.read_parquet(clips).drop("path").join(available, on="video_id").to_dicts()


def find(rows: Sequence[Row], workers: int) -> pl.DataFrame:
    """Pairs, as `pair_table` has them; ``workers``: clips decoded at a time."""
    with ThreadPoolExecutor(workers) as pool:
        found = list(cli.progress(pool.map(fingerprint_of, rows), len(rows), "comparing"))
    kept = [(row, print_) for row, print_ in zip(rows, found, strict=True) if print_ is not None]
    return pair_table([row for row, _ in kept], list(pairs([print_ for _, print_ in kept])))


def fingerprint_of(row: Row) -> np.ndarray | None:
    """A clip's fingerprint; None, and a line in the log, if it no longer decodes."""
    try:
        return fingerprint(row["path"], span_of(row))
    except Undecodable as error:
        cli.log.warning("%s: left out: %s", row["video_id"], error)
        return None


def pair_table(rows: Sequence[Row], found: Sequence[Pair]) -> pl.DataFrame:
    """Row per pair of two splits or two glosses: both clips, correlations, whether identical."""
    schema: dict[str, Any] = dict.fromkeys((*SHOWN, *(f"{name}_2" for name in SHOWN)), pl.String)
    schema |= {"still": pl.Float64, "where": pl.Float64, "moving": pl.Float64}
    schema |= {"identical": pl.Boolean}
    data = []
    for pair in found:
        a, b = rows[pair.first], rows[pair.second]
        if a["split"] != b["split"] or a["gloss"] != b["gloss"]:
            names = [clip[name] for clip in (a, b) for name in SHOWN]
            identical = all(a[key] == b[key] for key in ("sha256", "start_s", "end_s"))
            data.append((*names, pair.still, pair.where, pair.moving, identical))
    return pl.DataFrame(data, schema=schema, orient="row")


def flags(table: pl.DataFrame) -> pl.DataFrame:
    """The clips of the pairs (video_id, flag)."""
    ids = pl.concat([table["video_id"], table["video_id_2"]]).unique().sort()
    return pl.DataFrame({"video_id": ids}).with_columns(flag=pl.lit(Flag.NEAR_DUPLICATE.value))
