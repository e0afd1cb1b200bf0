"""What each provider is sent, and what only one of them can do."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import api_server
from helpers.api_protocols import GEMINI, PROTOCOLS, VARIABLE, Protocol
from helpers.api_server import Call, Response
from helpers.api_study import KEY, answers, ask, make_clips

from zerosign.errors import UserError
from zerosign.frames.cache import Clip
from zerosign.models import registry
from zerosign.models.base import Request
from zerosign.models.kinds import anthropic, gemini, openai
from zerosign.prompts.prompt_entry import Prompt
from zerosign.study import error_lines


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(VARIABLE, KEY)
    return tmp_path


@pytest.fixture(params=PROTOCOLS)
def protocol(request: pytest.FixtureRequest) -> Protocol:
    return PROTOCOLS[request.param]


def sent(folder: Path, protocol: Protocol, model: dict[str, Any], **parts: Any) -> Call:
    """The one request about one clip."""
    make_clips(folder, 1, frames=3)
    with api_server.serve(lambda call: protocol.answer("ok")) as server:
        ask(folder, server.url, model, **parts)
    (call,) = server.calls
    return call


def test_gemini_gets_images_first_and_the_question_last(study: Path) -> None:
    decoding = {"max_new_tokens": 64, "temperature": 0, "top_p": 0.5, "seed": 3}
    model = GEMINI | {"decoding": decoding | {"thinking_budget": 128}, "service_tier": "flex"}
    body = sent(study, PROTOCOLS["gemini"], model | {"extra": {"labels": {"a": "b"}}}).body
    (content,) = body.pop("contents")
    kinds = [sorted(part) for part in content["parts"]]
    assert kinds == [["inlineData"]] * 3 + [["text"]]
    assert content["parts"][-1]["text"] == "Which sign is this?"
    assert body.pop("systemInstruction")["parts"] == [{"text": "You name signs."}]
    assert body == {
        "generationConfig": {
            "maxOutputTokens": 64,
            "temperature": 0,
            "topP": 0.5,
            "seed": 3,
            "mediaResolution": "MEDIA_RESOLUTION_LOW",
            "thinkingConfig": {"thinking_budget": 128},
        },
        "serviceTier": "flex",
        "labels": {"a": "b"},
    }


def test_gemini_gets_a_clip_as_a_video(study: Path) -> None:
    frames = {"as": "video", "fps": 4, "media_resolution": "low"}
    protocol = PROTOCOLS["gemini"]
    call = sent(study, protocol, GEMINI | {"frames": frames})
    video, question = call.body["contents"][0]["parts"]
    assert video["inlineData"]["mime_type"] == "video/mp4"
    assert video["videoMetadata"] == {"fps": 4.0}
    assert question["text"] == "Which sign is this?"
    assert protocol.number_of(call) == 0


def test_claude_gets_images_first_and_the_question_last(study: Path) -> None:
    protocol = PROTOCOLS["anthropic"]
    decoding = {"max_new_tokens": 64, "thinking": "adaptive", "effort": "low"}
    body = sent(study, protocol, protocol.model | {"decoding": decoding}).body
    (message,) = body.pop("messages")
    assert [part["type"] for part in message["content"]] == ["image"] * 3 + ["text"]
    assert body == {
        "model": "claude-test",
        "max_tokens": 64,
        "system": "You name signs.",
        "thinking": {"type": "adaptive"},
        "output_config": {"effort": "low"},
    }


CHOICE = {"mode": "choice", "max_new_tokens": 64}


def schema_of(call: Call) -> Any:
    """The schema of a structured output in a request."""
    body = call.body
    if "generationConfig" in body:
        assert body["generationConfig"]["responseMimeType"] == "application/json"
        return body["generationConfig"]["responseJsonSchema"]
    if "output_config" in body:
        assert body["output_config"]["format"]["type"] == "json_schema"
        return body["output_config"]["format"]["schema"]
    assert body["response_format"]["json_schema"]["strict"] is True
    return body["response_format"]["json_schema"]["schema"]


def test_a_choice_is_one_of_the_glosses(study: Path, protocol: Protocol) -> None:
    make_clips(study, 8)
    model = protocol.model | {"decoding": CHOICE}
    choose = lambda call: protocol.answer('{"answer": "g2"}')  # noqa: E731
    with api_server.serve(choose) as server:
        ask(study, server.url, model)
    assert schema_of(server.calls[0]) == {
        "type": "object",
        "properties": {"answer": {"type": "string", "enum": ["g0", "g1", "g2", "g3"]}},
        "required": ["answer"],
        "additionalProperties": False,
    }
    table = answers(study, server.url, model)
    assert table["text"].to_list() == ["g2"] * 8 and table["labels"].null_count() == 8


@pytest.mark.parametrize("text", ["g2", '{"answer": "tea"}', '{"gloss": "g2"}', "[1]", '"g2"'])
def test_a_server_that_ignores_the_schema_stops_the_run(
    study: Path, protocol: Protocol, text: str
) -> None:
    make_clips(study, 64)
    model = protocol.model | {"decoding": CHOICE}
    with (
        api_server.serve(lambda call: protocol.answer(text)) as server,
        pytest.raises(
            UserError, match="is not one of the 4 choices: the server ignores the schema"
        ),
    ):
        ask(study, server.url, model)
    assert len(server.calls) <= 16


def test_other_outcomes_of_a_choice_stay_what_they_are(study: Path, protocol: Protocol) -> None:
    make_clips(study, 2)
    model = protocol.model | {"decoding": CHOICE}
    response, finish = protocol.final["cut off"]
    good = protocol.answer('{"answer": "g0"}')

    def behave(call: Call) -> Response:
        return response if protocol.number_of(call) else good

    with api_server.serve(behave) as server:
        ask(study, server.url, model)
    table = answers(study, server.url, model)
    assert table["finish"].to_list() == ["stop", finish] and table["text"].to_list() == ["g0", "BO"]


def test_a_schema_has_a_limit() -> None:
    entry = registry.kind("openai").entry.of(PROTOCOLS["openai"].model | {"decoding": CHOICE})
    prompt = Prompt.of({"task": "predict", "user": "Which?"})
    assert isinstance(entry, openai.OpenAIEntry)
    fits = [f"sign {number:06}" for number in range(1000)]
    _, choices = openai.pose(entry, "p", prompt, {}, fits)
    assert len(choices) == 1000
    for many in ([*fits, "one more"], [f"{name} {'x' * 50}" for name in fits[:251]]):
        with pytest.raises(UserError, match="more than a schema takes"):
            openai.pose(entry, "p", prompt, {}, many)
    match = Prompt.of({"task": "match", "user": "Is it {gloss}?", "variables": ["gloss"]})
    _, choices = openai.pose(entry, "p", match, {"gloss": "tea"}, ["tea"])
    assert choices == {"yes": "YES", "no": "NO"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"frames": {"as": "images"}}, "key 'media_resolution' is missing"),
        ({"frames": {"as": "video", "media_resolution": "low"}}, "key 'fps' is missing"),
        (
            {"frames": {"as": "video", "media_resolution": "low", "fps": 25}},
            "25 is not at most 24",
        ),
        (
            {"frames": {"as": "images", "media_resolution": "low", "fps": 4}},
            "fps has no meaning with as: images",
        ),
        (
            {"decoding": {"max_new_tokens": 8, "thinking_budget": 0, "thinking_level": "low"}},
            "has both thinking_budget and thinking_level",
        ),
    ],
)
def test_mistakes_of_gemini_entries(change: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError, match=says):
        error_lines.check(registry.entries_type(), {"m": GEMINI | change}, "models.yaml")


def test_bounds_of_tokens_are_above_what_providers_count() -> None:
    """By the providers' own formulas for images, at the sizes of this project."""
    frames = np.zeros((8, 448, 600, 3), np.uint8)
    clip = Clip("v", frames, np.arange(8), np.arange(8) / 4, 25.0, 50, 2.0, "d")
    request = Request(clip, [{"role": "user", "content": [{"type": "text", "text": "x" * 100}]}])
    made = {name: registry.kind(name).entry.of(each.model) for name, each in PROTOCOLS.items()}
    bound = openai.OpenAI.most_tokens
    high = made["openai"].model_copy(
        update={"frames": openai.OpenAIFrames.of({"as": "images", "detail": "high"})}
    )
    assert bound(None, made["openai"], request) >= 100 + 8 * 85  # type: ignore[arg-type]
    assert bound(None, high, request) >= 100 + 8 * (85 + 2 * 170)  # type: ignore[arg-type]
    assert gemini.Gemini.most_tokens(None, made["gemini"], request) >= 8 * 280  # type: ignore[arg-type]
    found = anthropic.Anthropic.most_tokens(None, made["anthropic"], request)  # type: ignore[arg-type]
    assert found >= 100 + 8 * 448 * 600 / 750
    blind = replace(request, clip=replace(clip, frames=frames[:0]))
    for name, kind in {"openai": openai.OpenAI, "gemini": gemini.Gemini}.items():
        assert kind.most_tokens(None, made[name], blind) < 1000  # type: ignore[arg-type]
