"""The program ask_api against servers that misbehave."""

import itertools
import json
import multiprocessing
import random
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from helpers import api_server
from helpers.api_server import Call, Response, chat, error
from helpers.api_study import (
    KEY,
    OPENAI,
    VARIABLE,
    answers,
    ask,
    make_clips,
    number_of,
    recorded,
)

from zerosign.errors import UserError


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(VARIABLE, KEY)
    return tmp_path


def by_clip(call: Call) -> Response:
    return chat(f"sign {number_of(call)}")


def test_every_clip_is_asked_once_and_its_answer_kept(study: Path) -> None:
    make_clips(study, 20)
    slowly = lambda call: replace(by_clip(call), wait=0.3)  # noqa: E731
    with api_server.serve(slowly) as server:
        ask(study, server.url)
        assert server.most_at_once == 16
        ask(study, server.url)
    assert len(server.calls) == 20
    assert all(call.headers["authorization"] == f"Bearer {KEY}" for call in server.calls)
    rows = {row["video_id"]: row for row in answers(study, server.url).iter_rows(named=True)}
    assert [rows[f"v{n}"]["text"] for n in range(20)] == [f"sign {n}" for n in range(20)]
    facts = {
        "finish": "stop",
        "prompt_tokens": 100,
        "cached_tokens": 40,
        "answer_tokens": 10,
        "reasoning_tokens": 6,
        "frames": 2,
        "pixels_height": 16,
        "pixels_width": 16,
        "timestamps": [0.0, 0.04],
        "tier": "default",
        "served_model": "gpt-test-2026-01-01",
        "request_id": "req-1",
        "attempts": 1,
        "usd": None,
    }
    assert {key: rows["v7"][key] for key in facts} == facts
    assert json.loads((study / "asked.json").read_text())["runs"] == {"m.p.all": 20}


def test_frames_come_first_and_the_question_last(study: Path) -> None:
    make_clips(study, 1, frames=3)
    decoding = {"max_new_tokens": 64, "seed": 3, "reasoning_effort": "low", "temperature": 0}
    model = OPENAI | {"decoding": decoding, "extra": {"user": "u"}, "service_tier": "flex"}
    with api_server.serve(by_clip) as server:
        ask(study, server.url, model)
    (call,) = server.calls
    system, user = call.body.pop("messages")
    assert call.path == "/chat/completions"
    assert call.body == {
        "model": "gpt-test-2026-01-01",
        "max_completion_tokens": 64,
        "seed": 3,
        "temperature": 0,
        "reasoning_effort": "low",
        "service_tier": "flex",
        "user": "u",
    }
    assert system == {"role": "system", "content": "You name signs."}
    assert [part["type"] for part in user["content"]] == ["image_url"] * 3 + ["text"]
    assert all(part["image_url"]["detail"] == "low" for part in user["content"][:3])
    assert user["content"][-1]["text"] == "Which sign is this?"


FINAL: dict[str, tuple[Response, str, str | None]] = {
    "policy": (error(400, "content_policy_violation"), "blocked", "content_policy_violation"),
    "filter of the prompt": (error(400, "content_filter"), "blocked", "content_filter"),
    "filter of the answer": (chat("", "content_filter"), "blocked", None),
    "refusal": (chat(None, refusal="I cannot help with that."), "refused", None),
    "too long": (error(400, "context_length_exceeded"), "error", "400, context_length_exceeded"),
    "too long for vLLM": (
        error(400, "BadRequestError", "This model's maximum context length is 4096 tokens."),
        "error",
        "maximum context length",
    ),
    "too large": (error(413), "error", "413"),
    "cut off": (chat("BO", "length"), "length", None),
    "cut off while reasoning": (chat("", "length"), "length", None),
    "cut off, as an error": (
        error(400, "", "Could not finish: max_tokens or model output limit was reached."),
        "length",
        "output limit",
    ),
    "no content": (chat(None), "empty", None),
    "only blanks": (chat("  \n"), "empty", None),
    "no choices": (Response(body={"choices": []}), "empty", None),
    "choices null": (Response(body={"choices": None}), "empty", None),
}


