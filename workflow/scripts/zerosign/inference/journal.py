"""An append-only record of answers, so that no request is ever answered twice.

One JSON object per line: ``{"key": digest of all that determines the answer, …, "answer": {…}}``.
One process writes (a lock on the file), many read. Every batch is flushed to the disk before the
next begins, and whatever a crash leaves half-written at the end is cut off by the next writer.
"""

import contextlib
import errno
import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

from zerosign.cli import log
from zerosign.errors import UserError

POLL_S = 1.0


class Recorded(NamedTuple):
    """An answer on its way into a journal."""

    key: str
    about: Mapping[str, str]
    """For a human reader: which clip, which question."""
    answer: Mapping[str, Any]


class Journal:
    """The answers recorded in one file, and the way to add to them. Use as a context manager."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open or make ``path``; waits while another process writes it. `UserError`: damaged."""
        self.path = Path(path)
        self._answers: dict[str, dict[str, Any]] = {}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            self._lock()
            self._size = self._load()
        except BaseException:
            os.close(self._file)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def __contains__(self, key: str) -> bool:
        return key in self._answers

    def __getitem__(self, key: str) -> dict[str, Any]:
        return self._answers[key]

    def all_keys(self) -> list[str]:
        """All that is recorded, in order."""
        return list(self._answers)

    def __len__(self) -> int:
        return len(self._answers)

    def append(self, entries: Sequence[Recorded]) -> None:
        """Record a batch; on return it is on the disk.

        `UserError` when the disk does not take it: the file then ends where it ended before.
        """
        lines = []
        for key, about, answer in entries:
            if key in self._answers:
                raise AssertionError(f"{self.path}: key {key} is answered already")
            line = {"key": key, **about, "answer": dict(answer)}
            lines.append(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n")
        data = "".join(lines).encode()
        try:
            done = 0
            while done < len(data):
                done += os.pwrite(self._file, data[done:], self._size + done)
            os.fsync(self._file)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._size)
            raise UserError(
                f"{self.path}: cannot record answers ({os.strerror(error.errno or errno.EIO)}); "
                "make room and run again: what was answered before this batch is kept"
            ) from None
        self._size += len(data)
        for key, _, answer in entries:
            self._answers[key] = dict(answer)

    def _lock(self) -> None:
        waits = False
        while True:
            try:
                return fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not waits:
                    log.info("%s: another process is writing these answers; waiting", self.path)
                waits = True
                time.sleep(POLL_S)
            except OSError as error:
                return log.info("%s: this file system has no locks (%s)", self.path, error)

    def _load(self) -> int:
        """Read all whole lines; cut off what follows the last one. Size of what is kept."""
        end = 0
        for key, answer, stop in _entries(self._file, self.path):
            self._answers[key] = answer
            end = stop
        size = os.fstat(self._file).st_size
        if size > end:
            log.info("%s: cut off %d bytes of an unfinished line", self.path, size - end)
            os.ftruncate(self._file, end)
            os.fsync(self._file)
        return end


def read(path: Path) -> dict[str, dict[str, Any]]:
    """The answers recorded in a file by key, also while another process adds to it."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return {key: answer for key, answer, _ in _entries(file, path)}
    finally:
        os.close(file)


def _entries(file: int, path: Path) -> Iterator[tuple[str, dict[str, Any], int]]:
    """Key, answer and end of each whole line. `UserError`: one before the last is damaged."""
    bad = 0  # number of the first unreadable line
    for number, (start, line) in enumerate(_lines(file), 1):
        entry = _parse(line)
        if entry is None:
            bad = bad or number
            continue
        if bad:
            raise UserError(f"{path}: line {bad} is damaged; delete that line and run again")
        yield entry["key"], entry["answer"], start + len(line)


def _lines(file: int) -> Iterator[tuple[int, bytes]]:
    """Offset and bytes of each line; the last may have no newline."""
    offset = 0
    with open(file, "rb", closefd=False) as stream:
        for line in stream:
            yield offset, line
            offset += len(line)


def _parse(line: bytes) -> dict[str, Any] | None:
    """A whole line's object; None for a torn or foreign one."""
    if not line.endswith(b"\n"):
        return None
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    if not (isinstance(entry, dict) and isinstance(entry.get("key"), str)):
        return None
    return entry if isinstance(entry.get("answer"), dict) else None
