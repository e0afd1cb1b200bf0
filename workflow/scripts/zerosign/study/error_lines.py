"""One line for a mistake in a configuration file: where it is, what is wrong, how to fix it."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from zerosign.entries import COMMIT, HUB_ID, NAME, SHA256
from zerosign.errors import UserError, suggest

T = TypeVar("T")
_LONGEST = 200  # characters of a message that pydantic wrote

_PATTERNS = {
    NAME: "'{value}' is no valid name (lower-case letters, digits, - and _)",
    COMMIT: "'{value}' is not the full id of a commit, 40 hexadecimal digits",
    SHA256: "'{value}' is not a SHA-256, 64 hexadecimal digits",
    HUB_ID: "'{value}' is no hub id, owner/name",
}
_LIMITS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
    "too_short": ("min_length", "at least"),
}
_TYPES = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "an object of keys and values",
    "model_type": "an object of keys and values",
    "model_attributes_type": "an object of keys and values",
    "finite_number": "a finite number",
}


def check(kind: type[T], value: Any, source: str) -> T:
    """``value``, as YAML gave it, as ``kind``.

    `UserError`: ``<source>: <key>: <what is wrong>``.
    """
    try:
        return TypeAdapter(kind).validate_json(as_json(value, source))
    except ValidationError as error:
        raise UserError(f"{source}: {line(error.errors(include_url=False)[0])}") from None


def as_json(value: Any, source: str) -> str:
    """A value of a configuration file as JSON. `UserError` for what JSON has no place for."""
    try:
        _only_json(value, source, "")
        return json.dumps(value)
    except RecursionError:
        raise UserError(f"{source}: nested too deeply, or an anchor contains itself") from None


def _only_json(value: Any, source: str, place: str) -> None:
    lead = f"{source}: {place}: " if place else f"{source}: "
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise UserError(f"{lead}the key {key!r} is not text; write it in quotes")
            _only_json(inner, source, f"{place}.{key}".lstrip("."))
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            _only_json(inner, source, f"{place}[{index}]")
    elif isinstance(value, str):
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise UserError(f"{lead}half a character (a lone surrogate) in {value!r}")
        if "\0" in value:
            raise UserError(f"{lead}a null character in {value!r}; remove it")
    elif isinstance(value, float) and not math.isfinite(value):
        raise UserError(f"{lead}{value!r} is not a finite number")
    elif value is not None and not isinstance(value, bool | int | float):
        raise UserError(f"{lead}{value!s} is a {type(value).__name__}; write it in quotes")


def line(error: ErrorDetails) -> str:
    """One of pydantic's errors in words, after the key that it is about."""
    loc = [part for part in error["loc"] if not str(part).startswith("<")]
    if loc[-1:] == ["[key]"]:
        loc = loc[:-2]
    where = place(loc)
    return f"{where}: {_words(error)}" if where else _words(error)


def place(loc: Sequence[str | int]) -> str:
    """``samplings.u12.frames`` or ``runs[0].model``."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)
    return "".join(parts).lstrip(".")


def _words(error: ErrorDetails) -> str:
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    if kind in ("enum", "literal_error"):
        choices = re.findall(r"'([^']*)'", str(context["expected"])) or [str(context["expected"])]
        return f"'{value}' is none of the choices{suggest(str(value), choices)}"
    if kind == "string_pattern_mismatch" and context["pattern"] in _PATTERNS:
        return _PATTERNS[context["pattern"]].format(value=value)
    if kind == "string_too_short":
        return "is empty"
    if kind in _LIMITS:
        key, words = _LIMITS[kind]
        given = len(value) if kind == "too_short" else value
        return f"{given} is not {words} {context[key]}"
    if kind in _TYPES and value is None:
        return f"nothing is there; it must be {_TYPES[kind]}"
    if kind in _TYPES:
        return f"{value!r} is not {_TYPES[kind]}"[:_LONGEST]
    message = str(context.get("error", error["msg"]))
    return message if len(message) <= _LONGEST or kind == "wrong" else message[:_LONGEST] + "…"
