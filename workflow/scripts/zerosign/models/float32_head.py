"""Logits in float32, whatever a model computes in: close likelihoods decide a closed set."""

import contextlib
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def float32_head(model: Any) -> Iterator[None]:
    """Within, a model's last layer reads the last hidden states in float32.

    What a model does to its logits afterwards (a soft cap, a scale) follows in float32, too.
    Weights that are not at hand (quantised, or moved by accelerate) stay as they are.
    """
    import torch

    head = model.get_output_embeddings()
    if type(head) is not torch.nn.Linear or head.weight.is_meta:
        yield
        return

    def again(module: Any, given: tuple[Any, ...], _: Any) -> Any:
        weight, bias = module.weight.float(), module.bias
        return torch.nn.functional.linear(
            given[0].to(weight.device).float(), weight, None if bias is None else bias.float()
        )

    handle = head.register_forward_hook(again)
    try:
        yield
    finally:
        handle.remove()
