"""vLLM as an engine: all but its answers, for which tests/vllm has a real one."""

import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from helpers import tiny_families
from helpers.vllm_environment import pretend

from zerosign.code_digest import code_digest
from zerosign.errors import UserError
from zerosign.models import registry, vllm_process
from zerosign.models.base import Answer, ClipError, Request
from zerosign.models.kinds import vllm
from zerosign.models.model_entry import Decoding
from zerosign.prompts import template
from zerosign.prompts.prompt_entry import Prompt, Task

FAMILY = "qwen2_5_vl_for_vllm"
SAMPLES = {"max_new_tokens": 30, "temperature": 0.5, "seed": 1, "samples": 3}


def request(seed: int, question: str = "Which sign?", **clip: Any) -> Request:
    prompt = Prompt(task=Task.PREDICT, user=question)
    messages = template.render("p", prompt, {})
    return Request(tiny_families.make_clip(seed, **{"size": (28, 56), **clip}), messages)


def entry(**more: Any) -> Any:
    made = {"engine": "vllm", "decoding": {"max_new_tokens": 30}} | more
    return tiny_families.make_entry(tiny_families.folder(FAMILY), **made)


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tokenizer = tiny_families.adapter(FAMILY).processor.tokenizer
    token = tokenizer.convert_tokens_to_ids("<|video_pad|>")
    monkeypatch.setenv("FAKE_VLLM_VIDEO_TOKEN", str(token))
    return pretend(tmp_path, monkeypatch)


def answers(model: vllm.Vllm, *requests: Request) -> list[Answer]:
    futures = [model.submit(each) for each in requests]
    return [future.result(30) for future in futures]


def test_frames_prompt_and_times_reach_it(environment: Path) -> None:
    model = tiny_families.load(entry())
    clips = [request(1), request(2, frames=4, fps=10), request(1, "And now?")]
    found = answers(model, *clips)
    model.close()
    shown = [(len(r.clip.frames), r.clip.frames.mean(), r.clip.fps) for r in clips]
    assert [a.text for a in found] == [f"{n} {mean:.0f} {fps:g}" for n, mean, fps in shown]
    chat = tiny_families.adapter(FAMILY)
    for each, answer in zip(clips, found, strict=True):
        seen = chat.prepare([each]).seen[0]
        assert {key: getattr(answer, key) for key in seen} == seen
        assert answer.finish == "stop" and answer.answer_tokens == len(answer.text)
        assert answer.seconds and answer.seconds > 0


def test_samples_have_seeds_of_their_own_and_vote(environment: Path) -> None:
    (first,) = answers(model := tiny_families.load(entry(decoding=SAMPLES)), question := unseen())
    (again,) = answers(model, question)
    (other,) = answers(model, unseen("Another?"))
    model.close()
    assert first.samples == again.samples and first.text == first.samples[0]
    assert len({*first.samples, *other.samples}) == 6 and first.finishes == ["stop"] * 3


def unseen(question: str = "Which sign?") -> Request:
    """A request without a video; the answer of the fake is then its seed."""
    shown = request(0, question)
    clip = tiny_families.make_clip(0, frames=0, size=(0, 0))
    return Request(clip, template.without_video(shown.messages))


def test_parameters_say_all() -> None:
    greedy = vllm.sampling(Decoding(max_new_tokens=8), [5, 6], "row")
    assert greedy == {"max_tokens": 8, "temperature": 0.0, "stop_token_ids": [5, 6]}
    drawn = vllm.sampling(Decoding.model_validate(SAMPLES | {"top_k": 7}), [5], "row")
    assert drawn["top_k"] == 7 and drawn["top_p"] == 1.0 and drawn["temperature"] == 0.5
    assert 0 <= drawn["seed"] < 2**63
    assert drawn["seed"] != vllm.sampling(Decoding.model_validate(SAMPLES), [5], "other")["seed"]


def test_entries_of_one_checkpoint_share_a_process(environment: Path) -> None:
    model = tiny_families.load(entry())
    other = registry.kind("vllm").load(entry(decoding={"max_new_tokens": 2}), model)
    assert other.process is model.process
    assert [a.finish for a in answers(other, request(1))] == ["length"]
    model.close()


