"""Qwen3-Omni as a video chat model: its thinker alone, without hearing or speaking."""

from collections.abc import Mapping, Sequence
from typing import Any

from zerosign.adapters import Request, chat, checkpoint

identity = chat.identity
pose = chat.pose


def load(entry: Mapping[str, Any]) -> "Omni":
    """Load the checkpoint of a models.yaml entry, without the parts that speak."""
    processor = checkpoint.load("AutoProcessor", entry)
    chat.check(entry, checkpoint.load("AutoConfig", entry).thinker_config)
    chat.frame_options(entry, processor, entry.get("frames_as") == "images")
    model = checkpoint.load_model("AutoModelForMultimodalLM", entry, enable_audio_output=False)
    # The whole model's generate() pays no heed to the number of new tokens; the thinker's does.
    return Omni(entry, processor, model.thinker)


class Omni(chat.Chat):
    """A loaded thinker with its processor."""

    def _process(self, texts: list[str], requests: Sequence[Request]) -> Any:
        """As a chat model's, with the true time between frames.

        The processor takes one frame rate for all clips and none from their metadata: left alone,
        it would tell the model that every frame lasts a second.
        """
        import torch

        inputs = super()._process(texts, requests)
        if not self.as_images and len(requests[0].clip.frames):
            merged = self.processor.video_processor.temporal_patch_size
            seconds = [
                merged * request.clip.duration / len(request.clip.frames) for request in requests
            ]
            inputs["video_second_per_grid"] = torch.tensor(seconds)
        return inputs
