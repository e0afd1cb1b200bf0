import csv
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from helpers.study_files import study_option

import replay as program
from zerosign.errors import UserError
from zerosign.inference import replay
from zerosign.mapping.mapper import map_answers
from zerosign.runs import TableRun
from zerosign.scoring import mapper_comparison
from zerosign.scoring.joined_runs import join_runs

GLOSSES = ["book", "none", "drink"]
AUTHORS = ["video_id", "ground_truth_gloss", "predicted_gloss", "processing_time"]


@pytest.fixture
def clips() -> Any:
    rows = [
        (f"{i:05}", GLOSSES[i % 3], i % 3, "test", i % 2, "a", "s", 0, f"http://x/{i}", None, 1, -1)
        for i in range(8)
    ]
    names = ["video_id", "gloss", "class_index", "split", "shard", "signer", "source"]
    names += ["variation_id", "url", "path", "frame_start", "frame_end"]
    return pl.DataFrame(rows, schema=names, orient="row", schema_overrides={"path": pl.String})


def write(path: Path, columns: Any, *rows: Any) -> Any:
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
    return path


def authors_top1(path: Path) -> Any:
    """Top-1 as the authors' evaluation counts it: error rows leave, the rest compare in lower case.

    Without pandas, which besides reads the prediction "none" as missing.
    """
    with open(path, newline="") as file:
        rows = [r for r in csv.DictReader(file) if not r["predicted_gloss"].startswith("ERROR:")]
    same = [r["predicted_gloss"].lower().strip() == r["ground_truth_gloss"].lower() for r in rows]
    return sum(same) / len(same)


def strict(path: Path, clips: Any) -> Any:
    """Our row of the strict mapper for the same file."""
    found = map_answers(
        replay.replayed_answers(path, clips),
        clips,
        GLOSSES,
        lambda texts: pytest.fail("no encoder"),
        0.5,
    )
    joined = join_runs([("theirs", found)], clips)
    table = mapper_comparison.rates(
        joined, GLOSSES, [TableRun(name="theirs", label="theirs")], 0.95
    )
    return table.filter(pl.col("mapper") == "strict").row(0, named=True)


def test_our_strict_top1_equals_the_authors(tmp_path: Path, clips: Any) -> None:
    said = ["Book", " none ", "book", "drink", "None", "drink", "", "none"]
    rows = [
        (i, GLOSSES[i % 3], text, 1.5) for i, text in enumerate(said)
    ]  # ids as pandas writes them: without leading zeros
    path = write(tmp_path / "p.csv", AUTHORS, *rows)
    ours = strict(path, clips)
    assert ours["top1"] == ours["top1_answered"] == authors_top1(path) == 5 / 8


def test_with_failures_the_denominators_differ(tmp_path: Path, clips: Any) -> None:
    said = ["book", "ERROR: out of memory", "drink", "ERROR: x", "none", "book", "book", "none"]
    rows = [(f"{i:05}", GLOSSES[i % 3], text, 1.5) for i, text in enumerate(said)]
    path = write(tmp_path / "p.csv", AUTHORS, *rows)
    ours = strict(path, clips)
    assert ours["top1_answered"] == authors_top1(path) == 5 / 6
    assert ours["top1"] == 5 / 8


def test_answers_and_failures(tmp_path: Path, clips: Any) -> None:
    path = write(
        tmp_path / "p.csv",
        ["video_id", "answer"],
        ["00000", "none"],
        ["1", "ERROR: out of memory"],
        ["00002", ""],
    )
    found = replay.replayed_answers(path, clips.head(3))
    assert found.columns == list(replay.REPLAYED)
    assert found["text"].to_list() == ["none", "", ""]
    assert found["finish"].to_list() == ["stop", "error", "stop"]
    assert found["error"].to_list() == [None, "out of memory", None]
    assert found["key"].n_unique() == 3


def test_what_is_left_out_is_a_failure(tmp_path: Path, clips: Any) -> None:
    path = write(tmp_path / "p.csv", ["video_id", "answer"], ["00000", "book"], ["00004", "none"])
    found = replay.replayed_answers(path, clips)
    assert found.height == clips.height
    assert found.select("video_id", "finish", "error").rows()[:3] == [
        ("00000", "stop", None),
        ("00004", "stop", None),
        ("00001", "error", "not in the file"),
    ]


def test_leaving_rows_out_never_raises_a_rate(tmp_path: Path, clips: Any) -> None:
    """Whichever rows a CSV lacks: each is still a clip of the denominator."""
    said = ["book", "none", "book", "book", "drink", "book", "book", "none"]
    right = [text == GLOSSES[i % 3] for i, text in enumerate(said)]
    rows = [(f"{i:05}", text) for i, text in enumerate(said)]
    top1 = {}
    for left_out in (None, *range(8)):
        kept = [row for i, row in enumerate(rows) if i != left_out]
        path = write(tmp_path / "p.csv", ["video_id", "answer"], *kept)
        found = strict(path, clips)
        assert found["n_available"] == 8
        top1[left_out] = found["top1"]
    whole = top1.pop(None)
    assert whole == 5 / 8
    assert all(rate == (5 - right[i]) / 8 for i, rate in top1.items())


@pytest.mark.parametrize(
    ("columns", "row", "message"),
    [
        (["video_id", "gloss"], ["00000", "book"], "needs the columns"),
        (["video_id", "answer"], ["99999", "book"], "clip '99999' is not expected here"),
        (AUTHORS, ["00000", "cat", "cat", "1"], "clip '00000' is 'cat' there and 'book' here"),
        (["video_id", "answer"], ["00000", "book", "more"], "cannot be read as CSV"),
    ],
)
def test_other_files_are_refused(
    tmp_path: Path, clips: Any, columns: Any, row: list[str], message: str
) -> None:
    path = write(tmp_path / "p.csv", columns, row)
    with pytest.raises(UserError, match=message):
        replay.replayed_answers(path, clips)


def test_a_duplicate_clip_is_refused(tmp_path: Path, clips: Any) -> None:
    path = write(tmp_path / "p.csv", ["video_id", "answer"], ["0", "a"], ["00000", "b"])
    with pytest.raises(UserError, match="duplicate clip '00000'"):
        replay.replayed_answers(path, clips)


def test_program_gives_the_shard(tmp_path: Path, clips: Any) -> None:
    clips.write_parquet(tmp_path / "clips.parquet")
    path = write(tmp_path / "p.csv", ["video_id", "answer"], *[(i, "book") for i in range(6)])
    arguments = ["--predictions", str(path), "--clips", str(tmp_path / "clips.parquet")]
    study = study_option(tmp_path, dataset={"split": "test"})
    program.main([*study, *arguments, "--shard", "1", "--output", str(tmp_path / "1.parquet")])
    assert pl.read_parquet(tmp_path / "1.parquet")["video_id"].to_list() == [
        *["00001", "00003", "00005", "00007"]
    ]
