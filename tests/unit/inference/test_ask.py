"""The programs ask and answers, on files, with a model that answers slowly."""

import multiprocessing
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
import pytest
from helpers.asking import gathered, lines_of, run_ask, study_of
from helpers.fake_model import Fake, make_clip

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
    )


SLOW = kind(lambda entry, like=None: Slow())


def register(made: ModelKind) -> Callable[[], dict[str, ModelKind]]:
    """The registry of kinds with this one alone."""
    return lambda: {"slow": made}


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files of a shard with 40 clips; v3 has no video, v5 no frames, v7 and v8 look the same."""
    monkeypatch.setattr(registry, "kinds", register(SLOW))
    timeline = Timeline(np.arange(6) / 25, 0.24)
    raw = FrameSettings(short_side=None, storage=Storage.RAW)
    with cache.open_decoded_writer(tmp_path / "frames/decoded/0.npz", raw) as writer:
        for i in range(40):
            frames = list(make_clip(7 if i == 8 else i, 6).frames)
            if i == 5:
                writer.fail("v5", "undecodable: broken at frame 0")
            elif i != 3:
                writer.add(f"v{i}", Decoded(frames, np.arange(6), timeline))
    sampling = sampling_of({"strategy": "uniform", "frames": 6})
    cache.write_selection(
        tmp_path / "frames/decoded/0.npz", sampling, tmp_path / "frames/all/0.npz"
    )
    pl.DataFrame(
        {
            "video_id": [f"v{i}" for i in range(42)],
            "gloss": [f"g{i % 4}" for i in range(42)],
            "split": ["test"] * 40 + ["train"] * 2,
            "shard": 0,
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


RUN = "slow.listed.all"


def run_both(
    folder: Path,
    model: dict[str, Any] = MODEL,
    prompt: dict[str, Any] = LISTED,
    sampling: str = "all",
    **parts: Any,
) -> pl.DataFrame:
    """Answers of a study with one run, some of its parts changed."""
    run = ("slow", "listed", sampling)
    study = study_of(folder, {"slow": model}, {"listed": prompt}, [run], **parts)
    run_ask(study, folder)
    return gathered(study, folder, ".".join(run))


def keys(folder: Path) -> list[str]:
    """Keys of the answers in the store, in order."""
    return [line["key"] for line in lines_of(folder / "store")]


def test_every_expected_clip_has_a_row(study: Path) -> None:
    table = run_both(study)
    assert table.schema == pl.Schema(ANSWERS)
    assert table["video_id"].to_list() == [f"v{i}" for i in range(40)]
    rows = {row["video_id"]: row for row in table.iter_rows(named=True)}
    assert rows["v3"]["finish"] == "missing" and rows["v3"]["error"] == "missing: no file v3.mp4"
    assert rows["v5"]["finish"] == "error"
    assert rows["v5"]["error"] == "undecodable: broken at frame 0"
    assert rows["v3"]["text"] == rows["v3"]["key"] == ""
    assert rows["v9"]["text"] == "9" and rows["v9"]["finish"] == "stop"
    assert rows["v7"]["key"] == rows["v8"]["key"] and rows["v8"]["text"] == "7"
    assert len(keys(study)) == 37  # 40 minus v3, v5 and v8


def test_a_prompt_reverted_costs_nothing(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run_both(study)
    run_both(study, prompt={"task": "predict", "user": "What sign is this?"})
    assert len(keys(study)) == 74
    fails = kind(lambda entry, like=None: pytest.fail("loaded the model for nothing"))
    monkeypatch.setattr(registry, "kinds", register(fails))
    assert run_both(study).equals(first)
    with pytest.raises(pytest.fail.Exception):
        run_both(study, model={**MODEL, "dtype": "float16"})


def test_several_questions_a_clip(study: Path) -> None:
    pl.DataFrame(
        {
            "video_id": ["v1", "v3", "v1", "v40", "v0", "v1"],
            "question": ["b", "a", "a", "a", "a", "c"],
            "gloss": ["drink", "book", "book", "book", "book", "drink"],
        }
    ).write_parquet(study / "pairs.parquet")
    prompt = {"task": "match", "user": "Is it {gloss}?", "variables": ["gloss"]}
    table = run_both(study, prompt=prompt)
    assert table.select("video_id", "question", "text", "finish").rows() == [
        ("v0", "a", "0", "stop"),
        ("v1", "b", "1", "stop"),
        ("v1", "a", "1", "stop"),
        ("v1", "c", "1", "stop"),
        ("v3", "a", "", "missing"),
    ]
    asked = [(line["video_id"], line["question"]) for line in lines_of(study / "store")]
    assert asked == [("v0", "a"), ("v1", "b"), ("v1", "a")]  # c asks the same as b
    pl.DataFrame({"video_id": ["v1"]}).write_parquet(study / "pairs.parquet")
    with pytest.raises(UserError, match=r"pairs\.parquet: no column 'question'"):
        run_both(study, prompt=prompt)


def test_candidates_in_several_orders(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Reads(Slow):
        """An adapter that answers with the first candidate of its list."""

        def answer(self, prepared: list[Request]) -> list[Answer]:
            texts = [request.messages[0]["content"][1]["text"] for request in prepared]
            super().answer(prepared)
            return [Answer(text.removeprefix("One of ").split(",")[0], "stop") for text in texts]

    monkeypatch.setattr(registry, "kinds", register(kind(lambda entry, like=None: Reads())))
    prompt = {"task": "predict", "user": "One of {candidates}?", "orders": 3}
    prompt |= {"variables": ["candidates"]}
    table = run_both(study, prompt=prompt)
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
    assert len(keys(study)) == len(different) > 80


def test_without_a_video_all_clips_are_one_question(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Blind(Fake):
        def answer(self, prepared: list[Request]) -> list[Answer]:
            (request,) = prepared
            assert len(request.clip.frames) == 0
            assert [part["type"] for part in request.messages[0]["content"]] == ["text"]
            return [Answer("g1", "stop")]

    monkeypatch.setattr(registry, "kinds", register(kind(lambda entry, like=None: Blind())))
    table = run_both(study, sampling="none")
    rows = dict(table.select("video_id", "text").iter_rows())
    assert len(keys(study)) == 1
    # A clip without a video stays missing, as in all other runs; v5 needs no frames here.
    assert rows.pop("v3") == ""
    assert set(rows.values()) == {"g1"} and len(rows) == 39
    assert table.filter(finish="missing")["video_id"].to_list() == ["v3"]


def test_kill_9_in_the_middle_asks_nothing_twice(study: Path) -> None:
    # Spawned: a forked process inherits polars' threads as locks that nobody will release.
    child = multiprocessing.get_context("spawn").Process(target=infer_elsewhere, args=(study,))
    child.start()
    deadline = time.monotonic() + 60
    while len(keys(study)) < 10:
        assert time.monotonic() < deadline
        time.sleep(0.002)
    child.kill()
    child.join()
    before = keys(study)
    assert 10 <= len(before) < 37 and not (study / "asked.json").exists()
    table = run_both(study)
    assert keys(study)[: len(before)] == before
    assert len(keys(study)) == len(set(keys(study))) == 37
    assert table.filter(finish="stop").height == 38


def infer_elsewhere(folder: Path) -> None:
    registry.kinds = register(SLOW)
    run_both(folder)


def test_shards_without_clips(study: Path) -> None:
    for shard in (1, 2):
        (study / f"frames/all/{shard}.npz").write_bytes((study / "frames/all/0.npz").read_bytes())
    table = run_both(study, shards=3)
    assert table.height == 40
    assert pl.read_parquet(study / f"answers/{RUN}/2.parquet").schema == pl.Schema(ANSWERS)


def test_availability_of_another_split_is_named(study: Path) -> None:
    with pytest.raises(UserError, match=r"availability\.parquet: clip v41 is not in it"):
        run_both(study, dataset={"split": "train"})


def test_a_run_that_breaks_leaves_the_others_answers(
    study: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[str] = []

    class Picky(Fake):
        def prepare(self, requests: Sequence[Request]) -> list[Request]:
            text = requests[0].messages[0]["content"][-1]["text"]
            if "broken" in text:
                raise RuntimeError("the template has no system message\nand more")
            return super().prepare(requests)

        def answer(self, prepared: list[Request]) -> list[Answer]:
            asked.extend(request.clip.video_id for request in prepared)
            return super().answer(prepared)

    monkeypatch.setattr(registry, "kinds", register(kind(lambda entry, like=None: Picky())))
    prompts = {name: {"task": "predict", "user": f"{name}?"} for name in ("a", "broken", "c")}
    runs = [("slow", name, "all") for name in prompts]
    options = study_of(study, {"slow": MODEL}, prompts, runs)
    with pytest.raises(UserError) as raised:
        run_ask(options, study)
    assert str(raised.value) == (
        "slow.broken.all: RuntimeError: the template has no system message. All other answers are "
        "kept: mend it and run again, or go on without it: --config 'leave_out=[slow.broken.all]'"
    )
    assert "slow.broken.all: not finished" in caplog.text
    assert len(asked) == 2 * 37 and not (study / "asked.json").exists()

    options = study_of(
        study, {"slow": MODEL}, prompts, [run for run in runs if "broken" not in run]
    )
    run_ask(options, study)
    assert len(asked) == 2 * 37, "an answer was bought twice"
    for name in ("a", "c"):
        assert gathered(options, study, f"slow.{name}.all").filter(finish="stop").height == 38


def test_two_studies_and_other_shards_find_the_same_answers(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run_both(study).sort("video_id")
    fails = kind(lambda entry, like=None: pytest.fail("loaded the model for nothing"))
    monkeypatch.setattr(registry, "kinds", register(fails))
    clips = pl.read_parquet(study / "clips.parquet")
    other = study / "another study"
    other.mkdir()
    clips.with_columns(shard=pl.int_range(clips.height) % 2).write_parquet(other / "clips.parquet")
    for name in ("availability.parquet", "frames"):
        (other / name).symlink_to(study / name)
    (study / "frames/decoded/1.npz").symlink_to(study / "frames/decoded/0.npz")
    (study / "frames/all/1.npz").symlink_to(study / "frames/all/0.npz")
    run = ("slow", "another-name", "all")
    options = study_of(other, {"slow": MODEL}, {"another-name": LISTED}, [run], shards=2)
    run_ask(options, other, store=study / "store")
    second = gathered(options, other, ".".join(run), store=study / "store").sort("video_id")
    assert second.equals(first)


def test_parts_share_the_work(study: Path) -> None:
    options = study_of(
        study, {"slow": MODEL}, {"listed": LISTED}, [("slow", "listed", "all")], parts=3
    )
    counts = []
    for part in range(3):
        run_ask(options, study, "--part", str(part))
        counts.append(len(keys(study)))
    assert counts[0] < counts[1] < counts[2] == 37
    assert len(list((study / "store").glob("*/answers.*-of-3.jsonl"))) == 3
    assert gathered(options, study, RUN).filter(finish="stop").height == 38
    # Another number of parts finds them all.
    assert run_both(study).filter(finish="stop").height == 38 and len(keys(study)) == 37


def test_entries_that_are_asked_differently_share_a_load(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[Any] = []

    def load(entry: Any, like: Any = None) -> Slow:
        loaded.append(like)
        return Slow()

    monkeypatch.setattr(registry, "kinds", register(kind(load)))
    models = {"slow": MODEL, "longer": MODEL | {"decoding": {"max_new_tokens": 8}}}
    runs = [(name, "listed", "all") for name in models]
    options = study_of(study, models, {"listed": LISTED}, runs)
    run_ask(options, study)
    assert loaded[0] is None and isinstance(loaded[1], Slow) and len(loaded) == 2
    assert len(keys(study)) == len(set(keys(study))) == 2 * 37


def test_a_clip_that_cannot_be_shown_is_an_answer_of_its_own(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picky = kind(lambda entry, like=None: Fake(bad=["v9"]))
    monkeypatch.setattr(registry, "kinds", register(picky))
    table = run_both(study)
    (row,) = table.filter(video_id="v9").rows(named=True)
    assert (row["finish"], row["error"], row["text"]) == ("error", "cannot show v9", "")
    assert len(keys(study)) == 36


def test_a_store_that_lost_answers_is_named(study: Path) -> None:
    run_both(study)
    (path,) = (study / "store").glob("*/answers.jsonl")
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))
    options = study_of(study, {"slow": MODEL}, {"listed": LISTED}, [("slow", "listed", "all")])
    with pytest.raises(UserError, match=r"1 of 37 answers are not in .*store; was it deleted"):
        gathered(options, study, RUN)
