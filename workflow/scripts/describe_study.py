"""Write study.json: the resolved configuration that the results depend on, and the software."""

import argparse
import platform
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from zerosign import cli
from zerosign.files import write_json
from zerosign.study_file import StudyFile

PACKAGES = (
    "snakemake",
    "torch",
    "torchvision",
    "transformers",
    "sentence-transformers",
    "av",
    "numpy",
    "polars",
    "scipy",
    "matplotlib",
)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--study", type=Path, required=True, help="settings of the study, JSON")
    made.add_argument("--output", type=Path, required=True, help="study.json to write")
    return made


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, call, write."""
    options = parser().parse_args(argv)
    software = {"python": platform.python_version()}
    software |= {package: metadata.version(package) for package in PACKAGES}
    write_json(StudyFile(options.study).raw() | {"software": software}, options.output)


if __name__ == "__main__":
    cli.run(main)
