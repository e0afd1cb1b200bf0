"""Tiny vision-language models: real architectures of transformers, a few hundred thousand weights.

A model is built from its family's config with random weights, and saved with a tokenizer made on
the spot, a chat template and the family's own image and video processor. It loads through
``AutoProcessor`` and ``AutoModelForImageTextToText`` like any checkpoint from the hub.
Call `zerosign.torch_setup.prepare` first.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from zerosign.errors import UserError

KINDS = ("qwen2_5_vl", "qwen3_vl", "internvl")

HIDDEN = 64
PATCH = 8
# Frames of 128x128 become 32x32 and frames of 160x120 become 48x32, so prompts differ in length
# as they do with real clips.
MIN_PIXELS, MAX_PIXELS = 32 * 32, 2000

PAD, START, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
VISION = ("<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
INTERNVL = ("<img>", "</img>", "<IMG_CONTEXT>", "<video>")

_QWEN_PARTS = (
    "{%- if part.type == 'video' -%}<|vision_start|><|video_pad|><|vision_end|>"
    "{%- elif part.type == 'image' -%}<|vision_start|><|image_pad|><|vision_end|>"
)
_INTERNVL_PARTS = (
    "{%- if part.type == 'video' -%}{{ '<video>\n' }}"
    "{%- elif part.type == 'image' -%}{{ '<IMG_CONTEXT>\n' }}"
)


def build(kind: str, seed: int, texts: Iterable[str]) -> tuple[Any, Any]:
    """A random model of a family and its processor; the words of `texts` become tokens."""
    if kind not in KINDS:
        raise UserError(f"no tiny model of kind {kind!r}; use one of {', '.join(KINDS)}")
    import torch

    tokenizer = _tokenizer(kind, texts)
    torch.manual_seed(seed)
    return _FAMILIES[kind](tokenizer)


def save(model: Any, processor: Any, folder: Path) -> None:
    """Write a checkpoint: safetensors and JSON only."""
    import transformers

    transformers.utils.logging.disable_progress_bar()
    model.save_pretrained(folder)
    processor.save_pretrained(folder)


def chat_template(kind: str) -> str:
    """ChatML, as the families use it, with each family's place holder for a video."""
    parts = _INTERNVL_PARTS if kind == "internvl" else _QWEN_PARTS
    return (
        "{%- for message in messages -%}{{ '<|im_start|>' + message.role + '\n' }}"
        "{%- if message.content is string -%}{{ message.content }}{%- else -%}"
        "{%- for part in message.content -%}"
        + parts
        + "{%- else -%}{{ part.text }}{%- endif -%}{%- endfor -%}{%- endif -%}"
        "{{ '<|im_end|>\n' }}{%- endfor -%}"
        "{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\n' }}{%- endif -%}"
    )


def _tokenizer(kind: str, texts: Iterable[str]) -> Any:
    """Byte-level tokenizer: a token a byte, and one a word of `texts`, bare and after a space.

    Any text goes through it unharmed, and known words are one token each.
    """
    import tokenizers
    import transformers
    from tokenizers import decoders, pre_tokenizers

    split = pre_tokenizers.ByteLevel(add_prefix_space=False)
    words = {word for text in texts for word in re.findall(r"\w+|[^\w\s]", text)}
    roles = {"system", "user", "assistant"}
    pieces = {
        piece
        for word in words | roles
        for text in (word, f" {word}")
        for piece, _ in split.pre_tokenize_str(text)
    }
    vocabulary = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary += sorted(pieces - set(vocabulary))
    backend = tokenizers.Tokenizer(
        tokenizers.models.BPE(
            vocab={piece: i for i, piece in enumerate(vocabulary)}, merges=[], ignore_merges=True
        )
    )
    backend.pre_tokenizer = split
    backend.decoder = decoders.ByteLevel()
    named = {}
    special = [PAD, START, END, *VISION]
    if kind == "internvl":
        special += INTERNVL
        keys = ("start_image_token", "end_image_token", "context_image_token", "video_token")
        named = dict(zip(keys, INTERNVL, strict=True))
    backend.add_special_tokens(special)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token=PAD,
        eos_token=END,
        padding_side="left",
        extra_special_tokens=named or None,
        model_max_length=4096,
    )


def _text_config(tokenizer: Any, **extra: Any) -> dict[str, Any]:
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": HIDDEN,
        "intermediate_size": 2 * HIDDEN,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 4096,
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "tie_word_embeddings": True,
        **extra,
    }


def _qwen_ids(tokenizer: Any) -> dict[str, int]:
    names = ("vision_start_token_id", "vision_end_token_id", "image_token_id", "video_token_id")
    return dict(zip(names, tokenizer.convert_tokens_to_ids(list(VISION)), strict=True))


