"""Tables of scores from the predictions of all runs. A row of predictions is an expected clip.

*Available* clips are those whose video could be read; the others have outcome "missing". A model's
error, refusal or empty answer stays in the denominator.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from zerosign.audit import FLAGS
from zerosign.errors import UserError
from zerosign.mapping import OUTCOMES
from zerosign.stats import (
    calibration_error,
    cluster_codes,
    clustered_wilson,
    distribution,
    wilson,
)

RUN_KEYS = ("run", "model", "prompt", "sampling", "label")


def join_runs(frames: Sequence[tuple[str, pl.DataFrame]], clips: pl.DataFrame) -> pl.DataFrame:
    """Predictions of several runs in one frame: run, the predictions' columns, facts of the clip.

    A `UserError` if a run covers other clips than the first: their rates could not be compared.
    """
    facts = clips.select("video_id", "split", "signer", "source", "variation_id")
    first, reference = frames[0]
    expected = set(reference["video_id"])
    for run, frame in frames[1:]:
        difference = expected.symmetric_difference(frame["video_id"])
        if difference:
            raise UserError(
                f"predictions of {run} and {first} cover different clips, e.g. {min(difference)}; "
                "map both again with the same splits"
            )
    joined = pl.concat(
        frame.select(pl.lit(run).alias("run"), pl.all()) for run, frame in frames
    ).join(facts, on="video_id", how="left", maintain_order="left")
    if joined["split"].null_count():
        stranger = joined.filter(pl.col("split").is_null())["video_id"][0]
        raise UserError(f"predictions hold clip {stranger}, which clips.parquet does not")
    return joined


def available() -> pl.Expr:
    """Whether a prediction's clip could be read."""
    return pl.col("outcome") != "missing"


def accuracy(
    joined: pl.DataFrame,
    clips: pl.DataFrame,
    runs: Sequence[dict[str, Any]],
    confidence: float,
) -> pl.DataFrame:
    """The main table: a row a run, and rows of the floor that needs no model.

    top1 is over the available clips and top1_all over all expected ones; see `rate_interval`.
    class_mean averages the accuracies of the classes, with Wilson's interval widened for clips of
    one signer. top5 stands where a run scored the classes, over its available clips.
    """
    rows = []
    for run in runs:
        frame = joined.filter(pl.col("run") == run["run"])
        seen = frame.filter(available())
        rows.append(
            {key: run[key] for key in RUN_KEYS}
            | {"kind": "run"}
            | _rates(frame, seen, confidence)
            | _class_mean(seen, confidence)
            | _top5(seen, confidence)
        )
    anywhere = joined.group_by("video_id", maintain_order=True).agg(
        pl.col("class_index").first(), available().any().alias("available")
    )
    return pl.DataFrame(rows + _floor(anywhere, clips), infer_schema_length=None)


def rate_interval(
    clips: pl.DataFrame, right: pl.Series, confidence: float
) -> tuple[float | None, float | None]:
    """Wilson's interval of the share of `clips` (n rows) that are `right` (n,), widened.

    For clips of one signer and of one gloss, which are alike (columns signer and class_index). None
    below two signers or glosses: then nobody knows how far it holds for others.
    """
    signers, glosses = (cluster_codes(clips[name].to_list()) for name in ("signer", "class_index"))
    values = right.to_numpy().astype(float)
    low, high, _ = clustered_wilson(values, confidence, signers, glosses)
    return (None, None) if math.isnan(low) else (low, high)


def _rates(frame: pl.DataFrame, seen: pl.DataFrame, confidence: float) -> dict[str, Any]:
    """Top-1 over the available clips `seen` of `frame`, and over all of it."""
    correct, n, expected = int(frame["correct"].sum()), seen.height, frame.height
    low, high = rate_interval(seen, seen["correct"], confidence)
    low_all, high_all = rate_interval(frame, frame["correct"], confidence)
    return {
        "n_expected": expected,
        "n_available": n,
        "correct": correct,
        "top1": correct / n if n else None,
        "low": low,
        "high": high,
        "top1_all": correct / expected if expected else None,
        "low_all": low_all,
        "high_all": high_all,
    }


