"""A study whose model is asked over the network, on clips that a server can tell apart."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import ask_api
from helpers.api_protocols import OPENAI
from helpers.asking import files_of, gathered, study_of
from zerosign.frames import cache
from zerosign.frames.frame_settings import FrameSettings, Storage
from zerosign.frames.sampling import sampling_of
from zerosign.models import registry
from zerosign.videos.timeline import Decoded, Timeline

KEY = "sk-test-do-not-show-0123456789abcdef"
PROMPT = {"task": "predict", "system": "You name signs.", "user": "Which sign is this?"}
RUN = "m.p.all"


def make_clips(folder: Path, count: int, frames: int = 2, side: int = 16, noise: int = 0) -> None:
    """A shard of ``count`` clips (at most 64), each of one shade of grey, which is its number.

    ``noise``: shades by which pixels differ, so that JPEGs are as large as those of videos.
    """
    dice = np.random.default_rng(0)
    timeline = Timeline(np.arange(frames) / 25, frames / 25)
    raw = FrameSettings(short_side=None, storage=Storage.RAW)
    decoded = folder / "frames/decoded/0.npz"
    with cache.open_decoded_writer(decoded, raw) as writer:
        for number in range(count):
            pixels = np.full((frames, side, side, 3), 4 * number, np.uint8)
            if noise:
                pixels += dice.integers(0, noise, pixels.shape, np.uint8)
            writer.add(f"v{number}", Decoded(list(pixels), np.arange(frames), timeline))
    cache.write_selection(decoded, sampling_of({"strategy": "all"}), folder / "frames/all/0.npz")
    names = [f"v{number}" for number in range(count)]
    pl.DataFrame(
        {"video_id": names, "gloss": [f"g{n % 4}" for n in range(count)], "split": "test"}
    ).with_columns(shard=0).write_parquet(folder / "clips.parquet")
    pl.DataFrame(
        {"video_id": names, "status": "ok", "detail": pl.Series([None] * count, dtype=pl.String)}
    ).write_parquet(folder / "availability.parquet")


def ask(folder: Path, url: str, model: dict[str, Any] = OPENAI, **parts: Any) -> None:
    """Run the program on the study's one run, with its provider at this address."""
    study = options(folder, url, model, **parts)
    output = ["--output", str(folder / "asked.json")]
    ask_api.main([*study, "--provider", "load", *files_of(folder), *output])


def options(folder: Path, url: str, model: dict[str, Any], **parts: Any) -> list[str]:
    """The option ``--study``; the address is the entry's."""
    entry = registry.kind(model["adapter"]).entry.of({"base_url": url} | model)
    prompt = parts.pop("prompt", PROMPT)
    run = ("m", "p", parts.pop("sampling", "all"))
    return study_of(folder, {"m": entry.as_json()}, {"p": prompt}, [run], **parts)


def answers(folder: Path, url: str, model: dict[str, Any] = OPENAI, **parts: Any) -> pl.DataFrame:
    """The run's answers, gathered."""
    sampling = parts.get("sampling", "all")
    return gathered(options(folder, url, model, **parts), folder, f"m.p.{sampling}")


def recorded(folder: Path, what: str = "answers") -> list[dict[str, Any]]:
    """Lines of the store."""
    return [
        json.loads(line)
        for path in sorted((folder / "store").glob(f"*/{what}.jsonl"))
        for line in path.read_text("utf-8").splitlines()
    ]
