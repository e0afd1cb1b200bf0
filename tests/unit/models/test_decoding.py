"""Sampling, shared prefixes and closed sets, on tiny random models of every family."""

import copy
import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers import tiny_families
from helpers.tiny_families import make_clip, make_entry
from hypothesis import given, settings
from hypothesis import strategies as st

from zerosign.errors import UserError
from zerosign.inference import run_questions
from zerosign.models import checkpoint
from zerosign.models.base import Request
from zerosign.models.decoding import Sampler, fold, vote
from zerosign.models.kinds import chat
from zerosign.models.model_entry import Decoding
from zerosign.prompts import template
from zerosign.prompts.prompt_entry import Prompt, Task

FAMILIES = list(tiny_families.BUILDERS)
LABELS = ("book", "bookstore", "drink", "dr", "before", "w", "what", "all day")
CANDIDATES = {label: label for label in LABELS}
ASKED = ["Is it book?", "Is it a drink of water?", "Is it?", "No?", "Is it book?"]


def make_request(
    seed: int, user: str, question: str = "", system: str = "You know signs.", **more: Any
) -> Request:
    prompt = Prompt(task=Task.PREDICT, system=system, user=user)
    messages = template.render("test", prompt, {})
    # Few frames a second: Qwen2.5-VL's positions in time reach far beyond the text.
    return Request(make_clip(seed, fps=2.0), messages, question, **more)


def clone(adapter: chat.Chat, **decoding: Any) -> chat.Chat:
    """The same model, decoded otherwise."""
    entry = adapter.entry.model_copy(update={"decoding": Decoding.of(decoding)})
    return type(adapter)(entry, adapter.processor, adapter.model)


@pytest.mark.parametrize("family", FAMILIES)
def test_without_a_video(family: str) -> None:
    def ask(adapter: chat.Chat, *users: str, **more: Any) -> list[Any]:
        requests = []
        for number, user in enumerate(users):
            prompt = Prompt(task=Task.PREDICT, system="You know signs.", user=user)
            messages = template.without_video(template.render("test", prompt, {}))
            name = str(number) if len(users) > 1 else ""
            requests.append(Request(run_questions.unseen("v"), messages, name, **more))
        return adapter.answer(adapter.prepare(requests))

    adapter = clone(tiny_families.adapter(family), max_new_tokens=8)
    together = ask(adapter, *ASKED)
    alone = [answer for user in ASKED for answer in ask(adapter, user)]
    assert [a.text for a in together] == [a.text for a in alone]
    assert len({answer.prompt_tokens for answer in alone}) > 1
    for answer in alone:
        assert (answer.frames, answer.visual_tokens, answer.timestamps) == (0, 0, [])
    if family not in tiny_families.APART:
        (chosen,) = ask(clone(adapter, mode="closed_set"), ASKED[0], candidates=CANDIDATES)
        assert sorted(chosen.labels) == sorted(LABELS)
        assert chosen.scores == sorted(chosen.scores, reverse=True)


@pytest.mark.parametrize("family", FAMILIES)
def test_questions_that_share_a_prefix_are_answered_like_alone(family: str) -> None:
    adapter = clone(tiny_families.adapter(family), max_new_tokens=12)
    prefills = 0
    forward = adapter.model.forward

    @functools.wraps(forward)  # generate() looks at its parameters
    def counted(*args: Any, **kwargs: Any) -> Any:
        nonlocal prefills
        prefills += any(name.startswith("pixel_values") for name in kwargs)
        return forward(*args, **kwargs)

    requests = [make_request(1, user, question=str(i)) for i, user in enumerate(ASKED)]
    adapter.model.forward = counted
    try:
        together = adapter.answer(adapter.prepare(requests))
        together += adapter.answer(adapter.prepare(requests[:2]))
    finally:
        adapter.model.forward = forward
    assert (prefills == 1) == (family not in tiny_families.APART)
    for request, answer in zip([*requests, *requests[:2]], together, strict=True):
        single = adapter.prepare([dataclasses.replace(request, question="")])
        (alone,) = adapter.answer(single)
        assert dataclasses.replace(answer, seconds=None) == dataclasses.replace(alone, seconds=None)
    assert len({answer.text for answer in together}) > 1


def test_another_clip_is_not_answered_from_the_last_ones_prefix() -> None:
    adapter = tiny_families.adapter("qwen2_5_vl")
    for seed in (1, 2, 1):
        request = make_request(seed, "Is it book?", question="q")
        (shared,) = adapter.answer(adapter.prepare([request]))
        (alone,) = adapter.answer(adapter.prepare([dataclasses.replace(request, question="")]))
        assert shared.text == alone.text


