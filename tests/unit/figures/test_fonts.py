"""Figures in any script: fonts that are installed, code points where none has a character."""

import logging
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from helpers.tables_of_runs import tables
from matplotlib import font_manager
from matplotlib.text import Text

from zerosign.figures import fonts, style
from zerosign.figures.figure_registry import draw


def make_font(path: Path, family: str, characters: str) -> None:
    """A font that has these characters alone, each a box."""
    pen = TTGlyphPen(None)
    for i, point in enumerate([(0, 0), (0, 500), (500, 500), (500, 0)]):
        (pen.lineTo if i else pen.moveTo)(point)
    pen.closePath()
    box = pen.glyph()
    names = [".notdef", *(f"uni{ord(c):04X}" for c in characters)]
    font = FontBuilder(1000, isTTF=True)
    font.setupGlyphOrder(names)
    font.setupCharacterMap({ord(c): f"uni{ord(c):04X}" for c in characters})
    font.setupGlyf(dict.fromkeys(names, box))
    font.setupHorizontalMetrics(dict.fromkeys(names, (600, 0)))
    font.setupHorizontalHeader(ascent=800, descent=-200)
    font.setupNameTable({"familyName": family, "styleName": "Regular"})
    font.setupOS2()
    font.setupPost()
    font.save(path)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two fonts next to matplotlib's own, and no others."""
    manager = font_manager.fontManager
    own = [entry for entry in manager.ttflist if entry.name == fonts.MAIN]
    monkeypatch.setattr(manager, "ttflist", own)
    for family, characters in (("Thai of the test", "แมว"), ("Signs of the test", "水हिन्दी")):
        make_font(tmp_path / f"{family}.ttf", family, characters)
        manager.addfont(tmp_path / f"{family}.ttf")
    fonts._fallbacks.cache_clear()
    manager._findfont_cached.cache_clear()
    yield
    fonts._fallbacks.cache_clear()
    manager._findfont_cached.cache_clear()


def renamed(**glosses: str) -> dict[str, pl.DataFrame]:
    """Tables of three runs with other glosses."""
    return {
        name: table.with_columns(pl.selectors.string().replace(glosses))
        for name, table in tables(3).items()
    }


@pytest.mark.usefixtures("installed")
def test_fonts_that_have_what_the_main_one_lacks() -> None:
    assert fonts.fallbacks(["book", "Größe", "вода", "νερό"]) == fonts.Fallbacks((), frozenset())
    found = fonts.fallbacks(["แมว", "水", "a b\n"])
    assert found == fonts.Fallbacks(("Thai of the test", "Signs of the test"), frozenset())
    assert fonts.fallbacks(["እ"]).without == {"እ"}


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("name", ["confusion", "per_gloss"])
def test_glosses_of_any_script_are_drawn(name: str, tmp_path: Path) -> None:
    """matplotlib warns of a character without a glyph, and warnings are errors here."""
    figure = draw(name, renamed(car="แมว", book="水", dad="हिन्दी"), 0.95, "x")
    style.save(figure, tmp_path / name)
    texts = {text.get_text() for text in figure.findobj(Text)}
    assert {"แมว", "水", "हिन्दी"} <= texts
    assert (tmp_path / f"{name}.pdf").stat().st_size > 1000


@pytest.mark.usefixtures("installed")
def test_code_points_where_no_font_has_a_character(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        figure = draw("per_gloss", renamed(car="እናት"), 0.95, "x")
    assert "no font here has" in caplog.text
    assert "fonts-noto" in caplog.text
    style.save(figure, tmp_path / "f")
    assert "U+12A5U+1293U+1275" in {text.get_text() for text in figure.findobj(Text)}


@pytest.mark.parametrize("gloss", ["cost $$", "\\foo{$"])
@pytest.mark.parametrize("name", ["confusion", "per_gloss"])
def test_a_gloss_is_no_formula(name: str, gloss: str, tmp_path: Path) -> None:
    figure = draw(name, renamed(car=gloss), 0.95, "x")
    style.save(figure, tmp_path / name)
    assert gloss in {text.get_text() for text in figure.findobj(Text)}
