"""A study whose model is asked over the network: real Snakemake, a server on this machine."""

import base64
import secrets
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from helpers import api_server, workflow_runs
from helpers.api_server import ApiServer, Call, Response, chat, error
from helpers.workflow_runs import Checkout

pytestmark = pytest.mark.slow

VARIABLE = "ZEROSIGN_TEST_KEY"
KEY = f"sk-test-{secrets.token_hex(16)}"
"""In no file of the checkout before the test."""
MODEL: dict[str, Any] = {
    "adapter": "openai",
    "model": "gpt-test-2026-01-01",
    "key_env": VARIABLE,
    "frames": {"as": "images", "max_side": 64},
    "decoding": {"max_new_tokens": 64},
    "tries": 2,
    "price": {"input": 1, "output": 8, "as_of": "2026-11-25", "source": "https://example.org"},
}
OUTCOMES = [
    (chat("rain"), "classified"),
    (chat(None, refusal="I will not."), "refused"),
    (chat("", "content_filter"), "blocked"),
    (chat(""), "empty"),
    (chat("The hands", "length"), "cut_off"),
    (error(400, "context_length_exceeded"), "error"),
]
TARGETS = [
    "results/demo/tables/outcomes.csv",
    "results/demo/tables/matching.csv",
    "results/demo/tables/costs.csv",
    "results/demo/figures/outcomes.pdf",
]


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with api_server.serve(lambda call: error(503, message=f"down for {KEY}")) as running:
        yield running


def checkout(folder: Path, url: str) -> Checkout:
    """A study of one API model, a run to name signs and one to match them."""
    runs = [
        {"model": "api", "prompt": name, "sampling": "u12", "needs": "key"}
        for name in ("demo-gloss", "demo-match")
    ]
    waiting = {"model": "demo-untrained", "prompt": "demo-gloss", "sampling": "u12"}
    made = workflow_runs.checkout(folder, {"runs": [*runs, waiting], "budget": {"max_usd": 1}})
    path = made.folder / "config/models.yaml"
    models = yaml.safe_load(path.read_text("utf-8"))
    path.write_text(yaml.safe_dump(models | {"api": MODEL | {"base_url": url}}))
    return made


def test_outcomes_reach_every_table_and_the_key_none(
    tmp_path: Path, server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = checkout(tmp_path / "checkout", server.url)
    plan = study.snakemake("--dry-run")
    assert f"2 runs are left out until {VARIABLE} is in the environment" in plan.stdout
    assert "api.demo-gloss.u12" in plan.stdout and "ask_api" not in plan.stdout

    monkeypatch.setenv(VARIABLE, KEY)
    leave_out = ["--config", "leave_out=[demo-untrained.demo-gloss.u12]"]
    broken = study.snakemake(*TARGETS, *leave_out, check=False)
    assert broken.returncode and "32 of 32 requests failed" in broken.stdout
    assert "down for [key]" in broken.stdout

    seen: Counter[str] = Counter()

    def behave(call: Call) -> Response:
        question = str(call.body["messages"])
        seen[question] += 1
        number = sum(1 for each in seen if each < question)
        return OUTCOMES[number % len(OUTCOMES)][0]

    server.behave = behave
    done = study.snakemake(*TARGETS, *leave_out)
    assert "demo-untrained" not in {job.wildcards for job in workflow_runs.jobs(done.stdout)}
    server.behave = lambda call: pytest.fail("nothing is left to ask")
    assert "Nothing to be done" in study.snakemake(*TARGETS, *leave_out).stdout

    (row,) = pl.read_csv(study.folder / TARGETS[0]).rows(named=True)
    answers = pl.read_parquet(study.folder / "results/demo/answers/api.demo-gloss.u12/0.parquet")
    finishes = Counter(answers["finish"])
    assert set(finishes) == {"stop", "refused", "blocked", "empty", "length", "error"}
    for finish, outcome in {"stop": "classified", "length": "cut_off"}.items():
        assert row[outcome] == finishes[finish]
    for outcome in ("refused", "blocked", "empty", "error"):
        assert row[outcome] == finishes[outcome]
    matched = pl.read_csv(study.folder / TARGETS[1]).filter(kind="run", negatives="all")
    verdicts = pl.read_parquet(study.folder / "results/demo/matching/verdicts.parquet")
    counts = Counter(verdicts["outcome"])
    for outcome in ("refused", "blocked", "empty", "cut_off", "error"):
        assert matched[f"n_{outcome}"].item() == counts[outcome] > 0

    rows = pl.read_csv(study.folder / TARGETS[2]).rows(named=True)
    assert [row["run"] for row in rows] == ["api.demo-gloss.u12", "api.demo-match.u12"]
    assert all(row["usd"] > 0 and not row["changed"] for row in rows)

    log = next((study.folder / "logs/demo/ask_api").glob("*.log")).read_text("utf-8")
    assert "tokens in, up to" in log and "spent" in log and "left" in log
    texts = [plan.stdout, broken.stdout, done.stdout]
    assert found_in(study.folder, KEY) == [] and not any(KEY in text for text in texts)


def found_in(folder: Path, key: str) -> list[Path]:
    """Files below a folder that hold a key, as it is or in base64."""
    forms = [key.encode(), base64.b64encode(key.encode())[:-4]]
    return [
        path
        for path in folder.rglob("*")
        if path.is_file() and any(form in path.read_bytes() for form in forms)
    ]
