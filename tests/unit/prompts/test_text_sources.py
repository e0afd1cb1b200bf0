"""A prompt's words may stand in a file or at an address; either way they are what is asked."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import video_server as server

from zerosign import http
from zerosign.errors import UserError
from zerosign.prompts import text_sources
from zerosign.prompts.prompt_entry import Prompt, PromptSource


def asking(user: Any, **more: Any) -> PromptSource:
    return PromptSource.of({"task": "predict", "user": user, **more})


TEXT = "Which sign is it?\n"
SHA256 = hashlib.sha256(TEXT.encode()).hexdigest()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def site() -> Iterator[server.Site]:
    with server.serve() as site:
        yield site


def test_words_of_an_entry_stay() -> None:
    source = asking("What is it?")
    assert text_sources.resolve(source) == Prompt.of(source.as_json())


def test_words_of_files(here: Path) -> None:
    (here / "user.txt").write_text(TEXT, "utf-8")
    source = asking({"file": "user.txt"}, system={"file": "user.txt", "sha256": SHA256})
    prompt = text_sources.resolve(source)
    assert (prompt.system, prompt.user) == (TEXT.strip(), TEXT.strip())


def test_words_of_a_file_that_the_workflow_ships(here: Path) -> None:
    (here / "shipped").mkdir()
    (here / "shipped" / "user.txt").write_text(TEXT, "utf-8")
    prompt = text_sources.resolve(asking({"file": "user.txt"}), lambda path: f"shipped/{path}")
    assert prompt.user == TEXT.strip()


@pytest.mark.parametrize(
    ("content", "source", "words"),
    [
        (None, {"file": "user.txt"}, "user: user.txt: no such file"),
        (TEXT, {"file": "user.txt", "sha256": "0" * 64}, f"not the declared text: sha256 {SHA256}"),
        (b"\xff\xfe", {"file": "user.txt"}, "user.txt: not UTF-8 text"),
        (b"a" * (text_sources.LIMIT + 1), {"file": "user.txt"}, "user.txt: more than"),
        (" \n", {"file": "user.txt"}, "user: the text is empty"),
    ],
)
def test_mistakes(
    here: Path, content: str | bytes | None, source: dict[str, str], words: str
) -> None:
    if content is not None:
        data = content.encode() if isinstance(content, str) else content
        (here / "user.txt").write_bytes(data)
    with pytest.raises(UserError, match=words):
        text_sources.resolve(asking(source))


def test_an_address_is_asked_once(site: server.Site, monkeypatch: pytest.MonkeyPatch) -> None:
    # The test's server is on this machine, where addresses of data are never followed to.
    local = http.Limits(private_hosts=True, interval=0, max_bytes=text_sources.LIMIT)
    monkeypatch.setattr(http, "Limits", lambda **_: local)
    site.routes["/prompt.txt"] = server.file(TEXT.encode(), "text/plain")
    source = asking({"url": f"{site.url}/prompt.txt", "sha256": SHA256})
    assert text_sources.resolve(source).user == TEXT.strip()
    del site.routes["/prompt.txt"]
    assert text_sources.resolve(source).user == TEXT.strip()


def test_a_private_address_is_refused(site: server.Site) -> None:
    site.routes["/prompt.txt"] = server.file(TEXT.encode(), "text/plain")
    source = asking({"url": f"{site.url}/prompt.txt", "sha256": SHA256})
    with pytest.raises(UserError, match=r"user: http://.*; or put the file at resources/prompts/"):
        text_sources.resolve(source)
    assert site.requests == []
