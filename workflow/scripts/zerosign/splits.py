"""Is this the data set that was published? Checks with what they expected and found, and tables.

A check either passes, fails and names the offending clips, or (nothing declared) only reports.
"""

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any

import polars as pl

from zerosign.errors import UserError
from zerosign.wlasl import SPLITS, is_safe_id, name_some

_DIGEST_CHARACTERS = 4  # of base64


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


def _offenders(name: str, ids: Iterable[str], detail: str = "") -> Check:
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
        _offenders("ids_unique", rows.filter(ids.is_duplicated())["video_id"]),
        _offenders("ids_well_formed", malformed, f"ids are {form}"),
        _offenders("splits_known", rows.filter(~pl.col("split").is_in(SPLITS))["video_id"]),
        _offenders(
            "glosses_unique",
            twice["video_id"].explode(),
            f"one gloss, several classes: {', '.join(sorted(twice['gloss']))}"
            if len(twice)
            else "",
        ),
        _offenders("ranges_valid", ranges["video_id"]),
    ]


def against_split_file(
    rows: pl.DataFrame, other: pl.DataFrame, declared: Mapping[str, Any]
) -> list[Check]:
    """Does the split file say the same of every clip? ``declared`` may name its extra ids."""
    both = rows.unique("video_id").join(other, on="video_id", suffix="_other")
    split = both.filter(pl.col("split") != pl.col("split_other"))
    moved = both.filter(pl.col("class_index") != pl.col("class_index_other"))
    absent = rows.join(other, on="video_id", how="anti")
    extra = sorted(set(other["video_id"]) - set(rows["video_id"]))
    wanted = sorted(declared.get("extra", []))
    odd = tuple(sorted(set(extra) ^ set(wanted)))
    counts = dict(other.group_by("split").len().iter_rows())
    return [
        _offenders(
            "split_file_splits_agree",
            split["video_id"],
            _differences(split, "split"),
        ),
        _offenders(
            "split_file_classes_agree",
            moved["video_id"],
            _differences(moved, "class_index"),
        ),
        _offenders("split_file_complete", absent["video_id"]),
        Check("split_file_extra_ids", wanted, extra, not odd, odd),
        _equal("split_file_clips", declared.get("clips"), len(other)),
        *(_equal(f"split_file_{name}", declared.get(name), counts.get(name, 0)) for name in SPLITS),
    ]


def _differences(both: pl.DataFrame, column: str, most: int = 6) -> str:
    """The first few differing clips, by both files."""
    shown = [
        f"{row['video_id']}: {row[column]} in the metadata, {row[column + '_other']} in the other"
        for row in both.sort("video_id").head(most).iter_rows(named=True)
    ]
    return "; ".join(shown)


def counts(rows: pl.DataFrame, declared: Mapping[str, Any]) -> list[Check]:
    """Numbers of glosses, clips, signers and clips a split, against the declared ones."""
    found = {
        "glosses": rows["gloss"].n_unique(),
        "clips": len(rows),
        **{name: int((rows["split"] == name).sum()) for name in SPLITS},
        "signers": rows["signer"].drop_nulls().n_unique(),
        "classes_without_test": _classes_without(rows, "test"),
    }
    return [_equal(name, declared.get(name), value) for name, value in found.items()]


def _classes_without(rows: pl.DataFrame, split: str) -> int:
    having = rows.filter(pl.col("split") == split)["class_index"].n_unique()
    return rows["class_index"].n_unique() - having


def checksums(rows: pl.DataFrame, declared: Mapping[str, str]) -> list[Check]:
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
        _equal(f"sha256_{name}", declared.get(name), sha256_lines(text))
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


def publish(rows: pl.DataFrame) -> list[str]:
    """A line a class of short digests: the gloss, its clips' details, each clip's id and split.

    From them nobody can read the data set, but an altered clip or label can be named.
    """
    lines = []
    for (_, gloss), part in rows.group_by("class_index", "gloss", maintain_order=True):
        clips = sorted(_clip_digest(i, s) for i, s in part.select("video_id", "split").iter_rows())
        lines.append(_gloss_digest(gloss) + _detail_digest(part) + "".join(clips))
    return lines


