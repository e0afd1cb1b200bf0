"""An environment with a vLLM that has no model, so that all but its answers can be tested."""

import os
import sys
from pathlib import Path

import pytest

from zerosign.models import vllm_process

REAL = os.environ.get(vllm_process.PYTHON)
"""Python of a real vLLM, where `make test-vllm` has installed one."""


def pretend(folder: Path, monkeypatch: pytest.MonkeyPatch, **versions: str) -> Path:
    """Make the environment and have the engine use it; returns its Python."""
    fake = Path(__file__).parent / "fake_vllm"
    for name, version in (vllm_process.locked_versions() | versions).items():
        info = folder / f"{name}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    python = folder / "python"
    path = f'"$PYTHONPATH:{folder}:{fake}"'
    python.write_text(f'#!/bin/sh\nPYTHONPATH={path} exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    monkeypatch.setenv(vllm_process.PYTHON, str(python))
    return python
