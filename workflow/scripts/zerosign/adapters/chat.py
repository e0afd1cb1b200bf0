"""Every image-text-to-text model in transformers whose processor has a chat template."""

import copy
import dataclasses
import functools
import threading
import time
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zerosign import prompts
from zerosign.adapters import Answer, Request, checkpoint
from zerosign.adapters.decoding import (
    Decoding,
    Prefix,
    Sampler,
    continue_all,
    full_attention,
    prefill,
    recurrent,
    rope_index,
    score,
    vote,
)
from zerosign.errors import UserError
from zerosign.framecache import Clip
from zerosign.prompts import Message

RAGGED = frozenset(
    {
        "glm46v",
        "glm4v",
        "qwen2_5_vl",
        "qwen3_omni_moe_thinker",
        "qwen3_vl",
        "qwen3_vl_moe",
        "video_llama_3",
    }
)
"""Families (``config.model_type``) proven to answer alike in batches of mixed frame counts.

All others get batches of one frame count: most stack the frames of a batch, and one (SmolVLM)
answers wrongly without a word when the counts differ.
"""

PROCESSOR: dict[str, Any] = {
    # As the models' authors do it: no frame above the size they trained with.
    "cap_pixels_per_frame": True,
    # InternVL would cut each frame that isn't square into tiles: 13 times the tokens at 4:3.
    "crop_to_patches": False,
}
"""Settings given to every processor that knows them, unless the entry says otherwise."""

_VISUAL_INPUTS = {
    "video": {
        "num_frames_per_video",
        "pixel_values_videos",
        "video_compression_mask",
        "video_grid_thw",
        "video_merge_sizes",
        "video_position_ids",
    },
    "image": {
        "pixel_values",
        "image_grid_hw",
        "image_grid_thw",
        "image_position_ids",
        "image_sizes",
    },
}


@dataclass
class Batch:
    """A batch between `Chat.prepare` and `Chat.answer`: tensors on the CPU, and what was seen."""

    inputs: Any
    seen: list[dict[str, Any]]
    rows: list[str]
    """What seeds each row's samples."""
    seconds: float


@dataclass
class Pixels:
    """A clip's processed prompt: ``raw`` are its tokens before frames took their room."""

    clip: str
    raw: list[int]
    tokens: list[int]
    inputs: Any
    seen: dict[str, Any]
    least: int
    """How many tokens of ``raw`` another prompt must share to share the frames."""


@dataclass
class Shared:
    """Prompts about one clip that share ``length`` tokens and all frames."""

    base: Pixels
    length: int
    suffixes: list[list[int]]
    sequences: list[list[list[int]]]
    """Each request's candidates as tokens."""
    requests: list[Request]
    texts: list[str]
    seen: list[dict[str, Any]]
    seconds: float


def identity(entry: Mapping[str, Any]) -> dict[str, Any]:
    """What determines the model's answers."""
    Decoding.of(entry)
    return checkpoint.identity(entry)


def pose(
    entry: Mapping[str, Any],
    name: str,
    prompt: Mapping[str, Any],
    values: Mapping[str, str],
    glosses: Sequence[str],
) -> tuple[list[Message], dict[str, str]]:
    """The prompt's messages, and what to choose from if decoding is by a closed set."""
    closed = Decoding.of(entry).mode == "closed_set"
    choices = prompts.choices(prompt, glosses) if closed else {}
    return prompts.render(name, prompt, values), choices


def load(entry: Mapping[str, Any]) -> "Chat":
    """Load the checkpoint of a models.yaml entry."""
    config = checkpoint.load("AutoConfig", entry)
    check(entry, config)
    processor = checkpoint.load_processor(entry, config)
    frame_options(entry, processor, entry.get("frames_as") == "images")
    model = checkpoint.load_model("AutoModelForImageTextToText", entry)
    return Chat(entry, processor, model)


