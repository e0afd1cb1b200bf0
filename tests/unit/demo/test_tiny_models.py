"""Tiny models: they load like any checkpoint, take chat prompts and answer through generate."""

from typing import Any

import numpy as np
import pytest
from helpers.study_files import study_option

import build_demo_model
from zerosign import torch_setup
from zerosign.demo import tiny_models
from zerosign.demo.signs import SIGNS
from zerosign.errors import UserError


@pytest.fixture(scope="module", params=tiny_models.KINDS)
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp(request.param)
    study = study_option(tmp_path_factory.mktemp("study"), demo={"seed": 1})
    build_demo_model.main([*study, "--kind", request.param, "--output", str(folder)])
    return folder


@pytest.fixture(scope="module")
def loaded(checkpoint: Any) -> Any:
    torch_setup.prepare()
    import transformers

    processor = transformers.AutoProcessor.from_pretrained(checkpoint)
    return processor, transformers.AutoModelForImageTextToText.from_pretrained(checkpoint)


def conversation(seed: int = 0, size: int = (120, 160), frames: Any = 12) -> Any:
    pixels = np.random.default_rng(seed).integers(0, 255, (frames, *size, 3), dtype=np.uint8)
    system = {"role": "system", "content": [{"type": "text", "text": "You name signs."}]}
    parts = [{"type": "video", "video": pixels}, {"type": "text", "text": "Which sign is this?"}]
    return [system, {"role": "user", "content": parts}]


def inputs(processor: Any, conversations: Any, **options: Any) -> Any:
    metadata = {"total_num_frames": 48, "fps": 25.0, "duration": 1.92, "width": 160, "height": 120}
    metadata["frames_indices"] = list(range(0, 48, 4))
    return processor.apply_chat_template(
        conversations,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
        **{"add_generation_prompt": True, **options},
        processor_kwargs={
            "padding": True,
            "do_sample_frames": False,
            "video_metadata": [metadata] * len(conversations),
        },
    )


def test_small_and_without_pickles(checkpoint: Any) -> None:
    files = [path for path in checkpoint.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 2e6
    assert {path.suffix for path in files} <= {".json", ".jinja", ".safetensors"}


def test_generates_from_video(loaded: Any) -> None:
    processor, model = loaded
    batch = inputs(processor, [conversation(0), conversation(1)])
    out = model.generate(**batch, max_new_tokens=5)
    assert out.shape[0] == 2
    assert 1 <= out.shape[1] - batch["input_ids"].shape[1] <= 5
    assert model.generation_config.eos_token_id == processor.tokenizer.eos_token_id
    assert processor.tokenizer.pad_token_id != processor.tokenizer.eos_token_id


def test_the_prompt_reaches_the_model_whole(loaded: Any) -> None:
    processor, _ = loaded
    text = processor.decode(inputs(processor, [conversation()])["input_ids"][0])
    assert "<|im_start|>system\nYou name signs.<|im_end|>\n<|im_start|>user\n" in text
    assert text.endswith("Which sign is this?<|im_end|>\n<|im_start|>assistant\n")
    plain = inputs(processor, [conversation()], add_generation_prompt=False)
    assert not processor.decode(plain["input_ids"][0]).endswith("assistant\n")


def test_answers_depend_on_the_pixels(loaded: Any) -> None:
    processor, model = loaded
    logits = [
        model(**inputs(processor, [conversation(seed)]), use_cache=False).logits[0, -1].detach()
        for seed in (0, 1, 0)
    ]
    assert not np.allclose(logits[0], logits[1], atol=1e-4)
    np.testing.assert_array_equal(logits[0], logits[2])


def test_a_batch_answers_like_one_clip_at_a_time(loaded: Any) -> None:
    """Clips of two sizes: prompts of two lengths, where the family's tokens follow the size."""
    processor, model = loaded
    clips = [conversation(0), conversation(1, (128, 128)), conversation(2)]
    batch = inputs(processor, clips)
    together = model.generate(**batch, max_new_tokens=4)[:, batch["input_ids"].shape[1] :]
    for clip, answer in zip(clips, together, strict=True):
        single = inputs(processor, [clip])
        alone = model.generate(**single, max_new_tokens=4)[0, single["input_ids"].shape[1] :]
        np.testing.assert_array_equal(answer[: len(alone)], alone)


@pytest.mark.parametrize("kind", tiny_models.KINDS)
def test_seed_decides_the_weights(kind: Any) -> None:
    torch_setup.prepare()

    def weights(seed: int) -> Any:
        model, _ = tiny_models.build(kind, seed, ["yes no"])
        return np.concatenate([p.detach().numpy().ravel() for p in model.parameters()])

    np.testing.assert_array_equal(weights(1), weights(1))
    assert not np.array_equal(weights(1), weights(2))


def test_any_text_round_trips(loaded: Any) -> None:
    tokenizer = loaded[0].tokenizer
    for text in ("thank you", "Grüße, 手話 🤟\n\tno.", " leading", "I love you", "grow"):
        assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
    for sign in SIGNS:
        assert len(tokenizer(sign.gloss)["input_ids"]) == 1
        assert len(tokenizer(f" {sign.gloss}")["input_ids"]) == 1


def test_an_unknown_kind_is_one_line() -> None:
    with pytest.raises(UserError, match="no tiny model of kind 'bert'"):
        tiny_models.build("bert", 0, [])
