import json
import zipfile

import numpy as np
import polars as pl
import pytest
from video_files import all_frames, make_video

import decode_frames
import sample_frames
from zerosign import framecache, sampling
from zerosign.errors import UserError

UNIFORM = {"strategy": "uniform", "frames": 4}
JPEG = {"storage": "jpeg", "quality": 95}
STORAGES = [{"storage": "raw"}, {"storage": "lossless"}, JPEG]


def smooth(number, height=48, width=64):
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 3 + number, y * 4, 200 - x - number], axis=2).clip(0, 255).astype(np.uint8)


def write(path, storage=None, total=8, clips=("a", "b")):
    """A decoded file of clips of ``total`` frames at 25 a second, all stored."""
    stacks = {}
    with framecache.open_decoded_writer(path, storage or {"storage": "raw"}) as writer:
        for k, video_id in enumerate(clips):
            stacks[video_id] = [smooth(10 * k + i) for i in range(total)]
            times = np.arange(total) / 25
            writer.add(video_id, stacks[video_id], np.arange(total), times, total / 25)
        writer.fail("gone", "missing: no file")
    return stacks


@pytest.fixture
def shard(tmp_path):
    decoded, chosen = tmp_path / "decoded.npz", tmp_path / "chosen.npz"
    write(decoded)
    framecache.write_selection(decoded, UNIFORM, chosen)
    return decoded, chosen


@pytest.mark.parametrize("storage", STORAGES, ids=lambda storage: storage["storage"])
def test_what_is_written_is_read(tmp_path, storage):
    decoded, chosen = tmp_path / "decoded.npz", tmp_path / "chosen.npz"
    stacks = write(decoded, storage)
    framecache.write_selection(decoded, UNIFORM, chosen)
    clips = list(framecache.read_clips(decoded, chosen))
    assert [clip.video_id for clip in clips] == ["a", "b"]
    for clip in clips:
        assert clip.frames.shape == (4, 48, 64, 3)
        assert clip.frames.dtype == np.uint8
        assert clip.indices.tolist() == [0, 2, 4, 6]
        assert clip.timestamps == pytest.approx([0, 0.08, 0.16, 0.24])
        assert (clip.fps, clip.total_frames, clip.duration) == (25, 8, 0.32)
        truth = np.stack(stacks[clip.video_id][::2]).astype(int)
        error = ((clip.frames - truth) ** 2).mean()
        assert error < 2 if storage is JPEG else error == 0
    assert framecache.failures(chosen) == {"gone": "missing: no file"}
    assert framecache.digests(chosen) == {clip.video_id: clip.digest for clip in clips}


def test_plain_numpy_reads_it(shard):
    with np.load(shard[0], allow_pickle=False) as archive:
        assert archive["a/3"].shape == (48, 64, 3)
        index = json.loads(archive["index"].tobytes())
    assert index["version"] == framecache.VERSION
    assert index["clips"]["a"]["indices"] == list(range(8))


def test_the_same_frames_give_the_same_bytes(tmp_path, shard):
    again = tmp_path / "again.npz"
    write(again)
    assert again.read_bytes() == shard[0].read_bytes()


def test_the_digest_tells_frames_order_and_times_apart(shard, tmp_path):
    decoded, _ = shard
    digests = set()
    entries = [
        UNIFORM,
        UNIFORM | {"ablation": "reversed"},
        UNIFORM | {"ablation": "static"},
        {"strategy": "uniform", "frames": 2},
    ]
    for k, entry in enumerate(entries):
        framecache.write_selection(decoded, entry, tmp_path / f"{k}.npz")
        digests |= set(framecache.digests(tmp_path / f"{k}.npz").values())
    assert len(digests) == 8


def test_clips_are_read_by_name_and_one_at_a_time(shard):
    decoded, chosen = shard
    assert [c.video_id for c in framecache.read_clips(decoded, chosen, ["b", "gone"])] == ["b"]
    with pytest.raises(UserError, match="clip c is not in this shard"):
        list(framecache.read_clips(decoded, chosen, ["c"]))
    # Break a frame of "a": "b" is read all the same.
    break_member(decoded, "a/4.npy")
    assert [c.video_id for c in framecache.read_clips(decoded, chosen, ["b"])] == ["b"]


def break_member(path, name):
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(name)
    data = bytearray(path.read_bytes())
    data[info.header_offset + 30 + len(name) + info.compress_size - 50] ^= 4
    path.write_bytes(data)


def test_an_ablation_repeats_and_reorders_frames(shard, tmp_path):
    decoded, _ = shard
    path = tmp_path / "ablation.npz"
    framecache.write_selection(decoded, UNIFORM | {"ablation": "reversed"}, path)
    clip = next(framecache.read_clips(decoded, path))
    assert clip.indices.tolist() == [6, 4, 2, 0]
    np.testing.assert_array_equal(clip.frames[0], smooth(6))
    assert clip.timestamps == pytest.approx([0, 0.08, 0.16, 0.24])
    framecache.write_selection(decoded, UNIFORM | {"ablation": "static"}, path)
    clip = next(framecache.read_clips(decoded, path))
    assert (clip.frames == smooth(4)).all()


# Damage


