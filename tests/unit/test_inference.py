import dataclasses
import hashlib
import json
import multiprocessing
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

import infer
from zerosign import adapters, framecache, inference, prompts
from zerosign.adapters import Answer, ClipError, Request, chat
from zerosign.errors import UserError
from zerosign.framecache import Clip
from zerosign.journal import Journal

MESSAGES = [{"role": "user", "content": [{"type": "video"}, {"type": "text", "text": "Which?"}]}]


def make_clip(number: int, frames: int = 4) -> Clip:
    pixels = np.full((frames, 2, 2, 3), number % 256, np.uint8)
    return Clip(
        video_id=f"v{number}",
        frames=pixels,
        indices=np.arange(frames),
        timestamps=np.arange(frames) / 25,
        fps=25.0,
        total_frames=frames,
        duration=frames / 25,
        digest=hashlib.sha256(pixels.tobytes()).hexdigest(),
    )


class Fake:
    """An adapter that answers with the brightness of a clip."""

    def __init__(self, fits: int = 100, bad: Sequence[str] = ()) -> None:
        self.fits, self.bad = fits, bad
        self.batches: list[list[str]] = []
        self.prepared_by: set[str] = set()

    def bucket(self, request: Request) -> int:
        return len(request.clip.frames)

    def prepare(self, requests: Sequence[Request]) -> list[Request]:
        self.prepared_by.add(threading.current_thread().name)
        for request in requests:
            if request.clip.video_id in self.bad:
                raise ClipError(f"cannot show\n{request.clip.video_id}")
        return list(requests)

    def answer(self, prepared: list[Request]) -> list[Answer]:
        if len(prepared) > self.fits:
            raise torch.OutOfMemoryError("CUDA out of memory")
        self.batches.append([request.clip.video_id for request in prepared])
        return [Answer(str(request.clip.frames[0, 0, 0, 0]), "stop") for request in prepared]


def ask(
    fake: Fake, path: Path, frames: Sequence[int], batch_size: int | None = 4
) -> dict[str, Answer]:
    """One clip of each frame count; answers by video id."""
    requests = ((f"v{i}", Request(make_clip(i, n), MESSAGES)) for i, n in enumerate(frames))
    with Journal(path) as journal:
        return dict(inference.answer_all(requests, fake, journal, batch_size))


def keys(path: Path) -> list[str]:
    return [json.loads(line)["key"] for line in path.read_text().splitlines()]


def test_every_request_is_answered_once_in_batches_of_like_length(tmp_path: Path) -> None:
    fake = Fake()
    frames = [4, 8, 2, 4, 4, 8, 4, 4, 1, 4, 4, 4, 8, 2, 8, 4, 4, 4, 4, 4, 4, 4]
    answers = ask(fake, tmp_path / "j", frames)
    assert {key: answer.text for key, answer in answers.items()} == {
        f"v{i}": str(i) for i in range(len(frames))
    }
    for batch in fake.batches:
        assert len({frames[int(video_id[1:])] for video_id in batch}) == 1 and len(batch) <= 4
    assert len(fake.batches) <= 9  # 14 of four frames, 4 of eight, 2 of two, 1 of one, two windows
    assert sorted(keys(tmp_path / "j")) == sorted(answers)
    assert fake.prepared_by == {"feed"}


def test_out_of_memory_halves_the_batch_and_remembers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fake = Fake(fits=3)
    with caplog.at_level("INFO"):
        answers = ask(fake, tmp_path / "j", [4] * 64, batch_size=8)
    assert len(answers) == 64 and len(set(keys(tmp_path / "j"))) == 64
    assert all(len(batch) <= 2 for batch in fake.batches)
    assert caplog.messages[:2] == [f"out of memory: batches of {n} from here on" for n in (4, 2)]
    # Batches that were prepared before the news arrived are split, too, but no smaller.
    assert sum(len(batch) == 1 for batch in fake.batches) == 0


def test_batches_grow_while_memory_has_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = iter([0.1, 0.3, 0.6, *[0.7] * 50])
    monkeypatch.setattr(inference, "memory_used", lambda: next(used))
    fake = Fake()
    ask(fake, tmp_path / "j", [4] * 300, batch_size=None)
    assert len(fake.batches[0]) == 8
    assert max(len(batch) for batch in fake.batches) == 32


def test_batches_stop_growing_when_memory_ran_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inference, "memory_used", lambda: 0.1)
    fake = Fake(fits=20)
    ask(fake, tmp_path / "j", [4] * 300, batch_size=None)
    assert max(len(batch) for batch in fake.batches) == 16


def test_without_a_gpu_batches_stay(tmp_path: Path) -> None:
    assert torch.cuda.is_available() or inference.memory_used() == 1
    fake = Fake()
    ask(fake, tmp_path / "j", [4] * 64, batch_size=None)
    assert {len(batch) for batch in fake.batches} == {8}


def test_large_clips_bound_what_is_read_ahead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inference, "WINDOW_BYTES", 100)  # two clips of 48 bytes
    fake = Fake()
    ask(fake, tmp_path / "j", [4] * 30, batch_size=16)
    assert all(len(batch) <= 3 for batch in fake.batches)


