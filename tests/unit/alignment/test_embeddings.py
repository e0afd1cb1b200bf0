"""Embeddings on their way to files, and the programs that make them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from helpers import tiny_families
from helpers.study_files import study_option
from helpers.tiny_families import make_clip

import embed_clips
import embed_texts
from zerosign.alignment import embeddings, metrics
from zerosign.errors import UserError
from zerosign.frames import cache
from zerosign.frames.cache import Clip
from zerosign.frames.frame_settings import FrameSettings
from zerosign.frames.sampling import sampling_of
from zerosign.models import registry
from zerosign.videos.timeline import Decoded, Timeline


class Fake:
    """Embeds a clip by its mean colour, a text by its length."""

    def embed_clip(self, clip: Clip) -> np.ndarray:
        return clip.frames.mean((0, 1, 2))

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        return np.array([[len(text), 1.0, 0.0] for text in texts])


def test_videos(tmp_path: Path) -> None:
    path = tmp_path / "v.npz"
    assert embeddings.write_videos(Fake(), [make_clip(1), make_clip(2)], path) == 2
    with np.load(path, allow_pickle=False) as stored:
        assert stored["video_ids"].tolist() == ["v1", "v2"]
        assert stored["video"].dtype == np.float32 and stored["video"].shape == (2, 3)
    embeddings.write_videos(Fake(), [], path)
    with np.load(path, allow_pickle=False) as stored:
        assert stored["video_ids"].size == 0 and len(stored["video"]) == 0


def test_texts_keep_their_order(tmp_path: Path) -> None:
    path = tmp_path / "t.npz"
    embeddings.write_texts(Fake(), {"drink": "a cup", "none": "no hand"}, path)
    with np.load(path, allow_pickle=False) as stored:
        assert stored["glosses"].tolist() == ["drink", "none"]
        assert stored["texts"].tolist() == ["a cup", "no hand"]
        assert stored["text"].tolist() == [[5, 1, 0], [7, 1, 0]]


def test_what_is_not_finite_is_named(tmp_path: Path) -> None:
    class Broken(Fake):
        def embed_clip(self, clip: Clip) -> np.ndarray:
            return np.array([np.nan])

    with pytest.raises(UserError, match="embedding of clip v1 is not finite; try dtype: float32"):
        embeddings.write_videos(Broken(), [make_clip(1)], tmp_path / "v.npz")
    assert not list(tmp_path.iterdir())


def test_the_text_of_a_gloss_is_its_description_or_itself(tmp_path: Path) -> None:
    assert embeddings.texts_of(None, ["a", "b"]) == {"a": "a", "b": "b"}
    described = pl.DataFrame({"gloss": ["b"], "description": ["two hands"]})
    described.write_parquet(tmp_path / "d.parquet")
    assert embeddings.texts_of(tmp_path / "d.parquet", ["a", "b"]) == {"b": "two hands"}


GLOSSES = ["book", "drink"]


def embedded(folder: Path, program: Any, *more: str) -> None:
    """Run a program on a tiny model and two clips."""
    entry = tiny_families.make_entry(tiny_families.folder("internvl"))
    study = study_option(folder, models={"m": entry.as_json()}, dataset={"split": "test"})
    clips = pl.DataFrame(
        {
            "video_id": ["v0", "v1", "v2"],
            "gloss": ["book", "drink", "book"],
            "class_index": [0, 1, 0],
            "split": "test",
            "shard": [0, 0, 1],
        }
    )
    clips.write_parquet(folder / "clips.parquet")
    options = ["--model", "m", "--clips", f"{folder}/clips.parquet", *more]
    program.main([*study, *options])


def test_the_programs_embed_a_shard_and_the_glosses(tmp_path: Path) -> None:
    decoded = tmp_path / "decoded.npz"
    with cache.open_decoded_writer(decoded, FrameSettings(short_side=None)) as writer:
        clip = make_clip(0)
        timeline = Timeline(clip.timestamps, clip.duration)
        writer.add("v0", Decoded(list(clip.frames), np.arange(len(clip.frames)), timeline))
        writer.fail("v1", "missing: no file")
    cache.write_selection(decoded, sampling_of({"strategy": "all"}), tmp_path / "s.npz")
    frames = ["--shard", "0", "--decoded", str(decoded), "--selection", f"{tmp_path}/s.npz"]
    embedded(tmp_path, embed_clips, *frames, "--output", f"{tmp_path}/0.npz")
    embedded(tmp_path, embed_texts, "--output", f"{tmp_path}/text.npz")
    ids, video = metrics.read_videos([tmp_path / "0.npz"])
    glosses, text = metrics.read_texts(tmp_path / "text.npz")
    assert (ids, glosses) == (["v0"], GLOSSES)
    assert video.shape[1] == text.shape[1]


def test_a_kind_without_embeddings_is_named() -> None:
    class Mute:
        """A model that only answers."""

    entry = tiny_families.make_entry(Path("x"))
    kind = replace(registry.kind("chat"), load=lambda entry: Mute())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "kinds", lambda: {"chat": kind})
        with pytest.raises(UserError, match="adapter: chat gives no embeddings"):
            embeddings.load(entry)
