"""Downloads, against a server that behaves and misbehaves."""

import itertools
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path

import acquire_server as server
import pytest
import requests
from acquire_server import Site
from video_files import make_video

from zerosign import acquire
from zerosign.acquire import Limits, Refused, Task

QUICK = Limits(
    interval=0.0, connect=10, read=10, deadline=60, attempts=3, backoff=0.01, private_hosts=True
)


@pytest.fixture
def site() -> Iterator[Site]:
    with server.serve() as site:
        yield site


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return make_video(tmp_path_factory.mktemp("video") / "a.mp4", 12).read_bytes()


def get(site: Site, path: str, folder: Path, limits: Limits = QUICK, **settings) -> bytes:
    """Download one file; returns what was written."""
    target = folder / "clip.mp4"
    pace = acquire.Pace(limits.interval)
    with requests.Session() as session:
        acquire.download(site.url + path, target, session, limits, pace, **settings)
    return target.read_bytes()


def fetch(site: Site, paths: list[str], folder: Path, limits: Limits = QUICK, again: bool = False):
    """Outcomes by path."""
    tasks = [Task(site.url + path, folder / path.strip("/").split(".")[0]) for path in paths]
    outcomes = acquire.fetch(tasks, folder, limits, again)
    return {outcome.url.removeprefix(site.url): outcome for outcome in outcomes}


def test_a_file_arrives_whole_and_leaves_nothing_behind(site, video, tmp_path):
    site.routes["/a.mp4"] = server.file(video)
    assert get(site, "/a.mp4", tmp_path) == video
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]


def test_a_file_is_asked_for_once_over_all_runs(site, video, tmp_path):
    site.routes["/a.mp4"] = server.file(video)
    for _ in range(2):
        outcome = fetch(site, ["/a.mp4"], tmp_path)["/a.mp4"]
        assert (outcome.status, outcome.file) == ("ok", "a.mp4")
    assert len(site.requests) == 1
    (tmp_path / "a.mp4").unlink()
    fetch(site, ["/a.mp4"], tmp_path)
    assert len(site.requests) == 2
    assert (tmp_path / "a.mp4").read_bytes() == video


def test_a_dead_link_is_remembered_unless_asked_to_retry(site, video, tmp_path):
    for _ in range(2):
        outcome = fetch(site, ["/a.mp4"], tmp_path)["/a.mp4"]
        assert (outcome.status, outcome.detail) == ("gone", "HTTP 404 Not Found")
    assert len(site.requests) == 1
    site.routes["/a.mp4"] = server.file(video)
    assert fetch(site, ["/a.mp4"], tmp_path, again=True)["/a.mp4"].status == "ok"


def test_a_referer_opens_what_is_forbidden_without(site, video, tmp_path):
    def answer(handler, earlier):
        page = handler.headers.get("Referer") == "http://dictionary.example/"
        (server.file(video) if page else server.status(403))(handler, earlier)

    site.routes["/a.mp4"] = answer
    with pytest.raises(Refused) as refused:
        get(site, "/a.mp4", tmp_path)
    assert refused.value.status == "forbidden"
    assert get(site, "/a.mp4", tmp_path, referer="http://dictionary.example/") == video


def test_429_is_waited_for_as_long_as_the_server_says(site, video, tmp_path):
    wait = server.status(429, Retry_After="1")
    site.routes["/a.mp4"] = server.in_turn(wait, server.file(video))
    assert get(site, "/a.mp4", tmp_path) == video
    first, second = (when for _, _, when in site.requests)
    assert second - first >= 1


def test_429_for_too_long_is_left_for_a_later_run(site, tmp_path):
    site.routes["/a.mp4"] = server.status(429, Retry_After="3600")
    assert fetch(site, ["/a.mp4"], tmp_path)["/a.mp4"].status == "rate_limited"
    assert len(site.requests) == 1
    fetch(site, ["/a.mp4"], tmp_path)
    assert len(site.requests) == 2, "a passing failure must be asked for again"


def test_retry_after_may_be_a_date():
    assert acquire._retry_after("7") == 7
    assert acquire._retry_after(formatdate(time.time() + 60)) == pytest.approx(60, abs=2)
    assert acquire._retry_after("soon") is None


def test_server_errors_are_tried_again(site, video, tmp_path):
    site.routes["/a.mp4"] = server.in_turn(server.status(500), server.file(video))
    assert get(site, "/a.mp4", tmp_path) == video


@pytest.mark.parametrize("first", [b"", b"\0\0\0\x18ftypmp42"])
def test_a_server_that_falls_silent_is_given_up(site, tmp_path, first):
    site.routes["/a.mp4"] = server.hang(4.0, first)
    with pytest.raises(Refused) as refused:
        get(site, "/a.mp4", tmp_path, replace(QUICK, attempts=2, read=1.5))
    assert refused.value.again
    assert refused.value.status == ("truncated" if first else "unreachable")
    assert len(site.requests) == 2