def test_a_refused_request_is_that_request_s_error(
    environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_VLLM_LONGEST", "200")
    model = tiny_families.load(entry())
    bad, good = model.submit(request(1, "long " * 100)), model.submit(request(2))
    reason = "vLLM refuses it: ValueError: The prompt is longer than the model's context"
    with pytest.raises(ClipError, match=reason):
        bad.result(30)
    assert good.result(30).finish == "stop"
    model.close()


def test_other_visual_tokens_than_expected_are_an_error(
    environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_VLLM_PLACES", "3")
    model = tiny_families.load(entry())
    with pytest.raises(UserError, match="vLLM makes 9 visual tokens of a clip, the processor here"):
        model.submit(request(1)).result(30)
    model.close()


def test_a_process_that_dies_is_an_error_of_all_that_wait(
    environment: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FAKE_VLLM_WAITS_FOR", "2")
    monkeypatch.setenv("FAKE_VLLM_DIES_AT", "1")
    model = tiny_families.load(entry())
    waiting = [model.submit(request(seed)) for seed in range(2)]
    for future in waiting:
        with pytest.raises(UserError, match="vLLM's process ended"):
            future.result(30)
    assert "CUDA error: out of memory" in capfd.readouterr().err
    with pytest.raises(UserError, match="vLLM's process ended"):
        model.submit(request(3))
    model.close()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"FAKE_VLLM_CANNOT_LOAD": "no\nroom"}, "vLLM cannot load /.*: RuntimeError: no room"),
        ({"ZEROSIGN_VLLM_PYTHON": ""}, "engine: vllm needs an environment of its own"),
        ({"ZEROSIGN_VLLM_PYTHON": "/nowhere"}, "vllm_python: cannot start /nowhere"),
    ],
)
def test_what_keeps_it_from_starting(
    environment: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, str], said: str
) -> None:
    for name, value in change.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=said):
        tiny_families.load(entry())


def test_other_versions_than_the_lock_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(tmp_path, monkeypatch, vllm="0.1.0")
    said = r"its vllm is 0.1.0, but requirements-vllm.lock says [0-9.]+; install"
    with pytest.raises(UserError, match=said):
        tiny_families.load(entry())


def test_it_ends_with_whoever_asks(environment: Path) -> None:
    code = (
        "import sys, time; from helpers import tiny_families; from zerosign.models import registry;"
        f"e = tiny_families.make_entry({str(tiny_families.folder(FAMILY))!r}, engine='vllm');"
        "print(registry.kind('vllm').load(e).process._process.pid, flush=True); time.sleep(60)"
    )
    path = os.pathsep.join(str(Path(__file__).parents[n] / part) for n, part in PATHS)
    asking = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
    )
    assert asking.stdout
    group = int(asking.stdout.readline())
    asking.send_signal(signal.SIGKILL)
    asking.wait()
    asking.stdout.close()
    deadline = time.monotonic() + 30
    while alive(group):
        assert time.monotonic() < deadline
        time.sleep(0.02)


PATHS = [(3, "workflow/scripts"), (2, "")]


def alive(group: int) -> bool:
    """Whether a process of this group runs; one that only waits to be reaped does not."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, number = stat.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(number) == group and state != "Z":
            return True
    return False


def test_its_versions_identify_an_answer_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(vllm_process.PYTHON, raising=False)
    versions = vllm_process.locked_versions()
    engine = f"vllm {versions['vllm']}, transformers {versions['transformers']}"
    identity = registry.kind("vllm").identity(entry())
    assert identity["engine"] == engine
    transformers = registry.kind("chat").identity(entry(engine="transformers"))
    assert {key for key in identity if identity[key] != transformers[key]} == {"engine"}


def test_its_code_is_part_of_its_answers_alone(tmp_path: Path) -> None:
    scripts = tmp_path / "scripts"
    shutil.copytree(Path(__file__).parents[3] / "workflow/scripts", scripts)
    before = {name: code_digest(scripts, registry.kind(name).answering) for name in CHATS}
    worker = scripts / "zerosign/models/vllm_worker.py"
    worker.write_text(worker.read_text().replace("max_model_len=-1", "max_model_len=4096"))
    after = {name: code_digest(scripts, registry.kind(name).answering) for name in CHATS}
    assert before["chat"] == after["chat"] and before["vllm"] != after["vllm"]


CHATS = ("chat", "vllm")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"adapter": "bagel"}, "engine: vllm does not run adapter: bagel; remove it"),
        ({"adapter": "nemotron"}, "engine: vllm does not run adapter: nemotron; remove it"),
        ({"adapter": "omni"}, "engine: vllm does not run adapter: omni; remove it"),
        ({"decoding": {"mode": "closed_set"}}, "engine: vllm scores no candidates; remove it"),
        ({"attn": "sdpa"}, "attn has no meaning with engine: vllm; remove it"),
        ({"device_map": "auto"}, "device_map has no meaning with engine: vllm; remove it"),
        ({"quantization": "4bit"}, "quantization has no meaning with engine: vllm; remove it"),
        ({"engine": "vlm"}, "engine"),
    ],
)
def test_what_an_entry_cannot_say(more: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        entry(**more)


def test_seconds_are_shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(vllm.time, "perf_counter", lambda: now)
    shares = vllm.Shares()
    first = shares.begin()
    now = 4.0
    second = shares.begin()
    now = 10.0
    assert shares.end(first) == 4 + 3
    now = 11.0
    assert shares.end(second) == 3 + 1
    now = 100.0
    third = shares.begin()
    now = 102.0
    assert shares.end(third) == 2


def test_futures_are_gathered() -> None:
    parts: list[Future[int]] = [Future(), Future()]
    whole = vllm.then(vllm.all_of(parts), lambda done: sum(done.result()))
    parts[1].set_result(2)
    assert not whole.done()
    parts[0].set_result(1)
    assert whole.result(0) == 3
    failed: Future[int] = Future()
    failed.set_exception(ClipError("no"))
    with pytest.raises(ClipError):
        vllm.all_of([failed, parts[0]]).result(0)
