"""Frames of a clip: zerosign against its peers, side by side, at equal output.

Ways are run in turn, in a new order each round, and a table holds medians over the rounds, so that
a busy machine slows all of them alike. A peer that is not installed is left out with a line.
"""

import argparse
import multiprocessing
import os
import random
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from zerosign import cli, torch_setup  # noqa: E402
from zerosign.frames import cache as frames_cache  # noqa: E402
from zerosign.frames.decode import read_clip  # noqa: E402
from zerosign.frames.frame_settings import FrameSettings, Storage  # noqa: E402
from zerosign.frames.pixels import to_rgb  # noqa: E402
from zerosign.frames.sampling import sampling_of  # noqa: E402
from zerosign.frames.strategies import uniform  # noqa: E402
from zerosign.videos.probe import probe  # noqa: E402
from zerosign.videos.timeline import Span  # noqa: E402

SIZES = ((320, 240), (640, 480), (1280, 720), (1920, 1080))
GOPS = (12, 250)
LENGTH = 60  # frames, about WLASL's median
RATE = 25

Way = Callable[[str, np.ndarray], Sequence[np.ndarray]]


# The ways: from a file and ascending frame numbers to RGB frames at the file's size


def zerosign(path: str, numbers: np.ndarray) -> list[np.ndarray]:
    """As the workflow reads a clip whose frames an earlier full decode has counted."""
    return read_clip(path, lambda _: numbers, to_rgb(), Span(verified_frames=LENGTH)).frames


def zerosign_sequential(path: str, numbers: np.ndarray) -> list[np.ndarray]:
    """As it reads a damaged file, of which nothing may be believed."""
    return read_clip(path, lambda _: numbers, to_rgb()).frames


def pyav(path: str, numbers: np.ndarray) -> list[np.ndarray]:
    """PyAV from the first frame to the last wanted one."""
    wanted, frames = set(numbers.tolist()), []
    with av.open(path) as container:
        container.streams.video[0].thread_type = "NONE"
        for number, frame in enumerate(container.decode(video=0)):
            if number in wanted:
                frames.append(frame.to_ndarray(format="rgb24"))
                if len(frames) == len(wanted):
                    return frames
    return frames


def floor(path: str, numbers: np.ndarray) -> list[np.ndarray]:
    """Every frame decoded, none converted."""
    with av.open(path) as container:
        container.streams.video[0].thread_type = "NONE"
        for _ in container.decode(video=0):
            pass
    return []


def decord(path: str, numbers: np.ndarray) -> Any:
    from decord import VideoReader

    return VideoReader(path, num_threads=1).get_batch(numbers.tolist()).asnumpy()


def opencv_seek(path: str, numbers: np.ndarray) -> list[np.ndarray]:
    """OpenCV with a seek for each frame, as the paper's GPT and Gemini scripts do it."""
    import cv2

    capture, frames = cv2.VideoCapture(path), []
    for number in numbers.tolist():
        capture.set(cv2.CAP_PROP_POS_FRAMES, number)
        frames.append(cv2.cvtColor(capture.read()[1], cv2.COLOR_BGR2RGB))
    capture.release()
    return frames


def torchcodec(path: str, numbers: np.ndarray) -> Any:
    from torchcodec.decoders import VideoDecoder

    decoder = VideoDecoder(path, dimension_order="NHWC", num_ffmpeg_threads=1)
    return decoder.get_frames_at(numbers.tolist()).data.numpy()


def imageio_ffmpeg(path: str, numbers: np.ndarray) -> list[np.ndarray]:
    import imageio_ffmpeg

    wanted, frames = set(numbers.tolist()), []
    stream = imageio_ffmpeg.read_frames(path, input_params=["-threads", "1"])
    width, height = next(stream)["size"]
    for number, data in enumerate(stream):
        if number in wanted:
            frames.append(np.frombuffer(data, np.uint8).reshape(height, width, 3))
    return frames


