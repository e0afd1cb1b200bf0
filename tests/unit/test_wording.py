"""A prompt's words may stand in a file or at an address; either way they are what is asked."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import acquire_server as server
import pytest

from zerosign import acquire, wording
from zerosign.errors import UserError

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
    entry = {"task": "predict", "system": None, "user": "What is it?"}
    assert wording.resolve(entry) == entry


def test_words_of_files(here: Path) -> None:
    (here / "user.txt").write_text(TEXT, "utf-8")
    entry = {"system": {"file": "user.txt", "sha256": SHA256}, "user": {"file": "user.txt"}}
    assert wording.resolve(entry) == {"system": TEXT.strip(), "user": TEXT.strip()}


@pytest.mark.parametrize(
    ("content", "source", "words"),
    [
        (None, {"file": "user.txt"}, "user: user.txt: no such file"),
        (TEXT, {"file": "user.txt", "sha256": "0" * 64}, f"not the declared text: sha256 {SHA256}"),
        (b"\xff\xfe", {"file": "user.txt"}, "user.txt: not UTF-8 text"),
        (b"a" * (wording.LIMIT + 1), {"file": "user.txt"}, "user.txt: more than"),
    ],
)
def test_mistakes(here: Path, content: str | bytes | None, source: dict, words: str) -> None:
    if content is not None:
        data = content.encode() if isinstance(content, str) else content
        (here / "user.txt").write_bytes(data)
    with pytest.raises(UserError, match=words):
        wording.resolve({"user": source})


def test_an_address_is_asked_once(site: server.Site, monkeypatch: pytest.MonkeyPatch) -> None:
    # The test's server is on this machine, where addresses of data are never followed to.
    local = acquire.Limits(private_hosts=True, interval=0, max_bytes=wording.LIMIT)
    monkeypatch.setattr(acquire, "Limits", lambda **_: local)
    site.routes["/prompt.txt"] = server.file(TEXT.encode(), "text/plain")
    entry = {"user": {"url": f"{site.url}/prompt.txt", "sha256": SHA256}}
    assert wording.resolve(entry) == {"user": TEXT.strip()}
    del site.routes["/prompt.txt"]
    assert wording.resolve(entry) == {"user": TEXT.strip()}


def test_a_private_address_is_refused(site: server.Site) -> None:
    site.routes["/prompt.txt"] = server.file(TEXT.encode(), "text/plain")
    entry = {"user": {"url": f"{site.url}/prompt.txt", "sha256": SHA256}}
    with pytest.raises(UserError, match=r"user: http://.*; or put the file at resources/prompts/"):
        wording.resolve(entry)
    assert site.requests == []
