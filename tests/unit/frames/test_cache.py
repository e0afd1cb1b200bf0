import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from helpers.study_files import study_option
from helpers.video_files import all_frames, make_video

import decode_frames
import sample_frames
from zerosign.errors import UserError
from zerosign.frames import cache
from zerosign.frames.frame_settings import FrameSettings, Storage
from zerosign.frames.sampling import decode_plan, sampling_of
from zerosign.videos.timeline import Decoded, Timeline

UNIFORM = {"strategy": "uniform", "frames": 4}
RAW = FrameSettings(short_side=None, storage=Storage.RAW)
STORAGES = [FrameSettings(short_side=None, storage=storage) for storage in Storage]


def smooth(number: Any, height: Any = 48, width: Any = 64) -> Any:
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 3 + number, y * 4, 200 - x - number], axis=2).clip(0, 255).astype(np.uint8)


def decoded_clip(frames: list[np.ndarray], total: int) -> Decoded:
    """The first frames of a clip of ``total`` at 25 frames per second."""
    timeline = Timeline(np.arange(total) / 25, total / 25)
    return Decoded(frames, np.arange(len(frames)), timeline)


def write(path: Path, settings: FrameSettings = RAW, total: int = 8) -> dict[str, list[np.ndarray]]:
    """A decoded file of two clips of ``total`` frames, all stored."""
    stacks = {}
    with cache.open_decoded_writer(path, settings) as writer:
        for k, video_id in enumerate(("a", "b")):
            stacks[video_id] = [smooth(10 * k + i) for i in range(total)]
            writer.add(video_id, decoded_clip(stacks[video_id], total))
        writer.fail("gone", "missing: no file")
    return stacks


def choose(decoded: Path, entry: dict[str, Any], path: Path) -> None:
    """A selection file of a sampling."""
    cache.write_selection(decoded, sampling_of(entry), path)


def clips_of(decoded: Path, chosen: Path, video_ids: list[str] | None = None) -> list[cache.Clip]:
    """The clips of a selection file."""
    return list(cache.read_clips(decoded, cache.read_selection(chosen), video_ids))


def digests(chosen: Path) -> dict[str, str]:
    """Digests of the clips of a selection file."""
    clips = cache.read_selection(chosen).clips
    return {video_id: clip["digest"] for video_id, clip in clips.items()}


@pytest.fixture
def shard(tmp_path: Path) -> Any:
    decoded, chosen = tmp_path / "decoded.npz", tmp_path / "chosen.npz"
    write(decoded)
    choose(decoded, UNIFORM, chosen)
    return decoded, chosen


@pytest.mark.parametrize("settings", STORAGES, ids=lambda settings: settings.storage)
def test_what_is_written_is_read(tmp_path: Path, settings: FrameSettings) -> None:
    decoded, chosen = tmp_path / "decoded.npz", tmp_path / "chosen.npz"
    stacks = write(decoded, settings)
    choose(decoded, UNIFORM, chosen)
    clips = clips_of(decoded, chosen)
    assert [clip.video_id for clip in clips] == ["a", "b"]
    for clip in clips:
        assert clip.frames.shape == (4, 48, 64, 3)
        assert clip.frames.dtype == np.uint8
        assert clip.indices.tolist() == [0, 2, 4, 6]
        assert clip.timestamps == pytest.approx([0, 0.08, 0.16, 0.24])
        assert (clip.fps, clip.total_frames, clip.duration) == (25, 8, 0.32)
        truth = np.stack(stacks[clip.video_id][::2]).astype(int)
        error = ((clip.frames - truth) ** 2).mean()
        assert error < 2 if settings.storage is Storage.JPEG else error == 0
    assert cache.read_selection(chosen).failures == {"gone": "missing: no file"}
    assert digests(chosen) == {clip.video_id: clip.digest for clip in clips}


def test_plain_numpy_reads_it(shard: Any) -> None:
    with np.load(shard[0], allow_pickle=False) as archive:
        assert archive["a/3"].shape == (48, 64, 3)
        index = json.loads(archive["index"].tobytes())
    assert index["version"] == cache.VERSION
    assert index["clips"]["a"]["indices"] == list(range(8))


