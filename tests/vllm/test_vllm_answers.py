"""vLLM itself, on the CPU, with a tiny model: its answers next to those of transformers.

`make test-vllm` installs it, in an environment of its own.
"""

import contextlib
import dataclasses
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from helpers import tiny_families
from helpers.asking import gathered, lines_of, run_ask, study_of
from helpers.vllm_environment import REAL

from zerosign.frames import cache
from zerosign.frames.frame_settings import FrameSettings, Storage
from zerosign.frames.sampling import sampling_of
from zerosign.models import registry, vllm_process
from zerosign.models.base import Answer, Request
from zerosign.models.kinds import chat
from zerosign.prompts import template
from zerosign.prompts.prompt_entry import Prompt, Task
from zerosign.videos.timeline import Decoded, Timeline

pytestmark = [
    pytest.mark.skipif(not REAL, reason=f"no {vllm_process.PYTHON}; make test-vllm has one"),
    pytest.mark.slow,
]

FAMILY = "qwen2_5_vl_for_vllm"
Pair = tuple[chat.Chat, Any]


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    """The same model in transformers and in vLLM; texts of answers are their token ids."""
    with made(FAMILY) as models:
        yield models


@contextlib.contextmanager
def made(family: str) -> Iterator[Pair]:
    """A family's tiny model in both."""
    place = tiny_families.folder(family)
    read = chat.Chat.read_answer

    def ids(self: chat.Chat, tokens: list[int], prompt: str) -> dict[str, Any]:
        found = read(self, tokens, prompt)
        return found | {"text": str(tokens[: found["answer_tokens"]])}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chat.Chat, "read_answer", ids)
        model = tiny_families.load(tiny_families.make_entry(place, engine="vllm"))
        try:
            yield tiny_families.load(tiny_families.make_entry(place)), model
        finally:
            model.close()


def entry(**more: Any) -> Any:
    return tiny_families.make_entry(tiny_families.folder(FAMILY), **{"engine": "vllm"} | more)


def ask(clip: Any, user: str = "Which sign is this?", name: str = "") -> Request:
    prompt = Prompt(task=Task.PREDICT, system="You know signs.", user=user)
    return Request(clip, template.render("p", prompt, {}), name)


def alone(model: chat.Chat, requests: list[Request]) -> list[Answer]:
    return [model.answer(model.prepare([request]))[0] for request in requests]


def together(model: Any, requests: list[Request]) -> list[Answer]:
    futures = [model.submit(request) for request in requests]
    return [future.result(120) for future in futures]


def same(found: list[Answer], expected: list[Answer]) -> list[bool]:
    """Whether token ids, and all that was seen, are equal."""
    one, other = (
        [dataclasses.replace(answer, seconds=None) for answer in answers]
        for answers in (found, expected)
    )
    return [a == b for a, b in zip(one, other, strict=True)]


def clips(count: int = 32) -> list[Any]:
    return [
        tiny_families.make_clip(i, 4 + 2 * (i % 3), fps=12.5 * (1 + i % 2)) for i in range(count)
    ]


def test_32_clips_are_answered_by_the_same_tokens(pair: Pair) -> None:
    asked = [ask(clip) for clip in clips()]
    expected = alone(pair[0], asked)
    assert len({answer.text for answer in expected}) > 10
    assert all(same(together(pair[1], asked), expected))


def test_a_video_is_normalised_as_its_own_processor_says() -> None:
    """Of this family's, the image processor has another mean."""
    with made("qwen3_vl_for_vllm") as (transformers, model):
        asked = [ask(clip) for clip in clips()]
        assert all(same(together(model, asked), alone(transformers, asked)))


def test_50_questions_about_a_clip_are_answered_by_the_same_tokens(pair: Pair) -> None:
    asked = [ask(clips()[3], f"Is it sign number {i}?", f"q{i}") for i in range(50)]
    expected = alone(pair[0], asked)
    assert len({answer.text for answer in expected}) > 5
    assert all(same(together(pair[1], asked), expected))


def test_equal_pixels_at_other_times_are_another_video(pair: Pair) -> None:
    quick = [tiny_families.make_clip(seed, 8, fps=50.0) for seed in range(8)]
    slow = [
        dataclasses.replace(
            clip,
            timestamps=clip.timestamps * 20,
            fps=clip.fps / 20,
            duration=clip.duration * 20,
            digest=f"slow {clip.digest}",
        )
        for clip in quick
    ]
    asked = [ask(clip) for both in zip(quick, slow, strict=True) for clip in both]
    expected = alone(pair[0], asked)
    assert [a.text for a in expected[::2]] != [a.text for a in expected[1::2]]
    assert all(same(together(pair[1], asked), expected))


