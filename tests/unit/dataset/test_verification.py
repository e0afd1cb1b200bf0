"""Verification: the real data passes, and whatever is altered is named."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from helpers.study_files import study_option
from helpers.wlasl_metadata import instance

import verify_splits as program
from zerosign.dataset import published_clips, split_tables, verification
from zerosign.dataset.clips import read_metadata, read_split_file
from zerosign.dataset.facts import SubsetChecksums, SubsetFacts
from zerosign.errors import UserError
from zerosign.tables import FORMS

ROOT = Path(__file__).resolve().parents[3]
PUBLISHED = str(ROOT / "config" / "wlasl_v0.3.digests.txt")


def expected(subset: int) -> dict[str, Any]:
    """What config/datasets.yaml declares, as the workflow passes it."""
    facts = yaml.safe_load((ROOT / "config" / "datasets.yaml").read_text("utf-8"))["wlasl"]
    return facts["subsets"][str(subset)] | {"metadata": facts["files"]["metadata"]["sha256"]}


def verify(
    metadata: Path,
    split_file: Path,
    output: Path,
    subset: int = 300,
    declared: dict[str, Any] | None = None,
    published: str = PUBLISHED,
) -> dict[str, Any]:
    """Run the program with all that is declared; returns verification.json."""
    facts = dict(declared or expected(subset))
    known = facts.pop("metadata", {})
    study = study_option(
        output,
        title=f"WLASL{subset}",
        dataset={"format": "wlasl", "subset": subset},
        facts={"expected": facts, "metadata": known},
    )
    files = ["--table", str(metadata), "--split-file", str(split_file), "--published", published]
    program.main([*study, *files, "--output", str(output)])
    return json.loads((output / "verification.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def verified(wlasl: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict, Path]:
    output = tmp_path_factory.mktemp("splits")
    return verify(wlasl / "WLASL_v0.3.json", wlasl / "nslt_300.json", output), output


def test_wlasl300_is_what_was_published(verified: tuple[dict, Path]) -> None:
    result, _ = verified
    assert result["passed"] is True
    assert [check["name"] for check in result["checks"] if check["passed"] is not True] == []
    found = {check["name"]: check["found"] for check in result["checks"]}
    assert (found["clips"], found["train"], found["val"], found["test"]) == (5117, 3549, 900, 668)
    assert (found["glosses"], found["signers"]) == (300, 109)
    assert (found["split_file_clips"], found["split_file_val"]) == (5118, 901)
    assert found["split_file_extra_ids"] == ["20065"]
    digests = {name: value[:8] for name, value in found.items() if name.startswith("sha256")}
    assert digests == {
        "sha256_test_ids": "5f032bb1",
        "sha256_gloss_list": "1ffb178d",
        "sha256_class_table": "6d608e15",
    }


@pytest.mark.parametrize("subset", [100, 1000, 2000])
def test_the_other_subsets_are_too(wlasl: Path, tmp_path: Path, subset: int) -> None:
    result = verify(wlasl / "WLASL_v0.3.json", wlasl / f"nslt_{subset}.json", tmp_path, subset)
    assert {check["passed"] for check in result["checks"]} == {True}


def test_table_1(verified: tuple[dict, Path]) -> None:
    table = pl.read_csv(verified[1] / "counts.csv")
    rows = {row["split"]: row for row in table.iter_rows(named=True)}
    assert {name: row["videos"] for name, row in rows.items()} == {
        **{"train": 3549, "val": 900, "test": 668},
        "all": 5117,
    }
    assert [rows[name]["signers"] for name in ("train", "val", "test", "all")] == [104, 88, 74, 109]
    for name, extremes, mean in (
        ("train", (9, 30), 11.83),
        ("val", (2, 6), 3.0),
        ("test", (2, 5), 2.2267),
    ):
        row = rows[name]
        assert (row["per_class_min"], row["per_class_max"]) == extremes
        assert row["per_class_mean"] == pytest.approx(mean, abs=5e-5)


def test_table_2(verified: tuple[dict, Path]) -> None:
    table = pl.read_csv(verified[1] / "per_class.csv")
    assert table.height == 300
    assert "none" in table["gloss"].to_list()
    sizes = dict(table["test"].value_counts().iter_rows())
    assert sizes == {2: 237, 3: 59, 4: 3, 5: 1}


def test_tables_come_in_all_forms(verified: tuple[dict, Path]) -> None:
    for stem in ("counts", "per_class", "leakage"):
        assert {p.suffix for p in verified[1].glob(f"{stem}.*")} == {f".{form}" for form in FORMS}


def test_the_80_20_claim_is_reported_as_what_it_is(verified: tuple[dict, Path]) -> None:
    (claim,) = verified[0]["claims"]
    assert claim["holds"] is False
    assert claim["train_val_test_percent"] == [69.4, 17.6, 13.1]
    shares = {r["reading"]: (r["percent"], r["classes_split_80_20"]) for r in claim["readings"]}
    assert shares["train : val + test"] == ([69.4, 30.6], 0)
    assert shares["train : test, val left out"] == ([84.2, 15.8], 159)


def test_a_claim_that_holds_is_confirmed() -> None:
    rows = pl.DataFrame(
        {
            "gloss": ["a"] * 10,
            "class_index": [0] * 10,
            "split": ["train"] * 8 + ["test"] * 2,
            "video_id": [str(i) for i in range(10)],
            "signer": ["1"] * 10,
            "variation_id": [0] * 10,
        }
    )
    assert split_tables.claim_80_20(rows)["holds"] is True


def test_a_copy_without_the_last_newline_is_known(wlasl: Path, tmp_path: Path) -> None:
    shorter = tmp_path / "WLASL_v0.3.json"
    shorter.write_bytes((wlasl / "WLASL_v0.3.json").read_bytes()[:-1])
    result = verify(shorter, wlasl / "nslt_300.json", tmp_path / "out")
    check = next(c for c in result["checks"] if c["name"] == "metadata_file")
    assert check["passed"] is True
    assert "without its last newline" in check["detail"]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any, dict[str, Any], str]:
    """Metadata and split file of 6 glosses, what is declared of them, and their digests' file."""
    folder = tmp_path_factory.mktemp("small")
    ids = iter(range(5700, 5800))
    entries = []
    for gloss in ("book", "drink", "computer", "before", "chair", "go"):
        shares = ["train"] * 6 + ["val"] * 2 + ["test"] * 2
        rows = [
            instance(f"{next(ids):05d}", split=split, signer_id=i, url=f"http://a.org/{gloss}{i}")
            for i, split in enumerate(shares)
        ]
        entries.append({"gloss": gloss, "instances": rows})
    other = {
        row["video_id"]: {"subset": row["split"], "action": [index, 1, 50]}
        for index, entry in enumerate(entries)
        for row in entry["instances"]
    }
    other["00007"] = {"subset": "val", "action": [2, 1, 200]}
    metadata, split_file = write(folder, entries, other)
    rows = read_metadata(metadata)
    declared = {check.name: check.found for check in verification.counts(rows, SubsetFacts())}
    declared["sha256"] = {
        check.name.removeprefix("sha256_"): check.found
        for check in verification.checksums(rows, SubsetChecksums())
    }
    declared["split_file"] = {"clips": len(read_split_file(split_file)), "extra": ["00007"]}
    digests = folder / "digests.txt"
    digests.write_text("# comment\n" + "\n".join(published_clips.publish(rows)) + "\n", "utf-8")
    return entries, other, declared, str(digests)


