"""The demo's trained model: training works, and the model that is shipped really reads the video.

Every fault that a pipeline can hide (frames in the wrong order, colours swapped, the chat template
or the padding broken) must cost it accuracy, else no test of the pipeline with it means anything.
"""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml
from helpers import tiny_families
from helpers.study_files import study_option

import train_demo_model
from zerosign import torch_setup
from zerosign.dataset import clips as dataset_clips
from zerosign.demo import synthetic, tiny_models
from zerosign.demo.demo_settings import DemoSettings
from zerosign.demo.signs import SIGNS
from zerosign.files import write_json
from zerosign.frames.cache import Clip
from zerosign.frames.decode import every_frame, read_clip
from zerosign.frames.pixels import to_rgb
from zerosign.frames.strategies import uniform
from zerosign.models.base import Request
from zerosign.models.kinds import chat
from zerosign.prompts.prompt_entry import Prompt
from zerosign.prompts.template import render
from zerosign.videos.timeline import Span

ROOT = Path(__file__).resolve().parents[3]
CHECKPOINT = ROOT / "resources" / "demo" / "tiny-qwen2.5-vl"
PROMPTS = yaml.safe_load((ROOT / "config" / "prompts.yaml").read_text())
PROMPT = Prompt.of(PROMPTS["demo-gloss"])


def film(folder: Path, settings: Any, split: str) -> Any:
    """One split of a demo data set; returns its rows of the metadata."""
    plans = synthetic.plan(settings, only=(split,))
    (folder / "videos").mkdir()
    for plan in plans:
        synthetic.film(plan, folder / "videos")
    write_json(synthetic.metadata(plans), folder / "WLASL_demo.json")
    write_json(synthetic.splits(plans), folder / "nslt_demo.json")
    return dataset_clips.read_metadata(folder / "WLASL_demo.json")


# Training


