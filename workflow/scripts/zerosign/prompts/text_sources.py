"""The words of a prompt: written in its entry, or kept in a file or at an address."""

from collections.abc import Callable
from pathlib import Path

from zerosign.errors import UserError, located
from zerosign.files import sha256_file
from zerosign.prompts.prompt_entry import Prompt, PromptSource, TextFile, TextUrl

CACHE = Path("resources/prompts")
LIMIT = 2**20  # bytes of a text

Place = Callable[[str], str]
"""Where a file is that an entry names."""


def resolve(source: PromptSource, place: Place = str) -> Prompt:
    """The prompt with the texts themselves where its entry names a file or an address.

    Raises `UserError` that names the part, and the file or address.
    """
    texts = {"system": source.system, "user": source.user}
    found = {}
    for part, text in texts.items():
        with located(part):
            found[part] = text if text is None or isinstance(text, str) else _read(text, place)
    rest = {key: value for key, value in source.as_json().items() if key not in texts}
    with located("user"):
        if not found["user"]:
            raise UserError("the text is empty; it must ask the question")
    return Prompt.of(rest | found)


def _read(source: TextFile | TextUrl, place: Place) -> str:
    """The text of ``{file, sha256?}`` or ``{url, sha256}``; a download stays in `CACHE`."""
    if isinstance(source, TextFile):
        path = Path(place(source.file))
    else:
        path = CACHE / f"{source.sha256}.txt"
        if not path.exists():
            _download(source, path)
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    if path.stat().st_size > LIMIT:
        raise UserError(f"{path}: more than {LIMIT} bytes; this is no prompt")
    expected = source.sha256
    if expected and (found := sha256_file(path)) != expected:
        raise UserError(f"{path}: not the declared text: sha256 {found}, expected {expected}")
    try:
        return path.read_text("utf-8").strip()
    except UnicodeDecodeError:
        raise UserError(f"{path}: not UTF-8 text") from None


def _download(source: TextUrl, path: Path) -> None:
    # Imported for a download alone: the Snakefile comes by here in every job.
    from zerosign import http

    http.fetch_known(source.url, path, [source.sha256], http.Limits(max_bytes=LIMIT))
