"""Pages of an online dictionary, from a local server that behaves or misbehaves."""

import locale
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from helpers.video_server import Site, file, hang, in_turn, redirect, send, serve, status

import fetch_descriptions
from zerosign import http
from zerosign.errors import UserError
from zerosign.http import Limits, Refused
from zerosign.matching import descriptions, web_dictionary

QUICK = Limits(
    interval=0.0, backoff=0.01, attempts=2, private_hosts=True, max_bytes=20_000, give_up_after=2
)
PAGE = """<!doctype html><html><head><meta charset="utf-8"><title>{gloss} in ASL</title>
<style>p {{ color: red }}</style><script>var sign_description = "Sign description: no";</script>
</head><body><nav><a href="/">Home</a> <a href="/word/">Words</a></nav><h1>{gloss}</h1>
<p><b>Definition:</b> a thing.
<p><b>Pronunciation (sign description)</b>: {text}</p>
<p>Related: <a href="/word/7/">another</a></body></html>"""


@pytest.fixture
def site() -> Iterator[Site]:
    with serve() as running:
        running.routes["/robots.txt"] = page("User-agent: *\nDisallow: /private/\n")
        yield running


def page(text: str, kind: str = "text/html") -> Any:
    return file(text.encode(), kind=kind)


def crawler(folder: Path, limits: Limits = QUICK) -> web_dictionary.Crawler:
    return web_dictionary.Crawler(folder, limits)


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        (
            PAGE.format(gloss="book", text="Two flat hands\n open &amp; close."),
            "Two flat hands open & close.",
        ),
        ("<h2>Sign description</h2><p>One hand rises.</p>", "One hand rises."),
        ("<dl><dt>Sign Description:<dd>One <i>hand</i> rises.</dl>", "One hand rises."),
        ("<p>sign description: first<br>Etymology: old", "first"),
        ("<p>Tips for a good sign description tell more.</p><p>x</p>", None),
        ("<p>Sign description:</p>", None),
        ("<p>Sign description: " + 2001 * "x", None),
        ("<p unclosed <b>><<", None),
        ("", None),
    ],
)
def test_descriptions_on_pages(html: str, expected: str | None) -> None:
    assert web_dictionary.description(web_dictionary.parse(html).blocks) == expected


def test_encodings() -> None:
    latin = '<meta charset="iso-8859-1"><p>é'
    assert web_dictionary.decode(latin.encode("latin-1")).endswith("é")
    assert web_dictionary.decode("<p>é".encode()) == "<p>é"
    assert web_dictionary.decode(b'<meta charset="no-such"><p>\xff').endswith(
        "\N{REPLACEMENT CHARACTER}"
    )


@pytest.mark.parametrize("name", ["undefined", "idna", "punycode", "unicode_escape", "base64"])
def test_what_is_no_encoding_of_a_page(name: str) -> None:
    html = f"<meta charset={name}><p>é \\ud800"
    assert web_dictionary.decode(html.encode()) == html


def test_links_with_the_words_of_a_gloss() -> None:
    html = """<a href=1/>Book</a><a href="2/">thank-you</a><a href="3/">book</a>
    <a href="//elsewhere.example/">none</a><a>year</a><a href="http://[x">none</a>"""
    found = web_dictionary.links_to(
        ["book", "thank you", "none", "year"], web_dictionary.parse(html), "http://x.example/word/"
    )
    assert found == {
        "book": "http://x.example/word/1/",
        "thank you": "http://x.example/word/2/",
    }


def test_a_page_is_asked_for_once(site: Site, tmp_path: Path) -> None:
    site.routes["/word/1/"] = page(PAGE.format(gloss="book", text="Two hands."))
    for _ in range(2):
        found = crawler(tmp_path).page(f"{site.url}/word/1/#top")
        assert web_dictionary.description(found.blocks) == "Two hands."
    assert [path for path, _, _ in site.requests] == ["/robots.txt", "/word/1/"]
    assert "zerosign" in site.requests[1][1]["user-agent"]


@pytest.mark.parametrize(
    ("robots", "allowed"),
    [
        (page("User-agent: zerosign\nDisallow: /word/\n"), False),
        (page("User-agent: other\nDisallow: /\n"), True),
        (page(""), True),
        (status(404), True),
        (status(403), False),
        (status(500), False),
    ],
)
def test_robots(site: Site, tmp_path: Path, robots: Any, allowed: bool) -> None:
    site.routes |= {"/robots.txt": robots, "/word/1/": page("<p>x")}
    visits = crawler(tmp_path)
    for number in range(2):
        if allowed:
            visits.page(f"{site.url}/word/1/")
        else:
            with pytest.raises(Refused, match=r"robots\.txt"):
                visits.page(f"{site.url}/word/{number}/")
    assert len(site.asked("/word/1/")) == allowed
    assert len(site.asked("/robots.txt")) <= QUICK.attempts


