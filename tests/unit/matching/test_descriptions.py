"""Files of descriptions: read strictly, merged by preference, their coverage counted."""

from pathlib import Path

import polars as pl
import pytest

import descriptions as program
from zerosign.errors import UserError
from zerosign.matching import descriptions

GLOSSES = ["book", "none", "123", "go"]


def write(path: Path, text: str) -> str:
    path.write_text(text, "utf-8")
    return str(path)


def test_reading_keeps_words_and_squeezes_blanks(tmp_path: Path) -> None:
    text = 'source,gloss,description\nme,none,"two hands,\n  open"\n,123, one hand \n'
    table = descriptions.read(write(tmp_path / "d.csv", "\ufeff" + text))
    assert table.columns == list(descriptions.COLUMNS)
    assert table.rows() == [
        ("none", "two hands, open", "me", None, None),
        ("123", "one hand", None, None, None),
    ]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("gloss,text\nbook,x\n", "no column 'description'"),
        ("description\nx\n", "no column 'gloss'"),
        ("gloss,description,license\nbook,x,y\n", "unknown column 'license'; known are .*licence"),
        ("gloss,description\nbook,x\nbook,y\n", "duplicate gloss 'book'"),
        ("gloss,description\nbook, \n", "gloss 'book' has no description; leave its row out"),
        ("gloss,description\nbook,x\n,y\n", "row 2 has no gloss"),
        ("gloss,description\nbook,x,y\n", "cannot be read as CSV"),
        ("", "cannot be read as CSV"),
    ],
)
def test_faults_are_one_line_that_names_the_file(tmp_path: Path, content: str, says: str) -> None:
    path = write(tmp_path / "d.csv", content)
    with pytest.raises(UserError, match=says) as caught:
        descriptions.read(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read as CSV"):
        descriptions.read(tmp_path / "d.csv")


def arguments(folder: Path) -> list[str]:
    clips = pl.DataFrame({"gloss": GLOSSES, "class_index": range(len(GLOSSES))})
    clips.write_parquet(folder / "clips.parquet")
    written = ["--table", f"{folder}/t", "--output", f"{folder}/d.parquet"]
    return ["--clips", f"{folder}/clips.parquet", *written]


def test_the_first_file_wins_and_coverage_is_counted(tmp_path: Path) -> None:
    first = write(tmp_path / "a.csv", "gloss,description\n123,mine\nzebra,other study\n")
    second = write(tmp_path / "b.csv", "gloss,description,url\nnone,x,u\n123,theirs,u\nbook,y,u\n")
    program.main([*arguments(tmp_path), "--sources", first, second])
    merged = pl.read_parquet(tmp_path / "d.parquet")
    assert merged.columns == [*descriptions.COLUMNS, "file"]
    assert merged.select("gloss", "description", "file").rows() == [
        ("book", "y", second),
        ("none", "x", second),
        ("123", "mine", first),
    ]
    table = pl.read_csv(tmp_path / "t.csv", infer_schema=False)
    assert table.rows() == [
        (first, "2", "1", "1", "1", ""),
        (second, "3", "0", "3", "2", ""),
        ("all", "5", "1", "3", "3", "go"),
    ]


def test_files_about_another_study(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "gloss,description\nzebra,stripes\n")
    with pytest.raises(UserError, match="none of the study's 4 glosses is described"):
        program.main([*arguments(tmp_path), "--sources", path])
