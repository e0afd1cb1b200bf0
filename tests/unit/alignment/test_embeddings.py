"""Embeddings by a tiny model, through the store to files."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from helpers import tiny_families
from helpers.asking import files_of, run_ask, study_of
from helpers.tiny_families import make_clip

import embeddings as program
from zerosign.alignment import embeddings, metrics
from zerosign.errors import UserError
from zerosign.frames import cache
from zerosign.frames.cache import Clip
from zerosign.frames.frame_settings import FrameSettings, Storage
from zerosign.frames.sampling import sampling_of
from zerosign.inference import embedding
from zerosign.models import registry
from zerosign.models.chat_embeddings import ChatEmbedder
from zerosign.videos.timeline import Decoded, Timeline

GLOSSES = ["book", "drink"]


def test_the_text_of_a_gloss_is_its_description_or_itself(tmp_path: Path) -> None:
    assert embeddings.texts_of(None, ["a", "b"]) == {"a": "a", "b": "b"}
    described = pl.DataFrame({"gloss": ["b"], "description": ["two hands"]})
    described.write_parquet(tmp_path / "d.parquet")
    assert embeddings.texts_of(tmp_path / "d.parquet", ["a", "b"]) == {"b": "two hands"}


@pytest.fixture
def study(tmp_path: Path) -> list[str]:
    """The option of a study that compares a tiny model's embeddings of two clips with texts."""
    decoded = tmp_path / "frames/decoded/0.npz"
    with cache.open_decoded_writer(
        decoded, FrameSettings(short_side=None, storage=Storage.RAW)
    ) as writer:
        for number in (0, 2):
            clip = make_clip(number)
            timeline = Timeline(clip.timestamps, clip.duration)
            frames = list(clip.frames)
            writer.add(f"v{number}", Decoded(frames, np.arange(len(frames)), timeline))
        writer.fail("v1", "missing: no file")
    cache.write_selection(decoded, sampling_of({"strategy": "all"}), tmp_path / "frames/all/0.npz")
    clips = pl.DataFrame(
        {
            "video_id": ["v0", "v1", "v2"],
            "gloss": ["book", "drink", "book"],
            "class_index": [0, 1, 0],
            "split": "test",
            "shard": 0,
        }
    )
    clips.write_parquet(tmp_path / "clips.parquet")
    entry = tiny_families.make_entry(tiny_families.folder("internvl"))
    alignment = {"models": ["m"], "sampling": "all"}
    return study_of(tmp_path, {"m": entry.as_json()}, {}, [], embeds=["m"], alignment=alignment)


def gather(study: list[str], folder: Path) -> tuple[Any, Any]:
    """Embeddings of clips and of texts, from the files that the program writes."""
    output = ["--output", str(folder / "embeddings")]
    program.main([*study, "--model", "m", *files_of(folder), *output])
    videos = metrics.read_videos([folder / "embeddings/0.npz"])
    return videos, metrics.read_texts(folder / "embeddings/text.npz")


def test_the_programs_embed_clips_and_glosses_once(
    study: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_ask(study, tmp_path)
    (ids, video), (glosses, text) = gather(study, tmp_path)
    assert (ids, glosses) == (["v0", "v2"], GLOSSES)
    assert video.dtype == text.dtype == np.float32 and video.shape[1] == text.shape[1]
    adapter = registry.kind("chat").load(tiny_families.make_entry(tiny_families.folder("internvl")))
    np.testing.assert_allclose(video[1], ChatEmbedder(adapter).embed_clip(make_clip(2)), atol=1e-6)

    monkeypatch.setattr(embedding, "_embedder", lambda *_: pytest.fail("embedded it again"))
    run_ask(study, tmp_path)
    (path,) = (tmp_path / "store").glob("*/embeddings.jsonl")
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(UserError, match=r"model m: 1 of 4 embeddings are not in .*store"):
        gather(study, tmp_path)


def test_what_is_not_finite_is_named(
    study: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: ChatEmbedder, clip: Clip) -> np.ndarray:
        return np.array([np.nan])

    monkeypatch.setattr(ChatEmbedder, "embed_clip", broken)
    with pytest.raises(UserError, match="embedding of clip v0 is not finite; try dtype: float32"):
        run_ask(study, tmp_path)


def test_a_kind_without_embeddings_is_named(
    study: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mute = replace(registry.kind("chat"), embedder=None, load=lambda entry, like=None: None)
    monkeypatch.setattr(registry, "kinds", lambda: {"chat": mute})
    with pytest.raises(UserError, match="adapter: chat gives no embeddings"):
        run_ask(study, tmp_path)


def test_a_vector_survives_its_way_through_a_journal() -> None:
    vector = np.random.default_rng(0).normal(size=7).astype(np.float32)
    assert np.array_equal(embedding.from_json(embedding.to_json(vector)), vector)
