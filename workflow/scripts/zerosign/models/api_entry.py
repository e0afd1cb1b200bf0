"""An entry of models.yaml whose model is asked over the network: what every provider takes."""

import datetime
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from zerosign.entries import Count, Entry, Seed, Text, wrong
from zerosign.errors import UserError
from zerosign.models import api_keys
from zerosign.models.model_entry import AnyModelEntry
from zerosign.prompts import candidates, template
from zerosign.prompts.prompt_entry import Prompt
from zerosign.prompts.template import Message

ANSWER = "answer"
"""The only key of a reply in the mode ``choice``."""

KeyVariable = Annotated[str, StringConstraints(pattern=api_keys.KEY_ENV, max_length=64)]
Positive = Annotated[float, Field(gt=0)]
Amount = Annotated[float, Field(ge=0)]


_SAFE = re.compile(r"https://|http://(localhost|127\.\d+\.\d+\.\d+|\[::1\])([:/]|$)")


class ApiMode(StrEnum):
    """How an answer is read from a provider."""

    GENERATE = "generate"
    CHOICE = "choice"
    """The reply is one of the candidates, by the schema of a structured output."""


class ApiDecoding(Entry):
    """How an answer is read from a provider. What is not said is the provider's default."""

    mode: ApiMode = ApiMode.GENERATE
    max_new_tokens: Count
    """Reasoning counts: below 4096, reasoning models answer nothing."""


class Sampled(ApiDecoding):
    """The same, for providers that say how they sample."""

    temperature: Amount | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    seed: Seed | None = None


class ApiFrames(Entry):
    """How a clip's frames are sent; each kind says as what."""

    model_config = ConfigDict(serialize_by_alias=True)

    jpeg_quality: Annotated[int, Field(ge=1, le=100)] = 90
    max_side: Count | None = None
    """Pixels; larger frames are scaled down."""


class Images(ApiFrames):
    """Frames that are sent one by one."""

    shown_as: Literal["images"] = Field(alias="as")
    """``images``: each frame as a JPEG, before the question."""


class Price(Entry):
    """US dollars for a million tokens, on a day."""

    input: Amount
    cached_input: Amount | None = None
    """Of tokens that the provider had kept; as ``input`` unless said."""
    output: Amount
    """Reasoning included."""
    flex: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Share of the price that service_tier: flex costs;"""
    batch: Annotated[float, Field(gt=0, le=1)] = 0.5
    """and a batch."""
    as_of: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    source: Annotated[str, StringConstraints(pattern=r"^https?://")]

    @model_validator(mode="after")
    def _a_day(self) -> Self:
        try:
            datetime.date.fromisoformat(self.as_of)
        except ValueError:
            raise wrong(f"as_of: {self.as_of} is no day") from None
        return self


class ApiEntry(AnyModelEntry):
    """What every API model takes."""

    execution: ClassVar[frozenset[str]] = frozenset(
        {
            "base_url",
            "batch",
            "concurrency",
            "key_env",
            "price",
            "requests_per_minute",
            "service_tier",
            "timeout",
            "tries",
        }
    )

    model: Text
    """The provider's name of the model; take one with a date, which does not change."""
    key_env: KeyVariable | None
    """The environment variable that has the key; null for a server without keys."""
    base_url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s?#@]+$")] | None = None
    """Of another server that speaks the same protocol."""
    frames: ApiFrames
    decoding: ApiDecoding
    extra: dict[str, Any] = Field(default_factory=dict)
    """Further fields of the request."""
    concurrency: Annotated[int, Field(ge=1, le=1024)] = 8
    """Requests at a time."""
    requests_per_minute: Count | None = None
    timeout: Positive = 600
    """Seconds until an attempt is given up."""
    tries: Annotated[int, Field(ge=1, le=20)] = 6
    """Attempts at a request in one job."""
    price: Price | None = None
    batch: bool = False
    """Ask in batches, at about half price, answered within a day."""

    @property
    def loading(self) -> dict[str, Any]:
        """One job asks all models of a server with one key, so that it knows rates and money."""
        return {"adapter": self.adapter, "base_url": self.base_url, "key_env": self.key_env}

    @property
    def load_name(self) -> str:
        """The provider."""
        return self.adapter

    @property
    def keeping(self) -> frozenset[str]:
        """The model, wherever it was asked."""
        return frozenset({"adapter", "model"})

    @property
    def source(self) -> str:
        """The model."""
        return self.model

    @model_validator(mode="before")
    @classmethod
    def _no_keys(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            api_keys.refuse(value)
        return value

    @model_validator(mode="after")
    def _plain_http_at_home(self) -> Self:
        if self.key_env and self.base_url and not _SAFE.match(self.base_url):
            raise wrong(
                "base_url: http would send the key unencrypted; use https, or key_env: null"
            )
        return self


def identity(entry: ApiEntry) -> dict[str, Any]:
    """What determines the answers: the model and how it is asked, not by which code or server."""
    return entry.answering


def pose(
    entry: ApiEntry,
    name: str,
    prompt: Prompt,
    values: Mapping[str, str],
    glosses: Sequence[str],
) -> tuple[list[Message], dict[str, str]]:
    """The prompt's messages, and what to choose from in the mode ``choice``."""
    choice = entry.decoding.mode is ApiMode.CHOICE
    choices = candidates.choices(prompt, glosses) if choice else {}
    return template.render(name, prompt, values), choices


def schema(choices: Iterable[str]) -> dict[str, Any]:
    """The JSON Schema of a reply that names one of the choices."""
    return {
        "type": "object",
        "properties": {ANSWER: {"type": "string", "enum": list(choices)}},
        "required": [ANSWER],
        "additionalProperties": False,
    }


def chosen(text: str, choices: Collection[str]) -> str:
    """The choice that a reply by `schema` names. `UserError`: the server ignored the schema."""
    try:
        found = json.loads(text)[ANSWER]
    except (ValueError, TypeError, KeyError):
        found = None
    if not isinstance(found, str) or found not in choices:
        raise UserError(
            f"the reply {text[:80]!r} is not one of the {len(choices)} choices: the server ignores "
            "the schema; use decoding.mode: generate with a prompt that has {candidates}"
        )
    return found
