from pathlib import Path

import pytest

from zerosign.errors import UserError
from zerosign.scoring import published_rates

TABLE = Path("config/published.csv")


def test_rates_of_the_paper_are_counts_of_668_but_one() -> None:
    table = published_rates.read(TABLE, "WLASL300")
    clips = dict(table.select("model", "clips").iter_rows())
    assert clips["LLaVA-NeXT-Video-7B"] == 2
    assert clips["Qwen3-VL-30B-A3B"] == 16
    assert clips["Gemini 2.5 Pro"] == 158
    assert clips["Gemini (candidate list)"] is None
    assert clips["NLA-SLR (3 crops)"] == 581


def test_every_rate_has_a_citation_and_says_how_sure() -> None:
    table = published_rates.read(TABLE, "WLASL300")
    assert table.height == 18
    assert table["citation"].str.len_chars().min() > 20
    # what may not be cited: another split, a retraction, another subset
    assert not set(table["model"]) & {"Sign2Pose", "PhonSSM", "MSLU"}
    assert published_rates.read(TABLE, "demo").is_empty()


@pytest.mark.parametrize(
    ("printed", "n", "count"),
    [
        ("0.30", 668, 2),
        ("14.67", 668, 98),
        ("25.6", 668, 171),
        ("32.28", 668, None),
        ("32.3", 668, 216),
        ("0", 668, 0),
        ("100", 668, 668),
        ("12.5", 8, 1),
        ("12.50", 8, 1),
        ("13", 8, 1),
        ("14", 8, None),
    ],
)
def test_count_behind_a_printed_rate(printed: str, n: int, count: int | None) -> None:
    assert published_rates.count_behind(printed, n) == count


def test_a_broken_table_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "published.csv"
    path.write_text("model,top1\nx,1\n")
    with pytest.raises(UserError, match="the columns must be dataset"):
        published_rates.read(path, "WLASL300")
    text = TABLE.read_text().replace(",verified,", ",sure,")
    path.write_text(text)
    with pytest.raises(UserError, match="certainty 'sure' is none of"):
        published_rates.read(path, "WLASL300")
