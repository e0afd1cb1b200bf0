"""Check that the data set is the published one; write its statistics and its leakage audit.

Writes into the output folder the tables counts, per_class and leakage, flags.parquet and
verification.json. Fails if a check fails, naming the offending clips.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from zerosign import cli, files
from zerosign.dataset import clips, leakage, split_checks, split_tables
from zerosign.dataset.facts import DatasetFacts
from zerosign.study_file import StudyFile
from zerosign.tables import write_table


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--study", type=Path, required=True, help="settings of the study, JSON")
    made.add_argument("--table", type=Path, required=True, help="metadata, or the study's CSV")
    made.add_argument("--split-file", type=Path, help="split file in the format of nslt_300.json")
    made.add_argument("--published", type=Path, help="digests of the published glosses and clips")
    made.add_argument("--output", type=Path, required=True, help="folder to write into")
    return made


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, call, write."""
    options = parser().parse_args(argv)
    study = StudyFile(options.study)
    title = study.read(str, "title")
    given = split_checks.Given(
        options.table,
        clips.subset_of(study),
        study.read(DatasetFacts, "facts"),
        options.split_file,
        options.published,
    )
    rows, everything = split_checks.read_rows(given)
    found = split_checks.run_checks(rows, everything, given)
    for name, table, caption in split_tables.tables(rows):
        write_table(table, options.output / name, f"{title}: {caption}")
    files.write_parquet(leakage.flags(rows), options.output / "flags.parquet")
    files.write_json(split_checks.report(title, rows, found), options.output / "verification.json")
    split_checks.raise_failed(found, options.table)
    cli.log.info("%d checks, none failed", len(found))


if __name__ == "__main__":
    cli.run(main)
