"""How much of the damage in video files is noticed, on files made by seed with ffmpeg.

    python benchmarks/damage.py                             # this checkout
    python benchmarks/damage.py --scripts ../old/workflow/scripts

Sound files are compared with what the ffmpeg command shows; then each is damaged in several ways.
A damaged file is "silent" if its frames differ from the sound one's and nothing says so.
"""

import argparse
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from helpers.damaged_files import DAMAGES, SOURCES, damaged, judge  # noqa: E402
from helpers.ffmpeg import KINDS, file_of, shown_frames  # noqa: E402

SIZE = (96, 64)
Frames = list[np.ndarray]
Read = Callable[[Path], tuple[str, str | None, Frames]]
"""Status, damage, and the frames that a study would use."""


def reader(scripts: Path) -> Read:
    """How the code in ``scripts`` reads a file that is a clip."""
    sys.path.insert(0, str(scripts))
    try:
        from zerosign.frames.decode import every_frame, read_clip
        from zerosign.frames.pixels import to_rgb
        from zerosign.frames.shard_decoding import span_of
        from zerosign.videos import availability
        from zerosign.videos.probe import probe

        def decode(row: Any) -> Any:
            return read_clip(row["path"], every_frame, to_rgb(), span_of(row))

    except ImportError:  # until November 2026
        from zerosign.probe import probe
        from zerosign.video import read_clip, to_rgb

        from zerosign import availability

        def decode(row: Any) -> Any:
            verified = None if row["decode_error"] else row["range_frames"]

            def choose(timeline: Any) -> Any:
                return np.arange(len(timeline.times))

            return read_clip(row["path"], choose, to_rgb(), vouched_frames=verified)

    clip = {"video_id": "a", "frame_start": 1, "frame_end": -1, "fps_declared": None}
    clip |= {"start_declared": None, "end_declared": None}

    def read(path: Path) -> tuple[str, str | None, Frames]:
        row = availability.row(clip, probe(path), str(path), "own", True, None)
        if row["status"] != "ok":
            return row["status"], row["detail"], []
        return "ok", row.get("damage") or row.get("decode_error"), decode(row).frames

    return read


def is_like(frame: np.ndarray, reference: np.ndarray) -> bool:
    """Whether two versions of FFmpeg may have decoded the same picture."""
    return float(np.abs(frame.astype(int) - reference).mean()) < 1.5


def try_sound(read: Read, folder: Path) -> str:
    """Sound files against ffmpeg: one line."""
    wrong = total = accused = 0
    for kind in KINDS:
        path = file_of(folder, kind)
        reference = shown_frames(path, SIZE)
        _, damage, frames = read(path)
        accused += damage is not None
        total += len(reference)
        same = sum(map(is_like, frames, reference))
        wrong += len(reference) - same
        if damage or same < len(reference):
            print(
                f"  {kind}: {same} of {len(reference)} frames right, damage: {damage}",
                file=sys.stderr,
            )
    return f"{len(KINDS)} sound files: {wrong} of {total} frames wrong, {accused} called damaged"


def try_damaged(read: Read, folder: Path, seeds: int) -> dict[str, Counter[str]]:
    """What became of damaged files, by the kind of damage."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for kind in SOURCES:
        sound = file_of(folder, kind)
        expected = read(sound)[2]
        for name in DAMAGES:
            for seed in range(seeds):
                path = folder / f"damaged{sound.suffix}"
                path.write_bytes(damaged(kind, name, seed, sound.read_bytes()))
                outcome = judge(*read(path), expected)
                found[name][outcome] += 1
                if outcome == "silent":
                    print(f"  silent: {kind}, {name}, seed {seed}", file=sys.stderr)
    return found


def main(argv: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scripts", type=Path, default=ROOT / "workflow" / "scripts")
    parser.add_argument("--seeds", type=int, default=2)
    options = parser.parse_args(argv)
    av.logging.set_level(None)
    read = reader(options.scripts)
    with tempfile.TemporaryDirectory() as folder:
        print(try_sound(read, Path(folder)), flush=True)
        found = try_damaged(read, Path(folder), options.seeds)
    outcomes = ("refused", "noticed", "unharmed", "silent")
    print(f"\n| damage | files | {' | '.join(outcomes)} |\n|---|{'---|' * 5}")
    total: Counter[str] = sum(found.values(), Counter())
    for name, counts in [*found.items(), ("all", total)]:
        shown = " | ".join(str(counts[outcome]) for outcome in outcomes)
        print(f"| {name} | {counts.total()} | {shown} |")


if __name__ == "__main__":
    main()