def test_the_same_frames_give_the_same_bytes(tmp_path: Path, shard: Any) -> None:
    again = tmp_path / "again.npz"
    write(again)
    assert again.read_bytes() == shard[0].read_bytes()


def test_the_digest_tells_frames_order_and_times_apart(shard: Any, tmp_path: Path) -> None:
    decoded, _ = shard
    found = set()
    entries = [
        UNIFORM,
        UNIFORM | {"ablation": "reversed"},
        UNIFORM | {"ablation": "static"},
        {"strategy": "uniform", "frames": 2},
    ]
    for k, entry in enumerate(entries):
        choose(decoded, entry, tmp_path / f"{k}.npz")
        found |= set(digests(tmp_path / f"{k}.npz").values())
    assert len(found) == 8


def test_clips_are_read_by_name_and_one_at_a_time(shard: Any) -> None:
    decoded, chosen = shard
    assert [c.video_id for c in clips_of(decoded, chosen, ["b", "gone"])] == ["b"]
    with pytest.raises(UserError, match="clip c is not in this shard"):
        clips_of(decoded, chosen, ["c"])
    # Break a frame of "a": "b" is read all the same.
    break_member(decoded, "a/4.npy")
    assert [c.video_id for c in clips_of(decoded, chosen, ["b"])] == ["b"]


def break_member(path: Path, name: str) -> None:
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(name)
    data = bytearray(path.read_bytes())
    data[info.header_offset + 30 + len(name) + info.compress_size - 50] ^= 4
    path.write_bytes(data)


def test_an_ablation_repeats_and_reorders_frames(shard: Any, tmp_path: Path) -> None:
    decoded, _ = shard
    path = tmp_path / "ablation.npz"
    choose(decoded, UNIFORM | {"ablation": "reversed"}, path)
    clip = clips_of(decoded, path)[0]
    assert clip.indices.tolist() == [6, 4, 2, 0]
    np.testing.assert_array_equal(clip.frames[0], smooth(6))
    assert clip.timestamps == pytest.approx([0, 0.08, 0.16, 0.24])
    choose(decoded, UNIFORM | {"ablation": "static"}, path)
    clip = clips_of(decoded, path)[0]
    assert (clip.frames == smooth(4)).all()


# Damage


def damaged(match: Any, call: Any) -> None:
    with pytest.raises(UserError, match=match) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_a_flipped_bit_is_found_and_the_shard_named(shard: Any) -> None:
    decoded, chosen = shard
    break_member(decoded, "a/4.npy")
    damaged(r"decoded\.npz: damaged", lambda: clips_of(decoded, chosen))


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.99])
def test_a_truncated_shard_is_named(shard: Any, keep: float) -> None:
    decoded, chosen = shard
    for path in (decoded, chosen):
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * keep)])
        damaged(rf"{path.name}: damaged", lambda path=path: cache.read_index(path))


def test_other_files_are_named(shard: Any, tmp_path: Path) -> None:
    damaged("nothing.npz: no such file", lambda: cache.read_index(tmp_path / "nothing.npz"))
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    damaged(r"other\.npz: damaged", lambda: cache.read_index(tmp_path / "other.npz"))


def test_another_version_is_named(shard: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "VERSION", 2)
    damaged(
        "version 1 of the frame cache, this program reads 2",
        lambda: cache.read_index(shard[0]),
    )


def test_a_selection_of_other_frames_is_refused(shard: Any) -> None:
    decoded, chosen = shard
    with cache.open_decoded_writer(decoded, RAW) as writer:
        frames = [smooth(99 + i) for i in range(8)]
        writer.add("a", decoded_clip(frames, 8))
    damaged("not the ones", lambda: clips_of(decoded, chosen, ["a"]))


def test_frames_that_are_not_stored_are_not_made_up(tmp_path: Path) -> None:
    decoded = tmp_path / "decoded.npz"
    with cache.open_decoded_writer(decoded, RAW) as writer:
        writer.add("a", decoded_clip([smooth(0)], 8))
    damaged("clip a", lambda: choose(decoded, UNIFORM, tmp_path / "x.npz"))


