"""The model kinds: every file in `zerosign.models.kinds` is one and registers itself.

Checks, schemas and docs read the registry, so that a new kind is one new file. The Snakefile
imports all of them at every start: they import torch and transformers inside functions.
"""

import functools
import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, get_args

from zerosign.code_digest import root_of
from zerosign.entries import ByValue
from zerosign.errors import UserError, unknown
from zerosign.models import kinds as package
from zerosign.models.api import Api
from zerosign.models.api_keys import Key
from zerosign.models.base import Adapter, Concurrent, Embedder
from zerosign.models.model_entry import AnyModelEntry, ModelName
from zerosign.prompts.prompt_entry import Prompt
from zerosign.prompts.template import Message
from zerosign.study_file import StudyFile

Pose = Callable[
    [Any, str, Prompt, Mapping[str, str], Sequence[str]],
    tuple[list[Message], dict[str, str]],
]


def _loads_nothing(entry: AnyModelEntry, like: object = None) -> Adapter:
    raise UserError(f"adapter: {entry.adapter} is asked over the network; nothing can be loaded")


@dataclass(frozen=True)
class ModelKind:
    """A kind of model: what its entries take, what it can do, how it is asked and loaded."""

    summary: str
    """Which models it is for, in one line."""
    entry: type[AnyModelEntry]
    pose: Pose
    """(entry, name of the prompt, prompt, values of its variables, glosses) to messages, and to the
    candidates of a closed answer: label to text."""
    identity: Callable[[Any], dict[str, Any]]
    """From an entry to all that determines its answers; nothing is loaded."""
    without_video: bool
    """Whether it can be asked without a video."""
    generates: bool
    """Whether it answers a prompt; else it compares clips with a text per gloss."""
    load: Callable[..., Adapter | Concurrent] = _loads_nothing
    """From an entry to the model, ready to answer. A second argument is a model that was loaded
    for an entry of equal `AnyModelEntry.loading`: they share their weights."""
    connect: Callable[[Any, Key | None], Api] | None = None
    """From an entry and a key to the provider, for a model that is asked over the network."""
    embedder: Callable[[Any], Embedder] | None = None
    """From the model to what gives embeddings of clips and texts, if it can."""

    @property
    def answering(self) -> list[str]:
        """Roots of the code that makes answers: `zerosign.code_digest`.

        None for a model that is asked over the network: an update would buy all answers again, so
        the request alone decides.
        """
        if self.connect:
            return []
        return [root_of(self.load), root_of(self.pose)]

    @property
    def embedding(self) -> list[str]:
        """Roots of the code that makes embeddings."""
        return [root_of(self.load), root_of(self.embedder)]


@functools.cache
def kinds() -> Mapping[str, ModelKind]:
    """All model kinds by name: the value of an entry's ``adapter``, or of its ``engine``."""
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    return {name: importlib.import_module(f"{package.__name__}.{name}").KIND for name in names}


def kind(name: str) -> ModelKind:
    """The kind of this name: `ModelEntry.kind`. Raises `UserError`."""
    if name not in kinds():
        raise UserError(unknown("adapter", name, adapters()))
    return kinds()[name]


def adapters() -> dict[str, type[AnyModelEntry]]:
    """Types of entries by the value of their ``adapter``; an engine's kind shares another's."""
    types = [each.entry for each in kinds().values()]
    return {get_args(each.model_fields["adapter"].annotation)[0]: each for each in types}


def entry_type() -> Any:
    """The type of an entry of any kind."""
    return Annotated[AnyModelEntry, ByValue("adapter", adapters())]


def entries_type() -> Any:
    """The type of the content of models.yaml."""
    return dict[ModelName, entry_type()]  # type: ignore[misc]


def read(study: StudyFile, name: str) -> AnyModelEntry:
    """The entry of a study's model."""
    entry: AnyModelEntry = study.read(entry_type(), "models", name)
    return entry
