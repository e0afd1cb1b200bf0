import json

import numpy as np
import polars as pl
import pytest
from predictions import GLOSSES, MISTAKES, clips, predictions, run

import score
from zerosign import audit, comparisons, leaks, mappers, relations, scores
from zerosign.errors import UserError
from zerosign.stats import cluster_codes, clustered_wilson, mcnemar, wilson

RUNS = [run("good"), run("bad")]
SETTINGS = {"confidence": 0.95, "bootstrap": 200, "seed": 0}


@pytest.fixture
def joined():
    frames = [("good", predictions({})), ("bad", predictions(MISTAKES))]
    return scores.join_runs(frames, clips())


def only(table, **values):
    """The one row of a table with these values."""
    found = table.filter(*(pl.col(k) == v for k, v in values.items()))
    assert found.height == 1
    return found.row(0, named=True)


def widened(frame):
    """Wilson's interval of a run's rows, for clips of one signer and of one gloss alike."""
    signers, glosses = (cluster_codes(frame[name].to_list()) for name in ("signer", "class_index"))
    return clustered_wilson(frame["correct"].to_numpy().astype(float), 0.95, signers, glosses)[:2]


def test_accuracy_over_available_and_over_all(joined):
    table = scores.accuracy(joined, clips(), RUNS, 0.95)
    bad = only(table, run="bad")
    assert (bad["n_expected"], bad["n_available"], bad["correct"]) == (12, 11, 5)
    of_bad = joined.filter(run="bad")
    assert (bad["low"], bad["high"]) == widened(of_bad.filter(pl.col("outcome") != "missing"))
    plain = wilson(5, 11, 0.95)
    assert bad["low"] < plain[0] and bad["high"] > plain[1]
    assert bad["top1_all"] == pytest.approx(5 / 12)
    assert (bad["low_all"], bad["high_all"]) == widened(of_bad)
    # car 0 of 2, book 1 of 3, dad 1 of 3, none 3 of 3
    assert bad["class_mean"] == pytest.approx((0 + 1 / 3 + 1 / 3 + 1) / 4)
    assert bad["class_low"] <= bad["class_mean"] <= bad["class_high"]
    assert only(table, run="good")["top1"] == 1


def test_the_floor_needs_no_model(joined):
    table = scores.accuracy(joined, clips(), RUNS, 0.95)
    chance, majority, prior = (only(table, run=name) for name in ("chance", "majority", "prior"))
    assert chance["top1"] == pytest.approx(1 / 4)
    assert chance["low"] is None
    # car has the most train clips; all 12 clips were read by some run
    assert (majority["correct"], majority["n_available"]) == (3, 12)
    assert prior["top1"] == pytest.approx(sum(n / 10 * 3 / 12 for n in (4, 3, 2, 1)))
    untrained = scores.accuracy(joined, clips().filter(pl.col("split") == "test"), RUNS, 0.95)
    assert untrained.filter(pl.col("kind") == "floor")["run"].to_list() == ["chance"]


def test_summary_says_the_same_in_percent(joined):
    table = scores.accuracy(joined, clips(), RUNS, 0.95)
    credited = relations.credits(joined, clips(), None)
    relaxed = relations.scores(joined, credited, RUNS, [relations.SAME_SIGN], 0.95)
    bad = only(scores.summary(table, relaxed), run="label of bad")
    low, high = widened(joined.filter(pl.col("run") == "bad", pl.col("outcome") != "missing"))
    assert bad["top-1"] == f"45.5 [{100 * low:.1f}, {100 * high:.1f}]"
    assert bad["top-1, same sign"].startswith("54.5 [")
    assert bad["clips"] == "11 of 12"
    chance = only(scores.summary(table, relaxed), run="chance")
    assert (chance["top-1"], chance["top-1, same sign"]) == ("25.0", "")


def test_a_run_that_read_nothing_has_no_rate():
    nothing = predictions(dict.fromkeys(predictions({})["video_id"], ("missing", None, "", "")))
    joined = scores.join_runs([("none", nothing)], clips())
    row = only(scores.accuracy(joined, clips(), [run("none")], 0.95), run="none")
    assert row["top1"] is row["low"] is row["class_mean"] is None
    assert row["top1_all"] == 0
    assert comparisons.intervals(joined, [run("none")], **SETTINGS).is_empty()


