"""A miniature of WLASL: who signs what when, as metadata, splits, descriptions and video files.

Everything follows from the settings: the same settings give the same bytes, in any order and on
any number of processes, since each signer and each clip draws from a generator of its own.
"""

import csv
import json
import string
from collections.abc import Collection
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from zerosign.demo.demo_settings import DemoSettings
from zerosign.demo.signs import SIGNS, Signer, Take, body_box, draw_signer, draw_take, render
from zerosign.files import write_atomic

SPLITS = ("train", "val", "test")
# WLASL declares this rate in every row, whatever the file has; segments count frames in it.
DECLARED_FPS = 25
SEGMENT_SHARE = 0.2  # of the clips that are a part of a longer file


@dataclass(frozen=True)
class Plan:
    """One clip before it is filmed."""

    video_id: str
    class_index: int
    split: str
    signer_id: int
    signer: Signer
    takes: tuple[Take, ...]
    which: int  # the take that the clip shows; others are what trimming removes
    seed: tuple[int, ...]

    @property
    def whole(self) -> bool:
        return len(self.takes) == 1

    @property
    def ticks(self) -> tuple[int, int]:
        """The clip's range in declared frames: first (from 0), last (exclusive)."""
        start = sum(take.duration for take in self.takes[: self.which])
        end = start + self.takes[self.which].duration
        return round(start * DECLARED_FPS), round(end * DECLARED_FPS)


def plan(settings: DemoSettings, only: Collection[str] = SPLITS) -> list[Plan]:
    """All clips of the splits in `only`, by class and then by video id."""
    signers = [split for split in SPLITS for _ in range(getattr(settings, f"{split}_signers"))]
    rng = np.random.default_rng([settings.seed, 0])
    ids = rng.choice(100_000, len(SIGNS) * len(signers), replace=False)
    ids = np.sort(ids).reshape(len(SIGNS), len(signers))
    clips = []
    for class_index in range(len(SIGNS)):
        for video_id, signer_id in zip(
            ids[class_index], rng.permutation(len(signers)).tolist(), strict=True
        ):
            if signers[signer_id] in only:
                clips.append(
                    _plan_clip(
                        settings, f"{video_id:05d}", class_index, signers[signer_id], signer_id
                    )
                )
    return clips


def metadata(plans: list[Plan]) -> list[dict[str, Any]]:
    """The data set in the schema of WLASL_v0.3.json."""
    entries: list[dict[str, Any]] = [{"gloss": sign.gloss, "instances": []} for sign in SIGNS]
    for clip in plans:
        instances = entries[clip.class_index]["instances"]
        first, last = clip.ticks
        instances.append(
            {
                "bbox": body_box(clip.signer),
                "fps": DECLARED_FPS,
                "frame_end": -1 if clip.whole else last,
                "frame_start": first + 1,
                "instance_id": len(instances),
                "signer_id": clip.signer_id,
                "source": _source(clip),
                "split": clip.split,
                "url": _url(clip),
                "variation_id": 0,
                "video_id": clip.video_id,
            }
        )
    return entries


def splits(plans: list[Plan]) -> dict[str, dict[str, Any]]:
    """The data set in the schema of nslt_300.json: action is [class, first, last] of the clip."""
    return {
        clip.video_id: {
            "subset": clip.split,
            "action": [clip.class_index, 1, clip.ticks[1] - clip.ticks[0]],
        }
        for clip in sorted(plans, key=lambda clip: clip.video_id)
    }


def film(clip: Plan, folder: Path) -> None:
    """Write a clip's video file: H.264 in MP4, the same bytes every time."""
    rng = np.random.default_rng([*clip.seed, 1])
    frames = render(list(clip.takes), clip.signer, rng, clip.signer.fps)
    write_video(frames, clip.signer.fps, folder / f"{clip.video_id}.mp4")


def write_video(frames: np.ndarray, rate: Fraction, path: Path) -> None:
    """Encode uint8[T, H, W, 3] RGB frames; one thread, since the bytes depend on their number."""
    import av

    with write_atomic(path) as temporary, av.open(str(temporary), "w", format="mp4") as container:
        options = {"preset": "ultrafast", "crf": "24", "bf": "2"}
        stream = container.add_stream("libx264", rate=rate, options=options)
        stream.width, stream.height, stream.pix_fmt = frames.shape[2], frames.shape[1], "yuv420p"
        stream.codec_context.thread_count = 1
        for pixels in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))


def _plan_clip(
    settings: DemoSettings, video_id: str, class_index: int, split: str, signer_id: int
) -> Plan:
    # By number within the split: fewer training signers must not turn one into a test signer, who
    # would be no stranger to the shipped model.
    number = signer_id - sum(
        getattr(settings, f"{before}_signers") for before in SPLITS[: SPLITS.index(split)]
    )
    look = np.random.default_rng([settings.seed, 1, number, SPLITS.index(split)])
    signer = draw_signer(look)
    seed = (settings.seed, 2, int(video_id))
    rng = np.random.default_rng([*seed, 0])
    shown = draw_take(rng, SIGNS[class_index], signer)
    if rng.random() >= SEGMENT_SHARE:
        return Plan(video_id, class_index, split, signer_id, signer, (shown,), 0, seed)
    others = [SIGNS[i] for i in rng.permutation(len(SIGNS)) if i != class_index]
    takes = [draw_take(rng, sign, signer) for sign in others[: rng.integers(1, 3)]]
    which = int(rng.integers(0, len(takes) + 1))
    takes.insert(which, shown)
    return Plan(video_id, class_index, split, signer_id, signer, tuple(takes), which, seed)


def _source(clip: Plan) -> str:
    if clip.whole:
        return "studio" if clip.signer.fps == 25 else "street"
    return "lecture" if clip.signer.fps == 25 else "television"


def _url(clip: Plan) -> str:
    if clip.whole:
        gloss = SIGNS[clip.class_index].gloss
        return f"https://{_source(clip)}.example.org/signs/{gloss}-{clip.video_id}.mp4"
    letters = np.array(list(string.ascii_letters + string.digits))
    key = "".join(np.random.default_rng([*clip.seed, 2]).choice(letters, 11))
    return f"https://video.example.org/watch?v={key}"


def write_descriptions(path: Path) -> None:
    """How each sign is made, as a CSV."""
    with write_atomic(path) as temporary, open(temporary, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("gloss", "description"))
        writer.writerows((sign.gloss, sign.description) for sign in SIGNS)


def write_splits(plans: list[Plan], path: Path) -> None:
    """The split file."""
    with write_atomic(path) as temporary:
        temporary.write_text(json.dumps(splits(plans)))


def write_metadata(plans: list[Plan], path: Path) -> None:
    """The metadata, which stands for the whole data set: written last."""
    with write_atomic(path) as temporary:
        temporary.write_text(json.dumps(metadata(plans), indent=4) + "\n")
