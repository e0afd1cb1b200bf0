"""Batches on loopback servers of three protocols, killed where it hurts."""

import multiprocessing
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import api_server
from helpers.api_batches import BatchServer
from helpers.api_protocols import PROTOCOLS, VARIABLE, Protocol
from helpers.api_server import ApiServer, Call, Response
from helpers.api_study import KEY, answers, ask, make_clips, recorded

from zerosign.errors import UserError
from zerosign.inference import api_batches

PRICE = {"input": 2, "output": 10, "as_of": "2026-11-25", "source": "https://example.org"}


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(VARIABLE, KEY)
    monkeypatch.setattr(api_batches, "POLL_S", 0.05)
    return tmp_path


@pytest.fixture(params=PROTOCOLS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def protocol(name: str) -> Protocol:
    return PROTOCOLS[name]


@pytest.fixture
def batches(name: str, protocol: Protocol) -> BatchServer:
    def by_clip(call: Call) -> Response:
        return protocol.answer(f"sign {protocol.number_of(call)}")

    return BatchServer(name, protocol, by_clip)


@pytest.fixture
def server(batches: BatchServer) -> Iterator[ApiServer]:
    with api_server.serve(batches.behave) as running:
        yield running


def model_of(protocol: Protocol, **more: Any) -> dict[str, Any]:
    return protocol.model | {"batch": True, "price": PRICE} | more


def signs(study: Path, server: ApiServer, model: dict[str, Any]) -> list[str]:
    return answers(study, server.url, model)["text"].to_list()


ALL = [f"sign {n}" for n in range(12)]


def test_answers_come_from_one_batch_at_half_price(
    study: Path, name: str, protocol: Protocol, batches: BatchServer, server: ApiServer
) -> None:
    make_clips(study, 12)
    flex = {} if name == "anthropic" else {"service_tier": "flex"}
    model = model_of(protocol, **flex)
    ask(study, server.url, model)
    assert len(batches.batches) == 1 and len(batches.asked()) == 12 and not batches.direct
    # Its tier is that of the batch.
    assert not any({"service_tier", "serviceTier"} & set(body) for body in batches.asked())
    ask(study, server.url, model)
    # The same answers as without batches: nothing is bought again.
    ask(study, server.url, protocol.model)
    assert len(batches.batches) == 1 and not batches.direct
    table = answers(study, server.url, model)
    assert table["text"].to_list() == ALL
    assert set(table["tier"]) == {"batch"}
    assert table["usd"].to_list() == pytest.approx([(100 * 2 + 10 * 10) / 1e6 / 2] * 12)
    assert table["frames"].to_list() == [2] * 12 and table["pixels_height"].to_list() == [16] * 12


def test_it_waits_until_a_batch_has_ended(
    study: Path, protocol: Protocol, batches: BatchServer, server: ApiServer
) -> None:
    make_clips(study, 12)
    batches.ready = False
    threading.Timer(0.5, lambda: setattr(batches, "ready", True)).start()
    ask(study, server.url, model_of(protocol))
    assert signs(study, server, model_of(protocol)) == ALL


def asking(folder: Path, url: str, model: dict[str, Any]) -> None:
    """In another process."""
    api_batches.POLL_S = 0.05
    ask(folder, url, model)


def killed_when(happens: threading.Event, study: Path, url: str, model: dict[str, Any]) -> None:
    """Ask in a process that is killed as soon as something happens."""
    child = multiprocessing.get_context("spawn").Process(target=asking, args=(study, url, model))
    child.start()
    assert happens.wait(300)
    child.kill()
    child.join()


def test_killed_between_sending_and_the_id_nothing_is_paid_twice(
    study: Path, protocol: Protocol, batches: BatchServer, server: ApiServer
) -> None:
    make_clips(study, 12)
    there, gone = threading.Event(), threading.Event()

    def create() -> None:
        there.set()
        gone.wait(300)

    batches.on_create = create
    killed_when(there, study, server.url, model_of(protocol))
    gone.set()
    assert recorded(study) == []
    ask(study, server.url, model_of(protocol))
    assert len(batches.batches) == 1 and not batches.direct
    assert signs(study, server, model_of(protocol)) == ALL


def test_killed_between_results_and_collecting_nothing_is_paid_twice(
    study: Path, protocol: Protocol, batches: BatchServer, server: ApiServer
) -> None:
    make_clips(study, 12)
    there, gone = threading.Event(), threading.Event()

    def results() -> None:
        there.set()
        gone.wait(300)

    batches.on_results = results
    killed_when(there, study, server.url, model_of(protocol))
    gone.set()
    ask(study, server.url, model_of(protocol))
    assert len(batches.batches) == 1 and not batches.direct
    assert signs(study, server, model_of(protocol)) == ALL
    assert len(recorded(study)) == len({line["key"] for line in recorded(study)}) == 12


def test_another_run_collects_the_choices_of_one_that_was_killed(
    study: Path, protocol: Protocol, batches: BatchServer, server: ApiServer
) -> None:
    """Both are of one model, and so in one folder of the store."""
    make_clips(study, 12)
    there, gone = threading.Event(), threading.Event()

    def create() -> None:
        there.set()
        gone.wait(300)

    by_clip = batches.answer
    chosen = protocol.answer('{"answer": "g1"}')
    batches.answer = lambda call: chosen if "enum" in str(call.body) else by_clip(call)
    batches.on_create = create
    choice = model_of(protocol, decoding={"mode": "choice", "max_new_tokens": 64})
    killed_when(there, study, server.url, choice)
    gone.set()
    ask(study, server.url, model_of(protocol))
    assert len(batches.batches) == 2
    assert signs(study, server, model_of(protocol)) == ALL
    ask(study, server.url, choice)
    assert len(batches.batches) == 2
    assert signs(study, server, choice) == ["g1"] * 12


def test_killed_before_it_was_sent_it_is_sent(
    study: Path, protocol: Protocol, batches: BatchServer, server: ApiServer
) -> None:
    make_clips(study, 12)
    refused, gone = threading.Event(), threading.Event()
    send = batches.behave

    def never(call: Call) -> Response:
        if call.method == "POST":
            refused.set()
            gone.wait(300)
        return send(call) if call.method == "GET" else Response(503, {})

    server.behave = never
    killed_when(refused, study, server.url, model_of(protocol))
    gone.set()
    server.behave = send
    assert len(recorded(study, "batches")) == 1
    ask(study, server.url, model_of(protocol))
    assert len(batches.batches) == 1
    assert signs(study, server, model_of(protocol)) == ALL


def test_a_batch_whose_receipt_got_lost_is_found(
    study: Path, protocol: Protocol, batches: BatchServer, server: ApiServer
) -> None:
    make_clips(study, 12)
    lost: list[Call] = []

    def behave(call: Call) -> Response:
        before = len(batches.batches)
        response = batches.behave(call)
        if len(batches.batches) > before:
            lost.append(call)
            return Response(503, {})
        return response

    server.behave = behave
    ask(study, server.url, model_of(protocol))
    assert len(lost) == len(batches.batches) == 1
    assert signs(study, server, model_of(protocol)) == ALL


def test_what_a_batch_did_not_answer_is_asked_again(
    study: Path, protocol: Protocol, batches: BatchServer, server: ApiServer
) -> None:
    """Faults, requests without a result, and an empty reply, once."""
    make_clips(study, 12)
    fine = batches.answer
    seen: Counter[int] = Counter()

    def behave(call: Call) -> Response:
        number = protocol.number_of(call)
        seen[number] += 1
        if number == 3 and seen[3] == 1:
            return Response(503, {"error": {"message": "overloaded"}})
        return protocol.answer("") if number == 7 and seen[7] == 1 else fine(call)

    def lose() -> None:
        if len(batches.batches) == 1:
            batches.lost = {custom for custom, body in batches.batches["batch-0"][5:6]}

    batches.answer = behave
    batches.on_create = lose
    with pytest.raises(UserError, match="2 of 12 requests failed"):
        ask(study, server.url, model_of(protocol))
    assert len(recorded(study)) == 10 and len(recorded(study, "spent")) == 1
    assert [len(batch) for batch in batches.batches.values()] == [12, 1]
    ask(study, server.url, model_of(protocol))
    assert [len(batch) for batch in batches.batches.values()] == [12, 1, 2]
    assert signs(study, server, model_of(protocol)) == ALL


def test_a_request_that_none_can_answer_stops_the_job_once(
    study: Path, protocol: Protocol, batches: BatchServer, server: ApiServer
) -> None:
    make_clips(study, 12)
    fine = batches.answer
    wrong = Response(400, {"error": {"message": "unsupported parameter"}})
    batches.answer = lambda call: fine(call) if protocol.number_of(call) < 6 else wrong
    with pytest.raises(UserError, match="unsupported parameter"):
        ask(study, server.url, model_of(protocol))
    assert len(recorded(study)) == 6
    batches.answer = fine
    ask(study, server.url, model_of(protocol))
    assert [len(batch) for batch in batches.batches.values()] == [12, 6]
    assert signs(study, server, model_of(protocol)) == ALL


def test_a_budget_sends_no_more_than_it_allows(
    study: Path, protocol: Protocol, batches: BatchServer, server: ApiServer
) -> None:
    make_clips(study, 12)
    model = model_of(protocol)
    cost = (100 * 2 + 10 * 10) / 1e6 / 2
    budget = {"max_usd": 5 * cost + 0.004}
    with pytest.raises(UserError, match="the budget does not allow another request"):
        ask(study, server.url, model, budget={"max_usd": 1e-5})
    assert not batches.batches
    ask(study, server.url, model, budget=budget)
    assert sum(line["answer"]["usd"] for line in recorded(study)) <= budget["max_usd"]
    assert signs(study, server, model) == ALL


def test_large_batches_are_split(
    study: Path,
    protocol: Protocol,
    batches: BatchServer,
    server: ApiServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from zerosign.models import registry
    from zerosign.models.api import BatchLimits

    make_clips(study, 12)
    connect: Any = registry.kind(protocol.model["adapter"]).connect
    monkeypatch.setattr(connect, "batch", BatchLimits(requests=5, size=10**9))
    ask(study, server.url, model_of(protocol))
    assert [len(batch) for batch in batches.batches.values()] == [5, 5, 2]
    assert signs(study, server, model_of(protocol)) == ALL
