"""The chat adapter on tiny random models of every family it serves."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from helpers import tiny_families
from helpers.tiny_families import changed_clips, make_clip, make_entry

from zerosign.errors import UserError
from zerosign.frames.cache import Clip
from zerosign.models import checkpoint, registry
from zerosign.models.base import Answer, Request
from zerosign.models.chat_embeddings import ChatEmbedder
from zerosign.models.kinds import chat
from zerosign.prompts import template as prompts_template
from zerosign.prompts.prompt_entry import Prompt
from zerosign.study import error_lines

PROMPT = {"task": "predict", "system": "You know signs.", "user": "Which sign is it?"}
FAMILIES = list(tiny_families.BUILDERS)
TIMED = {
    "gemma4",
    "glm46v",
    "glm4v",
    "glm4v_moe",
    "molmo2",
    "qwen2_5_vl",
    "qwen3_5",
    "qwen3_omni",
    "qwen3_vl",
    "qwen3_vl_moe",
    "qwen4_exp",
    "smolvlm",
    "video_llama_3",
}
"""Families that tell the model when a frame was shown."""


def make_request(clip: Clip, prompt: dict[str, Any] = PROMPT) -> Request:
    return Request(clip, prompts_template.render("test", Prompt.of(prompt), {}))


def logits(adapter: chat.Chat, request: Request) -> torch.Tensor:
    """Of the answer's first token."""
    inputs = adapter.prepare([request]).inputs
    with torch.inference_mode():
        return adapter.model(**inputs).logits[0, -1]


def plain(answers: list[Answer]) -> list[Answer]:
    return [dataclasses.replace(answer, seconds=None) for answer in answers]


@pytest.mark.parametrize("family", FAMILIES)
def test_the_model_sees_the_frames(family: str) -> None:
    adapter = tiny_families.adapter(family)
    clip = make_clip(1)
    base = logits(adapter, make_request(clip))
    assert torch.equal(base, logits(adapter, make_request(make_clip(1))))
    for what, other in changed_clips(clip).items():
        distance = (logits(adapter, make_request(other)) - base).abs().max()
        assert distance > 0.02, what
    other_question = make_request(clip, {**PROMPT, "user": "Which colour is it?"})
    assert (logits(adapter, other_question) - base).abs().max() > 0.02


@pytest.mark.parametrize("family", FAMILIES)
def test_the_model_is_told_the_time(family: str) -> None:
    adapter = tiny_families.adapter(family)
    clip = make_clip(1, fps=25.0)
    slow = make_clip(1, fps=5.0)
    same = torch.equal(logits(adapter, make_request(clip)), logits(adapter, make_request(slow)))
    assert same == (family not in TIMED)
    # An ablation that reverses the frames keeps the times: only the pixels turn round.
    turned = dataclasses.replace(clip, indices=clip.indices[::-1].copy())
    assert torch.equal(logits(adapter, make_request(clip)), logits(adapter, make_request(turned)))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_batch_answers_like_one_by_one(family: str) -> None:
    adapter = tiny_families.adapter(family)
    counts = [6, 6, 3, 6, 1]
    asked = [
        make_request(
            make_clip(i, frames, (48, 64) if i % 2 else (64, 40)),
            {**PROMPT, "user": "Which sign is it?" + " Look well." * (i % 3)},
        )
        for i, frames in enumerate(counts)
    ]
    groups: dict[Any, list[Request]] = {}
    for request in asked:
        groups.setdefault(adapter.bucket(request), []).append(request)
    ragged = adapter.model.config.model_type in chat.RAGGED
    assert len(groups) == (1 if ragged else len(set(counts)))
    texts = set()
    for group in groups.values():
        together = plain(adapter.answer(adapter.prepare(group)))
        assert together == plain(adapter.answer(adapter.prepare(group)))
        alone = [plain(adapter.answer(adapter.prepare([request])))[0] for request in group]
        assert together == alone
        inputs = adapter.prepare(group).inputs
        with torch.inference_mode():
            batch = adapter.model(**inputs).logits[:, -1]
        for row, request in zip(batch, group, strict=True):
            torch.testing.assert_close(row, logits(adapter, request), atol=1e-4, rtol=1e-4)
        texts |= {answer.text for answer in together}
    assert len(texts) > 1