def write(folder: Path, entries: Any, other: Any) -> tuple[Path, Path]:
    metadata, split_file = folder / "m.json", folder / "s.json"
    metadata.write_text(json.dumps(entries), "utf-8")
    split_file.write_text(json.dumps(other), "utf-8")
    return metadata, split_file


def test_unaltered_content_in_unknown_bytes_passes_and_says_so(
    small: tuple[Any, Any, dict[str, Any], str], tmp_path: Path
) -> None:
    entries, other, declared, digests = small
    declared = declared | {"metadata": {"0" * 64: "the file"}}
    result = verify(*write(tmp_path, entries, other), tmp_path / "out", 6, declared, digests)
    check = next(c for c in result["checks"] if c["name"] == "metadata_file")
    assert (result["passed"], check["passed"]) == (True, None)
    assert "not a known file" in check["detail"]


# Whatever is altered is named: mostly 05738, a test clip of class 3, "before"


def find(entries: list[dict], video_id: str) -> dict:
    return next(i for entry in entries for i in entry["instances"] if i["video_id"] == video_id)


def wrong_split(entries: Any, _: object) -> None:
    find(entries, "05738")["split"] = "train"


def wrong_split_in_both(entries: Any, other: Any) -> None:
    wrong_split(entries, other)
    other["05738"]["subset"] = "train"


