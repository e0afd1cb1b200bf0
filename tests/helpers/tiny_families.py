"""Tiny random models of real architectures, built from config in a fraction of a second.

Each builder saves a whole checkpoint (weights, tokenizer with a chat template, processors) that the
Auto classes load like a published one. Weights are larger than usual at initialisation, so that
what the model sees moves its logits well above rounding.
"""

import dataclasses
import functools
import hashlib
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from zerosign import torch_setup
from zerosign.frames.cache import Clip
from zerosign.models import registry
from zerosign.models.kinds import chat
from zerosign.models.model_entry import ModelEntry
from zerosign.study import error_lines

torch_setup.prepare()

TEXT = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}

TEXT_TOWER = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 40,
}

TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' }}"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'video' %}{{ VIDEO }}"
    "{% elif part['type'] == 'image' %}{{ IMAGE }}"
    "{% else %}{{ part['text'] }}{% endif %}{% endfor %}{{ '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def template(video: str, image: str) -> str:
    """A chat template with the family's placeholders."""
    return TEMPLATE.replace("VIDEO", repr(video)).replace("IMAGE", repr(image))


def tokenizer(special: list[str], **named: str) -> PreTrainedTokenizerFast:
    """Byte-level tokenizer: 256 bytes, then the special tokens in order."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Tokenizer(models.BPE({symbol: i for i, symbol in enumerate(alphabet)}, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    result = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        eos_token="<|im_end|>",
        pad_token="<|pad|>",
        extra_special_tokens=named,
    )
    result.add_tokens(["<|im_start|>", *special], special_tokens=True)
    return result


def save(model: Any, processor: Any, folder: Path, seed: int = 0) -> Path:
    """Random weights from the seed, then the whole checkpoint into ``folder``."""
    generator = torch.Generator().manual_seed(seed)
    for name, weight in model.named_parameters():
        if weight.ndim > 1:
            fan_in = weight[0].numel()
            scale = 1.0 if "embed" in name else fan_in**-0.5
            weight.data = torch.randn(weight.shape, generator=generator) * scale
    if model.can_generate():
        model.generation_config.eos_token_id = processor.tokenizer.eos_token_id
        model.generation_config.pad_token_id = processor.tokenizer.pad_token_id
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def qwen2_5_vl(folder: Path, head: int = 8) -> Path:
    """``head``: size of an attention head; vLLM has none below 32 on a CPU."""
    from transformers import (
        Qwen2_5_VLConfig,
        Qwen2_5_VLForConditionalGeneration,
        Qwen2_5_VLProcessor,
        Qwen2VLImageProcessor,
        Qwen2VLVideoProcessor,
    )

    names = ["<|vision_start|>", "<|vision_end|>", "<|video_pad|>", "<|image_pad|>"]
    tok = tokenizer(names)
    start, end, video, image = tok.convert_tokens_to_ids(names)
    config = Qwen2_5_VLConfig(
        text_config={
            **TEXT,
            "hidden_size": 4 * head,
            "vocab_size": len(tok),
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 10000.0,
                "mrope_section": [head // 4, head // 8, head // 8],
            },
        },
        vision_config={
            "depth": 2,
            "hidden_size": 4 * head,
            "intermediate_size": 64,
            "num_heads": 4,
            "out_hidden_size": 4 * head,
            "patch_size": 14,
            "window_size": 56,
            "fullatt_block_indexes": [1],
            "tokens_per_second": 4,
        },
        video_token_id=video,
        image_token_id=image,
        vision_start_token_id=start,
        vision_end_token_id=end,
        tie_word_embeddings=False,
    )
    size = {"shortest_edge": 28 * 28, "longest_edge": 28 * 28 * 16}
    processor = Qwen2_5_VLProcessor(
        image_processor=Qwen2VLImageProcessor(size=size),
        video_processor=Qwen2VLVideoProcessor(size=size),
        tokenizer=tok,
        chat_template=template(
            "<|vision_start|><|video_pad|><|vision_end|>",
            "<|vision_start|><|image_pad|><|vision_end|>",
        ),
    )
    return save(Qwen2_5_VLForConditionalGeneration(config), processor, folder)


def internvl(folder: Path) -> Path:
    from transformers import (
        GotOcr2ImageProcessor,
        InternVLConfig,
        InternVLForConditionalGeneration,
        InternVLProcessor,
        InternVLVideoProcessor,
    )

    names = ["<img>", "</img>", "<IMG_CONTEXT>", "<video>"]
    tok = tokenizer(
        names,
        start_image_token="<img>",
        end_image_token="</img>",
        context_image_token="<IMG_CONTEXT>",
        video_token="<video>",
    )
    config = InternVLConfig(
        text_config={"model_type": "qwen3", **TEXT, "vocab_size": len(tok), "head_dim": 8},
        vision_config={
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "image_size": [28, 28],
            "patch_size": [7, 7],
        },
        image_token_id=tok.convert_tokens_to_ids("<IMG_CONTEXT>"),
        image_seq_length=4,
        tie_word_embeddings=False,
    )
    size = {"height": 28, "width": 28}
    processor = InternVLProcessor(
        image_processor=GotOcr2ImageProcessor(size=size),
        video_processor=InternVLVideoProcessor(size=size),
        tokenizer=tok,
        image_seq_length=4,
        chat_template=template("<video>\n", "<IMG_CONTEXT>\n"),
    )
    return save(InternVLForConditionalGeneration(config), processor, folder)


def qwen3_vl(folder: Path, kind: str = "Qwen3VL", seed: int = 0, head: int = 8) -> Path:
    import transformers as tf

    names = ["<|vision_start|>", "<|vision_end|>", "<|video_pad|>", "<|image_pad|>"]
    tok = tokenizer(names)
    start, end, video, image = tok.convert_tokens_to_ids(names)
    more = {
        "Qwen3VLMoe": {
            "num_experts": 4,
            "num_experts_per_tok": 2,
            "moe_intermediate_size": 32,
            "norm_topk_prob": True,  # published, and read by vLLM
        },
        "Qwen3_5": {
            "layer_types": ["linear_attention", "full_attention"],
            "linear_key_head_dim": 8,
            "linear_value_head_dim": 8,
            "linear_num_key_heads": 2,
            "linear_num_value_heads": 4,
        },
        "Qwen4Exp": {
            "layer_types": ["linear_attention", "indexed_attention"],
            "linear_key_head_dim": 8,
            "linear_value_head_dim": 8,
            "linear_num_key_heads": 2,
            "linear_num_value_heads": 4,
            "num_experts": 4,
            "num_experts_per_tok": 2,
            "moe_intermediate_size": 32,
            "shared_expert_intermediate_size": 32,
            "hc_count": 2,
            "hc_lowrank": 8,
            "ple_layer_ids": [1],
            "heads_per_ngram": 2,
            "ngram_vocab_size_base": 97,
            "make_ngram_vocab_size_divisible_by": 8,
            "split_ngram_parts": 2,
            "eos_token_id": tok.eos_token_id,
            "indexer_n_heads": 2,
            "indexer_kv_heads": 1,
            "indexer_head_dim": 8,
            "indexer_budget": 32,
            "indexer_compress_ratio": 4,
        },
    }
    config = getattr(tf, f"{kind}Config")(
        text_config={
            **TEXT,
            **more.get(kind, {}),
            "head_dim": head,
            "vocab_size": len(tok),
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 10000.0,
                "mrope_section": [head // 4, head // 8, head // 8],
                "mrope_interleaved": True,
            },
        },
        vision_config={
            "depth": 2,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_heads": 4,
            "out_hidden_size": 32,
            "patch_size": 16,
            "num_position_embeddings": 16,
            "deepstack_visual_indexes": [0, 1],
        },
        video_token_id=video,
        image_token_id=image,
        vision_start_token_id=start,
        vision_end_token_id=end,
        tie_word_embeddings=False,
    )
    processor = tf.Qwen3VLProcessor(
        image_processor=tf.Qwen2VLImageProcessor(
            size={"shortest_edge": 32 * 32, "longest_edge": 32 * 32 * 4}, patch_size=16
        ),
        video_processor=tf.Qwen3VLVideoProcessor(
            size={"shortest_edge": 32 * 32 * 2, "longest_edge": 32 * 32 * 64}
        ),
        tokenizer=tok,
        # The processor puts start and end around the frames of each pair itself.
        chat_template=template("<|vision_start|><|video_pad|><|vision_end|>", "<|image_pad|>"),
    )
    return save(getattr(tf, f"{kind}ForConditionalGeneration")(config), processor, folder, seed)


def qwen3_vl_moe(folder: Path) -> Path:
    return qwen3_vl(folder, "Qwen3VLMoe")


def qwen3_5(folder: Path) -> Path:
    return qwen3_vl(folder, "Qwen3_5", seed=5)  # which does not answer all questions alike


def qwen4_exp(folder: Path) -> Path:
    return qwen3_vl(folder, "Qwen4Exp", seed=5)  # which sees the frames well enough


def glm4v(folder: Path, kind: str = "Glm4v", head: int = 16) -> Path:
    import transformers as tf

    names = [
        f"<|{name}|>"
        for kind in ("image", "video")
        for name in (f"begin_of_{kind}", f"end_of_{kind}", kind)
    ]
    tok = tokenizer(names)
    ids = dict(zip(names, tok.convert_tokens_to_ids(names), strict=True))
    moe = {
        "model_type": "glm4v_moe_text",
        "n_routed_experts": 4,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 32,
        "head_dim": head,
    }
    config = getattr(tf, f"{kind}Config")(
        text_config={
            **({"model_type": "glm4v_text"} if kind != "Glm4vMoe" else moe),
            **TEXT,
            "hidden_size": 4 * head,
            "vocab_size": len(tok),
            "pad_token_id": None,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 10000.0,
                "partial_rotary_factor": 0.5,
                "mrope_section": [head // 8, head // 16, head // 16],
            },
        },
        vision_config={
            "model_type": "glm4v_vision" if kind != "Glm4vMoe" else "glm4v_moe_vision",
            "depth": 2,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_heads": 4,
            "out_hidden_size": 4 * head,
            "image_size": 56,
        },
        image_token_id=ids["<|image|>"],
        video_token_id=ids["<|video|>"],
        image_start_token_id=ids["<|begin_of_image|>"],
        image_end_token_id=ids["<|end_of_image|>"],
        video_start_token_id=ids["<|begin_of_video|>"],
        video_end_token_id=ids["<|end_of_video|>"],
        tie_word_embeddings=False,
    )
    shown = kind.removesuffix("Moe")
    processor = getattr(tf, f"{shown}Processor")(
        image_processor=getattr(tf, f"{shown}ImageProcessor")(
            size={"shortest_edge": 28 * 28, "longest_edge": 28 * 28 * 4}
        ),
        video_processor=getattr(tf, f"{shown}VideoProcessor")(
            size={"shortest_edge": 28 * 28, "longest_edge": 28 * 28 * 64}
        ),
        tokenizer=tok,
        chat_template=template(
            "<|begin_of_video|><|video|><|end_of_video|>",
            "<|begin_of_image|><|image|><|end_of_image|>",
        ),
    )
    return save(getattr(tf, f"{kind}ForConditionalGeneration")(config), processor, folder)


def glm4v_moe(folder: Path) -> Path:
    return glm4v(folder, "Glm4vMoe")


def glm46v(folder: Path) -> Path:
    return glm4v(folder, "Glm46V")


TOWER = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "image_size": 28,
    "patch_size": 7,
}
PINPOINTS = [[28, 56], [56, 28], [56, 56]]


def llava_next_video(folder: Path) -> Path:
    import transformers as tf

    tok = tokenizer(["<video>", "<image>"])
    video, image = tok.convert_tokens_to_ids(["<video>", "<image>"])
    config = tf.LlavaNextVideoConfig(
        text_config={"model_type": "llama", **TEXT, "vocab_size": len(tok)},
        vision_config={"model_type": "clip_vision_model", **TOWER, "projection_dim": 32},
        video_token_index=video,
        image_token_index=image,
        image_grid_pinpoints=PINPOINTS,
        tie_word_embeddings=False,
    )
    size = {"size": {"shortest_edge": 28}, "crop_size": {"height": 28, "width": 28}}
    processor = tf.LlavaNextVideoProcessor(
        video_processor=tf.LlavaNextVideoVideoProcessor(**size),
        image_processor=tf.LlavaNextImageProcessor(**size, image_grid_pinpoints=PINPOINTS),
        tokenizer=tok,
        patch_size=7,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=template("<video>\n", "<image>\n"),
    )
    return save(tf.LlavaNextVideoForConditionalGeneration(config), processor, folder)


def llava_onevision(folder: Path) -> Path:
    import transformers as tf

    tok = tokenizer(["<video>", "<image>"])
    video, image = tok.convert_tokens_to_ids(["<video>", "<image>"])
    config = tf.LlavaOnevisionConfig(
        text_config={"model_type": "qwen2", **TEXT, "vocab_size": len(tok)},
        vision_config={"model_type": "siglip_vision_model", **TOWER, "vision_use_head": False},
        video_token_index=video,
        image_token_index=image,
        image_grid_pinpoints=PINPOINTS,
        tie_word_embeddings=False,
    )
    size = {"size": {"height": 28, "width": 28}}
    processor = tf.LlavaOnevisionProcessor(
        image_processor=tf.LlavaOnevisionImageProcessor(**size, image_grid_pinpoints=PINPOINTS),
        video_processor=tf.LlavaOnevisionVideoProcessor(**size),
        tokenizer=tok,
        num_image_tokens=16,
        vision_feature_select_strategy="full",
        chat_template=template("<video>\n", "<image>\n"),
    )
    return save(tf.LlavaOnevisionForConditionalGeneration(config), processor, folder)


def smolvlm(folder: Path) -> Path:
    import transformers as tf
    from transformers.models.smolvlm import processing_smolvlm

    if not processing_smolvlm.num2words:  # a package that only spells the number of frames
        processing_smolvlm.num2words = str
    tok = tokenizer(
        ["<video>", "<image>", "<fake_token_around_image>", "<global-img>", "<end_of_utterance>"]
    )
    config = tf.SmolVLMConfig(
        text_config={"model_type": "llama", **TEXT, "vocab_size": len(tok), "pad_token_id": None},
        vision_config=TOWER,
        image_token_id=tok.convert_tokens_to_ids("<image>"),
        scale_factor=2,
        tie_word_embeddings=False,
    )
    size = {"size": {"longest_edge": 28}, "max_image_size": {"longest_edge": 28}}
    processor = tf.SmolVLMProcessor(
        image_processor=tf.SmolVLMImageProcessor(**size),
        video_processor=tf.SmolVLMVideoProcessor(**size),
        tokenizer=tok,
        image_seq_len=4,
        chat_template=template("<video>", "<image>"),
    )
    return save(tf.SmolVLMForConditionalGeneration(config), processor, folder)


def gemma3(folder: Path) -> Path:
    import transformers as tf

    named = {"boi_token": "<start_of_image>", "eoi_token": "<end_of_image>"}
    tok = tokenizer([*named.values(), "<image_soft>"], **named, image_token="<image_soft>")
    config = tf.Gemma3Config(
        text_config={
            **TEXT,
            "head_dim": 8,
            "vocab_size": len(tok),
            "sliding_window": 64,
            "layer_types": ["sliding_attention", "full_attention"],
            "query_pre_attn_scalar": 8,
            "pad_token_id": tok.pad_token_id,
            "bos_token_id": None,
            "eos_token_id": tok.eos_token_id,
        },
        vision_config={**TOWER, "vision_use_head": False},
        mm_tokens_per_image=4,
        boi_token_index=tok.convert_tokens_to_ids("<start_of_image>"),
        eoi_token_index=tok.convert_tokens_to_ids("<end_of_image>"),
        image_token_index=tok.convert_tokens_to_ids("<image_soft>"),
        tie_word_embeddings=False,
    )
    processor = tf.Gemma3Processor(
        image_processor=tf.Gemma3ImageProcessor(size={"height": 28, "width": 28}),
        tokenizer=tok,
        image_seq_length=4,
        chat_template=template("", "<start_of_image>"),
    )
    return save(tf.Gemma3ForConditionalGeneration(config), processor, folder)


def qwen3_omni(folder: Path) -> Path:
    import transformers as tf

    named = {
        "image_token": "<|image_pad|>",
        "video_token": "<|video_pad|>",
        "audio_token": "<|audio_pad|>",
        "vision_bos_token": "<|vision_start|>",
        "vision_eos_token": "<|vision_end|>",
        "audio_bos_token": "<|audio_start|>",
        "audio_eos_token": "<|audio_end|>",
    }
    tok = tokenizer(list(named.values()), **named)
    ids = {name: tok.convert_tokens_to_ids(token) for name, token in named.items()}
    config = tf.Qwen3OmniMoeConfig(
        enable_audio_output=False,
        thinker_config={
            "text_config": {
                **TEXT,
                "head_dim": 8,
                "num_experts": 4,
                "num_experts_per_tok": 2,
                "moe_intermediate_size": 32,
                "vocab_size": len(tok),
                "rope_parameters": {
                    "rope_type": "default",
                    "rope_theta": 10000.0,
                    "mrope_section": [2, 1, 1],
                    "mrope_interleaved": True,
                },
            },
            "vision_config": {
                "depth": 2,
                "hidden_size": 32,
                "intermediate_size": 64,
                "num_heads": 4,
                "out_hidden_size": 32,
                "num_position_embeddings": 16,
                "deepstack_visual_indexes": [0, 1],
            },
            "audio_config": {
                "d_model": 32,
                "encoder_layers": 1,
                "encoder_attention_heads": 4,
                "encoder_ffn_dim": 64,
                "output_dim": 32,
                "downsample_hidden_size": 16,
            },
            "image_token_id": ids["image_token"],
            "video_token_id": ids["video_token"],
            "audio_token_id": ids["audio_token"],
            "vision_start_token_id": ids["vision_bos_token"],
            "vision_end_token_id": ids["vision_eos_token"],
            "audio_start_token_id": ids["audio_bos_token"],
            "audio_end_token_id": ids["audio_eos_token"],
        },
    )
    size = {"shortest_edge": 32 * 32 * 2, "longest_edge": 32 * 32 * 64}
    processor = tf.Qwen3OmniMoeProcessor(
        image_processor=tf.Qwen2VLImageProcessor(size=size, patch_size=16),
        video_processor=tf.Qwen2VLVideoProcessor(size=size, patch_size=16),
        feature_extractor=tf.WhisperFeatureExtractor(feature_size=128),
        tokenizer=tok,
        chat_template=template(
            "<|vision_start|><|video_pad|><|vision_end|>",
            "<|vision_start|><|image_pad|><|vision_end|>",
        ),
    )
    return save(tf.Qwen3OmniMoeForConditionalGeneration(config), processor, folder)


def clip(folder: Path) -> Path:
    import transformers as tf

    tok = tokenizer([])
    config = tf.CLIPConfig(
        text_config={
            **TEXT_TOWER,
            "vocab_size": len(tok),
            "eos_token_id": tok.eos_token_id,
            "bos_token_id": None,
            "pad_token_id": tok.pad_token_id,
            "projection_dim": 16,
        },
        vision_config={**TOWER, "projection_dim": 16},
        projection_dim=16,
    )
    # Texts end with the end token, as CLIP's own tokenizer makes them: it is what is pooled.
    tok.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="$A <|im_end|>", special_tokens=[("<|im_end|>", tok.eos_token_id)]
    )
    size = {"size": {"shortest_edge": 28}, "crop_size": {"height": 28, "width": 28}}
    processor = tf.CLIPProcessor(image_processor=tf.CLIPImageProcessor(**size), tokenizer=tok)
    return save(tf.CLIPModel(config), processor, folder)


def siglip(folder: Path) -> Path:
    import transformers as tf

    tok = tokenizer([])
    config = tf.SiglipConfig(
        text_config={**TEXT_TOWER, "vocab_size": len(tok), "projection_size": 32},
        vision_config=TOWER,
    )
    image_processor = tf.SiglipImageProcessor(size={"height": 28, "width": 28})
    processor = tf.SiglipProcessor(image_processor=image_processor, tokenizer=tok)
    return save(tf.SiglipModel(config), processor, folder)


def gemma4(folder: Path) -> Path:
    import transformers as tf

    named = {
        "image_token": "<|image|>",
        "boi_token": "<|image>",
        "eoi_token": "<image|>",
        "audio_token": "<|audio|>",
        "boa_token": "<|audio>",
        "eoa_token": "<audio|>",
    }
    tok = tokenizer([*named.values(), "<|video|>"], **named)
    ids = {name: tok.convert_tokens_to_ids(token) for name, token in named.items()}
    config = tf.Gemma4Config(
        text_config={
            **TEXT,
            "head_dim": 8,
            "global_head_dim": 8,
            "vocab_size": len(tok),
            "vocab_size_per_layer_input": len(tok),
            "hidden_size_per_layer_input": 8,
            "sliding_window": 64,
            "layer_types": ["sliding_attention", "full_attention"],
            "pad_token_id": tok.pad_token_id,
            "bos_token_id": None,
            "eos_token_id": tok.eos_token_id,
            "tie_word_embeddings": False,
        },
        vision_config={
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 4,
            "head_dim": 8,
            "patch_size": 4,
            "position_embedding_size": 64,
        },
        audio_config=None,
        image_token_id=ids["image_token"],
        video_token_id=tok.convert_tokens_to_ids("<|video|>"),
        audio_token_id=ids["audio_token"],
        boi_token_id=ids["boi_token"],
        eoi_token_id=ids["eoi_token"],
        tie_word_embeddings=False,
    )
    sizes = {"patch_size": 4, "max_soft_tokens": 70}
    processor = tf.Gemma4Processor(
        feature_extractor=tf.Gemma4AudioFeatureExtractor(),
        image_processor=tf.Gemma4ImageProcessor(**sizes),
        video_processor=tf.Gemma4VideoProcessor(**sizes),
        tokenizer=tok,
        chat_template=template("<|video|>", "<|image|>"),
    )
    return save(tf.Gemma4ForConditionalGeneration(config), processor, folder)


def video_llama_3(folder: Path) -> Path:
    import transformers as tf

    names = ["<|video_pad|>", "<|image_pad|>"]
    tok = tokenizer(names)
    video, image = tok.convert_tokens_to_ids(names)
    config = tf.VideoLlama3Config(
        text_config={"model_type": "qwen2", **TEXT, "vocab_size": len(tok)},
        vision_config={
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "patch_size": 14,
        },
        image_token_id=image,
        video_token_id=video,
        tie_word_embeddings=False,
    )
    size = {"shortest_edge": 28 * 28, "longest_edge": 28 * 28 * 16}
    processor = tf.VideoLlama3Processor(
        image_processor=tf.VideoLlama3ImageProcessor(size=size),
        video_processor=tf.VideoLlama3VideoProcessor(size=size),
        tokenizer=tok,
        chat_template=template("<|video_pad|>", "<|image_pad|>"),
    )
    return save(tf.VideoLlama3ForConditionalGeneration(config), processor, folder)


def nemotron_omni(folder: Path) -> Path:
    """Layers of Mamba, experts and attention in turn; no ear."""
    import transformers as tf

    named = {"image_token": "<image>", "image_start_token": "<img>", "image_end_token": "</img>"}
    tok = tokenizer([*named.values(), "<video>", "<so_embedding>"], **named)
    config = tf.AutoConfig.for_model(
        "nemotron_h_omni",
        text_config={
            "model_type": "nemotron_h",
            **{key: value for key, value in TEXT.items() if key != "num_hidden_layers"},
            "vocab_size": len(tok),
            "head_dim": 8,
            "layers_block_type": ["linear_attention", "moe", "full_attention", "mlp"],
            "ssm_state_size": 8,
            "mamba_num_heads": 4,
            "mamba_head_dim": 8,
            "n_groups": 2,
            "chunk_size": 16,
            "n_routed_experts": 4,
            "moe_intermediate_size": 32,
            "moe_shared_expert_intermediate_size": 32,
            "pad_token_id": tok.pad_token_id,
            "bos_token_id": None,
            "eos_token_id": tok.eos_token_id,
        },
        vision_config={
            "model_type": "radio",
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "mlp_ratio": 2.0,
            "patch_size": 14,
            "image_size": 56,
            "max_img_size": 112,
            "video_temporal_patch_size": 2,
        },
        audio_config=None,
        vision_hidden_size=32,
        projector_hidden_size=32,
        image_token_id=tok.convert_tokens_to_ids("<image>"),
        video_token_id=tok.convert_tokens_to_ids("<video>"),
        audio_token_id=tok.convert_tokens_to_ids("<so_embedding>"),
    )
    sizes = {"patch_size": 14, "min_num_patches": 4, "max_num_patches": 16}
    processor = tf.NemotronH_Omni_Reasoning_V3Processor(
        image_processor=tf.NemotronH_Omni_Reasoning_V3ImageProcessor(**sizes),
        video_processor=tf.NemotronH_Omni_Reasoning_V3VideoProcessor(),
        feature_extractor=tf.ParakeetFeatureExtractor(),
        tokenizer=tok,
        chat_template=template("<video>", "<image>"),
    )
    model = tf.AutoModelForImageTextToText.from_config(config)
    return save(model, processor, folder, seed=1)  # which does not answer all questions alike


def molmo2(folder: Path) -> Path:
    import transformers as tf

    names = [
        "<|image|>",
        "<|video|>",
        "<im_patch>",
        "<im_col>",
        "<im_start>",
        "<low_res_im_start>",
        "<frame_start>",
        "<im_end>",
        "<frame_end>",
        "<im_low>",
    ]
    tok = tokenizer(names)
    ids = dict(zip(names, tok.convert_tokens_to_ids(names), strict=True))
    tower = {"hidden_size": 32, "num_attention_heads": 4, "num_key_value_heads": 4, "head_dim": 8}
    config = tf.Molmo2Config(
        text_config={
            **TEXT,
            "head_dim": 8,
            # Answers have no words for frames.
            "vocab_size": len(tok) - len(names),
            "additional_vocab_size": len(names),
            "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
        },
        vision_config={**tower, "intermediate_size": 64, "num_hidden_layers": 3}
        | {"image_size": [56, 56], "patch_size": 14},
        adapter_config={**tower, "intermediate_size": 64, "text_hidden_size": 32}
        | {"vision_feature_layer": [2, 1]},
        image_start_token_id=ids["<im_start>"],
        low_res_image_start_token_id=ids["<low_res_im_start>"],
        image_end_token_id=ids["<im_end>"],
        image_patch_id=ids["<im_patch>"],
        frame_start_token_id=ids["<frame_start>"],
        frame_end_token_id=ids["<frame_end>"],
    )
    size = {"size": {"height": 56, "width": 56}, "pooling_size": [2, 2]}
    processor = tf.Molmo2Processor(
        image_processor=tf.Molmo2ImageProcessor(**size, max_crops=1, overlap_margins=[0, 0]),
        video_processor=tf.Molmo2VideoProcessor(**size),
        tokenizer=tok,
        chat_template=template("<|video|>", "<|image|>"),
    )
    return save(tf.Molmo2ForConditionalGeneration(config), processor, folder)


def minicpmv(folder: Path, kind: str = "MiniCPMV4_6") -> Path:
    import transformers as tf

    named = {
        "image_token": "<|image_pad|>",
        "video_token": "<|video_pad|>",
        "image_start_token": "<image>",
        "image_end_token": "</image>",
        "slice_start_token": "<slice>",
        "slice_end_token": "</slice>",
        "image_id_start_token": "<image_id>",
        "image_id_end_token": "</image_id>",
    }
    tok = tokenizer(list(named.values()), **named)
    config = getattr(tf, f"{kind}Config")(
        text_config={
            "model_type": "qwen3_5_text",
            **TEXT,
            "head_dim": 8,
            "vocab_size": len(tok),
            "layer_types": ["linear_attention", "full_attention"],
            "linear_key_head_dim": 8,
            "linear_value_head_dim": 8,
            "linear_num_key_heads": 2,
            "linear_num_value_heads": 4,
        },
        vision_config={
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "image_size": 56,
            "patch_size": 14,
        },
        insert_layer_id=0,
        image_token_id=tok.convert_tokens_to_ids("<|image_pad|>"),
        video_token_id=tok.convert_tokens_to_ids("<|video_pad|>"),
    )
    processor = getattr(tf, f"{kind}Processor")(
        image_processor=tf.MiniCPMV4_6ImageProcessor(scale_resolution=112),
        video_processor=tf.MiniCPMV4_6VideoProcessor(scale_resolution=112),
        tokenizer=tok,
        chat_template=template("<|video_pad|>", "<|image_pad|>"),
    )
    return save(getattr(tf, f"{kind}ForConditionalGeneration")(config), processor, folder)


def minicpmv4_7(folder: Path) -> Path:
    return minicpmv(folder, "MiniCPMV4_7")


def bagel(folder: Path) -> Path:
    """A tiny checkpoint with the files and names of BAGEL's, parts that draw included.

    Weights come from numpy, whose numbers for a seed stay the same from version to version.
    """
    from safetensors.torch import save_file

    tok = tokenizer(["<|vision_start|>", "<|vision_end|>", "<|image_pad|>"])
    width, inner, vision, side = 32, 48, 24, 20
    llm = {
        "model_type": "qwen2",
        "vocab_size": len(tok),
        "hidden_size": width,
        "intermediate_size": inner,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "hidden_act": "silu",
        "max_position_embeddings": 4096,
        "rms_norm_eps": 1e-6,
        "rope_theta": 1000000.0,
    }
    vit = {
        "model_type": "siglip_vision_model",
        "hidden_size": vision,
        "intermediate_size": inner,
        "num_hidden_layers": 3,  # the last of which is not used, nor stored
        "num_attention_heads": 4,
        "image_size": 14 * side,
        "patch_size": 14,
    }
    shapes: dict[str, tuple[int, ...]] = {
        "language_model.model.embed_tokens.weight": (len(tok), width),
        "language_model.lm_head.weight": (len(tok), width),
        "vit_model.vision_model.embeddings.patch_embedding.weight": (vision, 14 * 14 * 3),
        "vit_model.vision_model.embeddings.patch_embedding.bias": (vision,),
        "vit_model.vision_model.embeddings.position_embedding.weight": (side * side, vision),
        "vit_pos_embed.pos_embed": (side * side, width),
        "llm2vae.weight": (64, width),
    }

    def linear(name: str, rows: int, columns: int, bias: bool = True) -> None:
        shapes[f"{name}.weight"] = (rows, columns)
        if bias:
            shapes[f"{name}.bias"] = (rows,)

    linear("connector.fc1", width, vision)
    linear("connector.fc2", width, width)
    for kind in ("", "_moe_gen"):
        shapes[f"language_model.model.norm{kind}.weight"] = (width,)
        for i in range(2):
            at = f"language_model.model.layers.{i}"
            for part, rows in (("q", width), ("k", width // 2), ("v", width // 2)):
                linear(f"{at}.self_attn.{part}_proj{kind}", rows, width)
            linear(f"{at}.self_attn.o_proj{kind}", width, width, bias=False)
            for part in ("q", "k"):
                shapes[f"{at}.self_attn.{part}_norm{kind}.weight"] = (width // 4,)
            linear(f"{at}.mlp{kind}.gate_proj", inner, width, bias=False)
            linear(f"{at}.mlp{kind}.up_proj", inner, width, bias=False)
            linear(f"{at}.mlp{kind}.down_proj", width, inner, bias=False)
            for part in ("input", "post_attention"):
                shapes[f"{at}.{part}_layernorm{kind}.weight"] = (width,)
    for name in (
        "post_layernorm",
        *(f"encoder.layers.{i}.layer_norm{n}" for i in (0, 1) for n in (1, 2)),
    ):
        for part in ("weight", "bias"):
            shapes[f"vit_model.vision_model.{name}.{part}"] = (vision,)
    for i in range(2):
        at = f"vit_model.vision_model.encoder.layers.{i}"
        for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
            linear(f"{at}.self_attn.{part}", vision, vision)
        linear(f"{at}.mlp.fc1", inner, vision)
        linear(f"{at}.mlp.fc2", vision, inner)

    generator = np.random.default_rng(0)
    weights = {}
    for name, shape in sorted(shapes.items()):
        values = generator.standard_normal(shape)
        if len(shape) > 1 and "embed_tokens" not in name:
            values *= shape[-1] ** -0.5
        elif len(shape) == 1:
            values = 0.2 * values + ("norm" in name and name.endswith("weight"))
        weights[name] = torch.from_numpy(values.astype(np.float32))
    tok.save_pretrained(folder)
    save_file(weights, folder / "ema.safetensors")
    for name, config in (
        ("llm_config", llm),
        ("vit_config", vit),
        ("config", {"model_type": "bagel"}),
    ):
        (folder / f"{name}.json").write_text(json.dumps(config))
    return folder


BUILDERS: dict[str, Callable[[Path], Path]] = {
    "qwen2_5_vl": qwen2_5_vl,
    "qwen3_vl": qwen3_vl,
    "qwen3_vl_moe": qwen3_vl_moe,
    "qwen3_5": qwen3_5,
    "qwen4_exp": qwen4_exp,
    "qwen3_omni": qwen3_omni,
    "glm4v": glm4v,
    "glm4v_moe": glm4v_moe,
    "glm46v": glm46v,
    "video_llama_3": video_llama_3,
    "internvl": internvl,
    "llava_next_video": llava_next_video,
    "llava_onevision": llava_onevision,
    "smolvlm": smolvlm,
    "gemma3": gemma3,
    "gemma4": gemma4,
    "nemotron_omni": nemotron_omni,
    "molmo2": molmo2,
    "minicpmv4_6": minicpmv,
    "minicpmv4_7": minicpmv4_7,
}
CONTRASTIVE: dict[str, Callable[[Path], Path]] = {"clip": clip, "siglip": siglip}
"""Family → builder of a checkpoint in a folder."""
OTHERS: dict[str, Callable[[Path], Path]] = {
    "bagel": bagel,
    "qwen2_5_vl_for_vllm": lambda folder: qwen2_5_vl(folder, head=32),
    "qwen3_vl_for_vllm": lambda folder: qwen3_vl(folder, head=32),
    "qwen3_vl_moe_for_vllm": lambda folder: qwen3_vl(folder, "Qwen3VLMoe", head=32),
    "qwen3_5_for_vllm": lambda folder: qwen3_vl(folder, "Qwen3_5", 5, head=32),
    "glm4v_for_vllm": lambda folder: glm4v(folder, head=32),
    "glm46v_for_vllm": lambda folder: glm4v(folder, "Glm46V", head=32),
}
"""Families with adapters and tests of their own, likewise."""

AS_IMAGES = {"gemma3", "nemotron_omni"}
"""Families that take frames only as images."""

APART = {
    "gemma3",
    "gemma4",
    "minicpmv4_6",
    "minicpmv4_7",
    "nemotron_omni",
    "qwen3_5",
    "qwen4_exp",
}
"""Families with sliding windows or recurrent layers: no prefix of a prompt can be shared."""

_kept = tempfile.TemporaryDirectory(prefix="tiny-families-")


@functools.cache
def folder(family: str) -> Path:
    """A family's tiny checkpoint, built at its first use."""
    with torch.random.fork_rng():
        torch.manual_seed(0)  # for what `save` leaves as it was initialised
        return (BUILDERS | CONTRASTIVE | OTHERS)[family](Path(_kept.name) / family)