@pytest.fixture(scope="module")
def lesson(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("lesson")
    film(folder, DemoSettings(seed=0, train_signers=2, val_signers=0, test_signers=0), "train")
    return folder


def test_training_lowers_both_losses_and_repeats_itself(
    lesson: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch_setup.prepare()
    from zerosign.demo import training

    monkeypatch.setattr(training, "BATCH", 8)

    clips = dataset_clips.read_metadata(lesson / "WLASL_demo.json")
    examples = list(training.read_examples(clips, lesson / "videos"))
    texts = [sign.gloss for sign in SIGNS]

    def train(steps: Any, vision_steps: Any) -> Any:
        model, processor = tiny_models.build("qwen2_5_vl", 0, texts)
        losses = []
        training.train(
            model,
            processor,
            examples,
            PROMPT,
            steps,
            seed=5,
            report=lambda step, answers, gloves: losses.append((step, answers, gloves)),
            vision_steps=vision_steps,
        )
        return np.array(losses)

    losses = train(steps=20, vision_steps=20)
    assert losses[:, 0].tolist() == list(range(-20, 20))
    vision, whole = losses[:20], losses[20:]
    assert np.isnan(vision[:, 1]).all()
    assert vision[-5:, 2].mean() < 0.8 * vision[:5, 2].mean()
    assert whole[-5:, 1].mean() < 0.8 * whole[:4, 1].mean()
    np.testing.assert_array_equal(train(steps=1, vision_steps=2), train(steps=1, vision_steps=2))


def test_the_program_writes_a_checkpoint_from_the_train_split_alone(
    lesson: Any, tmp_path: Path
) -> None:
    study = study_option(tmp_path, demo={"seed": 0}, prompts={"demo-gloss": PROMPT.as_json()})
    train_demo_model.main(
        [
            *study,
            *("--metadata", str(lesson / "WLASL_demo.json")),
            *("--splits", str(lesson / "nslt_demo.json"), "--videos", str(lesson / "videos")),
            *("--steps", "1", "--vision-steps", "1"),
            *("--output", str(tmp_path / "model")),
        ]
    )
    shipped = {path.name for path in CHECKPOINT.iterdir()} - {"README.md"}
    assert {path.name for path in (tmp_path / "model").iterdir()} == shipped


# The shipped model


def test_shipped_checkpoint_is_small_and_free_of_pickles() -> None:
    files = [path for path in CHECKPOINT.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 2_000_000
    assert {path.suffix for path in files} == {".json", ".jinja", ".safetensors", ".md"}


@pytest.fixture(scope="module")
def held_out(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The test clips, by signers that training has not seen, 12 frames each."""
    folder = tmp_path_factory.mktemp("held_out")
    rows = film(
        folder, DemoSettings(seed=0, train_signers=40, val_signers=8, test_signers=8), "test"
    )
    return rows, [read(row, folder / "videos", frames=12) for row in rows.iter_rows(named=True)]


def read(row: Any, videos: Any, frames: Any) -> Any:
    decoded = read_clip(
        str(videos / f"{row['video_id']}.mp4"),
        every_frame,
        to_rgb(),
        Span(
            (row["frame_start"] - 1) / 25,
            None if row["frame_end"] == -1 else row["frame_end"] / 25,
        ),
    )
    times = decoded.timeline.times
    chosen = uniform(len(times), frames)
    return Clip(
        video_id=row["video_id"],
        frames=np.stack([decoded.frames[i] for i in chosen]),
        indices=chosen,
        timestamps=times[chosen],
        fps=decoded.timeline.fps,
        total_frames=len(times),
        duration=decoded.timeline.duration,
        digest="",
    )


def load() -> Any:
    return chat.load(tiny_families.make_entry(CHECKPOINT))


def ask(adapter: Any, clips: pl.DataFrame, batch: Any = 32) -> Any:
    messages = render("demo-gloss", PROMPT, {})
    answers = []
    for start in range(0, len(clips), batch):
        requests = [Request(clip, messages) for clip in clips[start : start + batch]]
        answers += adapter.answer(adapter.prepare(requests))
    return answers


def top1(rows: Any, answers: Any) -> Any:
    texts = pl.Series([answer.text for answer in answers])
    return (rows["gloss"] == texts).mean()


def shown_as(clips: pl.DataFrame, change: Any) -> Any:
    return [
        dataclasses.replace(clip, frames=np.ascontiguousarray(change(clip.frames)))
        for clip in clips
    ]


@pytest.fixture(scope="module")
def plain(held_out: Any) -> Any:
    _, clips = held_out
    return ask(load(), clips)


def test_plain_accuracy_on_unseen_signers(held_out: Any, plain: Any) -> None:
    rows, _ = held_out
    assert len(rows) == 128 and rows["signer"].n_unique() == 8
    assert top1(rows, plain) >= 0.70
    assert {answer.finish for answer in plain} == {"stop"}
    assert {answer.visual_tokens for answer in plain} == {24, 36}


def test_batches_do_not_change_answers(held_out: Any, plain: Any) -> None:
    _, clips = held_out
    alone = ask(load(), clips[:12], batch=1)
    assert [a.text for a in alone] == [a.text for a in plain[:12]]


@pytest.mark.parametrize(
    ("fault", "change", "most"),
    [
        ("frames reversed", lambda frames: frames[::-1], 0.5),
        ("red and blue swapped", lambda frames: frames[..., ::-1], 0.1),
        ("first frame throughout", lambda frames: frames[[0] * len(frames)], 0.2),
        ("black: scaled to [0, 1] once too often", lambda frames: frames // 255, 0.2),
    ],
)
def test_wrong_frames_cost_accuracy(held_out: Any, fault: str, change: Any, most: float) -> None:
    rows, clips = held_out
    assert top1(rows, ask(load(), shown_as(clips, change))) <= most, fault


def test_a_missing_generation_prompt_costs_accuracy(held_out: Any) -> None:
    rows, clips = held_out
    adapter = load()
    complete = adapter.processor.apply_chat_template
    adapter.processor.apply_chat_template = lambda messages, **options: complete(
        messages, **(options | {"add_generation_prompt": False})
    )
    assert top1(rows, ask(adapter, clips)) <= 0.2


def test_a_broken_chat_template_costs_accuracy(held_out: Any) -> None:
    rows, clips = held_out
    adapter = load()
    template = adapter.processor.chat_template
    adapter.processor.chat_template = template.replace(tiny_models.START, "").replace(
        tiny_models.END, ""
    )
    assert adapter.processor.chat_template != template
    assert top1(rows, ask(adapter, clips)) <= 0.3


def test_padding_on_the_right_costs_accuracy(held_out: Any) -> None:
    """Frames of two sizes make prompts of two lengths, so half of the clips are padded."""
    rows, clips = held_out
    adapter = load()
    adapter.processor.tokenizer.padding_side = "right"
    assert top1(rows, ask(adapter, clips)) <= 0.6
