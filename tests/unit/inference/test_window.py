"""Requests in a window: as many on their way as there is room for, answered in any order."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest
from helpers.fake_model import make_clip

from zerosign.errors import UserError
from zerosign.inference import journal, window
from zerosign.inference.journal import Journal
from zerosign.models.base import Answer, ClipError, Request


class Open:
    """A model whose answers the test gives, in its own order."""

    def __init__(self, window: int = 4) -> None:
        self.window = window
        self.asked: list[tuple[Request, Future[Answer]]] = []
        self.changed = threading.Condition()

    def submit(self, request: Request) -> Future[Answer]:
        if request.clip.video_id == "v3":
            raise ClipError("cannot show\nv3")
        future: Future[Answer] = Future()
        with self.changed:
            self.asked.append((request, future))
            self.changed.notify_all()
        return future

    def close(self) -> None:
        """There is nothing to end."""

    def wait_for(self, count: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.asked) >= count, 10)

    def answer(self, number: int) -> None:
        request, future = self.asked[number]
        future.set_result(Answer(request.clip.video_id, "stop"))


def requests(count: int) -> Iterator[tuple[str, Request]]:
    for i in range(count):
        yield f"k{i}", Request(make_clip(i), [])


def test_a_late_answer_holds_up_no_other(tmp_path: Path) -> None:
    model = Open(window=3)
    with Journal(tmp_path / "j") as book:
        stream = window.answer_all(requests(8), model, book)
        threading.Thread(target=answer_all_but_the_first, args=(model,)).start()
        found = [next(stream) for _ in range(7)]
        assert {key for key, _ in found} == {f"k{i}" for i in range(1, 8)}
        assert {a.error for _, a in found if a.finish == "error"} == {"cannot show v3"}
        assert journal.read(tmp_path / "j").keys() == {f"k{i}" for i in (1, 2, 4, 5, 6, 7)}
        model.answer(0)
        assert next(stream) == ("k0", Answer("v0", "stop"))
        assert list(stream) == []
    assert len(journal.read(tmp_path / "j")) == 7


def answer_all_but_the_first(model: Open) -> None:
    for number in range(1, 7):
        model.wait_for(number + 1)
        model.answer(number)


def test_no_more_are_on_their_way_than_there_is_room_for(tmp_path: Path) -> None:
    model = Open(window=2)
    read = []

    def counted() -> Iterator[tuple[str, Request]]:
        for each in requests(3):
            read.append(each[0])
            yield each

    with Journal(tmp_path / "j") as book:
        stream = window.answer_all(counted(), model, book)
        asking = threading.Thread(target=lambda: list(stream))
        asking.start()
        model.wait_for(2)
        assert len(model.asked) == 2
        model.answer(1)
        model.wait_for(3)
        model.answer(0)
        model.answer(2)
        asking.join(10)
    assert read == ["k0", "k1", "k2"] and len(journal.read(tmp_path / "j")) == 3


def test_a_model_that_breaks_leaves_what_it_answered(tmp_path: Path) -> None:
    model = Open()
    with Journal(tmp_path / "j") as book:
        stream = window.answer_all(requests(3), model, book)
        threading.Thread(target=answer_one_and_break, args=(model,)).start()
        assert next(stream)[0] == "k0"
        with pytest.raises(UserError, match="broken"):
            next(stream)
    assert journal.read(tmp_path / "j").keys() == {"k0"}


def answer_one_and_break(model: Open) -> None:
    model.wait_for(3)
    model.answer(0)
    for number in (1, 2):
        model.asked[number][1].set_exception(UserError("broken"))


def test_clips_that_break_off_leave_what_was_asked(tmp_path: Path) -> None:
    model = Open()

    def broken() -> Iterator[tuple[str, Request]]:
        yield from requests(2)
        raise UserError("broken")

    with Journal(tmp_path / "j") as book:
        stream = window.answer_all(broken(), model, book)
        threading.Thread(target=answer_two, args=(model,)).start()
        assert {next(stream)[0], next(stream)[0]} == {"k0", "k1"}
        with pytest.raises(UserError, match="broken"):
            next(stream)
    assert journal.read(tmp_path / "j").keys() == {"k0", "k1"}


def answer_two(model: Open) -> None:
    model.wait_for(2)
    model.answer(1)
    model.answer(0)


def test_all_that_fail_are_an_error(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as book:
        three = [(key, Request(make_clip(3), [])) for key in ("a", "b")]
        with pytest.raises(UserError, match="all 2 requests failed; the first: cannot show v3"):
            list(window.answer_all(three, Open(), book))


def test_nothing_to_ask(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as book:
        assert list(window.answer_all([], Open(), book)) == []


def test_leaving_early_ends_the_thread(tmp_path: Path) -> None:
    model = Open(window=1)
    with Journal(tmp_path / "j") as book:
        stream = window.answer_all(requests(5), model, book)
        threading.Thread(target=lambda: (model.wait_for(1), model.answer(0))).start()
        next(stream)
        stream.close()  # type: ignore[attr-defined]
    assert "window" not in {thread.name for thread in threading.enumerate()}
