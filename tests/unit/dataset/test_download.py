"""The program download: a file is kept only with a known checksum."""

from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from helpers import video_server as server
from helpers.study_files import study_option
from helpers.video_server import Site

import download
from zerosign import http
from zerosign.errors import UserError


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    quick = replace(http.Limits(), interval=0.0, backoff=0.01, attempts=2, private_hosts=True)
    monkeypatch.setattr(http, "Limits", lambda: quick)
    with server.serve() as site:
        yield site


def get(url: str, output: Path, *sums: str) -> None:
    wanted = {str(output): {"url": url, "sha256": sums}}
    study = study_option(output.parent.parent / "study", downloads=wanted)
    download.main([*study, "--output", str(output)])


def test_metadata_is_kept_only_with_a_known_checksum(site: Site, tmp_path: Path) -> None:
    body = b'[{"gloss": "book", "instances": []}]'
    site.routes["/WLASL_v0.3.json"] = server.file(body, "text/plain; charset=utf-8")
    url, output = f"{site.url}/WLASL_v0.3.json", tmp_path / "new" / "WLASL_v0.3.json"
    with pytest.raises(UserError, match="not the known file: sha256 "):
        get(url, output, "0" * 64)
    assert list(output.parent.iterdir()) == []
    get(url, output, "0" * 64, sha256(body).hexdigest())
    assert output.read_bytes() == body
    assert [path.name for path in output.parent.iterdir()] == ["WLASL_v0.3.json"]


def test_metadata_that_is_not_there_says_what_to_do(site: Site, tmp_path: Path) -> None:
    output = tmp_path / "new" / "a.json"
    with pytest.raises(UserError, match=r"404 .*; or put the file at .*a\.json yourself"):
        get(f"{site.url}/a.json", output, "0" * 64)
