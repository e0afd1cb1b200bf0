"""Positions of the text that follows a video."""

import dataclasses

import numpy as np
import pytest
import torch
from helpers import tiny_families
from helpers.tiny_families import make_clip

from zerosign.frames.cache import Clip
from zerosign.models.base import Request
from zerosign.models.rope_positions import rope_index
from zerosign.prompts import template
from zerosign.prompts.prompt_entry import Prompt

QUESTION = template.render("test", Prompt.of({"task": "predict", "user": "Which sign?"}), {})


def long_clip(seconds: float) -> Clip:
    clip = make_clip(1)
    times = np.linspace(0, seconds, len(clip.frames), endpoint=False)
    return dataclasses.replace(
        clip, timestamps=times, duration=seconds, total_frames=round(seconds * clip.fps)
    )


def positions(seconds: float) -> tuple[torch.Tensor, torch.Tensor]:
    """[3, L] of a prompt about a clip of this length, and whether a token is of its frames."""
    adapter = tiny_families.adapter("qwen2_5_vl")
    requests = [Request(long_clip(seconds), QUESTION), Request(long_clip(1.0), QUESTION)]
    inputs = adapter.prepare(requests).inputs
    found, deltas = rope_index(adapter.model)(
        inputs["input_ids"],
        mm_token_type_ids=inputs["mm_token_type_ids"],
        video_grid_thw=inputs["video_grid_thw"],
        second_per_grid_ts=inputs["second_per_grid_ts"],
        attention_mask=inputs["attention_mask"],
    )
    kept = inputs["attention_mask"][0].bool()
    assert int(deltas[0]) == int(found[:, 0, kept].max()) + 1 - int(kept.sum())
    return found[:, 0, kept], inputs["mm_token_type_ids"][0, kept] == 2


@pytest.mark.parametrize("seconds", [1.0, 30.0])
def test_text_goes_on_after_all_axes_of_a_video(seconds: float) -> None:
    found, video = positions(seconds)
    last = int(video.nonzero().max())
    assert video[last] and not video[last + 1 :].any()
    largest = int(found[:, : last + 1].max())
    after = found[:, last + 1 :]
    assert after.tolist() == [[largest + 1 + i for i in range(after.shape[1])]] * 3
    if seconds > 10:  # here transformers begins the text within the video's time
        time, height, _ = found[:, video]
        assert largest == int(time.max()) > int(height.max()) + len(after[0])


def test_a_long_clip_is_answered_alike_alone_and_with_a_shared_prefix() -> None:
    adapter = tiny_families.adapter("qwen2_5_vl")
    request = Request(long_clip(30.0), QUESTION)
    (alone,) = adapter.answer(adapter.prepare([request]))
    (shared,) = adapter.answer(adapter.prepare([dataclasses.replace(request, question="q")]))
    assert alone.text == shared.text and alone.answer_tokens
