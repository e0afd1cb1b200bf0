"""Adapters: one a kind of interface to models. A model is an entry in models.yaml.

A module here offers

- ``pose(entry, name, prompt, values, glosses) -> (messages, candidates)``: what a prompt becomes
  for this kind of model; ``values`` stand in place of the prompt's variables;
- ``identity(entry) -> dict``: everything about the model that determines its answers (cheap:
  nothing is loaded), so that the journal knows what was answered already;
- ``load(entry) -> Adapter``: the model, ready to answer.
"""

import importlib
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from zerosign.errors import UserError
from zerosign.framecache import Clip
from zerosign.prompts import Message

KINDS = {
    "chat": "zerosign.adapters.chat",
    "omni": "zerosign.adapters.omni",
    "bagel": "zerosign.adapters.bagel",
    "nemotron": "zerosign.adapters.nemotron",
    "contrastive": "zerosign.adapters.contrastive",
}
"""Value of an entry's ``adapter`` key → module."""

WITHOUT_VIDEO = frozenset({"bagel", "chat", "nemotron", "omni"})
"""Adapters that can be asked without a video: their messages then have no place for frames."""

EXECUTION_KEYS = frozenset({"batch_size", "device_map", "gpus"})
"""Keys that say how to run a model; they don't change what it answers."""


class ClipError(Exception):
    """A model cannot be asked about this clip: an answer of its own class, not a crash."""


@dataclass(frozen=True)
class Request:
    """One question about one clip."""

    clip: Clip
    messages: list[Message]
    question: str = ""
    candidates: dict[str, str] = field(default_factory=dict)
    """For closed-set answers: what the model chooses from, and the text that stands for each."""


@dataclass(frozen=True)
class Answer:
    """What came back, and what the model effectively saw."""

    text: str
    finish: str
    """stop | length | error"""
    error: str | None = None
    prompt_tokens: int | None = None
    visual_tokens: int | None = None
    answer_tokens: int | None = None
    frames: int | None = None
    pixels_height: int | None = None
    pixels_width: int | None = None
    timestamps: list[float] | None = None
    seconds: float | None = None
    samples: list[str] | None = None
    """All samples that ``text`` was voted from,"""
    finishes: list[str] | None = None
    """and how each of them ended."""
    labels: list[str] | None = None
    """Closed set: the candidates, likeliest first."""
    scores: list[float] | None = None
    """Closed set: their log-likelihoods (contrastive models: log-probabilities)."""


class Adapter(Protocol):
    """A loaded model. ``prepare`` runs in another thread than ``answer``, one batch ahead."""

    def bucket(self, request: Request) -> Hashable:
        """Requests of equal buckets may share a batch."""
        ...

    def prepare(self, requests: Sequence[Request]) -> Any:
        """Everything the CPU does before the model runs. Raises `ClipError` or ValueError."""
        ...

    def answer(self, prepared: Any) -> list[Answer]:
        """Run the model: one answer a request, in order. May run out of memory (torch's error)."""
        ...


def module(entry: Mapping[str, Any]) -> Any:
    """The adapter module of a model entry."""
    kind = entry.get("adapter")
    if kind not in KINDS:
        raise UserError(f"model: unknown adapter {kind!r}; use one of {sorted(KINDS)}")
    return importlib.import_module(KINDS[kind])