@pytest.mark.parametrize("family", FAMILIES)
def test_what_was_seen_is_recorded(family: str) -> None:
    adapter = tiny_families.adapter(family)
    (answer,) = adapter.answer(adapter.prepare([make_request(make_clip(1))]))
    size, per_frame = {
        "qwen2_5_vl": ((56, 56), 2),
        "qwen3_vl": ((64, 64), 2),
        "qwen3_vl_moe": ((64, 64), 2),
        "qwen3_5": ((64, 64), 2),
        "qwen4_exp": ((64, 64), 2),
        "qwen3_omni": ((64, 64), 2),
        "glm4v": ((56, 56), 2),
        "glm4v_moe": ((56, 56), 2),
        "glm46v": ((56, 56), 2),
        "gemma4": ((84, 108), 63),
        "video_llama_3": ((28, 28), 1),
        "nemotron_omni": ((56, 56), 4),
        "molmo2": ((56, 56), 4),
        "minicpmv4_6": ((112, 112), 4),
        "minicpmv4_7": ((112, 112), 4),
    }.get(family, ((28, 28), 4))
    assert (answer.pixels_height, answer.pixels_width) == size
    # LLaVA-OneVision ends a video with one token more.
    assert answer.visual_tokens == 6 * per_frame + (family == "llava_onevision")
    assert answer.frames == 6 and answer.timestamps == [0.0, 0.4, 0.8, 1.2, 1.6, 2.0]
    assert answer.prompt_tokens > answer.visual_tokens + len("You know signs.Which sign is it?")
    assert answer.finish in ("stop", "length") and 0 < answer.answer_tokens <= 8
    assert answer.seconds > 0
    json.dumps(dataclasses.asdict(answer))


def first_frames(clip: Clip, count: int) -> Clip:
    arrays = ("frames", "indices", "timestamps")
    return dataclasses.replace(clip, **{name: getattr(clip, name)[:count] for name in arrays})


@pytest.mark.parametrize("family", [f for f in FAMILIES if f not in tiny_families.AS_IMAGES])
def test_a_processor_that_drops_frames_is_an_error(family: str) -> None:
    adapter = tiny_families.adapter(family)
    request = make_request(make_clip(1, frames=12))
    fewer = dataclasses.replace(request, clip=first_frames(request.clip, 6))
    inputs = adapter.process_inputs([adapter.prompt_text(request)] * 2, [fewer, fewer])
    assert adapter.seen_of(inputs, 0, [fewer, request])["frames"] == 6
    with pytest.raises(UserError, match="its processor kept 6 of 12 frames"):
        adapter.seen_of(inputs, 1, [fewer, request])


@pytest.mark.parametrize("kept", [4, 6])
@pytest.mark.parametrize("family", ["minicpmv4_6", "molmo2"])
def test_what_is_not_known_of_an_unknown_layout_is_not_guessed(family: str, kept: int) -> None:
    adapter = tiny_families.adapter(family)
    request = make_request(make_clip(1))
    shown = dataclasses.replace(request, clip=first_frames(request.clip, kept))
    inputs = adapter.process_inputs([adapter.prompt_text(request)], [shown])
    for name in ("target_sizes_videos", "video_grids"):  # what tells how the pixels lie
        inputs.pop(name, None)
    seen = adapter.seen_of(inputs, 0, [request])
    assert seen["frames"] is seen["pixels_height"] is seen["pixels_width"] is None
    assert seen["visual_tokens"] == kept * 4 and len(seen["timestamps"]) == 6


@pytest.mark.parametrize("frames_as", ["video", "images"])
def test_slices_of_a_frame_are_no_frames(frames_as: str) -> None:
    entry = make_entry(tiny_families.folder("minicpmv4_6"), frames_as=frames_as)
    adapter = chat.load(entry)
    requests = [
        make_request(make_clip(i, 3, size)) for i, size in enumerate([(48, 64), (112, 256)])
    ]
    small, large = adapter.prepare(requests).seen
    assert (small["frames"], small["visual_tokens"]) == (3, 3 * 4)
    assert (small["pixels_height"], small["pixels_width"]) == (112, 112)
    assert large["frames"] == 3 and large["visual_tokens"] > 3 * 4
    assert (large["pixels_height"], large["pixels_width"]) == (56, 168)  # with two slices beside it