def transformers_loader(backend: str) -> Way:
    def load(path: str, numbers: np.ndarray) -> Any:
        torch_setup.prepare()
        from transformers.video_utils import load_video

        frames = np.asarray(
            load_video(path, backend=backend, sample_indices_fn=lambda metadata, **_: numbers)[0]
        )
        return frames if frames.shape[-1] == 3 else np.moveaxis(frames, 1, -1)

    return load


WAYS: dict[str, Way] = {
    "zerosign": zerosign,
    "zerosign, nothing known": zerosign_sequential,
    "PyAV sequential": pyav,
    "decord": decord,
    "torchcodec": torchcodec,
    "imageio-ffmpeg": imageio_ffmpeg,
    "transformers (pyav)": transformers_loader("pyav"),
    "transformers (torchcodec)": transformers_loader("torchcodec"),
    "OpenCV, a seek a frame": opencv_seek,
    "floor: decode only": floor,
}
FLOOR = "floor: decode only"
AUTHORS = "OpenCV, a seek a frame"
OWN = ("zerosign", "zerosign, nothing known", "PyAV sequential", FLOOR)


# Clips


def make_clips(folder: Path) -> dict[tuple[int, int, int], str]:
    """Generated H.264 clips (kept between runs): (width, height, GOP) → path."""
    clips = {}
    for width, height in SIZES:
        for gop in GOPS:
            path = folder / f"{width}x{height}-{gop}.mp4"
            if not path.exists():
                cli.log.info("making %s", path)
                make_clip(path, width, height, gop, LENGTH)
            clips[width, height, gop] = str(path)
    return clips


