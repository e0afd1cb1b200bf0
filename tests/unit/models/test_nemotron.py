"""The Nemotron adapter on a tiny repository with code of its own, and the pinning of such code."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers import tiny_families
from helpers.tiny_families import changed_clips, make_clip, make_entry
from safetensors.torch import load_file, save_file
from transformers.generation import utils as generation

from zerosign.errors import UserError
from zerosign.frames.cache import Clip
from zerosign.models import checkpoint, constructed, pins
from zerosign.models.base import Answer, Request
from zerosign.models.kinds import nemotron
from zerosign.models.one_clip import OneClipEmbedder
from zerosign.prompts import template
from zerosign.prompts.prompt_entry import Prompt

REFERENCE = json.loads(Path(__file__).with_name("nemotron_reference.json").read_text())
PROMPT = {"task": "predict", "system": "You know signs.", "user": "Which sign is it?"}
TOWER = "zerosign-test/tower"
REVISION, TODAY = "1" * 40, "2" * 40

CONFIGURATION = """
from transformers import LlamaConfig, PretrainedConfig
from transformers.dynamic_module_utils import get_class_from_dynamic_module


class TinyConfig(PretrainedConfig):
    model_type = "zerosign_test_nemotron"

    def __init__(self, llm_config=None, image_tag_type="internvl", **more):
        super().__init__(**more)
        get_class_from_dynamic_module("tower.Tower", "zerosign-test/tower")
        self.llm_config = LlamaConfig(**(llm_config or {}))
        self.image_tag_type = image_tag_type
"""

MODELING = """
import torch
from transformers import LlamaForCausalLM, PreTrainedModel
from transformers.dynamic_module_utils import get_class_from_dynamic_module

from .configuration import TinyConfig


class Tiny(PreTrainedModel):
    config_class = TinyConfig

    def __init__(self, config):
        super().__init__(config)  # and no post_init(), as in much published code
        tower = get_class_from_dynamic_module("tower.Tower", "zerosign-test/tower")
        self.language_model = LlamaForCausalLM(config.llm_config)
        self.vision_model = tower(config.llm_config.hidden_size)
        self.num_image_token = 4
        self.scale = float(torch.ones(()))  # needs memory

    def later(self, repository):
        return get_class_from_dynamic_module("tower.Tower", repository)

    def extract_feature(self, pixel_values):
        return self.vision_model(pixel_values) * self.scale
"""

TOWER_CODE = """
import torch


class Tower(torch.nn.Module):
    def __init__(self, size):
        super().__init__()
        self.patches = torch.nn.Conv2d(3, size, 8, 8)

    def forward(self, pixels):
        return self.patches(pixels * 2 - 1).flatten(2).transpose(1, 2)
"""

TEMPLATE = (
    "{% for message in messages %}<|{{ message.role }}|>{{ message.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A checkpoint whose code loads code of a hub repository, of which the cache has two commits.

    ``main`` is the later of them, which does harm.
    """
    base = tmp_path_factory.mktemp("nemotron")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(base / "hub"))
        patch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        cached = base / "hub" / "models--zerosign-test--tower"
        for revision, code in {REVISION: TOWER_CODE, TODAY: "raise RuntimeError('harm')"}.items():
            (cached / "snapshots" / revision).mkdir(parents=True)
            (cached / "snapshots" / revision / "tower.py").write_text(code)
        (cached / "refs").mkdir()
        (cached / "refs" / "main").write_text(TODAY)
        yield build(base / "checkpoint")


def build(folder: Path) -> Path:
    """The checkpoint, with random weights in two files."""
    folder.mkdir()
    tokenizer = tiny_families.tokenizer(["<image>", "<img>", "</img>"])
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    (folder / "configuration.py").write_text(CONFIGURATION)
    (folder / "modeling.py").write_text(MODELING)
    (folder / "preprocessor_config.json").write_text(json.dumps({"image_size": 16}))
    language = {**tiny_families.TEXT, "vocab_size": len(tokenizer), "bos_token_id": None}
    config = {
        "model_type": "zerosign_test_nemotron",
        "auto_map": {"AutoConfig": "configuration.TinyConfig", "AutoModel": "modeling.Tiny"},
        "llm_config": {**language, "eos_token_id": tokenizer.eos_token_id},
    }
    (folder / "config.json").write_text(json.dumps(config))
    save_weights(folder, language)
    return folder


