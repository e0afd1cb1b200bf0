"""Frames and times against a plain sequential decode, on every kind of file that we can make."""

import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from helpers.video_files import all_frames, make_video
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zerosign.frames import wanted_frames
from zerosign.frames.decode import every_frame, read_clip
from zerosign.frames.pixels import size_for, to_grey, to_rgb
from zerosign.frames.strategies import uniform
from zerosign.videos.opening import open_video
from zerosign.videos.timeline import Decoded, Span, Undecodable, in_range

B_FRAMES = "bframes=3:b-adapt=0:scenecut=0"
KINDS = {
    "plain.mp4": {"options": {"bf": "0"}},
    "b.mp4": {"frames": 60, "options": {"x264-params": f"keyint=12:{B_FRAMES}"}},
    "open.mp4": {"frames": 60, "options": {"x264-params": f"keyint=12:open-gop=1:{B_FRAMES}"}},
    "refresh.mp4": {"frames": 60, "options": {"x264-params": "intra-refresh=1:keyint=12"}},
    "pyramid.mkv": {
        "frames": 60,
        "options": {"x264-params": "bframes=7:b-adapt=0:scenecut=0:keyint=20"},
    },
    "ntsc.mp4": {"rate": Fraction(30000, 1001), "options": {"x264-params": B_FRAMES}},
    "variable.mp4": {"frames": np.cumsum([0] + [40, 80, 40, 20, 200] * 8).tolist()},
    "offset.ts": {"options": {"x264-params": f"keyint=12:{B_FRAMES}"}},
    "edit.mp4": {"frames": 60, "shift": -520, "options": {"x264-params": f"keyint=12:{B_FRAMES}"}},
    "turned.mp4": {"rotation": 90},
    "over.mp4": {"rotation": 180},
    "back.mp4": {"rotation": 270},
    "odd.mp4": {"size": (67, 45), "pixels": "yuv444p"},
    "vp9.webm": {"codec": "libvpx-vp9", "options": {"cpu-used": "8"}},
    "vp8.webm": {"codec": "libvpx"},
    "flash.flv": {"codec": "flv"},
    "part4.avi": {"codec": "mpeg4", "options": {"bf": "2"}},
    "hevc.mp4": {
        "codec": "libx265",
        "frames": 40,
        "options": {"x265-params": "keyint=12:bframes=3:log-level=none", "preset": "ultrafast"},
    },
}


def read(
    path: str,
    choose: Any,
    convert: Any,
    start_s: float = 0.0,
    end_s: float | None = None,
    verified: int | None = None,
) -> Decoded:
    """`read_clip` of a range."""
    return read_clip(path, choose, convert, Span(start_s, end_s, verified))


