"""The resolved study on disk: programs read from it what they need, by type.

The Snakefile writes it (`zerosign.study.settings_file`) and names it to every program, so that no
setting travels on a command line. A program reads single parts, so that it depends on these alone.
"""

import json
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter

from zerosign.errors import UserError
from zerosign.files import read_json

T = TypeVar("T")


class StudyFile:
    """A study's settings as JSON; see `zerosign.study.resolved.Study` for its parts."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    @cached_property
    def _parts(self) -> Any:
        return read_json(self.path)

    def raw(self, *keys: str) -> Any:
        """The JSON value under ``keys``, for example ``raw("models", "my-model")``."""
        if not self.has(*keys):
            raise UserError(f"{self.path}: no {'.'.join(keys)} in this study")
        value = self._parts
        for key in keys:
            value = value[key]
        return value

    def has(self, *keys: str) -> bool:
        """Whether there is a value under ``keys``."""
        value = self._parts
        for key in keys:
            if not isinstance(value, dict) or key not in value:
                return False
            value = value[key]
        return True

    def read(self, kind: type[T], *keys: str) -> T:
        """The value under ``keys`` as ``kind``: a type of entry, or a list or dict of these."""
        return TypeAdapter(kind).validate_json(json.dumps(self.raw(*keys)))
