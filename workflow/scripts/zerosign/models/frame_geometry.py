"""How many frames of a clip a model sees, and of what size, by what its processor returned."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from zerosign.errors import UserError
from zerosign.models.base import Request

Geometry = tuple[int | None, int | None, int | None]
"""(frames, height, width) in pixels; None where the layout of the pixels is not known."""


@dataclass(frozen=True)
class Processed:
    """A batch that a processor returned, and the request of it that is looked at."""

    inputs: Any
    row: int
    requests: Sequence[Request]
    as_images: bool
    processor: Any

    @property
    def part(self) -> Any:
        """The processor of its frames."""
        images = self.as_images
        return self.processor.image_processor if images else self.processor.video_processor

    @property
    def sent(self) -> int:
        """Frames of this request."""
        return len(self.requests[self.row].clip.frames)

    def get(self, name: str) -> Any:
        """An input of its images or of its videos."""
        return self.inputs.get(name.format("image" if self.as_images else "video"))

    def count(self, name: str, rows: slice) -> int:
        """How often one of the processor's tokens is in these rows' prompts."""
        token = self.processor.tokenizer.convert_tokens_to_ids(getattr(self.processor, name))
        return int((self.inputs["input_ids"][rows] == token).sum())


def frame_geometry(processed: Processed) -> Geometry:
    """What the vision tower gets of a request. With frames as images, the size of one (or a tile).

    `UserError` where there are no pixels at all.
    """
    for layout in _LAYOUTS:
        if (found := layout(processed)) is not None:
            return found
    if _pixels(processed) is None:
        raise UserError("the processor returned no pixels: this family needs an adapter of its own")
    return None, None, None


def _pixels(processed: Processed) -> Any:
    pixels = None if processed.as_images else processed.inputs.get("pixel_values_videos")
    return processed.inputs.get("pixel_values") if pixels is None else pixels


def _image_grids(processed: Processed) -> Geometry | None:
    """Rows and columns of patches of every image."""
    if not processed.as_images or (grid := processed.inputs.get("image_grid_hw")) is None:
        return None
    patch = processed.part.patch_size
    height, width = grid[processed.row * processed.sent].tolist()
    return processed.sent, height * patch, width * patch


def _patch_positions(processed: Processed) -> Geometry | None:
    """Column and row of every patch, of frames of equal counts one after the other."""
    if (positions := processed.get("{}_position_ids")) is None:
        return None
    frames = len(positions) // len(processed.requests)
    last = positions[processed.row * frames].amax(0) + 1
    width, height = (last * processed.part.patch_size).tolist()
    return frames, height, width


def _patch_grids(processed: Processed) -> Geometry | None:
    """Steps in time, rows and columns of patches of every image or clip.

    Some processors cut clips into pieces: more rows than clips are another layout.
    """
    if (grid := processed.get("{}_grid_thw")) is None:
        return None
    row = processed.row * processed.sent if processed.as_images else processed.row
    if not processed.as_images and len(grid) != len(processed.requests):
        return None
    steps, height, width = grid[row].tolist()
    part = processed.part
    frames = processed.sent if processed.as_images else steps * part.temporal_patch_size
    return frames, height * part.patch_size, width * part.patch_size


def _patch_sizes(processed: Processed) -> Geometry | None:
    """Rows and columns of patches of every frame and of the slices that follow it (MiniCPM-V).

    Frames are told from slices by the token that they begin with.
    """
    name = "target_sizes" if processed.as_images else "target_sizes_videos"
    if (sizes := processed.inputs.get(name)) is None:
        return None
    row, begins = processed.row, ("image_start_token", "slice_start_token")
    before = sum(processed.count(name, slice(row)) for name in begins)
    height, width = (sizes[before] * processed.part.patch_size).tolist()
    return processed.count("image_start_token", slice(row, row + 1)), height, width


def _pooled_grids(processed: Processed) -> Geometry | None:
    """Frames, rows and columns of pooled patches; the frames themselves are squares (Molmo2)."""
    if (grid := processed.get("{}_grids")) is None:
        return None
    side = math.isqrt(_pixels(processed).shape[-2]) * processed.part.patch_size
    frames = processed.sent if processed.as_images else int(grid[processed.row, 0])
    return frames, side, side


def _whole_frames(processed: Processed) -> Geometry | None:
    """Frames as they are: [clips, frames, 3, H, W], or all those of the batch in one row.

    Tensors that look like it but are as high as a patch hold patches in some other layout.
    """
    pixels = _pixels(processed)
    if pixels is None or pixels.ndim < 4 or pixels.shape[-3] != 3:
        return None
    height, width = (int(n) for n in pixels.shape[-2:])
    if height == getattr(processed.part, "patch_size", None):
        return None
    if processed.as_images:
        return processed.sent, height, width
    several = pixels.ndim == 5
    frames = pixels.shape[1] if several else pixels.shape[0] // len(processed.requests)
    return int(frames), height, width


_LAYOUTS: tuple[Callable[[Processed], Geometry | None], ...] = (
    _image_grids,
    _patch_positions,
    _patch_grids,
    _patch_sizes,
    _pooled_grids,
    _whole_frames,
)
