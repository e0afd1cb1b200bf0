"""Score the predictions of all runs: the study's tables as CSV, Markdown and LaTeX.

The tables:
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from zerosign import cli
from zerosign.dataset.clips import class_glosses
from zerosign.dataset.dataset_settings import Flag
from zerosign.prompts.prompt_entry import Prompt
from zerosign.runs import TableRun
from zerosign.scoring import joined_runs, published_rates, table_registry
from zerosign.scoring.comparison_families import Family
from zerosign.scoring.statistics_settings import StatisticsSettings
from zerosign.scoring.table_registry import ScoreInputs
from zerosign.study_file import StudyFile
from zerosign.tables import write_table


def parser() -> argparse.ArgumentParser:
    """The command line; its help lists the tables with their captions."""
    made = cli.listing_parser(
        __doc__, {name: table.help for name, table in table_registry.tables().items()}
    )
    made.add_argument("--study", type=Path, required=True, help="settings of the study, JSON")
    made.add_argument("--clips", type=Path, required=True, help="clips.parquet")
    made.add_argument(
        "--predictions", type=Path, required=True, help="folder of predictions, a file per run"
    )
    made.add_argument(
        "--flags", type=Path, nargs="+", required=True, help="findings of the audit, Parquet files"
    )
    made.add_argument("--synonyms", type=Path, help="synonyms of the glosses, Parquet")
    made.add_argument("--published", type=Path, required=True, help="published rates, CSV")
    made.add_argument("--output", type=Path, required=True, help="folder of the tables")
    return made


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, call, write."""
    options = parser().parse_args(argv)
    study = StudyFile(options.study)
    clips = pl.read_parquet(options.clips)
    runs = study.read(list[TableRun], "scored")
    inputs = ScoreInputs(
        joined=joined_runs.join_runs(joined_runs.read(options.predictions, runs), clips),
        clips=clips,
        glosses=class_glosses(clips),
        runs=runs,
        prompts={
            run.prompt: study.read(Prompt, "prompts", run.prompt) for run in runs if run.prompt
        },
        flagged=pl.concat([pl.read_parquet(path) for path in options.flags]),
        filters=study.read(dict[str, list[Flag]], "filters"),
        synonyms=pl.read_parquet(options.synonyms) if options.synonyms else None,
        published=published_rates.read(options.published, study.read(str, "title")),
        settings=study.read(StatisticsSettings, "statistics"),
        families=study.read(dict[str, Family], "comparisons"),
    )
    for name, table in table_registry.tables().items():
        write_table(table.make(inputs), options.output / name, table.caption_for(inputs))


if __name__ == "__main__":
    cli.run(main)
