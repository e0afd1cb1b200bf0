"""Say which Python vLLM's environment has: it is the one that runs this.

It imports nothing that this environment may lack.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError
from pathlib import Path

from zerosign import cli
from zerosign.errors import UserError
from zerosign.models import vllm_worker


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--study", help="as for every program; it needs nothing of it")
    made.add_argument("--output", type=Path, required=True, help="text file, one line")
    return made


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, check, write."""
    options = parser().parse_args(argv)
    try:
        vllm_worker.versions()
    except PackageNotFoundError:
        raise UserError(
            "engine: vllm needs an environment of its own: run with --sdm conda, name the Python "
            "of one under the study's key vllm_python (docs/models.md#engines), or set engine: "
            "transformers in the model's entry"
        ) from None
    options.output.write_text(f"{sys.executable}\n", "utf-8")


if __name__ == "__main__":
    cli.run(main)
