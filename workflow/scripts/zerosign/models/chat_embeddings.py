"""Embeddings of a chat model: of clips by its vision encoder, of texts by its language model."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from zerosign.frames.cache import Clip
from zerosign.models import checkpoint
from zerosign.models.base import Request
from zerosign.models.chat_processing import VISUAL_INPUTS


class LooksAtClips(Protocol):
    """What embedding needs of a chat model; see `zerosign.models.kinds.chat.Chat`."""

    processor: Any
    model: Any

    def prepare_batch(self, requests: Sequence[Request]) -> Any:
        """Tokens and pixels of requests."""
        ...


class ChatEmbedder:
    """Embeds with a loaded chat model."""

    def __init__(self, chat: LooksAtClips) -> None:
        self.chat = chat

    def embed_clip(self, clip: Clip) -> np.ndarray:
        """float32[D]: mean over a clip's visual tokens, in the language model's input space."""
        import torch

        model = self.chat.model
        message = {"role": "user", "content": [{"type": "video"}]}
        prepared = self.chat.prepare_batch([Request(clip, [message])])
        inputs = checkpoint.to_device(prepared.inputs, model)
        kind = "video" if "pixel_values_videos" in inputs else "image"
        name = f"get_{kind}_features"
        features = getattr(model if hasattr(model, name) else model.model, name)
        accepted = {key: value for key, value in inputs.items() if key in VISUAL_INPUTS[kind]}
        with torch.inference_mode():
            tokens = features(**accepted, return_dict=True).pooler_output
        parts = tokens if isinstance(tokens, list | tuple) else [tokens]
        flat = torch.cat([part.reshape(-1, part.shape[-1]) for part in parts])
        return flat.float().mean(0).cpu().numpy()

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """float32[len(texts), D]: mean over a text's tokens of the decoder's last hidden state."""
        import torch

        model = self.chat.model
        decoder = model.get_decoder()
        if decoder.get_output_embeddings() is not None:  # a whole language model
            decoder = decoder.get_decoder()
        rows = []
        for text in texts:
            ids = self.chat.processor.tokenizer(text, return_tensors="pt").input_ids
            with torch.inference_mode():
                embeds = model.get_input_embeddings()(ids.to(model.device))
                hidden = decoder(inputs_embeds=embeds, use_cache=False).last_hidden_state
            rows.append(hidden[0].float().mean(0).cpu().numpy())
        return np.stack(rows)