def _class_mean(seen: pl.DataFrame, confidence: float) -> dict[str, Any]:
    """Mean of the classes' accuracies: each clip weighs the less, the more its class has."""
    if seen.is_empty():
        return {"class_mean": None, "class_low": None, "class_high": None}
    values = seen["correct"].to_numpy().astype(float)
    weights = seen.select(1 / pl.len().over("class_index")).to_series().to_numpy()
    signers = cluster_codes(seen["signer"].to_list())
    low, high, _ = clustered_wilson(values, confidence, signers, weights=weights)
    return {
        "class_mean": float(np.average(values, weights=weights)),
        "class_low": None if math.isnan(low) else low,
        "class_high": None if math.isnan(high) else high,
    }


def _top5(seen: pl.DataFrame, confidence: float) -> dict[str, Any]:
    if seen["top5"].null_count() == seen.height:
        return {"n_top5": 0, "top5": None, "top5_low": None, "top5_high": None}
    # A clip that failed has no five best: a miss, as it is in top-1.
    hits = seen.select(pl.col("top5").list.contains(pl.col("class_index")).fill_null(False))
    low, high = rate_interval(seen, hits.to_series(), confidence)
    return {
        "n_top5": seen.height,
        "top5": hits.to_series().mean(),
        "top5_low": low,
        "top5_high": high,
    }


CALIBRATION = {
    "run": pl.String,
    "label": pl.String,
    "n_scored": pl.Int64,
    "top1": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "top5": pl.Float64,
    "top5_low": pl.Float64,
    "top5_high": pl.Float64,
    "probability": pl.Float64,
    "ece": pl.Float64,
}


def calibration(
    joined: pl.DataFrame, runs: Sequence[dict[str, Any]], confidence: float
) -> pl.DataFrame:
    """A row (schema `CALIBRATION`) for each run that scored the classes, over its scored clips.

    Failures, which no probability stands for, are left out here and count in `accuracy`.
    probability: the mean that the run gave its choice (softmax of the scores of all classes), to be
    compared with top1; ece: see `stats.calibration_error`.
    """
    rows = []
    for run in runs:
        own = joined.filter(available(), pl.col("run") == run["run"])
        scored = own.filter(pl.col("probability").is_not_null())
        if scored.is_empty():
            continue
        correct, n = int(scored["correct"].sum()), scored.height
        low, high = rate_interval(scored, scored["correct"], confidence)
        chances = scored["probability"].to_numpy()
        rows.append(
            {"run": run["run"], "label": run["label"], "n_scored": n}
            | {"top1": correct / n, "low": low, "high": high}
            | {key: value for key, value in _top5(scored, confidence).items() if key != "n_top5"}
            | {"probability": float(chances.mean())}
            | {"ece": calibration_error(chances, scored["correct"].to_numpy())}
        )
    return pl.DataFrame(rows, schema=CALIBRATION)


