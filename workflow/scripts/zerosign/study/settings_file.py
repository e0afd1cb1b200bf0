"""The resolved study as a file, which every program reads: `zerosign.study_file.StudyFile`."""

import json
from pathlib import Path

from zerosign.errors import UserError
from zerosign.files import digest, write_atomic
from zerosign.study.resolved import Study


def path_of(study: Study) -> Path:
    """Where the settings are: a file for each variant, so that ``--config`` overwrites none."""
    return Path("results", study.name, "settings", f"{digest(study.parts)[:16]}.json")


def write(study: Study) -> Path:
    """Write the settings, atomically, and only if they are not there as they are."""
    path = path_of(study)
    text = json.dumps(study.parts, indent=1, ensure_ascii=False) + "\n"
    try:
        if not path.is_file() or path.read_text("utf-8") != text:
            with write_atomic(path) as temporary:
                temporary.write_text(text, "utf-8")
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror})") from None
    return path
