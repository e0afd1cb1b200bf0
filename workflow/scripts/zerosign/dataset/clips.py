"""Clips of a study: read from WLASL's metadata or from a user's own table.

The formats are those of github.com/dxli94/WLASL: ``WLASL_v0.3.json`` (a list of glosses with
their instances; the position in the list is the class index, never re-sorted) and
``nslt_<K>.json`` (video id to split, class and frame range).
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from zerosign.dataset import own_table
from zerosign.dataset.shards import shard_of
from zerosign.errors import UserError
from zerosign.files import read_json
from zerosign.study_file import StudyFile

SPLITS = ("train", "val", "test")

# A video id becomes a file name: letters, digits, "_" and "-" only, no leading "-".
SAFE_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}")

# A clip is cut by frame_start (1-based) and frame_end (inclusive, -1: the end), or in seconds by
# start_declared and end_declared (exclusive), null: as the file. bbox: left, top, right, bottom, in
# px or fractions.
CLIP_SCHEMA: Mapping[str, Any] = {
    "video_id": pl.Utf8,
    "gloss": pl.Utf8,
    "class_index": pl.Int32,
    "split": pl.Utf8,
    "signer": pl.Utf8,
    "source": pl.Utf8,
    "url": pl.Utf8,
    "path": pl.Utf8,
    "frame_start": pl.Int32,
    "frame_end": pl.Int32,
    "fps_declared": pl.Float64,
    "start_declared": pl.Float64,
    "end_declared": pl.Float64,
    "bbox": pl.List(pl.Float64),
    "instance_id": pl.Int32,
    "variation_id": pl.Int32,
}

_INSTANCE_KEYS: Mapping[str, tuple[type, ...]] = {
    "video_id": (str,),
    "split": (str,),
    "url": (str,),
    "source": (str,),
    "signer_id": (int, str),
    "frame_start": (int,),
    "frame_end": (int,),
    "fps": (int, float),
    "instance_id": (int,),
    "variation_id": (int,),
}


def read_metadata(path: str | Path, glosses: int | None = None) -> pl.DataFrame:
    """Rows of a metadata file in file order, `CLIP_SCHEMA`'s columns, for the first ``glosses``.

    Only the form is checked here; `zerosign.dataset.verification` judges the content.
    Raises `UserError`.
    """
    entries = read_json(path)
    if not isinstance(entries, list) or not entries:
        raise UserError(f"{path}: expected a list of glosses, as in WLASL_v0.3.json")
    if glosses is not None and len(entries) < glosses:
        raise UserError(f"{path}: has {len(entries)} glosses, the subset asks for {glosses}")
    rows = []
    for index, entry in enumerate(entries[:glosses]):
        place = f"{path}: entry {index}"
        if not isinstance(entry, dict) or not isinstance(entry.get("gloss"), str):
            raise UserError(f"{place}: no 'gloss'; expected {{gloss, instances}}")
        place = f"{place} ({entry['gloss']!r})"
        instances = entry.get("instances")
        if not isinstance(instances, list):
            raise UserError(f"{place}: no list of 'instances'")
        for number, instance in enumerate(instances):
            rows.append(_row(instance, entry["gloss"], index, f"{place}, instance {number}"))
    return pl.DataFrame(rows, schema=CLIP_SCHEMA, orient="row")


def _row(instance: Any, gloss: str, index: int, place: str) -> tuple[Any, ...]:
    """One instance as a tuple in the order of `CLIP_SCHEMA`."""
    if not isinstance(instance, dict):
        raise UserError(f"{place}: not an object")
    for key, types in _INSTANCE_KEYS.items():
        value = instance.get(key)
        if not isinstance(value, types) or isinstance(value, bool):
            wanted = " or ".join(kind.__name__ for kind in types)
            raise UserError(f"{place}: '{key}' must be {wanted}, found {value!r}")
    return (
        instance["video_id"],
        gloss,
        index,
        instance["split"],
        str(instance["signer_id"]),
        instance["source"],
        instance["url"],
        None,
        instance["frame_start"],
        instance["frame_end"],
        float(instance["fps"]),
        None,
        None,
        _box(instance.get("bbox"), place),
        instance["instance_id"],
        instance["variation_id"],
    )


def _box(value: Any, place: str) -> list[float] | None:
    """WLASL's bbox: xmin, ymin, xmax, ymax in pixels of the source."""
    if value is None:
        return None
    numbers = isinstance(value, list) and all(isinstance(v, int | float) for v in value)
    if not numbers or len(value) != 4:
        raise UserError(f"{place}: 'bbox' must be four numbers, found {value!r}")
    return [float(v) for v in value]