def wanted(
    path: str, choose: Any, convert: Any, start_s: float, end_s: float | None, verified: int
) -> Decoded | None:
    """`wanted_frames.read_wanted` of a range."""
    return wanted_frames.read_wanted(path, choose, convert, Span(start_s, end_s, verified))


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Make a kind of file once: name → (path, frames, seconds)."""
    folder, known = tmp_path_factory.mktemp("videos"), {}

    def make(name: str) -> Any:
        if name not in known:
            path = make_video(folder / name, **KINDS[name])
            known[name] = (str(path), *all_frames(path))
        return known[name]

    return make


def in_range_by_definition(seconds: float, start_s: Any, end_s: Any) -> Any:
    return [
        i
        for i, second in enumerate(seconds)
        if second >= start_s - 0.001 and (end_s is None or second < end_s - 0.001)
    ]


def check(decoded: Any, images: Any, seconds: float, numbers: Any, indices: Any) -> None:
    """The frames are those of a sequential decode, bit for bit, and so are the times."""
    assert decoded.indices.tolist() == list(indices)
    for frame, index in zip(decoded.frames, indices, strict=True):
        np.testing.assert_array_equal(frame, images[numbers[index]])
    expected = [seconds[number] - seconds[numbers[0]] for number in numbers]
    np.testing.assert_allclose(decoded.timeline.times, expected, atol=1e-9)


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_file_both_ways(made: Any, name: Any) -> None:
    path, images, seconds = made(name)
    total = len(images)
    for n in (1, 7, total):
        indices = uniform(total, n)
        slow = read(path, lambda _, i=indices: i, to_rgb())
        check(slow, images, seconds, range(total), indices)
        assert slow.damage is None
        # The short way itself, so that its falling back can't hide a fault.
        short = wanted(path, lambda _, i=indices: i, to_rgb(), 0.0, None, total)
        check(short, images, seconds, range(total), indices)
        assert short.timeline.duration == slow.timeline.duration
    assert slow.timeline.duration == pytest.approx(seconds[-1] + np.median(np.diff(seconds)))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    name=st.sampled_from(
        ["b.mp4", "open.mp4", "pyramid.mkv", "variable.mp4", "edit.mp4", "ntsc.mp4"]
    ),
    data=st.data(),
)
def test_any_range_and_choice(made: Any, name: Any, data: Any) -> None:
    path, images, seconds = made(name)
    start_s = data.draw(st.floats(0, seconds[-1]))
    end_s = data.draw(st.none() | st.floats(start_s + 0.001, seconds[-1] + 0.2))
    numbers = in_range_by_definition(seconds, start_s, end_s)
    if not numbers:
        with pytest.raises(Undecodable, match="no frame from") as caught:
            read(path, every_frame, to_rgb(), start_s, end_s)
        assert caught.value.status == "range_outside"
        return
    chosen = data.draw(st.sets(st.integers(0, len(numbers) - 1), min_size=1, max_size=8))
    indices = np.array(sorted(chosen))
    for verified in (None, len(numbers)):
        decoded = read(path, lambda _: indices, to_rgb(), start_s, end_s, verified)
        check(decoded, images, seconds, numbers, indices)
    short = wanted(path, lambda _: indices, to_rgb(), start_s, end_s, len(numbers))
    check(short, images, seconds, numbers, indices)
    assert short.timeline.duration == decoded.timeline.duration


@settings(max_examples=200, deadline=None)
@given(
    first=st.integers(1, 200), length=st.integers(1, 150), rate=st.sampled_from([23.976, 25, 29.97])
)
def test_a_range_counted_in_frames_is_cut_to_the_frame(first: Any, length: Any, rate: Any) -> None:
    true = {23.976: Fraction(24000, 1001), 25: Fraction(25), 29.97: Fraction(30000, 1001)}[rate]
    seconds = np.array([float(i / true) for i in range(400)])
    inside = in_range(seconds, (first - 1) / rate, (first - 1 + length) / rate)
    assert np.flatnonzero(inside).tolist() == list(range(first - 1, first - 1 + length))


@pytest.fixture(scope="session")
def long_video(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("long") / "long.mp4"
    make_video(path, 400, options={"x264-params": f"keyint=25:{B_FRAMES}"})
    return (str(path), *all_frames(path))


def test_a_range_late_in_a_file_is_sought(long_video: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path, images, seconds = long_video
    seen = []
    read_packets = wanted_frames.read_packets

    def spy(*arguments: Any) -> Any:
        seen.append(read_packets(*arguments))
        return seen[-1]

    monkeypatch.setattr(wanted_frames, "read_packets", spy)
    numbers = in_range_by_definition(seconds, 12.0, 13.6)
    indices = np.array([0, 10, 39])
    decoded = read(path, lambda _: indices, to_rgb(), 12.0, 13.6, len(numbers))
    check(decoded, images, seconds, numbers, indices)
    assert len(seen[0]) < 110  # of 400: from a key frame a second before, to the range's end


class Counting:
    """A decoder that counts the packets it gets and the frames it gives."""

    def __init__(self, context: Any) -> None:
        self.__dict__.update(context=context, packets=0, frames=0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.context, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.context, name, value)

    def decode(self, packet: Any) -> Any:
        frames = self.context.decode(packet)
        self.__dict__["packets"] += packet is not None
        self.__dict__["frames"] += len(frames)
        return frames


def test_what_no_wanted_frame_needs_is_not_decoded(made: Any) -> None:
    """60 frames, a key frame at least every 12, three B frames between references."""
    path = made("b.mp4")[0]
    with open_video(path) as (container, stream):
        packets = wanted_frames.read_packets(container, stream, None, None)
        due = {sorted(packet.pts for packet in packets)[40]}
        decoder = Counting(stream.codec_context)
        frames = wanted_frames.decode_wanted(decoder, packets, due, to_rgb())
    assert set(frames) == due
    assert decoder.packets <= 12
    assert decoder.frames <= 5


def test_only_wanted_frames_are_converted(made: Any) -> None:
    path, converted = made("b.mp4")[0], []
    convert = to_rgb()
    for verified in (None, 60):
        converted.clear()
        read(
            path,
            lambda _: np.array([3, 30]),
            lambda frame, size=None: converted.append(frame.pts) or convert(frame, size),
            verified=verified,
        )
        assert len(converted) == 2


@pytest.mark.parametrize("claim", [1, 59, 61, 1000])
def test_a_wrong_count_does_no_harm(made: Any, claim: int) -> None:
    path, images, seconds = made("b.mp4")
    indices = uniform(60, 7)
    decoded = read(path, lambda _: indices, to_rgb(), verified=claim)
    check(decoded, images, seconds, range(60), indices)
    short = wanted(path, lambda _: indices, to_rgb(), 0.0, None, claim)
    assert short is None


# Sizes and colours


@pytest.mark.parametrize(
    ("size", "short_side", "gives"),
    [
        ((64, 48), None, (64, 48)),
        ((64, 48), 48, (64, 48)),
        ((64, 48), 100, (64, 48)),
        ((64, 48), 24, (32, 24)),
        ((48, 64), 24, (24, 32)),
        ((1920, 1080), 448, (796, 448)),
        ((67, 45), 20, (30, 20)),
    ],
)
def test_the_short_side_is_capped(
    size: tuple[Any, ...], short_side: int | None, gives: tuple[Any, ...]
) -> None:
    assert size_for(size, short_side) == gives


def test_a_capped_frame_looks_like_the_full_one(made: Any) -> None:
    path, images, _ = made("turned.mp4")
    frame = read(path, lambda _: np.array([4]), to_rgb(24)).frames[0]
    assert frame.shape == (32, 24, 3)
    full = images[4].reshape(32, 2, 24, 2, 3).mean(axis=(1, 3))
    assert np.abs(frame - full).mean() < 4


@pytest.mark.parametrize("space", ["bt709", "smpte170m", None])
@pytest.mark.parametrize("full_range", [False, True])
def test_colours_follow_what_the_file_states(
    tmp_path: Path, space: str | None, full_range: bool
) -> None:
    """A grey-free colour in known Y'CbCr comes out as the stated matrix and range say (BT.601
    limited where nothing is stated)."""
    luma, blue, red = 120, 90, 170
    path = tmp_path / "flat.mp4"
    settings = ["fullrange=on" if full_range else "fullrange=off"]
    settings += [f"colormatrix={space}"] if space else []
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        stream.options = {"crf": "0", "x264-params": ":".join(settings)}
        planes = np.concatenate(
            [np.full(64 * 64, luma), np.full(32 * 32, blue), np.full(32 * 32, red)]
        )
        frame = av.VideoFrame.from_ndarray(
            planes.astype(np.uint8).reshape(96, 64), format="yuv420p"
        )
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    k_red, k_blue = (0.2126, 0.0722) if space == "bt709" else (0.299, 0.114)
    y = luma / 255 if full_range else (luma - 16) / 219
    scale = 255 if full_range else 224
    r = y + (red - 128) / scale * 2 * (1 - k_red)
    b = y + (blue - 128) / scale * 2 * (1 - k_blue)
    g = (y - k_red * r - k_blue * b) / (1 - k_red - k_blue)
    expected = np.clip(np.array([r, g, b]) * 255, 0, 255)
    shown = read(str(path), every_frame, to_rgb()).frames[0]
    assert np.abs(shown[32, 32] - expected).max() < 3


def test_grey_frames_for_motion(made: Any) -> None:
    path, images, _ = made("b.mp4")
    grey = read(path, every_frame, to_grey(32), verified=60)
    assert {frame.shape for frame in grey.frames} == {(32, 32)}
    assert len(grey.frames) == 60
    luma = images[9] @ [0.299, 0.587, 0.114]
    assert grey.frames[9].mean() == pytest.approx(luma.mean(), abs=4)


# Damage


@pytest.fixture
def sound(tmp_path: Path) -> Any:
    """A file with its index first, so that its beginning alone can be read."""
    return make_video(tmp_path / "sound.mp4", 60, index_first=True, options={"bf": "0"})


@pytest.mark.parametrize("verified", [None, 60])
def test_a_truncated_file_keeps_its_frames(sound: Any, verified: int | None) -> None:
    images, seconds = all_frames(sound)
    data = sound.read_bytes()
    sound.write_bytes(data[: int(len(data) * 0.6)])
    decoded = read(str(sound), every_frame, to_rgb(), verified=verified)
    kept = len(decoded.frames)
    assert 5 < kept < 60
    for frame, image in zip(decoded.frames[:-1], images, strict=False):
        np.testing.assert_array_equal(frame, image)
    np.testing.assert_allclose(decoded.timeline.times, seconds[:kept])


def test_flipped_bits_do_not_stop_a_shard(sound: Any) -> None:
    data = bytearray(sound.read_bytes())
    rng = np.random.default_rng(1)
    for place in rng.integers(len(data) // 3, len(data), 60):
        data[place] ^= 1 << rng.integers(8)
    sound.write_bytes(data)
    for verified in (None, 60):
        try:
            decoded = read(
                str(sound),
                every_frame,
                to_rgb(),
                verified=verified,
            )
        except Undecodable:
            continue
        assert decoded.frames


def no_sound_only(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 48000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def cut_before_index(path: Path) -> None:
    make_video(path)
    path.write_bytes(path.read_bytes()[:3000])


@pytest.mark.parametrize(
    ("make", "status"),
    [
        (lambda path: None, "missing"),
        (lambda path: path.write_bytes(b""), "not_a_video"),
        (lambda path: path.write_text("<!DOCTYPE html><p>Not found</p>"), "not_a_video"),
        (cut_before_index, "undecodable"),
        (no_sound_only, "no_video_stream"),
        (lambda path: make_video(path.with_suffix(".avi"), 0).rename(path), "no_frames"),
    ],
)
@pytest.mark.parametrize("verified", [None, 30])
def test_a_file_without_frames_says_why(
    tmp_path: Path, make: Any, status: str, verified: int | None
) -> None:
    path = tmp_path / "bad.mp4"
    make(path)
    with pytest.raises(Undecodable, match=r"bad\.mp4") as caught:
        read(str(path), every_frame, to_rgb(), verified=verified)
    assert caught.value.status == status


def test_one_frame_has_a_duration(tmp_path: Path) -> None:
    path = make_video(tmp_path / "one.mp4", 1)
    timeline = read(str(path), every_frame, to_rgb()).timeline
    assert timeline.times.tolist() == [0]
    assert math.isclose(timeline.duration, 0.04)
    assert math.isclose(timeline.fps, 25)
