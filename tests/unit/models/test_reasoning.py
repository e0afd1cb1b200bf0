"""Reasoning told apart from answers, with templates and tokenizers that open or hide it."""

import copy
import dataclasses

import pytest
from helpers import tiny_families
from helpers.tiny_families import make_clip, make_entry

from zerosign.errors import UserError
from zerosign.models import chat_template, reasoning
from zerosign.models.base import Request
from zerosign.models.kinds import chat
from zerosign.prompts import template
from zerosign.prompts.prompt_entry import Prompt

QUESTION = template.render("test", Prompt.of({"task": "predict", "user": "Which sign?"}), {})
THINKS = (
    "{% if enable_thinking is defined and enable_thinking is false %}"
    "{{ '<think>\\n\\n</think>\\n\\n' }}{% else %}{{ '<think>\\n' }}{% endif %}"
)
END = "{% endif %}"


@pytest.mark.parametrize(
    ("text", "within", "thought", "answer"),
    [
        ("book", False, None, "book"),
        (" book\n", False, None, "book"),
        ("<think>a C, so drink</think>\n\nbook", False, "a C, so drink", "book"),
        ("<think></think>book", False, "", "book"),
        ("<think>it is drink. But wait", False, "it is drink. But wait", ""),
        ("it is **drink**. But wait", True, "it is **drink**. But wait", ""),
        ("it is drink</think>\nbook", True, "it is drink", "book"),
        ("it is drink</think>\nbook", False, "it is drink", "book"),
        ("◁think▷drink◁/think▷book", False, "drink", "book"),
        ("<think>a</think>drink<think>b</think>book", False, "adrinkb", "book"),
        ("<think>a</think>drink<think>b", False, "adrinkb", ""),
        ("", True, "", ""),
    ],
)
def test_what_is_thought_and_what_is_answered(
    text: str, within: bool, thought: str | None, answer: str
) -> None:
    assert reasoning.split(text, within) == (thought, answer)


def thinking(special: bool = False, **entry: object) -> chat.Chat:
    """A tiny model whose template opens a block of reasoning, as Qwen3.5's does."""
    base = tiny_families.adapter("internvl")
    processor = copy.deepcopy(base.processor)
    processor.chat_template = _opening(processor.chat_template)
    if special:
        processor.tokenizer.add_tokens(["<think>", "</think>"], special_tokens=True)
    return chat.Chat(base.entry.model_copy(update=entry), processor, base.model)


def _opening(chat_template: str) -> str:
    assert chat_template.endswith(END)
    return chat_template.removesuffix(END) + THINKS + END


@pytest.mark.parametrize("special", [False, True])
def test_cut_off_reasoning_is_no_answer(special: bool) -> None:
    adapter = thinking(special)
    request = Request(make_clip(1), QUESTION)
    prompt = adapter.prompt_text(request)
    assert prompt.endswith("<think>\n")
    tokens = adapter.processor.tokenizer("It is **book**. But wait").input_ids
    assert adapter.read_answer(tokens, prompt) == {
        "text": "",
        "reasoning": "It is **book**. But wait",
        "finish": "length",
        "answer_tokens": len(tokens),
    }
    tokens = adapter.processor.tokenizer("It is drink.</think>book").input_ids
    read = adapter.read_answer([*tokens, adapter.ends[0]], prompt)
    assert (read["text"], read["reasoning"], read["finish"]) == ("book", "It is drink.", "stop")


def test_every_way_of_answering_keeps_reasoning_apart() -> None:
    """Alone, as a question that shares its frames, and as samples: a random model never closes."""
    request = Request(make_clip(1), QUESTION)
    asked = dataclasses.replace(request, question="q")
    drawn = {"max_new_tokens": 4, "temperature": 1.0, "seed": 1, "samples": 3}
    sampled = tiny_families.make_entry(tiny_families.folder("internvl"), decoding=drawn).decoding
    for adapter, question in (
        (thinking(), request),
        (thinking(), asked),
        (thinking(decoding=sampled), request),
    ):
        (answer,) = adapter.answer(adapter.prepare([question]))
        assert answer.text == "" and answer.reasoning and answer.finish == "length"
    assert answer.samples == ["", "", ""] and all(answer.reasonings)


def test_the_entry_switches_reasoning_off() -> None:
    adapter = thinking(template={"enable_thinking": False})
    prompt = adapter.prompt_text(Request(make_clip(1), QUESTION))
    assert prompt.endswith("<think>\n\n</think>\n\n")
    tokens = adapter.processor.tokenizer("book").input_ids
    assert adapter.read_answer(tokens, prompt)["text"] == "book"


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"enable_thinking": False}, None),
        ({"enable_thinking": True}, None),
        ({"enable_thinkin": False}, "template.enable_thinkin: its chat template does not react"),
        ({"tokenize": True}, "template.tokenize: this is not a variable of chat templates"),
    ],
)
def test_a_variable_that_a_template_does_not_know(
    variables: dict[str, bool], says: str | None
) -> None:
    adapter = thinking()
    entry = adapter.entry.model_copy(update={"template": variables})
    if says is None:
        chat_template.check(entry, adapter.processor)
    else:
        with pytest.raises(UserError, match=says):
            chat_template.check(entry, adapter.processor)


def test_a_closed_set_is_refused_where_a_model_would_think() -> None:
    closed = make_entry(tiny_families.folder("internvl"), decoding={"mode": "closed_set"}).decoding
    processor = thinking().processor
    entry = thinking(decoding=closed).entry
    with pytest.raises(UserError, match="closed_set would score answers where this model begins"):
        chat_template.check(entry, processor)
    chat_template.check(
        entry.model_copy(update={"template": {"enable_thinking": False}}), processor
    )
    # A template that only takes reasoning out of earlier turns is that of a thinking model, too.
    processor.chat_template = (
        tiny_families.adapter("internvl").processor.chat_template
        + "{# content.split('</think>') #}"
    )
    with pytest.raises(UserError, match="closed_set would score"):
        chat_template.check(entry, processor)


@pytest.mark.parametrize(
    ("end", "ends"), [("<|user|>", "<|user|>"), ("<|im_end|>\\n", "<|im_end|>"), ("", "<|im_end|>")]
)
def test_a_closed_set_ends_as_a_turn_does(end: str, ends: str) -> None:
    """GLM's turn ends where the user's next begins, not by its tokenizer's end of text."""
    base = tiny_families.adapter("internvl")
    processor = copy.deepcopy(base.processor)
    processor.chat_template = base.processor.chat_template.replace("<|im_end|>\\n", end)
    processor.tokenizer.add_tokens(["<|user|>"], special_tokens=True)
    wanted = processor.tokenizer.convert_tokens_to_ids(ends)
    model = copy.copy(base.model)
    model.generation_config = copy.deepcopy(base.model.generation_config)
    model.generation_config.eos_token_id = [base.ends[0], wanted]
    adapter = chat.Chat(base.entry, processor, model)
    assert adapter.end == wanted
    assert adapter.continuation("<|im_start|>assistant\n", "book")[-1] == wanted