def read_split_file(path: str | Path) -> pl.DataFrame:
    """Rows of an ``nslt_<K>.json``: video_id, split, class_index, first, last. `UserError`."""
    content = read_json(path)
    if not isinstance(content, dict):
        raise UserError(f"{path}: expected an object of video ids, as in nslt_300.json")
    rows = []
    for video_id, entry in content.items():
        match entry:
            case {"subset": str(split), "action": [int(index), int(first), int(last)]}:
                rows.append((video_id, split, index, first, last))
            case _:
                raise UserError(
                    f"{path}: {video_id}: expected {{subset, action: [class, first, last]}}"
                )
    schema = {
        "video_id": pl.Utf8,
        "split": pl.Utf8,
        "class_index": pl.Int32,
        "first": pl.Int32,
        "last": pl.Int32,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def read_table(path: str | Path) -> pl.DataFrame:
    """Rows of a user's own CSV, `CLIP_SCHEMA`'s columns; docs/dataset.md. Raises `UserError`.

    A class's index is the rank of its first row.
    """
    table = own_table.read(path)
    starts, ends = own_table.ranges(path, table)
    folder, count = Path(path).parent, len(table)
    places = [None if value is None else str(folder / value) for value in table["path"]]
    stems = [None if place is None else Path(place).stem for place in places]
    indices: dict[str, int] = {}
    for gloss in table["gloss"]:
        indices.setdefault(gloss, len(indices))
    return pl.DataFrame(
        {
            "video_id": table["video_id"].fill_null(pl.Series(stems, dtype=pl.Utf8)),
            "gloss": table["gloss"],
            "class_index": [indices[gloss] for gloss in table["gloss"]],
            "split": table["split"],
            "signer": table["signer"],
            "source": [None] * count,
            "url": table["url"],
            "path": places,
            "frame_start": [1] * count,
            "frame_end": [-1] * count,
            "fps_declared": [None] * count,
            "start_declared": starts,
            "end_declared": ends,
            "bbox": own_table.boxes(path, table),
            "instance_id": list(range(count)),
            "variation_id": [0] * count,
        },
        schema=CLIP_SCHEMA,
    )


def clips(rows: pl.DataFrame, shards: int, origin: str | Path) -> pl.DataFrame:
    """Rows as ``clips.parquet`` has them: with shards, after refusing ids that cannot be keys.

    `UserError` names the offending ids of ``origin``: not safe as file names, or not unique; and
    splits that are none of train, val, test.
    """
    unsafe = [video_id for video_id in rows["video_id"] if not is_safe_id(video_id)]
    if unsafe:
        raise UserError(
            f"{origin}: video ids that cannot be file names: {name_some(unsafe)}; "
            "use letters, digits, '_' and '-', at most 64"
        )
    twice = rows.filter(pl.col("video_id").is_duplicated())["video_id"].unique(maintain_order=True)
    if len(twice):
        raise UserError(f"{origin}: video ids that occur more than once: {name_some(list(twice))}")
    strange = rows.filter(~pl.col("split").is_in(SPLITS))
    if not strange.is_empty():
        ids = name_some(list(strange["video_id"]))
        raise UserError(f"{origin}: split {strange['split'][0]!r} of {ids}; use train, val or test")
    shard = [shard_of(video_id, shards) for video_id in rows["video_id"]]
    return rows.with_columns(pl.Series("shard", shard, dtype=pl.Int32))


def subset_of(study: StudyFile) -> int | None:
    """Number of glosses of a study on metadata in WLASL's format; None for one on a CSV."""
    is_csv = study.read(str, "dataset", "format") == "csv"
    return None if is_csv else study.read(int, "dataset", "subset")


def read(path: str | Path, subset: int | None) -> pl.DataFrame:
    """Rows of metadata with so many glosses, or with None of a user's own CSV."""
    return read_table(path) if subset is None else read_metadata(path, subset)


def class_glosses(clips: pl.DataFrame) -> list[str]:
    """Glosses by class index; a `UserError` unless the indices are 0 … K-1, one gloss each."""
    pairs = clips.select("class_index", "gloss").unique().sort("class_index")
    if pairs["class_index"].to_list() != list(range(pairs.height)):
        raise UserError(
            "clips: class_index and gloss are not one to one from 0 on; delete clips.parquet and "
            "run Snakemake again"
        )
    return pairs["gloss"].to_list()


def is_safe_id(video_id: str | None) -> bool:
    """True for an id that may become a file name."""
    return video_id is not None and SAFE_ID.fullmatch(video_id) is not None


def name_some(ids: list[str], most: int = 12) -> str:
    """Ids as a list for one line: all of them, or the first few and how many more."""
    shown = ", ".join(repr(i) if not is_safe_id(i) else i for i in ids[:most])
    return shown if len(ids) <= most else f"{shown} and {len(ids) - most} more"
