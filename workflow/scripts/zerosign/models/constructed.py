"""Models made by a repository's own code.

``from_pretrained`` constructs models without memory for their weights, which other people's code
seldom supports. Here a model is constructed as its authors would, and then given its weights by
name.
"""

import json
from pathlib import Path
from typing import Any

from zerosign import torch_setup
from zerosign.errors import UserError
from zerosign.models import checkpoint
from zerosign.models.model_entry import ModelEntry


def load(auto_class: str, entry: ModelEntry, config: Any) -> Any:
    """A model in evaluation mode, on a GPU if there is one. ``config`` is the checkpoint's own.

    ``auto_class`` is the class of transformers that the checkpoint's own class stands in for.
    Parameters are of the entry's ``dtype`` unless the code decides otherwise; buffers are as the
    code makes them (a language model's rotation frequencies must stay in float32).
    """
    torch_setup.prepare()
    import torch
    from safetensors import safe_open
    from transformers.dynamic_module_utils import get_class_from_dynamic_module

    place, _ = checkpoint.locate(entry)
    if not entry.trust_remote_code:
        raise UserError(f"checkpoint {place}: its code runs only with trust_remote_code: true")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    usual = torch.get_default_dtype()
    with torch.device(device):
        with checkpoint.reported(place, f"its code for {auto_class} cannot be loaded"):
            network = get_class_from_dynamic_module(config.auto_map[auto_class], place)
        torch.set_default_dtype(getattr(torch, entry.dtype))
        try:
            model = network(config)
        finally:
            torch.set_default_dtype(usual)
    missing = model.state_dict()
    for path in weight_files(entry):
        with safe_open(path, "pt", device=device) as stored:
            for name in set(stored.keys()) & set(missing):
                weight = stored.get_tensor(name)
                if weight.shape == missing[name].shape:
                    missing.pop(name).copy_(weight)
    if missing:
        raise UserError(
            f"checkpoint {place}: {len(missing)} weights of {type(model).__name__} are not in it, "
            f"or of another shape (e.g. {min(missing)})"
        )
    return model.eval()


def weight_files(entry: ModelEntry) -> list[Path]:
    """The files that hold a checkpoint's weights: those that its index names, or the only one."""
    from transformers.utils import cached_file

    place, revision = checkpoint.locate(entry)
    with checkpoint.reported(place, "its index of weights cannot be read"):
        index = cached_file(
            place,
            "model.safetensors.index.json",
            revision=revision,
            _raise_exceptions_for_missing_entries=False,
        )
    if index is None:
        return [checkpoint.file(entry, "model.safetensors")]
    names = json.loads(Path(index).read_text())["weight_map"].values()
    return [checkpoint.file(entry, name) for name in dict.fromkeys(names)]