def moved_clip(entries: Any, _: object) -> None:
    row = find(entries, "05738")
    entries[3]["instances"].remove(row)
    entries[0]["instances"].append(row)


def moved_in_both(entries: Any, other: Any) -> None:
    moved_clip(entries, other)
    other["05738"]["action"][0] = 0


def relabelled(entries: Any, _: object) -> None:
    entries[0]["gloss"] = "novel"


def swapped(entries: Any, _: object) -> None:
    entries[3]["gloss"], entries[4]["gloss"] = entries[4]["gloss"], entries[3]["gloss"]


def two_classes_of_one_gloss(entries: Any, _: object) -> None:
    entries[1]["gloss"] = entries[0]["gloss"]


def duplicate(entries: Any, _: object) -> None:
    entries[5]["instances"].append(copy.deepcopy(find(entries, "05738")))


def left_out(entries: Any, _: object) -> None:
    for entry in entries:
        entry["instances"] = [i for i in entry["instances"] if i["video_id"] != "05738"]


def left_out_of_both(entries: Any, other: Any) -> None:
    left_out(entries, other)
    del other["05738"]


def added(entries: Any, other: Any) -> None:
    entries[0]["instances"].append(find(entries, "05738") | {"video_id": "99999"})
    other["99999"] = {"subset": "test", "action": [0, 1, 50]}


def renamed(entries: Any, _: object) -> None:
    find(entries, "05738")["video_id"] = "5738"


def another_range(entries: Any, _: object) -> None:
    find(entries, "05738")["frame_end"] = 30


def impossible_range(entries: Any, _: object) -> None:
    find(entries, "05738").update(frame_start=40, frame_end=30)


def another_signer(entries: Any, _: object) -> None:
    find(entries, "05738")["signer_id"] = 999


def extra_in_split_file(_: object, other: Any) -> None:
    other["88888"] = {"subset": "test", "action": [0, 1, 50]}


def unknown_split(entries: Any, _: object) -> None:
    find(entries, "05738")["split"] = "dev"


