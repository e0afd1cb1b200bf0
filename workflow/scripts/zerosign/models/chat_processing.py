"""From frames and messages to what a family's processor takes, and what it made of them."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from zerosign.errors import UserError
from zerosign.frames.cache import Clip
from zerosign.models import checkpoint
from zerosign.models.base import Request
from zerosign.models.model_entry import ModelEntry
from zerosign.prompts.template import Message

PROCESSOR: dict[str, Any] = {
    # As the models' authors do it: no frame above the size they trained with.
    "cap_pixels_per_frame": True,
    # InternVL would cut each frame that isn't square into tiles: 13 times the tokens at 4:3.
    "crop_to_patches": False,
}
"""Settings given to every processor that knows them, unless the entry says otherwise."""

VISUAL_INPUTS = {
    "video": {
        "num_frames_per_video",
        "pixel_values_videos",
        "video_compression_mask",
        "video_grid_thw",
        "video_merge_sizes",
        "video_position_ids",
    },
    "image": {
        "pixel_values",
        "image_grid_hw",
        "image_grid_thw",
        "image_position_ids",
        "image_sizes",
    },
}
"""What a vision tower takes of a processor's inputs."""


def frame_options(entry: ModelEntry, processor: Any, as_images: bool) -> dict[str, Any]:
    """What a processor is told about frames. `UserError` for settings it doesn't know.

    Loaders call it for that error, before the weights are read.
    """
    part = getattr(processor, "image_processor" if as_images else "video_processor", None)
    if part is None:
        raise UserError(
            f"checkpoint {entry.checkpoint}: its processor takes no videos; "
            "set frames_as: images in the model's entry"
        )
    return checkpoint.processor_options(entry, part, PROCESSOR)


def adapt(messages: Sequence[Message], images: int, system: bool) -> list[Message]:
    """Rendered messages in the form a model takes.

    ``images`` > 0: so many images in the video's place. ``system`` False: the system text moves to
    the front of the user's text, for a template without a system role.
    """
    adapted = []
    carried = ""
    for message in messages:
        parts: list[dict[str, Any]] = []
        for part in message["content"]:
            if part["type"] == "video" and images:
                parts += [{"type": "image"}] * images
            else:
                parts.append(dict(part))
        if message["role"] == "system" and not system:
            carried = "\n".join(part["text"] for part in parts) + "\n\n"
            continue
        if carried:
            text = next(part for part in parts if part["type"] == "text")
            text["text"] = carried + text["text"]
            carried = ""
        adapted.append({"role": message["role"], "content": parts})
    return adapted


def frame_geometry(
    inputs: Any, i: int, requests: Sequence[Request], as_images: bool, processor: Any
) -> tuple[int, int, int]:
    """(frames, height, width) of what the vision tower gets of request ``i``, in pixels.

    With frames as images, the size of one image (or tile).
    """
    sent = len(requests[i].clip.frames)
    part = processor.image_processor if as_images else processor.video_processor
    if as_images and (grid := inputs.get("image_grid_hw")) is not None:
        height, width = grid[i * sent].tolist()
        return sent, height * part.patch_size, width * part.patch_size
    positions = inputs.get("image_position_ids" if as_images else "video_position_ids")
    if positions is not None:  # column and row of every patch, of frames one after the other
        width, height = ((positions[i * sent].amax(0) + 1) * part.patch_size).tolist()
        return len(positions) // len(requests), height, width
    grid = inputs.get("image_grid_thw" if as_images else "video_grid_thw")
    if grid is not None:
        t, h, w = grid[i * sent if as_images else i].tolist()
        frames = sent if as_images else t * part.temporal_patch_size
        return frames, h * part.patch_size, w * part.patch_size
    pixels = None if as_images else inputs.get("pixel_values_videos")
    if pixels is None:
        pixels = inputs.get("pixel_values")
    if pixels is None:
        raise UserError("the processor returned no pixels: this family needs an adapter of its own")
    height, width = (int(n) for n in pixels.shape[-2:])
    if as_images:
        return sent, height, width
    # (clips, frames, channels, height, width), or all frames of the batch in one row
    frames = pixels.shape[1] if pixels.ndim == 5 else pixels.shape[0] // len(requests)
    return int(frames), height, width


def shows(request: Request) -> bool:
    """Whether a request shows the model any frames."""
    return len(request.clip.frames) > 0


def at_least(clip: Clip, frames: int) -> Clip:
    """The clip, its last frame repeated until there are ``frames``.

    Models that merge frames in pairs repeat the last one of an odd count themselves, but some of
    them refuse a single one.
    """
    missing = frames - len(clip.frames)
    if missing <= 0:
        return clip
    return dataclasses.replace(
        clip,
        frames=np.concatenate([clip.frames, np.repeat(clip.frames[-1:], missing, axis=0)]),
        timestamps=np.concatenate([clip.timestamps, np.repeat(clip.timestamps[-1:], missing)]),
    )


def video_metadata(clip: Clip) -> dict[str, Any]:
    """What the processor must know of a clip to place its frames in time."""
    _, height, width, _ = clip.frames.shape
    return {
        "total_num_frames": clip.total_frames,
        "fps": clip.fps,
        "duration": clip.duration,
        "width": width,
        "height": height,
        # From the times, not the frame numbers: those run backwards when an ablation reverses a
        # clip, and count unevenly where the frame rate varies.
        "frames_indices": np.rint(clip.timestamps * clip.fps).astype(int).tolist(),
    }


def end_tokens(generation: Any, tokenizer: Any) -> list[int]:
    """Ids that end an answer: the checkpoint's generation config's and the tokenizer's."""
    ends = generation.eos_token_id
    ends = ends if isinstance(ends, list) else [ends]
    found = {int(end) for end in [*ends, tokenizer.eos_token_id] if end is not None}
    if not found:
        raise UserError(f"checkpoint {tokenizer.name_or_path}: it has no end-of-text token")
    return sorted(found)


def visual_ids(config: Any) -> list[int]:
    """Token ids that hold the place of visual features."""
    names = [f"{kind}_token_{suffix}" for kind in ("video", "image") for suffix in ("id", "index")]
    return [value for name in names if isinstance(value := getattr(config, name, None), int)]
