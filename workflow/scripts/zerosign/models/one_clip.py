"""Models that transformers has no class for: a tower, and a language model after it.

One clip is processed at a time: nearly all the work is in reading the frames, which fill a GPU
by themselves, and rows of different lengths are never padded. All questions, samples and
candidates of a clip share what was read of it.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from zerosign.frames.cache import Clip
from zerosign.models.base import Request
from zerosign.models.chat_embeddings import ChatEmbedder
from zerosign.models.kinds import chat
from zerosign.models.model_entry import GeneratingEntry


class Processor:
    """Tokenizer and frames, as `chat.Chat` knows a processor.

    ``image_processor(frames, **options)`` makes float32[F, 3, H, W] of uint8[F, H, W, 3]; its
    ``valid_kwargs`` are what an entry's ``processor`` may set.
    """

    def __init__(self, tokenizer: Any, image_processor: Any) -> None:
        self.tokenizer, self.image_processor = tokenizer, image_processor


class OneClip(chat.Chat):
    """A loaded ``network`` with its processor; ``network.language_model`` answers."""

    def __init__(self, entry: GeneratingEntry, processor: Processor, network: Any) -> None:
        super().__init__(entry, processor, network.language_model)
        self.network = network

    @staticmethod
    def shows_images(entry: GeneratingEntry) -> bool:
        """Always: every frame is an image."""
        return True

    def see(self, pixels: Any) -> Any:
        """float[F, 3, H, W] on the model's device to visual tokens [F, N, D]."""
        raise NotImplementedError

    def tokens_per_frame(self, height: int, width: int) -> int:
        """How many visual tokens a frame of this size in pixels becomes."""
        raise NotImplementedError

    def shares(self, request: Request) -> bool:
        """Always: requests about one clip, be it one, go on from what was read of it."""
        return True

    def process_inputs(self, texts: list[str], requests: Sequence[Request]) -> dict[str, Any]:
        """The one visual token of a frame in the text becomes as many as the frame has."""
        import torch

        (text,), (request,) = texts, requests
        tokens = self.tokens_of(text)
        pixels = {}
        if len(request.clip.frames):
            frames = self.processor.image_processor(request.clip.frames, **self.options)
            pixels["pixel_values"] = torch.from_numpy(frames)
            count = self.tokens_per_frame(*frames.shape[-2:])
            (visual,) = self.visual_ids
            tokens = [t for token in tokens for t in [token] * (count if token == visual else 1)]
        ids = torch.tensor([tokens])
        return {"input_ids": ids, "attention_mask": torch.ones_like(ids), **pixels}


class OneClipEmbedder(ChatEmbedder):
    """Embeds with a tower and its language model."""

    chat: OneClip

    def embed_clip(self, clip: Clip) -> np.ndarray:
        """float32[D]: mean over a clip's visual tokens, in the language model's input space."""
        import torch

        chat = self.chat
        pixels = torch.from_numpy(chat.processor.image_processor(clip.frames, **chat.options))
        with torch.inference_mode():
            tokens = chat.see(pixels.to(chat.model.device, chat.model.dtype))
        return tokens.float().flatten(0, 1).mean(0).cpu().numpy()
