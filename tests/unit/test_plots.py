import os
import subprocess
import sys

import matplotlib.text
import polars as pl
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from predictions import MISTAKES, clips, predictions, run

import figures
from zerosign import plots, published, scores
from zerosign.errors import UserError
from zerosign.tables import write_table

NAMES = ["qwen3_vl_30b_a3b_instruct, all_candidates_listed, uniform_16_frames", "clip", "a b c"]


def tables(runs: int) -> dict[str, pl.DataFrame]:
    """Tables of so many runs, half of them with mistakes, as figures read them."""
    entries = [run(f"r{i}") | {"label": f"{NAMES[i % 3]} {i}"} for i in range(runs)]
    frames = [(e["run"], predictions(MISTAKES if i % 2 else {})) for i, e in enumerate(entries)]
    joined = scores.join_runs(frames, clips())
    measures = ("correct", "top5", "aligned", "wrong", "gap")
    rows = [
        {"model": e["label"], "sampling": "s", "n_expected": 12, "n": 11, "measure": m}
        | {"value": 0.1 * i, "low": None if i == 3 else 0.05 * i, "high": 0.12 * i, "chance": 0.3}
        for e in entries
        for i, m in enumerate(measures)
    ]
    wrong_pairs = [
        {"label": e["label"], "kind": "run", "negatives": negatives, "n_expected": 24, "n": 22}
        | {"balanced_accuracy": rate, "low": rate - 0.1, "high": rate + 0.1, "yes_rate": 1 - rate}
        for e in entries
        for negatives, rate in (("random", 0.9), ("hard", 0.45), ("all", 0.6))
    ]
    return {
        "accuracy": scores.accuracy(joined, clips(), entries, 0.95),
        "outcomes": scores.outcomes(joined, entries),
        "per_gloss": scores.per_gloss(joined, entries),
        "confusions": scores.confusions(joined, entries),
        "alignment": pl.DataFrame(rows, infer_schema_length=None),
        "matching": pl.DataFrame(wrong_pairs),
    }


def boxes(figure):
    """Bounding boxes (pixels) of every text that is seen, with the text."""
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
    found = []
    for text in figure.findobj(matplotlib.text.Text):
        if text.get_visible() and text.get_text().strip() and text not in beyond:
            found.append((text.get_window_extent(renderer), text.get_text()))
    return found


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("count", [1, 3, 20])
@pytest.mark.parametrize("name", list(plots.FIGURES))
def test_no_text_overlaps_another_or_leaves_the_page(name, count):
    given = tables(count)
    if name == "accuracy":
        given["published"] = published.read("config/published.csv", "WLASL300")
    figure = plots.draw(name, given, 0.95, "1a2b3c4d")
    width, height = figure.get_size_inches() * figure.dpi
    assert width / figure.dpi in (plots.COLUMN, plots.PAGE, plots.PAGE / 2)
    found = boxes(figure)
    for i, (box, text) in enumerate(found):
        assert box.x0 > -1 and box.y0 > -1 and box.x1 < width + 1 and box.y1 < height + 1, text
        for other, second in found[i + 1 :]:
            overlap = min(box.x1, other.x1) - max(box.x0, other.x0)
            vertical = min(box.y1, other.y1) - max(box.y0, other.y0)
            assert overlap < 1 or vertical < 1.5, (text, second)


@pytest.mark.parametrize("name", list(plots.FIGURES))
def test_every_figure_states_n_and_its_configuration(name):
    figure = plots.draw(name, tables(3), 0.9, "1a2b3c4d")
    footer = " ".join(figure.get_supxlabel().split())
    assert "n = " in footer
    assert "config 1a2b3c4d" in footer
    assert "interval" in footer


def test_published_rates_only_when_they_are_of_this_dataset():
    figure = plots.draw("accuracy", tables(3), 0.95, "x")
    assert len(figure.axes) == 1
    rates = published.read("config/published.csv", "WLASL300")
    figure = plots.draw("accuracy", tables(3) | {"published": rates}, 0.95, "x")
    assert len(figure.axes) == 2
    labels = [label.get_text() for label in figure.axes[1].get_yticklabels()]
    assert len(labels) == rates.height
    values = [text.get_text() for text in figure.axes[1].texts]
    assert [value for value in values if value.endswith("†")] == ["32.28†", "43.78†"]


def test_outcomes_fill_the_bar():
    figure = plots.draw("outcomes", tables(3), 0.95, "x")
    bars = figure.axes[0].patches
    for y in range(3):
        shares = [bar.get_width() for bar in bars if bar.get_y() < y < bar.get_y() + 1]
        assert sum(shares) == pytest.approx(100)


def test_labels_break_at_blanks_first():
    assert plots._wrapped("model_name_long, prompt, sampling", 20) == [
        "model_name_long,",
        "prompt, sampling",
    ]
    assert plots._wrapped("a_very_long_model_name_indeed", 12) == [
        "a_very_long_",
        "model_name_",
        "indeed",
    ]
    assert plots._wrapped("short") == ["short"]


def test_program_is_deterministic_over_processes(tmp_path):
    for name, table in tables(3).items():
        write_table(table, tmp_path / name, name)
    command = [sys.executable, figures.__file__, "--figure", "outcomes", "--digest", "abc"]
    command += ["--tables", f"{tmp_path}/accuracy.csv", f"{tmp_path}/outcomes.csv"]
    written = []
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        output = ["--output", f"{tmp_path}/{seed}/outcomes"]
        done = subprocess.run([*command, *output], env=environment, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        written.append({p.name: p.read_bytes() for p in (tmp_path / seed).iterdir()})
    assert written[0] == written[1]
    assert sorted(written[0]) == ["outcomes.pdf", "outcomes.png"]
    assert all(b"CreationDate" not in content for content in written[0].values())


def test_a_missing_table_is_one_line(tmp_path):
    write_table(tables(1)["accuracy"], tmp_path / "accuracy", "")
    with pytest.raises(UserError, match=r"needs the table outcomes\.csv"):
        arguments = ["--figure", "outcomes", "--tables", f"{tmp_path}/accuracy.csv"]
        figures.main([*arguments, "--digest", "x", "--output", f"{tmp_path}/x"])
