"""Checkpoints: a folder, or a hub id with its revision; what identifies one, how one is loaded."""

import contextlib
import functools
import hashlib
import re
import sys
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from zerosign import files, torch_setup
from zerosign.errors import UserError
from zerosign.models import pins, rope_positions, window_attention
from zerosign.models.model_entry import ModelEntry

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def locate(entry: ModelEntry) -> tuple[str, str | None]:
    """Folder and None, or hub id and revision. `UserError` where the entry names neither."""
    checkpoint = entry.checkpoint
    revision = entry.revision
    if Path(checkpoint).is_dir():
        return checkpoint, None
    if not _HUB_ID.fullmatch(checkpoint) or checkpoint.startswith("."):
        raise UserError(f"checkpoint {checkpoint}: no such folder")
    if not revision:
        raise UserError(
            f"checkpoint {checkpoint}: no such folder; a model from the hub needs its revision, "
            "the 40 hexadecimal digits of a commit (see its 'Files' page)"
        )
    return checkpoint, revision


def identity(entry: ModelEntry) -> dict[str, Any]:
    """What determines a model's answers: its entry without how it is run, weights and engine."""
    place, revision = locate(entry)
    answering = entry.answering | {"engine": f"transformers {metadata.version('transformers')}"}
    if revision is None:
        # The weights count, not where they are.
        answering["checkpoint"] = digest_folder(place)
    return answering


def files_of(folder: str | Path) -> list[Path]:
    """A checkpoint folder's files, but hidden ones, in order."""
    return [
        path
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file() and not any(p.startswith(".") for p in path.relative_to(folder).parts)
    ]


def digest_folder(folder: str | Path, whole: int = 256 << 20, blocks: int = 256) -> str:
    """Digest of the files in a checkpoint's folder, by name and content.

    Of a file over ``whole`` bytes: its size and so many blocks of 1 MB at even distances, first and
    last included. Training changes every tensor, so a sample tells two sets of weights apart, and
    tens of gigabytes need not be read before every job.
    """
    found = {}
    for path in files_of(folder):
        size = path.stat().st_size
        content = files.sha256_file(path) if size <= whole else _sampled(path, size, blocks)
        found[path.relative_to(folder).as_posix()] = [size, content]
    return files.digest(found)


