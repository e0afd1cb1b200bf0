"""Leakage and validity: who and what is in train and test, and which labels cannot be told apart.

The findings are also flags of single clips, so that scores can be given with and without them.
"""

from collections import Counter
from typing import Any

import polars as pl

from zerosign.dataset.dataset_settings import Flag

FLAGS = {
    Flag.SIGNER_IN_TRAIN: "the signer also signs in train",
    Flag.IDENTICAL_IN_TRAIN: "the same file and range is a train clip",
    Flag.IDENTICAL_IN_VAL: "the same file and range is a val clip",
    Flag.IDENTICAL_TWO_LABELS: "the same file and range has another gloss too",
    Flag.SEVERAL_VARIANTS: "the gloss is signed in several ways",
    Flag.NEAR_DUPLICATE: "looks like a clip of another split or gloss, frame by frame",
}

RANGE = ("frame_start", "frame_end", "start_declared", "end_declared")


def identical(rows: pl.DataFrame) -> pl.DataFrame:
    """Groups of clips that are the same file and range: column ``group`` added, singles dropped."""
    place = pl.coalesce("url", "path")
    keyed = rows.filter(place.is_not_null()).with_columns(
        pl.struct(place, *RANGE).rank("dense").alias("group")
    )
    return keyed.filter(pl.len().over("group") > 1)


def shared_labels(rows: pl.DataFrame) -> pl.DataFrame:
    """Ordered pairs of classes (class_index, other) that are both labels of one and the same clip.

    The same file and range has both glosses, so that neither can be told from the other.
    """
    groups = identical(rows).select("group", "class_index")
    return (
        groups.join(groups.rename({"class_index": "other"}), on="group")
        .filter(pl.col("class_index") != pl.col("other"))
        .select("class_index", "other")
        .unique()
        .sort("class_index", "other")
    )


def flags(rows: pl.DataFrame) -> pl.DataFrame:
    """Row a clip and finding: video_id, flag (a key of `FLAGS`). Clips of all splits."""
    trained = set(rows.filter(pl.col("split") == "train")["signer"].drop_nulls())
    twins = identical(rows).with_columns(
        (pl.col("split") == "train").any().over("group").alias("in_train"),
        (pl.col("split") == "val").any().over("group").alias("in_val"),
        (pl.col("gloss").n_unique() > 1).over("group").alias("two_labels"),
    )
    variants = pl.col("variation_id").n_unique().over("class_index")
    held_out, test = pl.col("split") != "train", pl.col("split") == "test"
    found = {
        "signer_in_train": rows.filter(held_out & pl.col("signer").is_in(trained)),
        "identical_in_train": twins.filter(held_out & pl.col("in_train")),
        "identical_in_val": twins.filter(test & pl.col("in_val")),
        "identical_two_labels": twins.filter(pl.col("two_labels")),
        "several_variants": rows.filter(variants > 1),
    }
    return pl.concat(
        part.select("video_id", pl.lit(flag).alias("flag")) for flag, part in found.items()
    )


def ceiling(test: pl.DataFrame) -> int:
    """How many test clips any deterministic model can get right: of equal clips, one label's."""
    twins = identical(test)
    lost = 0
    for _, part in twins.group_by("group"):
        lost += len(part) - max(Counter(part["gloss"]).values())
    return len(test) - lost


def findings(rows: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, Any]]:
    """The table ``leakage`` (finding, found, of) and the ids behind it."""
    by_split = {name: rows.filter(pl.col("split") == name) for name in ("train", "val", "test")}
    test = by_split["test"]
    signers = {name: set(part["signer"].drop_nulls()) for name, part in by_split.items()}
    shared = signers["test"] & signers["train"]
    twins = identical(rows)
    pairs = twins.join(twins, on="group", suffix="_twin").filter(
        (pl.col("split") == "test") & (pl.col("split_twin") != "test")
    )
    same = set(pairs.filter(pl.col("gloss") == pl.col("gloss_twin"))["video_id"])
    other = set(pairs.filter(pl.col("gloss") != pl.col("gloss_twin"))["video_id"])
    groups = twins["group"].n_unique()
    confused = twins.filter(pl.col("gloss").n_unique().over("group") > 1)
    varied = rows.filter(pl.col("variation_id").n_unique().over("class_index") > 1)
    known = test.filter(pl.col("signer").is_in(shared))
    table = [
        *((f"signers in {name}", len(found), None) for name, found in signers.items()),
        ("test signers who are also in train", len(shared), len(signers["test"])),
        ("test clips of a signer who is also in train", len(known), len(test)),
        ("files and ranges that occur as two or more clips", groups, None),
        ("of these under two or more glosses", confused["group"].n_unique(), groups),
        ("test clips with an identical clip in train or val", len(same | other), len(test)),
        ("of these under the same gloss", len(same), len(same | other)),
        ("of these under another gloss", len(other), len(same | other)),
        ("test clips that a closed-set model can get right", ceiling(test), len(test)),
        ("glosses signed in several ways", varied["gloss"].n_unique(), rows["gloss"].n_unique()),
        ("test clips of such glosses", int((varied["split"] == "test").sum()), len(test)),
    ]
    detail = {
        "signers_only_in_test": sorted(signers["test"] - signers["train"] - signers["val"]),
        "test_signers_not_in_train": sorted(signers["test"] - shared),
        "test_clips_identical_same_gloss": sorted(same),
        "test_clips_identical_other_gloss": sorted(other),
        "identical_under_two_glosses": [
            {"ids": sorted(part["video_id"]), "glosses": sorted(set(part["gloss"]))}
            for _, part in confused.sort("video_id").group_by("group", maintain_order=True)
        ],
    }
    schema = {"finding": pl.Utf8, "found": pl.Int64, "of": pl.Int64}
    return pl.DataFrame(table, schema=schema, orient="row"), detail
