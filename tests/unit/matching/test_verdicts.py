import math
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from helpers.study_files import study_option
from hypothesis import given, settings
from hypothesis import strategies as st

import score_matching
from zerosign.errors import UserError
from zerosign.matching import verdicts as matching_verdicts
from zerosign.matching.pairs import PAIRS
from zerosign.runs import TableRun

metrics = pytest.importorskip("sklearn.metrics")
pairs = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=80)


@settings(deadline=None)
@given(pairs)
def test_measures_equal_sklearn(drawn: Any) -> None:
    truth, said = (np.array(side) for side in zip(*drawn, strict=True))
    ours = matching_verdicts.measures(truth, said)
    assert ours["accuracy"] == pytest.approx(metrics.accuracy_score(truth, said))
    assert ours["mcc"] == pytest.approx(metrics.matthews_corrcoef(truth, said), abs=1e-12)
    if truth.any() or said.any():
        assert ours["f1"] == pytest.approx(metrics.f1_score(truth, said))
    if said.any():
        assert ours["precision"] == pytest.approx(metrics.precision_score(truth, said))
    if 0 < truth.sum() < len(truth):
        expected = metrics.balanced_accuracy_score(truth, said)
        assert ours["balanced_accuracy"] == pytest.approx(expected)
    else:
        assert math.isnan(ours["balanced_accuracy"])


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=1, max_size=60))
def test_auroc_equals_sklearn(drawn: Any) -> None:
    truth, scores = (np.array(side) for side in zip(*drawn, strict=True))
    ours = matching_verdicts.auroc(truth, scores / 5)
    if 0 < truth.sum() < len(truth):
        assert ours == pytest.approx(metrics.roc_auc_score(truth, scores))
    else:
        assert math.isnan(ours)


def test_always_yes_is_worth_nothing_although_its_f1_is() -> None:
    truth = np.arange(200) % 2 == 0
    found = matching_verdicts.measures(truth, np.ones(200, bool))
    assert found["f1"] == pytest.approx(2 / 3)
    assert found["balanced_accuracy"] == 0.5
    assert found["mcc"] == 0
    assert found["yes_rate"] == 1


def test_no_verdict_is_never_right() -> None:
    truth = np.array([True, False, True])
    assert matching_verdicts.against(truth, [None, None, True]).tolist() == [False, True, True]


@pytest.mark.parametrize(("ability", "bias"), [(0.0, 0.0), (0.6, 0.0), (0.0, 0.6), (0.4, 0.4)])
def test_interval_of_balanced_accuracy_covers(ability: float, bias: float) -> None:
    """With signers whose clips are easier than others', or are told yes more often."""
    rng = np.random.default_rng(0)
    signers = np.repeat(np.arange(40), 10)
    truth = np.arange(400) % 2 == 0
    noise = math.hypot(ability, bias) * rng.normal(size=10**6)
    true = np.mean([(1 / (1 + np.exp(-(base + noise)))).mean() for base in (0.85, 0.2)])
    held = 0
    for _ in range(1000):
        can, yes = ability * rng.normal(size=40)[signers], bias * rng.normal(size=40)[signers]
        logit = np.where(truth, 0.85 + can + yes, 0.2 + can - yes)
        right = rng.random(400) < 1 / (1 + np.exp(-logit))
        said = np.where(right, truth, ~truth)
        low, high = matching_verdicts.balanced_interval(truth, said, signers, 0.95)
        held += low <= true <= high
    assert 930 <= held <= 970


def test_interval_of_balanced_accuracy_needs_signers() -> None:
    truth = np.array([True, True, False, False])
    one = np.zeros(4, dtype=int)
    assert all(
        math.isnan(end) for end in matching_verdicts.balanced_interval(truth, truth, one, 0.95)
    )


