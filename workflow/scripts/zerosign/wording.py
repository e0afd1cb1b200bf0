"""The words of a prompt: written in its entry, or kept in a file or at an address."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zerosign.errors import UserError
from zerosign.io import sha256_file

CACHE = Path("resources/prompts")
LIMIT = 2**20  # bytes of a text


def resolve(entry: Mapping[str, Any]) -> dict[str, Any]:
    """A prompt's entry with the texts themselves where it names a file or an address.

    Raises UserError that names the part, and the file or address.
    """
    texts = {}
    for part in ("system", "user"):
        source = entry.get(part)
        if isinstance(source, Mapping):
            try:
                texts[part] = _read(source)
            except UserError as error:
                raise UserError(f"{part}: {error}") from None
    return {**entry, **texts}


def _read(source: Mapping[str, str]) -> str:
    """The text of ``{file, sha256?}`` or ``{url, sha256}``; a download stays in `CACHE`."""
    expected = source.get("sha256")
    path = Path(source["file"]) if "file" in source else CACHE / f"{expected}.txt"
    if "url" in source and not path.exists():
        # Imported for a download alone: the Snakefile comes by here in every job.
        from zerosign import acquire

        acquire.fetch_known(source["url"], path, [expected], acquire.Limits(max_bytes=LIMIT))
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    if path.stat().st_size > LIMIT:
        raise UserError(f"{path}: more than {LIMIT} bytes; this is no prompt")
    if expected and (found := sha256_file(path)) != expected:
        raise UserError(f"{path}: not the declared text: sha256 {found}, expected {expected}")
    try:
        return path.read_text("utf-8").strip()
    except UnicodeDecodeError:
        raise UserError(f"{path}: not UTF-8 text") from None
