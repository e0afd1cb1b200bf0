"""A new figure is one file, found by its name."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.tables_of_runs import tables

import figure as program
from zerosign import figures as package
from zerosign.figures import figure_registry

DUMMY = '''
"""Dots."""
from zerosign.figures import style
from zerosign.figures.figure_registry import figure

@figure(tables=("outcomes",), caption="One dot per run.")
def draw(tables, level, origin):
    figure, (ax,) = style.stack([2], style.COLUMN, extra=1)
    ax.plot(tables["outcomes"]["correct"], ".")
    style.footer(figure, f"n = 1; no interval; {origin}")
    return figure
'''


@pytest.fixture
def dots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A file ``dots_figure.py`` in a folder of the package."""
    (tmp_path / "dots_figure.py").write_text(DUMMY)
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    registered = dict(figure_registry._REGISTERED)
    figure_registry.figures.cache_clear()
    yield
    figure_registry._REGISTERED.clear()
    figure_registry._REGISTERED.update(registered)
    figure_registry.figures.cache_clear()
    sys.modules.pop("zerosign.figures.dots_figure", None)


@pytest.mark.usefixtures("dots")
def test_one_file_makes_a_figure() -> None:
    figures = figure_registry.figures()
    assert list(figures) == sorted(figures)
    assert figures["dots"].caption == "One dot per run."
    assert figures["dots"].tables == ("outcomes",)
    assert "dots: One dot per run." in program.parser().format_help()
    drawn = figure_registry.draw("dots", tables(3), 0.95, "abc")
    assert "config abc" in drawn.get_supxlabel()


def test_every_figure_says_what_it_shows() -> None:
    for figure in figure_registry.figures().values():
        assert figure.caption.endswith(".")
        assert figure.module == f"zerosign.figures.{figure.name}_figure"
