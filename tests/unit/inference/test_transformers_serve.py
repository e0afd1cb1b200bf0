"""A real server of the OpenAI protocol: ``transformers serve`` with the demo's tiny model."""

import dataclasses
import io
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import api_study
from helpers.api_study import PROMPT, answers, ask
from PIL import Image

from zerosign.errors import UserError
from zerosign.frames import cache
from zerosign.frames.frame_settings import FrameSettings, Storage
from zerosign.frames.sampling import sampling_of
from zerosign.models import api_frames, registry
from zerosign.models.base import Request
from zerosign.prompts import template
from zerosign.prompts.prompt_entry import Prompt
from zerosign.videos.timeline import Decoded, Timeline

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
CHECKPOINT = ROOT / "resources/demo/tiny-qwen2.5-vl"
CLIPS, FRAMES = 32, 12
TOKENS = 8
MODEL: dict[str, Any] = {
    "adapter": "openai",
    "model": str(CHECKPOINT),
    "key_env": None,
    "frames": {"as": "images"},
    "decoding": {"max_new_tokens": TOKENS, "temperature": 0},
    "concurrency": 4,
    "timeout": 120,
}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Where the server is."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = ROOT / "tests/helpers/serve_transformers.py"
    command = [sys.executable, str(program), str(CHECKPOINT), str(port)]
    server = subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"})
    try:
        deadline = time.monotonic() + 180
        while not _answers(f"http://127.0.0.1:{port}/health"):
            assert server.poll() is None and time.monotonic() < deadline
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.kill()
        server.wait()


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips of coloured rectangles that move, stored as they are."""
    folder = tmp_path_factory.mktemp("study")
    api_study.make_clips(folder, CLIPS, frames=FRAMES, side=56)
    timeline = Timeline(np.arange(FRAMES) / 12, 1.0)
    decoded = folder / "frames/decoded/0.npz"
    raw = FrameSettings(short_side=None, storage=Storage.RAW)
    dice = np.random.default_rng(0)
    with cache.open_decoded_writer(decoded, raw) as writer:
        for number in range(CLIPS):
            frames = np.full((FRAMES, 56, 84, 3), dice.integers(0, 256, 3), np.uint8)
            for at, frame in enumerate(frames):
                x, y = (at * dice.integers(1, 6) % 60, at * number % 40)
                frame[y : y + 16, x : x + 24] = dice.integers(0, 256, 3)
            writer.add(f"v{number}", Decoded(list(frames), np.arange(FRAMES), timeline))
    cache.write_selection(decoded, sampling_of({"strategy": "all"}), folder / "frames/all/0.npz")
    return folder


def chat_answers(study: Path) -> list[str]:
    """The chat adapter's, shown the JPEGs that the server is sent, as images."""
    entry: Any = registry.kind("chat").entry.of(
        {
            "adapter": "chat",
            "checkpoint": str(CHECKPOINT),
            "dtype": "float32",
            "frames_as": "images",
            "decoding": {"max_new_tokens": TOKENS},
        }
    )
    model = registry.kind("chat").load(entry)
    messages = template.render("p", Prompt.of(PROMPT), {})
    texts = []
    selection = cache.read_selection(study / "frames/all/0.npz")
    for clip in cache.read_clips(study / "frames/decoded/0.npz", selection):
        images = [Image.open(io.BytesIO(j)) for j in api_frames.jpegs(clip.frames, None, 90)]
        shown = np.stack([np.asarray(image) for image in images])
        request = Request(dataclasses.replace(clip, frames=shown), messages)
        texts += [answer.text for answer in model.answer(model.prepare([request]))]
    return texts


def test_a_server_answers_as_the_chat_adapter_does(study: Path, url: str) -> None:
    ask(study, url, MODEL)
    table = answers(study, url, MODEL)
    assert set(table["finish"]) <= {"stop", "length"}
    assert table["prompt_tokens"].min() > 100 and table["request_id"].null_count() == 0
    assert table["served_model"].n_unique() == 1
    expected = chat_answers(study)
    assert len(set(expected)) > 2, "these clips look all alike to the model"
    assert table["text"].to_list() == expected


def test_a_server_that_ignores_schemas_is_found_out(study: Path, url: str) -> None:
    choice = MODEL | {"decoding": {"mode": "choice", "max_new_tokens": TOKENS, "temperature": 0}}
    with pytest.raises(UserError, match="the server ignores the schema"):
        ask(study, url, choice)


def test_a_wrong_model_is_one_line(study: Path, url: str) -> None:
    with pytest.raises(UserError, match="400"):
        ask(study, url, MODEL | {"model": "no/such-model"})
