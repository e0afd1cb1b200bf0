"""From the groups of a study's key ``runs`` to single runs."""

import fnmatch
import itertools
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from zerosign.errors import UserError, unknown
from zerosign.runs import Run
from zerosign.study.study_config import RunGroup


class Grid(NamedTuple):
    """The runs of a study, and those that are left out because of what it has not."""

    runs: dict[str, Run]
    left_out: tuple[str, ...]
    without_key: dict[str, str]
    """What the environment lacks, by run."""


def expand(
    groups: Sequence[RunGroup],
    known: Mapping[str, Collection[str]],
    has: Collection[str],
    lacking: Mapping[str, str],
) -> Grid:
    """In each group the product of its models, prompts and samplings.

    ``known``: names under the keys model, prompt and sampling; ``has``: what groups may need;
    ``lacking``: models without a key, and the variable that should have it.
    `UserError` for an unknown name and for a run that is listed twice.
    """
    runs: dict[str, Run] = {}
    left_out: list[str] = []
    without_key: dict[str, str] = {}
    for number, group in enumerate(groups):
        lists = [_names(group, kind, known[kind], number) for kind in known]
        for model, prompt, sampling in itertools.product(*lists):
            run = Run(model=model, prompt=prompt, sampling=sampling)
            if run.name in {*runs, *left_out, *without_key}:
                raise UserError(f"runs[{number}]: duplicate run '{run.name}'")
            if group.needs == "descriptions" and group.needs not in has:
                left_out.append(run.name)
            elif group.needs == "key" and model in lacking:
                without_key[run.name] = lacking[model]
            else:
                runs[run.name] = run
    return Grid(runs, tuple(left_out), without_key)


def without(grid: Grid, patterns: Sequence[str]) -> Grid:
    """The grid without the runs that a pattern names. `UserError`: one names none."""
    runs = dict(grid.runs)
    for pattern in patterns:
        named = [name for name in grid.runs if fnmatch.fnmatchcase(name, pattern)]
        if not named:
            raise UserError(f"leave_out: {unknown('run', pattern, grid.runs)}")
        for name in named:
            runs.pop(name, None)
    if grid.runs and not runs:
        raise UserError("leave_out: no run is left; remove some of its names")
    return Grid(runs, grid.left_out, grid.without_key)


def _names(group: RunGroup, kind: str, known: Collection[str], number: int) -> tuple[str, ...]:
    value = getattr(group, kind)
    names = (value,) if isinstance(value, str) else value
    for name in names:
        if name not in known:
            raise UserError(f"runs[{number}].{kind}: {unknown(kind, name, known)}")
    return names