def save_weights(folder: Path, language: dict[str, Any]) -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(**language))
    patches = torch.nn.Conv2d(3, language["hidden_size"], 8, 8)
    files = {
        "a.safetensors": {f"language_model.{k}": v for k, v in model.state_dict().items()},
        "b.safetensors": {f"vision_model.patches.{k}": v for k, v in patches.state_dict().items()},
    }
    places = {}
    for name, weights in files.items():
        grown = {key: (value * 4).to(torch.bfloat16) for key, value in weights.items()}
        save_file(grown, folder / name)
        places |= dict.fromkeys(weights, name)
    index = {"weight_map": places}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def entry(repository: Path, **more: Any) -> Any:
    given = {
        "adapter": "nemotron",
        "dtype": "bfloat16",
        "trust_remote_code": True,
        "code_revisions": {TOWER: REVISION},
    }
    return make_entry(repository, **given | more)


@pytest.fixture(scope="module")
def adapter(repository: Path) -> nemotron.Nemotron:
    return nemotron.load(entry(repository))


def make_request(clip: Clip, prompt: dict[str, Any] = PROMPT, **more: Any) -> Request:
    return Request(clip, template.render("test", Prompt.of(prompt), {}), **more)


def logits(adapter: nemotron.Nemotron, clip: Clip) -> torch.Tensor:
    """Of the answer's first token."""
    (shared,) = adapter.prepare([make_request(clip)])
    inputs = checkpoint.to_device(shared.base.inputs, adapter.model)
    prefix = adapter.read_prefix(inputs, shared.length)
    with torch.inference_mode():
        output = adapter.model(
            input_ids=torch.tensor(shared.suffixes), past_key_values=prefix.cache
        )
    return output.logits[0, -1].float()


def answers(adapter: nemotron.Nemotron, requests: list[Request]) -> list[Answer]:
    found = adapter.answer(adapter.prepare(requests))
    return [dataclasses.replace(answer, seconds=None) for answer in found]


