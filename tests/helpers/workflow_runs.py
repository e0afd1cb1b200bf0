"""Real Snakemake runs in a copy of the checkout, for the tests of the workflow."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 900

# Two runs of untrained models and a matching run on 32 clips: everything happens, nothing takes
# long. Frames are stored raw so that their files are too large for Snakemake's comparison by
# content.
SMALL = {
    "demo": {"seed": 0, "train_signers": 1, "val_signers": 1, "test_signers": 2},
    "shards": 1,
    "frames": {"short_side": 128, "storage": "raw"},
    "samplings": {"u12": {"strategy": "uniform", "frames": 12}},
    "runs": [
        {"model": ["demo-untrained", "demo-internvl"], "prompt": "demo-gloss", "sampling": "u12"},
        {"model": "demo-trained-closed", "prompt": "demo-match", "sampling": "u12"},
    ],
    "alignment": {"models": ["demo-untrained"], "sampling": "u12"},
}


@dataclass(frozen=True)
class Job:
    """A job that Snakemake planned or ran."""

    rule: str
    wildcards: str = ""


@dataclass(frozen=True)
class Checkout:
    """A copy of the project in which a test may run and change anything."""

    folder: Path

    def snakemake(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run Snakemake on the test's study; its messages are in `stdout`."""
        result = subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT_S,
        )
        if check and result.returncode:
            raise AssertionError(f"snakemake failed:\n{result.stdout[-6000:]}")
        return result

    def command(self, *arguments: str) -> list[str]:
        """Snakemake's command line; the test's study and two cores unless others are given."""
        config = [] if "--configfile" in arguments else ["--configfile", "config/test.yaml"]
        cores = [] if "--cores" in arguments else ["--cores", "2"]
        return [sys.executable, "-m", "snakemake", *arguments, *cores, *config]

    def planned(self, *arguments: str) -> set[Job]:
        """Jobs that Snakemake would run, `all` and the like left out."""
        return jobs(self.snakemake("--dry-run", *arguments).stdout)

    def ran(self, *arguments: str) -> set[Job]:
        """Run, and give the jobs that did."""
        return jobs(self.snakemake(*arguments).stdout)

    def asking(self, run: str) -> set[Job]:
        """Jobs that ask a run of the study last planned and map all answers.

        Those of the model's other runs and embeddings gather their answers again; none is asked.
        """
        settings = max((self.folder / "results/demo/settings").iterdir(), key=os.path.getmtime)
        study = json.loads(settings.read_text("utf-8"))
        ((name, load),) = (each for each in study["loads"].items() if run in each[1]["runs"])
        found = {Job("ask", f"checkpoint={name}, part=0")}
        found |= {Job("answers", f"run={each}") for each in load["runs"]}
        if set(load["runs"]) & {each["name"] for each in study["matched"]}:
            found.add(Job("score_matching"))
        for model in load["embeds"]:
            found |= {Job("embeddings", f"model={model}"), Job("align", f"model={model}")}
            found.add(Job("align_table"))
        found |= {Job("map_labels", f"run={each['name']}") for each in study["scored"]}
        return found | {Job("encode_texts")}

    def recorded(self, pattern: str = "answers") -> list[dict[str, Any]]:
        """What the store holds: a line was written for every answered call. Unfinished ones not."""
        return [
            json.loads(line)
            for path in sorted((self.folder / "store").glob(f"*/{pattern}*.jsonl"))
            for line in path.read_text("utf-8").split("\n")[:-1]
        ]

    def edit(self, path: str, change: Callable[[str], str]) -> None:
        """Change a text file; an edit that changes nothing is a mistake in the test."""
        file = self.folder / path
        before = file.read_text("utf-8")
        after = change(before)
        assert before != after, f"{path}: the edit changes nothing"
        file.write_text(after, "utf-8")

    def edit_yaml(self, path: str, change: Callable[[Any], None]) -> None:
        """Change a YAML file's value in place."""
        file = self.folder / path
        value = yaml.safe_load(file.read_text("utf-8"))
        change(value)
        file.write_text(yaml.safe_dump(value, sort_keys=False), "utf-8")


def checkout(folder: Path, overrides: dict[str, Any] | None = None) -> Checkout:
    """Copy the project as git sees it, and give it config/test.yaml."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        source, target = ROOT / name, folder / name
        if source.exists() or source.is_symlink():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)
    config = yaml.safe_load((ROOT / "config" / "demo.yaml").read_text("utf-8"))
    config |= SMALL | (overrides or {})
    (folder / "config" / "test.yaml").write_text(yaml.safe_dump(config, sort_keys=False), "utf-8")
    return Checkout(folder)


def clone(source: Checkout, folder: Path) -> Checkout:
    """A copy of a checkout with its results and Snakemake's records, times kept."""
    shutil.copytree(source.folder, folder, symlinks=True, dirs_exist_ok=True)
    return Checkout(folder)


def environment() -> dict[str, str]:
    """The environment without an outer Slurm job's or coverage's variables."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM", "COV_", "SNAKEMAKE"))}
    return kept | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}


def jobs(output: str) -> set[Job]:
    """Jobs in Snakemake's messages."""
    found = set()
    for block in re.split(r"\n(?=(?:local)?rule )", output)[1:]:
        name = re.match(r"(?:local)?rule (\w+):", block)
        if name is None or name[1] in ("all", "figures"):
            continue
        wildcards = re.search(r"^    wildcards: (.*)$", block, re.MULTILINE)
        found.add(Job(name[1], wildcards[1] if wildcards else ""))
    return found


def rules(found: Sequence[Job] | set[Job]) -> set[str]:
    """Names of the rules of jobs."""
    return {job.rule for job in found}
