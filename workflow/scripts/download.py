"""Download one published file from its pinned address; keep it only if its checksum is known."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from zerosign import cli, http
from zerosign.dataset.dataset_settings import Download
from zerosign.study_file import StudyFile


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--study", type=Path, required=True, help="settings of the study, JSON")
    made.add_argument("--output", required=True, help="one of the study's downloads, by its path")
    return made


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, call, write."""
    options = parser().parse_args(argv)
    wanted = StudyFile(options.study).read(Download, "downloads", options.output)
    http.fetch_known(wanted.url, Path(options.output), wanted.sha256, http.Limits())
    cli.log.info("%s: %d bytes", options.output, Path(options.output).stat().st_size)


if __name__ == "__main__":
    cli.run(main)