def _qwen_processors(transformers: Any, **video: Any) -> dict[str, Any]:
    size = {"shortest_edge": MIN_PIXELS, "longest_edge": MAX_PIXELS}
    common = {"patch_size": PATCH, "temporal_patch_size": 2, "merge_size": 2}
    return {
        "image_processor": transformers.Qwen2VLImageProcessor(size=size, **common),
        "video_processor": video.pop("cls")(**common, **video),
    }


def _qwen2_5_vl(tokenizer: Any) -> tuple[Any, Any]:
    import transformers

    config = transformers.Qwen2_5_VLConfig(
        text_config=_text_config(
            tokenizer,
            rope_parameters={
                "rope_type": "default",
                "rope_theta": 10_000.0,
                "mrope_section": [4, 2, 2],
            },
        ),
        vision_config={
            "depth": 2,
            "hidden_size": HIDDEN,
            "intermediate_size": 2 * HIDDEN,
            "num_heads": 4,
            "patch_size": PATCH,
            "window_size": 16 * PATCH,
            "out_hidden_size": HIDDEN,
            "fullatt_block_indexes": [0, 1],
            "tokens_per_second": 8,
        },
        tie_word_embeddings=True,
        **_qwen_ids(tokenizer),
    )
    processors = _qwen_processors(
        transformers,
        cls=transformers.Qwen2VLVideoProcessor,
        size={"shortest_edge": MIN_PIXELS, "longest_edge": MAX_PIXELS},
        cap_pixels_per_frame=False,
    )
    processor = transformers.Qwen2_5_VLProcessor(
        tokenizer=tokenizer, chat_template=chat_template("qwen2_5_vl"), **processors
    )
    return _finish(transformers.Qwen2_5_VLForConditionalGeneration(config), tokenizer), processor


def _qwen3_vl(tokenizer: Any) -> tuple[Any, Any]:
    import transformers

    config = transformers.Qwen3VLConfig(
        text_config=_text_config(
            tokenizer,
            head_dim=HIDDEN // 4,
            rope_parameters={
                "rope_type": "default",
                "rope_theta": 10_000.0,
                "mrope_section": [4, 2, 2],
                "mrope_interleaved": True,
            },
        ),
        vision_config={
            "depth": 2,
            "hidden_size": HIDDEN,
            "intermediate_size": 2 * HIDDEN,
            "num_heads": 4,
            "patch_size": PATCH,
            "out_hidden_size": HIDDEN,
            "num_position_embeddings": 64,
            "deepstack_visual_indexes": [0],
        },
        tie_word_embeddings=True,
        **_qwen_ids(tokenizer),
    )
    # This family's budget is one a video, frames included.
    processors = _qwen_processors(
        transformers,
        cls=transformers.Qwen3VLVideoProcessor,
        size={"shortest_edge": MIN_PIXELS, "longest_edge": 12 * MAX_PIXELS},
        cap_pixels_per_frame=False,
    )
    processor = transformers.Qwen3VLProcessor(
        tokenizer=tokenizer, chat_template=chat_template("qwen3_vl"), **processors
    )
    return _finish(transformers.Qwen3VLForConditionalGeneration(config), tokenizer), processor


def _internvl(tokenizer: Any) -> tuple[Any, Any]:
    import transformers

    side = 4 * PATCH
    size = {"height": side, "width": side}
    config = transformers.InternVLConfig(
        text_config={"model_type": "qwen2", **_text_config(tokenizer)},
        vision_config={
            "hidden_size": HIDDEN,
            "intermediate_size": 2 * HIDDEN,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "image_size": [side, side],
            "patch_size": [PATCH, PATCH],
        },
        image_token_id=tokenizer.convert_tokens_to_ids("<IMG_CONTEXT>"),
        image_seq_length=4,
        tie_word_embeddings=True,
    )
    processor = transformers.InternVLProcessor(
        tokenizer=tokenizer,
        image_processor=transformers.GotOcr2ImageProcessor(size=size, crop_to_patches=False),
        video_processor=transformers.InternVLVideoProcessor(size=size),
        image_seq_length=4,
        chat_template=chat_template("internvl"),
    )
    return _finish(transformers.InternVLForConditionalGeneration(config), tokenizer), processor


def _finish(model: Any, tokenizer: Any) -> Any:
    """Fan-in initialisation, and greedy decoding that knows where to stop.

    The families' own deviation of 0.02 suits thousands of dimensions. With 64, hardly anything
    would pass from layer to layer, and a random model would only repeat the last token it read.
    """
    import torch

    for weight in model.parameters():
        if weight.ndim > 1 and weight is not model.get_input_embeddings().weight:
            torch.nn.init.normal_(weight, std=weight[0].numel() ** -0.5)
    model.generation_config.do_sample = False
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    return model.eval()


_FAMILIES = {"qwen2_5_vl": _qwen2_5_vl, "qwen3_vl": _qwen3_vl, "internvl": _internvl}