def test_a_server_that_drips_is_given_up_at_the_deadline(site, tmp_path):
    def answer(handler, _):
        server.send(handler, 200, b"\0\0\0\x18ftyp", Content_Length="100000")
        for _ in range(40):
            time.sleep(0.05)
            handler.wfile.write(b"x")

    site.routes["/a.mp4"] = answer
    with pytest.raises(Refused, match="not done after"):
        get(site, "/a.mp4", tmp_path, replace(QUICK, deadline=0.2, attempts=1))


def test_a_truncated_body_is_continued_where_it_broke(site, video, tmp_path):
    half = len(video) // 2
    site.routes["/a.mp4"] = server.in_turn(server.cut_short(video, half), server.file(video))
    assert get(site, "/a.mp4", tmp_path) == video
    assert site.asked("/a.mp4")[1]["range"] == f"bytes={half}-"
    assert site.asked("/a.mp4")[1]["if-range"] == '"1"'


def test_an_earlier_runs_part_is_continued(site, video, tmp_path):
    half = len(video) // 2
    site.routes["/a.mp4"] = server.in_turn(server.cut_short(video, half), server.file(video))
    with pytest.raises(Refused):
        get(site, "/a.mp4", tmp_path, replace(QUICK, attempts=1))
    assert not (tmp_path / "clip.mp4").exists()
    assert get(site, "/a.mp4", tmp_path) == video
    assert site.asked("/a.mp4")[1]["range"] == f"bytes={half}-"


def test_a_body_that_is_always_truncated_is_no_file(site, video, tmp_path):
    site.routes["/a.mp4"] = server.cut_short(video, len(video) // 2, tag="")
    with pytest.raises(Refused) as refused:
        get(site, "/a.mp4", tmp_path)
    assert refused.value.status == "truncated"
    assert not (tmp_path / "clip.mp4").exists()
    assert "range" not in site.asked("/a.mp4")[2], "nothing vouches for the part"


@pytest.mark.parametrize("honest", [True, False], ids=["answers 200", "answers 206 all the same"])
def test_a_file_that_changes_is_never_spliced(site, video, tmp_path, honest):
    new = video[::-1]
    half = len(video) // 2

    def splice(handler, _):
        place = f"bytes {half}-{len(new) - 1}/{len(new)}"
        server.send(handler, 206, new[half:], Content_Range=place, ETag='"2"')

    resumed = server.file(new, tag='"2"')
    answers = [server.cut_short(video, half), *([] if honest else [splice]), resumed]
    site.routes["/a.mp4"] = server.in_turn(*answers)
    assert get(site, "/a.mp4", tmp_path) == new


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "video/mp4"])
def test_a_web_page_is_no_video(site, tmp_path, kind):
    site.routes["/a.mp4"] = server.file(b"\n<!DOCTYPE html><p>Sorry", kind)
    with pytest.raises(Refused, match="HTML") as refused:
        get(site, "/a.mp4", tmp_path)
    assert refused.value.status == "not_a_video"
    assert list(tmp_path.iterdir()) == []
    assert len(site.requests) == 1


def test_an_empty_answer_is_no_video(site, tmp_path):
    site.routes["/a.mp4"] = server.file(b"")
    with pytest.raises(Refused) as refused:
        get(site, "/a.mp4", tmp_path)
    assert refused.value.status == "not_a_video"


@pytest.mark.parametrize("length", [None, "said"])
def test_a_file_over_the_limit_is_refused(site, video, tmp_path, length):
    def answer(handler, _):
        server.send(handler, 200, video, **({} if length else {"Content_Length": None}))

    site.routes["/a.mp4"] = answer
    with pytest.raises(Refused) as refused:
        get(site, "/a.mp4", tmp_path, replace(QUICK, max_bytes=len(video) - 1))
    assert refused.value.status == "too_large"
    assert list(tmp_path.iterdir()) == []


def test_redirects_are_followed(site, video, tmp_path):
    site.routes["/a.mp4"] = server.redirect("/b/c.mp4")
    site.routes["/b/c.mp4"] = server.file(video)
    assert get(site, "/a.mp4", tmp_path) == video