def test_top5_from_scores():
    frame = predictions({}, {"test00": [1, 2, 0], "test01": [1, 2, 3]})
    joined = scores.join_runs([("ranked", frame)], clips())
    row = only(scores.accuracy(joined, clips(), [run("ranked")], 0.95), run="ranked")
    # A hit, a miss, and ten clips that failed, which are misses too.
    assert (row["n_top5"], row["top5"]) == (12, pytest.approx(1 / 12))


def test_one_signer_gives_no_interval(joined):
    alone = joined.with_columns(signer=pl.lit("a"))
    table = scores.accuracy(alone, clips(), RUNS, 0.95)
    row = only(table, run="bad")
    assert row["low"] is row["high"] is row["class_low"] is None
    relaxed = relations.scores(alone, relations.credits(alone, clips(), None), RUNS, [], 0.95)
    assert only(scores.summary(table, relaxed), run="label of bad")["top-1"] == "45.5"


def scored():
    """Predictions of a run that scored all classes: sure of 8 clips, and of 4 but half."""
    frame = predictions({"test00": ("mapped", 1, "", "book"), "test01": ("mapped", 2, "", "dad")})
    chances = [0.5] * 4 + [0.9] * 8
    return frame.with_columns(
        step=pl.lit("likelihood"), probability=pl.Series(chances), top5=pl.lit([0, 1, 2])
    ).cast({"top5": pl.List(pl.Int32)})


def test_calibration_of_runs_that_scored_the_classes():
    joined = scores.join_runs([("ranked", scored()), ("good", predictions({}))], clips())
    table = scores.calibration(joined, [run("ranked"), run("good")], 0.95)
    (row,) = table.rows(named=True)
    assert (row["run"], row["n_scored"], row["top1"]) == ("ranked", 12, 10 / 12)
    assert row["top5"] == 9 / 12  # all but the class none
    assert row["probability"] == pytest.approx((4 * 0.5 + 8 * 0.9) / 12)
    # two of the four less sure ones are right, and all of the others
    assert row["ece"] == pytest.approx(8 / 12 * 0.1)


def test_a_run_that_scored_the_classes_has_one_mapper():
    joined = scores.join_runs([("ranked", scored()), ("good", predictions({}))], clips())
    runs = [run("ranked"), run("good")]
    table = mappers.table(joined, GLOSSES, runs, 0.95)
    row = only(table, run="ranked")
    assert (row["mapper"], row["mapped"], row["top1"]) == ("likelihood", 12, 10 / 12)
    assert table.filter(run="good")["mapper"].to_list() == list(mappers.MAPPERS)
    agree = mappers.agreement(joined, GLOSSES, runs)
    assert set(agree["run"]) == {"good"}
    # The same checkpoint, prompt and frames: 10 of 12 clips have the class that "good" names.
    row = only(agree, mapper_a="similarity", mapper_b="likelihood")
    assert (row["n_available"], row["agreement"]) == (12, pytest.approx(10 / 12))
    others = [run("ranked") | {"checkpoint": "another"}, run("good")]
    assert "likelihood" not in mappers.agreement(joined, GLOSSES, others)["mapper_b"]


def test_runs_must_cover_the_same_clips():
    with pytest.raises(UserError, match="bad and good cover different clips"):
        scores.join_runs([("good", predictions({})), ("bad", predictions({})[1:])], clips())
    with pytest.raises(UserError, match="hold clip test00"):
        scores.join_runs([("good", predictions({}))], clips().filter(pl.col("split") == "train"))


def test_outcomes_add_up(joined):
    table = scores.outcomes(joined, RUNS)
    bad = only(table, run="bad")
    assert (bad["mapped"], bad["out_of_vocabulary"], bad["refusal"]) == (8, 1, 1)
    assert (bad["error"], bad["missing"], bad["empty"], bad["cut_off"]) == (1, 1, 0, 0)
    assert (bad["by_exact"], bad["by_similarity"], bad["correct"]) == (7, 1, 5)
    assert table["run"].to_list() == ["good", "bad"]


def test_per_gloss_and_confusions(joined):
    book = only(scores.per_gloss(joined, RUNS), run="bad", gloss="book")
    assert (book["n_available"], book["correct"], book["commonest_error"]) == (3, 1, "dad")
    car = only(scores.per_gloss(joined, RUNS), run="bad", gloss="car")
    assert (car["n_expected"], car["n_available"], car["top1"]) == (3, 2, 0)
    table = scores.confusions(joined, RUNS)
    assert only(table, run="bad", gloss="book", predicted="dad")["n"] == 1
    assert table.filter(pl.col("run") == "bad")["n"].sum() == 8


