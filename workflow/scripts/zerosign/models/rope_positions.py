"""Three-dimensional positions of a video's tokens and of the text around it."""

import functools
import itertools
from typing import Any


def rope_index(model: Any) -> Any:
    """The model's function of three-dimensional positions; None where positions just count."""
    part = _with_positions(model)
    return part.get_rope_index if part is not None else None


def _with_positions(model: Any) -> Any:
    for part in (model, getattr(model, "model", None)):
        if hasattr(part, "get_rope_index"):
            return part
    return None


def text_after_videos(model: Any) -> None:
    """Let text go on after all axes of a video, in Qwen2.5-VL.

    The model was trained with text that begins at one more than the largest position of the video
    before it. transformers 5.23 takes height and width alone, so that from some 4 to 8 seconds on
    text stands within the video's time.
    """
    if model.config.model_type == "qwen2_5_vl":
        part = _with_positions(model)
        part.get_rope_index = _after_all_axes(part.get_rope_index)


def _after_all_axes(usual: Any) -> Any:
    @functools.wraps(usual)
    def positions_of(input_ids: Any, mm_token_type_ids: Any, *more: Any, **options: Any) -> Any:
        positions, deltas = usual(input_ids, mm_token_type_ids, *more, **options)
        mask = options.get("attention_mask")
        for row in range(len(input_ids)):
            kept = slice(None) if mask is None else mask[row].bool()
            moved = _moved(positions[:, row, kept], mm_token_type_ids[row, kept].tolist())
            positions[:, row, kept] = moved
            deltas[row] = moved.max() + 1 - moved.shape[1]
        return positions, deltas

    return positions_of


def _moved(positions: Any, kinds: list[int]) -> Any:
    """Positions [3, L] of one row, each stretch after the largest one before it.

    ``kinds``: 0 for text, 1 and 2 for images and videos.
    """
    moved = positions.clone()
    end = 0
    for _, stretch in itertools.groupby(range(len(kinds)), kinds.__getitem__):
        places = list(stretch)
        part = positions[:, places[0] : places[-1] + 1]
        moved[:, places[0] : places[-1] + 1] = part + end - part.min()
        end = moved[:, : places[-1] + 1].max() + 1
    return moved
