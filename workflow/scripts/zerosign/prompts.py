"""Prompts: check an entry of prompts.yaml and render it to chat messages.

Imports nothing heavy: the Snakefile checks every prompt before it plans a job.
"""

import hashlib
import string
from collections.abc import Mapping, Sequence
from typing import Any

from zerosign.errors import UserError

Message = dict[str, Any]

KNOWN = {
    "candidates": "all glosses of the study, separated by commas; in alphabetical order, or with "
    "``orders`` in random ones",
    "gloss": "the gloss that one question asks about",
    "description": "the description of that gloss",
}
"""Every variable a prompt may use, and what stands in its place."""

# The variables that differ from question to question, by task.
_PER_TASK = {"predict": {"candidates", "gloss"}, "match": {"gloss", "description", "candidates"}}


def _used(name: str, part: str, text: str) -> set[str]:
    """Variables in ``text``; `UserError` for anything between braces that isn't a plain name."""
    used = set()
    try:
        fields = list(string.Formatter().parse(text))
    except ValueError as error:
        raise UserError(
            f"prompt {name!r}: {part}: {error}; write {{{{ and }}}} for literal braces"
        ) from None
    for _, field, spec, conversion in fields:
        if field is None:
            continue
        if spec or conversion or not field.isidentifier():
            raise UserError(
                f"prompt {name!r}: {part}: '{{{field}}}' is not a variable's name; "
                "write {{ and }} for literal braces"
            )
        used.add(field)
    return used


def variables(entry: Mapping[str, Any]) -> frozenset[str]:
    """Variables that the entry declares."""
    return frozenset(entry.get("variables") or ())


def check(name: str, entry: Mapping[str, Any]) -> None:
    """`UserError` unless the entry's texts and its declared variables agree."""
    task = entry.get("task", "predict")
    if task not in _PER_TASK:
        raise UserError(f"prompt {name!r}: unknown task {task!r}; use one of {sorted(_PER_TASK)}")
    if not str(entry.get("user") or "").strip():
        raise UserError(f"prompt {name!r}: user is empty; it must ask the question")
    declared = variables(entry)
    used = set()
    for part in ("system", "user"):
        used |= _used(name, part, entry.get(part) or "")
    if task == "match" and not used & {"gloss", "description"}:
        raise UserError(
            f"prompt {name!r}: task 'match' needs {{gloss}} or {{description}}: "
            "what the clip is compared with"
        )
    for variable in sorted(used | declared):
        if variable not in KNOWN:
            raise UserError(
                f"prompt {name!r}: unknown variable {{{variable}}}; known are {sorted(KNOWN)}"
            )
        if variable not in _PER_TASK[task]:
            raise UserError(f"prompt {name!r}: {{{variable}}} has no meaning in task {task!r}")
        if variable not in declared:
            raise UserError(
                f"prompt {name!r}: uses {{{variable}}} but does not declare it; "
                f"add it to the prompt's variables"
            )
        if variable not in used:
            raise UserError(
                f"prompt {name!r}: declares the variable {variable!r} but no text uses "
                f"{{{variable}}}; use it or remove it from variables"
            )
    if "orders" in entry and not (task == "predict" and "candidates" in declared):
        raise UserError(
            f"prompt {name!r}: orders has no meaning without {{candidates}} in task 'predict'; "
            "remove it"
        )


def check_contrastive(run: str, entry: Mapping[str, Any]) -> None:
    """`UserError` unless the entry gives a contrastive model what it compares: a text a gloss."""
    if entry.get("system") or "gloss" not in variables(entry):
        raise UserError(
            f"run {run!r}: a contrastive model needs a prompt with the variable {{gloss}} and no "
            "system text, e.g. user: a person signing {gloss}"
        )


def render(name: str, entry: Mapping[str, Any], values: Mapping[str, str]) -> list[Message]:
    """Chat messages of a prompt: a system message if there is one, then the video and the question.

    A part is ``{"type": "text", "text": …}`` or ``{"type": "video"}``, the place of the clip's
    frames. ``values`` must hold every declared variable; others are ignored.
    """
    check(name, entry)
    needed = variables(entry)
    if missing := sorted(needed - set(values)):
        raise UserError(f"prompt {name!r}: nothing to put in place of {{{missing[0]}}} here")
    filled = {variable: values[variable] for variable in needed}

    def text(part: str) -> str:
        return string.Formatter().vformat(str(entry[part]), (), filled).strip()

    messages: list[Message] = []
    if entry.get("system"):
        messages.append({"role": "system", "content": [{"type": "text", "text": text("system")}]})
    parts = [{"type": "video"}, {"type": "text", "text": text("user")}]
    messages.append({"role": "user", "content": parts})
    return messages


def without_video(messages: Sequence[Message]) -> list[Message]:
    """Messages without the place of the clip's frames, for a question that shows none."""
    return [
        {**message, "content": [part for part in message["content"] if part["type"] != "video"]}
        for message in messages
    ]


def questions(entry: Mapping[str, Any]) -> list[str]:
    """Names of the questions that a prompt asks about each clip: one a candidate order, or ""."""
    return [f"order {number}" for number in range(entry["orders"])] if "orders" in entry else [""]


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


def choices(entry: Mapping[str, Any], glosses: Sequence[str]) -> dict[str, str]:
    """What a closed answer to this prompt is chosen from, and the text that stands for each."""
    if entry.get("task") == "match":
        return {"yes": "YES", "no": "NO"}
    return {gloss: gloss for gloss in glosses}
