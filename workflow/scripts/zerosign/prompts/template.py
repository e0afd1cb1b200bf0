"""A prompt's template: checked, and rendered to chat messages.

Imports nothing heavy: the Snakefile checks every prompt before it plans a job.
"""

import string
from collections.abc import Mapping, Sequence
from typing import Any

from zerosign.errors import UserError
from zerosign.prompts.prompt_entry import Prompt, Task

Message = dict[str, Any]

KNOWN = {
    "candidates": "all glosses of the study, separated by commas; in alphabetical order, or with "
    "``orders`` in random ones",
    "gloss": "the gloss that one question asks about",
    "description": "the description of that gloss",
}
"""Every variable a prompt may use, and what stands in its place."""

# The variables that differ from question to question, by task.
_PER_TASK = {
    Task.PREDICT: {"candidates", "gloss"},
    Task.MATCH: {"gloss", "description", "candidates"},
}


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


def variables(prompt: Prompt) -> frozenset[str]:
    """Variables that the prompt declares."""
    return frozenset(prompt.variables)


def check(name: str, prompt: Prompt) -> None:
    """`UserError` unless the prompt's texts and its declared variables agree."""
    task = prompt.task
    if not prompt.user.strip():
        raise UserError(f"prompt {name!r}: user is empty; it must ask the question")
    declared = variables(prompt)
    used = _used(name, "system", prompt.system or "") | _used(name, "user", prompt.user)
    if task is Task.MATCH and not used & {"gloss", "description"}:
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
            raise UserError(f"prompt {name!r}: {{{variable}}} has no meaning in task '{task}'")
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
    if prompt.orders is not None and not (task is Task.PREDICT and "candidates" in declared):
        raise UserError(
            f"prompt {name!r}: orders has no meaning without {{candidates}} in task 'predict'; "
            "remove it"
        )


def check_contrastive(name: str, prompt: Prompt) -> None:
    """`UserError` unless the prompt gives a contrastive model what it compares.

    That is one text per gloss.
    """
    if prompt.system or "gloss" not in variables(prompt):
        raise UserError(
            f"prompt {name!r}: a contrastive model needs a prompt with the variable {{gloss}} and "
            "no system text, e.g. user: a person signing {gloss}"
        )


def render(name: str, prompt: Prompt, values: Mapping[str, str]) -> list[Message]:
    """Chat messages of a prompt: a system message if there is one, then the video and the question.

    A part is ``{"type": "text", "text": …}`` or ``{"type": "video"}``, the place of the clip's
    frames. ``values`` must hold every declared variable; others are ignored.
    """
    check(name, prompt)
    needed = variables(prompt)
    if missing := sorted(needed - set(values)):
        raise UserError(f"prompt {name!r}: no value for {{{missing[0]}}} in this run")
    filled = {variable: values[variable] for variable in needed}

    def text(template: str) -> str:
        return string.Formatter().vformat(template, (), filled).strip()

    messages: list[Message] = []
    if prompt.system:
        content = [{"type": "text", "text": text(prompt.system)}]
        messages.append({"role": "system", "content": content})
    parts = [{"type": "video"}, {"type": "text", "text": text(prompt.user)}]
    messages.append({"role": "user", "content": parts})
    return messages


def without_video(messages: Sequence[Message]) -> list[Message]:
    """Messages without the place of the clip's frames, for a question that shows none."""
    return [
        {**message, "content": [part for part in message["content"] if part["type"] != "video"]}
        for message in messages
    ]
