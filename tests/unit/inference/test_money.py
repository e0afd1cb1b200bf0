"""Money of API models: prices, estimates, a budget that is never passed, and the table."""

import asyncio
import logging
import re
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from helpers import api_server
from helpers.api_protocols import OPENAI, PROTOCOLS, VARIABLE
from helpers.api_server import Call, Response, chat, error
from helpers.api_study import KEY, answers, ask, make_clips, recorded

from zerosign.errors import UserError
from zerosign.inference import costs, money
from zerosign.inference.money import Account, BudgetSpent
from zerosign.models import registry
from zerosign.models.api import Reply, Usage
from zerosign.models.api_entry import ApiEntry, Price
from zerosign.runs import TableRun

PRICE = {
    "input": 2,
    "cached_input": 0.5,
    "output": 10,
    "as_of": "2026-11-25",
    "source": "https://example.org",
}
PRICED = OPENAI | {"price": PRICE}
number_of = PROTOCOLS["openai"].number_of
ANSWER_USD = (60 * 2 + 40 * 0.5 + 10 * 10) / 1e6
"""Of `api_server.chat`."""


def entry(**change: Any) -> ApiEntry:
    found = registry.kind("openai").entry.of(PRICED | change)
    assert isinstance(found, ApiEntry)
    return found


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(VARIABLE, KEY)
    make_clips(tmp_path, 64)
    return tmp_path


def test_cost_of_tokens() -> None:
    price = Price.of(PRICE)
    usage = Usage(prompt=1_000_000, cached=400_000, reasoning=50_000, output=100_000)
    assert money.cost(price, usage) == pytest.approx(0.6 * 2 + 0.4 * 0.5 + 0.1 * 10)
    for tier in ("flex", "batch"):
        assert money.cost(price, usage, tier) == pytest.approx(money.cost(price, usage) / 2)
    # What the provider did not say it did is not half price.
    for other in ("default", "standard", "flx", None):
        assert money.cost(price, usage, other) == money.cost(price, usage)
    without = Price.of({key: value for key, value in PRICE.items() if key != "cached_input"})
    assert money.cost(without, usage) == pytest.approx(2 + 1)


def test_an_estimate_has_bounds() -> None:
    exact = money.estimate(entry(), 100, 1000, True, None)
    assert exact == (
        "100 requests; about 100,000 tokens in, up to 6,400 out: $0.20 to $0.26 (price of "
        "2026-11-25)"
    )
    assert "at most 100,000 tokens in" in money.estimate(entry(), 100, 1000, False, None)
    assert "$0.00 to $0.13" in money.estimate(entry(), 100, 1000, False, "flex")
    assert "no price" in money.estimate(entry(price=None), 100, 1000, False, None)


@pytest.mark.parametrize("tokens", [10, 5000])
def test_a_budget_is_never_passed(tokens: int) -> None:
    """Settled and reserved stay within it, whatever the prompts turn out to be."""
    limit, sent, most = 0.1, 0, 0.0

    async def spend() -> Account:
        account = Account(limit=limit)
        usage = Usage(prompt=tokens, output=64)

        async def one() -> None:
            nonlocal sent, most
            async with account.reserved(entry(), 100) as settle:
                most = max(most, account.settled + account.held)
                sent += 1
                await asyncio.sleep(0)
                settle(Reply("stop", "x", usage=usage))

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(quiet(one())) for _ in range(200)]
        assert not all(task.result() for task in tasks)
        return account

    async def quiet(work: Any) -> bool:
        try:
            await work
        except BudgetSpent:
            return False
        return True

    account = asyncio.run(spend())
    assert sent > 1 and account.settled + account.held <= limit and most <= limit
    one = money.cost(Price.of(PRICE), Usage(prompt=tokens, output=64))
    assert account.settled == pytest.approx(sent * one)
    assert account.settled > limit - 3 * one - money.cost(Price.of(PRICE), Usage(100, output=64))


