"""Code that checkpoints bring is loaded at pinned revisions, or not at all.

transformers loads code by one function. It takes that of *other* repositories, which a checkpoint's
code may ask for at any time, as it is today, whatever the checkpoint's own revision. From the first
checkpoint on, and for the life of the process, that function refuses every repository that no entry
of models.yaml gives a commit. What code fetches by other means once it runs, nothing here can see:
that is what ``trust_remote_code`` says yes to.
"""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zerosign.errors import UserError

_revisions: dict[str, str | None] = {}
"""Repository → commit; a checkpoint's folder → None."""


def allow(place: str, revision: str | None, others: Mapping[str, str]) -> None:
    """Let code be loaded from a checkpoint, and from other repositories at their commits."""
    _revisions.update(others)
    _revisions[place] = revision
    _install()


@functools.cache
def _install() -> None:
    # Imported now: either module would otherwise keep the function of the other's first import.
    from transformers import dynamic_module_utils
    from transformers.generation import utils

    fetch = dynamic_module_utils.get_cached_module_file

    def pinned(repository: Any, module_file: str, *others: Any, **options: Any) -> str:
        name = str(repository)
        if name not in _revisions:
            raise UserError(
                f"a checkpoint's code loads code of {name}, at no fixed revision; set "
                f"code_revisions: {{ {name}: … }} in the model's entry to a commit of it"
            )
        options["revision"] = _revisions[name]
        if options["revision"] and Path(name).is_dir():
            raise UserError(
                f"a folder {name} lies here, whose code would run in place of the repository's; "
                "rename it"
            )
        return fetch(repository, module_file, *others, **options)

    dynamic_module_utils.get_cached_module_file = pinned
    utils.get_cached_module_file = pinned