def test_minicpm_as_its_authors_show_videos() -> None:
    settings = SHIPPED["minicpm-v-4.6"]["processor"]
    adapter = chat.load(make_entry(tiny_families.folder("minicpmv4_6"), processor=settings))
    request = make_request(make_clip(1, 3, (112, 256)))
    inputs = adapter.prepare([request]).inputs
    text = adapter.processor.tokenizer.decode(inputs["input_ids"][0])
    assert "<image>" in text and "<slice>" not in text and "<image_id>" not in text


@pytest.mark.parametrize("family", FAMILIES)
def test_embeddings(family: str) -> None:
    adapter = tiny_families.adapter(family)
    embedder = ChatEmbedder(adapter)
    one, two = embedder.embed_clip(make_clip(1)), embedder.embed_clip(make_clip(2))
    texts = embedder.embed_texts(["book", "a longer text", "book"])
    assert one.shape == two.shape == texts[0].shape
    assert np.abs(one - two).max() > 1e-3 and np.array_equal(one, embedder.embed_clip(make_clip(1)))
    assert np.array_equal(texts[0], texts[2]) and np.abs(texts[0] - texts[1]).max() > 1e-3


def test_internvl_does_not_tile_images() -> None:
    entry = make_entry(tiny_families.folder("internvl"), frames_as="images")
    clip = make_request(make_clip(1, 3, (48, 64)))
    assert chat.load(entry).prepare([clip]).seen[0]["visual_tokens"] == 3 * 4
    tiles = {"crop_to_patches": True, "max_patches": 12}
    authors = make_entry(tiny_families.folder("internvl"), frames_as="images", processor=tiles)
    assert chat.load(authors).prepare([clip]).seen[0]["visual_tokens"] == 3 * 13 * 4


def test_nothing_comes_from_the_checkpoints_generation_config(tmp_path: Path) -> None:
    folder = tmp_path / "changed"
    folder.mkdir()
    for file in tiny_families.folder("internvl").iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    path = folder / "generation_config.json"
    config = json.loads(path.read_text())
    path.write_text(
        json.dumps(
            config
            | {
                "do_sample": True,
                "temperature": 5.0,
                "top_k": 3,
                "repetition_penalty": 3.0,
                "no_repeat_ngram_size": 1,
                "max_length": 3,
                "suppress_tokens": list(range(200)),
                "num_beams": 3,
            }
        )
    )
    asked = [make_request(make_clip(i)) for i in range(3)]
    greedy, pinned = (
        chat.load(make_entry(tiny_families.folder("internvl"))),
        chat.load(make_entry(folder)),
    )
    expected = plain(greedy.answer(greedy.prepare(asked)))
    assert plain(pinned.answer(pinned.prepare(asked))) == expected


def test_an_end_of_turn_ends_the_answer() -> None:
    adapter = tiny_families.adapter("internvl")
    letters = adapter.processor.tokenizer("Book").input_ids
    end = adapter.ends[0]
    assert adapter.read_answer([*letters, end, *letters], "") == {
        "text": "Book",
        "reasoning": None,
        "finish": "stop",
        "answer_tokens": 4,
    }
    assert adapter.read_answer(letters, "")["finish"] == "length"
    assert adapter.read_answer([end], "")["text"] == ""


def test_a_template_that_drops_the_system_message() -> None:
    base = tiny_families.adapter("internvl")
    template = base.processor.chat_template
    deaf = "{%- if messages[0].role == 'system' %}{% set messages = messages[1:] %}{% endif -%}"
    base.processor.chat_template = deaf + template
    try:
        with pytest.raises(UserError, match="leaves out the system message; set system_role: user"):
            base.prepare([make_request(make_clip(1))])
        entry = base.entry.model_copy(update={"system_role": "user"})
        carried = chat.Chat(entry, base.processor, base.model)
        text = carried.prompt_text(make_request(make_clip(1)))
        assert "You know signs.\n\nWhich sign is it?" in text and "system" not in text
    finally:
        base.processor.chat_template = template


