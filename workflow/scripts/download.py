"""Download one file from a pinned address and keep it only if its checksum is known."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from zerosign import acquire, cli


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--url", required=True, help="address, of one commit")
    options.add_argument(
        "--sha256", nargs="+", required=True, help="checksums, any of which will do"
    )
    options.add_argument("--private-hosts", action="store_true", help="allow non-public addresses")
    options.add_argument("--output", required=True, help="file to write")
    return options


def main(argv: Sequence[str] | None = None) -> None:
    options = parser().parse_args(argv)
    limits = acquire.Limits(private_hosts=options.private_hosts)
    acquire.fetch_known(options.url, Path(options.output), options.sha256, limits)
    cli.log.info("%s: %d bytes", options.output, Path(options.output).stat().st_size)


if __name__ == "__main__":
    cli.run(main)
