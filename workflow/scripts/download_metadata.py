"""Download one metadata file from a pinned address and keep it only if its checksum is known."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import requests

from zerosign import acquire, cli
from zerosign.errors import UserError
from zerosign.io import sha256_file


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
    fresh = Path(f"{options.output}.download")
    try:
        with requests.Session() as session:
            pace = acquire.Pace(limits.interval)
            acquire.download(options.url, fresh, session, limits, pace, video=False)
    except acquire.Refused as refused:
        raise UserError(
            f"{options.url}: {refused.detail}; or put the file at {options.output} yourself"
        ) from None
    found = sha256_file(fresh)
    if found not in options.sha256:
        fresh.unlink()
        wanted = " or ".join(options.sha256)
        raise UserError(f"{options.url}: not the known file: sha256 {found}, expected {wanted}")
    fresh.replace(options.output)
    cli.log.info("%s: %d bytes", options.output, Path(options.output).stat().st_size)


if __name__ == "__main__":
    cli.run(main)
