"""Reading WLASL's metadata, a split file, and a user's own table."""

import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from helpers.study_files import study_option
from helpers.wlasl_metadata import instance

import clips as program
from zerosign.dataset import clips as dataset_clips
from zerosign.dataset.shards import shard_of
from zerosign.errors import UserError


def write(folder: Path, content: Any) -> Path:
    path = folder / "meta.json"
    path.write_text(json.dumps(content), "utf-8")
    return path


def test_rows_are_in_file_order_with_the_position_as_class(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        [
            {"gloss": "zebra", "instances": [instance("00002"), instance("00001", split="test")]},
            {"gloss": "none", "instances": [instance("00003", frame_start=9, frame_end=20)]},
        ],
    )
    rows = dataset_clips.read_metadata(path)
    assert rows["video_id"].to_list() == ["00002", "00001", "00003"]
    assert rows["gloss"].to_list() == ["zebra", "zebra", "none"]
    assert rows["class_index"].to_list() == [0, 0, 1]
    assert rows["frame_end"].to_list() == [-1, -1, 20]
    assert rows["signer"].to_list() == ["3"] * 3
    assert dataset_clips.read_metadata(path, 1).height == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({}, "expected a list of glosses"),
        ([], "expected a list of glosses"),
        ([{"instances": []}], "entry 0: no 'gloss'"),
        ([{"gloss": "a"}], "entry 0 ('a'): no list of 'instances'"),
        ([{"gloss": "a", "instances": [7]}], "entry 0 ('a'), instance 0: not an object"),
        (
            [{"gloss": "a", "instances": [instance(), instance(frame_start="1")]}],
            "instance 1: 'frame_start' must be int, found '1'",
        ),
        ([{"gloss": "a", "instances": [instance(video_id=None)]}], "'video_id' must be str"),
        ([{"gloss": "a", "instances": [instance(frame_end=True)]}], "'frame_end' must be int"),
    ],
)
def test_a_malformed_file_is_one_line_that_names_the_place(
    tmp_path: Path, content: Any, said: str
) -> None:
    with pytest.raises(UserError) as error:
        dataset_clips.read_metadata(write(tmp_path, content))
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_truncated_file_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, [{"gloss": "a", "instances": [instance()]}])
    path.write_text(path.read_text()[:-20])
    with pytest.raises(UserError, match=r"meta\.json: not valid JSON .* truncated"):
        dataset_clips.read_metadata(path)


def test_too_few_glosses_for_the_subset(tmp_path: Path) -> None:
    path = write(tmp_path, [{"gloss": "a", "instances": [instance()]}])
    with pytest.raises(UserError, match="has 1 glosses, the subset asks for 300"):
        dataset_clips.read_metadata(path, 300)


def test_a_split_file(tmp_path: Path) -> None:
    path = write(tmp_path, {"00001": {"subset": "val", "action": [7, 1, 55]}})
    assert dataset_clips.read_split_file(path).rows() == [("00001", "val", 7, 1, 55)]
    bad = write(tmp_path, {"00001": {"subset": "val", "action": [7, 1]}})
    with pytest.raises(UserError, match="00001: expected"):
        dataset_clips.read_split_file(bad)


@pytest.mark.parametrize("bad", ["../../etc", "", "a/b", "-rf", "a b", "a" * 65, "0\n1", "ü"])
def test_ids_that_cannot_be_file_names_are_refused(tmp_path: Path, bad: str) -> None:
    path = write(tmp_path, [{"gloss": "a", "instances": [instance(), instance(bad)]}])
    with pytest.raises(UserError, match="cannot be file names"):
        dataset_clips.clips(dataset_clips.read_metadata(path), 4, path)