@pytest.mark.parametrize(
    ("alter", "named"),
    [
        (wrong_split, {"split_file_splits_agree": "05738", "published_clips": "05738"}),
        (wrong_split_in_both, {"published_clips": "05738", "test": "expected 12, found 11"}),
        (
            moved_clip,
            {
                "split_file_classes_agree": "05738: 0 in the metadata, 3 in the",
                "published_clips": "05738",
            },
        ),
        (moved_in_both, {"published_clips": "05738", "published_clips_present": "05738"}),
        (
            relabelled,
            {
                "published_glosses": "class 0 is 'novel'",
                "sha256_gloss_list": "expected",
                "sha256_class_table": "expected",
            },
        ),
        (swapped, {"published_glosses": "class 3 is 'chair'"}),
        (two_classes_of_one_gloss, {"glosses_unique": "one gloss, several classes: book"}),
        (duplicate, {"ids_unique": "05738"}),
        (
            left_out,
            {
                "split_file_extra_ids": "05738",
                "published_clips_present": "05738",
                "test": "expected 12, found 11",
            },
        ),
        (left_out_of_both, {"published_clips_present": "1 of them have ids that are nowhere"}),
        (added, {"published_clips": "99999", "sha256_test_ids": "expected"}),
        (renamed, {"ids_well_formed": "5738", "split_file_complete": "5738"}),
        (another_range, {"published_details": "class 3, 'before'"}),
        (impossible_range, {"ranges_valid": "05738"}),
        (another_signer, {"signers": "expected 10, found 11", "published_details": "class 3"}),
        (extra_in_split_file, {"split_file_extra_ids": "88888", "split_file_clips": "found 62"}),
        (unknown_split, {"splits_known": "05738"}),
    ],
)
def test_an_alteration_fails_and_is_named(
    small: tuple[Any, Any, dict[str, Any], str],
    alter: Callable,
    named: dict[str, str],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    entries, other, declared, digests = copy.deepcopy(small)
    alter(entries, other)
    with pytest.raises(UserError) as error:
        verify(*write(tmp_path, entries, other), tmp_path / "out", 6, declared, digests)
    assert "\n" not in str(error.value)
    said = [record.getMessage() for record in caplog.records]
    for check, words in named.items():
        (line,) = (line for line in said if line.startswith(f"FAILED {check}:"))
        assert words in line
    result = json.loads((tmp_path / "out" / "verification.json").read_text("utf-8"))
    assert result["passed"] is False
    failed = {check["name"] for check in result["checks"] if check["passed"] is False}
    assert failed >= named.keys()


def test_one_moved_clip_of_the_real_data_is_named(wlasl: Path, tmp_path: Path) -> None:
    entries = json.loads((wlasl / "WLASL_v0.3.json").read_text("utf-8"))[:300]
    find(entries, "05741")["split"] = "train"
    metadata = tmp_path / "m.json"
    metadata.write_text(json.dumps(entries))
    with pytest.raises(UserError, match=r"split_file_splits_agree.* 05741"):
        verify(metadata, wlasl / "nslt_300.json", tmp_path / "out")


def test_a_truncated_file_fails(wlasl: Path, tmp_path: Path) -> None:
    cut = tmp_path / "m.json"
    cut.write_bytes((wlasl / "WLASL_v0.3.json").read_bytes()[:5_000_000])
    with pytest.raises(UserError, match=r"m\.json: not valid JSON .*truncated"):
        verify(cut, wlasl / "nslt_300.json", tmp_path / "out")


def test_too_large_a_subset_fails(
    small: tuple[Any, Any, dict[str, Any], str], tmp_path: Path
) -> None:
    metadata, _ = write(tmp_path, *small[:2])
    study = study_option(tmp_path, title="x", dataset={"format": "wlasl", "subset": 300}, facts={})
    arguments = [*study, "--table", str(metadata), "--output", str(tmp_path / "out")]
    with pytest.raises(UserError, match="has 6 glosses, the subset asks for 300"):
        program.main(arguments)


def test_published_digests_are_those_of_the_real_file(wlasl: Path) -> None:
    lines = Path(PUBLISHED).read_text("utf-8").splitlines()
    digests = [line for line in lines if not line.startswith("#")]
    assert digests == published_clips.publish(read_metadata(wlasl / "WLASL_v0.3.json"))


def test_without_declared_numbers_checks_report_and_do_not_fail(tmp_path: Path) -> None:
    table = tmp_path / "own.csv"
    table.write_text("path,gloss,split\na.mp4,x,train\nb.mp4,x,test\n", "utf-8")
    study = study_option(tmp_path, title="Own", dataset={"format": "csv"}, facts={})
    program.main([*study, "--table", str(table), "--output", str(tmp_path / "out")])
    result = json.loads((tmp_path / "out" / "verification.json").read_text("utf-8"))
    passed = {check["name"]: check["passed"] for check in result["checks"]}
    assert passed["ids_unique"] is True
    assert passed["clips"] is None
    assert result["passed"] is True