def _floor(clips_tested: pl.DataFrame, clips: pl.DataFrame) -> list[dict[str, Any]]:
    """What no model at all scores on the clips that some run could read.

    chance: a class at random. majority: always the commonest class of the train split (the lowest
    index among equals). prior: a class at random, in the proportions of the train split.
    chance and prior are expectations: they have no count of right answers. None has an interval.
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
        rows.append(_expected("prior", train / train.sum(), tested, everything))
    return rows


def _expected(
    name: str, share: np.ndarray, tested: np.ndarray, everything: np.ndarray
) -> dict[str, Any]:
    """A floor row: expected rates of guessing class c with probability share[c]."""
    none = dict.fromkeys(
        ("low", "high", "low_all", "high_all", "class_low", "class_high", "top5_low", "top5_high")
    )
    hits = float(share[tested].sum())
    return {
        "run": name,
        "model": "",
        "prompt": "",
        "sampling": "",
        "label": name,
        "kind": "floor",
        "n_expected": len(everything),
        "n_available": len(tested),
        "correct": None,
        "top1": hits / len(tested) if len(tested) else None,
        "top1_all": hits / len(everything) if len(everything) else None,
        "class_mean": float(share[np.unique(tested)].mean()) if len(tested) else None,
        "n_top5": 0,
        "top5": min(1.0, 5 / len(share)) if name == "chance" else None,
    } | none


def summary(table: pl.DataFrame, relaxed: pl.DataFrame) -> pl.DataFrame:
    """The main table in the words of a paper: rates in % with their intervals in brackets.

    From the tables of `accuracy` and `relations.scores`; a column a relation.
    """
    rows = []
    for row in table.iter_rows(named=True):
        cells = {
            "run": row["label"],
            "clips": f"{row['n_available']} of {row['n_expected']}",
            "top-1": _percent(row["top1"], row["low"], row["high"]),
            "top-1, all clips": _percent(row["top1_all"], row["low_all"], row["high_all"]),
            "mean of classes": _percent(row["class_mean"], row["class_low"], row["class_high"]),
            "top-5": _percent(row["top5"], row["top5_low"], row["top5_high"]),
        }
        for relation in relaxed["relation"].unique(maintain_order=True)[1:]:
            found = relaxed.filter(pl.col("run") == row["run"], pl.col("relation") == relation)
            ends = found.select("top1", "low", "high").row(0) if found.height else (None,) * 3
            cells[f"top-1, {relation}"] = _percent(*ends)
        rows.append(cells)
    return pl.DataFrame(rows, infer_schema_length=None)


def _percent(rate: float | None, low: float | None, high: float | None) -> str:
    """ "34.2 [30.4, 38.2]" of a rate and its interval, with one decimal more below 1 %."""
    if rate is None:
        return ""
    decimals = 1 if rate >= 0.01 or rate == 0 else 2
    text = f"{100 * rate:.{decimals}f}"
    return text if low is None else f"{text} [{100 * low:.{decimals}f}, {100 * high:.{decimals}f}]"


def outcomes(joined: pl.DataFrame, runs: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """How many clips of each run ended how: run, label, n_expected, correct, and every outcome.

    in_vocabulary: share of the clips that could be read whose answer became a class.
    """
    counts = joined.group_by("run").agg(
        pl.len().alias("n_expected"),
        pl.col("correct").sum(),
        *((pl.col("outcome") == name).sum().alias(name) for name in OUTCOMES),
        *(
            (pl.col("step") == name).sum().alias(f"by_{name}")
            for name in ("exact", "similarity", "likelihood")
        ),
        pl.col("predicted_index").filter(available()).is_not_null().mean().alias("in_vocabulary"),
    )
    order = pl.DataFrame([{"run": run["run"], "label": run["label"]} for run in runs])
    return order.join(counts, on="run", how="left", maintain_order="left")


def per_gloss(joined: pl.DataFrame, runs: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """Accuracy of each run on each class, over available clips, and its commonest wrong answer."""
    seen = joined.filter(available())
    wrong = (
        seen.filter(~pl.col("correct") & pl.col("predicted").is_not_null())
        .group_by("run", "class_index", "predicted", "predicted_index")
        .len()
        .sort("len", "predicted_index", descending=[True, False])
        .group_by("run", "class_index", maintain_order=True)
        .agg(pl.col("predicted").first().alias("commonest_error"))
    )
    table = (
        joined.group_by("run", "class_index", "gloss")
        .agg(
            pl.len().alias("n_expected"),
            available().sum().alias("n_available"),
            pl.col("correct").sum(),
        )
        .with_columns(
            pl.when(pl.col("n_available") > 0)
            .then(pl.col("correct") / pl.col("n_available"))
            .alias("top1")
        )
        .join(wrong, on=["run", "class_index"], how="left")
    )
    return _in_order(table, runs, ["class_index"])


def confusions(joined: pl.DataFrame, runs: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """How often each run took one class for another, right answers included: run, gloss, …, n."""
    table = (
        joined.filter(pl.col("predicted").is_not_null())
        .group_by("run", "class_index", "gloss", "predicted_index", "predicted")
        .len("n")
    )
    return _in_order(table, runs, ["class_index", "predicted_index"])


def predicted(joined: pl.DataFrame, classes: int, runs: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """How a run's answers spread over the classes: see `stats.distribution`."""
    rows = []
    for run in runs:
        indices = joined.filter(pl.col("run") == run["run"])["predicted_index"].drop_nulls()
        counts = np.bincount(indices.to_numpy(), minlength=classes)
        facts = {"run": run["run"], "label": run["label"], "classes": classes}
        facts |= {"mapped": int(counts.sum()), "classes_named": int((counts > 0).sum())}
        rows.append(facts | distribution(counts))
    return pl.DataFrame(rows, infer_schema_length=None)


