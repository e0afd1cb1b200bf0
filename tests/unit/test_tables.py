import csv
from pathlib import Path
from typing import Any

import jinja2
import polars as pl
import pytest
from docutils.core import publish_doctree

from zerosign.tables import FORMS, escape_latex, escape_markdown, escape_restructured, write_table


@pytest.fixture
def frame() -> Any:
    return pl.DataFrame(
        {
            "run_name": ["a_b.c%", "x|y\nz", "none"],
            "share": [0.1467065868, 1.0, None],
            "p": [1.23456e-5, 0.5, 0.0],
            "n": [668, 0, None],
            "missed": [["go", "stop"], [], None],
        }
    )


def test_the_forms_of_one_table(frame: Any, tmp_path: Path) -> None:
    write_table(frame, tmp_path / "acc.racy", "50 % of A & B")
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "acc.racy.csv",
        "acc.racy.md",
        "acc.racy.rst",
        "acc.racy.tex",
    ]
    markdown = (tmp_path / "acc.racy.md").read_text().splitlines()
    assert markdown[0] == "50 % of A & B"
    assert markdown[2] == r"| run\_name | share | p | n | missed |"
    assert markdown[3] == "| --- | ---: | ---: | ---: | --- |"
    assert markdown[4] == r"| a\_b.c% | 0.1467 | 1.23e-05 | 668 | go; stop |"
    assert markdown[5] == r"| x\|y z | 1.0000 | 0.5 | 0 |  |"
    latex = (tmp_path / "acc.racy.tex").read_text()
    assert r"\caption{50 \% of A \& B}\label{tab:acc.racy}" in latex
    assert r"a\_b.c\% & 0.1467 & 1.23e-05 & 668 & go; stop \\" in latex
    assert r"\begin{tabular}{lrrrl}" in latex


def test_csv_keeps_every_digit_and_the_gloss_none(frame: Any, tmp_path: Path) -> None:
    write_table(frame, tmp_path / "t", "")
    with open(tmp_path / "t.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert float(rows[0]["share"]) == 0.1467065868
    assert rows[1]["run_name"] == "x|y\nz"
    back = pl.read_csv(tmp_path / "t.csv")
    assert back["run_name"][2] == "none"
    assert back["n"][2] is None


def test_same_bytes_and_nothing_left_behind(frame: Any, tmp_path: Path) -> None:
    written = []
    for _ in range(2):
        write_table(frame, tmp_path / "t", "caption")
        written.append({path.name: path.read_bytes() for path in tmp_path.iterdir()})
    assert written[0] == written[1]
    assert len(written[0]) == 4


def test_long_tables_may_break_over_pages(tmp_path: Path) -> None:
    write_table(pl.DataFrame({"n": range(51)}), tmp_path / "t", "c")
    text = (tmp_path / "t.tex").read_text()
    assert r"\begin{longtable}{r}" in text
    assert text.count("{") == text.count("}")


def test_an_empty_table_has_a_header(tmp_path: Path) -> None:
    write_table(pl.DataFrame(schema={"run": pl.String, "top1": pl.Float64}), tmp_path / "t", "c")
    assert (tmp_path / "t.csv").read_text() == "run,top1\n"


def test_escapes() -> None:
    assert escape_latex("a\\b{c}_d^e~f") == (
        r"a\textbackslash{}b\{c\}\_d\textasciicircum{}e\textasciitilde{}f"
    )
    assert escape_markdown("*a* [b] <c>") == r"\*a\* \[b\] \<c\>"


def test_the_forms_are_those_that_rules_declare(frame: Any, tmp_path: Path) -> None:
    write_table(frame, tmp_path / "t", "caption")
    assert sorted(path.suffix for path in tmp_path.iterdir()) == sorted(
        f".{form}" for form in FORMS
    )


@pytest.mark.parametrize(
    "text", ["a_ b* c` |d| <e>", "{{ x }} {% if %}", r"50 % \ of _all_", "plain"]
)
def test_a_caption_is_itself_in_the_report(text: str) -> None:
    rendered = jinja2.Environment().from_string(escape_restructured(text)).render()
    assert publish_doctree(rendered).astext() == text