def test_spread_of_answers(joined):
    row = only(scores.predicted(joined, len(GLOSSES), RUNS), run="good")
    assert (row["mapped"], row["classes_named"], row["classes"]) == (12, 4, 4)
    assert row["entropy_normalised"] == pytest.approx(1)


def test_breakdown_adds_up_and_knows_the_flags(joined):
    table = scores.breakdown(joined, clips(), RUNS, audit.flags(clips()), 0.95)
    for by in ("signer", "source", "variant", "train clips", "signer_in_train"):
        assert table.filter(pl.col("run") == "bad", pl.col("by") == by)["n_available"].sum() == 11
    assert only(table, run="good", by="signer_in_train", group="no")["n_available"] == 4  # signer c
    assert only(table, run="bad", by="identical_two_labels", group="yes")["correct"] == 0
    frequencies = table.filter(pl.col("run") == "good", pl.col("by") == "train clips")
    assert set(frequencies["group"]) == {"1 to 2", "3", "4"}


def test_a_filter_gives_both_numbers(joined):
    flagged = audit.flags(clips())
    filters = {"unambiguous": ["identical_two_labels"]}
    table = scores.filtered(joined, RUNS, flagged, filters, 0.95)
    ambiguous = set(flagged.filter(pl.col("flag") == "identical_two_labels")["video_id"])
    own = joined.filter(pl.col("run") == "bad")
    gone = own.filter(pl.col("video_id").is_in(list(ambiguous)))
    everything, rest = (
        only(table, run="bad", filter=""),
        only(table, run="bad", filter="unambiguous"),
    )
    assert gone.height == rest["n_left_out"] > 0
    assert (everything["correct"], everything["n_available"]) == (5, 11)
    assert rest["correct"] == 5 - gone["correct"].sum()
    assert rest["n_expected"] == everything["n_expected"] - gone.height


def synonyms(*rows):
    schema = {"class_index": pl.Int32, "gloss": pl.String, "synonym": pl.String}
    schema |= {"origin": pl.String, "other_class": pl.Int32}
    return pl.DataFrame(rows, schema=schema, orient="row")


def test_relations_forgive_what_they_say(joined):
    table = synonyms(
        (0, "car", "auto", "noun:1", None),
        (0, "car", "motorcar", "noun:1", None),
        (2, "dad", "car", "noun:9", 0),
        (1, "book", "i do not know", "noun:2", None),
    )
    credited = relations.credits(joined, clips(), table)
    kinds = [relations.ALL_SYNONYMS, relations.OTHER_WORDS, relations.SAME_SIGN]
    found = relations.scores(joined, credited, RUNS, kinds, 0.95)
    gained = {row["relation"]: row["gained"] for row in found.rows(named=True)[4:]}
    # a refusal is no synonym; car for dad counts only with the synonyms that are classes
    assert gained == {
        "exact label": 0,
        relations.ALL_SYNONYMS: 3,
        relations.OTHER_WORDS: 2,
        relations.SAME_SIGN: 1,
    }
    assert only(found, run="bad", relation=relations.ALL_SYNONYMS)["correct"] == 8
    assert only(found, run="good", relation=relations.SAME_SIGN)["top1"] == 1
    matches = relations.matches(joined, credited)
    assert only(matches, credited="motorcar", relation=relations.OTHER_WORDS)["gloss"] == "car"
    assert only(matches, relation=relations.SAME_SIGN)["credited"] == "dad"


def test_same_sign_is_a_video_under_two_labels():
    assert relations.same_sign(clips()).rows() == [(1, 2), (2, 1)]


def test_a_credit_counts_once(joined):
    table = synonyms(
        (0, "car", "auto", "noun:1", None), (0, "car", "book", "noun:2", 1)
    )  # test01 said auto and was mapped to book
    credited = relations.credits(joined, clips(), table)
    found = relations.scores(joined, credited, RUNS, [relations.ALL_SYNONYMS], 0.95)
    assert only(found, run="bad", relation=relations.ALL_SYNONYMS)["gained"] == 1


