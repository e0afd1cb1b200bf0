"""A study's settings on disk, as programs read them."""

import json
from pathlib import Path
from typing import Any


def study_option(folder: Path, **parts: Any) -> list[str]:
    """The option ``--study`` with a file of these parts, for a program's arguments."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "study.json"
    file.write_text(json.dumps(parts))
    return ["--study", str(file)]