def test_prompts_that_differ_before_the_frames_share_nothing() -> None:
    adapter = tiny_families.adapter("qwen3_vl")
    requests = [
        make_request(1, "Is it?", question=word, system=f"Look for {word}.")
        for word in ("book", "drink", "water")
    ]
    together = adapter.answer(adapter.prepare(requests))
    alone = [
        adapter.answer(adapter.prepare([dataclasses.replace(request, question="")]))[0]
        for request in requests
    ]
    assert [a.text for a in together] == [a.text for a in alone]
    assert [a.prompt_tokens for a in together] == [a.prompt_tokens for a in alone]


def separately(adapter: chat.Chat, request: Request, label: str) -> float:
    """Log-likelihood of a label from a pass of its own over frames, prompt and label."""
    text = adapter.prompt_text(request)
    tokens = adapter.continuation(text, label)
    inputs = dict(adapter.process_inputs([text], [request]))
    length = inputs["input_ids"].shape[1]
    more = torch.tensor([tokens])
    for name, value in {
        "input_ids": more,
        "attention_mask": torch.ones_like(more),
        "mm_token_type_ids": torch.zeros_like(more),
    }.items():
        if name in inputs:
            inputs[name] = torch.cat([inputs[name], value.to(inputs[name].dtype)], 1)
    with torch.inference_mode():
        logits = adapter.model(**inputs).logits[0].double().log_softmax(-1)
    return sum(float(logits[length - 1 + i, token]) for i, token in enumerate(tokens))


@pytest.mark.parametrize("family", [f for f in FAMILIES if f not in tiny_families.APART])
def test_a_closed_set_scores_like_separate_passes(family: str) -> None:
    adapter = clone(tiny_families.adapter(family), mode="closed_set")
    request = make_request(1, "Which sign is it?", candidates=CANDIDATES)
    (answer,) = adapter.answer(adapter.prepare([request]))
    assert sorted(answer.labels) == sorted(LABELS) and answer.text == answer.labels[0]
    assert answer.scores == sorted(answer.scores, reverse=True) and answer.finish == "stop"
    for label, value in zip(answer.labels, answer.scores, strict=True):
        assert value == pytest.approx(separately(adapter, request, label), abs=1e-4)
    (other,) = adapter.answer(
        adapter.prepare([make_request(2, "Which sign is it?", candidates=CANDIDATES)])
    )
    assert other.scores != answer.scores


class ExactHead(torch.nn.Module):
    """A last layer whose products are not rounded."""

    def __init__(self, weight: torch.Tensor) -> None:
        super().__init__()
        self.exact = weight.double()

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        return hidden.double() @ self.exact.T


def test_candidates_are_scored_in_float32() -> None:
    """Also by a model in bfloat16, whose own logits are rounded to a part of 256."""
    base = tiny_families.adapter("qwen2_5_vl")
    request = make_request(1, "Which sign is it?", candidates=CANDIDATES)
    found = []
    for exact in (False, True):
        model = copy.deepcopy(base.model).to(torch.bfloat16)
        if exact:
            model.set_output_embeddings(ExactHead(model.lm_head.weight.detach()))
        adapter = clone(chat.Chat(base.entry, base.processor, model), mode="closed_set")
        (answer,) = adapter.answer(adapter.prepare([request]))
        found.append(dict(zip(answer.labels, answer.scores, strict=True)))
    assert found[0] == pytest.approx(found[1], abs=1e-4)


FIVE = {"max_new_tokens": 3, "temperature": 1.0, "seed": 1, "samples": 5}


@pytest.mark.parametrize(
    ("family", "decoding", "says"),
    [
        *(
            (family, {"mode": "closed_set"}, "closed_set needs a model whose layers all attend")
            for family in sorted(tiny_families.APART)
        ),
        *(
            (family, FIVE, "samples: 5 cannot be drawn from a model with recurrent layers")
            for family in ("nemotron_omni", "qwen3_5")
        ),
    ],
)
def test_what_a_model_cannot_do_is_said_before_its_weights_are_read(
    family: str, decoding: dict[str, Any], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "load_model", lambda *_, **__: pytest.fail("weights are read"))
    frames_as = "images" if family in tiny_families.AS_IMAGES else "video"
    entry = make_entry(tiny_families.folder(family), frames_as=frames_as, decoding=decoding)
    with pytest.raises(UserError, match=says):
        chat.load(entry)


def test_a_closed_set_needs_an_attention_that_takes_its_mask() -> None:
    with pytest.raises(UserError, match="closed_set needs attn: sdpa or eager"):
        make_entry(Path("x"), decoding={"mode": "closed_set"}, attn="flash_attention_2")


def test_candidates_begin_as_the_template_leaves_off() -> None:
    adapter = tiny_families.adapter("internvl")
    read = adapter.processor.tokenizer.decode
    assert read(adapter.continuation("<|im_start|>assistant\n", "book")[:-1]) == "book"
    assert read(adapter.continuation("ASSISTANT:", "book")[:-1]) == " book"
    assert adapter.continuation("ASSISTANT:", "book")[-1] == adapter.end