def check(entry: Mapping[str, Any], config: Any) -> None:
    """`UserError` where an entry's decoding asks for more than the model can do.

    From the checkpoint's configuration, before its weights are read.
    """
    decoding = Decoding.of(entry)
    closed = decoding.mode == "closed_set"
    where = f"checkpoint {entry['checkpoint']}: decoding"
    if closed and entry.get("attn") not in (None, "sdpa", "eager"):
        raise UserError(f"{where}.mode: closed_set needs attn: sdpa or eager")
    if closed and not full_attention(config):
        raise UserError(
            f"{where}.mode: closed_set needs a model whose layers all attend to all tokens; this "
            "one has sliding windows or recurrent layers"
        )
    if decoding.samples > 1 and recurrent(config):
        raise UserError(
            f"{where}.samples: {decoding.samples} cannot be drawn from a model with recurrent "
            "layers; remove it"
        )


def frame_options(entry: Mapping[str, Any], processor: Any, as_images: bool) -> dict[str, Any]:
    """What a processor is told about frames. `UserError` for settings it doesn't know.

    Loaders call it for that error, before the weights are read.
    """
    part = getattr(processor, "image_processor" if as_images else "video_processor", None)
    if part is None:
        raise UserError(
            f"checkpoint {entry['checkpoint']}: its processor takes no videos; "
            "set frames_as: images in the model's entry"
        )
    return checkpoint.processor_options(entry, part, PROCESSOR)


