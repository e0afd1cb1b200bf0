"""BAGEL as a chat model that looks at frames: only its understanding part; it draws nothing.

A prompt is a row of blocks: each text between ``<|im_start|>`` and ``<|im_end|>``, without a role,
each frame between ``<|vision_start|>`` and ``<|vision_end|>``. The system text is the first block.
The tokens of a frame see each other and share one position; text is causal.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict

import numpy as np

from zerosign.errors import UserError
from zerosign.models import checkpoint
from zerosign.models.base import Request
from zerosign.models.decoding import Prefix
from zerosign.models.kinds import chat
from zerosign.models.model_entry import GeneratingEntry
from zerosign.models.one_clip import OneClip, OneClipEmbedder, Processor
from zerosign.models.registry import ModelKind

_START, _END = "<|im_start|>", "<|im_end|>"
_OPEN, _PATCH, _CLOSE = "<|vision_start|>", "<|image_pad|>", "<|vision_end|>"


class BagelEntry(GeneratingEntry):
    """An entry with ``adapter: bagel``."""

    meaningless = frozenset(
        {
            "device_map",
            "frames_as",
            "quantization",
            "system_role",
            "template",
            "trust_remote_code",
        }
    )

    adapter: Literal["bagel"]
    attn: Literal["sdpa", "eager"] | None = None


def load(entry: BagelEntry, like: "Bagel | None" = None) -> "Bagel":
    """The model of an entry, without the weights for drawing; ``like`` has loaded the others."""
    checkpoint.processor_options(entry, Frames, {})
    tokenizer = checkpoint.load("AutoTokenizer", entry)
    tokens = _START, _END, _OPEN, _PATCH, _CLOSE
    if missing := [token for token in tokens if token not in tokenizer.get_vocab()]:
        raise UserError(f"checkpoint {entry.checkpoint}: its tokenizer has no {missing[0]}")
    tokenizer.eos_token = _END
    network = like.network if like else _network(entry)
    config = network.language_model.config
    config.image_token_id = tokenizer.convert_tokens_to_ids(_PATCH)
    patch = network.vit_model.vision_model.config.patch_size
    processor = Processor(tokenizer, Frames(patch))
    return Bagel(entry, processor, network)


def _network(entry: BagelEntry) -> Any:
    """The network with the checkpoint's weights, on a GPU if there is one."""
    import torch
    from accelerate import init_empty_weights
    from safetensors import safe_open

    from zerosign.models import bagel_network

    llm, vit = (
        json.loads(checkpoint.file(entry, f"{part}_config.json").read_text())
        for part in ("llm", "vit")
    )
    text, vision = bagel_network.configs(llm, vit, entry.attn or "sdpa")
    with init_empty_weights(include_buffers=False):
        network = bagel_network.Understanding(text, vision)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = entry.dtype
    wanted = network.state_dict()
    weights, missing = {}, []
    with safe_open(checkpoint.file(entry, "ema.safetensors"), "pt", device=device) as stored:
        names = set(stored.keys())
        for name, empty in wanted.items():
            weight = stored.get_tensor(name) if name in names else None
            if weight is not None and name == bagel_network.PATCHES:
                weight = bagel_network.as_convolution(weight, vision.patch_size)
            if weight is None or weight.shape != empty.shape:
                missing.append(name)
                continue
            weights[name] = weight if dtype == "auto" else weight.to(getattr(torch, dtype))
    if missing:
        raise UserError(
            f"checkpoint {entry.checkpoint}: {len(missing)} weights of BAGEL are not in its "
            f"ema.safetensors, or of another shape (e.g. {missing[0]})"
        )
    network.load_state_dict(weights, assign=True)
    return network.to(device).eval()


class Settings(TypedDict, total=False):
    """What an entry's ``processor`` may set. Sizes are in pixels."""

    size: dict[str, int]
    """height and width: every frame is first squashed to these."""
    min_size: int
    max_size: int
    max_pixels: int


class Frames:
    """Frames to what the tower takes: whole patches, values between -1 and 1."""

    valid_kwargs = Settings

    def __init__(self, patch: int) -> None:
        self.patch = patch

    def __call__(
        self,
        frames: np.ndarray,
        size: Mapping[str, int] | None = None,
        min_size: int = 224,
        max_size: int = 980,
        max_pixels: int = 14 * 14 * 9 * 1024,
    ) -> np.ndarray:
        """uint8[F, H, W, 3] to float32[F, 3, H', W']. Defaults are those of BAGEL's own demo."""
        from PIL import Image

        images = [Image.fromarray(frame) for frame in frames]
        if size:
            squashed = size["width"], size["height"]
            images = [image.resize(squashed, Image.Resampling.BICUBIC) for image in images]
        width, height = images[0].size
        height, width = fit(height, width, self.patch, min_size, max_size, max_pixels)
        resized = [
            np.asarray(image.resize((width, height), Image.Resampling.BICUBIC)) for image in images
        ]
        return np.stack(resized).transpose(0, 3, 1, 2).astype(np.float32) / 127.5 - 1