RUN = TableRun(name="m.p.s", label="m, p, s", model="m", prompt="p", sampling="s")
CLIPS = pl.DataFrame({"video_id": ["1", "2", "3", "4"], "signer": ["a", "b", None, "b"]})
ASKED = [  # clip, gloss, kind; finish and text of the answer, what becomes of it
    ("1", "book", "positive", "stop", "It fits. YES", "yes"),
    ("2", "book", "positive", "stop", "No.", "no"),
    ("3", "none", "positive", "length", "The hand says yes to", "cut_off"),
    ("4", "none", "positive", "missing", "", "missing"),
    ("3", "book", "random", "stop", "NO", "no"),
    ("4", "book", "random", "missing", "", "missing"),
    ("1", "none", "random", "stop", "Hard to say", "no_verdict"),
    ("2", "none", "hard", "error", "", "error"),
]


def asked() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Pairs, and the answers to them in another order; a pair of a lost shard has none."""
    rows = [(v, g, g, None, kind, kind == "positive") for v, g, kind, *_ in ASKED]
    pairs = pl.DataFrame([*rows, ("5", "none", "none", None, "hard", False)], PAIRS, orient="row")
    answers = pl.DataFrame(
        [(v, g, text, finish, None, None) for v, g, _, finish, text, _ in reversed(ASKED)],
        schema=dict.fromkeys(("video_id", "question", "text", "finish"), pl.String)
        | {"labels": pl.List(pl.String), "scores": pl.List(pl.Float64)},
        orient="row",
    )
    return pairs, answers


def test_verdicts_of_a_run() -> None:
    found = matching_verdicts.judged(*asked())
    assert found.schema == matching_verdicts.VERDICTS
    assert found["outcome"].to_list() == [*(outcome for *_, outcome in ASKED), "missing"]
    others = {"refused", "blocked", "empty"}
    assert set(found["outcome"]) == set(matching_verdicts.OUTCOMES) - others
    assert found["verdict"].to_list() == [True, False, None, None, False, *[None] * 4]
    assert found["correct"].to_list() == [True, *[False] * 3, True, *[False] * 4]
    assert found["p_yes"].null_count() == found.height


@pytest.mark.parametrize("finish", ["refused", "blocked", "empty"])
def test_what_a_provider_says_of_an_answer_is_its_outcome(finish: str) -> None:
    pairs, answers = asked()
    answers = answers.with_columns(finish=pl.lit(finish))
    found = matching_verdicts.judged(pairs, answers)
    assert found["outcome"].to_list() == [*[finish] * 8, "missing"]
    assert not found["correct"].any()
    rows = matching_verdicts.table([found], CLIPS, [RUN], 0.95)[:3].rows(named=True)
    for row in rows:
        assert row[f"n_{finish}"] == row["n"] == row["n_expected"] - row["n_missing"]
        assert row["no_verdict"] == 1 and row["balanced_accuracy"] == 0


def test_nothing_but_reasoning_is_empty() -> None:
    assert matching_verdicts.outcome("stop", "<think>YES</think> \n") == "empty"


def test_answers_to_other_questions() -> None:
    pairs, answers = asked()
    with pytest.raises(UserError, match="clip 1 with 'book' is not among the pairs"):
        matching_verdicts.judged(pairs[1:], answers)
    with pytest.raises(UserError, match="answered twice"):
        matching_verdicts.judged(pairs, pl.concat([answers, answers[:1]]))


def test_p_yes_is_a_probability() -> None:
    assert matching_verdicts.p_yes(["no", "yes"], [-1.0, -1.0]) == 0.5
    assert matching_verdicts.p_yes(["yes", "no"], [-0.1, -2.5]) == pytest.approx(
        math.exp(-0.1) / (math.exp(-0.1) + math.exp(-2.5))
    )
    assert matching_verdicts.p_yes(None, None) is None


def test_table_counts_every_pair() -> None:
    found = matching_verdicts.judged(*asked())
    table = matching_verdicts.table([found], CLIPS, [RUN], 0.95)
    assert table.select("run", "negatives").rows() == [
        (run, kind)
        for run in ("m.p.s", "always yes", "always no")
        for kind in ("random", "hard", "all")
    ]
    random, hard, both = table[:3].rows(named=True)
    # Of three positives and two negatives with a video, the first positive is judged correctly, the
    # first negative too.
    assert (random["n_expected"], random["n"], random["n_missing"]) == (7, 5, 2)
    assert random["accuracy"] == pytest.approx(2 / 5)
    assert random["balanced_accuracy"] == pytest.approx((1 / 3 + 1 / 2) / 2)
    assert random["low"] < random["balanced_accuracy"] < random["high"]
    assert random["accuracy_all"] == pytest.approx(2 / 7)
    assert random["balanced_accuracy_all"] == pytest.approx((1 / 4 + 1 / 3) / 2)
    assert random["yes_rate"] == pytest.approx(1 / 5)
    assert random["no_verdict"] == pytest.approx(2 / 5)
    assert (random["n_error"], hard["n_error"], both["n_error"]) == (0, 1, 1)
    assert both["n_expected"] == found.height
    assert random["n_scored"] == 0 and math.isnan(random["auroc"])
    always = table.filter(pl.col("kind") == "baseline")
    assert (always["balanced_accuracy"] == 0.5).all() and (always["mcc"] == 0).all()
    assert always["low"].null_count() == always.height


def test_no_hard_pairs_no_row_of_them() -> None:
    pairs, answers = asked()
    left = pairs.filter(pl.col("kind") != "hard")
    given_answers = answers.join(left, on=["video_id", "question"], how="semi")
    table = matching_verdicts.table(
        [matching_verdicts.judged(left, given_answers)], CLIPS, [RUN], 0.95
    )
    assert table["negatives"].unique().to_list() == ["random"]


def test_auroc_where_yes_and_no_were_scored() -> None:
    pairs, answers = asked()
    scores = [[-0.1 * k, -1.0] for k in range(answers.height)]
    answers = answers.with_columns(
        labels=pl.Series([["yes", "no"]] * answers.height), scores=pl.Series(scores)
    )
    table = matching_verdicts.table([matching_verdicts.judged(pairs, answers)], CLIPS, [RUN], 0.95)
    row = table.row(0, named=True)
    # Answers stand in reverse order, so each right pair scores below each random one.
    assert row["auroc"] == 0
    assert row["n_scored"] == row["n"]


def test_program_reads_runs_by_their_folders(tmp_path: Path) -> None:
    pairs, answers = asked()
    pairs.write_parquet(tmp_path / "pairs.parquet")
    names = ("a.p.s", "b.p.s")
    for name, text in zip(names, ("yes", "no"), strict=True):
        (tmp_path / "answers" / name).mkdir(parents=True)
        for shard in (0, 1):
            part = answers[:4] if shard else answers[4:]
            said = part.with_columns(text=pl.lit(text), finish=pl.lit("stop"))
            said.write_parquet(tmp_path / "answers" / name / f"{shard}.parquet")
    CLIPS.write_parquet(tmp_path / "clips.parquet")
    matched = [RUN.model_copy(update={"name": name}).as_json() for name in names]
    study = study_option(tmp_path, matched=matched, shards=2, statistics={"confidence": 0.95})
    given = ["--clips", f"{tmp_path}/clips.parquet", "--pairs", f"{tmp_path}/pairs.parquet"]
    written = ["--table", f"{tmp_path}/t", "--output", f"{tmp_path}/v.parquet"]
    score_matching.main([*study, *given, "--answers", f"{tmp_path}/answers", *written])
    verdicts = pl.read_parquet(tmp_path / "v.parquet").drop_nulls("verdict")
    said = verdicts.group_by("run").agg(pl.col("verdict").all()).sort("run")
    assert said.rows() == [("a.p.s", True), ("b.p.s", False)]
    table = pl.read_csv(tmp_path / "t.csv")
    assert table.filter(kind="run", negatives="all")["yes_rate"].to_list() == [1, 0]
