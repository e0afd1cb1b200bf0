"""Build a tiny, untrained vision-language model of a real architecture, for the demo."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from zerosign import cli, torch_setup
from zerosign.demo import tiny_models
from zerosign.demo.signs import SIGNS
from zerosign.study_file import StudyFile


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--study", type=Path, required=True, help="settings of the study, JSON")
    made.add_argument("--kind", choices=tiny_models.KINDS, required=True, help="model family")
    made.add_argument("--output", type=Path, required=True, help="folder for the checkpoint")
    return made


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, call, write."""
    options = parser().parse_args(argv)
    seed = StudyFile(options.study).read(int, "demo", "seed")
    torch_setup.prepare()
    model, processor = tiny_models.build(options.kind, seed, [sign.gloss for sign in SIGNS])
    tiny_models.save(model, processor, options.output)
    cli.log.info("%s: %d weights", options.output, sum(p.numel() for p in model.parameters()))


if __name__ == "__main__":
    cli.run(main)
