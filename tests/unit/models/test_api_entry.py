"""Entries of API models, and frames as they are sent."""

import io
from typing import Any

import av
import numpy as np
import pytest
from helpers.fake_model import make_clip
from PIL import Image

from zerosign.errors import UserError
from zerosign.frames.cache import Clip
from zerosign.models import api, api_frames, registry
from zerosign.study import error_lines

PRICE = {"input": 1, "output": 2, "as_of": "2026-11-25", "source": "https://example.org"}
ENTRY: dict[str, Any] = {
    "adapter": "openai",
    "model": "gpt-5-2025-08-07",
    "frames": {"as": "images"},
    "decoding": {"max_new_tokens": 16},
}


def checked(change: dict[str, Any]) -> Any:
    return error_lines.check(registry.entries_type(), {"m": ENTRY | change}, "models.yaml")["m"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"frames": {}}, "key 'as' is missing"),
        ({"frames": {"as": "video"}}, "'video' is none of the choices"),
        ({"frames": {"as": "images", "shown_as": "images"}}, "unknown key 'shown_as'"),
        ({"frames": {"as": "images", "jpeg_quality": 0}}, "0 is not at least 1"),
        ({"checkpoint": "a/b"}, "checkpoint has no meaning with adapter: openai; remove it"),
        ({"decoding": {}}, "key 'max_new_tokens' is missing"),
        ({"decoding": {"max_new_tokens": 8, "mode": "closed_set"}}, "none of the choices"),
        ({"base_url": "http://example.org/v1"}, "send the key unencrypted"),
        ({"base_url": "http://127.0.0.1.example.org/v1"}, "send the key unencrypted"),
        ({"base_url": "https://user@example.org"}, "base_url: "),
        ({"price": PRICE | {"as_of": "2026-13-01"}}, "2026-13-01 is no day"),
        ({"price": {"input": 1, "output": 2}}, "key 'as_of' is missing"),
        ({"tries": 0}, "0 is not at least 1"),
    ],
)
def test_a_mistake_is_one_line(change: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError, match=says):
        checked(change)


def test_an_entry_survives_its_way_through_the_study_file() -> None:
    entry = checked({"price": PRICE, "base_url": "http://localhost:8000/v1"})
    assert type(entry).of(entry.as_json()) == entry
    assert entry.as_json()["frames"]["as"] == "images"


def test_what_decides_an_answer_and_what_does_not() -> None:
    identity = registry.kind("openai").identity
    plain = identity(checked({}))
    assert plain["frames"] == {"as": "images", "jpeg_quality": 90}
    same: list[dict[str, Any]] = [
        {"base_url": "https://example.org"},
        {"key_env": None},
        {"service_tier": "flex"},
        {"concurrency": 3},
        {"timeout": 3},
        {"tries": 3},
        {"requests_per_minute": 3},
        {"price": PRICE},
    ]
    for change in same:
        assert identity(checked(change)) == plain, change
    assert registry.kind("openai").answering == []


def test_jpegs_are_the_frames() -> None:
    frames = np.zeros((2, 30, 40, 3), np.uint8)
    frames[0, :, :, 0], frames[1, :, :, 2] = 200, 200
    images = [
        np.asarray(Image.open(io.BytesIO(data)))
        for data in api_frames.jpegs(frames, max_side=20, quality=95)
    ]
    assert [image.shape for image in images] == [(15, 20, 3)] * 2
    assert np.abs(images[0].mean((0, 1)) - [200, 0, 0]).max() < 3
    assert np.abs(images[1].mean((0, 1)) - [0, 0, 200]).max() < 3
    assert api_frames.fitted(30, 40, None) == api_frames.fitted(30, 40, 40) == (30, 40)


def test_a_video_has_the_frames_at_their_times_and_nothing_else() -> None:
    clip = make_clip(0, 5)
    shades = np.array([0, 60, 120, 180, 240], np.uint8)
    pixels = np.broadcast_to(shades[:, None, None, None], (5, 33, 48, 3))
    times = np.array([0.1, 0.2, 0.4, 0.7, 0.9])
    clip = Clip(clip.video_id, pixels, clip.indices, times, 25.0, 50, 1.5, "d")
    with av.open(io.BytesIO(api_frames.video(clip, None))) as container:
        found = [
            (frame.time, float(frame.to_ndarray(format="rgb24").mean()))
            for frame in container.decode(video=0)
        ]
        duration = container.duration / av.time_base
    assert [time for time, _ in found] == pytest.approx(
        [0, 0.1, 0.3, 0.6, 0.8, 1.4 - 1 / 30], abs=2e-3
    )
    assert [shade for _, shade in found] == pytest.approx([*shades.tolist(), 240], abs=3)
    assert duration == pytest.approx(1.4, abs=0.05)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0),
        ({"retry-after": "-1"}, 0),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_how_long_a_server_asks_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert api.retry_after(headers) == seconds
