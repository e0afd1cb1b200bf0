"""Windows of one length, computed together, against transformers' loop over them."""

from typing import Any

import pytest
import torch
from helpers import tiny_families
from helpers.tiny_families import make_clip
from transformers import AutoModelForImageTextToText

from zerosign.models import checkpoint, window_attention
from zerosign.models.base import Request
from zerosign.models.chat_processing import VISUAL_INPUTS
from zerosign.models.kinds import chat

WINDOWED = ("glm46v", "glm4v", "qwen2_5_vl", "qwen3_5", "qwen3_vl", "qwen3_vl_moe", "video_llama_3")


def pixels(adapter: chat.Chat, family: str) -> dict[str, Any]:
    """Two clips of different sizes and lengths, so that windows have several lengths."""
    message = {"role": "user", "content": [{"type": "video"}]}
    clips = [make_clip(1, frames=4), make_clip(2, frames=6, size=(72, 96))]
    inputs = adapter.prepare_batch([Request(clip, [message]) for clip in clips]).inputs
    return {key: value for key, value in inputs.items() if key in VISUAL_INPUTS["video"]}


@pytest.mark.parametrize("family", WINDOWED)
def test_features_equal_those_of_the_loop(family: str) -> None:
    adapter = tiny_families.adapter(family)
    usual = AutoModelForImageTextToText.from_pretrained(tiny_families.folder(family)).eval()
    checkpoint.patches_as_products(usual)
    together = names(adapter.model)
    assert window_attention.NAME in together and window_attention.NAME not in names(usual)
    inputs = pixels(adapter, family)
    with torch.inference_mode():
        found, expected = (
            model.get_video_features(**inputs, return_dict=True).pooler_output
            for model in (adapter.model, usual)
        )
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)


def names(model: Any) -> set[str]:
    configs = [getattr(module, "config", None) for module in model.modules()]
    return {getattr(config, "_attn_implementation", None) for config in configs}


def test_windows_of_several_lengths() -> None:
    torch.manual_seed(0)
    query, key, value = torch.randn(3, 1, 2, 12, 8)
    bounds = torch.tensor([0, 3, 4, 4, 7, 12], dtype=torch.int32)
    found, _ = window_attention.attend(
        None, query, key, value, None, scaling=0.3, cu_seq_lens_q=bounds
    )
    assert found.shape == (1, 12, 2, 8)
    for start, end in ((0, 3), (3, 4), (4, 7), (7, 12)):
        q, k, v = (tensor[0, :, start:end] for tensor in (query, key, value))
        weights = (q @ k.transpose(1, 2) * 0.3).softmax(-1)
        expected = (weights @ v).transpose(0, 1)
        torch.testing.assert_close(found[0, start:end], expected)


def test_another_attention_is_left_alone() -> None:
    entry = tiny_families.adapter("qwen2_5_vl").entry.model_copy(update={"attn": "eager"})
    assert window_attention.NAME not in names(chat.load(entry).model)
