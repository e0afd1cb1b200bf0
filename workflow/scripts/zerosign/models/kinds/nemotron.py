"""Llama Nemotron Nano VL: its repository's code for tower and language model, nothing else of it.

The repository's own chat() runs one request at a time on one GPU, and its image processor silently
loses a step under transformers 5, which calls that step by another name. So prompts and
frames are made here, as that code makes them under transformers 4.53, one tile a frame.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self, TypedDict

import numpy as np
from pydantic import model_validator

from zerosign.entries import wrong
from zerosign.errors import UserError
from zerosign.models import checkpoint, constructed
from zerosign.models.chat_processing import frame_options
from zerosign.models.decoding import Prefix
from zerosign.models.kinds import chat
from zerosign.models.model_entry import GeneratingEntry, ModelEntry
from zerosign.models.one_clip import OneClip, OneClipEmbedder, Processor
from zerosign.models.registry import ModelKind
from zerosign.prompts.template import Message

_OPEN, _PATCH, _CLOSE = "<img>", "<image>", "</img>"


class NemotronEntry(GeneratingEntry):
    """An entry with ``adapter: nemotron``."""

    meaningless = frozenset({"frames_as", "quantization", "device_map", "attn", "template"})

    adapter: Literal["nemotron"]

    @model_validator(mode="after")
    def _as_its_code_needs(self) -> Self:
        if self.dtype != "bfloat16":
            raise wrong(
                "the repository's code computes in bfloat16; say dtype: bfloat16 in the model's "
                "entry"
            )
        if not self.trust_remote_code:
            raise wrong(
                "adapter: nemotron runs the repository's own code; say trust_remote_code: true in "
                "the model's entry"
            )
        return self


def load(entry: NemotronEntry, like: "Nemotron | None" = None) -> "Nemotron":
    """The model of an entry, ready to answer; ``like`` has loaded its weights already."""
    tokenizer = checkpoint.load("AutoTokenizer", entry)
    tokens = _OPEN, _PATCH, _CLOSE
    if missing := [token for token in tokens if token not in tokenizer.get_vocab()]:
        raise UserError(f"checkpoint {entry.checkpoint}: its tokenizer has no {missing[0]}")
    config = checkpoint.load("AutoConfig", entry)
    marks = getattr(config, "image_tag_type", None)
    if marks != "internvl":
        raise UserError(
            f"checkpoint {entry.checkpoint}: frames marked as {marks} are not known; "
            "only internvl's marks are"
        )
    processor = Processor(tokenizer, Frames(_frame_size(entry)))
    frame_options(entry, processor, as_images=True)
    network = like.network if like else constructed.load("AutoModel", entry, config)
    network.language_model.config.image_token_id = tokenizer.convert_tokens_to_ids(_PATCH)
    return Nemotron(entry, processor, network)


def _frame_size(entry: ModelEntry) -> int:
    """Height and width of a frame, in pixels, by the checkpoint's preprocessor_config.json."""
    published = json.loads(checkpoint.file(entry, "preprocessor_config.json").read_text())
    if published.get("do_normalize") or not isinstance(published.get("image_size"), int):
        raise UserError(
            f"checkpoint {entry.checkpoint}: preprocessor_config.json is not this family's: "
            "it needs an image_size, and no do_normalize"
        )
    return published["image_size"]


class Settings(TypedDict):
    """What an entry's ``processor`` may set: nothing."""


class Frames:
    """Frames to what the tower takes: squares of ``size`` pixels, values between 0 and 1.

    The tower applies mean and deviation itself.
    """

    valid_kwargs = Settings

    def __init__(self, size: int) -> None:
        self.size = size

    def __call__(self, frames: np.ndarray) -> np.ndarray:
        """uint8[F, H, W, 3] to float32[F, 3, S, S]: first twice as large, then to size."""
        import torch
        from PIL import Image
        from torchvision.transforms.v2 import functional

        _, height, width, _ = frames.shape
        made = []
        for frame in frames:
            doubled = Image.fromarray(frame).resize(
                (2 * width, 2 * height), Image.Resampling.BILINEAR
            )
            pixels = torch.from_numpy(np.array(doubled)).permute(2, 0, 1)
            made.append(functional.resize(pixels, [self.size, self.size], antialias=True).numpy())
        return np.stack(made).astype(np.float32) / 255


class Nemotron(OneClip):
    """A loaded model with its processor."""

    def see(self, pixels: Any) -> Any:
        return self.network.extract_feature(pixels)

    def tokens_per_frame(self, height: int, width: int) -> int:
        return self.network.num_image_token

    def apply_template(self, messages: Sequence[Message]) -> str:
        """By the tokenizer's template, which takes text alone; each frame on a line of its own."""
        turns = [
            {
                "role": message["role"],
                "content": "".join(
                    part.get("text", f"{_OPEN}{_PATCH}{_CLOSE}\n") for part in message["content"]
                ),
            }
            for message in messages
        ]
        return self.processor.tokenizer.apply_chat_template(
            turns, tokenize=False, add_generation_prompt=True
        )

    def read_prefix(self, inputs: Mapping[str, Any], length: int) -> Prefix:
        """Frames' tokens in their places; every token sees all before it."""
        import torch
        from transformers import DynamicCache

        model, ids = self.model, inputs["input_ids"][:, :length]
        (visual,) = self.visual_ids
        cache = DynamicCache(config=model.config)
        with torch.inference_mode():
            embeds = model.get_input_embeddings()(ids)
            if (pixels := inputs.get("pixel_values")) is not None:
                embeds[ids == visual] = self.see(pixels).flatten(0, 1).to(embeds.dtype)
            model.model(inputs_embeds=embeds, past_key_values=cache, use_cache=True)
        return Prefix(ids[0].tolist(), cache, length)


KIND = ModelKind(
    summary="Llama Nemotron Nano VL, with code from its repository",
    entry=NemotronEntry,
    pose=chat.pose,
    identity=checkpoint.identity,
    load=load,
    without_video=True,
    generates=True,
    embedder=OneClipEmbedder,
)