def test_mappers(joined):
    table = mappers.table(joined, GLOSSES, RUNS, 0.95)
    strict = only(table, run="bad", mapper="strict")
    # "The sign is BOOK." needs normalisation; " Car" does not
    assert (strict["correct"], strict["mapped"], strict["n_available"]) == (4, 6, 11)
    assert strict["top1_answered"] == pytest.approx(4 / 10)
    assert only(table, run="bad", mapper="normalised")["mapped"] == 7
    assert only(table, run="bad", mapper="similarity")["mapped"] == 8
    assert only(table, run="bad", mapper="nearest")["mapped"] == 9
    agree = mappers.agreement(joined, GLOSSES, RUNS)
    assert only(agree, run="good", mapper_a="strict", mapper_b="nearest")["kappa"] == 1
    pair = only(agree, run="bad", mapper_a="strict", mapper_b="normalised")
    assert pair["agreement"] == pytest.approx(10 / 11)
    assert pair["kappa"] < pair["agreement"]


def test_pairs_of_runs(joined):
    row = comparisons.pairs(joined, RUNS, **SETTINGS).row(0, named=True)
    assert (row["n"], row["only_a"], row["only_b"]) == (11, 6, 0)
    assert row["difference"] == pytest.approx(-6 / 11)
    assert row["p"] == row["p_holm"] == mcnemar(6, 0)
    assert row["agreement"] == pytest.approx(5 / 11)
    assert comparisons.pairs(joined, RUNS[:1], **SETTINGS).is_empty()


def test_a_run_equals_itself(joined):
    twin = [("good", predictions({})), ("twin", predictions({}))]
    row = comparisons.pairs(
        scores.join_runs(twin, clips()), [run("good"), run("twin")], **SETTINGS
    ).row(0, named=True)
    assert (row["difference"], row["p"], row["kappa"]) == (0, 1, 1)


def test_two_failures_of_one_kind_agree_and_of_two_kinds_do_not():
    silent = {"test00": ("empty", None, "", "")}
    other = {"test00": ("refusal", None, "", "")}
    for second, agreement in ((silent, 1.0), (other, 11 / 12)):
        frames = [("a", predictions(silent)), ("b", predictions(second))]
        joined = scores.join_runs(frames, clips())
        table = comparisons.pairs(joined, [run("a"), run("b")], **SETTINGS)
        assert table["agreement"][0] == pytest.approx(agreement)


def test_intervals_widen_with_clusters(joined):
    table = comparisons.intervals(joined, RUNS, **SETTINGS)
    rows = table.filter(pl.col("run") == "bad")
    assert rows.height == 6
    plain = only(rows, method="wilson")
    for row in rows.filter(pl.col("method") == "wilson, design effect").iter_rows(named=True):
        assert row["high"] - row["low"] >= plain["high"] - plain["low"]


def test_power_of_668_clips():
    bad = predictions(MISTAKES)
    big = pl.concat([bad.with_columns(video_id=pl.col("video_id") + f"_{i}") for i in range(60)])
    joined = big.with_columns(run=pl.lit("bad"))
    row = comparisons.power(joined, [run("bad")], 0.95).row(0, named=True)
    assert row["n_available"] == 660
    assert row["smallest_nested"] < row["smallest_independent"] < 0.1


@pytest.mark.parametrize(
    ("text", "examples", "in_passing"),
    [
        ("Which sign is this? Name it with one word.", [], ["sign", "what", "name"]),
        ("Answer with a gloss, for example book, run or happy.", ["book", "happy", "run"], []),
        ("Examples: BOOK, RUN.", ["book", "run"], []),
        ('Answer like "book".', ["book"], []),
        ("Answer \u2018book\u2019.", ["book"], []),
        ("You may answer book, run, happy and dance.", ["book", "dance", "happy", "run"], []),
        ("Say ICE CREAM.", ["ice cream"], []),
        ("Answer with one word like book or run.", ["book", "run"], []),
        ("What does it look like? A sign.", [], ["sign"]),
        ("Output: book", ["book"], []),
        ("Answer: the name of the sign", [], ["name", "sign"]),
        ("Example output: see book", [], ["book"]),  # "see book" is another word than "book"
        ("Say one of these:\nbook\nice cream\n", ["book", "ice cream"], []),
        ("- book\n* run.\n1. happy\n 2) dance", ["book", "dance", "happy", "run"], []),
        ("Sign?\nName:", [], ["name", "sign"]),
        ("Watch the clip, then say or\nsign, name", [], ["name", "sign"]),
        ("Watch the hands, the face, and the sign.", [], ["sign"]),
        ("A notebook is no answer.", [], ["no"]),
        ("", [], []),
    ],
)
def test_glosses_that_a_prompt_names(text, examples, in_passing):
    glosses = ["book", "run", "happy", "dance", "sign", "name", "no", "ice cream"]
    found = leaks.named(text, glosses)
    assert found.examples == examples
    assert found.in_passing == sorted(set(in_passing) & set(glosses))