def test_a_redirect_loop_ends(site, tmp_path):
    site.routes |= {"/a.mp4": server.redirect("/b.mp4"), "/b.mp4": server.redirect("/a.mp4")}
    with pytest.raises(Refused) as refused:
        get(site, "/a.mp4", tmp_path)
    assert refused.value.status == "redirects"
    assert len(site.requests) == acquire.MAX_REDIRECTS + 1


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://example.org/a", "//a:b@c.org/d"])
def test_a_redirect_out_of_the_web_is_refused(site, tmp_path, target):
    site.routes["/a.mp4"] = server.redirect(target)
    with pytest.raises(Refused) as refused:
        get(site, "/a.mp4", tmp_path)
    assert refused.value.status == "unsafe_url"


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://example.org/a.mp4",
        "data:video/mp4;base64,AAAA",
        "/etc/passwd",
        "http://",
        "http://user:word@example.org/a.mp4",
        "http://127.0.0.1/a.mp4",
        "http://[::1]/a.mp4",
        "http://[::ffff:10.0.0.1]/a.mp4",
        "http://169.254.169.254/latest/meta-data",
        "http://[bad/a.mp4",
        "http://localhost:99999/",
    ],
)
def test_urls_that_are_never_asked(url, monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with pytest.raises(Refused) as refused:
        acquire.check_url(url, private_hosts=False)
    assert refused.value.status == "unsafe_url"


def test_requests_to_a_host_keep_their_distance(site, video, tmp_path):
    paths = [f"/{i}.mp4" for i in range(3)]
    site.routes |= dict.fromkeys(paths, server.file(video))
    fetch(site, paths, tmp_path, replace(QUICK, interval=1.0))
    times = [when for _, _, when in site.requests]
    # The server notes when it gets round to a request; on a busy machine that wavers.
    assert min(b - a for a, b in itertools.pairwise(times)) >= 0.5


def test_a_host_that_keeps_failing_is_left_alone(site, tmp_path):
    paths = [f"/{i}.mp4" for i in range(9)]
    site.routes |= dict.fromkeys(paths, server.status(403))
    outcomes = fetch(site, paths, tmp_path, replace(QUICK, give_up_after=4))
    assert len(site.requests) == 4
    assert outcomes["/8.mp4"].status == "unreachable"
    assert "4 times in a row (HTTP 403" in outcomes["/8.mp4"].detail


def test_dead_links_do_not_condemn_a_host(site, video, tmp_path):
    paths = [f"/{i}.mp4" for i in range(6)]
    site.routes["/5.mp4"] = server.file(video)
    outcomes = fetch(site, paths, tmp_path, replace(QUICK, give_up_after=2))
    assert outcomes["/5.mp4"].status == "ok"


def test_a_journal_with_a_torn_last_line_is_read(site, video, tmp_path):
    site.routes["/a.mp4"] = server.file(video)
    fetch(site, ["/a.mp4"], tmp_path)
    journal = tmp_path / acquire.JOURNAL
    journal.write_text(journal.read_text() + '{"url": "http://x", "sta')
    assert list(acquire.read_journal(tmp_path)) == [f"{site.url}/a.mp4"]


def test_an_error_in_a_thread_is_raised(tmp_path, monkeypatch):
    monkeypatch.setattr(acquire, "_get", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        list(acquire.fetch([Task("http://a.example/b", tmp_path / "b")], tmp_path, QUICK))


@pytest.mark.parametrize(
    ("url", "suffix"),
    [("http://a/b.SWF?x=1", ".swf"), ("http://a/b", ".mp4"), ("http://a/b.%2e%2e%2f", ".mp4")],
)
def test_extension_comes_from_the_url_only_if_plain(url, suffix):
    assert acquire.extension(url) == suffix


def test_youtube_is_asked_through_yt_dlp():
    command = acquire.youtube_command(
        "https://www.youtube.com/watch?v=-abcdefghij", Path("a%b/youtube/-abcdefghij"), QUICK
    )
    assert command[:3] == [sys.executable, "-m", "yt_dlp"]
    assert command[-2:] == ["--", "https://www.youtube.com/watch?v=-abcdefghij"]
    assert "a%%b/youtube/-abcdefghij.%(ext)s" in command
    assert {"--ignore-config", "--no-playlist", "--max-filesize"} <= set(command)


@pytest.mark.parametrize(
    ("code", "said", "status"),
    [
        (1, "[youtube] x: Video unavailable", "gone"),
        (1, "[youtube] x: Private video. Sign in if you've been granted access", "gone"),
        (1, "[youtube] x: Sign in to confirm you're not a bot", "forbidden"),
        (1, "HTTP Error 429: Too Many Requests", "rate_limited"),
        (1, "Unable to download webpage: timed out", "unreachable"),
        (1, "/usr/bin/python3: No module named yt_dlp", "needs_yt_dlp"),
        (0, "yt-dlp brought no file", "too_large"),
    ],
)
def test_what_yt_dlp_says_becomes_a_status(code, said, status):
    assert acquire._youtube_status(code, said) == status


def test_yt_dlp_brings_a_file(site, video, tmp_path):
    pytest.importorskip("yt_dlp", reason="needs yt-dlp, which is optional")
    site.routes["/watch.mp4"] = server.file(video)
    limits = replace(QUICK, deadline=60, read=5)
    file = acquire.download_youtube(f"{site.url}/watch.mp4", tmp_path / "youtube" / "x", limits)
    assert file == tmp_path / "youtube" / "x.mp4"
    assert file.read_bytes() == video


def test_journal_lines_say_when_and_what(site, tmp_path):
    fetch(site, ["/a.mp4"], tmp_path)
    entry = json.loads((tmp_path / acquire.JOURNAL).read_text())
    assert entry.keys() == {"url", "status", "detail", "file", "time"}