class Chat:
    """A loaded model with its processor."""

    def __init__(self, entry: Mapping[str, Any], processor: Any, model: Any) -> None:
        self.entry = entry
        self.name = str(entry["checkpoint"])
        self.processor = processor
        self.model = model
        tokenizer = processor.tokenizer
        tokenizer.padding_side = "left"
        self.ends = _end_tokens(model, tokenizer)
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token_id = self.ends[0]
        self.visual_ids = _visual_ids(model.config)
        self.as_images = entry.get("frames_as", "video") == "images"
        self.options = frame_options(entry, processor, self.as_images)
        self.end = tokenizer.eos_token_id if tokenizer.eos_token_id is not None else self.ends[0]
        self.decoding = Decoding.of(entry)
        self.can_share = full_attention(model.config)
        self.generation = pinned(self.decoding, self.ends, tokenizer)
        # generate() fills what a config leaves open from the model's own; here nothing is its own.
        model.generation_config = self.generation
        # Tokenizers may not be used by two threads at once: one prepares, the other reads answers.
        self._preparing = threading.Lock()
        self._reader = copy.deepcopy(tokenizer)
        # A closed set is put to every clip in the same words.
        self._tokens = functools.lru_cache(maxsize=4096)(self._tokenised)
        self._last: Pixels | None = None
        self._prefix: Prefix | None = None
        self._prefix_of: Pixels | None = None

    def bucket(self, request: Request) -> Hashable:
        """Requests that may share a batch: of like frame counts, or about one clip."""
        if self.shares(request):
            return request.clip.video_id
        family = self.model.config.model_type
        return 0 if family in RAGGED and not self.as_images else len(request.clip.frames)

    def shares(self, request: Request) -> bool:
        """Whether several continuations of this clip's prompt are needed."""
        decoding = self.decoding
        asks = bool(request.question) and self.can_share
        return asks or decoding.samples > 1 or decoding.mode == "closed_set"

    def prepare(self, requests: Sequence[Request]) -> "Batch | list[Shared]":
        """Tokens and pixels of a batch. Any thread may call: it is one at a time here."""
        with self._preparing:
            if self.shares(requests[0]):
                return self._prepare_shared(requests)
            return self._prepare_batch(requests)

    def _prepare_batch(self, requests: Sequence[Request]) -> "Batch":
        start = time.perf_counter()
        texts = [self._prompt_text(request) for request in requests]
        inputs = self._process(texts, requests)
        seen = [self._seen(inputs, i, requests) for i in range(len(requests))]
        rows = [_row(request, text, 0) for request, text in zip(requests, texts, strict=True)]
        return Batch(inputs, seen, rows, time.perf_counter() - start)

    def answer(self, prepared: "Batch | list[Shared]") -> list[Answer]:
        """Run the model. The seconds of a batch, preparation included, are shared out evenly."""
        import torch
        from transformers import LogitsProcessorList

        if isinstance(prepared, list):
            return [answer for shared in prepared for answer in self._answer_shared(shared)]
        start = time.perf_counter()
        inputs = checkpoint.to_device(prepared.inputs, self.model)
        sampler = LogitsProcessorList([Sampler(self.decoding, prepared.rows)])
        with torch.inference_mode():
            output = self.model.generate(
                **inputs, generation_config=self.generation, logits_processor=sampler
            )
        generated = output[:, inputs["input_ids"].shape[1] :].tolist()
        seconds = (prepared.seconds + time.perf_counter() - start) / len(generated)
        return [
            Answer(**self._read(tokens), **seen, seconds=seconds)
            for tokens, seen in zip(generated, prepared.seen, strict=True)
        ]

    def _prepare_shared(self, requests: Sequence[Request]) -> "list[Shared]":
        """Split one clip's prompts into what they share, frames included, and the rest of each."""
        start = time.perf_counter()
        texts = [self._prompt_text(request) for request in requests]
        raw = [self._tokens(text) for text in texts]
        base = self._pixels_of(requests[0], texts[0], raw[0])
        # Each keeps a token of its own, to be continued from.
        common = min(min(_common(base.raw, tokens), len(tokens) - 1) for tokens in raw)
        if common < base.least:
            # They differ before or within the frames' place: nothing to share.
            return [shared for request in requests for shared in self._prepare_shared([request])]
        suffixes = [tokens[common:] for tokens in raw]
        length = len(base.tokens) - len(base.raw[common:])
        seen = [{**base.seen, "prompt_tokens": length + len(suffix)} for suffix in suffixes]
        sequences = [
            [self._continuation(text, answer) for answer in request.candidates.values()]
            for request, text in zip(requests, texts, strict=True)
        ]
        seconds = time.perf_counter() - start
        return [Shared(base, length, suffixes, sequences, list(requests), texts, seen, seconds)]

    def _pixels_of(self, request: Request, text: str, raw: list[int]) -> "Pixels":
        """The processed prompt of a clip; kept, since its other questions mostly come next."""
        last = self._last
        if last is None or last.clip != request.clip.digest or _common(last.raw, raw) < last.least:
            inputs = self._process([text], [request])
            tokens = inputs["input_ids"][0].tolist()
            seen = self._seen(inputs, 0, [request])
            # The processor rewrites the frames' place; what follows it is the same in both. Where
            # there is none, they are the same throughout.
            ends = enumerate(zip(reversed(raw), reversed(tokens), strict=False))
            after = next(
                (i for i, (a, b) in ends if a != b or b in self.visual_ids),
                len(raw),
            )
            # Three-dimensional positions go on from a token of text.
            least = len(raw) - after + (rope_index(self.model) is not None)
            last = Pixels(request.clip.digest, raw, tokens, inputs, seen, least)
            self._last = last
        return last

    def _answer_shared(self, shared: "Shared") -> list[Answer]:
        start = time.perf_counter()
        prefix = self._prefix
        whole = shared.base.tokens[: shared.length]
        if (
            prefix is None
            or self._prefix_of is not shared.base
            or prefix.tokens != whole[: len(prefix.tokens)]
        ):
            self._prefix = None  # freed before the next is computed
            inputs = checkpoint.to_device(shared.base.inputs, self.model)
            prefix = self._prefill(inputs, shared.length)
            self._prefix, self._prefix_of = prefix, shared.base
        rest = whole[len(prefix.tokens) :]
        suffixes = [[*rest, *suffix] for suffix in shared.suffixes]
        if self.decoding.mode == "closed_set":
            found = [self._choose(prefix, shared, i, suffixes[i]) for i in range(len(suffixes))]
        else:
            found = self._sample(prefix, shared, suffixes)
        seconds = (shared.seconds + time.perf_counter() - start) / len(found)
        return [
            Answer(**answer, **seen, seconds=seconds)
            for answer, seen in zip(found, shared.seen, strict=True)
        ]

    def _prefill(self, inputs: Mapping[str, Any], length: int) -> Prefix:
        """Compute the first ``length`` tokens of a prompt, which hold all its frames."""
        return prefill(self.model, inputs, length)

    def _sample(
        self, prefix: Prefix, shared: "Shared", suffixes: list[list[int]]
    ) -> list[dict[str, Any]]:
        """Answers to several questions about a clip, or several samples of one answer."""
        count = self.decoding.samples
        rows = [
            _row(request, text, sample)
            for request, text in zip(shared.requests, shared.texts, strict=True)
            for sample in range(count)
        ]
        generated = continue_all(
            self.model,
            prefix,
            [suffix for suffix in suffixes for _ in range(count)],
            Sampler(self.decoding, rows),
            self.decoding.max_new_tokens,
            self.ends,
            self.processor.tokenizer.pad_token_id,
        )
        read = [self._read(tokens) for tokens in generated]
        if count == 1:
            return read
        answers = []
        for i in range(0, len(read), count):
            samples = [answer["text"] for answer in read[i : i + count]]
            finishes = [answer["finish"] for answer in read[i : i + count]]
            chosen = samples.index(vote(samples))
            answers.append({**read[i + chosen], "samples": samples, "finishes": finishes})
        return answers

    def _choose(
        self, prefix: Prefix, shared: "Shared", i: int, suffix: list[int]
    ) -> dict[str, Any]:
        """The likeliest of a request's candidates."""
        candidates = list(shared.requests[i].candidates)
        scores = score(self.model, prefix, suffix, shared.sequences[i])
        order = sorted(range(len(scores)), key=lambda j: -scores[j])
        labels = [candidates[j] for j in order]
        return {
            "text": labels[0],
            "finish": "stop",
            "labels": labels,
            "scores": [scores[j] for j in order],
        }

    def _continuation(self, text: str, candidate: str) -> list[int]:
        """Tokens of a candidate as the answer to a prompt, with the token that ends an answer."""
        prompt = self._tokens(text)
        whole = self._tokens(text + ("" if text[-1].isspace() else " ") + candidate)
        if whole[: len(prompt)] != prompt:  # the border fell within a token
            whole = prompt + self.processor.tokenizer(candidate, add_special_tokens=False).input_ids
        return [*whole[len(prompt) :], self.end]

    def _tokenised(self, text: str) -> list[int]:
        """Tokens of a whole prompt. Called through ``_tokens``, whose lists are shared."""
        tokenizer = self.processor.tokenizer
        return tokenizer(text, add_special_tokens=self._adds_first(text)).input_ids

    def _adds_first(self, text: str) -> bool:
        """A template that writes the first token itself must not get a second one."""
        bos = self.processor.tokenizer.bos_token
        return not (bos and text.startswith(bos))

    def embed_clip(self, clip: Clip) -> np.ndarray:
        """float32[D]: mean over a clip's visual tokens, in the language model's input space."""
        import torch

        message = {"role": "user", "content": [{"type": "video"}]}
        prepared = self.prepare([Request(clip, [message])])
        inputs = checkpoint.to_device(prepared.inputs, self.model)
        kind = "video" if "pixel_values_videos" in inputs else "image"
        name = f"get_{kind}_features"
        features = getattr(self.model if hasattr(self.model, name) else self.model.model, name)
        accepted = {key: value for key, value in inputs.items() if key in _VISUAL_INPUTS[kind]}
        with torch.inference_mode():
            tokens = features(**accepted, return_dict=True).pooler_output
        parts = tokens if isinstance(tokens, list | tuple) else [tokens]
        flat = torch.cat([part.reshape(-1, part.shape[-1]) for part in parts])
        return flat.float().mean(0).cpu().numpy()

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """float32[len(texts), D]: mean over a text's tokens of the decoder's last hidden state."""
        import torch

        decoder = self.model.get_decoder()
        if decoder.get_output_embeddings() is not None:  # a whole language model
            decoder = decoder.get_decoder()
        rows = []
        for text in texts:
            ids = self.processor.tokenizer(text, return_tensors="pt").input_ids
            with torch.inference_mode():
                embeds = self.model.get_input_embeddings()(ids.to(self.model.device))
                hidden = decoder(inputs_embeds=embeds, use_cache=False).last_hidden_state
            rows.append(hidden[0].float().mean(0).cpu().numpy())
        return np.stack(rows)

    def _prompt_text(self, request: Request) -> str:
        """The messages through the model's chat template, placeholders for the frames included.

        A template that leaves out the system message or the question is a `UserError`: the answers
        would be to another prompt than the one that was configured.
        """
        messages = adapt(
            request.messages,
            images=len(request.clip.frames) if self.as_images else 0,
            system=self.entry.get("system_role", "system") == "system",
        )
        try:
            text = self._template(messages)
        except Exception as error:  # templates raise whatever they like
            raise UserError(
                f"checkpoint {self.name}: its chat template refuses the prompt ({error}); "
                "if it knows no system message, set system_role: user in the model's entry"
            ) from error
        for message in messages:
            for part in message["content"]:
                if part["type"] == "text" and part["text"] not in text:
                    raise UserError(
                        f"checkpoint {self.name}: its chat template leaves out the "
                        f"{message['role']} message; set system_role: user in the model's entry "
                        "to put the system text before the question"
                    )
        return text

    def _template(self, messages: Sequence[Message]) -> str:
        """Messages as one text that ends where the answer begins."""
        return self.processor.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True
        )

    def _process(self, texts: list[str], requests: Sequence[Request]) -> Any:
        options = {
            "padding": True,
            "return_tensors": "pt",
            "add_special_tokens": self._adds_first(texts[0]),
        }
        if not _shows(requests[0]):  # and none of the batch does
            return self.processor(text=texts, **options)
        options |= self.options
        if self.as_images:
            images = [list(request.clip.frames) for request in requests]
            return self.processor(text=texts, images=images, **options)
        least = getattr(self.processor.video_processor, "temporal_patch_size", 1)
        clips = [_at_least(request.clip, least) for request in requests]
        return self.processor(
            text=texts,
            videos=[[clip.frames] for clip in clips],
            do_sample_frames=False,
            video_metadata=[_metadata(clip) for clip in clips],
            **options,
        )

    def _seen(self, inputs: Any, i: int, requests: Sequence[Request]) -> dict[str, Any]:
        """What the model sees of one request. `UserError` if that isn't all the frames."""
        clip = requests[i].clip
        tokens = int(inputs["attention_mask"][i].sum())
        if not _shows(requests[i]):
            return {"prompt_tokens": tokens, "visual_tokens": 0, "frames": 0, "timestamps": []}
        ids = inputs["input_ids"][i].numpy()
        visual = int(np.isin(ids, self.visual_ids).sum())
        if not visual:
            raise UserError(
                f"checkpoint {self.name}: its processor drops videos; "
                "set frames_as: images in the model's entry"
            )
        frames, height, width = frame_geometry(inputs, i, requests, self.as_images, self.processor)
        if frames < len(clip.frames):
            raise UserError(
                f"checkpoint {self.name}: its processor kept {frames} of {len(clip.frames)} frames"
            )
        return {
            "prompt_tokens": tokens,
            "visual_tokens": visual,
            "frames": len(clip.frames),
            "pixels_height": height,
            "pixels_width": width,
            "timestamps": [float(t) for t in clip.timestamps],
        }

    def _read(self, tokens: list[int]) -> dict[str, Any]:
        """Text, finish and length of an answer's tokens (the end token isn't counted)."""
        length = next((i for i, token in enumerate(tokens) if token in self.ends), None)
        answer = tokens[:length]
        text = self._reader.decode(answer, skip_special_tokens=True).strip()
        finish = "length" if length is None else "stop"
        return {"text": text, "finish": finish, "answer_tokens": len(answer)}


