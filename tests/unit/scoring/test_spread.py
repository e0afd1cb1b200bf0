import numpy as np
import polars as pl
import pytest
from helpers.predictions import MISTAKES, clips, only, predictions, run

from zerosign.prompts.prompt_entry import Prompt, Task
from zerosign.scoring import spread
from zerosign.scoring.joined_runs import join_runs

PROMPTS = {
    "p": Prompt(task=Task.PREDICT, user="?"),
    "listed": Prompt(task=Task.PREDICT, user="{candidates}", orders=2),
}


def with_votes(votes: list[list[int | None]]) -> pl.DataFrame:
    return predictions({}).with_columns(votes=pl.Series(votes, dtype=pl.List(pl.Int32)))


def test_over_prompts() -> None:
    runs = [run("a"), run("b").model_copy(update={"prompt": "q"})]
    other = [run("c").model_copy(update={"model": "n"}), run("theirs")]
    other[1] = other[1].model_copy(update=dict.fromkeys(("model", "prompt", "sampling"), ""))
    frames = [
        (each.name, predictions(MISTAKES if each.name == "b" else {})) for each in runs + other
    ]
    table = spread.spread(join_runs(frames, clips()), runs + other, PROMPTS | {"q": PROMPTS["p"]})
    (row,) = table.iter_rows(named=True)  # one prompt of another model is no spread
    assert (row["model"], row["prompt"], row["over"], row["values"]) == ("m", None, "prompts", 2)
    assert (row["lowest"], row["highest"]) == (pytest.approx(5 / 11), 1)
    assert row["sd"] == pytest.approx(np.std([5 / 11, 1], ddof=1))
    assert row["n_available"] == 11


def test_over_orders_and_samples() -> None:
    """Two orders with three samples each: votes are order by order."""
    truth = predictions({})["class_index"].to_list()
    votes = [[c, c, None, c, None, None] for c in truth[:-1]] + [[None]]  # the last one failed
    listed = run("listed").model_copy(update={"prompt": "listed"})
    table = spread.spread(join_runs([("listed", with_votes(votes))], clips()), [listed], PROMPTS)
    orders, samples = (only(table, over=name) for name in ("orders", "samples"))
    share = 11 / 12
    assert (orders["values"], samples["values"]) == (2, 3)
    assert orders["highest"] == pytest.approx(share * 2 / 3)
    assert orders["lowest"] == pytest.approx(share / 3)
    rates = [share, share / 2, 0]
    assert (samples["lowest"], samples["highest"]) == (0, pytest.approx(share))
    assert samples["sd"] ** 2 == pytest.approx(np.var(rates, ddof=1))


def test_over_samples_of_one_order() -> None:
    truth = predictions({})["class_index"].to_list()
    frame = with_votes([[c, (c + 1) % 4] for c in truth])
    (row,) = spread.spread(join_runs([("p", frame)], clips()), [run("p")], PROMPTS).rows(named=True)
    assert (row["over"], row["lowest"], row["highest"]) == ("samples", 0, 1)
