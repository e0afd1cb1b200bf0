"""Pages of an online dictionary of signs: fetched politely, kept, searched for a description.

What robots.txt forbids is not fetched, and its pause between requests is kept. A page that is
there is never fetched again.
"""

import codecs
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag, urljoin, urlsplit
from urllib.robotparser import RobotFileParser

import polars as pl
import requests

from zerosign import cli
from zerosign.errors import UserError
from zerosign.http import LASTING, Limits, Pace, Refused, check_url, download
from zerosign.mapping.normalise import normal

NAME = "zerosign"  # by which robots.txt may address this program
LABEL = "sign description"
LICENCE = "rights not established: for one's own study, not to be passed on"
LONGEST = 2000  # characters; a longer text is more than a description
POLITE = Limits(interval=5.0, deadline=120.0, max_bytes=4 * 2**20)

_BLOCKS = frozenset(
    [
        *("address", "article", "aside", "blockquote", "body", "br", "dd", "div", "dl", "dt"),
        *("figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header"),
        *("hr", "li", "main", "nav", "ol", "option", "p", "pre", "section", "table", "td", "th"),
        *("title", "tr", "ul"),
    ]
)
_UNSEEN = frozenset(["noscript", "script", "style", "template"])
_CHARSET = re.compile(rb"<meta[^>]+charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
# Python's own: they fail, take hours for a long page, or make characters that no file can hold.
_NO_CHARSETS = frozenset(["idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"])


@dataclass(frozen=True)
class Page:
    """What a page says: its blocks of text, and its links as (text, target)."""

    blocks: list[str]
    links: list[tuple[str, str]]


class _Reader(HTMLParser):
    """Collects text by blocks; HTML that is not well formed ends in the same, a little coarser."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[str] = []
        self.links: list[tuple[str, str]] = []
        self._text: list[str] = []
        self._link: tuple[str, list[str]] | None = None
        self._unseen: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSEEN:
            self._unseen = tag
        elif tag in _BLOCKS:
            self.end_block()
        elif tag == "a":
            self.end_link()
            target = dict(attrs).get("href")
            self._link = (target, []) if target else None

    def handle_endtag(self, tag: str) -> None:
        if tag == self._unseen:
            self._unseen = None
        elif tag in _BLOCKS:
            self.end_block()
        elif tag == "a":
            self.end_link()

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self._text.append(data)
            if self._link:
                self._link[1].append(data)

    def end_block(self) -> None:
        text = " ".join("".join(self._text).split())
        self._text = []
        if text:
            self.blocks.append(text)

    def end_link(self) -> None:
        if self._link:
            target, texts = self._link
            self.links.append((" ".join("".join(texts).split()), target))
            self._link = None


def parse(html: str) -> Page:
    """Blocks of text and links of a page, scripts and styles left out."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    reader.end_block()
    reader.end_link()
    return Page(reader.blocks, reader.links)


def decode(data: bytes) -> str:
    """A page's text by the encoding that it names, else UTF-8; what is broken becomes U+FFFD."""
    named = _CHARSET.search(data[:4096])
    charset = named[1].decode("ascii") if named else "utf-8"
    try:
        if codecs.lookup(charset).name not in _NO_CHARSETS:
            return data.decode(charset, errors="replace")
    except (LookupError, UnicodeError):
        pass
    return data.decode("utf-8", errors="replace")


def description(blocks: Sequence[str], label: str = LABEL) -> str | None:
    """What follows the label in its block, else the next block; None if there is no such text.

    The label ends with a colon (a bracket may stand between) or is the end of its block.
    """
    pattern = re.compile(rf"\b{re.escape(label)}\s*\)?\s*(?::\s*(.*)|$)", re.IGNORECASE)
    for place, block in enumerate(blocks):
        found = pattern.search(block)
        if found:
            text = found[1] or "".join(blocks[place + 1 : place + 2])
            return text if 0 < len(text) <= LONGEST else None
    return None


def links_to(glosses: Iterable[str], page: Page, url: str) -> dict[str, str]:
    """Gloss to the address that the first link with its very words leads to, on the same host.

    A link whose target is no URL is passed over.
    """
    by_text: dict[str, str] = {}
    for text, target in page.links:
        try:
            address = urldefrag(urljoin(url, target)).url
            host = urlsplit(address).netloc
        except ValueError:
            continue
        if host == urlsplit(url).netloc:
            by_text.setdefault(normal(text), address)
    return {gloss: by_text[normal(gloss)] for gloss in glosses if normal(gloss) in by_text}


@dataclass
class _Host:
    pace: Pace
    robots: RobotFileParser
    failures: int = 0
    closed: Refused | None = None  # why nothing may be fetched from it


class _RobotsSession(requests.Session):
    """A session that checks every URL before it is fetched, redirects included."""

    def __init__(self, look: Callable[[str], object]) -> None:
        super().__init__()
        self._look = look

    def get(self, url: str | bytes, **options: Any) -> requests.Response:
        self._look(url.decode() if isinstance(url, bytes) else url)
        return super().get(url, **options)


@dataclass
class Crawler:
    """Gets pages one after the other and keeps them in ``folder``."""

    folder: Path
    limits: Limits = POLITE
    _hosts: dict[str, _Host] = field(default_factory=dict)

    def page(self, url: str) -> Page:
        """The page of a URL, from the folder or the site. Raises `Refused`."""
        check_url(url, private_hosts=True)  # is it a URL at all? `download` looks at the host
        url = urldefrag(url).url
        file = self.folder / f"{hashlib.sha256(url.encode()).hexdigest()[:24]}.html"
        if not file.exists():
            self._fetch(url, file)
        return parse(decode(file.read_bytes()))

    def _fetch(self, url: str, file: Path) -> None:
        host = self._allowed(url)
        if host.failures >= self.limits.give_up_after:
            raise Refused("unreachable", f"not asked: the host failed {host.failures} times")
        try:
            with _RobotsSession(self._allowed) as session:
                download(url, file, session, self.limits, host.pace)
        except Refused as refused:
            host.failures = 0 if refused.status in LASTING else host.failures + 1
            raise
        host.failures = 0

    def _allowed(self, url: str) -> _Host:
        """The host of a URL that robots.txt lets programs ask for. Raises `Refused`."""
        host = self._host(url)
        if host.closed:
            raise host.closed
        try:
            allowed = host.robots.can_fetch(NAME, url)
        except ValueError as error:  # it unquotes the URL, which may be none then
            raise Refused("unsafe_url", f"{url!r}: {error}") from None
        if not allowed:
            raise Refused("forbidden", "robots.txt asks programs to stay away")
        return host

    def _host(self, url: str) -> _Host:
        """What is known of a URL's host: its robots.txt is read before anything else."""
        parts = urlsplit(url)
        root = f"{parts.scheme}://{parts.netloc}"
        if root not in self._hosts:
            robots, closed = RobotFileParser(), None
            try:
                robots.parse(self._rules(root).splitlines())
            except Refused as refused:
                closed = Refused(refused.status, f"robots.txt: {refused.detail}")
            except ValueError:
                closed = Refused("forbidden", "robots.txt cannot be read")
            delay = 0 if closed else int(robots.crawl_delay(NAME) or 0)
            if delay > self.limits.patience:
                wait = f"{self.limits.patience:.0f} s between requests"
                closed = Refused("forbidden", f"robots.txt asks for more than {wait}")
            pace = Pace(self.limits.interval if closed else max(self.limits.interval, delay))
            pace.wait()  # robots.txt was a request, too
            self._hosts[root] = _Host(pace, robots, closed=closed)
        return self._hosts[root]

    def _rules(self, root: str) -> str:
        """The text of robots.txt, "" where there is none; `Refused` if that cannot be known."""
        name = hashlib.sha256(root.encode()).hexdigest()[:24]
        file = self.folder / f"{name}.robots.txt"
        pace = Pace(self.limits.interval)
        try:
            with requests.Session() as session:
                download(f"{root}/robots.txt", file, session, self.limits, pace)
        except Refused as refused:
            if refused.status == "forbidden":  # as RobotFileParser.read takes it
                return "User-agent: *\nDisallow: /"
            if refused.status == "gone" or refused.detail == "the server sent an empty file":
                return ""
            raise
        return file.read_text("utf-8", errors="replace")


def find(
    pages: Mapping[str, str], crawler: Crawler, label: str = LABEL
) -> Iterable[tuple[str, str, str | None, str]]:
    """Visit the page of each gloss: yields gloss, URL, description or None, and why there is none.

    ``pages``: gloss to URL.
    """
    for gloss, url in pages.items():
        try:
            text = description(crawler.page(url).blocks, label)
            yield gloss, url, text, "" if text else f"no '{label}' on the page"
        except Refused as refused:
            yield gloss, url, None, f"{refused.status}: {refused.detail}"


def read_pages(path: Path, glosses: Sequence[str]) -> dict[str, str]:
    """Gloss to URL from a CSV with these two columns; rows of other glosses are left out."""
    try:
        table = pl.read_csv(path, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UserError(f"{path}: cannot be read as CSV ({str(error).splitlines()[0]})") from None
    for column in ("gloss", "url"):
        if column not in table.columns:
            raise UserError(f"{path}: no column '{column}'; add it")
    rows = table.select("gloss", "url").filter(pl.col("gloss").is_in(list(glosses)))
    if rows["gloss"].is_duplicated().any():
        twice = rows.filter(pl.col("gloss").is_duplicated())["gloss"][0]
        raise UserError(f"{path}: duplicate gloss '{twice}'; keep one row")
    return dict(rows.drop_nulls().iter_rows())


def known_pages(
    table: Path | None, index: Iterable[str], glosses: Sequence[str], crawler: Crawler
) -> dict[str, str]:
    """Gloss to URL from a table (`read_pages`) and from the links of index pages.

    Raises `UserError` if there is none.
    """
    pages = read_pages(table, glosses) if table else {}
    for url in index:
        try:
            linked = links_to(glosses, crawler.page(url), url)
        except Refused as refused:
            raise UserError(f"{url}: {refused.status}: {refused.detail}") from None
        pages = linked | pages
    if not pages:
        raise UserError(f"no page is known for any of the {len(glosses)} glosses")
    return pages


def described(
    pages: Mapping[str, str], crawler: Crawler, label: str
) -> list[tuple[str, str, str, str, str]]:
    """Gloss, description, host, licence and URL of each page that has a description.

    Raises `UserError` if none has.
    """
    rows = []
    found = find(pages, crawler, label)
    for gloss, url, text, why in cli.progress(found, len(pages), "descriptions", "pages"):
        if text:
            rows.append((gloss, text, urlsplit(url).hostname or "", LICENCE, url))
        else:
            cli.log.warning("%s: %s: %s", gloss, url, why)
    if not rows:
        raise UserError(f"none of {len(pages)} pages has a description; is --label right?")
    return rows
