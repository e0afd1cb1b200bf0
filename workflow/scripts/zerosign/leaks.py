"""Prompts that give classes away: glosses that a prompt names, and scores without their clips."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl

from zerosign.normalise import normal
from zerosign.scores import available
from zerosign.stats import wilson

_CUE = re.compile(
    r"\b(?:e\.g\.|for example|for instance|such as|examples?|including)(?!\w)([^.;?!\n]*)", re.I
)
_QUOTE = "[\"'`*\u2018-\u201f]"
_MARKED = re.compile(rf"{_QUOTE}([\w' -]{{1,40}}?){_QUOTE}|\b([A-Z]{{2,}}(?:[ -][A-Z]{{2,}})*)\b")
_LIST = re.compile(r"(?:[^,.;:?!\n]+,){2,}[^,.;:?!\n]+")
_BETWEEN = re.compile(r"[,:()]|\band\b|\bor\b")


class Named(NamedTuple):
    """Glosses of a prompt: given as examples, or merely words of its sentences."""

    examples: list[str]
    in_passing: list[str]


def named(text: str, glosses: Sequence[str]) -> Named:
    """Glosses that stand in a prompt as whole words.

    An example is one that is quoted, capitalised, in a list of three or more, or follows "such
    as", "for example" and the like. "Which sign is this?" names the gloss "sign" in passing.
    """
    by_form = {normal(gloss): gloss for gloss in reversed(glosses)}
    marked = [next(filter(None, groups)) for groups in _MARKED.findall(text)]
    lists = [*_CUE.findall(text), *_LIST.findall(text)]
    items = [normal(piece) for part in (*marked, *lists) for piece in _BETWEEN.split(part)]
    # a list's first item comes with the words before it: "You may answer book, run or eat."
    ends = [" ".join(item.split()[-length:]) for item in items for length in (1, 2)]
    shown = {*items, *ends}
    words = f" {normal(text)} "
    examples = [gloss for form, gloss in by_form.items() if form in shown]
    passing = [
        gloss for form, gloss in by_form.items() if form not in shown and f" {form} " in words
    ]
    return Named(sorted(examples), sorted(passing))


def table(
    joined: pl.DataFrame,
    runs: Sequence[dict[str, Any]],
    prompts: Mapping[str, Mapping[str, Any]],
    glosses: Sequence[str],
    confidence: float,
) -> pl.DataFrame:
    """Each run with the glosses its prompt gives as examples, scored with and without their clips.

    `prompts` are entries with the texts system and user. A list of all candidates gives nothing
    away of one class more than of another, so {candidates} does not count. A replay, whose prompt
    is not known, has no row.
    """
    rows = []
    for run in runs:
        if not run["prompt"]:
            continue
        entry = prompts[run["prompt"]]
        found = named(f"{entry.get('system') or ''}\n{entry['user']}", glosses)
        seen = joined.filter(available(), pl.col("run") == run["run"])
        rest = seen.filter(~pl.col("gloss").is_in(found.examples))
        correct = int(rest["correct"].sum())
        low, high = wilson(correct, rest.height, confidence)
        rows.append(
            {
                "run": run["run"],
                "label": run["label"],
                "leak": bool(found.examples),
                "examples": ", ".join(found.examples),
                "in_passing": ", ".join(found.in_passing),
                "n_available": seen.height,
                "top1": int(seen["correct"].sum()) / seen.height if seen.height else None,
                "n_without": rest.height,
                "correct_without": correct,
                "top1_without": correct / rest.height if rest.height else None,
                "low_without": low,
                "high_without": high,
            }
        )
    return pl.DataFrame(rows, infer_schema_length=None)
