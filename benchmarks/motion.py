"""How well the signing part of a clip is found, on clips whose bounds are known.

    python benchmarks/motion.py
    python benchmarks/motion.py --scripts ../old/workflow/scripts

The demo's signers rest for up to 1.5 s before and after a sign; noise, rate and rest are drawn by
the clip's number, which the choice of the method's constants has not seen.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "workflow" / "scripts")]

from helpers.signing_clips import signing_clip  # noqa: E402

FIRST_SEED = 1000


def other(scripts: Path) -> Any:
    """The module that finds the signing part, of this or another checkout."""
    sys.path.insert(0, str(scripts))
    for name in [name for name in sys.modules if name.split(".")[0] == "zerosign"]:
        del sys.modules[name]
    try:
        from zerosign.frames import motion
    except ImportError:  # until November 2026
        from zerosign import motion
    return motion


def main(argv: Sequence[str] | None = None) -> None:
    """Print the measures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scripts", type=Path, default=ROOT / "workflow" / "scripts")
    parser.add_argument("--clips", type=int, default=100)
    options = parser.parse_args(argv)
    clips = [signing_clip(FIRST_SEED + number) for number in range(options.clips)]
    motion = other(options.scripts)
    whole, errors, idle, lost = 0, [], [0.0, 0.0], [0.0, 0.0]
    for clip in clips:
        rate, length = float(clip.rate), len(clip.frames) / float(clip.rate)
        grey = [
            np.asarray(Image.fromarray(f).convert("L").resize((124, 124), Image.Resampling.BOX))
            for f in clip.frames
        ]
        first, last = tuple(motion.signing_part(motion.flow(grey), rate))[:2]
        whole += (first, last) == (0, len(clip.frames) - 1)
        begin, end = first / rate, (last + 1) / rate
        errors.append((abs(begin - clip.onset), abs(end - clip.end)))
        idle[0] += max(0.0, clip.onset - begin) + max(0.0, end - clip.end)
        idle[1] += clip.onset + length - clip.end
        lost[0] += max(0.0, begin - clip.onset) + max(0.0, clip.end - end)
        lost[1] += clip.end - clip.onset
    onset, end = np.mean(errors, axis=0)
    print(
        f"{len(clips)} clips: {whole} taken whole; mean error {onset:.3f} s of the beginning, "
        f"{end:.3f} s of the end; rest that is left {idle[0] / idle[1]:.1%}, signing that is lost "
        f"{lost[0] / lost[1]:.1%}"
    )


if __name__ == "__main__":
    main()