def test_a_clip_that_does_not_fit_at_all_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="one clip alone does not fit the memory; use fewer"):
        ask(Fake(fits=0), tmp_path / "j", [4] * 5)
    assert not any(thread.name == "feed" for thread in threading.enumerate())


def test_a_clip_that_cannot_be_asked_about_costs_no_other(tmp_path: Path) -> None:
    answers = ask(Fake(bad=["v2"]), tmp_path / "j", [4] * 6)
    assert answers["v2"] == Answer("", "error", "cannot show v2")
    assert [answers[f"v{i}"].text for i in (0, 1, 3, 4, 5)] == ["0", "1", "3", "4", "5"]
    assert "v2" not in keys(tmp_path / "j")


def test_when_no_clip_gets_through_it_is_the_users_matter(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="all 3 requests failed; the first: cannot show v0"):
        ask(Fake(bad=["v0", "v1", "v2"]), tmp_path / "j", [4] * 3)


def test_a_fault_while_reading_or_preparing_surfaces(tmp_path: Path) -> None:
    def broken() -> Iterator[tuple[str, Request]]:
        yield "a", Request(make_clip(1), MESSAGES)
        raise UserError("decoded.npz: damaged")

    with Journal(tmp_path / "j") as journal, pytest.raises(UserError, match="damaged"):
        list(inference.answer_all(broken(), Fake(), journal, 4))
    assert not any(thread.name == "feed" for thread in threading.enumerate())


def test_reading_stays_a_few_batches_ahead(tmp_path: Path) -> None:
    read = 0

    def counted() -> Iterator[tuple[str, Request]]:
        nonlocal read
        for i in range(200):
            read += 1
            yield f"v{i}", Request(make_clip(i), MESSAGES)

    with Journal(tmp_path / "j") as journal:
        stream = inference.answer_all(counted(), Fake(), journal, 2)
        for answered, _ in enumerate(stream, 1):
            assert read <= answered + 2 * (2 * inference.WINDOW + 3)
    assert read == 200


def test_the_key_holds_all_that_determines_an_answer() -> None:
    clip, identity = make_clip(1), {"checkpoint": "c", "decoding": {"max_new_tokens": 8}}
    request = Request(clip, MESSAGES)
    base = inference.request_key(request, identity, "code")
    assert base == inference.request_key(Request(make_clip(1), MESSAGES), dict(identity), "code")
    other_text = json.loads(json.dumps(MESSAGES).replace("Which?", "What?"))
    others = [
        Request(make_clip(2), MESSAGES),
        Request(dataclasses.replace(clip, fps=30.0), MESSAGES),
        Request(clip, other_text),
        Request(clip, MESSAGES, candidates={"book": "book"}),
    ]
    keys = [inference.request_key(other, identity, "code") for other in others]
    keys.append(inference.request_key(request, {**identity, "dtype": "float16"}, "code"))
    keys.append(inference.request_key(request, identity, "other"))
    assert len({base, *keys}) == 7


def test_how_a_model_is_run_does_not_change_its_answers() -> None:
    entry = {"adapter": "chat", "checkpoint": "c", "batch_size": 4, "gpus": 2, "device_map": "auto"}
    assert inference.answer_keys(entry) == {"adapter": "chat", "checkpoint": "c"}


# The program, on files, with an adapter that answers slowly.

MODEL = {
    "adapter": "slow",
    "checkpoint": "none",
    "batch_size": 2,
    "decoding": {"max_new_tokens": 4},
}
SLOW = ModuleType("slow_adapter")
SLOW.identity = lambda entry: dict(entry)
SLOW.load = lambda entry: Slow()
SLOW.pose = chat.pose


