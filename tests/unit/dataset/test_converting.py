"""Lists of other data sets, in their published form, become a CSV that a study reads."""

import json
from pathlib import Path

import pytest

import convert_dataset
from zerosign.dataset import clips as dataset_clips
from zerosign.dataset import converting
from zerosign.errors import UserError

MS_ASL = {
    "org_text": "match [light-a-MATCH]",
    "clean_text": "match",
    "start_time": 0.0,
    "signer_id": 7,
    "signer": 0,
    "start": 0,
    "end": 83,
    "file": "match light-a-MATCH",
    "label": 1,
    "height": 360.0,
    "fps": 30.0,
    "end_time": 2.767,
    "url": "https://www.youtube.com/watch?v=C37R_Ix8-qs",
    "text": "match",
    "box": [0.0575, 0.2164, 1.0, 0.7309],
    "width": 640.0,
}


def convert(name: str, lists: Path, *more: str) -> Path:
    output = lists.parent / "study" / "signs.csv"
    convert_dataset.main([name, "--lists", str(lists), "--output", str(output), *more])
    return output


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    (tmp_path / "lists").mkdir()
    return tmp_path / "lists"


def test_ms_asl(lists: Path) -> None:
    (lists / "MSASL_classes.json").write_text('["hello", "match"]')
    other = MS_ASL | {"url": "www.youtube.com/watch?v=abcdefghij-", "start_time": 4.5, "label": 0}
    (lists / "MSASL_train.json").write_text(json.dumps([MS_ASL, other | {"end_time": 6}]))
    (lists / "MSASL_test.json").write_text(json.dumps([MS_ASL]))
    rows = dataset_clips.read_table(convert("ms-asl", lists))
    assert rows["video_id"].to_list() == ["train-00000", "train-00001", "test-00000"]
    assert rows["gloss"].to_list() == ["match", "hello", "match"]
    assert rows["split"].to_list() == ["train", "train", "test"]
    assert rows["signer"].to_list() == ["7"] * 3
    assert rows["url"][1] == "https://www.youtube.com/watch?v=abcdefghij-"
    assert rows["start_declared"].to_list() == [0, 4.5, 0]
    assert rows["end_declared"].to_list() == [2.767, 6, 2.767]
    assert rows["bbox"][0].to_list() == [0.2164, 0.0575, 0.7309, 1.0]  # left, top, right, bottom
    assert rows["path"].to_list() == [None] * 3


def test_autsl(lists: Path) -> None:
    (lists / "SignList_ClassId_TR_EN.csv").write_text(
        "ClassId,TR,EN\n0,abla,sister\n1,agac,tree\n2,kiz kardes,sister\n", "utf-8-sig"
    )
    (lists / "train_labels.csv").write_text("signer0_sample1,1\nsigner12_sample20,2\n")
    (lists / "validation_labels.csv").write_text("signer0_sample1,0\n")
    output = convert("autsl", lists, "--videos", str(lists.parent / "AUTSL"))
    rows = dataset_clips.read_table(output)
    assert rows["gloss"].to_list() == ["tree", "sister (kiz kardes)", "sister (abla)"]
    assert rows["split"].to_list() == ["train", "train", "val"]
    assert rows["signer"].to_list() == ["0", "12", "0"]
    assert rows["video_id"].n_unique() == 3
    expected = lists.parent / "AUTSL/train/signer0_sample1_color.mp4"
    assert Path(rows["path"][0]).resolve() == expected.resolve()


def test_asl_citizen(lists: Path) -> None:
    head = "Participant ID,Video file,Gloss,ASL-LEX Code\n"
    (lists / "test.csv").write_text(
        f"{head}P15,11562742429028061-REMEMBER.mp4,REMEMBER2,C_02_014\n"
        "P15,4.72991-NOT MIND.mp4,NOTMIND,NA\n"
    )
    output = convert("asl-citizen", lists, "--videos", str(lists.parent / "videos"))
    rows = dataset_clips.clips(dataset_clips.read_table(output), 1, output)
    assert rows["video_id"].to_list() == ["11562742429028061-REMEMBER", "4_72991-NOT_MIND"]
    assert rows["gloss"].to_list() == ["REMEMBER2", "NOTMIND"]
    assert Path(rows["path"][1]).name == "4.72991-NOT MIND.mp4"


def test_sem_lex(lists: Path) -> None:
    (lists / "semlex_metadata.csv").write_text(
        "video_id,signer_id,label,label_type,split\n"
        "AjcA,s1,30_minute ,asllex,train\n"
        "AjcB,s2,my word,freetext,test\n"
        "AjcC,s2,last year,asllex,test\n"
        "AjcC,s2,last year,asllex,test\n"
        "AjcD,s2,na,asllex,\n"
    )
    output = convert("sem-lex", lists, "--videos", str(lists.parent / "semlex"))
    rows = dataset_clips.read_table(output)
    assert rows["video_id"].to_list() == ["AjcA", "AjcC"]
    assert rows["gloss"].to_list() == ["30_minute", "last year"]
    assert rows["path"][1].endswith("semlex/test/AjcC.webm")


def test_faults_are_one_line(lists: Path) -> None:
    with pytest.raises(UserError, match=r"none of train\.csv, val\.csv, test\.csv is there"):
        convert("asl-citizen", lists)
    (lists / "test.csv").write_text("Participant,Video file,Gloss\na,b.mp4,C\n")
    with pytest.raises(UserError, match=r"test\.csv: line 2: nothing is known of 'Participant ID'"):
        convert("asl-citizen", lists)
    (lists / "test.csv").write_text("Participant ID,Video file,Gloss\na,b c.mp4,C\na,b_c.mp4,C\n")
    with pytest.raises(UserError, match=r"'b c' and 'b_c' both become 'b_c'"):
        convert("asl-citizen", lists)
    (lists / "test.csv").write_text("Participant ID,Video file,Gloss\na,b c.mp4,C\n")
    with pytest.raises(UserError, match="--videos: name the folder"):
        convert("asl-citizen", lists)
    (lists / "MSASL_classes.json").write_text('["hello"]')
    (lists / "MSASL_val.json").write_text(json.dumps([MS_ASL | {"box": [1, 2]}]))
    with pytest.raises(UserError, match=r"MSASL_val\.json: entry 0: not as in the published list"):
        convert("ms-asl", lists)
    assert not (lists.parent / "study" / "signs.csv").exists()


def test_every_converter_is_explained() -> None:
    page = (Path(__file__).parents[3] / "docs/other-datasets.md").read_text("utf-8")
    assert all(f"`{name}`" in page for name in converting.CONVERTERS)