def make_clip(path: Path, width: int, height: int, gop: int, length: int) -> None:
    """A figure whose hands move before a textured wall, with a camera's noise; x264's defaults."""
    rng = np.random.default_rng(width)
    y, x = np.mgrid[:height, :width] / height
    wall = 120 + 40 * np.sin(9 * x) * np.cos(7 * y) + rng.normal(0, 6, (height, width))
    picture = np.stack([wall, wall * 0.9, wall * 0.8], axis=2).clip(0, 255)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part.mp4")
    with av.open(str(part), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(RATE))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"g": str(gop), "crf": "23"}
        for number in range(length):
            image = picture + rng.normal(0, 2.5, (height, width, 1))
            turn = 2 * np.pi * number / 30
            for side in (-1, 1):
                middle = width / height / 2 + side * (0.12 + 0.1 * np.cos(turn))
                hand = (x - middle) ** 2 + (y - 0.5 - 0.25 * np.sin(turn * side)) ** 2 < 0.004
                image[hand] = (224, 172, 140)
            frame = av.VideoFrame.from_ndarray(image.clip(0, 255).astype(np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    part.rename(path)


# Measuring


def cpu_seconds() -> float:
    """CPU time of this process and of its finished children."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    usages = [resource.getrusage(kind) for kind in kinds]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def usable_ways(path: str, numbers: np.ndarray) -> list[str]:
    """The ways that work here and give zerosign's frames; a line for each that does not."""
    reference = np.stack(pyav(path, numbers)).astype(np.int16)
    names = []
    for name, way in WAYS.items():
        try:
            frames = way(path, numbers)
        except Exception as error:
            cli.log.info("left out: %s (%s: %s)", name, type(error).__name__, str(error)[:80])
            continue
        if name != FLOOR:
            off = np.abs(np.stack([np.asarray(frame) for frame in frames]) - reference)
            cli.log.info("%s: %s", name, f"differs by up to {off.max()}" if off.any() else "equal")
            if off.mean() > 2:
                raise SystemExit(f"{name} returns other frames (mean difference {off.mean():.1f})")
        names.append(name)
    return names


def one_process(
    ways: Sequence[str], paths: dict[Any, str], counts: Sequence[int], rounds: int
) -> dict[tuple[str, Any, int], float]:
    """Median CPU seconds of (way, clip, n)."""
    spent: dict[tuple[str, Any, int], list[float]] = {}
    total = rounds * len(paths) * len(counts)
    work = ((r, key, n) for r in range(rounds) for key in paths for n in counts)
    for turn, key, n in cli.progress(work, total, "one process", "rows"):
        order = list(ways)
        random.Random(turn).shuffle(order)
        for name in order:
            start = cpu_seconds()
            WAYS[name](paths[key], uniform(LENGTH, n))
            spent.setdefault((name, key, n), []).append(cpu_seconds() - start)
    return {key: statistics.median(values) for key, values in spent.items()}


def _run_all(job: tuple[str, list[str], int]) -> None:
    name, paths, n = job
    for path in paths:
        WAYS[name](path, uniform(LENGTH, n))


def throughput(
    ways: Sequence[str], paths: Sequence[str], n: int, processes: int, rounds: int
) -> dict[str, float]:
    """Best clips a second, wall clock, of each way with so many processes over the clips.

    The best of the rounds, since other work on the machine only ever slows a round down.
    """
    rates: dict[str, list[float]] = {}
    share = [list(paths) for _ in range(processes)]
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        for name in ways:  # imports
            pool.map(_run_all, [(name, [paths[0]], 1)] * processes * 2, chunksize=1)
        for turn in cli.progress(range(rounds), rounds, f"{processes} processes", "rounds"):
            order = list(ways)
            random.Random(turn).shuffle(order)
            for name in order:
                start = time.perf_counter()
                pool.map(_run_all, [(name, own, n) for own in share], chunksize=1)
                taken = time.perf_counter() - start
                rates.setdefault(name, []).append(processes * len(paths) / taken)
    return {name: max(values) for name, values in rates.items()}


def segment(ways: Sequence[str], path: str, first: int, n: int, rounds: int) -> dict[str, float]:
    """Median CPU seconds for frames of a range of ``LENGTH`` frames within a long video."""
    numbers = uniform(LENGTH, n)

    def own(path: str, _: np.ndarray) -> list[np.ndarray]:
        span = Span(first / RATE, (first + LENGTH) / RATE, LENGTH)
        return read_clip(path, lambda _: numbers, to_rgb(), span).frames

    spent: dict[str, list[float]] = {}
    for turn in cli.progress(range(rounds), rounds, "segment", "rounds"):
        order = list(ways)
        random.Random(turn).shuffle(order)
        for name in order:
            start = cpu_seconds()
            (own if name == "zerosign" else WAYS[name])(path, first + numbers)
            spent.setdefault(name, []).append(cpu_seconds() - start)
    return {name: statistics.median(values) for name, values in spent.items()}


def check(paths: Sequence[str], rounds: int) -> float:
    """CPU seconds a clip to decode it from end to end, once for its row of availability.parquet."""
    spent = []
    for _ in range(rounds):
        start = cpu_seconds()
        for path in paths:
            probe(path)
        spent.append(cpu_seconds() - start)
    return statistics.median(spent) / len(paths)


def study(paths: Sequence[str], n: int, rounds: int) -> dict[str, tuple[float, float, float]]:
    """By storage: CPU seconds a clip to decode and write, to read, and bytes a clip."""
    table = {}
    numbers = uniform(LENGTH, n)
    with tempfile.TemporaryDirectory() as folder:
        sampling = sampling_of({"strategy": "uniform", "frames": n})
        for name in Storage:
            settings = FrameSettings(short_side=448, storage=name)
            write, read, size = [], [], 0
            decoded, chosen = Path(folder, "decoded.npz"), Path(folder, "chosen.npz")
            for _ in range(rounds):
                start = cpu_seconds()
                with frames_cache.open_decoded_writer(decoded, settings) as writer:
                    for path in paths:
                        span = Span(verified_frames=LENGTH)
                        writer.add(path, read_clip(path, lambda _: numbers, to_rgb(448), span))
                write.append(cpu_seconds() - start)
                start = cpu_seconds()
                frames_cache.write_selection(decoded, sampling, chosen)
                for _ in frames_cache.read_clips(decoded, frames_cache.read_selection(chosen)):
                    pass
                read.append(cpu_seconds() - start)
                size = decoded.stat().st_size
            table[name] = (
                statistics.median(write) / len(paths),
                statistics.median(read) / len(paths),
                size / len(paths),
            )
    return table


# Tables


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def geometric_mean(values: Sequence[float]) -> float:
    return statistics.geometric_mean(values)


@cache
def machine() -> str:
    names = [
        line.split(":")[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return f"{len(names)} x {names[0]}" if names else "unknown"


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, default=Path(tempfile.gettempdir(), "frames-clips"))
    parser.add_argument("--frames", type=int, nargs="+", default=[8, 16, 32])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path, help="Markdown file (default: standard output)")
    args = parser.parse_args(argv)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    clips = make_clips(args.clips)
    middle = clips[640, 480, 12]
    ways = usable_ways(middle, uniform(LENGTH, 8))
    spent = one_process(ways, clips, args.frames, args.rounds)
    peers = [name for name in ways if name not in OWN]

    parts = [f"Machine: {machine()}. {LENGTH}-frame clips, medians of {args.rounds} rounds.\n"]
    parts.append(
        "CPU time of a clip relative to PyAV sequential (geometric mean over the clips):\n"
    )
    rows = []
    for name in ways:
        ratios = [
            geometric_mean([spent[name, k, n] / spent["PyAV sequential", k, n] for k in clips])
            for n in args.frames
        ]
        rows.append([name, *(f"{ratio:.2f}" for ratio in ratios)])
    parts.append(markdown(["way", *(f"n = {n}" for n in args.frames)], rows))

    parts.append("zerosign by clip: CPU ms, times the fastest peer, times the floor:\n")
    rows = []
    for key in clips:
        row = [f"{key[0]}×{key[1]}, GOP {key[2]}"]  # noqa: RUF001
        for n in args.frames:
            own = spent["zerosign", key, n]
            fastest = min(peers, key=lambda name: spent[name, key, n], default="PyAV sequential")
            row.append(
                f"{own * 1e3:.0f} ms, {own / spent[fastest, key, n]:.2f} ({fastest}), "
                f"{own / spent[FLOOR, key, n]:.2f}"
            )
        rows.append(row)
    parts.append(markdown(["clip", *(f"n = {n}" for n in args.frames)], rows))

    n = 16
    usual = [path for (width, _, _), path in clips.items() if width <= 1280]
    rates = {p: throughput(ways, usual, n, p, args.rounds) for p in (1, 2)}
    parts.append(f"Clips a second, wall clock, best round, n = {n}, 320x240 to 1280x720:\n")
    rows = [[name, f"{rates[1][name]:.1f}", f"{rates[2][name]:.1f}"] for name in ways]
    parts.append(markdown(["way", "1 process", "2 processes"], rows))

    long = args.clips / "long.mp4"
    if not long.exists():
        cli.log.info("making %s", long)
        make_clip(long, 640, 480, 50, 60 * RATE)
    apart = [name for name in ways if name not in (FLOOR, "zerosign, nothing known")]
    cut = segment(apart, str(long), 40 * RATE, n, args.rounds)
    parts.append(f"A range from second 40 of a minute of 640x480, n = {n}, CPU ms:\n")
    parts.append(markdown(["way", "ms"], [[k, f"{cut[k] * 1e3:.0f}"] for k in apart]))

    parts.append(
        f"The study's pattern, n = {n}, 448 px: check, decode and store once, read for each run:\n"
    )
    rows = []
    authors = None
    if AUTHORS in ways:
        authors = statistics.mean(spent[AUTHORS, key, n] for key in clips)
    checked = check(list(clips.values()), args.rounds)
    for name, (write, read, size) in study(list(clips.values()), n, args.rounds).items():
        row = [name, f"{size / 1e6:.2f}", f"{checked * 1e3:.0f}"]
        row += [f"{write * 1e3:.0f}", f"{read * 1e3:.1f}"]
        for runs in (1, 5, 20):
            once = checked + write
            row.append(f"{runs * authors / (once + runs * read):.1f}" if authors else "–")  # noqa: RUF001
        rows.append(row)
    head = ["storage", "MB a clip", "check, ms", "decode + write, ms", "read, ms"]
    head += [f"× the authors' way, {runs} runs" for runs in (1, 5, 20)]  # noqa: RUF001
    parts.append(markdown(head, rows))

    text = "\n".join(parts)
    if args.output:
        args.output.write_text(text, encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    cli.run(main)
