"""Baselines: what needs no model."""

from typing import Any

import numpy as np
import polars as pl


def baselines(clips_tested: pl.DataFrame, clips: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows of the main table that need no model, on the clips that some run could read.

    chance: a class at random. majority: always the commonest class of the train split (the lowest
    index among equals). train-prior: a class at random, in the proportions of the train split.
    chance and train-prior are expectations: they have no count of correct answers. None has an
    interval.
    """
    classes = clips["class_index"].n_unique()
    train = np.zeros(classes)
    for index in clips.filter(pl.col("split") == "train")["class_index"]:
        train[index] += 1
    tested = clips_tested.filter("available")["class_index"].to_numpy()
    everything = clips_tested["class_index"].to_numpy()
    rows = [_expected("chance", np.full(classes, 1 / classes), tested, everything)]
    if train.sum():
        hits = int((tested == train.argmax()).sum())
        row = _expected("majority", np.eye(classes)[train.argmax()], tested, everything)
        rows.append(row | {"correct": hits})
        rows.append(_expected("train-prior", train / train.sum(), tested, everything))
    return rows


def _expected(
    name: str, share: np.ndarray, tested: np.ndarray, everything: np.ndarray
) -> dict[str, Any]:
    """A row of the main table: expected rates of guessing class c with probability share[c]."""
    none = dict.fromkeys(
        ("low", "high", "low_all", "high_all", "macro_low", "macro_high", "top5_low", "top5_high")
    )
    hits = float(share[tested].sum())
    return {
        "run": name,
        "model": "",
        "prompt": "",
        "sampling": "",
        "label": name,
        "kind": "baseline",
        "n_expected": len(everything),
        "n_available": len(tested),
        "correct": None,
        "top1": hits / len(tested) if len(tested) else None,
        "top1_all": hits / len(everything) if len(everything) else None,
        "macro_accuracy": float(share[np.unique(tested)].mean()) if len(tested) else None,
        "n_top5": 0,
        "top5": min(1.0, 5 / len(share)) if name == "chance" else None,
    } | none
