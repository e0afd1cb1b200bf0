import dataclasses
import json
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import torch
from helpers.fake_model import Fake, make_clip

from zerosign import gpu_memory
from zerosign.errors import UserError
from zerosign.gpu_memory import Use
from zerosign.inference import engine, feed
from zerosign.inference.journal import Journal
from zerosign.inference.run_questions import answer_key
from zerosign.models.base import Answer, Request

MESSAGES = [{"role": "user", "content": [{"type": "video"}, {"type": "text", "text": "Which?"}]}]


def ask(fake: Fake, path: Path, frames: Sequence[int], size: int | None = 4) -> dict[str, Answer]:
    """One clip of each frame count; answers by video id."""
    requests = ((f"v{i}", Request(make_clip(i, n), MESSAGES)) for i, n in enumerate(frames))
    with Journal(path) as journal:
        return dict(engine.answer_all(requests, fake, journal, size))


def keys(path: Path) -> list[str]:
    return [json.loads(line)["key"] for line in path.read_text().splitlines()]


def test_every_request_is_answered_once_in_batches_of_equal_length(tmp_path: Path) -> None:
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
        answers = ask(fake, tmp_path / "j", [4] * 64, size=8)
    assert len(answers) == 64 and len(set(keys(tmp_path / "j"))) == 64
    assert all(len(batch) <= 2 for batch in fake.batches)
    assert caplog.messages[:2] == [f"out of memory: batches of {n} from here on" for n in (4, 2)]
    # Batches that were prepared before the news arrived are split, too, but no smaller.
    assert sum(len(batch) == 1 for batch in fake.batches) == 0


def test_batches_grow_while_memory_has_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The weights, most of the card, are there once; a request takes 100 MB, here room for 45."""
    fake = Fake()

    def used() -> list[Use]:
        batch = len(fake.batches[-1]) if fake.batches else 0
        return [Use(60_000_000_000, 60_000_000_000 + batch * 100_000_000, 76_000_000_000)]

    monkeypatch.setattr(gpu_memory, "used", used)
    ask(fake, tmp_path / "j", [4] * 300, size=None)
    assert len(fake.batches[0]) == 8
    assert max(len(batch) for batch in fake.batches) == 32


def test_a_gpu_that_is_full_decides_for_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    roomy, full = Use(0, 10, 1000), Use(0, 90, 100)
    monkeypatch.setattr(gpu_memory, "used", lambda: [roomy, full])
    fake = Fake()
    ask(fake, tmp_path / "j", [4] * 100, size=None)
    assert max(len(batch) for batch in fake.batches) == 8


def test_batches_stop_growing_when_memory_ran_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_memory, "used", lambda: [Use(0, 1, 1000)])
    fake = Fake(fits=20)
    ask(fake, tmp_path / "j", [4] * 300, size=None)
    assert max(len(batch) for batch in fake.batches) == 16


def test_without_a_gpu_batches_stay(tmp_path: Path) -> None:
    assert torch.cuda.is_available() or gpu_memory.used() == gpu_memory.names() == []
    fake = Fake()
    ask(fake, tmp_path / "j", [4] * 64, size=None)
    assert {len(batch) for batch in fake.batches} == {8}


def test_large_clips_bound_what_is_read_ahead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "WINDOW_BYTES", 100)  # two clips of 48 bytes
    fake = Fake()
    ask(fake, tmp_path / "j", [4] * 30, size=16)
    assert all(len(batch) <= 3 for batch in fake.batches)


@pytest.mark.parametrize(
    "says",
    [
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "CUDA error: out of memory",
    ],
)
def test_libraries_that_run_out_of_memory(tmp_path: Path, says: str) -> None:
    fake = Fake(fits=3, full=RuntimeError(says))
    assert len(ask(fake, tmp_path / "j", [4] * 20)) == 20
    assert max(len(batch) for batch in fake.batches) == 2
    with pytest.raises(RuntimeError, match="illegal address"):
        ask(Fake(fits=3, full=RuntimeError("illegal address")), tmp_path / "k", [4] * 20)


def test_a_clip_that_does_not_fit_at_all_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_memory, "holders", lambda: "process 7 (other) holds 79000 MiB")
    says = "one clip alone does not fit the memory; use fewer .*process 7 .other. holds 79000 MiB"
    with pytest.raises(UserError, match=says):
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
        list(engine.answer_all(broken(), Fake(), journal, 4))
    assert not any(thread.name == "feed" for thread in threading.enumerate())


def test_reading_stays_a_few_batches_ahead(tmp_path: Path) -> None:
    read = 0

    def counted() -> Iterator[tuple[str, Request]]:
        nonlocal read
        for i in range(200):
            read += 1
            yield f"v{i}", Request(make_clip(i), MESSAGES)

    with Journal(tmp_path / "j") as journal:
        stream = engine.answer_all(counted(), Fake(), journal, 2)
        for answered, _ in enumerate(stream, 1):
            assert read <= answered + 2 * (2 * feed.WINDOW + 3)
    assert read == 200


def test_the_key_holds_all_that_determines_an_answer() -> None:
    clip, same = make_clip(1), {"model": {"decoding": {"max_new_tokens": 8}}, "code": "a"}
    request = Request(clip, MESSAGES)
    base = answer_key(request, same)
    assert base == answer_key(Request(make_clip(1), MESSAGES), dict(same))
    other_text = json.loads(json.dumps(MESSAGES).replace("Which?", "What?"))
    others = [
        Request(make_clip(2), MESSAGES),
        Request(dataclasses.replace(clip, fps=30.0), MESSAGES),
        Request(clip, other_text),
        Request(clip, MESSAGES, candidates={"book": "book"}),
    ]
    keys = [answer_key(other, same) for other in others]
    keys.append(answer_key(request, {**same, "model": {}}))
    keys.append(answer_key(request, {**same, "code": "b"}))
    assert len({base, *keys}) == 7
