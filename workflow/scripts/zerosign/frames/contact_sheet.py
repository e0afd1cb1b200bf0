"""A contact sheet: one picture with the frames that a sampling shows of each clip of a shard.

For looking at the data on this machine: frames of most data sets may not be published.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from zerosign.files import write_atomic
from zerosign.frames import cache
from zerosign.frames.strategies import uniform

MOST_FRAMES = 16  # of a clip; of more, so many are shown, evenly spaced
ROW, LABEL, GAP = 72, 190, 2  # px: height of a frame, width of what is said, between frames
MOST_PIXELS = 60_000  # height of a JPEG
LETTERS = 13  # px
FONT = "fonts/ttf/DejaVuSans.ttf"  # of matplotlib: it has the letters of many scripts


@dataclass(frozen=True)
class SheetRow:
    """What is shown of a clip: its name, lines about it, and frames uint8[H, W, 3]."""

    video_id: str
    lines: Sequence[str]
    frames: Sequence[np.ndarray]


def rows(
    decoded: Path, selection: cache.ShardSelection, glosses: Mapping[str, str]
) -> Iterator[SheetRow]:
    """A row per clip of the shard, those without frames with the reason at the end."""
    for clip in cache.read_clips(decoded, selection):
        chosen = selection.clips[clip.video_id]
        shown = uniform(len(clip.frames), min(MOST_FRAMES, len(clip.frames)))
        lines = [f"{clip.duration:.2f} s, {clip.fps:.4g} fps"]
        lines += ["no signing part found"] if chosen["fallback"] else []
        yield SheetRow(
            clip.video_id, [glosses[clip.video_id], *lines], [clip.frames[i] for i in shown]
        )
    for video_id, reason in selection.failures.items():
        yield SheetRow(video_id, [glosses.get(video_id, ""), reason], [])


def write(clips: Sequence[SheetRow], output: Path) -> None:
    """Draw the clips below each other, as JPEG."""
    height = max(1, min(ROW, MOST_PIXELS // max(1, len(clips)) - GAP))
    strips = [_strip(clip, height) for clip in clips]
    width = max([2 * LABEL, *(strip.width for strip in strips)])
    sheet = Image.new("RGB", (width, max(1, len(strips)) * (height + GAP)), "white")
    for number, strip in enumerate(strips):
        sheet.paste(strip, (0, number * (height + GAP)))
    with write_atomic(output) as temporary:
        sheet.save(temporary, "JPEG", quality=85)


def _strip(clip: SheetRow, height: int) -> Image.Image:
    """One clip: what is said of it, then its frames."""
    pictures = [_thumbnail(frame, height) for frame in clip.frames]
    width = LABEL + sum(picture.width + GAP for picture in pictures)
    strip = Image.new("RGB", (width if pictures else 4 * LABEL, height), "white")
    font = ImageFont.truetype(Path(matplotlib.get_data_path(), FONT), LETTERS)
    draw = ImageDraw.Draw(strip)
    for line, text in enumerate((clip.video_id, *clip.lines)):
        draw.text((4, line * (LETTERS + 4)), " ".join(text.split()), "black", font)
    left = LABEL
    for picture in pictures:
        strip.paste(picture, (left, 0))
        left += picture.width + GAP
    return strip


def _thumbnail(frame: np.ndarray, height: int) -> Image.Image:
    width = max(1, round(frame.shape[1] * height / frame.shape[0]))
    return Image.fromarray(frame).resize((width, height), Image.Resampling.BOX)
