"""Keys of providers: from the environment alone, and in nothing that a run writes."""

import os
import re
from collections.abc import Mapping
from typing import Any

from zerosign.entries import wrong
from zerosign.errors import UserError

KEY_ENV = r"^[A-Z][A-Z0-9_]*$"
_KNOWN = re.compile(
    r"(?:^|[^A-Za-z0-9])(?:sk-(?!$)[\w-]{8,}|AIza[\w-]{10,}|ya29\.|gsk_\w{8,}|hf_\w{8,}|xai-\w{8,}"
    r"|AKIA[0-9A-Z]{12,}|AQ\.[\w-]{10,}|ghp_\w{8,}|Bearer\s)"
)
_LONG = re.compile(r"(?=.*[0-9])(?=.*[a-z])(?=.*[A-Z])[\w-]{32,}")


class Key:
    """A secret: it shows in no repr, and so in no log and no traceback with locals."""

    __slots__ = ("__reveal",)

    def __init__(self, value: str) -> None:
        self.__reveal = lambda: value

    def reveal(self) -> str:
        """The key itself, for the provider's client alone."""
        return self.__reveal()

    def redact(self, text: str) -> str:
        """``text`` without the key, which servers like to repeat."""
        return text.replace(self.reveal(), "[key]")


def read(variable: str | None) -> Key | None:
    """The key in an environment variable; None for a server that wants none. `UserError`."""
    if variable is None:
        return None
    value = os.environ.get(variable, "").strip()
    if not value:
        raise UserError(f"no key: set the environment variable {variable}")
    return Key(value)


def is_set(variable: str | None) -> bool:
    """Whether a model can be asked: its key is in the environment, or it needs none."""
    return variable is None or bool(os.environ.get(variable, "").strip())


def looks_like_one(text: str) -> bool:
    """Whether a text of a configuration file could be a key."""
    return bool(_KNOWN.search(text) or _LONG.fullmatch(text))


def refuse(value: Any, place: str = "") -> None:
    """Raise the error of a validator where something in an entry looks like a key.

    The message does not repeat it.
    """
    if isinstance(value, Mapping):
        for key, inner in value.items():
            refuse(str(key), place)
            refuse(inner, f"{place}.{key}".lstrip("."))
    elif isinstance(value, list | tuple):
        for inner in value:
            refuse(inner, place)
    elif isinstance(value, str) and looks_like_one(value):
        raise wrong(
            f"{place or 'an entry'}: this looks like a key; put it in an environment variable, and "
            "the variable's name under key_env. If it is a real key, revoke it: files are copied"
        )
