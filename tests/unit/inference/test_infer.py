"""The program infer, on files, with a model that answers slowly."""

import json
import multiprocessing
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
import pytest
from helpers.fake_model import Fake, make_clip
from helpers.study_files import study_option

import infer
from zerosign.errors import UserError
from zerosign.frames import cache
from zerosign.frames.frame_settings import FrameSettings, Storage
from zerosign.frames.sampling import sampling_of
from zerosign.inference.answers import ANSWERS
from zerosign.models import registry
from zerosign.models.base import Answer, Request
from zerosign.models.kinds import chat
from zerosign.models.model_entry import GeneratingEntry
from zerosign.models.registry import ModelKind
from zerosign.prompts import candidates
from zerosign.prompts.prompt_entry import Prompt
from zerosign.videos.timeline import Decoded, Timeline

MODEL = {
    "adapter": "slow",
    "checkpoint": "none",
    "batch_size": 2,
    "decoding": {"max_new_tokens": 4},
}
LISTED = {
    "task": "predict",
    "user": "Which of {candidates}?",
    "variables": ["candidates"],
}


class SlowEntry(GeneratingEntry):
    """An entry with ``adapter: slow``."""

    adapter: Literal["slow"]


class Slow(Fake):
    """A model that takes a while."""

    def answer(self, prepared: list[Request]) -> list[Answer]:
        time.sleep(0.01)
        return super().answer(prepared)


def kind(load: Callable[[Any], Any]) -> ModelKind:
    """A kind of model that needs no weights."""
    return ModelKind(
        summary="slow",
        entry=SlowEntry,
        pose=chat.pose,
        identity=lambda entry: entry.answering,
        load=load,
        without_video=True,
        generates=True,
        embeds=False,
    )


SLOW = kind(lambda entry: Slow())


