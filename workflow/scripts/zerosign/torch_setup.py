"""Make torch and torchvision importable and deterministic, in one place.

Some registries serve a CPU build of torch next to a CUDA build of torchvision. The latter then
fails at import (`operator torchvision::nms does not exist`), and with it every video processor of
transformers, although none of them calls a compiled torchvision operator: their transforms are
plain torch. Declaring the missing operators' signatures is enough for the import to succeed.
"""

import importlib.util
import os
import warnings
from typing import Any

# Kept alive for the process's life: torch forgets a library's operators when it is collected.
_declared: list[Any] = []

_SIGNATURE = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


def prepare() -> None:
    """Call before the first import of transformers or sentence_transformers. Idempotent."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # Batches of different sizes would leave holes in a GPU's memory.
    os.environ.setdefault("PYTORCH_ALLOC_CONF", "expandable_segments:True")
    if not _declared and importlib.util.find_spec("torchvision"):
        _declare_operators()


def _declare_operators() -> None:
    """Declare torchvision's operators if its compiled library does not load; else do nothing."""
    import torch

    spec = importlib.util.find_spec("torchvision")
    places = (spec.submodule_search_locations if spec else None) or [""]
    folder = next(iter(places))
    library = os.path.join(folder, "_C.so")
    try:
        torch.ops.load_library(library)
        return
    except (OSError, RuntimeError):
        pass
    fragment = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        fragment.define(f"{name}{_SIGNATURE}")
    _declared.append(fragment)
    warnings.filterwarnings("ignore", message="Failed to load image Python extension")