@settings(max_examples=50)
@given(st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=5), min_size=1, max_size=12))
def test_a_folded_tree_holds_every_sequence_once(sequences: list[list[int]]) -> None:
    trie = fold(9, sequences)
    for sequence, path in zip(sequences, trie.paths, strict=True):
        assert [token for _, token in path] == sequence
        for depth, (node, _) in enumerate(path):
            assert trie.depths[node] == depth
            read, up = [], node
            while up:
                read.append(trie.tokens[up])
                up = trie.parents[up]
            assert read[::-1] == sequence[:depth]
    inner = {tuple(s[:i]) for s in sequences for i in range(len(s))}
    assert len(trie.tokens) == len(inner) and trie.tokens[0] == 9


def sampling(**more: Any) -> dict[str, Any]:
    return {"max_new_tokens": 8, "temperature": 1.5, "seed": 3} | more


@pytest.mark.parametrize("family", ["qwen3_vl", "internvl"])
def test_samples_repeat_and_depend_on_nothing_beside_them(family: str) -> None:
    base = tiny_families.adapter(family)
    adapter = clone(base, **sampling())
    requests = [make_request(seed, "Which sign is it?") for seed in (1, 2, 3)]

    def texts(adapter: chat.Chat, requests: Sequence[Request]) -> list[str]:
        return [answer.text for answer in adapter.answer(adapter.prepare(requests))]

    together = texts(adapter, requests)
    assert texts(adapter, requests) == together
    assert [texts(adapter, [request])[0] for request in requests[::-1]] == together[::-1]
    assert texts(clone(base, **sampling(seed=4)), requests) != together
    assert texts(clone(base, **sampling(top_k=1)), requests) == texts(base, requests) != together
    assert texts(clone(base, **sampling(top_p=1e-6)), requests) == texts(base, requests)


@pytest.mark.parametrize("family", ["internvl", "gemma3", "gemma4"])
def test_several_samples_and_their_vote(family: str) -> None:
    base = tiny_families.adapter(family)
    adapter = clone(base, **sampling(samples=5, max_new_tokens=1, temperature=0.7))
    request = make_request(1, "Which sign is it?")
    (answer,) = adapter.answer(adapter.prepare([request]))
    assert len(answer.samples) == 5 and answer.text == vote(answer.samples)
    assert len(answer.finishes) == 5 and set(answer.finishes) <= {"stop", "length"}
    assert len(set(answer.samples)) > 1
    assert adapter.answer(adapter.prepare([request]))[0].samples == answer.samples
    one = clone(base, **sampling(max_new_tokens=1, temperature=0.7))
    assert one.answer(one.prepare([request]))[0].text == answer.samples[0]


def test_vote() -> None:
    assert vote(["book", "Drink", " drink", "Book", "water"]) == "book"
    assert vote(["a", "B ", "b", "a", "b"]) == "B "
    assert vote([""]) == ""


def test_samples_follow_the_models_probabilities() -> None:
    logits = torch.tensor([2.0, 1.0, 0.0, -1.0, -30.0])
    rows = 4000
    options = {"max_new_tokens": 1, "temperature": 2.0, "top_k": 4, "seed": 0}
    decoding = Decoding.of(options)
    sampler = Sampler(decoding, [str(row) for row in range(rows)])
    chosen = sampler(None, logits.expand(rows, -1)).argmax(-1)
    share = np.bincount(chosen.numpy(), minlength=5) / rows
    expected = torch.softmax(logits[:4] / 2, -1).numpy()
    np.testing.assert_allclose(share[:4], expected, atol=4 * 0.5 / rows**0.5)
    assert share[4] == 0
    again = sampler(None, logits.expand(rows, -1)).argmax(-1)
    assert 0.2 < (again == chosen).float().mean() < 0.6  # each step draws anew


@pytest.mark.parametrize(
    ("decoding", "says"),
    [
        ({"max_new_token": 3}, "unknown key 'max_new_token'; did you mean 'max_new_tokens'"),
        ({}, "key 'max_new_tokens' is missing"),
        ({"mode": "beam"}, r"decoding\.mode: .*generate"),
        ({"max_new_tokens": 3, "temperature": 0.1}, "temperature 0.1 needs a seed"),
        ({"max_new_tokens": 3, "top_p": 0.9}, "top_p has no meaning without a temperature"),
        ({"max_new_tokens": 3, "samples": 5}, "samples has no meaning without a temperature"),
        ({"mode": "closed_set", "seed": 5}, "seed has no meaning with mode: closed_set"),
    ],
)
def test_settings_that_would_be_ignored(decoding: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError, match=says):
        make_entry(Path("x"), decoding=decoding)
