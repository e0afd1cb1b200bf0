"""Files: atomic writes, digests, JSON and Parquet."""

import contextlib
import hashlib
import json
import os
import platform
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zerosign.errors import UserError

_BLOCK = 1 << 20
_DAY_S = 86400
_HOST = re.sub(r"[^A-Za-z0-9-]", "-", platform.node()) or "host"


@contextlib.contextmanager
def write_atomic(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path next to ``path``; rename it to ``path`` if the block succeeds.

    A reader sees the old file or the whole new one, never a part. The suffix stays, since some
    writers choose their format by it. Parent folders are made. What killed writers of the same
    file left behind is removed.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove_left_over(target)
    temporary = target.with_name(f".{target.stem}.{_HOST}.{os.getpid()}{target.suffix}")
    try:
        yield temporary
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def _remove_left_over(target: Path) -> None:
    """Remove temporary files of ``target`` whose writers are no more.

    Of another machine's process nothing is known: its files must be a day old.
    """
    name = re.compile(
        rf"\.{re.escape(target.stem)}\.([\w-]+)\.(\d+){re.escape(target.suffix)}", re.ASCII
    )
    with os.scandir(target.parent) as entries:
        found = [(Path(entry), name.fullmatch(entry.name)) for entry in entries]
    for path, match in found:
        if match:
            with contextlib.suppress(OSError):
                is_old = time.time() - path.stat().st_mtime > _DAY_S
                if is_old if match[1] != _HOST else not _is_alive(int(match[2])):
                    path.unlink()


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def sha256_file(path: str | os.PathLike[str]) -> str:
    """Hex SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def digest(value: Any) -> str:
    """Hex SHA-256 of a JSON value in canonical form (sorted keys, no spaces)."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def read_json(path: str | os.PathLike[str]) -> Any:
    """Parse a JSON file; a missing or broken one is a `UserError` that names it."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not valid JSON ({error}); is the file truncated?") from None


def write_json(value: Any, path: str | os.PathLike[str]) -> None:
    """Write indented JSON atomically."""
    with write_atomic(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", "utf-8")


def write_parquet(frame: Any, path: str | os.PathLike[str]) -> None:
    """Write a polars frame to Parquet atomically."""
    with write_atomic(path) as temporary:
        frame.write_parquet(temporary)
