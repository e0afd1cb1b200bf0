"""Fixtures that several test folders share."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import video_server, wlasl_metadata, workflow_runs
from helpers.video_files import make_video
from helpers.video_server import Site
from helpers.workflow_runs import Checkout

# Where transformers puts code that checkpoints bring: one place a process, since Python remembers
# where it found the first of it. Set before transformers is imported, which reads it once.
_CODE = tempfile.TemporaryDirectory(prefix="zerosign-code-")
os.environ["HF_MODULES_CACHE"] = _CODE.name


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With several processes, all tests that need the finished study run in one of them."""
    for item in items:
        if "finished" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("finished"))


@pytest.fixture
def site() -> Iterator[Site]:
    """A web server on this machine, without routes."""
    with video_server.serve() as running:
        yield running


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A video's bytes."""
    return make_video(tmp_path_factory.mktemp("video") / "a.mp4", 12).read_bytes()


@pytest.fixture(scope="session")
def wlasl() -> Path:
    """Folder with the real WLASL metadata (not part of the project: its licence forbids it)."""
    folder = wlasl_metadata.real_metadata()
    if folder is None:
        pytest.skip(
            "needs the real WLASL metadata: put WLASL_v0.3.json and nslt_<K>.json into "
            "resources/wlasl, or name their folder in ZEROSIGN_WLASL (docs/dataset.md)"
        )
    return folder


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout in which the small study was run to its end, once for all tests."""
    made = workflow_runs.checkout(tmp_path_factory.mktemp("finished"))
    made.snakemake()
    return made


@pytest.fixture
def study(finished: Checkout, tmp_path: Path) -> Checkout:
    """A copy of the finished study for one test."""
    return workflow_runs.clone(finished, tmp_path / "study")