def _sampled(path: Path, size: int, blocks: int) -> str:
    block = 1 << 20
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for i in range(blocks):
            file.seek((size - block) * i // (blocks - 1))
            digest.update(file.read(block))
    return digest.hexdigest()


def load(auto_class: str, entry: ModelEntry, **options: Any) -> Any:
    """``from_pretrained`` of a transformers class, by name; its failures in one line.

    Weights are only ever read from safetensors. Code from a repository runs only where the entry
    says ``trust_remote_code`` and pins what would run.
    """
    torch_setup.prepare()
    import transformers

    if not sys.stderr.isatty():
        transformers.utils.logging.disable_progress_bar()
    place, revision = locate(entry)
    if revision:
        options["revision"] = revision
    # Said in either case: transformers would otherwise ask on the terminal.
    options["trust_remote_code"] = entry.trust_remote_code
    pins.allow(place, revision, entry.code_revisions)
    with reported(place, f"{auto_class} cannot load it"):
        return getattr(transformers, auto_class).from_pretrained(place, **options)


@contextlib.contextmanager
def reported(place: str, what: str) -> Iterator[None]:
    """What transformers raises within, in one line."""
    try:
        yield
    except (OSError, ValueError, ImportError, KeyError, AttributeError) as error:
        raise UserError(f"checkpoint {place}: {what} ({_reason(error)})") from error


def _reason(error: Exception) -> str:
    """The first line of what an exception says."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[0].strip() if lines else type(error).__name__


def load_processor(entry: ModelEntry, config: Any) -> Any:
    """A checkpoint's processor. ``config`` is the checkpoint's own.

    LLaVA-NeXT-Video's was published without its video processor's class, and without the size of
    a patch. From the image processor's name transformers guesses ``LlavaNextVideoProcessor``,
    which is the processor itself, and never comes back: so it is put together here.
    """
    if config.model_type != "llava_next_video":
        return load("AutoProcessor", entry)
    import transformers

    family = transformers.LlavaNextVideoProcessor
    place, revision = locate(entry)
    with reported(place, "its processor's settings cannot be read"):
        published, _ = family.get_processor_dict(place, revision=revision)
    settings = {
        "patch_size": config.vision_config.patch_size,
        "vision_feature_select_strategy": config.vision_feature_select_strategy,
        "num_additional_image_tokens": 1,  # the tower's class token
    }
    known = {*settings, "chat_template"}
    return family(
        tokenizer=load("AutoTokenizer", entry),
        image_processor=load("LlavaNextImageProcessor", entry),
        video_processor=load("LlavaNextVideoVideoProcessor", entry),
        **{**settings, **{key: value for key, value in published.items() if key in known}},
    )


def file(entry: ModelEntry, name: str) -> Path:
    """One file of a checkpoint, got from the hub if it isn't a folder."""
    torch_setup.prepare()
    from transformers.utils import cached_file

    place, revision = locate(entry)
    with reported(place, f"no {name}"):
        return Path(cached_file(place, name, revision=revision))


def load_model(auto_class: str, entry: ModelEntry, **more: Any) -> Any:
    """A model in evaluation mode on its device: a GPU if there is one, else the CPU.

    ``more`` goes to ``from_pretrained`` as it is.

    Entry keys: ``dtype`` (auto, float32, bfloat16, float16), ``attn`` (sdpa, eager,
    flash_attention_2, …), ``device_map`` (for a model larger than one GPU: auto),
    ``quantization`` (4bit or 8bit, by bitsandbytes).
    """
    torch_setup.prepare()
    import torch

    options: dict[str, Any] = {"dtype": entry.dtype, "use_safetensors": True, **more}
    if attn := entry.attn:
        options["attn_implementation"] = attn
    # Even one device is given as a map: weights then go there from the file, not through memory.
    device = "cuda" if torch.cuda.is_available() else "cpu"
    options["device_map"] = entry.device_map or device
    if quantization := entry.quantization:
        options["quantization_config"] = _quantization(quantization)
    model, report = load(auto_class, entry, output_loading_info=True, **options)
    if missing := sorted(report["missing_keys"]) + sorted(map(str, report["mismatched_keys"])):
        raise UserError(
            f"checkpoint {entry.checkpoint}: {len(missing)} weights of {type(model).__name__} "
            f"are not in it (e.g. {missing[0]}) and would be random"
        )
    mend(model)
    return model.eval()


def mend(model: Any) -> None:
    """Let a model of transformers compute faster, and as it was trained."""
    patches_as_products(model)
    window_attention.by_length(model)
    rope_positions.text_after_videos(model)


def patches_as_products(model: Any) -> None:
    """Compute the patch embeddings of video towers (`Conv3d`) as matrix products.

    A kernel as large as each of its inputs is one product. Libraries have fast kernels for those,
    and slow ones, or none at low precision, for three-dimensional convolutions of this shape.
    """
    import torch

    for module in model.modules():
        if isinstance(module, torch.nn.Conv3d) and module.groups == 1:
            # Not ``forward``, which device_map wraps to move its inputs.
            module._conv_forward = functools.partial(_convolved, type(module)._conv_forward, module)


def _convolved(usual: Any, module: Any, patches: Any, weight: Any, bias: Any) -> Any:
    """[N, C, T, H, W] -> [N, D, 1, 1, 1], or whatever ``usual`` makes of other shapes."""
    import torch

    if patches.shape[2:] != weight.shape[2:] or any(map(bool, module.padding)):
        return usual(module, patches, weight, bias)
    product = torch.nn.functional.linear(patches.flatten(1), weight.flatten(1), bias)
    return product[:, :, None, None, None]


def _quantization(kind: str) -> Any:
    import transformers

    if kind == "4bit":
        return transformers.BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype="bfloat16"
        )
    return transformers.BitsAndBytesConfig(load_in_8bit=True)


def to_device(inputs: Mapping[str, Any], model: Any) -> dict[str, Any]:
    """A processor's tensors on a model's device, pixels in the model's dtype."""
    moved = {}
    for key, value in inputs.items():
        if hasattr(value, "to"):
            value = value.to(model.device, non_blocking=True)
            if value.is_floating_point() and key.startswith("pixel_values"):
                value = value.to(model.dtype)
        moved[key] = value
    return moved


def processor_options(entry: ModelEntry, part: Any, usual: Mapping[str, Any]) -> dict[str, Any]:
    """The entry's ``processor`` settings for an image or video processor, over the usual ones.

    A setting that the processor would ignore is a `UserError`; of the usual ones it is left out.
    """
    options = dict(entry.processor)
    known = set(getattr(part.valid_kwargs, "__annotations__", {}))
    for key in options:
        if key not in known:
            raise UserError(
                f"checkpoint {entry.checkpoint}: processor has no setting {key!r}; "
                f"it has {', '.join(sorted(known)) or 'none'}"
            )
    return {**{key: value for key, value in usual.items() if key in known}, **options}