def test_a_family_that_drops_videos_says_how_to_send_frames() -> None:
    with pytest.raises(UserError, match="takes no videos; set frames_as: images"):
        chat.load(make_entry(tiny_families.folder("gemma3")))


def test_a_setting_that_a_processor_would_ignore() -> None:
    entry = make_entry(tiny_families.folder("internvl"), processor={"max_pixel": 3})
    with pytest.raises(UserError, match=r"processor has no setting 'max_pixel'; it has .*size"):
        chat.load(entry)


def test_a_setting_that_the_model_would_have_to_be_told_too() -> None:
    place = tiny_families.folder("minicpmv4_6")
    chat.load(make_entry(place, processor={"downsample_mode": "16x"}))
    entry = make_entry(place, processor={"downsample_mode": "4x"})
    with pytest.raises(UserError, match=r"downsample_mode: 4x does not fit .* configured for 16x"):
        chat.load(entry)


def test_smaller_frames_by_the_entry() -> None:
    size = {"shortest_edge": 28 * 28, "longest_edge": 28 * 28 * 8}
    entry = make_entry(tiny_families.folder("qwen2_5_vl"), processor={"size": size})
    seen = chat.load(entry).prepare([make_request(make_clip(1, size=(112, 112)))]).seen[0]
    usual = tiny_families.adapter("qwen2_5_vl").prepare(
        [make_request(make_clip(1, size=(112, 112)))]
    )
    assert seen["visual_tokens"] < usual.seen[0]["visual_tokens"]
    assert seen["pixels_height"] < usual.seen[0]["pixels_height"]


SHIPPED = yaml.safe_load((Path(__file__).parents[3] / "config/models.yaml").read_text())


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, entry in SHIPPED.items()
        if "checkpoint" in entry and not entry["checkpoint"].startswith(".")
    ],
)
def test_shipped_entries_are_pinned_and_complete(name: str) -> None:
    entry = error_lines.check(registry.entry_type(), SHIPPED[name], "models.yaml")
    identity = registry.kind(entry.kind).identity(entry)
    assert identity["revision"] == entry.revision
    if entry.engine == "transformers":  # vLLM takes all GPUs that it is given
        assert (entry.gpus > 1) == (entry.device_map is not None)


@pytest.mark.parametrize(
    ("name", "family", "size"),
    [
        ("qwen2.5-vl-7b-authors", "qwen2_5_vl", (644, 644)),
        ("qwen3-omni-30b-a3b-authors", "qwen3_omni", (640, 640)),
        ("internvl3.5-14b-authors", "internvl", (28, 28)),
    ],
)
def test_frames_of_the_authors_sizes(name: str, family: str, size: tuple[int, int]) -> None:
    more = SHIPPED[name] | {"dtype": "float32", "revision": None}
    more.pop("checkpoint")
    adapter = tiny_families.load(make_entry(tiny_families.folder(family), **more))
    clip = make_clip(1, 2, (256, 256) if family != "internvl" else (240, 320))
    (seen,) = adapter.prepare([make_request(clip)]).seen
    assert (seen["pixels_height"], seen["pixels_width"]) == size
    if family == "internvl":
        assert seen["visual_tokens"] == 2 * 13 * 4  # 12 tiles and a thumbnail


def test_identity_follows_the_weights_not_their_place(tmp_path: Path) -> None:
    source = tiny_families.folder("internvl")
    base = checkpoint.identity(make_entry(source))
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in source.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    assert checkpoint.identity(make_entry(copy)) == base
    assert checkpoint.identity(make_entry(copy, batch_size=2, gpus=2)) == base
    assert checkpoint.identity(make_entry(copy, dtype="bfloat16")) != base
    weights = copy / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert checkpoint.identity(make_entry(copy)) != base


