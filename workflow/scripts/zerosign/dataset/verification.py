"""Is this the data set that was published? Checks with what they expected and found, and tables.

A check either passes, fails and names the offending clips, or (nothing declared) only reports.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from zerosign.dataset.clips import SPLITS, is_safe_id, name_some
from zerosign.dataset.facts import SplitFileCounts, SubsetChecksums, SubsetFacts
from zerosign.dataset.split_tables import per_class


@dataclass(frozen=True)
class Check:
    """One question to the data. ``passed`` is None where nothing was declared to compare with."""

    name: str
    expected: Any
    found: Any
    passed: bool | None
    ids: tuple[str, ...] = ()
    detail: str = ""

    def line(self) -> str:
        """One line for a log or an error."""
        ids = f": {name_some(list(self.ids))}" if self.ids else ""
        detail = f" ({self.detail})" if self.detail else ""
        return f"{self.name}: expected {self.expected}, found {self.found}{ids}{detail}"

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"ids": list(self.ids)}


def offenders(name: str, ids: Iterable[str], detail: str = "") -> Check:
    """A check that passes if no clip is at fault."""
    named = tuple(sorted(set(ids)))
    return Check(name, 0, len(named), not named, named, detail)


def _equal(name: str, expected: Any, found: Any, detail: str = "") -> Check:
    """A check of a value, which only reports if ``expected`` is None."""
    return Check(name, expected, found, None if expected is None else expected == found, (), detail)


def structure(rows: pl.DataFrame, five_digits: bool) -> list[Check]:
    """What must hold in any data set, WLASL's or a user's own."""
    ids = rows["video_id"]
    labels = rows.group_by("gloss").agg(pl.col("class_index").unique(), pl.col("video_id"))
    twice = labels.filter(pl.col("class_index").list.len() > 1)
    start, end = pl.col("frame_start"), pl.col("frame_end")
    ranges = rows.filter((start < 1) | ((end != -1) & (end < start)))
    form = "five digits" if five_digits else "letters, digits, '_' and '-'"
    malformed = [
        repr(i) if i is None else i
        for i in ids
        if not is_safe_id(i) or (five_digits and not (len(i) == 5 and i.isdecimal()))
    ]
    return [
        offenders("ids_unique", rows.filter(ids.is_duplicated())["video_id"]),
        offenders("ids_well_formed", malformed, f"ids are {form}"),
        offenders("splits_known", rows.filter(~pl.col("split").is_in(SPLITS))["video_id"]),
        offenders(
            "glosses_unique",
            twice["video_id"].explode(),
            f"one gloss, several classes: {', '.join(sorted(twice['gloss']))}"
            if len(twice)
            else "",
        ),
        offenders("ranges_valid", ranges["video_id"]),
    ]


def against_split_file(
    rows: pl.DataFrame, other: pl.DataFrame, declared: SplitFileCounts
) -> list[Check]:
    """Does the split file say the same of every clip? ``declared`` may name its extra ids."""
    both = rows.unique("video_id").join(other, on="video_id", suffix="_other")
    split = both.filter(pl.col("split") != pl.col("split_other"))
    moved = both.filter(pl.col("class_index") != pl.col("class_index_other"))
    absent = rows.join(other, on="video_id", how="anti")
    extra = sorted(set(other["video_id"]) - set(rows["video_id"]))
    wanted = sorted(declared.extra)
    odd = tuple(sorted(set(extra) ^ set(wanted)))
    counts = dict(other.group_by("split").len().iter_rows())
    return [
        offenders(
            "split_file_splits_agree",
            split["video_id"],
            _differences(split, "split"),
        ),
        offenders(
            "split_file_classes_agree",
            moved["video_id"],
            _differences(moved, "class_index"),
        ),
        offenders("split_file_complete", absent["video_id"]),
        Check("split_file_extra_ids", wanted, extra, not odd, odd),
        _equal("split_file_clips", declared.clips, len(other)),
        *(
            _equal(f"split_file_{name}", getattr(declared, name), counts.get(name, 0))
            for name in SPLITS
        ),
    ]


def _differences(both: pl.DataFrame, column: str, most: int = 6) -> str:
    """The first few differing clips, by both files."""
    shown = [
        f"{row['video_id']}: {row[column]} in the metadata, {row[column + '_other']} in the other"
        for row in both.sort("video_id").head(most).iter_rows(named=True)
    ]
    return "; ".join(shown)


def counts(rows: pl.DataFrame, declared: SubsetFacts) -> list[Check]:
    """Numbers of glosses, clips, signers and clips per split, against the declared ones."""
    found = {
        "glosses": rows["gloss"].n_unique(),
        "clips": len(rows),
        **{name: int((rows["split"] == name).sum()) for name in SPLITS},
        "signers": rows["signer"].drop_nulls().n_unique(),
        "classes_without_test": _classes_without(rows, "test"),
    }
    return [_equal(name, getattr(declared, name), value) for name, value in found.items()]


def _classes_without(rows: pl.DataFrame, split: str) -> int:
    having = rows.filter(pl.col("split") == split)["class_index"].n_unique()
    return rows["class_index"].n_unique() - having


def checksums(rows: pl.DataFrame, declared: SubsetChecksums) -> list[Check]:
    """SHA-256 over lists of lines, each ending in a newline; see docs/dataset.md."""
    table = per_class(rows)
    lines = {
        "test_ids": sorted(rows.filter(pl.col("split") == "test")["video_id"]),
        "gloss_list": list(table["gloss"]),
        "class_table": [
            "\t".join(map(str, row))
            for row in table.select("class_index", "gloss", *SPLITS).iter_rows()
        ],
    }
    return [
        _equal(f"sha256_{name}", getattr(declared, name), sha256_lines(text))
        for name, text in lines.items()
    ]


def sha256_lines(lines: Iterable[str]) -> str:
    """Hex SHA-256 of lines, every one ending in a newline."""
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()


def file_identity(name: str, found: str, known: Mapping[str, str]) -> Check:
    """Is a file, by its SHA-256, one of the ``known`` (checksum to description)? Reports only.

    A file of other bytes may still say the same; the other checks judge what it says.
    """
    if found in known:
        return Check(name, found, found, True, (), known[found])
    return Check(name, next(iter(known), None), found, None, (), "not a known file, byte for byte")
