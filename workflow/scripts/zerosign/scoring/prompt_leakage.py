"""Prompts that give classes away: glosses that a prompt names, and scores without their clips."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import polars as pl

from zerosign.mapping.normalise import normal
from zerosign.prompts.prompt_entry import Prompt
from zerosign.runs import TableRun
from zerosign.scoring.joined_runs import available, rate_interval
from zerosign.scoring.table_registry import ScoreInputs, table

_CUE = re.compile(
    r"\b(?:(?:e\.g\.|for example|for instance|such as|examples?|including|like)(?!\w)"
    r"|(?:output|answer|gloss):)([^.;?!\n]*)",
    re.I,
)
_QUOTE = "[\"'`*\u2018-\u201f]"
_MARKED = re.compile(rf"{_QUOTE}([\w' -]{{1,40}}?){_QUOTE}|\b([A-Z]{{2,}}(?:[ -][A-Z]{{2,}})*)\b")
_LIST = re.compile(r"(?:[^,.;:?!\n]+,){2,}[^,.;:?!\n]+")
_LINE = re.compile(r"^\W*(?:\d+[.)]\W*)?([^\n.:?!]+?)[.,;]?[^\S\n]*$", re.M)  # bullet or number
_BETWEEN = re.compile(r"[,:()]|\band\b|\bor\b")

COLUMNS = {
    "run": pl.String,
    "label": pl.String,
    "leak": pl.Boolean,
    "examples": pl.String,
    "mentioned": pl.String,
    "n_available": pl.Int64,
    "top1": pl.Float64,
    **{
        f"{name}_{which}": kind
        for which in ("without", "without_named")
        for name, kind in (
            *[("n", pl.Int64), ("correct", pl.Int64)],
            *[("top1", pl.Float64), ("low", pl.Float64), ("high", pl.Float64)],
        )
    },
}


class Named(NamedTuple):
    """Glosses of a prompt: given as examples, or mentioned in its sentences."""

    examples: list[str]
    mentioned: list[str]


def named(text: str, glosses: Sequence[str]) -> Named:
    """Glosses that a prompt has as whole words.

    An example is one that is quoted, capitalised, alone on its line, in a list of three or more,
    or follows "such as", "like", "output:" and the like. "Which sign is this?" names the gloss
    "sign" without giving it as an example.
    """
    by_form = {normal(gloss): gloss for gloss in reversed(glosses)}
    marked = [next(filter(None, groups)) for groups in _MARKED.findall(text)]
    lists = _LIST.findall(_CUE.sub("", text))
    parts = [*marked, *_CUE.findall(text), *lists]
    pieces = [piece for part in parts for piece in _BETWEEN.split(part)]
    items = map(normal, [*_LINE.findall(text), *pieces])
    # a list's first item comes with the words before it: "You may answer book, run or eat."
    firsts = [normal(part.split(",")[0]).split() for part in lists]
    shown = {*items, *(" ".join(words[-length:]) for words in firsts for length in (1, 2))}
    words = f" {normal(text)} "
    examples = [gloss for form, gloss in by_form.items() if form in shown]
    passing = [
        gloss for form, gloss in by_form.items() if form not in shown and f" {form} " in words
    ]
    return Named(sorted(examples), sorted(passing))


@table(
    "leaks",
    "Classes that a prompt gives as examples, or mentions in its sentences, and accuracy without "
    "the clips of the examples, and of all classes that it names; {widened}.",
)
def leaks_table(inputs: ScoreInputs) -> pl.DataFrame:
    """All runs of this study; the prompt of a replay is not known."""
    return leaks(inputs.joined, inputs.runs, inputs.prompts, inputs.glosses, inputs.confidence)


def leaks(
    joined: pl.DataFrame,
    runs: Sequence[TableRun],
    prompts: Mapping[str, Prompt],
    glosses: Sequence[str],
    confidence: float,
) -> pl.DataFrame:
    """Each run with the glosses that its prompt names (schema `COLUMNS`).

    It is scored on all clips, on those of classes that are no examples (``_without``), and on those
    of classes that the prompt does not name at all (``_without_named``): a mention may give a class
    away, too. A list of all candidates favours no class, so {candidates} does not count. A replay,
    whose prompt is not known, has no row.
    """
    rows = []
    for run in runs:
        if not run.prompt:
            continue
        entry = prompts[run.prompt]
        found = named(f"{entry.system or ''}\n{entry.user}", glosses)
        seen = joined.filter(available(), pl.col("run") == run.name)
        rows.append(
            {
                "run": run.name,
                "label": run.label,
                "leak": bool(found.examples),
                "examples": ", ".join(found.examples),
                "mentioned": ", ".join(found.mentioned),
                "n_available": seen.height,
                "top1": int(seen["correct"].sum()) / seen.height if seen.height else None,
                **_rest(seen, found.examples, "without", confidence),
                **_rest(seen, found.examples + found.mentioned, "without_named", confidence),
            }
        )
    return pl.DataFrame(rows, schema=COLUMNS)


def _rest(
    seen: pl.DataFrame, glosses: Sequence[str], which: str, confidence: float
) -> dict[str, float | None]:
    """Accuracy on the clips of other glosses; ``which`` ends the names of the columns."""
    rest = seen.filter(~pl.col("gloss").is_in(glosses))
    correct = int(rest["correct"].sum())
    low, high = rate_interval(rest, rest["correct"], confidence)
    return {
        f"n_{which}": rest.height,
        f"correct_{which}": correct,
        f"top1_{which}": correct / rest.height if rest.height else None,
        f"low_{which}": low,
        f"high_{which}": high,
    }