def test_robots_hold_where_a_redirect_leads(site: Site, tmp_path: Path) -> None:
    site.routes |= {"/word/1/": redirect("/private/1"), "/private/1": page("<p>x")}
    with pytest.raises(Refused, match=r"robots\.txt"):
        crawler(tmp_path).page(f"{site.url}/word/1/")
    assert not site.asked("/private/1")
    site.routes["/word/2/"] = redirect("/word/3/")
    site.routes["/word/3/"] = page("<p>moved")
    assert crawler(tmp_path).page(f"{site.url}/word/2/").blocks == ["moved"]


def test_requests_to_a_host_keep_apart(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(http.time, "sleep", waits.append)
    site.routes["/robots.txt"] = page("User-agent: *\nCrawl-delay: 100\n")
    site.routes |= {f"/{n}": page("<p>x") for n in range(2)}
    visits = crawler(tmp_path)
    for n in range(2):
        visits.page(f"{site.url}/{n}")
    assert [path for path, _, _ in site.requests] == ["/robots.txt", "/0", "/1"]
    assert len([wait for wait in waits if wait > 90]) == 2


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ("Crawl-delay: 121", "more than 120 s"),
        ("Crawl-delay: " + 400 * "9", "more than 120 s"),
        ("Crawl-delay: " + 5000 * "9", "cannot be read"),
        ("Crawl-delay: ²", "cannot be read"),
        ("Disallow: //[x", "cannot be read"),
    ],
)
def test_robots_that_ask_too_much(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rules: str, says: str
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(http.time, "sleep", waits.append)
    site.routes["/robots.txt"] = page(f"User-agent: *\n{rules}\n")
    visits = crawler(tmp_path)
    for _ in range(2):
        with pytest.raises(Refused, match=rf"robots\.txt .*{says}"):
            visits.page(f"{site.url}/1")
    assert max(waits) < 1
    assert not site.asked("/1")


def test_a_passing_failure_is_tried_again(site: Site, tmp_path: Path) -> None:
    site.routes["/1"] = in_turn(status(503), page("<p>sign description: x"))
    assert crawler(tmp_path).page(f"{site.url}/1").blocks


@pytest.mark.parametrize(
    ("url", "answer", "says"),
    [
        ("/large", page("x" * 20_001), "too_large"),
        ("/gone", status(404), "gone"),
        ("ftp://x.example/1", None, "unsafe_url"),
        ("file:///etc/passwd", None, "unsafe_url"),
        ("http://[x", None, "unsafe_url"),
        ("http://[x#part", None, "unsafe_url"),
        ("/redirects", redirect("http://[x"), "unsafe_url"),
    ],
)
def test_what_is_not_taken(site: Site, tmp_path: Path, url: str, answer: Any, says: str) -> None:
    if answer:
        site.routes[url] = answer
        url = site.url + url
    with pytest.raises(Refused) as caught:
        crawler(tmp_path).page(url)
    assert caught.value.status == says


def test_a_host_that_is_none_once_unquoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        web_dictionary.Crawler, "_rules", lambda self, root: "User-agent: *\nAllow: /"
    )
    with pytest.raises(Refused) as caught:
        crawler(tmp_path).page("http://%5Bx/1")
    assert caught.value.status == "unsafe_url"


def test_addresses_that_are_not_public(site: Site, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="not a public address"):
        web_dictionary.Crawler(tmp_path).page(f"{site.url}/1")
    assert not site.requests


def test_a_host_that_keeps_failing_is_left_alone(site: Site, tmp_path: Path) -> None:
    visits = crawler(tmp_path, Limits(**{**vars(QUICK), "attempts": 1}))
    pages = {str(n): f"{site.url}/{n}" for n in range(4)}
    site.routes |= {f"/{n}": status(500) for n in range(4)}
    whys = [why for *_, why in web_dictionary.find(pages, visits)]
    assert [path for path, _, _ in site.requests] == ["/robots.txt", "/0", "/1"]
    assert "server_error" in whys[1]
    assert "not asked: the host failed 2 times" in whys[3]


