"""Batches prepared in other processes, as on a GPU; here for a model on the CPU."""

import contextlib
import dataclasses
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from helpers import tiny_families
from helpers.tiny_families import make_clip

from zerosign.inference import engine, workers
from zerosign.inference.journal import Journal
from zerosign.inference.workers import Workers
from zerosign.models.base import Answer, Request
from zerosign.models.kinds import chat
from zerosign.prompts import template
from zerosign.prompts.prompt_entry import Prompt

QUESTION = template.render("test", Prompt.of({"task": "predict", "user": "Which sign?"}), {})


@contextlib.contextmanager
def helping(adapter: chat.Chat) -> Iterator[Workers]:
    with contextlib.closing(Workers(adapter, 1)) as made:
        yield made


def requests(question: str = "") -> list[tuple[str, Request]]:
    return [(f"k{i}", Request(make_clip(i), QUESTION, question)) for i in range(5)]


def answers(
    adapter: chat.Chat, path: Path, asked: list[tuple[str, Request]], made: Workers | None
) -> dict[str, Answer]:
    with Journal(path) as journal:
        found = dict(engine.answer_all(iter(asked), adapter, journal, 2, None, made))
    return {key: dataclasses.replace(answer, seconds=None) for key, answer in found.items()}


@pytest.mark.parametrize("family", ["qwen2_5_vl", "qwen3_omni"])
def test_answers_are_the_same(family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter = tiny_families.adapter(family)
    expected = answers(adapter, tmp_path / "a", requests(), None)
    with helping(adapter) as made, monkeypatch.context() as patch:
        patch.setattr(type(adapter), "prepare", lambda *_: pytest.fail("prepared here"))
        assert answers(adapter, tmp_path / "b", requests(), made) == expected
    with helping(adapter) as made:  # questions share what this process keeps of a clip
        assert not made.takes(requests("q")[0][1])
        asked = answers(adapter, tmp_path / "c", requests("q"), made)
    assert {key: answer.text for key, answer in asked.items()} == {
        key: answer.text for key, answer in expected.items()
    }


def test_a_clip_that_cannot_be_shown_costs_no_other(tmp_path: Path) -> None:
    adapter = tiny_families.adapter("qwen2_5_vl")
    asked = requests()
    # Too wide for its processor.
    asked[2] = ("bad", dataclasses.replace(asked[2][1], clip=make_clip(2, size=(8, 2400))))
    with helping(adapter) as made:
        found = answers(adapter, tmp_path / "j", asked, made)
    assert found.pop("bad").finish == "error"
    assert len(found) == 4 and all(answer.error is None for answer in found.values())


def test_a_worker_that_dies_is_no_loss(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    adapter = tiny_families.adapter("qwen2_5_vl")
    expected = answers(adapter, tmp_path / "a", requests(), None)
    with helping(adapter) as made, caplog.at_level("INFO"):
        made.prepare([requests()[0][1]]).result()
        for process in made._pool._processes.values():
            os.kill(process.pid, signal.SIGKILL)
        assert answers(adapter, tmp_path / "b", requests(), made) == expected
    assert "this one prepares them now" in caplog.text


def test_only_a_gpu_and_many_requests_get_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    adapter = tiny_families.adapter("qwen2_5_vl")
    assert torch.cuda.is_available() or workers.for_gpu(adapter, 1000) is None
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    assert workers.for_gpu(adapter, 10) is None
    with contextlib.closing(workers.for_gpu(adapter, 1000)) as made:
        assert made.count == workers.MOST
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    assert workers.for_gpu(adapter, 1000) is None
