"""Memory of a job that asks: requests on their way, and no others, are in it."""

import multiprocessing
import resource
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from helpers import api_server
from helpers.api_protocols import OPENAI, VARIABLE
from helpers.api_server import Call, Response, chat
from helpers.api_study import KEY, ask, make_clips

pytestmark = pytest.mark.slow

PROMPT = {"task": "match", "user": "Is it {gloss}?", "variables": ["gloss"]}
CONCURRENCY = 16


def peak(folder: Path, url: str, model: dict[str, Any], queue: Any) -> None:
    """Ask in a process of its own; puts its largest memory, in bytes."""
    ask(folder, url, model, prompt=PROMPT)
    queue.put(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def test_a_thousand_requests_need_no_more_memory_than_those_on_their_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, KEY)
    make_clips(tmp_path, 50, frames=16, side=448, noise=16)
    largest = 0

    def behave(call: Call) -> Response:
        nonlocal largest
        largest = max(largest, int(call.headers["content-length"]))
        return Response(body=chat().body, wait=0.1)

    def peak_of(questions: int, concurrency: int) -> int:
        pl.DataFrame(
            {
                "video_id": [f"v{n % 50}" for n in range(questions)],
                "question": [f"q{n}" for n in range(questions)],
                "gloss": [f"sign {concurrency} {n}" for n in range(questions)],
            }
        ).write_parquet(tmp_path / "pairs.parquet")
        spawn = multiprocessing.get_context("spawn")
        queue: Any = spawn.Queue()
        with api_server.serve(behave, remembers=False) as server:
            model = OPENAI | {"concurrency": concurrency, "timeout": 300}
            process = spawn.Process(target=peak, args=(tmp_path, server.url, model, queue))
            process.start()
            found = queue.get(timeout=600)
            process.join()
        return int(found)

    base = peak_of(50, 1)
    assert peak_of(1000, CONCURRENCY) < base + 2 * CONCURRENCY * largest
