"""Attention of video towers within windows or frames: all those of one length at once.

transformers computes them one after the other, which on a GPU takes longer to start than to run.
Only what it takes for flash attention gets all of them in one call.
"""

import functools
import itertools
from typing import Any

NAME = "flash_by_length"
"""transformers looks for ``flash`` in it."""


def by_length(model: Any) -> None:
    """Let a model's towers compute windows of one length together."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, attend)
    for module in model.modules():
        config = getattr(module, "config", None)
        code = getattr(type(module).forward, "__code__", None)
        splits = code is not None and {"cu_seqlens", "max_seqlen"} <= set(code.co_varnames)
        if splits and config is not None and config._attn_implementation == "sdpa":
            config._attn_implementation = NAME


def attend(
    module: Any,
    query: Any,
    key: Any,
    value: Any,
    attention_mask: Any,
    *,
    scaling: float,
    cu_seq_lens_q: Any = None,
    **more: Any,
) -> tuple[Any, None]:
    """[1, H, L, D] three times -> [1, L, H, D], each token seeing its window alone.

    ``cu_seq_lens_q``: int[W + 1], where each window begins, and the end of the last. Without it
    all is one window.
    """
    import torch
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    if cu_seq_lens_q is None:
        return sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, **more
        )
    heads, _, width = query.shape[1:]
    out = torch.empty_like(query[0])
    for size, places in _places_by_length(cu_seq_lens_q):
        parts = [
            tensor[0].index_select(1, places).view(heads, -1, size, width).transpose(0, 1)
            for tensor in (query, key, value)
        ]
        found = torch.nn.functional.scaled_dot_product_attention(*parts, scale=scaling)
        out.index_copy_(1, places, found.transpose(0, 1).reshape(heads, -1, width))
    return out.transpose(0, 1)[None], None


@functools.lru_cache(maxsize=4)
def _places_by_length(bounds: Any) -> list[tuple[int, Any]]:
    """For each length of a window, the places of all tokens in windows of this length.

    All layers of a pass give the same tensor, whose values are then read from the GPU once.
    """
    import torch

    starts: dict[int, list[Any]] = {}
    edges = bounds.tolist()
    for start, end in itertools.pairwise(edges):
        if end > start:
            starts.setdefault(end - start, []).append(torch.arange(start, end))
    return [(size, torch.cat(found).to(bounds.device)) for size, found in starts.items()]
