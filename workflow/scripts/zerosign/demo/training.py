"""Teach the tiny Qwen2.5-VL the demo's signs, from the training clips alone.

The recipe, and why each part is there:

- The vision tower alone first learns where both gloves are, seen from each of its tokens, and
  keeps that task. Then the state from which the answer is read has to tell both gloves' whole
  paths, in addition to the answer. Answers alone teach a model of this size nothing.
- Random timing, framing and light, since few people sign. Three of the changes change the sign
  too, and the answer with it: playing a clip backwards, mirroring it, and swapping red and blue.
- The loss covers what the chat template adds after the question and the answer with its end token,
  so that the model knows its own turn only after a proper generation prompt.

Glove positions come from the pixels: the gloves are the only saturated things in a frame.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from torch.nn import functional

from zerosign import cli
from zerosign.dataset.clips import read_metadata, read_split_file
from zerosign.demo import tiny_models
from zerosign.demo.signs import MIRRORED, REVERSED, SIGNS, Sign
from zerosign.errors import UserError
from zerosign.frames.decode import every_frame, read_clip
from zerosign.frames.pixels import to_rgb
from zerosign.models import rope_positions, window_attention
from zerosign.prompts.prompt_entry import Prompt
from zerosign.prompts.template import render
from zerosign.videos.timeline import Span

FRAMES = 12
SHORT_SIDE = 48  # frames are kept at this size; the model sees two thirds of it
BATCH = 32
VISION_RATE, RATE = 5e-3, 2e-3
GLOVES_WEIGHT, PATHS_WEIGHT = 4.0, 2.0
SATURATION = 0.3  # by how much red (blue) exceeds the other channels in a glove, of 1

# What the answer's turn begins with, and the tokens that the loss covers: that, gloss and end.
OPENING = "<|im_start|>assistant\n"


@dataclass(frozen=True)
class Example:
    """A training clip: all its frames, uint8[T, 3, H, W], and how long they last, in seconds."""

    frames: torch.Tensor
    duration: float
    sign: Sign


@dataclass(frozen=True)
class Batch:
    """Clips of one frame size, ready for the model.

    ``labels``: the last n tokens, int64[B, n]. ``gloves``: both gloves in both frames of a pair,
    seen from each visual token, float[B, pairs, tokens, 8]; ``visible``: 1 where they are seen.
    """

    inputs: dict[str, torch.Tensor]
    labels: torch.Tensor
    gloves: torch.Tensor
    visible: torch.Tensor


def read_examples(clips: pl.DataFrame, videos: Path) -> Iterable[Example]:
    """Decode clips as the pipeline does: whole files, or ranges of them."""
    by_gloss = {sign.gloss: sign for sign in SIGNS}
    for clip in clips.iter_rows(named=True):
        start = (clip["frame_start"] - 1) / clip["fps_declared"]
        end = None if clip["frame_end"] == -1 else clip["frame_end"] / clip["fps_declared"]
        decoded = read_clip(
            str(videos / f"{clip['video_id']}.mp4"),
            every_frame,
            to_rgb(SHORT_SIDE),
            Span(start, end),
        )
        frames = torch.from_numpy(np.stack(decoded.frames)).permute(0, 3, 1, 2).contiguous()
        yield Example(frames, decoded.timeline.duration, by_gloss[clip["gloss"]])


def training_examples(metadata: Path, splits: Path, videos: Path) -> list[Example]:
    """The clips of the train split. Raises `UserError`."""
    clips = read_metadata(metadata)
    split = read_split_file(splits).filter(split="train")
    clips = clips.filter(clips["video_id"].is_in(split["video_id"].implode()))
    if clips.is_empty():
        raise UserError(f"{splits}: no clip of {metadata} is in its train split")
    return list(cli.progress(read_examples(clips, videos), len(clips), "decoding"))


def trained(
    examples: Sequence[Example], prompt: Prompt, seed: int, steps: int, vision_steps: int
) -> tuple[Any, Any]:
    """The trained model and its processor. The log has the losses."""
    torch.set_num_threads(1)  # sums, and so weights, depend on the number of threads
    texts = [sign.gloss for sign in SIGNS]
    texts += [text for text in (prompt.system, prompt.user) if text]
    model, processor = tiny_models.build("qwen2_5_vl", seed, texts)

    def report(step: int, answers: float, gloves: float) -> None:
        if step % 50 == 49 or step == steps - 1:
            cli.log.info("step %d: answer loss %.3f, glove loss %.4f", step + 1, answers, gloves)

    train(model, processor, examples, prompt, steps, seed, report, vision_steps)
    return model, processor


def train(
    model: Any,
    processor: Any,
    examples: Sequence[Example],
    prompt: Prompt,
    steps: int,
    seed: int,
    report: Callable[[int, float, float], None],
    vision_steps: int,
) -> None:
    """Train in place for `steps` end-to-end steps; `report` gets (step, answer loss, glove loss).

    Steps of the vision-only start count from `-vision_steps` and report an answer loss of nan.
    """
    torch.manual_seed(seed)
    source = Source(processor, examples, prompt, seed)
    head = torch.nn.Linear(tiny_models.HIDDEN, 8)
    path_head = torch.nn.Linear(tiny_models.HIDDEN, 8 * FRAMES // 2)
    with torch.no_grad():  # pixels of muted scenes differ little: let patches count for more
        model.model.visual.patch_embed.proj.weight.mul_(2)
    model.train()
    usual = model.model.visual.config._attn_implementation
    window_attention.by_length(model)  # one by one, frames would take most of the time
    rope_positions.text_after_videos(model)
    weights = [*model.model.visual.parameters(), *head.parameters()]
    for step, optimiser in _schedule(weights, VISION_RATE, vision_steps):
        batch = source.draw()
        loss = _glove_loss(head, _features(model, batch), batch)
        _descend(optimiser, loss)
        report(step - vision_steps, math.nan, loss.item())
    weights = [*model.parameters(), *head.parameters(), *path_head.parameters()]
    for step, optimiser in _schedule(weights, RATE, steps):
        batch = source.draw()
        features = _features(model, batch)
        gloves = _glove_loss(head, features, batch)
        answers, paths = _answer_losses(model, path_head, features, batch)
        _descend(optimiser, answers + GLOVES_WEIGHT * gloves + PATHS_WEIGHT * paths)
        report(step, answers.item(), gloves.item())
    model.model.visual.config._attn_implementation = usual
    model.eval()


class Source:
    """Random batches of changed training clips, the same for the same seed."""

    def __init__(
        self, processor: Any, examples: Sequence[Example], prompt: Prompt, seed: int
    ) -> None:
        self.processor = processor
        self.prompt = prompt
        self.rng = np.random.default_rng(seed)
        self.by_shape: dict[tuple[int, int], list[Example]] = {}
        for example in examples:
            self.by_shape.setdefault(tuple(example.frames.shape[-2:]), []).append(example)
        self.shapes = sorted(self.by_shape)
        self.share = [len(self.by_shape[shape]) / len(examples) for shape in self.shapes]
        self.gloss = {(sign.path, sign.glove): sign.gloss for sign in SIGNS}
        self.text = {shape: self._tokens(shape) for shape in self.shapes}

    def draw(self) -> Batch:
        """A batch of one frame size."""
        shape = self.shapes[self.rng.choice(len(self.shapes), p=self.share)]
        pool = self.by_shape[shape]
        height, width = self._size(shape)
        pixels = torch.empty(BATCH, FRAMES, 3, height, width)
        glosses, seconds = [], []
        for i, number in enumerate(self.rng.integers(0, len(pool), BATCH)):
            pixels[i], gloss, duration = self._change(pool[number], (height, width))
            glosses.append(gloss)
            seconds.append(duration * 2 / FRAMES)
        gloves, visible = _glove_targets(pixels)
        inputs = {
            name: value.repeat(BATCH, *[1] * (value.ndim - 1))
            for name, value in self.text[shape].items()
        }
        answers = self.processor.tokenizer(glosses, add_special_tokens=False)["input_ids"]
        inputs["input_ids"][:, -2] = torch.tensor(answers).squeeze(1)
        inputs["pixel_values_videos"] = self._patches(pixels)
        inputs["second_per_grid_ts"] = torch.tensor(seconds)
        kept = len(self.processor.tokenizer(OPENING)["input_ids"]) + 2
        return Batch(inputs, inputs["input_ids"][:, -kept:], gloves, visible)

    def _tokens(self, shape: tuple[int, int]) -> dict[str, torch.Tensor]:
        """The conversation as the processor writes it, with a place for a gloss of one token."""
        messages = render("training", self.prompt, {})
        text = self.processor.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True
        )
        if not text.endswith(OPENING):
            raise ValueError(f"the chat template does not end in {OPENING!r}")
        inputs = self.processor(
            text=[text + SIGNS[0].gloss + tiny_models.END],
            videos=[[np.zeros((FRAMES, *shape, 3), np.uint8)]],
            do_sample_frames=False,
            return_tensors="pt",
        )
        names = ("input_ids", "attention_mask", "mm_token_type_ids", "video_grid_thw")
        return {name: inputs[name] for name in names}

    def _size(self, shape: tuple[int, int]) -> tuple[int, int]:
        """Height and width that the processor gives to frames of a size."""
        _, height, width = self.text[shape]["video_grid_thw"][0].tolist()
        return height * tiny_models.PATCH, width * tiny_models.PATCH

    def _change(self, example: Example, size: tuple[int, int]) -> tuple[torch.Tensor, str, float]:
        """Twelve frames of a clip at other times, framing and light: float[12, 3, H, W] in [0, 1].

        Also the gloss that they show now, and the seconds they stand for.
        """
        rng, total = self.rng, len(example.frames)
        first, last = rng.uniform(-0.04, 0.1), rng.uniform(0.9, 1.04)
        times = first + (last - first) * (np.arange(FRAMES) + rng.uniform(0, 1)) / FRAMES
        times = times + rng.normal(0, 0.01, FRAMES)
        frames = example.frames[np.sort((times * total).clip(0, total - 1).astype(int))]
        path, glove = example.sign.path, example.sign.glove
        if rng.random() < 0.5:
            frames, path = frames.flip(0), REVERSED[path]
        if rng.random() < 0.5:
            frames, path = frames.flip(3), MIRRORED[path]
        if rng.random() < 0.5:
            frames, glove = frames.flip(1), {"red": "blue", "blue": "red"}[glove]
        height, width = frames.shape[-2:]
        top, left = (rng.uniform(0, 0.1, 2) * (height, width)).astype(int)
        bottom, right = (rng.uniform(0.92, 1, 2) * (height, width)).astype(int)
        frames = functional.interpolate(
            frames[:, :, top:bottom, left:right].float() / 255,
            size,
            mode="bilinear",
        )
        gain = torch.from_numpy(rng.uniform(0.85, 1.15) * rng.uniform(0.95, 1.05, 3)).float()
        frames = frames * gain[:, None, None] + rng.uniform(-0.06, 0.06)
        duration = example.duration * (last - first) * rng.uniform(0.75, 1.35)
        return frames.clamp(0, 1), self.gloss[path, glove], duration

    def _patches(self, pixels: torch.Tensor) -> torch.Tensor:
        """Pixels [B, T, 3, H, W] in [0, 1] as the processor passes them on."""
        video = self.processor.video_processor
        mean = torch.tensor(video.image_mean).view(3, 1, 1)
        std = torch.tensor(video.image_std).view(3, 1, 1)
        patches, *_ = video.patchify(
            (pixels - mean) / std, video.patch_size, video.merge_size, video.temporal_patch_size
        )
        return patches.flatten(0, 1)


def _glove_targets(pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Where the gloves are, seen from each visual token, and which of them are to be seen.

    `pixels`: float[B, T, 3, H, W]. Both results: float[B, T/2, tokens, 8], in units of a token's
    side; the last axis is (frame of the pair, glove, x or y).
    """
    batch, count, _, height, width = pixels.shape
    red, green, blue = pixels.unbind(2)
    mass = torch.stack((red - torch.maximum(green, blue), blue - torch.maximum(red, green)), 2)
    mass = (mass - SATURATION).clamp(min=0)  # B, T, glove, H, W
    side = 2 * tiny_models.PATCH
    ys = (torch.arange(height) + 0.5) / side
    xs = (torch.arange(width) + 0.5) / side
    total = mass.sum((3, 4))
    safe = total.clamp(min=1e-6)
    places = torch.stack(
        ((mass.sum(3) * xs).sum(3) / safe, (mass.sum(4) * ys).sum(3) / safe), dim=3
    )  # B, T, glove, xy
    rows, columns = height // side, width // side
    centres = torch.stack(
        torch.meshgrid(torch.arange(columns) + 0.5, torch.arange(rows) + 0.5, indexing="xy"), dim=2
    ).view(-1, 2)
    seen = (places[:, :, None] - centres[None, None, :, None]).view(
        batch, count // 2, 2, len(centres), 2, 2
    )
    visible = (total > 0.5).float()[:, :, None, :, None].expand(-1, -1, len(centres), -1, 2)
    visible = visible.reshape(batch, count // 2, 2, len(centres), 2, 2)
    return seen.transpose(2, 3).flatten(3), visible.transpose(2, 3).flatten(3)


def _features(model: Any, batch: Batch) -> Any:
    return model.model.get_video_features(
        batch.inputs["pixel_values_videos"], batch.inputs["video_grid_thw"], return_dict=True
    )


def _glove_loss(head: torch.nn.Linear, features: Any, batch: Batch) -> torch.Tensor:
    """Smooth L1 distance between told and true places of the visible gloves."""
    told = head(torch.cat(features.pooler_output)).view_as(batch.gloves)
    return _distance(told, batch.gloves, batch.visible)


def _answer_losses(
    model: Any, path_head: torch.nn.Linear, features: Any, batch: Batch
) -> tuple[torch.Tensor, torch.Tensor]:
    """Cross-entropy of the answer's turn, and the distance of both gloves' whole paths as told by
    the state from which the gloss is read, seen from the first token's place.
    """
    inputs = {k: v for k, v in batch.inputs.items() if k != "pixel_values_videos"}
    states = model.model(**inputs, mm_encoder_outputs={"video": features}, use_cache=False)[0]
    logits = model.lm_head(states[:, -batch.labels.shape[1] - 1 : -1])
    told = path_head(states[:, -3])  # the last two tokens are the gloss and the end
    paths, visible = batch.gloves[:, :, 0].flatten(1), batch.visible[:, :, 0].flatten(1)
    answers = functional.cross_entropy(logits.flatten(0, 1), batch.labels.flatten())
    return answers, _distance(told, paths, visible)


def _distance(told: torch.Tensor, true: torch.Tensor, visible: torch.Tensor) -> torch.Tensor:
    loss = functional.smooth_l1_loss(told, true, reduction="none", beta=0.5)
    return (loss * visible).sum() / visible.sum()


def _schedule(
    weights: list[torch.nn.Parameter], rate: float, steps: int
) -> Iterable[tuple[int, Any]]:
    """AdamW, warmed up over a twentieth of the steps, then along a cosine to zero."""
    optimiser = torch.optim.AdamW(weights, lr=rate, betas=(0.9, 0.98), weight_decay=0.01)
    warm = max(1, steps // 20)
    for step in range(steps):
        rise = min(1.0, (step + 1) / warm)
        fall = 0.5 * (1 + math.cos(math.pi * step / steps))
        optimiser.param_groups[0]["lr"] = rate * rise * fall
        yield step, optimiser


def _descend(optimiser: torch.optim.Optimizer, loss: torch.Tensor) -> None:
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    weights = [weight for group in optimiser.param_groups for weight in group["params"]]
    torch.nn.utils.clip_grad_norm_(weights, 1.0)
    optimiser.step()