def adapt(messages: Sequence[Message], images: int, system: bool) -> list[Message]:
    """Rendered messages in the form a model takes.

    ``images`` > 0: so many images in the video's place. ``system`` False: the system text moves to
    the front of the user's text, for a template without a system role.
    """
    adapted = []
    carried = ""
    for message in messages:
        parts: list[dict[str, Any]] = []
        for part in message["content"]:
            if part["type"] == "video" and images:
                parts += [{"type": "image"}] * images
            else:
                parts.append(dict(part))
        if message["role"] == "system" and not system:
            carried = "\n".join(part["text"] for part in parts) + "\n\n"
            continue
        if carried:
            text = next(part for part in parts if part["type"] == "text")
            text["text"] = carried + text["text"]
            carried = ""
        adapted.append({"role": message["role"], "content": parts})
    return adapted


def pinned(decoding: Decoding, ends: list[int], tokenizer: Any) -> Any:
    """The one generation config: only token ids are the checkpoint's. `Sampler` does the rest."""
    import transformers

    return transformers.GenerationConfig(
        max_new_tokens=max(decoding.max_new_tokens, 1),  # a closed set is not generated from
        do_sample=False,
        num_beams=1,
        repetition_penalty=1.0,
        use_cache=True,
        eos_token_id=ends,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
    )


