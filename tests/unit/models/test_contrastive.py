"""The contrastive adapter on tiny random CLIP and SigLIP models."""

import dataclasses
import functools
from typing import Any

import numpy as np
import pytest
import torch
from helpers import tiny_families
from helpers.tiny_families import make_clip

from zerosign.errors import UserError
from zerosign.models.base import Request
from zerosign.models.kinds import contrastive
from zerosign.prompts.prompt_entry import Prompt, Task

FAMILIES = list(tiny_families.CONTRASTIVE)
PROMPT = Prompt(task=Task.PREDICT, user="a person signing {gloss}", variables=("gloss",))
GLOSSES = ["book", "drink", "what", "all day", "before"]


def make_entry(family: str, **more: Any) -> Any:
    given = {"adapter": "contrastive", "decoding": None} | more
    return tiny_families.make_entry(tiny_families.folder(family), **given)


@functools.cache
def loaded(family: str) -> contrastive.Contrastive:
    return contrastive.load(make_entry(family))


def make_request(seed: int, frames: int = 6) -> Request:
    messages, candidates = contrastive.pose(make_entry("clip"), "run", PROMPT, {}, GLOSSES)
    return Request(make_clip(seed, frames), messages, candidates=candidates)


@pytest.mark.parametrize("family", FAMILIES)
def test_glosses_are_ranked_like_the_model_ranks_them(family: str) -> None:
    adapter = loaded(family)
    request = make_request(1, frames=1)
    (answer,) = adapter.answer(adapter.prepare([request]))
    limit = tiny_families.TEXT_TOWER["max_position_embeddings"]
    texts = [f"a person signing {gloss}" for gloss in GLOSSES]
    inputs = adapter.processor(
        text=texts, padding="max_length", max_length=limit, return_tensors="pt"
    )
    if family == "siglip":
        inputs.pop("attention_mask")
    pixels = adapter.processor.image_processor(
        images=list(request.clip.frames), return_tensors="pt"
    )
    with torch.inference_mode():
        logits = adapter.model(**inputs, **pixels).logits_per_image[0]
    expected = dict(zip(GLOSSES, logits.log_softmax(-1).tolist(), strict=True))
    assert dict(zip(answer.labels, answer.scores, strict=True)) == pytest.approx(expected, abs=1e-4)
    assert answer.text == answer.labels[0] == max(expected, key=expected.__getitem__)
    assert sum(np.exp(answer.scores)) == pytest.approx(1)
    assert (answer.frames, answer.pixels_height, answer.pixels_width) == (1, 28, 28)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_batch_of_mixed_lengths_answers_like_one_by_one(family: str) -> None:
    adapter = loaded(family)
    requests = [make_request(seed, frames) for seed, frames in enumerate([6, 1, 3])]
    assert len({adapter.bucket(request) for request in requests}) == 1
    together = adapter.answer(adapter.prepare(requests))
    for request, answer in zip(requests, together, strict=True):
        (alone,) = adapter.answer(adapter.prepare([request]))
        assert alone.labels == answer.labels
        assert alone.scores == pytest.approx(answer.scores, abs=1e-5)
    assert together[0].scores != together[2].scores


@pytest.mark.parametrize("family", FAMILIES)
def test_it_sees_the_frames_but_not_their_order(family: str) -> None:
    adapter = loaded(family)
    clip = make_clip(1)
    embedder = contrastive.ContrastiveEmbedder(adapter)
    base = embedder.embed_clip(clip)
    turned = embedder.embed_clip(dataclasses.replace(clip, frames=clip.frames[::-1].copy()))
    bgr = embedder.embed_clip(dataclasses.replace(clip, frames=clip.frames[..., ::-1].copy()))
    np.testing.assert_allclose(turned, base, atol=1e-5)
    assert np.abs(bgr - base).max() > 1e-3
    assert np.abs(embedder.embed_clip(make_clip(2)) - base).max() > 1e-3
    assert np.linalg.norm(base) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_texts(family: str, caplog: pytest.LogCaptureFixture) -> None:
    adapter = loaded(family)
    embedder = contrastive.ContrastiveEmbedder(adapter)
    texts = embedder.embed_texts(["book", "drink", "book"])
    assert texts.shape == (3, embedder.embed_clip(make_clip(1)).size)
    assert np.array_equal(texts[0], texts[2]) and np.abs(texts[0] - texts[1]).max() > 1e-3
    many = embedder.embed_texts([f"sign {i}" for i in range(70)])
    np.testing.assert_allclose(many[67], embedder.embed_texts(["sign 67"])[0], atol=1e-5)
    with caplog.at_level("INFO"):
        embedder.embed_texts(["book", "a long text " * 20])
    assert "1 of 2 texts are cut to the model's 40 tokens" in caplog.text


@pytest.mark.parametrize(
    "prompt",
    [
        Prompt(task=Task.PREDICT, user="Which sign is it?"),
        PROMPT.model_copy(update={"system": "You know signs."}),
    ],
)
def test_a_prompt_for_chat_models(prompt: Prompt) -> None:
    with pytest.raises(
        UserError, match=r"prompt 'r': a contrastive model needs a prompt with .*gloss"
    ):
        contrastive.pose(make_entry("clip"), "r", prompt, {}, GLOSSES)


def test_settings_that_would_be_ignored() -> None:
    with pytest.raises(UserError, match="decoding has no meaning with adapter: contrastive"):
        make_entry("clip", decoding={"max_new_tokens": 3})
    with pytest.raises(UserError, match="processor has no setting 'zoom'"):
        contrastive.load(make_entry("clip", processor={"zoom": 3}))