def test_a_failure_leaves_the_old_file(shard: Any) -> None:
    decoded, _ = shard
    before = decoded.read_bytes()
    with (
        pytest.raises(RuntimeError),
        cache.open_decoded_writer(decoded, RAW) as writer,
    ):
        writer.add("a", decoded_clip([smooth(0)], 1))
        raise RuntimeError
    assert decoded.read_bytes() == before
    assert [path.name for path in decoded.parent.iterdir()] == ["decoded.npz", "chosen.npz"]


# The programs


CLIPS = {  # video id: (split, shard, what is special)
    "00001": ("test", 0, "whole"),
    "00002": ("test", 0, "cut"),
    "00003": ("test", 0, "ready"),
    "00004": ("test", 0, "missing"),
    "00005": ("test", 0, "truncated"),
    "00006": ("test", 0, "spoilt"),
    "00007": ("test", 0, "unknown"),
    "00008": ("test", 1, "whole"),
    "00009": ("train", 0, "whole"),
}


BOXES = {"00001": [10, 8, 42, 40], "00002": [0.25, 0.0, 0.75, 1.0], "00003": [0, 0, 640, 480]}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """clips.parquet and availability.parquet of nine clips, and a function that decodes them."""
    folder = tmp_path_factory.mktemp("study")
    rows = []
    for video_id, (_, _, kind) in CLIPS.items():
        path = folder / f"{video_id}.mp4"
        make_video(path, 50, index_first=kind == "truncated")
        if kind == "truncated":
            data = path.read_bytes()
            path.write_bytes(data[: len(data) * 6 // 10])
        if kind == "spoilt":
            path.write_bytes(b"<html>")
        cut = kind in ("cut", "ready")
        row = {
            "video_id": video_id,
            "status": "missing" if kind == "missing" else "ok",
            "detail": "nowhere" if kind == "missing" else None,
            "path": str(path),
            "pretrimmed": kind == "ready",
            "width": 64,
            "height": 48,
            "fps": 25.0,
            "duration": 2.0,
            "damage": "after 30 frames: broken" if kind == "truncated" else None,
            "clock": "stamps",
            "sizes": 1,
            "start_s": 0.4 if cut else 0.0,
            "end_s": 1.6 if cut else 2.0,
            "range_frames": 30 if kind == "cut" else 50,
        }
        if kind != "unknown":
            rows.append(row)
    pl.DataFrame(
        {
            "video_id": list(CLIPS),
            "split": [split for split, _, _ in CLIPS.values()],
            "shard": pl.Series([shard for _, shard, _ in CLIPS.values()], dtype=pl.Int32),
            "bbox": pl.Series([BOXES.get(i) for i in CLIPS], dtype=pl.List(pl.Float64)),
        }
    ).write_parquet(folder / "clips.parquet")
    pl.DataFrame(rows, infer_schema_length=None).write_parquet(folder / "availability.parquet")

    def run(samplings: Any, output: Any, frames: Any = None) -> None:
        decode_frames.main(
            [
                *study_option(
                    output.parent,
                    dataset={"split": "test"},
                    samplings=samplings,
                    frames=frames or {"short_side": None, "storage": "lossless"},
                ),
                f"--clips={folder / 'clips.parquet'}",
                f"--availability={folder / 'availability.parquet'}",
                "--shard=0",
                f"--output={output}",
            ]
        )

    return folder, run


def select(decoded: Any, entry: Any, output: Any) -> Any:
    study = study_option(output.parent, samplings={"chosen": entry})
    options = [f"--decoded={decoded}", "--sampling=chosen", f"--output={output}"]
    sample_frames.main([*study, *options])
    return {clip.video_id: clip for clip in clips_of(decoded, output)}


def test_a_shard_from_files_to_clips(
    data: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder, run = data
    decoded = tmp_path / "decoded" / "0.npz"
    caplog.set_level("INFO", logger="zerosign")
    sixteen = {"strategy": "uniform", "frames": 16}
    run({"sixteen": sixteen}, decoded)
    assert "5 of 7 clips have a video; 80 frames, about 0 MB" in caplog.text

    clips = select(decoded, sixteen, tmp_path / "sixteen" / "0.npz")
    assert list(clips) == ["00001", "00002", "00003", "00005"]
    for video_id, first, total in (("00001", 0, 50), ("00002", 10, 30), ("00003", 0, 50)):
        images, seconds = all_frames(folder / f"{video_id}.mp4")
        clip = clips[video_id]
        assert clip.indices.tolist() == [i * total // 16 for i in range(16)]
        for frame, index in zip(clip.frames, clip.indices, strict=True):
            np.testing.assert_array_equal(frame, images[first + index])
        np.testing.assert_allclose(clip.timestamps, np.array(seconds)[clip.indices], atol=1e-9)
        assert clip.total_frames == total
        assert clip.fps == pytest.approx(25)
    assert 5 < clips["00005"].total_frames < 50

    failed = cache.read_selection(tmp_path / "sixteen" / "0.npz").failures
    assert list(failed) == ["00004", "00006", "00007"]
    assert failed["00004"] == "missing: nowhere"
    assert failed["00006"].startswith("not_a_video: ")
    assert failed["00007"].startswith("missing: ")
    assert cache.read_index(decoded)["clips"]["00005"]["damage"]


def test_frames_are_cropped_to_the_signer(data: Any, tmp_path: Path) -> None:
    folder, run = data
    decoded = tmp_path / "decoded" / "0.npz"
    frames = {"short_side": None, "storage": "lossless", "crop": "bbox"}
    run({"all": {"strategy": "all"}}, decoded, frames)
    clips = select(decoded, {"strategy": "all"}, tmp_path / "all" / "0.npz")
    for video_id, first, (left, top, right, bottom) in (
        ("00001", 0, (10, 8, 42, 40)),  # pixels
        ("00002", 10, (16, 0, 48, 48)),  # fractions of 64 x 48
    ):
        images, _ = all_frames(folder / f"{video_id}.mp4")
        for number, frame in enumerate(clips[video_id].frames):
            np.testing.assert_array_equal(frame, images[first + number][top:bottom, left:right])
    failed = cache.read_selection(tmp_path / "all" / "0.npz").failures
    assert failed["00003"].startswith("bbox_outside: bbox 0 0 640 480 is not within 64 x 48")
    assert failed["00005"].startswith("no_bbox: ")
    run({"all": {"strategy": "all"}}, decoded, frames | {"short_side": 16})
    clips = select(decoded, {"strategy": "all"}, tmp_path / "all" / "0.npz")
    assert clips["00001"].frames.shape[1:] == (16, 16, 3)
    assert clips["00002"].frames.shape[1:] == (24, 16, 3)


def test_more_samplings_decode_nothing(
    data: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, run = data
    sixteen = {"strategy": "uniform", "frames": 16}
    eight = {"strategy": "uniform", "frames": 8}
    samplings = {"sixteen": sixteen}
    decoded = tmp_path / "0.npz"
    run(samplings, decoded)
    plan = decode_plan([sampling_of(sixteen)])
    assert decode_plan([sampling_of(sixteen), sampling_of(eight)]) == plan
    monkeypatch.setattr("av.open", None)
    clips = select(decoded, eight, tmp_path / "eight.npz")
    assert clips["00001"].indices.tolist() == [i * 50 // 8 for i in range(8)]
    more = select(decoded, eight | {"ablation": "shuffled"}, tmp_path / "shuffled.npz")
    assert sorted(more["00001"].indices) == clips["00001"].indices.tolist()


def test_every_strategy_in_one_decode(data: Any, tmp_path: Path) -> None:
    _, run = data
    samplings = {
        "u5": {"strategy": "uniform", "frames": 5},
        "fps": {"strategy": "fps", "fps": 3, "max_frames": 4},
        "middle": {"strategy": "middle"},
        "motion": {"strategy": "motion", "frames": 6},
    }
    decoded = tmp_path / "0.npz"
    run(samplings, decoded, {"short_side": 24, "storage": "jpeg"})
    counts = {}
    for name, entry in samplings.items():
        clip = select(decoded, entry, tmp_path / f"{name}.npz")["00001"]
        counts[name] = len(clip.frames)
        assert clip.frames.shape[1:] == (24, 32, 3)
    assert counts == {"u5": 5, "fps": 4, "middle": 1, "motion": 6}
    assert len(cache.read_index(decoded)["clips"]["00001"]["window"]) == 2
