"""Fixtures that several test folders share."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def wlasl() -> Path:
    """Folder with the real WLASL metadata (not part of the project: its licence forbids it)."""
    folder = ROOT.parent / "shared" / "wlasl"
    if not (folder / "WLASL_v0.3.json").exists():
        pytest.skip(f"needs the real WLASL metadata in {folder}; see config/README.md, 'dataset'")
    return folder
