"""The program ask_api against servers that misbehave."""

import itertools
import json
import logging
import multiprocessing
import random
import threading
import time
import traceback
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from helpers import api_server
from helpers.api_protocols import OPENAI, PROTOCOLS, REPAIRED, VARIABLE, Protocol
from helpers.api_server import Call, Response, chat, error
from helpers.api_study import KEY, answers, ask, make_clips, recorded

from zerosign.errors import UserError


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(VARIABLE, KEY)
    return tmp_path


TESTS = Path(__file__).parents[2]
number_of = PROTOCOLS["openai"].number_of


def by_clip(call: Call) -> Response:
    return chat(f"sign {number_of(call)}")


@pytest.fixture(params=PROTOCOLS)
def protocol(request: pytest.FixtureRequest) -> Protocol:
    return PROTOCOLS[request.param]


def test_every_clip_is_asked_once_and_its_answer_kept(study: Path, protocol: Protocol) -> None:
    make_clips(study, 20)

    def slowly(call: Call) -> Response:
        return replace(protocol.answer(f"sign {protocol.number_of(call)}"), wait=0.3)

    with api_server.serve(slowly) as server:
        ask(study, server.url, protocol.model)
        assert 8 < server.most_at_once <= 16
        ask(study, server.url, protocol.model)
    assert len(server.calls) == 20
    assert len(server.counted) == bool(protocol.counts)
    assert {protocol.key(call) for call in server.calls} == {KEY}
    table = answers(study, server.url, protocol.model)
    rows = {row["video_id"]: row for row in table.iter_rows(named=True)}
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
        "tier": protocol.tier,
        "served_model": protocol.served,
        "request_id": protocol.id,
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


FINAL = [(name, case) for name, each in PROTOCOLS.items() for case in each.final]


@pytest.mark.parametrize(("name", "case"), FINAL)
def test_what_no_other_try_repairs_is_an_answer_of_its_own(
    study: Path, name: str, case: str
) -> None:
    protocol = PROTOCOLS[name]
    response, finish = protocol.final[case]
    make_clips(study, 2)
    fine = protocol.answer("ok")
    with api_server.serve(lambda call: response if protocol.number_of(call) else fine) as server:
        start = time.monotonic()
        ask(study, server.url, protocol.model)
        assert time.monotonic() - start < 5
        ask(study, server.url, protocol.model)
    assert len(server.calls) == (3 if finish == "empty" else 2)
    fine_row, row = answers(study, server.url, protocol.model).rows(named=True)
    assert (fine_row["text"], fine_row["finish"]) == ("ok", "stop")
    assert row["finish"] == finish
    if response.status != 200:
        assert row["error"].startswith(str(response.status)) and row["text"] == ""
    if case == "refusal" and name == "openai":
        assert row["text"] == "I cannot help with that."
    if case == "cut off":
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


FAULTS = [*REPAIRED, "429"]


def fault_of(protocol: Protocol, name: str) -> Response:
    return protocol.waits(0.2) if name == "429" else REPAIRED[name]


@pytest.mark.parametrize("name", FAULTS)
def test_what_another_try_repairs_is_repaired(study: Path, name: str, protocol: Protocol) -> None:
    make_clips(study, 2)
    seen: Counter[int] = Counter()

    def behave(call: Call) -> Response:
        number = protocol.number_of(call)
        seen[number] += 1
        return fault_of(protocol, name) if number and seen[number] == 1 else protocol.answer("ok")

    with api_server.serve(behave) as server:
        start = time.monotonic()
        ask(study, server.url, protocol.model | {"timeout": 1.5})
        assert time.monotonic() - start < 5
    assert seen == {0: 1, 1: 2}
    table = answers(study, server.url, protocol.model)
    assert table["text"].to_list() == ["ok", "ok"] and table["attempts"].to_list() == [1, 2]


@pytest.mark.parametrize("name", FAULTS)
def test_what_fails_to_the_end_is_never_written_down(
    study: Path, name: str, protocol: Protocol
) -> None:
    make_clips(study, 2)

    def behave(call: Call) -> Response:
        return fault_of(protocol, name) if protocol.number_of(call) else protocol.answer("ok")

    with api_server.serve(behave) as server:
        model = protocol.model | {"timeout": 0.5, "tries": 2}
        with pytest.raises(UserError, match="1 of 2 requests failed, the first about clip v1: "):
            ask(study, server.url, model)
        assert not (study / "asked.json").exists()
        assert [line["video_id"] for line in recorded(study)] == ["v0"]
        server.behave = lambda call: protocol.answer("healed")
        before = len(server.calls)
        ask(study, server.url, model)
    assert len(server.calls) == before + 1
    assert answers(study, server.url, model)["text"].to_list() == ["ok", "healed"]


STOPS = [(name, case) for name, each in PROTOCOLS.items() for case in each.stops]


@pytest.mark.parametrize(("name", "case"), STOPS)
def test_what_stops_all_ends_the_job_in_one_line(study: Path, name: str, case: str) -> None:
    protocol = PROTOCOLS[name]
    stop = protocol.stops[case]
    make_clips(study, 64)
    with api_server.serve(lambda call: stop) as server, pytest.raises(UserError) as raised:
        ask(study, server.url, protocol.model)
    assert raised.match(f"^m\\.p\\.all: {stop.status}") and "\n" not in str(raised.value)
    assert stop.body["error"]["message"] in str(raised.value)
    assert len(server.calls) <= 16
    assert recorded(study) == []


def test_a_server_that_asks_for_a_day_stops_the_job(study: Path, protocol: Protocol) -> None:
    make_clips(study, 2)
    with (
        api_server.serve(lambda call: protocol.waits(86400)) as server,
        pytest.raises(UserError, match="the server asks to wait 86400 s"),
    ):
        ask(study, server.url, protocol.model)


def test_the_key_is_in_no_words_of_an_error_and_no_locals(
    study: Path, protocol: Protocol, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "zerosign")
    make_clips(study, 2)

    def behave(call: Call) -> Response:
        words = f"wrong key {protocol.key(call)}"
        return Response(401, {"error": {"message": words}})

    with api_server.serve(behave) as server, pytest.raises(UserError) as raised:
        ask(study, server.url, protocol.model)
    assert raised.match(r"401: wrong key \[key\]")
    assert KEY not in str(raised.value) + caplog.text
    for reached in exceptions_of(raised.value):
        for frame, _ in traceback.walk_tb(reached.__traceback__):
            ours = not frame.f_code.co_filename.startswith(str(TESTS))
            assert not (ours and KEY in repr(frame.f_locals)), frame


def exceptions_of(error: BaseException) -> list[BaseException]:
    """An exception with all that it came from."""
    found = [error]
    for reached in found:
        for each in (reached.__cause__, reached.__context__):
            if each is not None and each not in found:
                found.append(each)
        if isinstance(reached, BaseExceptionGroup):
            found += [each for each in reached.exceptions if each not in found]
    return found


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
    faults.append(PROTOCOLS["openai"].waits(0.05))

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
