"""Keys come from the environment and show nowhere."""

import traceback
from typing import Any

import pytest

from zerosign.errors import UserError
from zerosign.models import api_keys, registry
from zerosign.models.api_keys import Key
from zerosign.study import error_lines

ENTRY: dict[str, Any] = {
    "adapter": "openai",
    "model": "gpt-5-2025-08-07",
    "frames": {"as": "images"},
    "decoding": {"max_new_tokens": 16},
}
KEYS = [
    "sk-proj-abcdefgh12345678",
    "sk-ant-api03-abcdefgh",
    "AIzaSyA1234567890abcdefgh",
    "AKIAIOSFODNN7EXAMPLE",
    "hf_abcdefghijklmnop",
    "Bearer abc",
    "aB3" * 12,
]


def checked(entry: dict[str, Any]) -> Any:
    return error_lines.check(registry.entries_type(), {"m": entry}, "models.yaml")["m"]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    "place", [["key_env"], ["model"], ["base_url"], ["extra", "headers", "authorization"]]
)
def test_an_entry_with_what_looks_like_a_key_is_refused(key: str, place: list[str]) -> None:
    entry = dict(ENTRY)
    value: Any = f"https://example.org/{key}" if place == ["base_url"] else key
    if place == ["base_url"] and key == "aB3" * 12:
        value = key
    for name in reversed(place[1:]):
        value = {name: value}
    entry[place[0]] = value
    with pytest.raises(UserError, match=r"looks like a key; put it in an environment") as raised:
        checked(entry)
    assert key not in str(raised.value)


def test_plain_values_are_no_keys() -> None:
    for text in ("gpt-5-2025-08-07", "https://github.com/pydantic/genai-prices", "sk-", "task-1"):
        assert not api_keys.looks_like_one(text)
    for value in ("openai_key", "a b", "1KEY", "X" * 65):
        with pytest.raises(UserError, match=r"m\.key_env: "):
            checked(ENTRY | {"key_env": value})


def test_a_key_shows_in_no_traceback_with_locals() -> None:
    key = Key("sk-secret-0123456789")
    assert "secret" not in repr(key) + str(key) + repr([key])
    assert key.redact("no sk-secret-0123456789 here") == "no [key] here"
    try:
        local = key  # noqa: F841
        raise RuntimeError("broken")
    except RuntimeError as error:
        shown = traceback.TracebackException.from_exception(error, capture_locals=True).format()
    assert "secret" not in "".join(shown)


def test_a_key_is_read_from_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    assert api_keys.read(None) is None and api_keys.is_set(None)
    monkeypatch.setenv("A_KEY", " value\n")
    found = api_keys.read("A_KEY")
    assert found and found.reveal() == "value" and api_keys.is_set("A_KEY")
    monkeypatch.setenv("A_KEY", " ")
    assert not api_keys.is_set("A_KEY")
    with pytest.raises(UserError, match="no key: set the environment variable A_KEY"):
        api_keys.read("A_KEY")