def test_large_files_are_sampled(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(bytes(8 << 20))
    sampled = {"whole": 1 << 20, "blocks": 3}
    base = checkpoint.digest_folder(tmp_path, **sampled)
    path.write_bytes(bytes((8 << 20) - 1) + b"x")
    assert checkpoint.digest_folder(tmp_path, **sampled) != base
    path.write_bytes(bytes(2 << 20) + b"x" + bytes((6 << 20) - 1))  # between the blocks
    assert checkpoint.digest_folder(tmp_path, **sampled) == base
    assert checkpoint.digest_folder(tmp_path) != base


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"checkpoint": "./nowhere"}, r"checkpoint \./nowhere: no such folder$"),
        ({"checkpoint": "/no/where/at/all"}, "checkpoint /no/where/at/all: no such folder$"),
        ({"checkpoint": "Qwen/Qwen2.5-VL-7B-Instruct"}, "needs its revision, the 40 hexadecimal"),
        ({"checkpoint": "a/b", "revision": "main"}, "is not the full id of a commit"),
    ],
)
def test_checkpoints_that_are_not_there(change: dict[str, str], says: str) -> None:
    with pytest.raises(UserError, match=says):
        checkpoint.identity(make_entry(Path("x"), **change))


def test_an_empty_folder_is_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"AutoConfig cannot load it") as caught:
        chat.load(make_entry(tmp_path))
    assert "\n" not in str(caught.value)


def test_a_hub_revision_is_the_identity() -> None:
    entry = make_entry(Path("x"), checkpoint="Qwen/Qwen3-VL-4B-Instruct", revision="0" * 40)
    assert checkpoint.identity(entry)["revision"] == "0" * 40


CUSTOM = """
from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration


class CustomConfig(Qwen3VLConfig):
    model_type = "zerosign_test_custom"


class CustomModel(Qwen3VLForConditionalGeneration):
    config_class = CustomConfig
"""


def test_code_of_a_checkpoint_runs_only_where_the_entry_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "custom"
    folder.mkdir()
    for file in tiny_families.folder("qwen3_vl").iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    config = json.loads((folder / "config.json").read_text())
    config["model_type"] = "zerosign_test_custom"
    config["auto_map"] = {
        "AutoConfig": "custom.CustomConfig",
        "AutoModelForImageTextToText": "custom.CustomModel",
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "custom.py").write_text(CUSTOM)
    with pytest.raises(UserError, match=r"custom code|trust_remote_code"):
        chat.load(make_entry(folder))
    trusted = chat.load(make_entry(folder, trust_remote_code=True))
    assert type(trusted.model).__name__ == "CustomModel"
    usual = tiny_families.adapter("qwen3_vl")
    asked = [make_request(make_clip(1))]
    expected = plain(usual.answer(usual.prepare(asked)))
    assert plain(trusted.answer(trusted.prepare(asked))) == expected
    hub = make_entry(Path("x"), checkpoint="nvidia/some-model", trust_remote_code=True)
    with pytest.raises(UserError, match="needs its revision"):
        chat.load(hub)


def test_llava_next_video_in_the_layout_it_was_published_in(tmp_path: Path) -> None:
    folder = tiny_families.folder("llava_next_video")
    moved = {"processor_config.json", "chat_template.jinja"}
    for file in folder.iterdir():
        if file.name not in moved:
            (tmp_path / file.name).write_bytes(file.read_bytes())
    settings = json.loads((folder / "processor_config.json").read_text())["image_processor"]
    kind = {"processor_class": "LlavaNextVideoProcessor"}
    template = {"chat_template": (folder / "chat_template.jinja").read_text()}
    for name, content in {
        "preprocessor_config.json": {**settings, **kind},
        "processor_config.json": kind,
        "chat_template.json": template,
    }.items():
        (tmp_path / name).write_text(json.dumps(content))
    published = chat.load(make_entry(tmp_path))
    usual = tiny_families.adapter("llava_next_video")
    asked = [make_request(make_clip(1))]
    expected = plain(usual.answer(usual.prepare(asked)))
    assert plain(published.answer(published.prepare(asked))) == expected


def test_weights_that_are_not_in_the_checkpoint(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    for file in tiny_families.folder("internvl").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    weights = load_file(tmp_path / "model.safetensors")
    weights.pop(max(weights))
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(
        UserError, match=r"1 weights of InternVL.* are not in it .* would be random"
    ):
        chat.load(make_entry(tmp_path))
