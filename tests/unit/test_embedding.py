import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import tiny_families
from tiny_families import make_clip, make_entry

import embed
from zerosign import embedding
from zerosign.errors import UserError
from zerosign.framecache import Clip


class Fake:
    """Embeds a clip by its mean colour, a text by its length."""

    def embed_clip(self, clip: Clip) -> np.ndarray:
        return clip.frames.mean((0, 1, 2))

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        return np.array([[len(text), 1.0, 0.0] for text in texts])


def test_videos(tmp_path: Path) -> None:
    path = tmp_path / "v.npz"
    assert embedding.write_videos(Fake(), [make_clip(1), make_clip(2)], path) == 2
    with np.load(path, allow_pickle=False) as stored:
        assert stored["video_ids"].tolist() == ["v1", "v2"]
        assert stored["video"].dtype == np.float32 and stored["video"].shape == (2, 3)
    embedding.write_videos(Fake(), [], path)
    with np.load(path, allow_pickle=False) as stored:
        assert stored["video_ids"].size == 0 and len(stored["video"]) == 0


def test_texts_keep_their_order(tmp_path: Path) -> None:
    path = tmp_path / "t.npz"
    embedding.write_texts(Fake(), {"drink": "a cup", "none": "no hand"}, path)
    with np.load(path, allow_pickle=False) as stored:
        assert stored["glosses"].tolist() == ["drink", "none"]
        assert stored["texts"].tolist() == ["a cup", "no hand"]
        assert stored["text"].tolist() == [[5, 1, 0], [7, 1, 0]]


def test_what_is_not_finite_is_named(tmp_path: Path) -> None:
    class Broken(Fake):
        def embed_clip(self, clip: Clip) -> np.ndarray:
            return np.array([np.nan])

    with pytest.raises(UserError, match="embedding of clip v1 is not finite; try dtype: float32"):
        embedding.write_videos(Broken(), [make_clip(1)], tmp_path / "v.npz")
    assert not list(tmp_path.iterdir())


def test_templates() -> None:
    assert embedding.from_template("sign for {gloss}", ["a"]) == {"a": "sign for a"}
    with pytest.raises(UserError, match=r"must hold {gloss}"):
        embedding.from_template("sign", ["a"])


def test_the_program_wants_clips_or_texts(tmp_path: Path) -> None:
    entry = json.dumps(make_entry(tiny_families.folder("internvl")))
    common = ["--clips", "c", "--model", entry, "--output", "o"]
    for more in ([], ["--texts", "t", "--template", "{gloss}"], ["--split", "test"]):
        with pytest.raises(UserError, match="embed clips with --split"):
            embed.main([*common, *more])