class Slow(Fake):
    def answer(self, prepared: list[Request]) -> list[Answer]:
        time.sleep(0.01)
        return super().answer(prepared)


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files of a shard with 40 clips; v3 has no video, v5 no frames, v7 and v8 look the same."""
    monkeypatch.setitem(sys.modules, "slow_adapter", SLOW)
    monkeypatch.setitem(adapters.KINDS, "slow", "slow_adapter")
    times = np.arange(6) / 25
    with framecache.open_decoded_writer(tmp_path / "decoded.npz", {"storage": "raw"}) as writer:
        for i in range(40):
            frames = list(make_clip(7 if i == 8 else i, 6).frames)
            if i == 5:
                writer.fail("v5", "undecodable: broken at frame 0")
            elif i != 3:
                writer.add(f"v{i}", frames, np.arange(6), times, 0.24)
    sampling = {"strategy": "uniform", "frames": 6}
    framecache.write_selection(tmp_path / "decoded.npz", sampling, tmp_path / "selection.npz")
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


def run_infer(folder: Path, **changes: Any) -> pl.DataFrame:
    options = {
        "clips": folder / "clips.parquet",
        "availability": folder / "availability.parquet",
        "split": "test",
        "shard": 0,
        "decoded": folder / "decoded.npz",
        "selection": folder / "selection.npz",
        "model": json.dumps(MODEL),
        "prompt": json.dumps({"user": "Which of {candidates}?", "variables": ["candidates"]}),
        "run": "slow.listed.all",
        "code": "1",
        "journal": folder / "journal.jsonl",
        "output": folder / "answers.parquet",
    } | changes
    given = {name: value for name, value in options.items() if value is not None}
    infer.main([part for name, value in given.items() for part in (f"--{name}", str(value))])
    return pl.read_parquet(options["output"])


def test_every_expected_clip_has_a_row(study: Path) -> None:
    table = run_infer(study)
    assert table.schema == pl.Schema(infer.SCHEMA)
    assert table["video_id"].to_list() == [f"v{i}" for i in range(40)]
    rows = {row["video_id"]: row for row in table.iter_rows(named=True)}
    assert rows["v3"]["finish"] == "missing" and rows["v3"]["error"] == "missing: no file v3.mp4"
    assert rows["v5"]["finish"] == "error"
    assert rows["v5"]["error"] == "undecodable: broken at frame 0"
    assert rows["v3"]["text"] == rows["v3"]["key"] == ""
    assert rows["v9"]["text"] == "9" and rows["v9"]["finish"] == "stop"
    assert rows["v7"]["key"] == rows["v8"]["key"] and rows["v8"]["text"] == "7"
    assert len(keys(study / "journal.jsonl")) == 37  # 40 less v3 and v5, v7 and v8 asked once


def test_a_prompt_reverted_costs_nothing(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run_infer(study)
    run_infer(study, prompt=json.dumps({"user": "What sign is this?"}))
    assert len(keys(study / "journal.jsonl")) == 74
    monkeypatch.setattr(SLOW, "load", lambda entry: pytest.fail("loaded the model for nothing"))
    assert run_infer(study).equals(first)
    more = json.dumps({**MODEL, "dtype": "float16"})
    with pytest.raises(pytest.fail.Exception):
        run_infer(study, model=more)


def test_several_questions_a_clip(study: Path) -> None:
    pl.DataFrame(
        {
            "video_id": ["v1", "v3", "v1", "v40", "v0", "v1"],
            "question": ["b", "a", "a", "a", "a", "c"],
            "gloss": ["drink", "book", "book", "book", "book", "drink"],
        }
    ).write_parquet(study / "questions.parquet")
    prompt = {"task": "match", "user": "Is it {gloss}?", "variables": ["gloss"]}
    changes = {"questions": study / "questions.parquet", "prompt": json.dumps(prompt)}
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
    with pytest.raises(UserError, match=r"questions\.parquet: lacks the column 'question'"):
        run_infer(study, **changes)


def test_candidates_in_several_orders(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Reads(Slow):
        """An adapter that answers with the first candidate of its list."""

        def answer(self, prepared: list[Request]) -> list[Answer]:
            texts = [request.messages[0]["content"][1]["text"] for request in prepared]
            super().answer(prepared)
            return [Answer(text.removeprefix("One of ").split(",")[0], "stop") for text in texts]

    monkeypatch.setattr(SLOW, "load", lambda entry: Reads())
    prompt = {"user": "One of {candidates}?", "variables": ["candidates"], "orders": 3}
    table = run_infer(study, prompt=json.dumps(prompt))
    names = prompts.questions(prompt)
    assert table.select("video_id", "question").rows() == [
        (f"v{i}", name) for i in range(40) for name in names
    ]
    glosses = [f"g{i}" for i in range(4)]
    for row in table.filter(finish="stop").iter_rows(named=True):
        assert row["text"] == prompts.listed(glosses, row["video_id"], row["question"])[0]
    assert table.filter(video_id="v3")["finish"].to_list() == ["missing"] * 3
    # v7 and v8 look the same, but are asked with lists of their own
    different = {
        (7 if i == 8 else i, prompts.candidates(glosses, f"v{i}", name))
        for i in set(range(40)) - {3, 5}
        for name in names
    }
    assert len(keys(study / "journal.jsonl")) == len(different) > 80


def test_without_a_video_all_clips_are_one_question(study: Path) -> None:
    class Blind(Fake):
        def answer(self, prepared: list[Request]) -> list[Answer]:
            (request,) = prepared
            assert len(request.clip.frames) == 0
            assert [part["type"] for part in request.messages[0]["content"]] == ["text"]
            return [Answer("g1", "stop")]

    blind = ModuleType("blind_adapter")
    blind.identity, blind.pose, blind.load = dict, chat.pose, lambda entry: Blind()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "slow_adapter", blind)
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
    sys.modules["slow_adapter"] = SLOW
    adapters.KINDS["slow"] = "slow_adapter"
    run_infer(folder)


def test_a_shard_without_clips(study: Path) -> None:
    table = run_infer(study, shard=7)
    assert table.height == 0 and table.schema == pl.Schema(infer.SCHEMA)


def test_availability_of_another_split_is_named(study: Path) -> None:
    with pytest.raises(UserError, match=r"availability\.parquet: clip v41 is not in it"):
        run_infer(study, split="train")
