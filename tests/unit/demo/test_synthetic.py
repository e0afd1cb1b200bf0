"""The demo's data set: WLASL's formats, the same bytes from the same settings, real ranges."""

import csv
import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from helpers.study_files import study_option

import make_demo
from zerosign.dataset import clips
from zerosign.demo import signs, synthetic
from zerosign.demo.demo_settings import DemoSettings

SMALL = DemoSettings(seed=3, train_signers=1, val_signers=1, test_signers=2)
USUAL = DemoSettings(seed=0, train_signers=40, val_signers=8, test_signers=8)


def make(folder: Path, test_signers: int, seed: int = 0, jobs: int = 1) -> dict[str, str]:
    """Digests of all files that the program makes of a test split alone."""
    settings = DemoSettings(seed=seed, train_signers=0, val_signers=0, test_signers=test_signers)
    with tempfile.TemporaryDirectory() as study:
        make_demo.main([*study_option(Path(study), demo=settings.as_json()), *files(folder, jobs)])
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def files(folder: Path, jobs: int) -> list[str]:
    """Arguments of the program."""
    return [
        *("--metadata", str(folder / "WLASL_demo.json")),
        *("--splits", str(folder / "nslt_demo.json"), "--videos", str(folder / "videos")),
        *("--descriptions", str(folder / "descriptions.csv"), "--jobs", str(jobs)),
    ]


