"""A new table is one function with its caption; a new mapper is one function, too."""

import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from helpers.predictions import RUNS, only

import score
from zerosign import scoring as package
from zerosign.mapping.mappers import MAPPERS, Choice, Decision, mapper
from zerosign.mapping.outcomes import Outcome, Step
from zerosign.mapping.reading import Reading
from zerosign.scoring import mapper_comparison, table_registry

DUMMY = '''
"""Letters."""
import polars as pl
from zerosign.scoring.table_registry import table

@table("letters", "Length of the answers to {n_expected} clips.")
def letters(inputs):
    return inputs.joined.group_by("run", maintain_order=True).agg(
        pl.col("text").str.len_chars().mean()
    )
'''


@pytest.fixture
def letters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A file with a table in a folder of the package."""
    (tmp_path / "letters.py").write_text(DUMMY)
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    registered = dict(table_registry._REGISTERED)
    table_registry.tables.cache_clear()
    yield
    table_registry._REGISTERED.clear()
    table_registry._REGISTERED.update(registered)
    table_registry.tables.cache_clear()
    sys.modules.pop("zerosign.scoring.letters", None)


@pytest.mark.usefixtures("letters")
def test_one_function_makes_a_table(arguments: list[str], tmp_path: Path) -> None:
    assert table_registry.tables()["letters"].module == "zerosign.scoring.letters"
    assert "  letters: Length of the answers" in score.parser().format_help()
    score.main([*arguments, "--output", str(tmp_path / "tables")])
    written = pl.read_csv(tmp_path / "tables/letters.csv")
    assert written["run"].to_list() == ["good", "bad"]
    caption = (tmp_path / "tables/letters.rst").read_text()
    assert caption == (
        "Length of the answers to 12 clips. Answers count by the mapper lexical\\_similarity: "
        "lexical, else the nearest sentence embedding above the threshold.\n"
    )
    mappers = (tmp_path / "tables/mappers.rst").read_text()
    assert "Answers count by" not in mappers


def test_every_table_has_a_caption() -> None:
    for table in table_registry.tables().values():
        assert table.caption.endswith(".")


def test_one_function_makes_a_mapper(joined: pl.DataFrame) -> None:
    try:

        @mapper("first", "always the first class")
        def first(reading: Reading, threshold: float) -> Choice:
            return 0, Step.EXACT

        reading = Reading(Outcome.OUT_OF_VOCABULARY)
        assert Decision(reading, MAPPERS["first"], 0.5).class_index == 0
        with_first = joined.with_columns(first=pl.lit(0, pl.Int32))
        table = mapper_comparison.rates(with_first, RUNS, 0.95)
        assert only(table, run="good", mapper="first")["top1"] == 3 / 12
        agreement = mapper_comparison.agreement(with_first, RUNS)
        assert "first" in set(agreement["mapper_b"])
        assert "first: always the first class" in table_registry.tables()["mappers"].help
    finally:
        MAPPERS.pop("first")


def test_the_caption_names_every_mapper() -> None:
    caption = table_registry.tables()["mappers"].help
    for name, entry in MAPPERS.items():
        assert f"{name}: {entry.summary}" in caption
