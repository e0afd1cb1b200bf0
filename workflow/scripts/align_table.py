"""Gather the alignment of all models in one table as CSV, Markdown and LaTeX."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from zerosign import alignment, cli
from zerosign.io import read_json
from zerosign.tables import write_table


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--alignments", nargs="+", type=Path, required=True, help="results of align.py"
    )
    parser.add_argument("--output", type=Path, required=True, help="stem of the table's files")
    options = parser.parse_args(argv)

    results = [read_json(path) for path in options.alignments]
    level = f"{100 * results[0]['settings']['confidence']:g} %"
    write_table(
        alignment.table(results),
        options.output,
        "Alignment of video and text embeddings: mean cosine of right (correct) and of all other "
        "pairs (wrong) and their difference (gap), share of clips whose right text is among the "
        "five nearest (top5), share of right pairs with a cosine above 0.25 (aligned); "
        f"{level} bootstrap intervals over signers.",
    )


if __name__ == "__main__":
    cli.run(main)
