"""From the lists of other published data sets to the CSV of a data set of one's own.

A new format is one function with `@converter`. Nothing is downloaded: the lists are read as their
authors publish them.
"""

import contextlib
import csv
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from zerosign.dataset.clips import SPLITS
from zerosign.errors import UserError
from zerosign.files import read_json, write_atomic

COLUMNS = ("video_id", "gloss", "split", "signer", "path", "url", "start", "end", "bbox")

Row = dict[str, str]
"""A row of the CSV by the names of `COLUMNS`; ``path`` is relative to the folder of videos."""
Convert = Callable[[Path], Iterator[Row]]


@dataclass(frozen=True)
class Converter:
    """How one data set's lists are read, and what they are, in a line."""

    what: str
    convert: Convert


CONVERTERS: dict[str, Converter] = {}
"""By name."""


def converter(name: str, what: str) -> Callable[[Convert], Convert]:
    """Make a function known that reads a data set's lists from a folder."""

    def register(convert: Convert) -> Convert:
        CONVERTERS[name] = Converter(what, convert)
        return convert

    return register


def write(rows: Iterable[Row], videos: Path | None, output: Path) -> None:
    """Write the CSV; paths are relative to its folder. ``videos``: the folder of the videos."""
    with (
        write_atomic(output) as temporary,
        open(temporary, "w", encoding="utf-8", newline="") as file,
    ):
        table = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        table.writeheader()
        for row in rows:
            if "path" in row:
                if videos is None:
                    raise UserError("--videos: name the folder of this data set's videos")
                place = os.path.relpath(videos / row["path"], output.parent)
                row = row | {"path": Path(place).as_posix()}
            table.writerow(row)


def summary(rows: Iterable[Row]) -> str:
    """One line: clips by split, classes, signers."""
    kept = list(rows)
    splits = Counter(row["split"] for row in kept)
    counted = ", ".join(f"{splits[split]} {split}" for split in SPLITS)
    classes, signers = (len({row.get(key) for row in kept}) for key in ("gloss", "signer"))
    return f"{len(kept)} clips ({counted}) of {classes} glosses and {signers} signers"


@converter("ms-asl", "MSASL_{train,val,test}.json and MSASL_classes.json; clips of YouTube videos")
def ms_asl(folder: Path) -> Iterator[Row]:
    """Clips by URL, seconds and box; an id is the split and the place in its list.

    The box is top, left, bottom, right in fractions of the picture.
    """
    classes = read_json(folder / "MSASL_classes.json")
    for split, path in lists(folder, {split: (f"MSASL_{split}.json",) for split in SPLITS}):
        for number, entry in enumerate(read_json(path)):
            with naming(f"{path}: entry {number}"):
                top, left, bottom, right = (float(value) for value in entry["box"])
                yield {
                    "video_id": f"{split}-{number:05d}",
                    "gloss": classes[entry["label"]],
                    "split": split,
                    "signer": str(entry["signer_id"]),
                    "url": "https://" + entry["url"].split("//")[-1],
                    "start": f"{entry['start_time']:g}",
                    "end": f"{entry['end_time']:g}",
                    "bbox": f"{left:g} {top:g} {right:g} {bottom:g}",
                }


@converter("autsl", "{train,val,test}_labels.csv and SignList_ClassId_TR_EN.csv; Turkish signs")
def autsl(folder: Path) -> Iterator[Row]:
    """Colour videos of Turkish signs, with English glosses, the Turkish word added where needed."""
    names = {
        int(row["ClassId"]): (row["EN"].strip(), row["TR"].strip())
        for row in records(folder / "SignList_ClassId_TR_EN.csv")
    }
    often = Counter(english for english, _ in names.values())
    files = {
        split: (f"{split}_labels.csv", f"{'validation' if split == 'val' else split}_labels.csv")
        for split in SPLITS
    }
    for split, path in lists(folder, files):
        for number, row in enumerate(records(path, ("sample", "class"))):
            with naming(f"{path}: line {number + 1}"):
                english, turkish = names[int(row["class"])]
                yield {
                    "video_id": f"{split}-{row['sample']}",
                    "gloss": english if often[english] == 1 else f"{english} ({turkish})",
                    "split": split,
                    "signer": row["sample"].split("_")[0].removeprefix("signer"),
                    "path": f"{split}/{row['sample']}_color.mp4",
                }


@converter("asl-citizen", "{train,val,test}.csv of its folder splits; ASL of 52 signers")
def asl_citizen(folder: Path) -> Iterator[Row]:
    """Files by name; the gloss is that of the list, not that of the file's name."""
    for split, path in lists(folder, {split: (f"{split}.csv",) for split in SPLITS}):
        for number, row in enumerate(records(path)):
            with naming(f"{path}: line {number + 2}"):
                yield {
                    "video_id": Path(row["Video file"]).stem,
                    "gloss": row["Gloss"].strip(),
                    "split": split,
                    "signer": row["Participant ID"],
                    "path": row["Video file"],
                }


@converter("sem-lex", "semlex_metadata.csv; the signs of it that have an ASL-LEX label")
def sem_lex(folder: Path) -> Iterator[Row]:
    """Files of the benchmark's splits; labels in free text and repeated rows are left out."""
    path, seen = folder / "semlex_metadata.csv", set[str]()
    for number, row in enumerate(records(path)):
        with naming(f"{path}: line {number + 2}"):
            video_id = row["video_id"]
            if row["label_type"] != "asllex" or row["split"] not in SPLITS or video_id in seen:
                continue
            seen.add(video_id)
            yield {
                "video_id": video_id,
                "gloss": row["label"].strip(),
                "split": row["split"],
                "signer": row["signer_id"],
                "path": f"{row['split']}/{video_id}.webm",
            }


def lists(folder: Path, names: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, Path]]:
    """The list of each split that is there, under one of its names. `UserError` if none is."""
    found = {
        split: folder / name
        for split, candidates in names.items()
        for name in reversed(candidates)
        if (folder / name).is_file()
    }
    if not found:
        wanted = ", ".join(candidates[0] for candidates in names.values())
        raise UserError(f"{folder}: none of {wanted} is there; see docs/other-datasets.md")
    yield from found.items()


def records(path: Path, columns: tuple[str, ...] | None = None) -> Iterator[dict[str, str]]:
    """Rows of a CSV in UTF-8; ``columns``: their names where the file has no head. `UserError`."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file, columns):
                yield {name: value or "" for name, value in row.items() if name}
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; see docs/other-datasets.md") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: not UTF-8") from None


@contextlib.contextmanager
def naming(place: str) -> Iterator[None]:
    """A row that is not as expected becomes a `UserError` with its place."""
    try:
        yield
    except (KeyError, IndexError) as error:
        raise UserError(f"{place}: nothing is known of {error.args[0]!r}") from None
    except (TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{place}: not as in the published list ({error})") from None


def with_safe_ids(rows: Iterable[Row]) -> Iterator[Row]:
    """The rows with ids that can be file names; `UserError` if two become the same."""
    seen: dict[str, str] = {}
    for row in rows:
        given = row["video_id"]
        safe = re.sub(r"[^A-Za-z0-9_-]+", "_", given).lstrip("-")[:64] or "_"
        if safe in seen:
            raise UserError(
                f"video ids {seen[safe]!r} and {given!r} both become {safe!r}; rename one"
            )
        seen[safe] = given
        yield row | {"video_id": safe}
