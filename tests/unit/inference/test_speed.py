import importlib
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from helpers import tiny_families
from helpers.fake_model import Fake, make_clip
from transformers import Qwen2_5_VLConfig

from zerosign import gpu_memory
from zerosign.frames import cache
from zerosign.frames.cache import ShardSelection
from zerosign.frames.frame_settings import FrameSettings
from zerosign.frames.sampling import sampling_of
from zerosign.gpu_memory import Use
from zerosign.inference import batch_size, engine
from zerosign.inference.journal import Journal
from zerosign.models import checkpoint
from zerosign.models.base import Request
from zerosign.models.model_entry import ModelEntry
from zerosign.videos.timeline import Decoded, Timeline

GPU = ["NVIDIA H200", 150_000_000_000]
MODEL = tiny_families.make_entry(Path("m"), decoding={"max_new_tokens": 4})


def batches(fake: Fake, memory: Path, clips: int, size: int | None = None) -> list[int]:
    """Sizes of the batches of one job."""
    requests = ((f"v{i}", Request(make_clip(i), [])) for i in range(clips))
    (memory.parent / "j").unlink(missing_ok=True)
    with Journal(memory.parent / "j") as journal:
        assert len(dict(engine.answer_all(requests, fake, journal, size, memory))) == clips
    return [len(batch) for batch in fake.batches]


def test_the_batch_that_fitted_is_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_memory, "used", lambda: [Use(0, 1, 1000)])
    memory = tmp_path / "batch-size.json"
    assert max(batches(Fake(fits=40), memory, 400)) == 32
    assert json.loads(memory.read_text()) == {"batch_size": 32}
    # The next job starts there.
    monkeypatch.setattr(gpu_memory, "used", lambda: [Use(0, 1, 2)])
    assert set(batches(Fake(fits=40), memory, 128)) == {32}
    # A number from the user is neither overruled nor remembered.
    assert set(batches(Fake(), memory, 20, size=5)) == {5}
    assert json.loads(memory.read_text()) == {"batch_size": 32}
    # On a GPU that others use, too, it shrinks.
    assert max(batches(Fake(fits=9), memory, 64)) == 8
    assert json.loads(memory.read_text()) == {"batch_size": 8}


def test_a_job_that_is_killed_has_found_the_batch_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_memory, "used", lambda: [Use(0, 1, 1000)])
    memory = tmp_path / "batch-size.json"
    requests = ((f"v{i}", Request(make_clip(i), [])) for i in range(100))
    with Journal(tmp_path / "j") as journal:
        stream = engine.answer_all(requests, Fake(), journal, None, memory)
        for _ in range(9):  # one of the second batch
            next(stream)
        assert json.loads(memory.read_text()) == {"batch_size": 16}
        stream.close()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"batch_size": 0}',
        '{"batch_size": "8"}',
        '{"batch_size": 100000}',
        '{"batch_size"',
        "\x00\xff",
    ],
)
def test_a_damaged_memory_is_no_memory(
    content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_memory, "used", lambda: [Use(0, 1, 2)])
    memory = tmp_path / "batch-size.json"
    memory.write_text(content)
    assert batches(Fake(), memory, 16) == [8, 8]


def test_a_memory_is_of_one_model_sampling_and_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "store"
    assert torch.cuda.is_available() or batch_size.batch_size_file(folder, MODEL, None) is None
    selections = []
    for frames in (4, 6):
        decoded = tmp_path / f"{frames}.npz"
        with cache.open_decoded_writer(decoded, FrameSettings(short_side=None)) as writer:
            clip = make_clip(0, frames)
            timeline = Timeline(clip.timestamps, clip.duration)
            writer.add("v0", Decoded(list(clip.frames), clip.indices, timeline))
        path = tmp_path / f"selection-{frames}.npz"
        sampling = sampling_of({"strategy": "uniform", "frames": frames})
        cache.write_selection(decoded, sampling, path)
        selections.append(cache.read_selection(path))
    few, more = selections

    def name(entry: ModelEntry, selection: ShardSelection, gpus: list[list[Any]]) -> Path | None:
        monkeypatch.setattr(gpu_memory, "names", lambda: gpus)
        return batch_size.batch_size_file(folder, entry, selection)

    first = name(MODEL, few, [GPU])
    assert first and first.parent == folder
    assert name(MODEL.model_copy(update={"batch_size": 4}), few, [GPU]) == first
    others = [
        name(MODEL.model_copy(update={"dtype": "float16"}), few, [GPU]),
        name(MODEL, more, [GPU]),
        name(MODEL, few, [["NVIDIA H200", 75_000_000_000]]),
        name(MODEL, few, [GPU, GPU]),
    ]
    assert len({first, *others}) == 5


