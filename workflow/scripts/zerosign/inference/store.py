"""The store: all answers that models ever gave, found again by whatever study asks the same.

A folder per checkpoint, as it is loaded. In it a journal per part of the work, which one process
writes and all read, and one for embeddings.
"""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zerosign import files
from zerosign.inference import journal
from zerosign.models import registry
from zerosign.models.model_entry import AnyModelEntry

ANSWERS, EMBEDDINGS = "answers", "embeddings"
SPENT = "spent"
"""What attempts in vain have cost."""
BATCHES = "batches"
"""What was sent to a provider in batches."""


@dataclass(frozen=True)
class Part:
    """A share of the work on a checkpoint, for those who have GPUs to share it."""

    number: int = 0
    count: int = 1

    def has(self, digest: str) -> bool:
        """Whether a clip, and with it all questions about it, is in this part."""
        return int(files.digest(digest)[:8], 16) % self.count == self.number

    def journal(self, folder: Path, what: str) -> Path:
        """Where the part's answers are recorded; ``what``: `ANSWERS` or `EMBEDDINGS`."""
        name = what if self.count == 1 else f"{what}.{self.number}-of-{self.count}"
        return folder / f"{name}.jsonl"


def folder_of(store: Path, entry: AnyModelEntry) -> Path:
    """Where the answers of a model are: by its weights, wherever these are."""
    identity = registry.kind(entry.kind).identity(entry)
    kept = {key: identity.get(key) for key in entry.keeping}
    return store / f"{entry.short_name}-{files.digest(kept)[:8]}"


def read(folder: Path, what: str, keys: Collection[str]) -> dict[str, dict[str, Any]]:
    """Those of the keys that were answered, in whichever part."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.glob(f"{what}.*jsonl")):
        answers = journal.read(path)
        found |= {key: answers[key] for key in keys if key in answers}
    return found