def against_published(
    rows: pl.DataFrame, published: Sequence[str], known_ids: Iterable[str]
) -> list[Check]:
    """Which glosses and clips differ from the `publish`ed ones?

    ``known_ids``: ids that may name a clip that is gone from its class.
    """
    classes = rows["class_index"].max() + 1
    if len(published) < classes:
        raise UserError(f"the published digests know {len(published)} classes, not {classes}")
    names = {_clip_digest(i, split): i for i in known_ids for split in SPLITS}
    relabelled, altered, changed, gone, nameless = {}, [], {}, [], 0
    for (index, gloss), part in rows.group_by("class_index", "gloss", maintain_order=True):
        line = published[index]
        label, details, *clips = (
            line[i : i + _DIGEST_CHARACTERS] for i in range(0, len(line), _DIGEST_CHARACTERS)
        )
        if label != _gloss_digest(gloss):
            relabelled[f"class {index} is {gloss!r}"] = list(part["video_id"])
        left = set(clips)
        for video_id, split in part.select("video_id", "split").iter_rows():
            if _clip_digest(video_id, split) not in left:
                altered.append(video_id)
            left.discard(_clip_digest(video_id, split))
        gone += [names[digest] for digest in left if digest in names]
        nameless += sum(digest not in names for digest in left)
        if not left and len(clips) == len(part) and details != _detail_digest(part):
            changed[f"class {index}, {gloss!r}"] = list(part["video_id"])
    lost = f"{nameless} of them have ids that are nowhere in the files" if nameless else ""
    missing = tuple(sorted(set(gone)))
    return [
        _offenders("published_glosses", chain(*relabelled.values()), "; ".join(relabelled)),
        _offenders("published_clips", altered, "id, split or class differ" if altered else ""),
        Check(
            "published_clips_present",
            0,
            len(missing) + nameless,
            not missing and not nameless,
            missing,
            lost,
        ),
        _offenders(
            "published_details",
            chain(*changed.values()),
            f"source, URL, range, signer or variant differ in {'; '.join(changed)}"
            if changed
            else "",
        ),
    ]


def _gloss_digest(gloss: str) -> str:
    return _short(f"gloss\t{gloss}")


def _clip_digest(video_id: str, split: str) -> str:
    return _short(f"{video_id}\t{split}")


def _detail_digest(part: pl.DataFrame) -> str:
    """Digest of all else that the study uses of a class's clips."""
    used = ("video_id", "source", "url", "frame_start", "frame_end", "signer", "variation_id")
    rows = part.select(*used).sort("video_id").iter_rows()
    return _short("\n".join("\t".join(map(str, row)) for row in rows))


def _short(text: str) -> str:
    """24 bits of a SHA-256 in `_DIGEST_CHARACTERS` characters."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()[:3]).decode()


# Tables


def per_class(rows: pl.DataFrame) -> pl.DataFrame:
    """Table 2: row a class: class_index, gloss, train, val, test, clips, signers, variants."""
    by_split = [(pl.col("split") == name).sum().alias(name) for name in SPLITS]
    return (
        rows.group_by("class_index", "gloss")
        .agg(
            *by_split,
            pl.len().alias("clips"),
            pl.col("signer").drop_nulls().n_unique().alias("signers"),
            pl.col("variation_id").n_unique().alias("variants"),
        )
        .sort("class_index")
    )


def overview(rows: pl.DataFrame) -> pl.DataFrame:
    """Table 1: row a split, and all: glosses, videos, percent, signers, per class min/mean/max."""
    table = per_class(rows)
    lines = []
    for name in (*SPLITS, "all"):
        part = rows if name == "all" else rows.filter(pl.col("split") == name)
        each = table["clips" if name == "all" else name]
        lines.append(
            {
                "split": name,
                "glosses": part["gloss"].n_unique(),
                "videos": len(part),
                "percent": 100 * len(part) / len(rows),
                "signers": part["signer"].drop_nulls().n_unique(),
                "per_class_min": each.min(),
                "per_class_mean": each.mean(),
                "per_class_max": each.max(),
            }
        )
    return pl.DataFrame(lines)


def claim_80_20(rows: pl.DataFrame) -> dict[str, Any]:
    """The claim of a "standard 80/20 per-class split", in each reading, as what it is."""
    table = per_class(rows)
    readings = {
        "train : val + test": (table["train"], table["val"] + table["test"]),
        "train + val : test": (table["train"] + table["val"], table["test"]),
        "train : test, val left out": (table["train"], table["test"]),
    }
    found = []
    for reading, (first, second) in readings.items():
        whole = first + second
        as_claimed = int((first == (0.8 * whole).round()).sum())
        found.append(
            {
                "reading": reading,
                "percent": [
                    round(100 * first.sum() / whole.sum(), 1),
                    round(100 * second.sum() / whole.sum(), 1),
                ],
                "classes_split_80_20": as_claimed,
                "classes": len(table),
            }
        )
    shares = [round(100 * table[name].sum() / len(rows), 1) for name in SPLITS]
    return {
        "claim": "80/20 train/test split per class",
        "holds": any(reading["classes_split_80_20"] == len(table) for reading in found),
        "train_val_test_percent": shares,
        "readings": found,
    }
