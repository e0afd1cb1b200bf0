"""Write study.json: the resolved configuration that the results stand on, and the software."""

import argparse
import json
import platform
from collections.abc import Sequence
from importlib import metadata

from zerosign import cli
from zerosign.io import write_json

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


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--study", type=json.loads, required=True, help="resolved configuration, JSON"
    )
    parser.add_argument("--digest", required=True, help="digest that the figures show")
    parser.add_argument("--output", required=True, help="study.json to write")
    options = parser.parse_args(argv)

    software = {"python": platform.python_version()}
    software |= {package: metadata.version(package) for package in PACKAGES}
    study = {"digest": options.digest, **options.study, "software": software}
    write_json(study, options.output)


if __name__ == "__main__":
    cli.run(main)
