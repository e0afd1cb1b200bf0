"""The programs that ask models and gather their answers, run in this process."""

import json
from pathlib import Path
from typing import Any

import polars as pl

import answers
import ask
from helpers.study_files import study_option

ALL = {"all": {"strategy": "all"}, "none": {"strategy": "none"}}


def study_of(
    folder: Path,
    models: dict[str, Any],
    prompts: dict[str, Any],
    runs: list[tuple[str, str, str]],
    **parts: Any,
) -> list[str]:
    """The option of a study of these runs, whose models share one load named ``load``."""
    named = {
        ".".join(run): dict(zip(("model", "prompt", "sampling"), run, strict=True)) for run in runs
    }
    load = {"models": list(models), "runs": list(named), "embeds": parts.pop("embeds", [])}
    defaults = {"dataset": {"split": "test"}, "samplings": ALL, "shards": 1, "parts": 1}
    return study_option(
        folder,
        models=models,
        prompts=prompts,
        runs=named,
        loads={"load": load},
        **(defaults | parts),
    )


def files_of(folder: Path, store: Path | None = None) -> list[str]:
    """Options that both programs take, for files at their usual places in a folder."""
    options = {
        "clips": folder / "clips.parquet",
        "availability": folder / "availability.parquet",
        "frames": folder / "frames",
        "store": store or folder / "store",
    }
    if (folder / "pairs.parquet").exists():
        options["pairs"] = folder / "pairs.parquet"
    return [word for name, value in options.items() for word in (f"--{name}", str(value))]


def run_ask(study: list[str], folder: Path, *more: str, store: Path | None = None) -> None:
    """Ask all that is outstanding."""
    output = ["--output", str(folder / "asked.json")]
    ask.main([*study, "--checkpoint", "load", *files_of(folder, store), *more, *output])


def gathered(
    study: list[str], folder: Path, run: str, *more: str, store: Path | None = None
) -> pl.DataFrame:
    """A run's answers of all shards."""
    output = folder / "answers" / run
    asked = ["--asked", str(folder / "asked.json"), "--output", str(output)]
    answers.main([*study, "--run", run, *files_of(folder, store), *more, *asked])
    return pl.concat(pl.read_parquet(path) for path in sorted(output.glob("*.parquet")))


def lines_of(store: Path) -> list[dict[str, Any]]:
    """What a store recorded: the lines of all its answers, in order."""
    return [
        json.loads(line)
        for path in sorted(store.glob("*/answers*.jsonl"))
        for line in path.read_text("utf-8").splitlines()
    ]
