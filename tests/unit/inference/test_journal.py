import errno
import json
import multiprocessing
import os
import resource
import signal
import time
from pathlib import Path

import pytest

from zerosign.errors import UserError
from zerosign.inference import journal as journal_module
from zerosign.inference.journal import Journal, Recorded

ANSWER = {"text": "Grüße \n", "seconds": 0.5, "error": None}


def entry(key: str) -> Recorded:
    return Recorded(key, {"video_id": f"v{key}"}, {**ANSWER, "text": key})


def filled(path: Path, count: int) -> bytes:
    with Journal(path) as journal:
        for i in range(count):
            journal.append([entry(str(i))])
    return path.read_bytes()


def test_answers_are_there_again(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "j.jsonl"
    with Journal(path) as journal:
        journal.append([Recorded("a", {"video_id": "v"}, ANSWER), entry("b")])
        assert "a" in journal and journal["a"] == ANSWER
    with Journal(path) as journal:
        assert len(journal) == 2 and journal["a"] == ANSWER and "c" not in journal
        journal.append([entry("c")])
    assert [json.loads(line)["key"] for line in path.read_text("utf-8").splitlines()] == [
        "a",
        "b",
        "c",
    ]


def test_no_key_is_answered_twice(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as journal:
        journal.append([entry("a")])
        with pytest.raises(AssertionError):
            journal.append([entry("a")])


def test_a_torn_last_line_is_cut_off_wherever_it_tore(tmp_path: Path) -> None:
    path = tmp_path / "j"
    whole = filled(path, 3)
    second = len(whole[: whole.rindex(b"\n", 0, -1) + 1])
    for length in range(second, len(whole)):
        path.write_bytes(whole[:length])
        with Journal(path) as journal:
            assert len(journal) == 2
            journal.append([entry("2")])
        assert path.read_bytes() == whole


@pytest.mark.parametrize("tail", [b"\0" * 700, b"\0\0\n\0\0\n", b'{"key": 1}\n', b"\xff\xfe\n"])
def test_what_a_lost_node_leaves_at_the_end_is_cut_off(tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / "j"
    whole = filled(path, 2)
    path.write_bytes(whole + tail)
    with Journal(path) as journal:
        assert len(journal) == 2
    assert path.read_bytes() == whole


def test_damage_before_good_lines_is_named_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "j"
    lines = filled(path, 3).splitlines(keepends=True)
    lines[1] = b"#" + lines[1]
    path.write_bytes(b"".join(lines))
    with pytest.raises(UserError, match="j: line 2 is damaged; delete that line"):
        Journal(path)
    assert path.read_bytes() == b"".join(lines)


def test_a_second_writer_waits_and_finds_what_the_first_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "j"
    first = Journal(path)
    caplog.set_level("INFO")

    def end_the_first(seconds: float) -> None:
        first.append([entry("a")])
        first.__exit__()

    monkeypatch.setattr(time, "sleep", end_the_first)
    with Journal(path) as second:
        assert "a" in second
    assert "j: another process is writing these answers; waiting" in caplog.text


def test_readers_wait_for_nobody_and_change_nothing(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with Journal(path) as journal:
        journal.append([entry("a"), entry("b")])
        with open(path, "ab") as torn:
            torn.write(b'{"key": "c", ')
        assert journal_module.read(path).keys() == {"a", "b"}
    assert path.read_bytes().endswith(b'{"key": "c", ')


def _limited(path: Path) -> None:
    """In a process of its own: the file may not grow beyond 1000 bytes."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    with Journal(path) as journal:
        try:
            for i in range(1000):
                journal.append([entry(f"{i:03}a"), entry(f"{i:03}b")])
        except UserError as error:
            Path(f"{path}.error").write_text(str(error))


def test_a_full_disk_is_a_clear_error_and_nothing_is_corrupt(tmp_path: Path) -> None:
    path = tmp_path / "j"
    process = multiprocessing.get_context("fork").Process(target=_limited, args=(path,))
    process.start()
    process.join(30)
    error = Path(f"{path}.error").read_text()
    assert error.startswith(f"{path}: cannot record answers (") and "make room" in error
    assert path.read_bytes().endswith(b"}\n") and len(path.read_bytes()) <= 1000
    with Journal(path) as journal:
        count = len(journal)
        assert count and count % 2 == 0  # whole batches only
        journal.append([entry("more")])
    with Journal(path) as journal:
        assert len(journal) == count + 1


def test_no_space_in_the_middle_of_a_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "j"
    whole = filled(path, 1)
    write = os.pwrite

    def half(file: int, data: bytes, offset: int) -> int:
        if len(data) < 60:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(file, data[: len(data) // 2], offset)

    with Journal(path) as journal:
        monkeypatch.setattr(os, "pwrite", half)
        with pytest.raises(UserError, match="No space left on device"):
            journal.append([entry("x"), entry("y")])
        assert "x" not in journal
        monkeypatch.undo()
        assert path.read_bytes() == whole
        journal.append([entry("x")])
    with Journal(path) as journal:
        assert len(journal) == 2


def _endless(path: Path) -> None:
    with Journal(path) as journal:
        for i in range(len(journal), 1_000_000):
            journal.append([entry(str(i))])


def test_kill_9_loses_no_recorded_answer(tmp_path: Path) -> None:
    path = tmp_path / "j"
    before = 0
    for _ in range(3):
        process = multiprocessing.get_context("fork").Process(target=_endless, args=(path,))
        process.start()
        deadline = time.monotonic() + 30
        while not path.exists() or path.read_bytes().count(b"\n") < before + 20:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        seen = path.read_bytes().count(b"\n")
        with Journal(path) as journal:
            assert len(journal) == seen >= before + 20
            assert all(str(i) in journal for i in range(seen))
        before = seen
