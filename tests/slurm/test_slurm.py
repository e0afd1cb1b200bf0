"""`snakemake --cores 8 --profile slurm`, word for word, on a real Slurm."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import slurm_cluster as cluster
from helpers import workflow_runs

GPU_RULES = {"ask"}

pytestmark = [pytest.mark.slow, pytest.mark.slurm]


@pytest.fixture(scope="module")
def slurm() -> Iterator[None]:
    """A running cluster."""
    if reason := cluster.unavailable():
        pytest.skip(reason)
    cluster.up()
    yield
    cluster.down()


def nodes_by_rule() -> dict[str, set[str]]:
    """Nodes on which the jobs of each rule ran, as Slurm remembers them."""
    records = subprocess.run(
        ["scontrol", "show", "job", "--oneliner"], capture_output=True, text=True, check=True
    ).stdout
    found: dict[str, set[str]] = {}
    for record in records.splitlines():
        rule = re.search(r"Comment=rule_(\S+)", record)
        node = re.search(r" NodeList=(\S+)", record)
        if rule and node:
            name = re.sub(r"_wildcards_.*", "", rule[1])
            found.setdefault(name, set()).add(node[1])
    return found


def test_the_study_on_a_cluster(
    slurm: None, finished: workflow_runs.Checkout, tmp_path: Path
) -> None:
    study = workflow_runs.checkout(tmp_path / "study")
    # The test's study takes the place of the default one, so that the command is the user's own.
    (study.folder / "config/test.yaml").rename(study.folder / "config/config.yaml")
    study.edit(
        "profiles/slurm/config.yaml",
        # Each look that finds nothing new adds ten seconds to the wait: do not look too early.
        lambda text: re.sub(r"(status-checks): \d+", r"\1: 14", text),
    )
    command = [sys.executable, "-m", "snakemake", "--cores", "8", "--profile", "slurm"]
    result = subprocess.run(
        command,
        cwd=study.folder,
        env=workflow_runs.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=workflow_runs.TIMEOUT_S,
    )
    assert result.returncode == 0, result.stdout[-6000:]

    nodes = nodes_by_rule()
    assert nodes.keys() >= {"clips", "fetch_videos", "decode_frames", "ask", "score"}
    for rule, ran_on in nodes.items():
        allowed = set(cluster.GPUS) if rule in GPU_RULES else {"cpu1"}
        assert ran_on <= allowed, f"{rule} ran on {ran_on}"

    for log in (study.folder / "logs/demo/ask").rglob("*.log"):
        assert re.search(r"running on gpu\d with CUDA_VISIBLE_DEVICES=\d", log.read_text())

    local = finished.folder / "results/demo/tables"
    names = sorted(path.name for path in local.iterdir())
    assert len(names) >= 12
    for name in names:
        here = (study.folder / "results/demo/tables" / name).read_text()
        assert here == (local / name).read_text(), f"{name} differs from the local run's"