def fit(
    height: int, width: int, patch: int, min_size: int, max_size: int, max_pixels: int
) -> tuple[int, int]:
    """Height and width in whole patches: as near as they go to a size within the limits.

    The longer side is brought to ``max_size`` at most, then the shorter to ``min_size`` at least,
    whatever that makes of the longer; too many pixels, or a longer side still too long, shrink the
    frame again. Too many pixels scale the sides by the ratio of the areas, not its root: so the
    model was trained.
    """

    def scaled(scale: float) -> tuple[int, int]:
        sides = (round(side * scale) for side in (height, width))
        rows, columns = (max(1, round(side / patch)) * patch for side in sides)
        return rows, columns

    longest, shortest = max(height, width), min(height, width)
    height, width = scaled(max(min(max_size / longest, 1.0), min_size / shortest))
    if height * width > max_pixels:
        height, width = scaled(max_pixels / (height * width))
    if max(height, width) > max_size:
        height, width = scaled(max_size / max(height, width))
    return height, width


class Bagel(OneClip):
    """A loaded model with its processor."""

    def __init__(self, entry: BagelEntry, processor: Processor, network: Any) -> None:
        super().__init__(entry, processor, network)
        if set(self.options.get("size", ("height", "width"))) != {"height", "width"}:
            raise UserError(f"checkpoint {self.name}: processor.size needs height and width")
        tokenizer = processor.tokenizer
        self.borders = [tokenizer.convert_tokens_to_ids(token) for token in (_OPEN, _CLOSE)]

    def see(self, pixels: Any) -> Any:
        return self.network.see(pixels)

    def tokens_per_frame(self, height: int, width: int) -> int:
        patch = self.processor.image_processor.patch
        return height // patch * (width // patch)

    def prompt_text(self, request: Request) -> str:
        blocks = []
        for message in request.messages:
            for part in message["content"]:
                if part["type"] == "video":
                    blocks.append(f"{_OPEN}{_PATCH}{_CLOSE}" * len(request.clip.frames))
                else:
                    blocks.append(f"{_START}{part['text']}{_END}")
        return "".join(blocks) + _START

    def continuation(self, text: str, candidate: str) -> list[int]:
        """Tokens of a candidate as an answer, which begins right after the opening token."""
        answer = self.processor.tokenizer(candidate, add_special_tokens=False).input_ids
        return [*answer, self.end]

    def read_prefix(self, inputs: Mapping[str, Any], length: int) -> Prefix:
        """Read block by block, each seeing all before it."""
        import torch
        from transformers import DynamicCache

        model, ids = self.model, inputs["input_ids"][:, :length]
        (visual,) = self.visual_ids
        cache = DynamicCache(config=model.config)
        position, done = 0, 0
        with torch.inference_mode():
            pixels = inputs.get("pixel_values")
            frames = iter(() if pixels is None else self.see(pixels))
            for is_frame, end in _blocks(ids[0].tolist(), *self.borders):
                block, count = ids[:, done:end], end - done
                embeds = model.get_input_embeddings()(block)
                if is_frame:
                    embeds[block == visual] = next(frames)
                    places = torch.full((1, count), position, device=ids.device)
                    mask = torch.zeros((1, 1, count, end), dtype=embeds.dtype, device=ids.device)
                else:
                    places = torch.arange(position, position + count, device=ids.device)[None]
                    mask = None
                model.model(
                    inputs_embeds=embeds,
                    position_ids=places,
                    attention_mask=mask,
                    past_key_values=cache,
                    use_cache=True,
                )
                position += 1 if is_frame else count
                done = end
        return Prefix(ids[0].tolist(), cache, position)


def _blocks(tokens: Sequence[int], opens: int, closes: int) -> list[tuple[bool, int]]:
    """(whether it is a frame, its end) of each stretch of text and each frame, borders included."""
    blocks = []
    begin = 0
    for i, token in enumerate(tokens):
        if token == opens and i > begin:
            blocks.append((False, i))
            begin = i
        elif token == closes:
            blocks.append((True, i + 1))
            begin = i + 1
    if begin < len(tokens):
        blocks.append((False, len(tokens)))
    return blocks


KIND = ModelKind(
    summary="BAGEL-7B-MoT: the part that understands images; nothing is drawn",
    entry=BagelEntry,
    pose=chat.pose,
    identity=checkpoint.identity,
    load=load,
    without_video=True,
    generates=True,
    embedder=OneClipEmbedder,
)