def types(value: Any) -> Any:
    """The shape of a JSON value: key names and types."""
    if isinstance(value, dict):
        return {key: types(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [types(inner) for inner in value]
    return type(value).__name__


def test_same_settings_same_bytes(tmp_path: Path) -> None:
    first = make(tmp_path / "a", 1, seed=3)
    assert first == make(tmp_path / "b", 1, seed=3, jobs=2)
    assert len(first) == 16 + 3
    other = make(tmp_path / "c", 1, seed=4)
    assert set(other.values()).isdisjoint(set(first.values()) - {first["descriptions.csv"]})


def test_descriptions_name_every_gloss(tmp_path: Path) -> None:
    make(tmp_path, 0)
    with open(tmp_path / "descriptions.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["gloss"] for row in rows] == [sign.gloss for sign in signs.SIGNS]
    assert len({row["description"] for row in rows}) == len(rows)


def test_metadata_has_the_types_of_wlasl(wlasl: Path) -> None:
    plans = synthetic.plan(SMALL)
    real = json.loads((wlasl / "WLASL_v0.3.json").read_text())
    entry = synthetic.metadata(plans)[0]
    assert list(entry) == list(real[0])
    assert [types(i) for i in entry["instances"]] == [types(real[0]["instances"][0])] * 4
    assert list(entry["instances"][0]) == list(real[0]["instances"][0])
    real_splits = json.loads((wlasl / "nslt_300.json").read_text())
    ours = synthetic.splits(plans)
    assert {str(types(v)) for v in ours.values()} == {str(types(v)) for v in real_splits.values()}


def test_reads_with_the_pipelines_own_reader(tmp_path: Path) -> None:
    make(tmp_path, 1)
    rows = clips.read_metadata(tmp_path / "WLASL_demo.json")
    split = clips.read_split_file(tmp_path / "nslt_demo.json")
    assert sorted(rows["video_id"]) == sorted(split["video_id"])
    assert sorted(rows["video_id"]) == sorted(p.stem for p in (tmp_path / "videos").iterdir())
    joined = rows.join(split, on="video_id", suffix="_split")
    assert (joined["split"] == joined["split_split"]).all()
    assert (joined["class_index"] == joined["class_index_split"]).all()


def test_the_demos_settings_give_what_the_study_needs() -> None:
    plans = synthetic.plan(USUAL)
    by_split = {split: [p for p in plans if p.split == split] for split in synthetic.SPLITS}
    people = [{p.signer_id for p in by_split[split]} for split in synthetic.SPLITS]
    assert sum(map(len, people)) == len(set.union(*people))  # nobody is in two splits
    assert len(people[2]) >= 8 and len(by_split["test"]) == 128
    assert len({p.video_id for p in plans}) == len(plans)
    assert {p.signer.fps for p in by_split["test"]} == {25, signs.Fraction(30000, 1001)}
    assert len({(p.signer.width, p.signer.height) for p in by_split["test"]}) == 2
    parts = [p for p in by_split["test"] if not p.whole]
    assert 0.1 < len(parts) / 128 < 0.3
    assert {p.which > 0 for p in parts} == {True, False}
    for p in parts:
        assert len({take.sign for take in p.takes}) == len(p.takes)


def test_one_split_alone_is_the_same_as_in_the_whole() -> None:
    whole = [p for p in synthetic.plan(SMALL) if p.split == "test"]
    assert synthetic.plan(SMALL, only=("test",)) == whole


def test_fewer_training_signers_leave_the_test_signers_strangers() -> None:
    def people(settings: Any, split: str) -> Any:
        return {repr(p.signer) for p in synthetic.plan(settings, only=(split,))}

    trained = people(USUAL, "train")
    few = DemoSettings(seed=0, train_signers=2, val_signers=1, test_signers=3)
    assert people(few, "train") < trained
    assert people(few, "test") < people(USUAL, "test")
    assert people(few, "test").isdisjoint(trained)


def test_a_segment_shows_its_sign_only_within_its_range(tmp_path: Path) -> None:
    """The declared range holds the raised hand; before and after it another sign is made."""
    clip = next(p for p in synthetic.plan(SMALL) if not p.whole and p.which > 0)
    synthetic.film(clip, tmp_path)
    with av.open(str(tmp_path / f"{clip.video_id}.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert stream.average_rate == clip.signer.fps
        frames = [
            (float(f.pts * f.time_base), f.to_ndarray(format="rgb24"))
            for f in container.decode(stream)
        ]
    row = next(i for entry in synthetic.metadata([clip]) for i in entry["instances"])
    start, end = (row["frame_start"] - 1) / 25, row["frame_end"] / 25
    assert 0 < start < end <= frames[-1][0] + 0.06
    rest = signs.rest_point(clip.takes[clip.which].sign.glove, clip.signer)[1]
    assert hand_height(frames, clip, start) == pytest.approx(rest, abs=0.08)
    assert hand_height(frames, clip, end) == pytest.approx(rest, abs=0.08)
    assert min(hand_height(frames, clip, t) for t in np.linspace(start, end, 12)) < 0.75


def hand_height(frames: Any, clip: Any, t: Any) -> Any:
    """Height of the signing hand's glove in the frame nearest to a time, from its colour."""
    pixels = min(frames, key=lambda frame: abs(frame[0] - t))[1].astype(int)
    channel = 0 if clip.takes[clip.which].sign.glove == "red" else 2
    others = np.delete(pixels, channel, axis=2).max(axis=2)
    ys, _ = np.nonzero(pixels[:, :, channel] - others > 80)
    return ys.mean() / clip.signer.height


@pytest.mark.parametrize("path", list(signs.PATHS))
def test_reversals_and_mirror_images(path: Any) -> None:
    """The tables that training and the ablations rely on are true of the drawn paths."""
    s = np.linspace(0, 1, 9)
    played = np.array([signs.path_point(path, x) for x in s])
    backwards = np.array([signs.path_point(signs.REVERSED[path], 1 - x) for x in s])
    mirrored = np.array([signs.path_point(signs.MIRRORED[path], x) for x in s]) * [-1, 1]
    np.testing.assert_allclose(played, backwards, atol=1e-9)
    if path != "shake":  # a wave may start to either side
        np.testing.assert_allclose(played, mirrored, atol=1e-9)


def test_signs_are_told_apart_by_path_and_colour() -> None:
    assert len({(sign.path, sign.glove) for sign in signs.SIGNS}) == len(signs.SIGNS) == 16
    assert sum(signs.REVERSED[path] != path for path in signs.PATHS) == 6
