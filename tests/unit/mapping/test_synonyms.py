import json
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import synonyms as program
from zerosign.errors import UserError
from zerosign.mapping import synonyms

DEBIAN = Path("/usr/share/wordnet")
LICENCE = "  1 This software and database is being provided to you, the LICENSEE\n"


@pytest.fixture
def database(tmp_path: Path) -> Any:
    """A WordNet of two noun synsets and an adjective, in the format of wndb(5)."""
    folder = tmp_path / "wordnet"
    folder.mkdir()
    lines = {
        "noun": [
            ["03 n 02 car 0 auto 0 000 | a motor vehicle"],
            ["03 n 03 car 1 railway_car 0 Cabin 0 000 | a wheeled vehicle"],
        ],
        "adj": [["03 a 02 galore(ip) 0 plenty 0 000 | in abundance"]],
        "verb": [["03 v 02 run 0 go 0 000 01 + 02 00 | move fast"]],
        "adv": [],
    }
    index = {
        "noun": "car n 2 0 2 0 {0} {1}\nauto n 1 0 1 0 {0}\nrailway_car n 1 0 1 0 {1}\n",
        "adj": "plenty a 1 1 ! 1 0 {0}\ngalore a 1 0 1 0 {0}\n",
        "verb": "run v 1 0 1 0 {0}\n",
        "adv": "",
    }
    exceptions = {"verb": "ran run\n", "noun": "", "adj": "", "adv": ""}
    for part, synsets in lines.items():
        text, offsets = LICENCE, []
        for (line,) in synsets:
            offsets.append(f"{len(text):08d}")
            text += f"{offsets[-1]} {line}  \n"
        (folder / f"data.{part}").write_text(text)
        (folder / f"index.{part}").write_text(LICENCE + index[part].format(*offsets))
        (folder / f"{part}.exc").write_text(exceptions[part])
    return folder


def test_synonyms_come_from_all_senses_parts_and_base_forms(database: Any) -> None:
    with synonyms.wordnet(database) as reader:
        assert set(synonyms.synonyms(reader, "car")) == {"auto", "railway car", "cabin"}
        assert set(synonyms.synonyms(reader, "cars")) == {"car", "auto", "railway car", "cabin"}
        assert set(synonyms.synonyms(reader, "ran")) == {"run", "go"}
        assert set(synonyms.synonyms(reader, "plenty")) == {"galore"}
        assert set(synonyms.synonyms(reader, "railway car")) == {"car", "cabin"}
        assert synonyms.synonyms(reader, "what") == {}


def test_other_classes_are_marked(database: Any) -> None:
    found = synonyms.from_wordnet(database, ["car", "auto", "what"])
    rows = found.select("gloss", "synonym", "other_class").rows()
    assert rows == [
        ("car", "auto", 1),
        ("car", "cabin", None),
        ("car", "railway car", None),
        ("auto", "car", 0),
    ]
    assert found["origin"].to_list() == ["car.n.01", "car.n.02", "car.n.02", "car.n.01"]


def test_an_archive_is_as_good_as_a_folder(database: Any, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "wordnet.zip", "w") as archive:
        for path in sorted(database.iterdir()):
            archive.write(path, f"wordnet/{path.name}")
    first = synonyms.from_wordnet(database, ["car"])
    assert first.equals(synonyms.from_wordnet(tmp_path / "wordnet.zip", ["car"]))
    assert first.equals(synonyms.from_wordnet(tmp_path, ["car"]))


def test_a_database_that_is_not_there_or_broken(database: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="install Debian's wordnet-base"):
        synonyms.from_wordnet(tmp_path / "nowhere", ["car"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"has no index\.noun"):
        synonyms.from_wordnet(tmp_path / "empty", ["car"])
    (database / "verb.exc").unlink()
    with pytest.raises(UserError, match=r"has no verb\.exc"):
        synonyms.from_wordnet(database, ["car"])


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("index.noun", "car n 2 0 2 0 ", "car n 2 0 2 0 1"),  # offsets that lead nowhere
        ("index.noun", "car n 2 0 2 0 ", "car n two 0 2 0 "),
        ("index.noun", "car n 2 0 2 0 ", "car n\n"),
        ("data.noun", "03 n 02 car", "03 n xx car"),
        ("data.noun", " 03 n 02 car", ""),
    ],
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_damaged_database(database: Any, name: str, old: str, new: str) -> None:
    text = (database / name).read_text()
    assert old in text
    (database / name).write_text(text.replace(old, new, 1))
    with pytest.raises(UserError, match=r"nltk cannot read this WordNet database \([^\n]+\)"):
        synonyms.from_wordnet(database, ["car"])


def test_a_table_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("gloss,synonym\ncar,Motor-Car\ncar,car\nnone,zero\n")
    found = synonyms.from_table(tmp_path / "own.csv", ["car", "none"])
    assert found.select("gloss", "synonym", "origin").rows() == [
        ("car", "motor car", "own.csv"),
        ("none", "zero", "own.csv"),
    ]
    with pytest.raises(UserError, match="'none' is no gloss of the study"):
        synonyms.from_table(tmp_path / "own.csv", ["car"])
    (tmp_path / "own.csv").write_text("word\ncar\n")
    with pytest.raises(UserError, match="needs the columns"):
        synonyms.from_table(tmp_path / "own.csv", ["car"])
    (tmp_path / "own.csv").write_text("gloss,synonym\ncar,\ncar,auto\n")
    assert synonyms.from_table(tmp_path / "own.csv", ["car"])["synonym"].to_list() == ["auto"]


@pytest.mark.parametrize(
    "content", [None, b"", b"gloss,synonym\ncar,auto,motor\n", b"gloss,synonym\ncar,caf\xe9\n"]
)
def test_a_table_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "own.csv").write_bytes(content)
    with pytest.raises(UserError, match=r"own\.csv: cannot be read as CSV in UTF-8 \([^\n]+\)$"):
        synonyms.from_table(tmp_path / "own.csv", ["car"])


def test_a_row_without_a_gloss(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("gloss,synonym\n,auto\n")
    with pytest.raises(UserError, match="'' is no gloss of the study"):
        synonyms.from_table(tmp_path / "own.csv", ["car"])


def test_program(database: Any, tmp_path: Path) -> None:
    clips = pl.DataFrame({"class_index": [0, 1, 1], "gloss": ["car", "run", "run"]})
    clips.write_parquet(tmp_path / "clips.parquet")
    (tmp_path / "study.json").write_text(json.dumps({"synonyms": {"wordnet": str(database)}}))
    arguments = ["--study", f"{tmp_path}/study.json", "--clips", f"{tmp_path}/clips.parquet"]
    program.main([*arguments, "--output", f"{tmp_path}/out.parquet"])
    assert pl.read_parquet(tmp_path / "out.parquet")["gloss"].unique().sort().to_list() == [
        *["car", "run"]
    ]


@pytest.mark.skipif(not (DEBIAN / "index.noun").exists(), reason="needs Debian's wordnet-base")
def test_wordnet_on_the_300_glosses(wlasl: Path) -> None:
    glosses = [entry["gloss"] for entry in json.loads((wlasl / "WLASL_v0.3.json").read_text())]
    found = synonyms.from_wordnet(DEBIAN, glosses[:300])
    assert found["other_class"].count() == 203
    silent = set(glosses[:300]) - set(found["gloss"])
    assert {"what", "how", "with", "you", "because", "since", "where", "your"} <= silent