def register(made: ModelKind) -> Callable[[], dict[str, ModelKind]]:
    """The registry of kinds with this one alone."""
    return lambda: {"slow": made}


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files of a shard with 40 clips; v3 has no video, v5 no frames, v7 and v8 look the same."""
    monkeypatch.setattr(registry, "kinds", register(SLOW))
    timeline = Timeline(np.arange(6) / 25, 0.24)
    raw = FrameSettings(short_side=None, storage=Storage.RAW)
    with cache.open_decoded_writer(tmp_path / "decoded.npz", raw) as writer:
        for i in range(40):
            frames = list(make_clip(7 if i == 8 else i, 6).frames)
            if i == 5:
                writer.fail("v5", "undecodable: broken at frame 0")
            elif i != 3:
                writer.add(f"v{i}", Decoded(frames, np.arange(6), timeline))
    sampling = sampling_of({"strategy": "uniform", "frames": 6})
    cache.write_selection(tmp_path / "decoded.npz", sampling, tmp_path / "selection.npz")
    pl.DataFrame(
        {
            "video_id": [f"v{i}" for i in range(42)],
            "gloss": [f"g{i % 4}" for i in range(42)],
            "split": ["test"] * 41 + ["train"],
            "shard": [0] * 40 + [1, 0],
        }
    ).write_parquet(tmp_path / "clips.parquet")
    pl.DataFrame(
        {
            "video_id": [f"v{i}" for i in range(41)],
            "status": ["missing" if i == 3 else "ok" for i in range(41)],
            "detail": ["no file v3.mp4" if i == 3 else None for i in range(41)],
        }
    ).write_parquet(tmp_path / "availability.parquet")
    return tmp_path


def run_infer(
    folder: Path,
    model: dict[str, Any] = MODEL,
    prompt: dict[str, Any] = LISTED,
    split: str = "test",
    **changes: Any,
) -> pl.DataFrame:
    """Answers of the program, with some of its options changed."""
    study = study_option(
        folder,
        runs={"slow.listed.all": {"model": "slow", "prompt": "listed", "sampling": "all"}},
        models={"slow": model},
        prompts={"listed": prompt},
        dataset={"split": split},
    )
    options = {
        "clips": folder / "clips.parquet",
        "availability": folder / "availability.parquet",
        "shard": 0,
        "decoded": folder / "decoded.npz",
        "selection": folder / "selection.npz",
        "run": "slow.listed.all",
        "code": "1",
        "journal": folder / "journal.jsonl",
        "output": folder / "answers.parquet",
    } | changes
    given = {name: value for name, value in options.items() if value is not None}
    words = [part for name, value in given.items() for part in (f"--{name}", str(value))]
    infer.main([*study, *words])
    return pl.read_parquet(folder / "answers.parquet")


def keys(path: Path) -> list[str]:
    return [json.loads(line)["key"] for line in path.read_text().splitlines()]


def test_every_expected_clip_has_a_row(study: Path) -> None:
    table = run_infer(study)
    assert table.schema == pl.Schema(ANSWERS)
    assert table["video_id"].to_list() == [f"v{i}" for i in range(40)]
    rows = {row["video_id"]: row for row in table.iter_rows(named=True)}
    assert rows["v3"]["finish"] == "missing" and rows["v3"]["error"] == "missing: no file v3.mp4"
    assert rows["v5"]["finish"] == "error"
    assert rows["v5"]["error"] == "undecodable: broken at frame 0"
    assert rows["v3"]["text"] == rows["v3"]["key"] == ""
    assert rows["v9"]["text"] == "9" and rows["v9"]["finish"] == "stop"
    assert rows["v7"]["key"] == rows["v8"]["key"] and rows["v8"]["text"] == "7"
    assert len(keys(study / "journal.jsonl")) == 37  # 40 minus v3, v5 and v8


def test_a_prompt_reverted_costs_nothing(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run_infer(study)
    run_infer(study, prompt={"task": "predict", "user": "What sign is this?"})
    assert len(keys(study / "journal.jsonl")) == 74
    fails = kind(lambda entry: pytest.fail("loaded the model for nothing"))
    monkeypatch.setattr(registry, "kinds", register(fails))
    assert run_infer(study).equals(first)
    with pytest.raises(pytest.fail.Exception):
        run_infer(study, model={**MODEL, "dtype": "float16"})


def test_several_questions_a_clip(study: Path) -> None:
    pl.DataFrame(
        {
            "video_id": ["v1", "v3", "v1", "v40", "v0", "v1"],
            "question": ["b", "a", "a", "a", "a", "c"],
            "gloss": ["drink", "book", "book", "book", "book", "drink"],
        }
    ).write_parquet(study / "questions.parquet")
    prompt = {"task": "match", "user": "Is it {gloss}?", "variables": ["gloss"]}
    changes = {"questions": study / "questions.parquet", "prompt": prompt}
    table = run_infer(study, **changes)
    assert table.select("video_id", "question", "text", "finish").rows() == [
        ("v0", "a", "0", "stop"),
        ("v1", "b", "1", "stop"),
        ("v1", "a", "1", "stop"),
        ("v1", "c", "1", "stop"),
        ("v3", "a", "", "missing"),
    ]
    lines = [json.loads(line) for line in (study / "journal.jsonl").read_text().splitlines()]
    asked = [(line["video_id"], line["question"]) for line in lines]
    assert asked == [("v0", "a"), ("v1", "b"), ("v1", "a")]  # c asks the same as b
    pl.DataFrame({"video_id": ["v1"]}).write_parquet(study / "questions.parquet")
    with pytest.raises(UserError, match=r"questions\.parquet: no column 'question'"):
        run_infer(study, **changes)


def test_candidates_in_several_orders(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Reads(Slow):
        """An adapter that answers with the first candidate of its list."""

        def answer(self, prepared: list[Request]) -> list[Answer]:
            texts = [request.messages[0]["content"][1]["text"] for request in prepared]
            super().answer(prepared)
            return [Answer(text.removeprefix("One of ").split(",")[0], "stop") for text in texts]

    monkeypatch.setattr(registry, "kinds", register(kind(lambda entry: Reads())))
    prompt = {"task": "predict", "user": "One of {candidates}?", "orders": 3}
    prompt |= {"variables": ["candidates"]}
    table = run_infer(study, prompt=prompt)
    names = candidates.questions(Prompt.of(prompt))
    assert table.select("video_id", "question").rows() == [
        (f"v{i}", name) for i in range(40) for name in names
    ]
    glosses = [f"g{i}" for i in range(4)]
    for row in table.filter(finish="stop").iter_rows(named=True):
        assert row["text"] == candidates.listed(glosses, row["video_id"], row["question"])[0]
    assert table.filter(video_id="v3")["finish"].to_list() == ["missing"] * 3
    # v7 and v8 look the same, but are asked with lists of their own
    different = {
        (7 if i == 8 else i, candidates.candidates(glosses, f"v{i}", name))
        for i in set(range(40)) - {3, 5}
        for name in names
    }
    assert len(keys(study / "journal.jsonl")) == len(different) > 80


def test_without_a_video_all_clips_are_one_question(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Blind(Fake):
        def answer(self, prepared: list[Request]) -> list[Answer]:
            (request,) = prepared
            assert len(request.clip.frames) == 0
            assert [part["type"] for part in request.messages[0]["content"]] == ["text"]
            return [Answer("g1", "stop")]

    monkeypatch.setattr(registry, "kinds", register(kind(lambda entry: Blind())))
    table = run_infer(study, decoded=None, selection=None)
    rows = dict(table.select("video_id", "text").iter_rows())
    assert len(keys(study / "journal.jsonl")) == 1
    # A clip without a video stays missing, as in all other runs; v5 needs no frames here.
    assert rows.pop("v3") == ""
    assert set(rows.values()) == {"g1"} and len(rows) == 39
    assert table.filter(finish="missing")["video_id"].to_list() == ["v3"]


def test_kill_9_in_the_middle_asks_nothing_twice(study: Path) -> None:
    path = study / "journal.jsonl"
    # Spawned: a forked process inherits polars' threads as locks that nobody will release.
    child = multiprocessing.get_context("spawn").Process(target=infer_elsewhere, args=(study,))
    child.start()
    deadline = time.monotonic() + 60
    while not path.exists() or path.read_bytes().count(b"\n") < 10:
        assert time.monotonic() < deadline
        time.sleep(0.002)
    child.kill()
    child.join()
    before = keys(path)
    assert 10 <= len(before) < 37 and not (study / "answers.parquet").exists()
    table = run_infer(study)
    assert keys(path)[: len(before)] == before
    assert len(keys(path)) == len(set(keys(path))) == 37
    assert table.filter(finish="stop").height == 38


def infer_elsewhere(folder: Path) -> None:
    registry.kinds = register(SLOW)
    run_infer(folder)


def test_a_shard_without_clips(study: Path) -> None:
    table = run_infer(study, shard=7)
    assert table.height == 0 and table.schema == pl.Schema(ANSWERS)


def test_availability_of_another_split_is_named(study: Path) -> None:
    with pytest.raises(UserError, match=r"availability\.parquet: clip v41 is not in it"):
        run_infer(study, split="train")
