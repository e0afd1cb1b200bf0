"""A Hugging Face data set of pretrimmed clips, one file per clip, anywhere below its root."""

import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath

from zerosign.errors import UserError

FILES_AT_ONCE = 4


def list_videos(dataset: str, revision: str, extensions: Iterable[str]) -> dict[str, str]:
    """Paths of a dataset's videos by their stem. Raises `UserError`.

    ``revision``: a commit, since a branch may change under a study.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    if not re.fullmatch(r"[0-9a-f]{40}", revision):
        raise UserError(
            f"hub dataset {dataset}: revision {revision!r} is no commit (40 hex digits)"
        )
    try:
        files = HfApi().list_repo_files(dataset, revision=revision, repo_type="dataset")
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        raise UserError(f"hub dataset {dataset} at {revision}: {_say(error)}") from None
    except Exception as error:
        if not _is_network(error):
            raise
        raise UserError(f"hub dataset {dataset}: cannot be reached ({_say(error)})") from None
    wanted = frozenset(extensions)
    index: dict[str, str] = {}
    for file in sorted(files, key=lambda name: (name.count("/"), name)):
        path = PurePosixPath(file)
        if path.suffix.lower() in wanted:
            index.setdefault(path.stem, file)
    return index


def download(
    dataset: str, revision: str, files: Iterable[str]
) -> Iterator[tuple[str, str | None, str]]:
    """Get files into the hub's own cache: (file, local path, "") or (file, None, why not)."""
    from huggingface_hub import hf_hub_download

    def get(file: str) -> tuple[str, str | None, str]:
        try:
            path = hf_hub_download(dataset, file, revision=revision, repo_type="dataset")
        except Exception as error:
            if isinstance(error, OSError) or _is_network(error):
                return file, None, _say(error)
            raise
        return file, path, ""

    with ThreadPoolExecutor(FILES_AT_ONCE) as pool:
        yield from pool.map(get, files)


def _is_network(error: Exception) -> bool:
    """Whether an error comes from the hub's HTTP library, whichever that is."""
    return type(error).__module__.split(".")[0] in ("httpx", "httpx2", "httpcore", "requests")


def _say(error: Exception) -> str:
    text = str(error).split("For more information")[0]
    return (" ".join(text.split()) or type(error).__name__)[:300]