@pytest.mark.parametrize("name", FINAL)
def test_what_no_other_try_repairs_is_an_answer_of_its_own(study: Path, name: str) -> None:
    response, finish, reason = FINAL[name]
    make_clips(study, 2)
    with api_server.serve(lambda call: response if number_of(call) else chat("ok")) as server:
        start = time.monotonic()
        ask(study, server.url)
        assert time.monotonic() - start < 5
        ask(study, server.url)
    assert len(server.calls) == (3 if finish == "empty" else 2)
    row = answers(study, server.url).row(1, named=True)
    assert row["finish"] == finish
    assert reason in row["error"] if reason else row["error"] is None
    if name == "refusal":
        assert row["text"] == "I cannot help with that."
    if name == "cut off":
        assert row["text"] == "BO"


def test_an_empty_reply_is_asked_once_more_and_both_are_paid(study: Path) -> None:
    make_clips(study, 1)
    price = {"input": 1, "output": 10, "as_of": "2026-11-01", "source": "https://example.org"}
    with api_server.serve(lambda call: chat("tea" if call.number else "")) as server:
        ask(study, server.url, OPENAI | {"price": price})
    row = answers(study, server.url).row(0, named=True)
    assert (row["text"], row["finish"], row["attempts"]) == ("tea", "stop", 2)
    assert (row["prompt_tokens"], row["answer_tokens"]) == (200, 20)
    assert row["usd"] == pytest.approx(2 * (100 * 1 + 10 * 10) / 1e6)


REPAIRED = {
    "429": error(429, "rate_limit_exceeded", retry_after="0.2"),
    "408": error(408),
    "409": error(409),
    "500": error(500),
    "503": error(503),
    "529": error(529),
    "HTML": Response(body=b"<html><body>Bad gateway</body></html>"),
    "an error with 200": Response(body={"error": {"message": "overloaded"}}),
    "broken JSON": Response(body=b'{"choices": [{"mess'),
    "nothing": Response(body=b""),
    "a list": Response(body=[1]),
    "reset": Response(body={}, cut=0),
    "cut": Response(body=chat("a long text").body, cut=30),
    "hang": Response(body={}, wait=30),
}


@pytest.mark.parametrize("name", REPAIRED)
def test_what_another_try_repairs_is_repaired(study: Path, name: str) -> None:
    make_clips(study, 2)
    seen: Counter[int] = Counter()

    def behave(call: Call) -> Response:
        number = number_of(call)
        seen[number] += 1
        return REPAIRED[name] if number and seen[number] == 1 else chat("ok")

    with api_server.serve(behave) as server:
        start = time.monotonic()
        ask(study, server.url, OPENAI | {"timeout": 1.5})
        assert time.monotonic() - start < 5
    assert seen == {0: 1, 1: 2}
    table = answers(study, server.url)
    assert table["text"].to_list() == ["ok", "ok"] and table["attempts"].to_list() == [1, 2]


@pytest.mark.parametrize("name", REPAIRED)
def test_what_fails_to_the_end_is_never_written_down(study: Path, name: str) -> None:
    make_clips(study, 2)
    behave = lambda call: REPAIRED[name] if number_of(call) else chat("ok")  # noqa: E731
    with api_server.serve(behave) as server:
        model = OPENAI | {"timeout": 0.5, "tries": 2}
        with pytest.raises(UserError, match="1 of 2 requests failed, the first about clip v1: "):
            ask(study, server.url, model)
        assert not (study / "asked.json").exists()
        assert [line["video_id"] for line in recorded(study)] == ["v0"]
        server.behave = lambda call: chat("healed")
        before = len(server.calls)
        ask(study, server.url, model)
    assert len(server.calls) == before + 1
    assert answers(study, server.url)["text"].to_list() == ["ok", "healed"]