def frame_geometry(
    inputs: Any, i: int, requests: Sequence[Request], as_images: bool, processor: Any
) -> tuple[int, int, int]:
    """(frames, height, width) of what the vision tower gets of request ``i``, in pixels.

    With frames as images, the size of one image (or tile).
    """
    sent = len(requests[i].clip.frames)
    part = processor.image_processor if as_images else processor.video_processor
    if as_images and (grid := inputs.get("image_grid_hw")) is not None:
        height, width = grid[i * sent].tolist()
        return sent, height * part.patch_size, width * part.patch_size
    positions = inputs.get("image_position_ids" if as_images else "video_position_ids")
    if positions is not None:  # column and row of every patch, of frames one after the other
        width, height = ((positions[i * sent].amax(0) + 1) * part.patch_size).tolist()
        return len(positions) // len(requests), height, width
    grid = inputs.get("image_grid_thw" if as_images else "video_grid_thw")
    if grid is not None:
        t, h, w = grid[i * sent if as_images else i].tolist()
        frames = sent if as_images else t * part.temporal_patch_size
        return frames, h * part.patch_size, w * part.patch_size
    pixels = None if as_images else inputs.get("pixel_values_videos")
    if pixels is None:
        pixels = inputs.get("pixel_values")
    if pixels is None:
        raise UserError("the processor returned no pixels: this family needs an adapter of its own")
    height, width = (int(n) for n in pixels.shape[-2:])
    if as_images:
        return sent, height, width
    # (clips, frames, channels, height, width), or all frames of the batch in one row
    frames = pixels.shape[1] if pixels.ndim == 5 else pixels.shape[0] // len(requests)
    return int(frames), height, width


