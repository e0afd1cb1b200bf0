"""Leakage: known numbers of WLASL300, and each finding on a table small enough to see."""

from pathlib import Path

import polars as pl
import pytest

from zerosign.dataset import leakage
from zerosign.dataset.clips import CLIP_SCHEMA, read_metadata


@pytest.fixture(scope="module")
def real(wlasl: Path) -> pl.DataFrame:
    return read_metadata(wlasl / "WLASL_v0.3.json", 300)


def table(*rows: tuple[str, str, str, str, str, int]) -> pl.DataFrame:
    """Clips of (id, gloss, split, signer, url, variation)."""
    glosses = sorted({row[1] for row in rows})
    data = [
        (i, g, glosses.index(g), s, who, "x", url, None, 1, -1, 25.0, None, None, None, 0, v)
        for i, g, s, who, url, v in rows
    ]
    return pl.DataFrame(data, schema=CLIP_SCHEMA, orient="row")


def flagged(rows: pl.DataFrame, flag: str) -> list[str]:
    return sorted(leakage.flags(rows).filter(pl.col("flag") == flag)["video_id"])


def test_findings_of_wlasl300(real: pl.DataFrame) -> None:
    found, detail = leakage.findings(real)
    numbers = {row[0]: row[1:] for row in found.iter_rows()}
    assert [numbers[f"signers in {s}"][0] for s in ("train", "val", "test")] == [104, 88, 74]
    assert numbers["test signers who are also in train"] == (72, 74)
    assert numbers["test clips of a signer who is also in train"] == (666, 668)
    assert numbers["files and ranges that occur as two or more clips"][0] == 65
    assert numbers["test clips with an identical clip in train or val"] == (17, 668)
    assert numbers["of these under the same gloss"] == (8, 17)
    assert numbers["of these under another gloss"] == (9, 17)
    assert numbers["test clips that a closed-set model can get right"] == (667, 668)
    assert numbers["glosses signed in several ways"] == (84, 300)
    assert detail["test_signers_not_in_train"] == ["120", "40"]
    (group,) = (g for g in detail["identical_under_two_glosses"] if "32253" in g["ids"])
    assert {"05741", "32253"} <= set(group["ids"])
    assert {"before", "last"} <= set(group["glosses"])


def test_flags_of_wlasl300(real: pl.DataFrame) -> None:
    flags = leakage.flags(real)
    assert set(flags["flag"]) < set(leakage.FLAGS)
    assert flags.is_duplicated().sum() == 0
    test = real.filter(pl.col("split") == "test").join(flags, on="video_id")
    counts = dict(test.group_by("flag").len().iter_rows())
    assert counts["signer_in_train"] == 666
    twins = test.filter(pl.col("flag").is_in(["identical_in_train", "identical_in_val"]))
    assert twins["video_id"].n_unique() == 17
    assert counts["several_variants"] == 214


def test_a_shared_signer_flags_the_held_out_clips_only() -> None:
    rows = table(
        ("1", "a", "train", "ann", "u1", 0),
        ("2", "a", "test", "ann", "u2", 0),
        ("3", "a", "val", "ann", "u3", 0),
        ("4", "a", "test", "bob", "u4", 0),
    )
    assert flagged(rows, "signer_in_train") == ["2", "3"]


def test_unknown_signers_are_not_shared() -> None:
    rows = table(("1", "a", "train", "x", "u1", 0), ("2", "a", "test", "x", "u2", 0))
    rows = rows.with_columns(signer=pl.lit(None, pl.Utf8))
    assert flagged(rows, "signer_in_train") == []
    found, _ = leakage.findings(rows)
    assert dict(found.select("finding", "found").iter_rows())["signers in test"] == 0


def test_identical_clips_in_two_splits_and_under_two_glosses() -> None:
    rows = table(
        ("1", "a", "train", "s", "same", 0),
        ("2", "b", "test", "t", "same", 0),
        ("3", "a", "test", "t", "other", 0),
        ("4", "a", "val", "t", "other", 0),
        ("5", "c", "test", "t", "alone", 0),
    )
    assert flagged(rows, "identical_in_train") == ["2"]
    assert flagged(rows, "identical_in_val") == ["3"]
    assert flagged(rows, "identical_two_labels") == ["1", "2"]


def test_another_range_of_the_same_file_is_another_clip() -> None:
    rows = table(("1", "a", "train", "s", "same", 0), ("2", "a", "test", "t", "same", 0))
    ranged = rows.with_columns(frame_start=pl.Series([1, 50], dtype=pl.Int32))
    assert leakage.identical(ranged).is_empty()
    assert leakage.identical(rows).height == 2


def test_own_clips_are_compared_by_path() -> None:
    rows = table(("1", "a", "train", "s", "x", 0), ("2", "a", "test", "t", "y", 0))
    rows = rows.with_columns(url=pl.lit(None, pl.Utf8), path=pl.Series(["p.mp4", "q.mp4"]))
    assert leakage.identical(rows).is_empty()


@pytest.mark.parametrize(
    ("glosses", "reachable"), [("ab", 1), ("aa", 2), ("aab", 2), ("abc", 1)], ids=str
)
def test_equal_clips_cap_what_can_be_right(glosses: str, reachable: int) -> None:
    rows = table(*((str(i), g, "test", "s", "same", 0) for i, g in enumerate(glosses)))
    assert leakage.ceiling(rows) == reachable


def test_variants_flag_the_whole_gloss() -> None:
    rows = table(
        ("1", "a", "train", "s", "u1", 0),
        ("2", "a", "test", "t", "u2", 1),
        ("3", "b", "test", "t", "u3", 0),
    )
    assert flagged(rows, "several_variants") == ["1", "2"]
