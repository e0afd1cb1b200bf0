"""Rule sample_frames: choose which decoded frames of a shard's clips a sampling shows."""

import argparse
import json
from collections.abc import Sequence

from zerosign import cli, framecache


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--decoded", required=True, help="npz file that decode_frames wrote")
    parser.add_argument(
        "--sampling",
        required=True,
        type=json.loads,
        help='JSON: {"strategy": "uniform", "frames": 16}; see zerosign.sampling',
    )
    parser.add_argument("--output", required=True, help="npz file to write (no pixels)")
    args = parser.parse_args(argv)
    framecache.write_selection(args.decoded, args.sampling, args.output)


if __name__ == "__main__":
    cli.run(main)