def _shows(request: Request) -> bool:
    """Whether a request shows the model any frames."""
    return len(request.clip.frames) > 0


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    """Length of the common beginning."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))


def _row(request: Request, text: str, sample: int) -> str:
    """What a sample depends on beside the seed."""
    return f"{request.clip.digest}\n{sample}\n{text}"


def _at_least(clip: Clip, frames: int) -> Clip:
    """The clip, its last frame repeated until there are ``frames``.

    Models that merge frames in pairs repeat the last one of an odd count themselves, but some of
    them refuse a single one.
    """
    lacking = frames - len(clip.frames)
    if lacking <= 0:
        return clip
    return dataclasses.replace(
        clip,
        frames=np.concatenate([clip.frames, np.repeat(clip.frames[-1:], lacking, axis=0)]),
        timestamps=np.concatenate([clip.timestamps, np.repeat(clip.timestamps[-1:], lacking)]),
    )


def _metadata(clip: Clip) -> dict[str, Any]:
    """What the processor must know of a clip to place its frames in time."""
    _, height, width, _ = clip.frames.shape
    return {
        "total_num_frames": clip.total_frames,
        "fps": clip.fps,
        "duration": clip.duration,
        "width": width,
        "height": height,
        # From the times, not the frame numbers: those run backwards when an ablation reverses a
        # clip, and count unevenly where the frame rate varies.
        "frames_indices": np.rint(clip.timestamps * clip.fps).astype(int).tolist(),
    }


def _end_tokens(model: Any, tokenizer: Any) -> list[int]:
    """Ids that end an answer: the checkpoint's and the tokenizer's."""
    ends = model.generation_config.eos_token_id
    ends = ends if isinstance(ends, list) else [ends]
    found = {int(end) for end in [*ends, tokenizer.eos_token_id] if end is not None}
    if not found:
        raise UserError(f"checkpoint {tokenizer.name_or_path}: it names no end-of-text token")
    return sorted(found)


def _visual_ids(config: Any) -> list[int]:
    """Token ids that hold the place of visual features."""
    names = [f"{kind}_token_{suffix}" for kind in ("video", "image") for suffix in ("id", "index")]
    return [value for name in names if isinstance(value := getattr(config, name, None), int)]
