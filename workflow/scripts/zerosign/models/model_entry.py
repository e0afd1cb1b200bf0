"""An entry of models.yaml: what every kind of model takes, and every kind that is loaded here."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, GetJsonSchemaHandler, StringConstraints, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

from zerosign.entries import Commit, Count, Entry, Seed, Text, wrong

ModelName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
"""Lower-case letters, digits, ., - and _: it becomes part of file names."""


class Mode(StrEnum):
    """How an answer is read from a model."""

    GENERATE = "generate"
    CLOSED_SET = "closed_set"
    """The likeliest of the candidates, without generating."""


class Decoding(Entry):
    """How an answer is read from a model. Nothing else decides it."""

    mode: Mode = Mode.GENERATE
    max_new_tokens: Count | None = None
    temperature: Annotated[float, Field(ge=0)] = 0
    seed: Seed | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    top_k: Count | None = None
    samples: Count | None = None
    """Answers drawn for each question; they vote."""

    @property
    def closed(self) -> bool:
        """Whether the model chooses from candidates."""
        return self.mode is Mode.CLOSED_SET

    @property
    def draws(self) -> int:
        """Answers to each question."""
        return self.samples or 1

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        fields = type(self).model_fields
        given = {
            key
            for key in self.model_fields_set - {"mode"}
            if getattr(self, key) is not None and getattr(self, key) != fields[key].default
        }
        if self.closed:
            if given:
                raise ValueError(f"{min(given)} has no meaning with mode: closed_set; remove it")
            return self
        if self.max_new_tokens is None:
            raise ValueError("key 'max_new_tokens' is missing; a gloss needs about 16")
        if self.temperature > 0 and self.seed is None:
            raise ValueError(f"temperature {self.temperature} needs a seed to be repeatable")
        if self.temperature == 0:
            for key in ("top_p", "top_k", "seed", "samples"):
                if key in given:
                    raise ValueError(
                        f"{key} has no meaning without a temperature above 0; remove it"
                    )
        return self


class AnyModelEntry(Entry):
    """What every kind of model has, loaded here or asked over the network."""

    execution: ClassVar[frozenset[str]] = frozenset()
    """Keys that say how to run or ask a model; its answers don't depend on them."""

    adapter: str
    """The kind of model."""

    @property
    def kind(self) -> str:
        """Name of the kind that answers."""
        return self.adapter

    @property
    def kind_key(self) -> str:
        """The key that names the kind."""
        return "adapter" if self.kind == self.adapter else "engine"

    @property
    def answering(self) -> dict[str, Any]:
        """The keys that the model's answers depend on, without those that say how to run it."""
        return self.model_dump(mode="json", exclude_none=True, exclude=set(self.execution))

    @property
    def loading(self) -> dict[str, Any]:
        """What models have in common that one job asks."""
        raise NotImplementedError

    @property
    def load_name(self) -> str:
        """What such a job is named after, fit for a file's name."""
        raise NotImplementedError

    @property
    def keeping(self) -> frozenset[str]:
        """The keys that answers in one folder of the store have in common."""
        raise NotImplementedError

    @property
    def source(self) -> str:
        """Which model it is: what tables show."""
        raise NotImplementedError

    @property
    def short_name(self) -> str:
        """The last name of the model, fit for a file's name."""
        return re.sub(r"[^A-Za-z0-9._-]", "-", self.source.rstrip("/").split("/")[-1])[:64]


class ModelEntry(AnyModelEntry):
    """What every kind of model takes that is loaded here, but for its `meaningless` keys."""

    meaningless: ClassVar[frozenset[str]] = frozenset()
    """Keys that this kind of model does not take."""
    engines: ClassVar[frozenset[str]] = frozenset({"transformers"})
    """What can run this kind of model."""
    execution: ClassVar[frozenset[str]] = frozenset({"batch_size", "device_map", "gpus"})
    """Keys that say how to run a model; its answers don't depend on them."""

    asking: ClassVar[frozenset[str]] = frozenset(
        {"batch_size", "decoding", "frames_as", "processor", "system_role", "template"}
    )
    """Keys that say how a loaded model is asked; entries that differ in these alone share it."""

    engine: Literal["transformers", "vllm"] = "transformers"
    """What runs the model."""
    checkpoint: Text
    """Hub id (owner/name) or a folder (./x, /x, a/b/c)."""
    revision: Commit | None = None
    """Of a hub checkpoint."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    attn: Literal["sdpa", "eager", "flash_attention_2"] | None = None
    quantization: Literal["4bit", "8bit"] | None = None
    device_map: Literal["auto"] | None = None
    """For a model larger than one GPU."""
    gpus: Count = 1
    batch_size: Count | None = None
    trust_remote_code: bool = False
    """Run code that the checkpoint brings."""
    code_revisions: dict[str, Commit] = Field(default_factory=dict)
    """Commits of other repositories that the checkpoint's code loads code from."""
    system_role: Literal["system", "user"] | None = None
    """``user`` puts the system text before the question."""
    frames_as: Literal["video", "images"] | None = None
    """``images`` sends each frame as an image."""
    template: dict[str, bool | int | str] = Field(default_factory=dict)
    """Variables of the checkpoint's own chat template: ``{enable_thinking: false}``."""
    processor: dict[str, Any] = Field(default_factory=dict)
    """Settings of the family's own processor."""
    decoding: Decoding | None = None
    """How an answer is read."""

    @property
    def kind(self) -> str:
        """Name of the kind that answers: an engine other than transformers has one of its own."""
        return self.adapter if self.engine == "transformers" else self.engine

    @property
    def loading(self) -> dict[str, Any]:
        """The keys that say what is loaded, and where to."""
        return self.model_dump(mode="json", exclude_none=True, exclude=set(self.asking))

    @property
    def load_name(self) -> str:
        """The checkpoint's."""
        return self.short_name

    @property
    def keeping(self) -> frozenset[str]:
        """What is loaded, wherever to."""
        return frozenset(self.loading) - self.execution

    @property
    def source(self) -> str:
        """The checkpoint."""
        return self.checkpoint

    @property
    def as_images(self) -> bool:
        """Whether each frame is sent as an image."""
        return self.frames_as == "images"

    @model_validator(mode="before")
    @classmethod
    def _meaningful_keys(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            for key in sorted(cls.meaningless):
                if value.get(key):
                    adapter = value.get("adapter")
                    raise wrong(f"{key} has no meaning with adapter: {adapter}; remove it")
        return value

    @model_validator(mode="after")
    def _runs(self) -> Self:
        if self.engine not in self.engines:
            raise wrong(f"engine: {self.engine} does not run adapter: {self.adapter}; remove it")
        return self

    @model_validator(mode="after")
    def _trusted_code(self) -> Self:
        if self.code_revisions and not self.trust_remote_code:
            raise wrong("code_revisions has no meaning without trust_remote_code: true; remove it")
        return self

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        made = handler.resolve_ref_schema(handler(schema))
        for key in cls.meaningless:
            made["properties"].pop(key, None)
        return made


class GeneratingEntry(ModelEntry):
    """What a kind of model takes that answers a prompt."""

    decoding: Decoding
    """How an answer is read."""

    @model_validator(mode="after")
    def _scores_candidates(self) -> Self:
        if self.decoding.closed and self.attn == "flash_attention_2":
            raise wrong("decoding.mode: closed_set needs attn: sdpa or eager")
        return self
