"""Many videos from the sites that a data set names, each requested once.

Hosts side by side, one request at a time to each; a host that keeps failing is left alone. What
came of a URL is kept in a journal, so that neither a finished file nor a dead link is asked for
twice.
"""

import contextlib
import json
import queue
import re
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from zerosign.http import LASTING, Limits, Pace, Refused, download
from zerosign.videos.opening import not_video
from zerosign.videos.youtube import download_youtube

HOSTS_AT_ONCE = 8
JOURNAL = "downloads.jsonl"


@dataclass(frozen=True)
class Task:
    """One file to get. ``stem``: its path without the extension."""

    url: str
    stem: Path
    youtube: bool = False
    referer: str | None = None
    interval: float | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of a URL: ``status`` "ok" with a ``file``, or why not."""

    url: str
    status: str
    detail: str = ""
    file: str | None = None


def fetch_many(
    tasks: Iterable[Task], folder: Path, limits: Limits, again: bool = False
) -> Iterator[Outcome]:
    """Get many files, hosts side by side, one at a time from each. Outcomes as they come.

    What the journal in ``folder`` knows is not asked for again, but for passing failures and,
    with ``again``, for lasting ones.
    """
    folder.mkdir(parents=True, exist_ok=True)
    known = read_journal(folder)
    by_host: dict[str, list[Task]] = defaultdict(list)
    for task in tasks:
        earlier = known.get(task.url)
        if earlier and _counts(earlier, folder, again):
            yield earlier
        else:
            host = "youtube" if task.youtube else urlsplit(task.url).netloc
            by_host[host].append(task)
    outcomes: queue.Queue[Outcome | BaseException] = queue.Queue()
    places = threading.Semaphore(HOSTS_AT_ONCE)

    def serve(host_tasks: list[Task]) -> None:
        try:
            with places:
                for outcome in _from_host(host_tasks, folder, limits):
                    outcomes.put(outcome)
        except BaseException as error:  # to be raised where the outcomes are read
            outcomes.put(error)

    for host_tasks in by_host.values():  # daemons: an interrupted program doesn't wait for them
        threading.Thread(target=serve, args=(host_tasks,), daemon=True).start()
    with open(folder / JOURNAL, "a", encoding="utf-8") as journal:
        for _ in range(sum(map(len, by_host.values()))):
            outcome = outcomes.get()
            if isinstance(outcome, BaseException):
                raise outcome
            entry = asdict(outcome) | {"time": round(time.time())}
            journal.write(json.dumps(entry, ensure_ascii=False) + "\n")
            journal.flush()
            yield outcome


def _counts(earlier: Outcome, folder: Path, again: bool) -> bool:
    if earlier.status == "ok":
        return earlier.file is not None and (folder / earlier.file).is_file()
    return earlier.status in LASTING and not again


def _from_host(tasks: list[Task], folder: Path, limits: Limits) -> Iterator[Outcome]:
    """Outcomes of one host's files in turn; after some failures in a row the rest is not asked."""
    interval = max(task.interval or limits.interval for task in tasks)
    pace = Pace(interval)
    in_a_row, last = 0, ""
    with requests.Session() as session:
        for task in tasks:
            if in_a_row >= limits.give_up_after:
                detail = f"not asked: the host failed {in_a_row} times in a row ({last})"
                yield Outcome(task.url, "unreachable", detail)
                continue
            try:
                file = _get(task, session, limits, pace)
                in_a_row = 0
                yield Outcome(task.url, "ok", file=str(file.relative_to(folder)))
            except Refused as refused:
                in_a_row = 0 if refused.status in LASTING else in_a_row + 1
                last = refused.detail
                yield Outcome(task.url, refused.status, refused.detail)


def _get(task: Task, session: requests.Session, limits: Limits, pace: Pace) -> Path:
    if task.youtube:
        pace.wait()
        return download_youtube(task.url, task.stem, limits)
    target = task.stem.with_name(task.stem.name + extension(task.url))
    download(task.url, target, session, limits, pace, task.referer, not_video)
    return target


def extension(url: str) -> str:
    """Extension for a file of a URL: its own if that is a plain one, else ".mp4"."""
    suffix = Path(urlsplit(url).path).suffix.lower()
    return suffix if re.fullmatch(r"\.[a-z0-9]{2,4}", suffix) else ".mp4"


def read_journal(folder: Path) -> dict[str, Outcome]:
    """The last outcome by URL. A line that a killed run left unfinished does not count."""
    known: dict[str, Outcome] = {}
    with contextlib.suppress(FileNotFoundError):
        for line in (folder / JOURNAL).read_text("utf-8").splitlines():
            with contextlib.suppress(ValueError, KeyError, TypeError):
                entry: dict[str, Any] = json.loads(line)
                names = ("url", "status", "detail", "file")
                known[entry["url"]] = Outcome(**{name: entry[name] for name in names})
    return known
