"""An append-only record of answers, so that no request is ever answered twice.

One JSON object per line: ``{"key": digest of all that determines the answer, …, "answer": {…}}``.
One process writes (a lock on the file), every batch is flushed to the disk before the next begins,
and whatever a crash leaves half-written at the end is cut off when the file is opened again.
"""

import contextlib
import errno
import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from zerosign.cli import log
from zerosign.errors import UserError


class Journal:
    """The answers recorded in one file, and the way to add to them. Use as a context manager."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open or make ``path``. `UserError`: another process writes it, or it is damaged."""
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

    def __len__(self) -> int:
        return len(self._answers)

    def append(self, entries: Sequence[tuple[str, Mapping[str, Any], Mapping[str, Any]]]) -> None:
        """Record ``(key, about, answer)`` of a batch; on return they are on the disk.

        ``about`` is for a human reader (which clip, which question). `UserError` when the disk
        does not take it: the file then ends where it ended before.
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
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"{self.path}: another process is writing these answers; wait for it or end it"
            ) from None
        except OSError as error:
            log.info("%s: this file system has no locks (%s)", self.path, error)

    def _load(self) -> int:
        """Read all whole lines; cut off what follows the last one. Size of what is kept."""
        bad: tuple[int, int] | None = None  # where the first unreadable line begins, its number
        end = 0
        for number, (start, line) in enumerate(_lines(self._file), 1):
            entry = _parse(line)
            if entry is None:
                bad = bad or (start, number)
                continue
            if bad:
                raise UserError(
                    f"{self.path}: line {bad[1]} is damaged; delete that line and run again"
                )
            self._answers[entry["key"]] = entry["answer"]
            end = start + len(line)
        size = os.fstat(self._file).st_size
        if size > end:
            log.info("%s: cut off %d bytes of an unfinished line", self.path, size - end)
            os.ftruncate(self._file, end)
            os.fsync(self._file)
        return end


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
