"""One file over HTTP, from a server that behaves and misbehaves."""

import time
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
import requests
from helpers import video_server as server
from helpers.video_server import QUICK, Site

from zerosign import http
from zerosign.http import Limits, Refused
from zerosign.videos.opening import not_video


def get(site: Site, path: str, folder: Path, limits: Limits = QUICK, **settings: Any) -> bytes:
    """Download one file; returns what was written."""
    target = folder / "clip.mp4"
    more = {"unwanted": not_video} | settings
    pace = http.Pace(limits.interval)
    with requests.Session() as session:
        http.download(site.url + path, target, session, limits, pace, **more)
    return target.read_bytes()


def test_a_file_arrives_whole_and_leaves_nothing_behind(
    site: Site, video: bytes, tmp_path: Path
) -> None:
    site.routes["/a.mp4"] = server.file(video)
    assert get(site, "/a.mp4", tmp_path) == video
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]


def test_a_referer_opens_what_is_forbidden_without(
    site: Site, video: bytes, tmp_path: Path
) -> None:
    def answer(handler: Any, earlier: Any) -> None:
        page = handler.headers.get("Referer") == "http://dictionary.example/"
        (server.file(video) if page else server.status(403))(handler, earlier)

    site.routes["/a.mp4"] = answer
    with pytest.raises(Refused) as refused:
        get(site, "/a.mp4", tmp_path)
    assert refused.value.status == "forbidden"
    assert get(site, "/a.mp4", tmp_path, referer="http://dictionary.example/") == video


def test_429_is_waited_for_as_long_as_the_server_says(
    site: Site, video: bytes, tmp_path: Path
) -> None:
    wait = server.status(429, Retry_After="1")
    site.routes["/a.mp4"] = server.in_turn(wait, server.file(video))
    assert get(site, "/a.mp4", tmp_path) == video
    first, second = (when for _, _, when in site.requests)
    assert second - first >= 1


def test_retry_after_may_be_a_date() -> None:
    assert http._retry_after("7") == 7
    assert http._retry_after(formatdate(time.time() + 60)) == pytest.approx(60, abs=2)
    assert http._retry_after("soon") is None


def test_server_errors_are_tried_again(site: Site, video: bytes, tmp_path: Path) -> None:
    site.routes["/a.mp4"] = server.in_turn(server.status(500), server.file(video))
    assert get(site, "/a.mp4", tmp_path) == video


@pytest.mark.parametrize("first", [b"", b"\0\0\0\x18ftypmp42"])
def test_a_server_that_falls_silent_is_given_up(site: Site, tmp_path: Path, first: bytes) -> None:
    site.routes["/a.mp4"] = server.hang(4.0, first)
    with pytest.raises(Refused) as refused:
        get(site, "/a.mp4", tmp_path, replace(QUICK, attempts=2, read=1.5))
    assert refused.value.again
    assert refused.value.status == ("truncated" if first else "unreachable")
    assert len(site.requests) == 2


def test_a_server_that_drips_is_given_up_at_the_deadline(site: Site, tmp_path: Path) -> None:
    def answer(handler: Any, _: object) -> None:
        server.send(handler, 200, b"\0\0\0\x18ftyp", Content_Length="100000")
        for _ in range(40):
            time.sleep(0.05)
            handler.wfile.write(b"x")

    site.routes["/a.mp4"] = answer
    with pytest.raises(Refused, match="not done after"):
        get(site, "/a.mp4", tmp_path, replace(QUICK, deadline=0.2, attempts=1))


def test_a_truncated_body_is_continued_where_it_broke(
    site: Site, video: bytes, tmp_path: Path
) -> None:
    half = len(video) // 2
    site.routes["/a.mp4"] = server.in_turn(server.cut_short(video, half), server.file(video))
    assert get(site, "/a.mp4", tmp_path) == video
    assert site.asked("/a.mp4")[1]["range"] == f"bytes={half}-"
    assert site.asked("/a.mp4")[1]["if-range"] == '"1"'


