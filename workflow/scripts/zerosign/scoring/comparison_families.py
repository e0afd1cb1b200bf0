"""Which runs a study compares: its key ``comparisons``, families of pairs tested together."""

import fnmatch
from collections.abc import Mapping, Sequence
from typing import Literal

from zerosign.entries import Entry, Text, Unique, UniqueSome
from zerosign.runs import TableRun


class Family(Entry):
    """Pairs of runs that answer one question; Holm's adjustment is over all of them."""

    runs: UniqueSome[Text] = ("*",)
    """Names of runs and replays; * stands for any letters."""
    against: UniqueSome[Text] | None = None
    """Those that each is compared with; unless said, all pairs of `runs` are."""
    same: Unique[Literal["model", "prompt", "sampling"]] = ()
    """What both runs of a pair have in common."""

    @property
    def patterns(self) -> dict[str, tuple[str, ...]]:
        """What the user wrote to name runs, by key."""
        return {"runs": self.runs} | ({"against": self.against} if self.against else {})


Pair = tuple[TableRun, TableRun]
"""What is compared with (a), and what is compared (b)."""


def named(runs: Sequence[TableRun], patterns: Sequence[str]) -> list[TableRun]:
    """The runs that a pattern names, in their own order."""
    return [run for run in runs if any(fnmatch.fnmatchcase(run.name, each) for each in patterns)]


def pairs(family: Family, runs: Sequence[TableRun]) -> list[Pair]:
    """The pairs of a family, each once."""
    compared = named(runs, family.runs)
    references = compared if family.against is None else named(runs, family.against)
    found: dict[frozenset[str], Pair] = {}
    for a in references:
        for b in compared:
            both = frozenset((a.name, b.name))
            if len(both) == 2 and _alike(a, b, family.same) and both not in found:
                found[both] = (a, b)
    return list(found.values())


def all_pairs(families: Mapping[str, Family], runs: Sequence[TableRun]) -> dict[str, list[Pair]]:
    """The pairs of each family."""
    return {name: pairs(family, runs) for name, family in families.items()}


def _alike(a: TableRun, b: TableRun, parts: Sequence[str]) -> bool:
    """Whether two runs have these in common; nobody knows that of a replay."""
    return all(getattr(a, part) == getattr(b, part) != "" for part in parts)
