"""Reasoning that a model writes before its answer, told apart from the answer.

Some templates open the block in the prompt, and the model only closes it.
"""

import re
from typing import NamedTuple

TAGS = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<reasoning>", "</reasoning>"),
    ("◁think▷", "◁/think▷"),
)
_OPENS = tuple(opens for opens, _ in TAGS)
_CLOSES = tuple(closes for _, closes in TAGS)
_CLOSE = re.compile("|".join(map(re.escape, _CLOSES)))
_OPEN = re.compile("|".join(map(re.escape, _OPENS)))


class Split(NamedTuple):
    """An answer without its reasoning. ``answer`` is empty while the reasoning has no end."""

    reasoning: str | None
    answer: str


def is_tag(token: str) -> bool:
    """Whether a token is a tag around reasoning, and must be read even if it is special."""
    return token.strip() in {*_OPENS, *_CLOSES}


def opened(prompt: str) -> bool:
    """Whether a prompt ends within a block of reasoning that its template opened."""
    return prompt.rstrip().endswith(_OPENS)


def closed(prompt: str) -> bool:
    """Whether a prompt ends after a block of reasoning, so that the answer has none."""
    return prompt.rstrip().endswith(_CLOSES)


def mentioned(template: str) -> bool:
    """Whether a chat template knows reasoning."""
    return any(tag in template for tag in (*_OPENS, *_CLOSES))


def split(text: str, within: bool = False) -> Split:
    """What a model wrote, in two; ``within``: its prompt had opened a block of reasoning.

    Of several blocks the last ends the reasoning: what a model says before it is not its answer.
    """
    ends = [0, *(match.end() for match in _CLOSE.finditer(text))]
    unfinished = _OPEN.search(text, ends[-1])
    if unfinished or (within and len(ends) == 1):
        return Split(_without_tags(text), "")
    if len(ends) == 1:
        return Split(None, text.strip())
    return Split(_without_tags(text[: ends[-1]]), text[ends[-1] :].strip())


def _without_tags(text: str) -> str:
    return _OPEN.sub("", _CLOSE.sub("", text)).strip()