def test_the_job_stops_at_the_budget_and_goes_on_when_it_is_raised(study: Path) -> None:
    limit = 20 * ANSWER_USD
    slow = lambda call: replace(chat(), wait=0.01)  # noqa: E731
    with api_server.serve(slow) as server:
        with pytest.raises(UserError) as raised:
            ask(study, server.url, PRICED, budget={"max_usd": limit})
        assert raised.match(
            r"m\.p\.all: the budget does not allow another request: .* raise budget"
        )
        spent = sum(line["answer"]["usd"] for line in recorded(study))
        assert 0 < spent <= limit and len(server.calls) == len(recorded(study)) < 20
        before = len(server.calls)
        with pytest.raises(UserError, match="budget"):
            ask(study, server.url, PRICED, budget={"max_usd": limit})
        assert len(server.calls) == before
        ask(study, server.url, PRICED, budget={"max_usd": 1})
    assert len(server.calls) == 64
    assert answers(study, server.url, PRICED)["usd"].sum() == pytest.approx(64 * ANSWER_USD)


def test_what_attempts_in_vain_cost_counts_too(study: Path) -> None:
    def behave(call: Call) -> Response:
        if number_of(call):
            return chat()
        return error(503) if any(number_of(c) == 0 for c in server.calls[:-1]) else chat("")

    with api_server.serve(behave) as server:
        model = PRICED | {"concurrency": 1}
        with pytest.raises(UserError, match="1 of 64 requests failed"):
            ask(study, server.url, model)
        (line,) = recorded(study, "spent")
        assert line["video_id"] == "v0" and line["answer"]["usd"] == pytest.approx(ANSWER_USD)
        spent = sum(each["answer"]["usd"] for each in recorded(study)) + ANSWER_USD
        with pytest.raises(UserError, match=re.escape(f"${spent:.4f} of")):
            ask(study, server.url, model, budget={"max_usd": spent})


def test_the_log_says_what_it_costs(study: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with api_server.serve(lambda call: chat()) as server:
        ask(study, server.url, PRICED)
    lines = [record.getMessage() for record in caplog.records]
    (estimate,) = (number for number, line in enumerate(lines) if "tokens in, up to" in line)
    (projected,) = (number for number, line in enumerate(lines) if "by the first answers" in line)
    assert estimate < projected
    assert f"${64 * ANSWER_USD:.2f} in all" in lines[projected]


def test_a_flex_request_served_at_another_tier_is_paid_in_full(study: Path) -> None:
    lock = threading.Lock()
    tiers = iter(["flex", "default"] * 32)

    def behave(call: Call) -> Response:
        with lock:
            return Response(body=chat().body | {"service_tier": next(tiers)})

    with api_server.serve(behave) as server:
        ask(study, server.url, PRICED | {"service_tier": "flex"})
    assert all(call.body["service_tier"] == "flex" for call in server.calls)
    table = answers(study, server.url, PRICED)
    assert table.filter(tier="flex")["usd"].sum() == pytest.approx(16 * ANSWER_USD)
    assert table.filter(tier="default")["usd"].sum() == pytest.approx(32 * ANSWER_USD)


RUN = TableRun(name="m.p.all", label="m, p, all", model="m", checkpoint="gpt-test-2026-01-01")


def test_the_table_says_what_was_paid_and_who_served(study: Path) -> None:
    model_of = lambda call: "gpt-a" if call.number < 60 else "gpt-b"  # noqa: E731
    with api_server.serve(
        lambda call: Response(body=chat().body | {"model": model_of(call)})
    ) as server:
        ask(study, server.url, PRICED)
    table = answers(study, server.url, PRICED)
    twins = pl.concat([table, table[:2].with_columns(video_id=pl.lit("twin"))])
    lost = table[:1].with_columns(attempts=None, usd=None, key=pl.lit(""), finish=pl.lit("missing"))
    (row,) = costs.costs([RUN], [pl.concat([twins, lost])]).rows(named=True)
    assert row["requests"] == row["attempts"] == 64
    assert (row["tokens_in"], row["tokens_cached"]) == (6400, 2560)
    assert (row["tokens_out"], row["tokens_reasoning"]) == (640, 384)
    assert row["usd"] == pytest.approx(64 * ANSWER_USD)
    assert row["usd_per_answer"] == pytest.approx(ANSWER_USD)
    assert row["served"] == "gpt-a 60, gpt-b 4" and row["tiers"] == "default 64"
    assert row["changed"] is True
    (same,) = costs.costs([RUN], [table.filter(served_model="gpt-a")]).rows(named=True)
    assert same["changed"] is False
    (free,) = costs.costs([RUN], [table.with_columns(usd=None)]).rows(named=True)
    assert free["usd"] is None
