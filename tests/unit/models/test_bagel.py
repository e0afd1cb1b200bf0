"""The BAGEL adapter on a tiny checkpoint, against BAGEL's own code."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers import tiny_families
from helpers.tiny_families import changed_clips, make_clip, make_entry

from zerosign.errors import UserError
from zerosign.frames.cache import Clip
from zerosign.inference import run_questions
from zerosign.models import checkpoint
from zerosign.models.base import Answer, Request
from zerosign.models.kinds import bagel
from zerosign.models.one_clip import OneClipEmbedder
from zerosign.prompts import template
from zerosign.prompts.prompt_entry import Prompt

REFERENCE = json.loads(Path(__file__).with_name("bagel_reference.json").read_text())
PROMPT = {"task": "predict", "system": "You know signs.", "user": "Which sign is it?"}
SMALL = {"min_size": 28, "max_size": 56}


def make_adapter(**more: Any) -> bagel.Bagel:
    given = {"adapter": "bagel", "processor": SMALL} | more
    place = Path(given.pop("checkpoint", tiny_families.folder("bagel")))
    return tiny_families.load(make_entry(place, **given))


@pytest.fixture(scope="module")
def adapter() -> bagel.Bagel:
    return make_adapter()


def make_request(clip: Clip, prompt: dict[str, Any] = PROMPT, **more: Any) -> Request:
    return Request(clip, template.render("test", Prompt.of(prompt), {}), **more)


def logits(adapter: bagel.Bagel, request: Request, after: tuple[int, ...] = ()) -> torch.Tensor:
    """Of the answer's first token and, if tokens are given, of those after each of them."""
    (shared,) = adapter.prepare([request])
    prefix = adapter.read_prefix(
        checkpoint.to_device(shared.base.inputs, adapter.model), shared.length
    )
    tokens = [*shared.suffixes[0], *after]
    positions = prefix.position + torch.arange(len(tokens))[None]
    with torch.inference_mode():
        output = adapter.model(
            input_ids=torch.tensor([tokens]),
            position_ids=positions,
            past_key_values=prefix.cache,
        )
    return output.logits[0, len(shared.suffixes[0]) - 1 :]


def answers(adapter: bagel.Bagel, requests: list[Request]) -> list[Answer]:
    found = adapter.answer(adapter.prepare(requests))
    return [dataclasses.replace(answer, seconds=None) for answer in found]


@pytest.mark.parametrize("case", REFERENCE["cases"])
def test_answers_like_bagels_own_code(case: dict[str, Any]) -> None:
    adapter = make_adapter(processor=case["processor"])
    clip = make_clip(case["seed"], case["frames"], tuple(case["size"]))
    request = make_request(clip, {**PROMPT, "system": case["system"], "user": case["user"]})
    own = logits(adapter, request)[0]
    torch.testing.assert_close(own, torch.tensor(case["logits"]), atol=1e-4, rtol=0)
    (answer,) = answers(adapter, [request])
    assert answer.text == adapter.read_answer(case["greedy"], "")["text"]
    assert answer.answer_tokens == len(case["greedy"]) == 8 and answer.finish == "length"
    assert [answer.pixels_height, answer.pixels_width] == case["pixels"]
    assert answer.prompt_tokens == case["prompt_tokens"]


@pytest.mark.parametrize("size", REFERENCE["sizes"])
def test_sizes_of_frames(size: list[int]) -> None:
    height, width, least, greatest, most, *expected = size
    assert list(bagel.fit(height, width, 14, least, greatest, most)) == expected


def test_the_model_sees_the_frames(adapter: bagel.Bagel) -> None:
    clip = make_clip(1)
    base = logits(adapter, make_request(clip))
    assert torch.equal(base, logits(adapter, make_request(make_clip(1))))
    for what, other in changed_clips(clip).items():
        assert (logits(adapter, make_request(other)) - base).abs().max() > 0.02, what
    for part in ("user", "system"):
        other_text = make_request(clip, {**PROMPT, part: "Which colour is it?"})
        assert (logits(adapter, other_text) - base).abs().max() > 0.02, part


def test_a_frames_tokens_see_all_of_it_and_what_came_before(adapter: bagel.Bagel) -> None:
    """Within a frame both ways, to earlier frames, never to later ones."""
    clip = make_clip(1, 3)
    inputs = checkpoint.to_device(
        adapter.prepare([make_request(clip)])[0].base.inputs, adapter.model
    )
    visual = [i for i, t in enumerate(inputs["input_ids"][0].tolist()) if t in adapter.visual_ids]
    per_frame = len(visual) // 3

    def keys(pixels: torch.Tensor) -> torch.Tensor:
        length = inputs["input_ids"].shape[1]
        cache = adapter.read_prefix({**inputs, "pixel_values": pixels}, length).cache
        return cache.layers[1].keys[0, :, visual].transpose(0, 1)  # [visual, heads, D]

    base = keys(inputs["pixel_values"])
    pixels = inputs["pixel_values"].clone()
    pixels[1, :, -14:, -14:] += 1  # the last patch of the second frame
    moved = (keys(pixels) - base).abs().amax((1, 2)) > 1e-6
    assert moved.tolist() == [False] * per_frame + [True] * (2 * per_frame)


def test_many_questions_share_a_pass_over_the_clip(adapter: bagel.Bagel) -> None:
    asked = [
        make_request(make_clip(seed), {**PROMPT, "user": f"Is it {gloss}?"}, question=gloss)
        for seed in (1, 2)
        for gloss in ("book", "drink", "a thing")
    ]
    groups = {adapter.bucket(request) for request in asked}
    assert groups == {"v1", "v2"}
    for clip in groups:
        group = [request for request in asked if request.clip.video_id == clip]
        together = answers(adapter, group)
        assert together == answers(adapter, group)
        assert together == [answers(adapter, [request])[0] for request in group]
        (shared,) = adapter.prepare(group)
        assert shared.length > max(map(len, shared.suffixes)) and len(shared.suffixes) == 3


