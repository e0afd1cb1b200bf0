"""What a model is asked, what comes back, and what a loaded model can do."""

from collections.abc import Hashable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np

from zerosign.frames.cache import Clip
from zerosign.prompts.template import Message


class ClipError(Exception):
    """This clip cannot be shown to a model: an answer of its own class, not a crash."""


@dataclass(frozen=True)
class Request:
    """One question about one clip."""

    clip: Clip
    messages: list[Message]
    question: str = ""
    candidates: dict[str, str] = field(default_factory=dict)
    """For closed-set answers: what the model chooses from, and the text of each."""


@dataclass(frozen=True)
class Answer:
    """What came back, and what the model effectively saw."""

    text: str
    finish: str
    """stop | length (the token limit) | error; over the network also refused | blocked | empty"""
    error: str | None = None
    """Why there is no answer."""
    reasoning: str | None = None
    """What the model thought before it answered. If it was cut off, ``text`` is empty."""
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
    """how each of them ended,"""
    reasonings: list[str | None] | None = None
    """and what was thought before it."""
    labels: list[str] | None = None
    """Closed set: the candidates, likeliest first."""
    scores: list[float] | None = None
    """Closed set: their log-likelihoods (contrastive models: log-probabilities)."""
    cached_tokens: int | None = None
    """Over the network: of the prompt's tokens, those that the provider had kept;"""
    reasoning_tokens: int | None = None
    """of the answer's tokens, those that nobody sees;"""
    usd: float | None = None
    """what all attempts cost, by the price in the model's entry at that time;"""
    tier: str | None = None
    """the service tier that the provider says it used;"""
    served_model: str | None = None
    """the model that it says answered;"""
    request_id: str | None = None
    """the provider's name for the request;"""
    attempts: int | None = None
    """how often it was sent."""


class Adapter(Protocol):
    """A loaded model. ``prepare`` runs in another thread than ``answer``, one batch ahead."""

    def bucket(self, request: Request) -> Hashable:
        """Requests of equal buckets may share a batch."""
        ...

    def prepare(self, requests: Sequence[Request]) -> Any:
        """Everything the CPU does before the model runs. Raises `ClipError` or ValueError."""
        ...

    def answer(self, prepared: Any) -> list[Answer]:
        """One answer per request, in order. May run out of memory (torch's error)."""
        ...


@runtime_checkable
class Portable(Adapter, Protocol):
    """An adapter that other processes can prepare batches for.

    A prepared batch is then a dataclass with ``inputs`` (name to tensor) and ``requests``.
    """

    def portable(self, request: Request) -> bool:
        """Whether a batch of such requests may be prepared elsewhere."""
        ...

    def recipe(self) -> tuple[Any, ...]:
        """A function, and its arguments, that makes what has the same ``prepare``."""
        ...


@runtime_checkable
class Concurrent(Protocol):
    """A loaded model that takes requests at any time and answers them in any order."""

    window: int
    """How many requests are on their way at a time."""

    def submit(self, request: Request) -> Future[Answer]:
        """The answer to come. `ClipError` or ValueError, then or here: not this clip."""
        ...

    def close(self) -> None:
        """End what answers, and free the devices that it holds."""
        ...


class Embedder(Protocol):
    """Gives embeddings of clips and texts in one space."""

    def embed_clip(self, clip: Clip) -> np.ndarray:
        """float32[D]"""
        ...

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """float32[len(texts), D]"""
        ...
