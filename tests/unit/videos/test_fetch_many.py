"""Many files, from a server that behaves and misbehaves."""

import itertools
import json
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import video_server as server
from helpers.video_server import QUICK, Site

from zerosign.http import Limits
from zerosign.videos import fetch_many
from zerosign.videos.fetch_many import Task


def fetch(
    site: Site, paths: list[str], folder: Path, limits: Limits = QUICK, again: bool = False
) -> dict[str, fetch_many.Outcome]:
    """Outcomes by path."""
    tasks = [Task(site.url + path, folder / path.strip("/").split(".")[0]) for path in paths]
    outcomes = fetch_many.fetch_many(tasks, folder, limits, again)
    return {outcome.url.removeprefix(site.url): outcome for outcome in outcomes}


def test_a_file_is_asked_for_once_over_all_runs(site: Site, video: bytes, tmp_path: Path) -> None:
    site.routes["/a.mp4"] = server.file(video)
    for _ in range(2):
        outcome = fetch(site, ["/a.mp4"], tmp_path)["/a.mp4"]
        assert (outcome.status, outcome.file) == ("ok", "a.mp4")
    assert len(site.requests) == 1
    (tmp_path / "a.mp4").unlink()
    fetch(site, ["/a.mp4"], tmp_path)
    assert len(site.requests) == 2
    assert (tmp_path / "a.mp4").read_bytes() == video


def test_a_dead_link_is_remembered_unless_asked_to_retry(
    site: Site, video: bytes, tmp_path: Path
) -> None:
    for _ in range(2):
        outcome = fetch(site, ["/a.mp4"], tmp_path)["/a.mp4"]
        assert (outcome.status, outcome.detail) == ("gone", "HTTP 404 Not Found")
    assert len(site.requests) == 1
    site.routes["/a.mp4"] = server.file(video)
    assert fetch(site, ["/a.mp4"], tmp_path, again=True)["/a.mp4"].status == "ok"


def test_429_for_too_long_is_left_for_a_later_run(site: Site, tmp_path: Path) -> None:
    site.routes["/a.mp4"] = server.status(429, Retry_After="3600")
    assert fetch(site, ["/a.mp4"], tmp_path)["/a.mp4"].status == "rate_limited"
    assert len(site.requests) == 1
    fetch(site, ["/a.mp4"], tmp_path)
    assert len(site.requests) == 2, "a passing failure must be asked for again"


def test_requests_to_a_host_keep_their_distance(site: Site, video: bytes, tmp_path: Path) -> None:
    paths = [f"/{i}.mp4" for i in range(3)]
    site.routes |= dict.fromkeys(paths, server.file(video))
    fetch(site, paths, tmp_path, replace(QUICK, interval=1.0))
    times = [when for _, _, when in site.requests]
    # The server notes when it gets round to a request; on a busy machine that wavers.
    assert min(b - a for a, b in itertools.pairwise(times)) >= 0.5


def test_a_host_that_keeps_failing_is_left_alone(site: Site, tmp_path: Path) -> None:
    paths = [f"/{i}.mp4" for i in range(9)]
    site.routes |= dict.fromkeys(paths, server.status(403))
    outcomes = fetch(site, paths, tmp_path, replace(QUICK, give_up_after=4))
    assert len(site.requests) == 4
    assert outcomes["/8.mp4"].status == "unreachable"
    assert "4 times in a row (HTTP 403" in outcomes["/8.mp4"].detail


def test_dead_links_do_not_condemn_a_host(site: Site, video: bytes, tmp_path: Path) -> None:
    paths = [f"/{i}.mp4" for i in range(6)]
    site.routes["/5.mp4"] = server.file(video)
    outcomes = fetch(site, paths, tmp_path, replace(QUICK, give_up_after=2))
    assert outcomes["/5.mp4"].status == "ok"


def test_a_journal_with_a_torn_last_line_is_read(site: Site, video: bytes, tmp_path: Path) -> None:
    site.routes["/a.mp4"] = server.file(video)
    fetch(site, ["/a.mp4"], tmp_path)
    journal = tmp_path / fetch_many.JOURNAL
    journal.write_text(journal.read_text() + '{"url": "http://x", "sta')
    assert list(fetch_many.read_journal(tmp_path)) == [f"{site.url}/a.mp4"]


def test_an_error_in_a_thread_is_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch_many, "_get", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        list(fetch_many.fetch_many([Task("http://a.example/b", tmp_path / "b")], tmp_path, QUICK))


@pytest.mark.parametrize(
    ("url", "suffix"),
    [("http://a/b.SWF?x=1", ".swf"), ("http://a/b", ".mp4"), ("http://a/b.%2e%2e%2f", ".mp4")],
)
def test_extension_comes_from_the_url_only_if_plain(url: str, suffix: str) -> None:
    assert fetch_many.extension(url) == suffix


def test_journal_lines_say_when_and_what(site: Site, tmp_path: Path) -> None:
    fetch(site, ["/a.mp4"], tmp_path)
    entry = json.loads((tmp_path / fetch_many.JOURNAL).read_text())
    assert entry.keys() == {"url", "status", "detail", "file", "time"}