def damaged(match, call):
    with pytest.raises(UserError, match=match) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_a_flipped_bit_is_found_and_the_shard_named(shard):
    decoded, chosen = shard
    break_member(decoded, "a/4.npy")
    damaged(r"decoded\.npz: damaged", lambda: list(framecache.read_clips(decoded, chosen)))


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.99])
def test_a_truncated_shard_is_named(shard, keep):
    decoded, chosen = shard
    for path in (decoded, chosen):
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * keep)])
        damaged(rf"{path.name}: damaged", lambda path=path: framecache.read_index(path))


def test_other_files_are_named(shard, tmp_path):
    damaged("nothing.npz: no such file", lambda: framecache.read_index(tmp_path / "nothing.npz"))
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    damaged(r"other\.npz: damaged", lambda: framecache.read_index(tmp_path / "other.npz"))


def test_another_version_is_named(shard, monkeypatch):
    monkeypatch.setattr(framecache, "VERSION", 2)
    damaged(
        "version 1 of the frame cache, this program reads 2",
        lambda: framecache.read_index(shard[0]),
    )


def test_a_selection_of_other_frames_is_refused(shard):
    decoded, chosen = shard
    with framecache.open_decoded_writer(decoded, {"storage": "raw"}) as writer:
        frames = [smooth(99 + i) for i in range(8)]
        writer.add("a", frames, np.arange(8), np.arange(8) / 25, 0.32)
    damaged("not the ones", lambda: list(framecache.read_clips(decoded, chosen, ["a"])))


def test_frames_that_are_not_stored_are_not_made_up(tmp_path):
    decoded = tmp_path / "decoded.npz"
    with framecache.open_decoded_writer(decoded, {"storage": "raw"}) as writer:
        writer.add("a", [smooth(0)], np.array([0]), np.arange(8) / 25, 0.32)
    damaged("clip a", lambda: framecache.write_selection(decoded, UNIFORM, tmp_path / "x.npz"))


def test_a_failure_leaves_the_old_file(shard):
    decoded, _ = shard
    before = decoded.read_bytes()
    with (
        pytest.raises(RuntimeError),
        framecache.open_decoded_writer(decoded, {"storage": "raw"}) as writer,
    ):
        writer.add("a", [smooth(0)], np.array([0]), np.arange(1) / 25, 0.04)
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


@pytest.fixture(scope="module")
def data(tmp_path_factory):
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
            "ready_cut": kind == "ready",
            "width": 64,
            "height": 48,
            "fps": 25.0,
            "duration": 2.0,
            "decode_error": "after 30 frames: broken" if kind == "truncated" else None,
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
        }
    ).write_parquet(folder / "clips.parquet")
    pl.DataFrame(rows, infer_schema_length=None).write_parquet(folder / "availability.parquet")

    def run(samplings, output, frames=None):
        decode_frames.main(
            [
                f"--clips={folder / 'clips.parquet'}",
                f"--availability={folder / 'availability.parquet'}",
                "--shard=0",
                "--split=test",
                f"--plan={json.dumps(sampling.decode_plan(samplings))}",
                f"--frames={json.dumps(frames or {'short_side': None, 'storage': 'lossless'})}",
                f"--output={output}",
            ]
        )

    return folder, run


def select(decoded, entry, output):
    sample_frames.main(
        [f"--decoded={decoded}", f"--sampling={json.dumps(entry)}", f"--output={output}"]
    )
    return {clip.video_id: clip for clip in framecache.read_clips(decoded, output)}


def test_a_shard_from_files_to_clips(data, tmp_path, caplog):
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

    failed = framecache.failures(tmp_path / "sixteen" / "0.npz")
    assert list(failed) == ["00004", "00006", "00007"]
    assert failed["00004"] == "missing: nowhere"
    assert failed["00006"].startswith("not_a_video: ")
    assert failed["00007"].startswith("missing: ")
    assert framecache.read_index(decoded)["clips"]["00005"]["damage"]


def test_more_samplings_decode_nothing(data, tmp_path, monkeypatch):
    _, run = data
    sixteen = {"strategy": "uniform", "frames": 16}
    eight = {"strategy": "uniform", "frames": 8}
    samplings = {"sixteen": sixteen}
    decoded = tmp_path / "0.npz"
    run(samplings, decoded)
    plan = sampling.decode_plan(samplings)
    assert sampling.decode_plan(samplings | {"eight": eight}) == plan
    monkeypatch.setattr("av.open", None)
    clips = select(decoded, eight, tmp_path / "eight.npz")
    assert clips["00001"].indices.tolist() == [i * 50 // 8 for i in range(8)]
    more = select(decoded, eight | {"ablation": "shuffled"}, tmp_path / "shuffled.npz")
    assert sorted(more["00001"].indices) == clips["00001"].indices.tolist()


def test_every_strategy_in_one_decode(data, tmp_path):
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
    assert len(framecache.read_index(decoded)["clips"]["00001"]["window"]) == 2


def test_a_wrong_storage_is_named(data, tmp_path):
    with pytest.raises(UserError, match="'png': use one of jpeg, lossless, raw"):
        data[1]({"m": {"strategy": "middle"}}, tmp_path / "0.npz", {"storage": "png"})
