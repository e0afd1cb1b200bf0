"""Build a tiny, untrained vision-language model of a real architecture, for the demo."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from zerosign import cli, torch_setup
from zerosign.demo import tiny
from zerosign.demo.signs import SIGNS


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=tiny.KINDS, required=True, help="model family")
    parser.add_argument("--seed", type=int, default=0, help="of the random weights")
    parser.add_argument("--output", type=Path, required=True, help="folder for the checkpoint")
    args = parser.parse_args(argv)
    torch_setup.prepare()
    model, processor = tiny.build(args.kind, args.seed, [sign.gloss for sign in SIGNS])
    tiny.save(model, processor, args.output)
    cli.log.info("%s: %d weights", args.output, sum(p.numel() for p in model.parameters()))


if __name__ == "__main__":
    cli.run(main)
