"""Every figure: readable, reproducible, honest about n and intervals."""

import os
import subprocess
import sys
from pathlib import Path

import matplotlib.text
import polars as pl
import pytest
from helpers.tables_of_runs import tables
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

import figure as program
from zerosign.errors import UserError
from zerosign.figures import figure_registry, style
from zerosign.figures.figure_registry import draw
from zerosign.scoring import published_rates
from zerosign.tables import write_table

NAMES = list(figure_registry.figures())
RATES = Path(__file__).parents[3] / "config/published.csv"


def published() -> pl.DataFrame:
    """Published rates as the figure reads them."""
    return published_rates.read(RATES, "WLASL300")


def texts(figure: Figure) -> list[tuple[Bbox, str]]:
    """Bounding boxes (pixels) of every visible text, with the text."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    beyond = {  # matplotlib keeps labels of ticks outside the axis, and does not draw them
        label
        for ax in figure.axes
        for axis in (ax.xaxis, ax.yaxis)
        for tick in axis.get_major_ticks()
        for label in (tick.label1, tick.label2)
        if not min(axis.get_view_interval()) <= tick.get_loc() <= max(axis.get_view_interval())
    }
    return [
        (text.get_window_extent(renderer), text.get_text())
        for text in figure.findobj(matplotlib.text.Text)
        if text.get_visible() and text.get_text().strip() and text not in beyond
    ]


@pytest.mark.parametrize("count", [1, 3, 20])
@pytest.mark.parametrize("name", NAMES)
def test_no_text_overlaps_another_or_leaves_the_page(name: str, count: int) -> None:
    figure = draw(name, tables(count) | {"published": published()}, 0.95, "1a2b3c4d")
    width, height = figure.get_size_inches() * figure.dpi
    assert width / figure.dpi in (style.COLUMN, style.PAGE, style.PAGE / 2)
    found = texts(figure)
    for i, (box, text) in enumerate(found):
        assert box.x0 > -1 and box.y0 > -1 and box.x1 < width + 1 and box.y1 < height + 1, text
        for other, second in found[i + 1 :]:
            overlap = min(box.x1, other.x1) - max(box.x0, other.x0)
            vertical = min(box.y1, other.y1) - max(box.y0, other.y0)
            assert overlap < 1 or vertical < 1.5, (text, second)


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_states_n_and_its_configuration(name: str) -> None:
    figure = draw(name, tables(3), 0.9, "1a2b3c4d")
    footer = " ".join(figure.get_supxlabel().split())
    assert "n = " in footer
    assert "config 1a2b3c4d" in footer
    assert "interval" in footer


def test_published_rates_only_when_they_are_of_this_dataset() -> None:
    assert len(draw("accuracy", tables(3), 0.95, "x").axes) == 1
    rates = published()
    figure = draw("accuracy", tables(3) | {"published": rates}, 0.95, "x")
    assert len(figure.axes) == 2
    labels = [label.get_text() for label in figure.axes[1].get_yticklabels()]
    assert len(labels) == rates.height
    values = [text.get_text() for text in figure.axes[1].texts]
    assert [value for value in values if value.endswith("†")] == ["32.28†", "43.78†"]


def test_baselines_are_lines_with_their_rate_in_the_legend() -> None:
    figure = draw("accuracy", tables(3), 0.95, "x")
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert [text.split()[0] for text in legend] == ["chance", "majority", "train-prior"]
    assert all(text.endswith("%") for text in legend)


def test_outcomes_fill_the_bar() -> None:
    bars = draw("outcomes", tables(3), 0.95, "x").axes[0].patches
    for y in range(3):
        shares = [bar.get_width() for bar in bars if bar.get_y() < y < bar.get_y() + 1]
        assert sum(shares) == pytest.approx(100)


def test_labels_break_at_blanks_first() -> None:
    assert style.wrapped("model_name_long, prompt, sampling", 20) == [
        "model_name_long,",
        "prompt, sampling",
    ]
    assert style.wrapped("a_very_long_model_name_indeed", 12) == [
        "a_very_long_",
        "model_name_",
        "indeed",
    ]
    assert style.wrapped("short") == ["short"]


def study_file(folder: Path) -> Path:
    """The settings that figures read."""
    file = folder / "study.json"
    file.write_text(
        '{"statistics": {"confidence": 0.95}, "digest": "abc", "mapping": {"mapper": "strict"}}'
    )
    return file


def test_program_is_deterministic_over_processes(tmp_path: Path) -> None:
    for name, table in tables(3).items():
        write_table(table, tmp_path / name, name)
    command = [sys.executable, str(program.__file__), "--study", str(study_file(tmp_path))]
    command += ["--figure", "outcomes", "--tables", str(tmp_path)]
    written = []
    for seed in ("1", "2"):
        output = ["--output", f"{tmp_path}/{seed}/outcomes"]
        environment = os.environ | {"PYTHONHASHSEED": seed}
        done = subprocess.run([*command, *output], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        written.append({p.name: p.read_bytes() for p in (tmp_path / seed).iterdir()})
    assert written[0] == written[1]
    assert sorted(written[0]) == ["outcomes.pdf", "outcomes.png"]
    assert all(b"CreationDate" not in content for content in written[0].values())


def test_a_missing_table_is_one_line(tmp_path: Path) -> None:
    arguments = ["--study", str(study_file(tmp_path)), "--figure", "outcomes"]
    with pytest.raises(UserError, match=r"outcomes\.csv: no such table; the figure 'outcomes'"):
        program.main([*arguments, "--tables", str(tmp_path), "--output", f"{tmp_path}/x"])


def test_the_snakefile_does_not_wait_for_matplotlib() -> None:
    code = "import sys; from zerosign.figures import figure_registry as r; r.figures();"
    code += "sys.exit('matplotlib' in sys.modules)"
    scripts = Path(program.__file__).parent
    assert subprocess.run([sys.executable, "-c", code], cwd=scripts).returncode == 0
