"""The program: every table of the registry, the same twice."""

from pathlib import Path

import score
from zerosign.scoring.table_registry import tables
from zerosign.tables import FORMS


def test_program_writes_every_table_the_same_twice(arguments: list[str], tmp_path: Path) -> None:
    for folder in ("one", "two"):
        score.main([*arguments, "--output", str(tmp_path / folder)])
    one = {path.name: path.read_bytes() for path in (tmp_path / "one").iterdir()}
    assert one == {path.name: path.read_bytes() for path in (tmp_path / "two").iterdir()}
    assert set(one) == {f"{name}.{form}" for name in tables() for form in FORMS}
    caption = "Top-1 accuracy on 12 expected clips with 95 % Wilson intervals, widened"
    assert one["accuracy.md"].decode().startswith(caption)
    assert one["accuracy.rst"].decode().startswith(caption)


def test_help_lists_the_tables_with_their_captions() -> None:
    text = score.parser().format_help()
    for name in tables():
        assert f"  {name}: " in text