def test_leaks_leave_the_named_classes_out(joined):
    prompts = {"p": {"system": "Examples: NONE, CAR.", "user": "Which book?"}}
    row = only(leaks.table(joined, RUNS, prompts, GLOSSES, 0.95), run="bad")
    assert (row["leak"], row["examples"], row["in_passing"]) == (True, "car, none", "book")
    assert (row["n_available"], row["n_without"], row["correct_without"]) == (11, 6, 2)
    # book, used in passing, is still there; without it, dad is left
    assert (row["n_without_named"], row["correct_without_named"]) == (3, 1)
    left = joined.filter(pl.col("run") == "bad", pl.col("gloss").is_in(["book", "dad"]))
    assert (row["low_without"], row["high_without"]) == widened(left)
    assert row["low_without_named"] is None  # one class is left: no interval for others
    honest = {"p": {"system": None, "user": "{candidates}"}}
    row = only(leaks.table(joined, RUNS, honest, GLOSSES, 0.95), run="bad")
    assert (row["leak"], row["n_without"]) == (False, 11)
    replayed = [run("good"), run("bad") | {"prompt": ""}]  # whose prompt is not known
    table = leaks.table(joined, replayed, honest, GLOSSES, 0.95)
    assert table["run"].to_list() == ["good"]
    none = leaks.table(joined, replayed[1:], {}, GLOSSES, 0.95)
    assert none.is_empty() and none.schema == table.schema


def test_a_prompt_that_names_every_class(joined):
    prompts = {"p": {"system": None, "user": f"Examples: {', '.join(GLOSSES)}."}}
    row = only(leaks.table(joined, RUNS, prompts, GLOSSES, 0.95), run="good")
    assert (row["top1"], row["n_without"], row["top1_without"]) == (1, 0, None)
    assert (row["n_without_named"], row["top1_without_named"]) == (0, None)


def test_program_writes_every_table_the_same_twice(tmp_path):
    clips().write_parquet(tmp_path / "clips.parquet")
    predictions({}).write_parquet(tmp_path / "good.parquet")
    predictions(MISTAKES).write_parquet(tmp_path / "bad.parquet")
    synonyms((0, "car", "auto", "noun:1", None)).write_parquet(tmp_path / "synonyms.parquet")
    arguments = ["--clips", f"{tmp_path}/clips.parquet", "--runs", json.dumps(RUNS)]
    arguments += ["--predictions", f"{tmp_path}/good.parquet", f"{tmp_path}/bad.parquet"]
    arguments += ["--settings", json.dumps(SETTINGS), "--synonyms", f"{tmp_path}/synonyms.parquet"]
    audit.flags(clips()).write_parquet(tmp_path / "flags.parquet")
    arguments += ["--flags", f"{tmp_path}/flags.parquet"]
    arguments += ["--prompts", json.dumps({"p": {"system": None, "user": "CAR?"}})]
    arguments += ["--published", "config/published.csv", "--dataset", "WLASL300"]
    for folder in ("one", "two"):
        score.main([*arguments, "--output-dir", str(tmp_path / folder)])
    one = {path.name: path.read_bytes() for path in (tmp_path / "one").iterdir()}
    assert one == {path.name: path.read_bytes() for path in (tmp_path / "two").iterdir()}
    names = {name.removesuffix(".csv") for name in one if name.endswith(".csv")}
    assert len(one) == 3 * len(names)
    assert {"permuted", "calibration", "consistency", "position_bias"} <= names
    assert {"accuracy", "outcomes", "per_gloss", "comparisons", "leaks", "published"} <= names
    with pytest.raises(UserError, match="1 prediction files for 2 runs"):
        score.main([*arguments[:5], *arguments[6:], "--output-dir", str(tmp_path / "three")])


def test_order_of_predictions_does_not_matter(joined):
    shuffled = joined.sample(fraction=1, shuffle=True, seed=1)
    for table in (
        scores.per_gloss,
        scores.outcomes,
        scores.confusions,
    ):
        assert table(joined, RUNS).equals(table(shuffled, RUNS))
    a, b = (
        scores.breakdown(frame, clips(), RUNS, audit.flags(clips()), 0.95)
        for frame in (joined, shuffled)
    )
    assert a.equals(b)
    assert np.isfinite(a["top1"].to_numpy()).all()
