"""A checkpoint's chat template: the variables it takes, how a turn ends, and whether it thinks."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from zerosign.errors import UserError
from zerosign.models import reasoning
from zerosign.models.model_entry import GeneratingEntry
from zerosign.prompts.template import Message

_TEXT = "zerosign"
"""Of a probe: any word that no template changes."""


def check(entry: GeneratingEntry, processor: Any) -> None:
    """`UserError` where an entry asks a template for what it does not do."""
    for key, value in entry.template.items():
        _check_variable(entry, processor, key, value)
    if entry.decoding.closed and thinks(processor, entry.template):
        raise UserError(
            f"checkpoint {entry.checkpoint}: decoding.mode: closed_set would score answers where "
            "this model begins to think; set template: {enable_thinking: false} in the model's "
            "entry if its chat template knows that, else generate"
        )


def render(processor: Any, messages: Sequence[Message], variables: Mapping[str, Any]) -> str:
    """Messages as one text that ends where the answer begins."""
    return processor.apply_chat_template(
        messages, tokenize=False, add_generation_prompt=True, **variables
    )


def _turn(role: str) -> Message:
    return {"role": role, "content": [{"type": "text", "text": _TEXT}]}


def _check_variable(entry: GeneratingEntry, processor: Any, key: str, value: Any) -> None:
    where = f"checkpoint {entry.checkpoint}: template.{key}"
    if key in inspect.signature(processor.apply_chat_template).parameters:
        raise UserError(f"{where}: this is not a variable of chat templates; remove it")
    others = {other: value_ for other, value_ in entry.template.items() if other != key}
    tried = [{key: value}, {}, *([{key: not value}] if isinstance(value, bool) else [])]
    found = {render(processor, [_turn("user")], {**others, **each}) for each in tried}
    if len(found) == 1:
        raise UserError(f"{where}: its chat template does not react to it; remove it")


def thinks(processor: Any, variables: Mapping[str, Any]) -> bool:
    """Whether an answer begins with reasoning: the template knows it, and leaves it to the model.

    Templates that switch it off close the block in the prompt.
    """
    prompt = render(processor, [_turn("user")], variables)
    if reasoning.opened(prompt):
        return True
    template = getattr(processor, "chat_template", None) or processor.tokenizer.chat_template
    return reasoning.mentioned(str(template)) and not reasoning.closed(prompt)


def turn_end(
    render_turns: Callable[[Sequence[Message]], str], tokenizer: Any, ends: Sequence[int]
) -> int | None:
    """The token that ends an assistant's turn in a conversation; None if the template has none.

    It need not be the tokenizer's own: GLM's is the one that begins the user's next turn.
    """
    try:
        text = render_turns([_turn("user"), _turn("assistant"), _turn("user")])
    except Exception:  # templates raise whatever they like
        return None
    parts = text.split(_TEXT)
    if len(parts) != 4:
        return None
    after = tokenizer(parts[2].lstrip(), add_special_tokens=False).input_ids
    return after[0] if after and after[0] in ends else None