def test_a_silent_server_ends_in_a_reason(site: Site, tmp_path: Path) -> None:
    site.routes["/1"] = hang(1.0)
    limits = Limits(**{**vars(QUICK), "attempts": 1, "read": 0.2})
    with pytest.raises(Refused) as caught:
        crawler(tmp_path, limits).page(f"{site.url}/1")
    assert caught.value.status in ("unreachable", "truncated")


# The program


def clips(folder: Path, glosses: list[str]) -> Path:
    rows = [{"gloss": gloss, "class_index": k} for k, gloss in enumerate(glosses)]
    pl.DataFrame(rows).write_parquet(folder / "clips.parquet")
    return folder / "clips.parquet"


def arguments(folder: Path, *more: str) -> list[str]:
    common = ["--clips", str(clips(folder, ["book", "none", "year", "go"])), "--interval", "0"]
    output = ["--folder", str(folder / "pages"), "--output", str(folder / "d.csv")]
    return [*common, *output, "--private-hosts", *more]


def test_from_pages_to_csv(site: Site, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    site.routes["/word/1/"] = page(PAGE.format(gloss="book", text="Two, flat\nhands."))
    site.routes["/word/2/"] = page(PAGE.format(gloss="none", text='The "O" hands.'))
    site.routes["/word/3/"] = page("<p>nothing here")
    site.routes["/index"] = page('<a href="/word/9/">book</a><a href="/word/2/">None</a>')
    pages = tmp_path / "pages.csv"
    pages.write_text(
        f"gloss,url\nbook,{site.url}/word/1/\nyear,{site.url}/word/3/\nother,{site.url}/word/4/\n"
    )
    where = ["--pages", str(pages), "--index", f"{site.url}/index", "--rights-checked"]
    for _ in range(2):
        fetch_descriptions.main(arguments(tmp_path, *where))
    assert len(site.asked("/word/1/")) == 1
    assert not site.asked("/word/9/") and not site.asked("/word/4/")
    read = descriptions.read(tmp_path / "d.csv")
    assert dict(read.select("gloss", "description").iter_rows()) == {
        "book": "Two, flat hands.",
        "none": 'The "O" hands.',
    }
    assert read["url"].to_list() == [f"{site.url}/word/{n}/" for n in (1, 2)]
    assert read["source"].to_list() == 2 * ["127.0.0.1"]
    assert "not established" in read["licence"][0]
    assert "year: " in caplog.text and "no 'sign description' on the page" in caplog.text


def test_the_csv_is_utf8_in_any_locale(site: Site, tmp_path: Path) -> None:
    site.routes["/index"] = page('<a href="/word/1/">book</a>')
    site.routes["/word/1/"] = page(PAGE.format(gloss="book", text="Two café hands."))
    before = locale.setlocale(locale.LC_CTYPE)
    locale.setlocale(locale.LC_CTYPE, "C")
    try:
        where = ["--index", f"{site.url}/index", "--rights-checked"]
        fetch_descriptions.main(arguments(tmp_path, *where))
    finally:
        locale.setlocale(locale.LC_CTYPE, before)
    assert descriptions.read(tmp_path / "d.csv")["description"].to_list() == ["Two café hands."]


def test_the_program_wants_the_rights_looked_at(site: Site, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--rights-checked"):
        fetch_descriptions.main(arguments(tmp_path, "--index", f"{site.url}/index"))
    assert not site.requests


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("gloss,address\nbook,x\n", "no column 'url'"),
        ("gloss,url\nbook,x\nbook,y\n", "duplicate gloss 'book'"),
        ("gloss,url\nother,x\n", "no page is known for any of the 4 glosses"),
    ],
)
def test_faults_in_the_table_of_pages(tmp_path: Path, content: str, says: str) -> None:
    pages = tmp_path / "pages.csv"
    pages.write_text(content)
    with pytest.raises(UserError, match=says):
        fetch_descriptions.main(arguments(tmp_path, "--pages", str(pages), "--rights-checked"))


def test_pages_without_any_description(site: Site, tmp_path: Path) -> None:
    site.routes["/index"] = page('<a href="/word/1/">book</a>')
    site.routes["/word/1/"] = lambda handler, _: send(
        handler, 200, b"<p>x", Content_Type="text/html"
    )
    with pytest.raises(UserError, match="none of 1 pages has a description; is --label right"):
        fetch_descriptions.main(
            arguments(tmp_path, "--index", f"{site.url}/index", "--rights-checked")
        )
    assert not (tmp_path / "d.csv").exists()