@pytest.mark.parametrize("bias", [True, False])
def test_a_patch_embedding_as_a_product(bias: bool) -> None:
    torch.manual_seed(0)
    shape = (2, 14, 14)
    whole = torch.nn.Conv3d(3, 32, shape, stride=shape, bias=bias)
    patches, clip = torch.randn(50, 3, *shape), torch.randn(2, 3, 4, 28, 28)
    with torch.inference_mode():
        expected = whole(patches), whole(clip)
        checkpoint.patches_as_products(whole)
        calls: list[Any] = []
        whole.register_forward_hook(lambda *_: calls.append(1))
        found = whole(patches), whole(clip)
    assert len(calls) == 2
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("family", ["qwen2_5_vl", "qwen3_vl"])
def test_video_towers_embed_patches_by_products(
    family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny_families.adapter(family).model
    monkeypatch.setattr(torch.nn.functional, "conv3d", lambda *_: pytest.fail("convolved"))
    convolutions = [part for part in model.modules() if isinstance(part, torch.nn.Conv3d)]
    assert convolutions
    for part in convolutions:
        weight = part.weight
        assert part(torch.zeros(2, *weight.shape[1:])).shape == (2, len(weight), 1, 1, 1)


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """benchmarks/inference.py"""
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[3] / "benchmarks"))
    return importlib.import_module("inference")


def test_the_benchmark_runs_at_tiny_size(
    benchmark: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    options = "--sizes tiny --clips 3 --loop-clips 2 --rounds 1 --batch-size 2 --tokens 3"
    small = "--questions 3 --glosses 4 --tasks clips questions glosses floor"
    benchmark.main([*options.split(), *small.split()])
    lines = capsys.readouterr().out.splitlines()
    rows = [line.split(" | ") for line in lines if line.startswith("| 0.3 M")]
    assert [row[2] for row in rows][:2] == [
        "the authors' loop: every clip from its file",
        "bare transformers loop: frames cached",
    ]
    # Every way gives the reference's answers; the loops give two.
    assert [row[-1].rstrip(" |") for row in rows] == ["2/2"] * 4 + ["3/3"] * 2 + ["4/4"] * 2
    assert "a batch of 2 clips" in lines[-1] and "ratio" in lines[-1]
    assert f"torch {torch.__version__}" in lines[0]


def test_the_benchmark_of_a_mixture_of_experts(
    benchmark: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    options = "--sizes tiny-moe --tasks clips floor --shown 128 128 --clips 3 --loop-clips 2"
    benchmark.main([*options.split(), "--rounds", "1", "--batch-size", "2", "--tokens", "3"])
    lines = capsys.readouterr().out.splitlines()
    rows = [line.split(" | ") for line in lines if line.startswith("| 0.")]
    assert [row[-1].rstrip(" |") for row in rows] == ["2/2"] * 4


def test_the_floor_is_the_arithmetic_and_the_bytes(benchmark: ModuleType) -> None:
    config = Qwen2_5_VLConfig(
        text_config={
            "hidden_size": 8,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_key_value_heads": 1,
            "vocab_size": 100,
        },
        vision_config={
            "depth": 3,
            "hidden_size": 4,
            "window_size": 28,
            "patch_size": 14,
            "fullatt_block_indexes": [2],
        },
    )
    shape = {"patches": 32, "frame": 16, "tokens": 10, "new": 2, "vision": 1000, "text": 5000}
    vision = 32 * (2 * 1000 + 4 * 4 * (16 + 2 * 4))
    text = 10 * (2 * 5000 + 4 * 2 * 8 * 5) + 2 * 8 * 100
    step = 2 * 5000 + 2 * 8 * 100 + 4 * 2 * 8 * 11
    moved = 2 * (5000 + 8 * 100) + 3 * 11 * (2 * 2 * 1 * 4) * 2
    reading, by_bytes = benchmark.floor_seconds(config, shape, 3, (1e15, 1.0), 2)
    assert reading == pytest.approx(3 * (vision + text) / 1e15)
    assert by_bytes == pytest.approx(moved)
    assert benchmark.floor_seconds(config, shape, 3, (1.0, 1e15), 2)[1] == pytest.approx(3 * step)