def test_frames_as_images_and_no_frames(pair: Pair) -> None:
    with_images = registry.kind("vllm").load(entry(frames_as="images"), pair[1])
    images = tiny_families.load(entry(engine="transformers", frames_as="images"))
    asked = [ask(clip) for clip in clips(4)]
    assert all(same(together(with_images, asked), alone(images, asked)))
    nothing = tiny_families.make_clip(0, frames=0, size=(0, 0))
    unseen = [Request(nothing, template.without_video(asked[0].messages))]
    assert all(same(together(pair[1], unseen), alone(pair[0], unseen)))


def test_samples_depend_on_nothing_but_what_is_asked(pair: Pair) -> None:
    drawn = {"max_new_tokens": 8, "temperature": 1.0, "seed": 1, "samples": 3, "top_k": 50}
    model = registry.kind("vllm").load(entry(decoding=drawn), pair[1])
    asked = [ask(clip) for clip in clips(6)]
    first = together(model, asked)
    assert len({text for answer in first for text in answer.samples or []}) > 10
    assert all(same(together(model, asked[::-1])[::-1], first))
    assert all(same(together(model, asked[:1]), first[:1]))


RUNS = [("engine", "gloss", "all"), ("engine", "match", "all")]
PROMPTS = {
    "gloss": {"task": "predict", "user": "Which sign?"},
    "match": {"task": "predict", "user": "Is it one of {candidates}?", "variables": ["candidates"]},
}
COUNT = 24


def study(folder: Path, engine: str, runs: list[tuple[str, str, str]] = RUNS) -> list[str]:
    """A study of one shard, whose one model is asked one clip at a time."""
    value = entry(engine=engine, batch_size=1, decoding={"max_new_tokens": 32}).as_json()
    model = {key: part for key, part in value.items() if part is not None}
    return study_of(folder, {"engine": model}, PROMPTS, runs)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    decoded = tmp_path / "frames/decoded/0.npz"
    raw = FrameSettings(short_side=None, storage=Storage.RAW)
    timeline = Timeline(np.arange(4) / 25, 0.16)
    with cache.open_decoded_writer(decoded, raw) as writer:
        for i in range(COUNT):
            writer.add(f"v{i}", Decoded(list(clips()[i % 32].frames[:4]), np.arange(4), timeline))
    sampling = sampling_of({"strategy": "uniform", "frames": 4})
    cache.write_selection(decoded, sampling, tmp_path / "frames/all/0.npz")
    names = [f"v{i}" for i in range(COUNT)]
    clip = {"video_id": names, "gloss": "book", "split": "test", "shard": 0}
    pl.DataFrame(clip).write_parquet(tmp_path / "clips.parquet")
    there = {
        "video_id": names,
        "status": "ok",
        "detail": pl.Series([None] * COUNT, dtype=pl.String),
    }
    pl.DataFrame(there).write_parquet(tmp_path / "availability.parquet")
    return tmp_path


def test_killed_in_the_middle_it_asks_nothing_twice(files: Path) -> None:
    child = multiprocessing.get_context("spawn").Process(target=ask_elsewhere, args=(files,))
    child.start()
    deadline = time.monotonic() + 600
    while len(lines_of(files / "store")) < 5:
        assert child.is_alive() and time.monotonic() < deadline
        time.sleep(0.01)
    workers = children(child.pid or 0)
    os.kill(child.pid or 0, signal.SIGKILL)
    child.join()
    before = [line["key"] for line in lines_of(files / "store")]
    assert workers and 5 <= len(before) < 2 * COUNT
    while any(Path(f"/proc/{worker}").exists() for worker in workers):
        assert time.monotonic() < deadline
        time.sleep(0.05)

    run_ask(study(files, "vllm"), files)
    keys = [line["key"] for line in lines_of(files / "store")]
    assert keys[: len(before)] == before and len(keys) == len(set(keys)) == 2 * COUNT
    found = [gathered(study(files, "vllm"), files, ".".join(run)) for run in RUNS]

    run_ask(study(files, "transformers"), files, store=files / "other")
    for run, table in zip(RUNS, found, strict=True):
        other = gathered(study(files, "transformers"), files, ".".join(run), store=files / "other")
        apart = ["seconds", "key"]
        assert table.drop(apart).equals(other.drop(apart))
        assert set(table["key"]).isdisjoint(other["key"])


def ask_elsewhere(folder: Path) -> None:
    run_ask(study(folder, "vllm"), folder)


def children(parent: int) -> list[int]:
    """Processes that this one started, and those that they started."""
    tasks = Path(f"/proc/{parent}/task").glob("*/children")
    mine = [int(word) for path in tasks for word in path.read_text().split()]
    return [each for child in mine for each in (child, *children(child))]