def test_duplicate_ids_and_unknown_splits_are_named(tmp_path: Path) -> None:
    twice = write(tmp_path, [{"gloss": "a", "instances": [instance(), instance()]}])
    with pytest.raises(UserError, match="more than once: 00001"):
        dataset_clips.clips(dataset_clips.read_metadata(twice), 4, twice)
    strange = write(tmp_path, [{"gloss": "a", "instances": [instance(split="dev")]}])
    with pytest.raises(UserError, match="split 'dev' of 00001"):
        dataset_clips.clips(dataset_clips.read_metadata(strange), 4, strange)


def test_the_program_writes_the_contracts_columns(tmp_path: Path) -> None:
    path = write(tmp_path, [{"gloss": "a", "instances": [instance("00007")]}])
    output = tmp_path / "clips.parquet"
    study = study_option(tmp_path, dataset={"format": "wlasl", "subset": 1}, shards=5)
    program.main([*study, "--table", str(path), "--output", str(output)])
    clips = pl.read_parquet(output)
    assert clips.schema == pl.Schema({**dataset_clips.CLIP_SCHEMA, "shard": pl.Int32})
    assert clips["shard"].to_list() == [shard_of("00007", 5)]


@pytest.mark.parametrize(
    ("subset", "clips", "splits"),
    [
        (100, 2038, (1442, 338, 258)),
        (300, 5117, (3549, 900, 668)),
        (1000, 13168, (8974, 2318, 1876)),
        (2000, 21083, (14289, 3916, 2878)),
    ],
)
def test_every_subset_by_its_size(
    wlasl: Path, tmp_path: Path, subset: int, clips: int, splits: tuple[Any, ...]
) -> None:
    output = tmp_path / "clips.parquet"
    study = study_option(tmp_path, dataset={"format": "wlasl", "subset": subset}, shards=16)
    program.main([*study, "--table", str(wlasl / "WLASL_v0.3.json"), "--output", str(output)])
    table = pl.read_parquet(output)
    assert table.height == clips
    assert tuple((table["split"] == s).sum() for s in ("train", "val", "test")) == splits
    assert table["class_index"].n_unique() == table["gloss"].n_unique() == subset
    assert table["shard"].n_unique() == 16


# A user's own table: a few Czech signs


CZECH = """path,gloss,split,signer
klipy/dum_a.mp4,dům,train,anna
klipy/dum_b.mp4,dům,test,Božena
"klipy/kočka, domácí.mp4",none,test,
"""


def test_an_own_table_in_another_sign_language(tmp_path: Path) -> None:
    path = tmp_path / "znaky.csv"
    path.write_text(CZECH.replace("kočka, domácí", "kocka"), "utf-8-sig")
    rows = dataset_clips.clips(dataset_clips.read_table(path), 2, path)
    assert rows["video_id"].to_list() == ["dum_a", "dum_b", "kocka"]
    assert rows["gloss"].to_list() == ["dům", "dům", "none"]
    assert rows["class_index"].to_list() == [0, 0, 1]
    assert rows["signer"].to_list() == ["anna", "Božena", None]
    assert rows["path"][0] == str(tmp_path / "klipy/dum_a.mp4")
    assert (rows["frame_start"][0], rows["frame_end"][0]) == (1, -1)


def test_a_file_name_that_is_no_id_asks_for_a_column(tmp_path: Path) -> None:
    path = tmp_path / "znaky.csv"
    path.write_text(CZECH, "utf-8")
    with pytest.raises(UserError, match="cannot be file names: 'kočka, domácí'"):
        dataset_clips.clips(dataset_clips.read_table(path), 2, path)
    lines = CZECH.splitlines()
    lines = [
        f"{line},{name}" for line, name in zip(lines, ["video_id", "1", "2", "3"], strict=True)
    ]
    path.write_text("\n".join(lines), "utf-8")
    assert dataset_clips.read_table(path)["video_id"].to_list() == ["1", "2", "3"]


UNCUT = """path,gloss,split,video_id,url,start,end,rate,bbox
long.mp4,hi,train,a,,1.5,2.5,,10 20 110.5 220
long.mp4,hi,test,b,,30,,25,"0.1, 0.2, 0.9, 1"
,bye,test,c,https://youtu.be/abcdefghijk,,60,30,
d.mp4,bye,test,,,,,,
"""


