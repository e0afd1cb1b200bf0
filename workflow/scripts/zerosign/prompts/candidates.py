"""The questions that a prompt asks about a clip, and the lists of candidates in them."""

import hashlib
from collections.abc import Sequence

from zerosign.prompts.prompt_entry import Prompt, Task


def questions(prompt: Prompt) -> list[str]:
    """Names of the questions that a prompt asks about each clip: one per candidate order, or ""."""
    return [f"order {number}" for number in range(prompt.orders)] if prompt.orders else [""]


def listed(glosses: Sequence[str], video_id: str = "", question: str = "") -> list[str]:
    """The candidates in the order of a question: alphabetical, or its own about this clip.

    Ordered by a hash of question, clip and gloss, so that neither a gloss nor a clip has a place of
    its own, and every machine and version lists them alike.
    """

    def place(gloss: str) -> bytes:
        return hashlib.sha256(f"{question}/{video_id}/{gloss}".encode()).digest()

    unique = sorted(set(glosses))
    return sorted(unique, key=place) if question else unique


def candidates(glosses: Sequence[str], video_id: str = "", question: str = "") -> str:
    """The value of ``{candidates}`` in a question; see `listed`."""
    return ", ".join(listed(glosses, video_id, question))


def choices(prompt: Prompt, glosses: Sequence[str]) -> dict[str, str]:
    """What a closed answer to this prompt is chosen from, and the text that stands for each."""
    if prompt.task is Task.MATCH:
        return {"yes": "YES", "no": "NO"}
    return {gloss: gloss for gloss in glosses}