def test_an_earlier_runs_part_is_continued(site: Site, video: bytes, tmp_path: Path) -> None:
    half = len(video) // 2
    site.routes["/a.mp4"] = server.in_turn(server.cut_short(video, half), server.file(video))
    with pytest.raises(Refused):
        get(site, "/a.mp4", tmp_path, replace(QUICK, attempts=1))
    assert not (tmp_path / "clip.mp4").exists()
    assert get(site, "/a.mp4", tmp_path) == video
    assert site.asked("/a.mp4")[1]["range"] == f"bytes={half}-"


def test_a_body_that_is_always_truncated_is_no_file(
    site: Site, video: bytes, tmp_path: Path
) -> None:
    site.routes["/a.mp4"] = server.cut_short(video, len(video) // 2, tag="")
    with pytest.raises(Refused) as refused:
        get(site, "/a.mp4", tmp_path)
    assert refused.value.status == "truncated"
    assert not (tmp_path / "clip.mp4").exists()
    assert "range" not in site.asked("/a.mp4")[2], "nothing identifies the part"


@pytest.mark.parametrize("honest", [True, False], ids=["answers 200", "answers 206 all the same"])
def test_a_file_that_changes_is_never_spliced(
    site: Site, video: bytes, tmp_path: Path, honest: bool
) -> None:
    new = video[::-1]
    half = len(video) // 2

    def splice(handler: Any, _: object) -> None:
        place = f"bytes {half}-{len(new) - 1}/{len(new)}"
        server.send(handler, 206, new[half:], Content_Range=place, ETag='"2"')

    resumed = server.file(new, tag='"2"')
    answers = [server.cut_short(video, half), *([] if honest else [splice]), resumed]
    site.routes["/a.mp4"] = server.in_turn(*answers)
    assert get(site, "/a.mp4", tmp_path) == new


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "video/mp4"])
def test_a_web_page_is_no_video(site: Site, tmp_path: Path, kind: str) -> None:
    site.routes["/a.mp4"] = server.file(b"\n<!DOCTYPE html><p>Sorry", kind)
    with pytest.raises(Refused, match="HTML") as refused:
        get(site, "/a.mp4", tmp_path)
    assert refused.value.status == "not_a_video"
    assert list(tmp_path.iterdir()) == []
    assert len(site.requests) == 1


def test_an_empty_answer_is_no_video(site: Site, tmp_path: Path) -> None:
    site.routes["/a.mp4"] = server.file(b"")
    with pytest.raises(Refused) as refused:
        get(site, "/a.mp4", tmp_path)
    assert refused.value.status == "not_a_video"


@pytest.mark.parametrize("length", [None, "said"])
def test_a_file_over_the_limit_is_refused(
    site: Site, video: bytes, tmp_path: Path, length: str | None
) -> None:
    def answer(handler: Any, _: object) -> None:
        server.send(handler, 200, video, **({} if length else {"Content_Length": None}))

    site.routes["/a.mp4"] = answer
    with pytest.raises(Refused) as refused:
        get(site, "/a.mp4", tmp_path, replace(QUICK, max_bytes=len(video) - 1))
    assert refused.value.status == "too_large"
    assert list(tmp_path.iterdir()) == []


def test_redirects_are_followed(site: Site, video: bytes, tmp_path: Path) -> None:
    site.routes["/a.mp4"] = server.redirect("/b/c.mp4")
    site.routes["/b/c.mp4"] = server.file(video)
    assert get(site, "/a.mp4", tmp_path) == video


def test_a_redirect_loop_ends(site: Site, tmp_path: Path) -> None:
    site.routes |= {"/a.mp4": server.redirect("/b.mp4"), "/b.mp4": server.redirect("/a.mp4")}
    with pytest.raises(Refused) as refused:
        get(site, "/a.mp4", tmp_path)
    assert refused.value.status == "redirects"
    assert len(site.requests) == http.MAX_REDIRECTS + 1


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://example.org/a", "//a:b@c.org/d"])
def test_a_redirect_out_of_the_web_is_refused(site: Site, tmp_path: Path, target: str) -> None:
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
def test_urls_that_are_never_asked(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with pytest.raises(Refused) as refused:
        http.check_url(url, private_hosts=False)
    assert refused.value.status == "unsafe_url"