def test_what_was_seen_is_recorded(adapter: bagel.Bagel) -> None:
    (answer,) = adapter.answer(adapter.prepare([make_request(make_clip(1))]))
    assert (answer.pixels_height, answer.pixels_width) == (42, 56)
    assert answer.frames == 6 and answer.timestamps == [0.0, 0.4, 0.8, 1.2, 1.6, 2.0]
    assert answer.visual_tokens == 6 * 3 * 4
    # Each text has two borders, each frame too; one token opens the answer.
    texts = len("You know signs.") + len("Which sign is it?")
    assert answer.prompt_tokens == answer.visual_tokens + 6 * 2 + texts + 2 * 2 + 1
    assert answer.seconds > 0
    json.dumps(dataclasses.asdict(answer))


def test_a_closed_set_ranks_by_likelihood(adapter: bagel.Bagel) -> None:
    glosses = ["book", "drink", "before", "bo"]
    choosing = make_adapter(decoding={"mode": "closed_set"})
    request = make_request(make_clip(1), candidates={gloss: gloss for gloss in glosses})
    (answer,) = answers(choosing, [request])
    expected = {}
    for gloss in glosses:
        tokens = [*adapter.processor.tokenizer(gloss).input_ids, adapter.end]
        steps = logits(adapter, make_request(make_clip(1)), tuple(tokens[:-1])).log_softmax(-1)
        expected[gloss] = sum(float(row[t]) for row, t in zip(steps, tokens, strict=True))
    assert answer.labels == sorted(glosses, key=lambda gloss: -expected[gloss])
    assert answer.text == answer.labels[0]
    for gloss, score in zip(answer.labels, answer.scores, strict=True):
        assert score == pytest.approx(expected[gloss], abs=1e-3)


def test_samples_depend_on_the_seed_alone() -> None:
    decoding = {"max_new_tokens": 4, "temperature": 1.0, "seed": 3, "samples": 3}
    one, again = make_adapter(decoding=decoding), make_adapter(decoding=decoding)
    other = make_adapter(decoding={**decoding, "seed": 4})
    request = make_request(make_clip(1))
    base = answers(one, [request])
    assert base == answers(again, [request]) and len(base[0].samples) == 3
    assert base != answers(other, [request])


def test_a_prompt_without_a_clip(adapter: bagel.Bagel) -> None:
    text = [{"role": "user", "content": [{"type": "text", "text": "Which sign is it?"}]}]
    (answer,) = answers(adapter, [Request(run_questions.unseen("v1"), text)])
    assert (answer.frames, answer.visual_tokens, answer.error) == (0, 0, None)
    assert answer.prompt_tokens == len("Which sign is it?") + 3


def test_frames_squashed_to_a_size() -> None:
    (answer,) = answers(
        make_adapter(processor={"size": {"height": 28, "width": 28}, **SMALL}),
        [make_request(make_clip(1))],
    )
    assert (answer.pixels_height, answer.pixels_width) == (28, 28)


def test_embeddings(adapter: bagel.Bagel) -> None:
    embedder = OneClipEmbedder(adapter)
    one, two = embedder.embed_clip(make_clip(1)), embedder.embed_clip(make_clip(2))
    texts = embedder.embed_texts(["book", "a longer text", "book"])
    assert one.shape == two.shape == texts[0].shape == (32,)
    assert np.abs(one - two).max() > 1e-3 and np.array_equal(one, embedder.embed_clip(make_clip(1)))
    assert np.array_equal(texts[0], texts[2]) and np.abs(texts[0] - texts[1]).max() > 1e-3


def copy_checkpoint(folder: Path) -> Path:
    for file in tiny_families.folder("bagel").iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


def test_weights_that_are_not_in_the_checkpoint(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    path = copy_checkpoint(tmp_path) / "ema.safetensors"
    weights = load_file(path)
    weights.pop("language_model.model.layers.1.self_attn.q_norm.weight")
    weights["connector.fc1.weight"] = weights["connector.fc1.weight"][:, :-1].contiguous()
    # Those that draw are not missed.
    kept = {name: w for name, w in weights.items() if "_moe_gen" not in name and "vae" not in name}
    save_file(kept, path)
    with pytest.raises(UserError, match=r"2 weights of BAGEL are not in its ema\.safetensors"):
        make_adapter(checkpoint=str(tmp_path))


@pytest.mark.parametrize("name", ["ema.safetensors", "llm_config.json", "vit_config.json"])
def test_files_that_are_not_in_the_checkpoint(tmp_path: Path, name: str) -> None:
    (copy_checkpoint(tmp_path) / name).unlink()
    with pytest.raises(UserError, match=f"no {name}") as caught:
        make_adapter(checkpoint=str(tmp_path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"quantization": "8bit"}, "quantization has no meaning with adapter: bagel"),
        ({"frames_as": "video"}, "frames_as has no meaning with adapter: bagel"),
        ({"attn": "flash_attention_2"}, r"attn: .*sdpa"),
        ({"processor": {"size": {"shortest_edge": 9}}}, "processor.size needs height and width"),
        ({"processor": {"longest": 3}}, "processor has no setting 'longest'; it has max_pixels"),
    ],
)
def test_keys_that_would_have_no_effect(change: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError, match=says):
        make_adapter(**change)
