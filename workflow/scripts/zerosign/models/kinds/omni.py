"""Qwen3-Omni as a video chat model: its thinker only, without audio."""

from collections.abc import Sequence
from typing import Any, Literal

from zerosign.models import chat_template, checkpoint
from zerosign.models.base import Request
from zerosign.models.chat_embeddings import ChatEmbedder
from zerosign.models.chat_processing import frame_options
from zerosign.models.kinds import chat
from zerosign.models.model_entry import GeneratingEntry
from zerosign.models.registry import ModelKind


class OmniEntry(GeneratingEntry):
    """An entry with ``adapter: omni``."""

    adapter: Literal["omni"]


def load(entry: OmniEntry, like: "Omni | None" = None) -> "Omni":
    """The model of an entry, without the parts that speak; ``like`` has loaded its weights."""
    processor = checkpoint.load("AutoProcessor", entry)
    chat.check(entry, checkpoint.load("AutoConfig", entry).thinker_config)
    frame_options(entry, processor, entry.as_images)
    chat_template.check(entry, processor)
    if like:
        return Omni(entry, processor, like.model)
    model = checkpoint.load_model("AutoModelForMultimodalLM", entry, enable_audio_output=False)
    # The whole model's generate() ignores the number of new tokens; the thinker's does not.
    return Omni(entry, processor, model.thinker)


class Omni(chat.Chat):
    """A loaded thinker with its processor."""

    def process_inputs(self, texts: list[str], requests: Sequence[Request]) -> Any:
        """As a chat model's, with the true time between frames.

        The processor takes one frame rate for all clips and none from their metadata: left alone,
        it would tell the model that every frame lasts a second.
        """
        import torch

        inputs = super().process_inputs(texts, requests)
        if not self.as_images and len(requests[0].clip.frames):
            merged = self.processor.video_processor.temporal_patch_size
            seconds = [
                merged * request.clip.duration / len(request.clip.frames) for request in requests
            ]
            inputs["video_second_per_grid"] = torch.tensor(seconds)
        return inputs


KIND = ModelKind(
    summary="Qwen3-Omni: its thinker only, without audio",
    entry=OmniEntry,
    pose=chat.pose,
    identity=checkpoint.identity,
    load=load,
    without_video=True,
    generates=True,
    embedder=ChatEmbedder,
)