STOPS = {
    "no money": (error(429, "insufficient_quota", "You exceeded your quota"), "insufficient_quota"),
    "wrong key": (error(401, "invalid_api_key", f"Incorrect API key: {KEY}"), r"401: .*\[key\]"),
    "forbidden": (error(403), "403"),
    "no such model": (error(404, "model_not_found", "no model x"), "404: no model x"),
    "parameter": (error(400, "unsupported_parameter", "top_p is unknown"), "400: top_p is unknown"),
    "a day to wait": (error(429, "rate_limit", retry_after="86400"), "asks to wait 86400 s"),
}


@pytest.mark.parametrize("name", STOPS)
def test_what_stops_all_ends_the_job_in_one_line(study: Path, name: str) -> None:
    response, line = STOPS[name]
    make_clips(study, 64)
    with api_server.serve(lambda call: response) as server, pytest.raises(UserError) as raised:
        ask(study, server.url)
    assert raised.match(line) and "\n" not in str(raised.value)
    assert KEY not in str(raised.value)
    assert len(server.calls) <= 16
    assert recorded(study) == []


def test_without_a_key_nothing_is_asked(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_clips(study, 2)
    with api_server.serve(by_clip) as server:
        monkeypatch.delenv(VARIABLE)
        with pytest.raises(UserError, match=f"set the environment variable {VARIABLE}"):
            ask(study, server.url)
        assert server.calls == []
        ask(study, server.url, OPENAI | {"key_env": None})
        # All is in the store: no key is needed any more.
        ask(study, server.url)
    assert len(server.calls) == 2


def test_three_clips_fail_for_ever_then_exactly_these_are_asked(study: Path) -> None:
    make_clips(study, 64)
    sick = {3, 30, 60}
    behave = lambda call: error(503) if number_of(call) in sick else by_clip(call)  # noqa: E731
    with api_server.serve(behave) as server:
        with pytest.raises(UserError, match="3 of 64 requests failed"):
            ask(study, server.url)
        assert len(recorded(study)) == 61
        server.behave = by_clip
        before = len(server.calls)
        ask(study, server.url)
        assert sorted(number_of(call) for call in server.calls[before:]) == sorted(sick)
    assert answers(study, server.url).filter(finish="stop").height == 64


def test_the_wait_of_one_holds_all_back(study: Path) -> None:
    make_clips(study, 64)
    told: list[float] = []
    lock = threading.Lock()

    def behave(call: Call) -> Response:
        with lock:
            if call.number == 8:
                told.append(time.monotonic())
                return error(429, "rate_limit_exceeded", retry_after="3")
        return Response(body=chat().body, wait=0.05)

    with api_server.serve(behave) as server:
        ask(study, server.url)
    # What was on its way already arrives at once, and then nothing.
    later = [call.at for call in server.calls if call.at > told[0] + 0.25]
    assert later and min(later) >= told[0] + 2.9
    assert len(server.calls) == 65


def test_a_straggler_holds_nobody_up(study: Path) -> None:
    make_clips(study, 64)
    others = threading.Event()
    waited: list[bool] = []

    def behave(call: Call) -> Response:
        if number_of(call) == 5:
            waited.append(others.wait(20))
        return by_clip(call)

    with api_server.serve(behave) as server:
        model = OPENAI | {"timeout": 60}
        thread = threading.Thread(target=ask, args=(study, server.url, model))
        thread.start()
        deadline = time.monotonic() + 20
        while len(recorded(study)) < 63 and time.monotonic() < deadline:
            time.sleep(0.02)
        others.set()
        thread.join(30)
    assert waited == [True] and len(recorded(study)) == 64


def test_kill_9_in_the_middle_sends_no_answered_request_twice(study: Path) -> None:
    make_clips(study, 64)
    behave = lambda call: Response(body=by_clip(call).body, wait=0.1)  # noqa: E731
    with api_server.serve(behave) as server:
        child = multiprocessing.get_context("spawn").Process(target=ask, args=(study, server.url))
        child.start()
        deadline = time.monotonic() + 60
        while len(recorded(study)) < 32:
            assert time.monotonic() < deadline and child.is_alive()
            time.sleep(0.005)
        child.kill()
        child.join()
        answered = {line["video_id"] for line in recorded(study)}
        assert 32 <= len(answered) < 64
        before = len(server.calls)
        ask(study, server.url)
        again = [f"v{number_of(call)}" for call in server.calls[before:]]
    assert len(again) == len(set(again)) == 64 - len(answered)
    assert not answered & set(again)
    table = answers(study, server.url)
    assert table["text"].to_list() == [f"sign {n}" for n in range(64)]


@pytest.mark.slow
def test_a_thousand_requests_with_faults_each_end_with_one_row(study: Path) -> None:
    make_clips(study, 50)
    pl.DataFrame(
        {
            "video_id": [f"v{n % 50}" for n in range(1000)],
            "question": [f"q{n}" for n in range(1000)],
            "gloss": [f"sign{n}" for n in range(1000)],
        }
    ).write_parquet(study / "pairs.parquet")
    prompt = {"task": "match", "user": "Is it {gloss}?", "variables": ["gloss"]}
    dice, lock = random.Random(0), threading.Lock()
    faults = [fault for name, fault in REPAIRED.items() if name != "hang"]

    def behave(call: Call) -> Response:
        with lock:
            bad = dice.random() < 0.2
            fault = dice.choice(faults)
        text = call.body["messages"][-1]["content"][-1]["text"]
        return fault if bad else chat(text.removeprefix("Is it ").removesuffix("?"))

    model = OPENAI | {"tries": 12, "concurrency": 32}
    with api_server.serve(behave) as server:
        ask(study, server.url, model, prompt=prompt)
        table = answers(study, server.url, model, prompt=prompt)
    assert table.height == 1000 and set(table["finish"]) == {"stop"}
    assert all(q[1:] == text[4:] for q, text in table.select("question", "text").rows())
    assert len(recorded(study)) == len({line["key"] for line in recorded(study)}) == 1000


def test_how_it_is_asked_buys_nothing_again(study: Path) -> None:
    make_clips(study, 8)
    with api_server.serve(by_clip) as server, api_server.serve(by_clip) as other:
        ask(study, server.url)
        same: list[dict[str, Any]] = [
            {"concurrency": 2},
            {"timeout": 60},
            {"tries": 9},
            {"requests_per_minute": 100},
            {"service_tier": "flex"},
            {"key_env": None},
        ]
        for change in same:
            ask(study, server.url, OPENAI | change)
        ask(study, other.url)
        assert len(server.calls) == 8 and other.calls == []
        changes: list[dict[str, Any]] = [
            {"decoding": {"max_new_tokens": 64, "reasoning_effort": "high"}},
            {"decoding": {"max_new_tokens": 65}},
            {"frames": {"as": "images", "detail": "high"}},
            {"frames": {"as": "images", "detail": "low", "jpeg_quality": 80}},
            {"frames": {"as": "images", "detail": "low", "max_side": 8}},
            {"extra": {"verbosity": "low"}},
            {"model": "gpt-test-2026-02-02"},
        ]
        for number, change in enumerate(changes, 2):
            ask(study, server.url, OPENAI | change)
            assert len(server.calls) == 8 * number, change


def test_a_rate_is_kept(study: Path) -> None:
    make_clips(study, 6)
    with api_server.serve(by_clip) as server:
        ask(study, server.url, OPENAI | {"requests_per_minute": 240})
    times = sorted(call.at for call in server.calls)
    assert min(b - a for a, b in itertools.pairwise(times)) > 0.15


def test_asked_without_a_video(study: Path) -> None:
    make_clips(study, 6)
    with api_server.serve(lambda call: chat("tea")) as server:
        ask(study, server.url, sampling="none")
        table = answers(study, server.url, sampling="none")
    assert len(server.calls) == 1
    content = server.calls[0].body["messages"][-1]["content"]
    assert [part["type"] for part in content] == ["text"]
    assert table["text"].to_list() == ["tea"] * 6
