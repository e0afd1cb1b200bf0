"""Tables of a few runs, half of them with mistakes, as figures read them."""

import polars as pl

from helpers.predictions import MISTAKES, clips, predictions, run, synonyms
from zerosign.runs import TableRun
from zerosign.scoring import accuracy, outcome_counts, per_class, strict_rates
from zerosign.scoring.joined_runs import join_runs
from zerosign.scoring.published_rates import COLUMNS

NAMES = ["qwen3_vl_30b_a3b_instruct, all_candidates_listed, uniform_16_frames", "clip", "a b c"]
MEASURES = ("positive", "top5", "aligned", "negative", "positive_minus_negative")


def tables(count: int) -> dict[str, pl.DataFrame]:
    """The tables of so many runs, by name, without published rates."""
    runs = [run(f"r{i}").model_copy(update={"label": f"{NAMES[i % 3]} {i}"}) for i in range(count)]
    frames = [(entry.name, predictions(MISTAKES if i % 2 else {})) for i, entry in enumerate(runs)]
    joined = join_runs(frames, clips())
    return {
        "accuracy": accuracy.accuracy(joined, clips(), runs, 0.95),
        "outcomes": outcome_counts.outcomes(joined, runs),
        "per_gloss": per_class.per_gloss(joined, runs),
        "confusions": per_class.confusions(joined, runs),
        "strict": strict_rates.rates(joined, runs, synonyms((0, "car", "auto", "n.1", None)), 0.95),
        "published": pl.DataFrame(schema=COLUMNS | {"clips": pl.Int64}),
        "mapping_thresholds": mapping_thresholds(),
        "alignment": alignment(runs),
        "matching": matching(runs),
    }


def alignment(runs: list[TableRun]) -> pl.DataFrame:
    """A row per run and measure; one of them has no interval."""
    rows = [
        {"model": run.label, "sampling": "s", "n_expected": 12, "n": 11, "measure": measure}
        | {"value": 0.1 * i, "low": None if i == 3 else 0.05 * i, "high": 0.12 * i, "chance": 0.3}
        for run in runs
        for i, measure in enumerate(MEASURES)
    ]
    return pl.DataFrame(rows, infer_schema_length=None)


def matching(runs: list[TableRun]) -> pl.DataFrame:
    """A row per run and kind of negatives."""
    rows = [
        {"label": run.label, "kind": "run", "negatives": negatives, "n_expected": 24, "n": 22}
        | {"balanced_accuracy": rate, "low": rate - 0.1, "high": rate + 0.1, "yes_rate": 1 - rate}
        for run in runs
        for negatives, rate in (("random", 0.9), ("hard", 0.45), ("all", 0.6))
    ]
    return pl.DataFrame(rows)


def mapping_thresholds() -> pl.DataFrame:
    """Two thresholds, the second of them chosen, and the lexical mapper."""
    rates = {"agreement": 0.9, "agreement_low": 0.8, "agreement_high": 0.95, "found": 0.7}
    rates |= {"false_classes": 0.1, "false_classes_low": 0.05, "false_classes_high": 0.2}
    return pl.DataFrame(
        {"threshold": threshold, "chosen": threshold == 0.75, "n": 400, "n_no_gloss": 200, **rates}
        for threshold in (0.5, 0.75, None)
    )