def breakdown(
    joined: pl.DataFrame,
    clips: pl.DataFrame,
    runs: Sequence[dict[str, Any]],
    flagged: pl.DataFrame,
    confidence: float,
) -> pl.DataFrame:
    """Accuracy of each run in groups of clips: run, by, group, n_available, correct, top1, ….

    by: signer, source, variant (variation_id), train clips (of the class, in thirds of the
    classes), and each flag of the audit of splits (``flagged``: video_id, flag), with and without
    the flagged clips.
    """
    seen = joined.filter(available()).with_columns(
        pl.col("variation_id").cast(pl.String).alias("variant"),
        pl.col("class_index")
        .replace_strict(_frequency(clips), default=None, return_dtype=pl.String)
        .alias("train clips"),
    )
    parts = [
        seen.filter(pl.col(by).is_not_null()).select(
            "run", "correct", pl.lit(by).alias("by"), pl.col(by).alias("group")
        )
        for by in ("signer", "source", "variant", "train clips")
    ]
    for flag in FLAGS:
        ids = flagged.filter(pl.col("flag") == flag)["video_id"].implode()
        if len(ids.item()):
            group = (
                pl.when(pl.col("video_id").is_in(ids)).then(pl.lit("yes")).otherwise(pl.lit("no"))
            )
            parts.append(
                seen.select("run", "correct", pl.lit(flag).alias("by"), group.alias("group"))
            )
    table = (
        pl.concat(parts)
        .group_by("run", "by", "group")
        .agg(pl.len().alias("n_available"), pl.col("correct").sum())
        .with_columns(top1=pl.col("correct") / pl.col("n_available"))
    )
    ends = [
        wilson(correct, n, confidence)
        for correct, n in table.select("correct", "n_available").iter_rows()
    ]
    table = table.with_columns(
        low=pl.Series([low for low, _ in ends], dtype=pl.Float64),
        high=pl.Series([high for _, high in ends], dtype=pl.Float64),
    )
    table = table.sort("by", "n_available", "group", descending=[False, True, False])
    return _in_order(table, runs, [])


def filtered(
    joined: pl.DataFrame,
    runs: Sequence[dict[str, Any]],
    flagged: pl.DataFrame,
    filters: Mapping[str, Sequence[str]],
    confidence: float,
) -> pl.DataFrame:
    """Accuracy with all clips and without those that a filter leaves out, a row a run and filter.

    ``filters``: name → flags; a clip with any of them is left out. The filter "" leaves out none.
    """
    rows = []
    for run in runs:
        own = joined.filter(pl.col("run") == run["run"])
        for name, left_out in {"": [], **filters}.items():
            ids = flagged.filter(pl.col("flag").is_in(list(left_out)))["video_id"]
            kept = own.filter(~pl.col("video_id").is_in(ids.implode()))
            seen = kept.filter(available())
            rates = _rates(kept, seen, confidence)
            facts = {"run": run["run"], "filter": name, "leaves_out": ", ".join(left_out)}
            rows.append(facts | {"n_left_out": own.height - kept.height} | rates)
    return pl.DataFrame(rows, infer_schema_length=None)


def _frequency(clips: pl.DataFrame) -> dict[int, str]:
    """Third of the classes by number of train clips, as text: "9 to 10"."""
    train = (
        clips.group_by("class_index")
        .agg((pl.col("split") == "train").sum().alias("n"))
        .sort("n", "class_index")
    )
    limits = sorted({int(train["n"].quantile(q, "lower")) for q in (1 / 3, 2 / 3, 1.0)})
    names = {}
    for index, n in train.iter_rows():
        upper = next(limit for limit in limits if n <= limit)
        inside = train.filter(pl.col("n") <= upper)
        smaller = [limit for limit in limits if limit < upper]
        least = (
            inside.filter(pl.col("n") > max(smaller))["n"].min() if smaller else train["n"].min()
        )
        names[index] = f"{least} to {upper}" if least < upper else f"{upper}"
    return names


def _in_order(
    table: pl.DataFrame, runs: Sequence[dict[str, Any]], then: Sequence[str]
) -> pl.DataFrame:
    """Rows in the order of the runs, then by columns, else as they came."""
    order = pl.DataFrame({"run": [r["run"] for r in runs], "order": range(len(runs))})
    return (
        table.join(order, on="run", maintain_order="left")
        .sort("order", *then, maintain_order=True)
        .drop("order")
    )
