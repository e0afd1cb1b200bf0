"""What every command-line program shares: error lines, logging, progress."""

import argparse
import logging
import os
import shlex
import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from zerosign.errors import UserError

T = TypeVar("T")
LINE_EVERY_S = 10.0

log = logging.getLogger("zerosign")


def run(main: Callable[[], None]) -> None:
    """Run a program's ``main``: a `UserError` becomes one line and exit status 1.

    The first line of the log is the command, so that it can be run again by hand.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    for name in ("httpx", "httpx2", "google_genai"):
        logging.getLogger(name).setLevel(logging.WARNING)
    if sys.argv[1:] and not {"-h", "--help"} & set(sys.argv):
        log.info("$ python %s", shlex.join(sys.argv))
    try:
        main()
    except UserError as error:
        sys.exit(f"error: {error}")
    except BrokenPipeError:
        os._exit(1)


def listing_parser(text: str | None, entries: Mapping[str, str]) -> argparse.ArgumentParser:
    """A parser whose help lists entries (name, what it is) below a program's docstring."""
    listed = [
        textwrap.fill(f"{name}: {what}", 96, initial_indent="  ", subsequent_indent="    ")
        for name, what in entries.items()
    ]
    return argparse.ArgumentParser(
        description="\n".join([(text or "").rstrip(), *listed]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


class Meter:
    """Reports progress: a live line on a terminal, a line now and then in a log."""

    def __init__(self, total: int, what: str, unit: str) -> None:
        self._total, self._what, self._unit = total, what, unit
        self._live = sys.stderr.isatty()
        self._start = self._last = time.monotonic()
        self._done = 0

    def add(self, note: str = "") -> None:
        """One more is done."""
        self._done += 1
        now = time.monotonic()
        if now - self._last >= (0.2 if self._live else LINE_EVERY_S):
            self._last = now
            self._report(note, "" if self._live else "\n")

    def close(self, note: str = "") -> None:
        """All that will be done is done."""
        self._report(note, "\n")

    def _report(self, note: str, end: str) -> None:
        done, total, unit = self._done, self._total, self._unit
        rate = done / max(time.monotonic() - self._start, 1e-9)
        left = f", {(total - done) / rate:.0f} s left" if 0 < done < total else ""
        lead = "\r\x1b[K" if self._live else ""
        note = f", {note}" if note else ""
        text = f"{lead}{self._what}: {done}/{total} {unit}, {rate:.1f} {unit}/s{left}{note}"
        print(text, end=end, file=sys.stderr, flush=True)


def progress(items: Iterable[T], total: int, what: str, unit: str = "clips") -> Iterator[T]:
    """Pass ``items`` on and report them: see `Meter`."""
    meter = Meter(total, what, unit)
    for item in items:
        yield item
        meter.add()
    meter.close()
