"""CLIP, SigLIP and similar models: retrieval without generation.

A clip is the mean of its frames' normalised embeddings. The answer is the gloss whose text is
nearest; its prompt is one text with ``{gloss}`` in it.
"""

import time
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from zerosign.cli import log
from zerosign.frames.cache import Clip
from zerosign.models import checkpoint
from zerosign.models.base import Answer, Request
from zerosign.models.model_entry import ModelEntry
from zerosign.models.registry import ModelKind
from zerosign.prompts import template
from zerosign.prompts.prompt_entry import Prompt
from zerosign.prompts.template import Message

TEXT_BATCH = 64


class ContrastiveEntry(ModelEntry):
    """An entry with ``adapter: contrastive``. There is nothing to decode."""

    meaningless = frozenset({"decoding", "frames_as", "system_role", "template"})

    adapter: Literal["contrastive"]


def pose(
    entry: ModelEntry,
    name: str,
    prompt: Prompt,
    values: Mapping[str, str],
    glosses: Sequence[str],
) -> tuple[list[Message], dict[str, str]]:
    """No messages; the text of each gloss, from the prompt's user text."""
    template.check_contrastive(name, prompt)
    texts = {}
    for gloss in glosses:
        (message,) = template.render(name, prompt, {**values, "gloss": gloss})
        texts[gloss] = message["content"][-1]["text"]
    return [], texts


def load(entry: ModelEntry, like: "Contrastive | None" = None) -> "Contrastive":
    """The model of an entry, ready to answer; ``like`` has loaded its weights already."""
    processor = checkpoint.load("AutoProcessor", entry)
    model = like.model if like else checkpoint.load_model("AutoModel", entry)
    return Contrastive(entry, processor, model)


@dataclass
class Batch:
    """Frames of several clips, one after the other, as the vision tower takes them."""

    pixels: Any
    requests: list[Request]
    seconds: float


class Contrastive:
    """A loaded model with its processor."""

    def __init__(self, entry: ModelEntry, processor: Any, model: Any) -> None:
        self.processor, self.model = processor, model
        self.options = checkpoint.processor_options(entry, processor.image_processor, {})
        self._texts: tuple[tuple[str, ...], Any] = ((), None)

    def bucket(self, request: Request) -> Hashable:
        """Any clips may share a batch: their frames are embedded one by one."""
        return 0

    def prepare(self, requests: Sequence[Request]) -> Batch:
        """Pixels of all frames."""
        start = time.perf_counter()
        frames = [frame for request in requests for frame in request.clip.frames]
        pixels = self.processor.image_processor(images=frames, return_tensors="pt", **self.options)
        return Batch(pixels, list(requests), time.perf_counter() - start)

    def answer(self, prepared: Batch) -> list[Answer]:
        """The glosses of each request by likelihood: softmax of the model's scaled cosines."""
        import torch

        start = time.perf_counter()
        requests = prepared.requests
        clips = self.embed_clips(prepared.pixels, [len(r.clip.frames) for r in requests])
        found = []
        for request, clip in zip(requests, clips, strict=True):
            texts = torch.nn.functional.normalize(self._embedded(request), dim=-1)
            # SigLIP's bias is the same for all texts: it leaves the softmax as it is.
            logits = texts @ clip * self.model.logit_scale.float().exp()
            scores = logits.log_softmax(-1).tolist()
            labels = list(request.candidates)
            order = sorted(range(len(labels)), key=[-score for score in scores].__getitem__)
            found.append(([labels[i] for i in order], [scores[i] for i in order]))
        height, width = _size(prepared.pixels)
        seconds = (prepared.seconds + time.perf_counter() - start) / len(requests)
        return [
            Answer(
                text=labels[0],
                finish="stop",
                frames=len(request.clip.frames),
                pixels_height=height,
                pixels_width=width,
                timestamps=[float(t) for t in request.clip.timestamps],
                seconds=seconds,
                labels=labels,
                scores=scores,
            )
            for request, (labels, scores) in zip(requests, found, strict=True)
        ]

    def _embedded(self, request: Request) -> Any:
        """Embeddings of a request's candidates; kept, since they are mostly the same."""
        texts = tuple(request.candidates.values())
        if self._texts[0] != texts:
            self._texts = texts, self.embed_texts(texts)
        return self._texts[1]

    def embed_clips(self, pixels: Any, counts: Sequence[int]) -> Any:
        """Mean of each clip's normalised frames, normalised, from the pixels of all: [N, D]."""
        import torch

        with torch.inference_mode():
            moved = checkpoint.to_device(pixels, self.model)
            frames = self.model.get_image_features(**moved).pooler_output.float()
            unit = torch.nn.functional.normalize(frames, dim=-1)
            means = torch.stack([part.mean(0) for part in unit.split(list(counts))])
            return torch.nn.functional.normalize(means, dim=-1)

    def embed_texts(self, texts: Sequence[str]) -> Any:
        """Embeddings of texts, projected, not normalised: [N, D]."""
        import torch

        tokenizer = self.processor.tokenizer
        limit = self.model.config.get_text_config().max_position_embeddings
        cut = sum(len(tokenizer(text).input_ids) > limit for text in texts)
        if cut:
            log.info("%d of %d texts are cut to the model's %d tokens", cut, len(texts), limit)
        parts = []
        for start in range(0, len(texts), TEXT_BATCH):
            # SigLIP was trained on texts padded to the full length, and reads the padding.
            inputs = tokenizer(
                list(texts[start : start + TEXT_BATCH]),
                padding="max_length",
                max_length=limit,
                truncation=True,
                return_tensors="pt",
            )
            if self.model.config.model_type.startswith("siglip"):
                inputs = {"input_ids": inputs["input_ids"]}
            with torch.inference_mode():
                moved = checkpoint.to_device(inputs, self.model)
                parts.append(self.model.get_text_features(**moved).pooler_output.float())
        return torch.cat(parts)


class ContrastiveEmbedder:
    """Embeds with a loaded model."""

    def __init__(self, model: Contrastive) -> None:
        self.model = model

    def embed_clip(self, clip: Clip) -> np.ndarray:
        """float32[D]: mean of the frames' normalised embeddings, normalised."""
        batch = self.model.prepare([Request(clip, [])])
        return self.model.embed_clips(batch.pixels, [len(clip.frames)])[0].cpu().numpy()

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """float32[len(texts), D]: projected, not normalised."""
        return self.model.embed_texts(texts).cpu().numpy()


def _size(pixels: Any) -> tuple[int | None, int | None]:
    """Height and width of what the vision tower gets; None where it gets patches."""
    shape = pixels["pixel_values"].shape
    return (int(shape[-2]), int(shape[-1])) if len(shape) == 4 else (None, None)


KIND = ModelKind(
    summary="CLIP, SigLIP and similar models: they compare clips with texts and generate nothing; "
    "the prompt is one text with `{gloss}`",
    entry=ContrastiveEntry,
    pose=pose,
    identity=checkpoint.identity,
    load=load,
    without_video=False,
    generates=False,
    embedder=ContrastiveEmbedder,
)
