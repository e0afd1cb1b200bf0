"""A study's settings on disk, as programs read them."""

import json
from pathlib import Path
from typing import Any


def study_option(folder: Path, **parts: Any) -> list[str]:
    """The option ``--study`` with a file of these parts, for a program's arguments.

    Glosses are in English unless the parts say otherwise.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "study.json"
    file.write_text(json.dumps({"mapping": {"language": "en"}} | parts))
    return ["--study", str(file)]
