"""The base of all typed settings: strict, no unknown keys, finite numbers only, never changed.

An entry comes from a configuration file as a JSON value and is checked once. Its field names are
the keys that a user writes, its descriptions what an editor shows.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Self, TypeVar

from annotated_types import MinLen
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    Strict,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError, core_schema

from zerosign.errors import suggest


class Entry(BaseModel):
    """Settings under the keys that a user writes."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> Self:
        """The entry of a JSON object. Raises pydantic's `ValidationError`."""
        return cls.model_validate_json(json.dumps(value))

    def as_json(self) -> dict[str, Any]:
        """The JSON object of the entry: what was left out is there with its default."""
        return self.model_dump(mode="json")

    @model_validator(mode="before")
    @classmethod
    def _right_keys(cls, value: Any) -> Any:
        """Say which key is unknown or missing before anything else about the entry."""
        if not isinstance(value, Mapping):
            return value
        known = {field.alias or name: field for name, field in cls.model_fields.items()}
        for key in value:
            if key not in known:
                raise wrong(f"unknown key '{key}'{suggest(str(key), known)}")
        for key, field in known.items():
            if field.is_required() and key not in value:
                raise wrong(f"key '{key}' is missing")
        return value


def wrong(message: str) -> PydanticCustomError:
    """An error to raise within a validator; ``message`` says what is wrong and how to fix it."""
    return PydanticCustomError("wrong", "{message}", {"message": message})


class ByKey:
    """Marks the type of an entry whose kind shows in its key.

    ``Annotated[Folder | Hub, ByKey(folder=Folder, hub=Hub)]``; with ``text``, a text will do too.
    """

    def __init__(self, *, text: bool = False, **kinds: type[Entry]) -> None:
        self.text = text
        self.kinds = kinds

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        choices: dict[Any, core_schema.CoreSchema] = {
            _tag(key): handler.generate_schema(kind) for key, kind in self.kinds.items()
        }
        if self.text:
            choices[_tag("text")] = core_schema.str_schema(min_length=1)
        union = core_schema.tagged_union_schema(choices, discriminator=self._kind)
        return core_schema.no_info_before_validator_function(self._one_kind, union)

    def _one_kind(self, value: Any) -> Any:
        keys = ", ".join(self.kinds)
        if isinstance(value, Mapping):
            given = [key for key in self.kinds if key in value]
            if not given:
                known = {name for kind in self.kinds.values() for name in kind.model_fields}
                if strange := [name for name in value if name not in known]:
                    raise wrong(f"unknown key '{strange[0]}'{suggest(str(strange[0]), known)}")
                raise wrong(f"one of the keys {keys} is missing")
            if len(given) > 1:
                raise wrong(f"has both '{given[0]}' and '{given[1]}'; keep one of them")
        elif not isinstance(value, Entry) and not (self.text and isinstance(value, str)):
            text = "text or " if self.text else ""
            raise wrong(f"{value!r} is not {text}an object with one of the keys {keys}")
        return value

    def _kind(self, value: Any) -> str:
        if isinstance(value, str):
            return _tag("text")
        for key, kind in self.kinds.items():
            if (isinstance(value, Mapping) and key in value) or isinstance(value, kind):
                return _tag(key)
        return _tag("unknown")


class ByValue:
    """Marks the type of an entry whose kind is the value of one of its keys.

    ``Annotated[Uniform | Middle, ByValue("strategy", {"uniform": Uniform, "middle": Middle})]``
    """

    def __init__(self, key: str, kinds: Mapping[str, type[Entry]]) -> None:
        self.key = key
        self.kinds = kinds

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        choices: dict[Any, core_schema.CoreSchema] = {
            _tag(name): handler.generate_schema(kind) for name, kind in self.kinds.items()
        }
        union = core_schema.tagged_union_schema(choices, discriminator=self._kind)
        return core_schema.no_info_before_validator_function(self._known_kind, union)

    def _known_kind(self, value: Any) -> Any:
        if isinstance(value, Entry):
            return value
        if not isinstance(value, Mapping):
            raise wrong(f"{value!r} is not an object of keys and values")
        if self.key not in value:
            raise wrong(f"key '{self.key}' is missing{suggest('', self.kinds)}")
        name = value[self.key]
        if not isinstance(name, str):
            raise wrong(f"{self.key}: {name!r} is not text{suggest('', self.kinds)}")
        if name not in self.kinds:
            raise wrong(f"{self.key}: '{name}' is none of the choices{suggest(name, self.kinds)}")
        others = {key for kind in self.kinds.values() for key in kind.model_fields}
        for key in value:
            if key in others - set(self.kinds[name].model_fields):
                raise wrong(f"{key} has no meaning with {self.key}: {name}; remove it")
        return value

    def _kind(self, value: Any) -> str:
        name = value[self.key] if isinstance(value, Mapping) else getattr(value, self.key)
        return _tag(str(name))


def _tag(name: str) -> str:
    """A name that no key can have: it shows in the places of pydantic's errors."""
    return f"<{name}>"


T = TypeVar("T")
Many = Annotated[tuple[T, ...], Strict(False)]
"""A list of a configuration file; not strict, since it comes as a list and stays a tuple."""


def _each_once(values: tuple[Any, ...]) -> tuple[Any, ...]:
    for value in values:
        if values.count(value) > 1:
            raise wrong(f"duplicate {str(value)!r}")
    return values


Unique = Annotated[tuple[T, ...], Strict(False), AfterValidator(_each_once)]
"""A list in which nothing is a duplicate."""
UniqueSome = Annotated[tuple[T, ...], Strict(False), MinLen(1), AfterValidator(_each_once)]
"""The same, with at least one item."""

NAME = r"^[a-z0-9][a-z0-9_-]*$"
Name = Annotated[str, StringConstraints(pattern=NAME)]
"""Lower-case letters, digits, - and _: it becomes part of file names."""
Text = Annotated[str, StringConstraints(min_length=1)]
HUB_ID = r"^[\w.-]+/[\w.-]+$"
COMMIT = r"^[0-9a-f]{40}$"
Commit = Annotated[str, StringConstraints(pattern=COMMIT)]
"""Full id of a commit in a repository."""
SHA256 = r"^[0-9a-f]{64}$"
Sha256 = Annotated[str, StringConstraints(pattern=SHA256)]
Seed = Annotated[int, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