def test_clips_that_are_parts_of_files(tmp_path: Path) -> None:
    path = tmp_path / "uncut.csv"
    path.write_text(UNCUT, "utf-8")
    rows = dataset_clips.read_table(path)
    assert rows["video_id"].to_list() == ["a", "b", "c", "d"]
    assert rows["start_declared"].to_list() == [1.5, 1.2, None, None]
    assert rows["end_declared"].to_list() == [2.5, None, 2.0, None]
    assert rows["bbox"].to_list() == [[10, 20, 110.5, 220], [0.1, 0.2, 0.9, 1], None, None]
    assert rows["path"].to_list()[2] is None
    assert rows["url"].to_list() == [None, None, "https://youtu.be/abcdefghijk", None]


def test_the_box_of_wlasls_metadata_is_kept(tmp_path: Path) -> None:
    path = write(tmp_path, [{"gloss": "a", "instances": [instance("1", bbox=[1, 2, 30, 40])]}])
    assert dataset_clips.read_metadata(path)["bbox"].to_list() == [[1, 2, 30, 40]]
    path = write(tmp_path, [{"gloss": "a", "instances": [instance("1", bbox=[1, 2, 30])]}])
    with pytest.raises(UserError, match=r"instance 0: 'bbox' must be four numbers, found \[1, 2"):
        dataset_clips.read_metadata(path)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("a.mp4,x,test,,,3,2,,", "line 2: 'end' (2) is not after 'start'"),
        ("a.mp4,x,test,,,x,2,,", "line 2: 'start' is 'x', not a number from 0 on"),
        ("a.mp4,x,test,,,nan,2,,", "line 2: 'start' is 'nan', not a number from 0 on"),
        ("a.mp4,x,test,,,1,2,0,", "line 2: 'rate' is 0; leave it empty for seconds"),
        ("a.mp4,x,test,,,1,2,,1 2 3", "line 2: 'bbox' is '1 2 3', not four numbers"),
        ("a.mp4,x,test,,,1,2,,5 5 5 9", "line 2: 'bbox' is '5 5 5 9', not four numbers"),
        (",x,test,a,,,,,", "line 2: 'path' and 'url' are empty"),
        (",x,test,,http://a/b.mp4,,,,", "line 2: a clip without 'path' needs a 'video_id'"),
    ],
)
def test_a_wrong_range_or_box_names_its_line(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"{UNCUT.splitlines()[0]}\n{line}\n", "utf-8")
    with pytest.raises(UserError, match=re.escape(said)):
        dataset_clips.read_table(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("path,gloss\na.mp4,x\n", "no column 'split'"),
        ("gloss,split\nx,test\n", "no column 'path' or 'url'"),
        ("path,gloss,split,singer\na.mp4,x,test,b\n", "unknown column 'singer'"),
        ("path,gloss,split\n", "has no rows"),
        ("path,gloss,split\na.mp4,x,test\nb.mp4,,test\n", "line 3: 'gloss' is empty"),
        ("", "not a readable CSV"),
    ],
)
def test_a_wrong_table_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text, "utf-8")
    with pytest.raises(UserError, match=said) as error:
        dataset_clips.read_table(path)
    assert "\n" not in str(error.value)


def test_a_table_in_another_encoding_or_missing(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("path,gloss,split\na.mp4,dům,test\n".encode("cp1250"))
    with pytest.raises(UserError, match="UTF-8"):
        dataset_clips.read_table(path)
    with pytest.raises(UserError, match="no such file"):
        dataset_clips.read_table(tmp_path / "b.csv")


def test_many_ids_are_named_in_part() -> None:
    assert dataset_clips.name_some([str(i) for i in range(20)], 3) == "0, 1, 2 and 17 more"