def make_entry(place: Path, **more: Any) -> Any:
    """A models.yaml entry, checked; keys that are None are left out."""
    value = {
        "adapter": "chat",
        "checkpoint": str(place),
        "dtype": "float32",
        "decoding": {"max_new_tokens": 8},
    } | more
    given = {key: setting for key, setting in value.items() if setting is not None}
    return error_lines.check(registry.entry_type(), given, "models.yaml")


def load(entry: ModelEntry) -> Any:
    """The model of an entry, by its kind."""
    return registry.kind(entry.kind).load(entry)


@functools.cache
def adapter(family: str) -> chat.Chat:
    """The adapter of a family's tiny checkpoint."""
    frames_as = "images" if family in AS_IMAGES else "video"
    more: dict[str, Any] = {"frames_as": frames_as}
    if family == "qwen3_omni":
        # Its processor's own default would enlarge these clips to 320 x 448.
        size = {"shortest_edge": 32 * 32 * 2, "longest_edge": 32 * 32 * 64}
        more |= {"adapter": "omni", "processor": {"size": size}}
    return load(make_entry(folder(family), **more))


def make_clip(
    seed: int, frames: int = 6, size: tuple[int, int] = (48, 64), fps: float = 25.0
) -> Clip:
    """Coloured squares that change from frame to frame."""
    generator = np.random.default_rng(seed)
    height, width = size
    squares = generator.integers(0, 256, (frames, height // 8, width // 8, 3), dtype=np.uint8)
    pixels = squares.repeat(8, axis=1).repeat(8, axis=2)
    total = 10 * frames
    indices = np.arange(frames) * 10
    digest = hashlib.sha256(pixels.tobytes()).hexdigest()
    times = indices / fps
    return Clip(f"v{seed}", pixels, indices, times, fps, total, total / fps, digest)


def changed_clips(clip: Clip) -> dict[str, Clip]:
    """Clips that a model which sees the frames answers otherwise than `clip`, by what differs."""
    frames = {
        "another clip": make_clip(2).frames,
        "reversed": clip.frames[::-1].copy(),
        "BGR": clip.frames[..., ::-1].copy(),
        "one frame": clip.frames[[0] * len(clip.frames)],
    }
    return {
        what: dataclasses.replace(clip, frames=pixels, digest=what)
        for what, pixels in frames.items()
    }
