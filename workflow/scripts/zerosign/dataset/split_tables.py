"""Statistics of the splits: Tables 1 and 2, and the claim about the shares of the splits."""

from typing import Any

import polars as pl

from zerosign.dataset.clips import SPLITS
from zerosign.dataset.leakage import findings


def tables(rows: pl.DataFrame) -> list[tuple[str, pl.DataFrame, str]]:
    """Name, content and caption of each table."""
    return [
        ("counts", overview(rows), "videos by split."),
        ("per_class", per_class(rows), "videos by class."),
        ("leakage", findings(rows)[0], "leakage and validity."),
    ]


def per_class(rows: pl.DataFrame) -> pl.DataFrame:
    """Table 2, a row per class: class_index, gloss, train, val, test, clips, signers, variants."""
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
    """Table 1, a row per split, and one for all; per class: fewest, mean and most videos."""
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
                    round(100 * int(part.sum()) / int(whole.sum()), 1) for part in (first, second)
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
