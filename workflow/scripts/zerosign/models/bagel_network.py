"""The network of BAGEL that understands images, by the names of its published weights.

BAGEL is a mixture of two transformers over one sequence; text and frames that are looked at pass
through one of them alone. Architecture: Deng et al. 2025 (arXiv 2505.14683).
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from transformers import Qwen3Config, Qwen3ForCausalLM, SiglipVisionConfig, SiglipVisionModel

PATCHES = "vit_model.vision_model.embeddings.patch_embedding.weight"


class Tower(nn.Module):
    """SigLIP over images of any size: a patch's position is its row and column in the largest."""

    def __init__(self, config: SiglipVisionConfig) -> None:
        super().__init__()
        self.vision_model = SiglipVisionModel(config)
        self.side = config.image_size // config.patch_size

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Images [F, 3, H, W] to features [F, N, D] and their patches' positions [N].

        ``H`` and ``W`` are multiples of the patch's size; patches come row by row.
        """
        vision = self.vision_model
        patches = vision.embeddings.patch_embedding(pixels)
        rows, columns = (torch.arange(n, device=pixels.device) for n in patches.shape[-2:])
        positions = (rows[:, None] * self.side + columns).flatten()
        embedded = patches.flatten(2).mT + vision.embeddings.position_embedding(positions)
        encoded = vision.encoder(inputs_embeds=embedded).last_hidden_state
        return vision.post_layernorm(encoded), positions


class Connector(nn.Module):
    """From the tower's features to the language model's space."""

    def __init__(self, vision_size: int, text_size: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(vision_size, text_size)
        self.fc2 = nn.Linear(text_size, text_size)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """[..., vision_size] to [..., text_size]."""
        return self.fc2(nn.functional.gelu(self.fc1(features), approximate="tanh"))


class Positions(nn.Module):
    """A vector for each place of a patch, added to what the connector returns."""

    def __init__(self, side: int, size: int) -> None:
        super().__init__()
        self.pos_embed = nn.Parameter(torch.empty(side * side, size), requires_grad=False)


class Understanding(nn.Module):
    """Tower, connector and language model."""

    def __init__(self, text: Qwen3Config, vision: SiglipVisionConfig) -> None:
        super().__init__()
        self.language_model = Qwen3ForCausalLM(text)
        for layer in self.language_model.model.layers:
            layer.self_attn.o_proj.register_parameter("bias", None)
        self.vit_model = Tower(vision)
        self.connector = Connector(vision.hidden_size, text.hidden_size)
        self.vit_pos_embed = Positions(self.vit_model.side, text.hidden_size)

    def see(self, pixels: torch.Tensor) -> torch.Tensor:
        """Images [F, 3, H, W] to tokens [F, N, D] of the language model."""
        features, positions = self.vit_model(pixels)
        return self.connector(features) + self.vit_pos_embed.pos_embed[positions]


def configs(
    llm: Mapping[str, Any], vit: Mapping[str, Any], attn: str
) -> tuple[Qwen3Config, SiglipVisionConfig]:
    """Configurations of the two parts, from a checkpoint's llm_config.json and vit_config.json.

    The language model is Qwen2 with normalised queries and keys, which is Qwen3 with biases on
    queries, keys and values. The tower goes without its last layer and its head.
    """
    kept = [
        "vocab_size",
        "hidden_size",
        "intermediate_size",
        "num_hidden_layers",
        "num_attention_heads",
        "num_key_value_heads",
        "hidden_act",
        "max_position_embeddings",
        "rms_norm_eps",
    ]
    text = Qwen3Config(
        **{key: llm[key] for key in kept},
        head_dim=llm["hidden_size"] // llm["num_attention_heads"],
        rope_parameters={"rope_type": "default", "rope_theta": llm["rope_theta"]},
        attention_bias=True,
        tie_word_embeddings=False,
        attn_implementation=attn,
    )
    shape = ("hidden_size", "intermediate_size", "num_attention_heads", "image_size", "patch_size")
    vision = SiglipVisionConfig(
        **{key: vit[key] for key in shape},
        num_hidden_layers=vit["num_hidden_layers"] - 1,
        vision_use_head=False,
        attn_implementation=attn,
    )
    return text, vision


def as_convolution(weight: torch.Tensor, patch: int) -> torch.Tensor:
    """Weights of a linear layer over patches (row, column, colour) as those of a convolution."""
    return weight.reshape(len(weight), patch, patch, -1).permute(0, 3, 1, 2).contiguous()