@pytest.mark.parametrize("case", REFERENCE["cases"])
def test_frames_are_those_of_the_repositorys_own_code(case: dict[str, Any]) -> None:
    random = np.random.default_rng(case["seed"])
    frame = random.integers(0, 256, (case["height"], case["width"], 3), dtype=np.uint8)
    pixels = nemotron.Frames(case["side"])(frame[None])
    np.testing.assert_allclose(pixels[0, :, case["side"] // 3], case["row"], atol=1e-6)


def test_the_model_sees_the_frames(adapter: nemotron.Nemotron) -> None:
    clip = make_clip(1)
    base = logits(adapter, clip)
    assert torch.equal(base, logits(adapter, make_clip(1)))
    for what, other in changed_clips(clip).items():
        assert (logits(adapter, other) - base).abs().max() > 0.05, what


def test_what_was_seen_is_recorded(adapter: nemotron.Nemotron) -> None:
    clip = make_clip(1, 5)
    request = make_request(clip)
    answer, again = (answers(adapter, [request])[0] for _ in range(2))
    assert answer == again
    assert (answer.frames, answer.visual_tokens) == (5, 20)
    assert (answer.pixels_height, answer.pixels_width) == (16, 16)
    text = adapter.prompt_text(request)
    assert text == (
        "<|system|>You know signs.\n<|user|>"
        + "<img><image></img>\n" * 5
        + "Which sign is it?\n<|assistant|>"
    )
    # One token a frame in the text makes four.
    assert answer.prompt_tokens == len(adapter.tokens_of(text)) + 15
    embedder = OneClipEmbedder(adapter)
    assert embedder.embed_clip(clip).shape == (adapter.model.config.hidden_size,)


def test_asked_without_a_video(adapter: nemotron.Nemotron) -> None:
    nothing = make_clip(1, 0)
    messages = [{"role": "user", "content": [{"type": "text", "text": "Which sign is it?"}]}]
    (answer,) = answers(adapter, [Request(nothing, messages)])
    assert (answer.frames, answer.visual_tokens) == (0, 0) and answer.answer_tokens == 8


@pytest.fixture(scope="module")
def exact(repository: Path) -> Callable[..., nemotron.Nemotron]:
    """Adapters in float32, which this tiny code supports, and NVIDIA's does not."""

    def made(**more: Any) -> nemotron.Nemotron:
        loaded = nemotron.load(entry(repository, **more))
        loaded.network.float()
        return loaded

    return made


def test_frequencies_of_rotation_keep_their_precision(adapter: nemotron.Nemotron) -> None:
    assert adapter.model.dtype == torch.bfloat16
    assert adapter.model.model.rotary_emb.inv_freq.dtype == torch.float32


def test_a_prefix_and_its_rest_are_the_whole_prompt(exact: Callable[..., Any]) -> None:
    adapter = exact()
    (shared,) = adapter.prepare([make_request(make_clip(1))])
    ids = shared.base.inputs["input_ids"]
    embeds = adapter.model.get_input_embeddings()(ids)
    with torch.inference_mode():
        pixels = shared.base.inputs["pixel_values"]
        embeds[ids == adapter.visual_ids[0]] = adapter.network.extract_feature(pixels).flatten(0, 1)
        whole = adapter.model(inputs_embeds=embeds).logits[0, -1]
    torch.testing.assert_close(logits(adapter, make_clip(1)), whole, atol=1e-5, rtol=0)


def test_many_questions_share_a_pass_over_the_clip(exact: Callable[..., Any]) -> None:
    adapter = exact()
    asked = [
        make_request(make_clip(1), {**PROMPT, "user": f"Is it {gloss}?"}, question=gloss)
        for gloss in ("book", "drink", "a thing")
    ]
    (shared,) = adapter.prepare(asked)
    assert shared.length > max(map(len, shared.suffixes)) and len(shared.suffixes) == 3
    assert answers(adapter, asked) == [answers(adapter, [request])[0] for request in asked]


def test_samples_depend_on_the_seed_alone(exact: Callable[..., Any]) -> None:
    decoding = {"max_new_tokens": 4, "temperature": 1.0, "seed": 3, "samples": 3}
    request = make_request(make_clip(1))
    base = answers(exact(decoding=decoding), [request])
    assert base == answers(exact(decoding=decoding), [request]) and len(base[0].samples) == 3
    assert base != answers(exact(decoding={**decoding, "seed": 4}), [request])


def test_glosses_are_scored_as_one_by_one(exact: Callable[..., Any]) -> None:
    closed = exact(decoding={"mode": "closed_set"})
    glosses = {gloss: gloss for gloss in ("book", "drink", "books", "go")}
    (answer,) = answers(closed, [make_request(make_clip(1), candidates=glosses)])
    assert sorted(answer.labels) == sorted(glosses)
    for label, score in zip(answer.labels, answer.scores, strict=True):
        (alone,) = answers(closed, [make_request(make_clip(1), candidates={label: label})])
        assert abs(alone.scores[0] - score) < 1e-4


def test_code_of_other_repositories_is_pinned(
    repository: Path, adapter: nemotron.Nemotron, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RuntimeError, match="harm"):
        nemotron.load(entry(repository, code_revisions={TOWER: TODAY}))
    pinned, other = (entry(repository, code_revisions={TOWER: it}) for it in (REVISION, TODAY))
    assert checkpoint.identity(pinned) != checkpoint.identity(other)
    monkeypatch.setattr(pins, "_revisions", {})
    refused = rf"loads code of {TOWER}, at no fixed revision"
    with pytest.raises(UserError, match=refused):
        checkpoint.load("AutoConfig", entry(repository, code_revisions={}))
    # Later, too, and by the other name that transformers has for it.
    with pytest.raises(UserError, match=refused):
        adapter.network.later(TOWER)
    with pytest.raises(UserError, match=refused):
        generation.get_cached_module_file(TOWER, module_file="tower.py")
    pins.allow(TOWER, REVISION, {})
    assert adapter.network.later(TOWER).__name__ == "Tower"


def test_a_folder_of_a_repositorys_name(
    adapter: nemotron.Nemotron, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / TOWER).mkdir(parents=True)
    monkeypatch.setattr(pins, "_revisions", {TOWER: REVISION})
    with pytest.raises(UserError, match=rf"a folder {TOWER} lies here"):
        adapter.network.later(TOWER)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"trust_remote_code": False, "code_revisions": {}}, "say trust_remote_code: true"),
        ({"dtype": "float32"}, "say dtype: bfloat16"),
        ({"frames_as": "images"}, "frames_as has no meaning"),
        ({"attn": "sdpa"}, "attn has no meaning"),
        ({"processor": {"max_num_tiles": 4}}, "no setting 'max_num_tiles'"),
    ],
)
def test_keys_that_would_have_no_effect(
    repository: Path, change: dict[str, Any], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(constructed, "load")  # before the weights are read
    with pytest.raises(UserError, match=says):
        nemotron.load(entry(repository, **change))


def test_weights_that_are_not_in_the_checkpoint(repository: Path, tmp_path: Path) -> None:
    shutil.copytree(repository, tmp_path, dirs_exist_ok=True)
    index = json.loads((tmp_path / "model.safetensors.index.json").read_text())
    kept = {name: at for name, at in index["weight_map"].items() if at == "a.safetensors"}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": kept}))
    with pytest.raises(UserError, match=r"2 weights of Tiny are not in it.*vision_model\.patches"):
        nemotron.load(entry(tmp_path))


def test_code_that_nobody_trusts(repository: Path) -> None:
    given = entry(repository)
    config = checkpoint.load("AutoConfig", given)
    with pytest.raises(UserError, match="only with trust_remote_code: true"):
        untrusted = given.model_copy(update={"trust_remote_code": False})
        constructed.load("AutoModel", untrusted, config)
    with pytest.raises(UserError, match="code_revisions has no meaning without"):
        entry(repository, trust_remote_code=False)
    with pytest.raises(UserError, match=r"its code for AutoModelForCausalLM cannot be loaded"):
        constructed.load("AutoModelForCausalLM", given, config)


def test_weights_in_a_single_file(repository: Path, tmp_path: Path) -> None:
    shutil.copytree(repository, tmp_path, dirs_exist_ok=True)
    weights = {}
    for name in ("a.safetensors", "b.safetensors"):
        weights |= load_file(tmp_path / name)
    save_file(weights, tmp_path / "model.safetensors")
    (tmp_path / "model.safetensors.index.json").unlink()
    one, several = (nemotron.load(entry(place)) for place in (tmp_path, repository))
    assert torch.equal(logits(one, make_clip(1)), logits(several, make_clip(1)))


@pytest.mark.parametrize("published", [{}, {"image_size": 16, "do_normalize": True}])
def test_settings_of_another_family(
    repository: Path, tmp_path: Path, published: dict[str, Any]
) -> None:
    shutil.copytree(repository, tmp_path, dirs_exist_ok=True)
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(published))
    with pytest.raises(UserError, match="needs an image_size, and no do_normalize"):
        nemotron.load(entry(tmp_path))


def test_frames_marked_in_another_way(repository: Path, tmp_path: Path) -> None:
    shutil.copytree(repository, tmp_path, dirs_exist_ok=True)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"image_tag_type": "nvlm"}))
    with pytest.raises(UserError, match="marked as nvlm are not known"):
        nemotron.load(entry(tmp_path))
