"""Every image-text-to-text model in transformers whose processor has a chat template."""

import copy
import functools
import threading
import time
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Literal

import numpy as np

from zerosign.errors import UserError
from zerosign.models import chat_template, checkpoint, reasoning
from zerosign.models.base import Answer, Request
from zerosign.models.chat_embeddings import ChatEmbedder
from zerosign.models.chat_processing import (
    adapt,
    at_least,
    end_tokens,
    frame_geometry,
    frame_options,
    shows,
    video_metadata,
    visual_ids,
)
from zerosign.models.decoding import Prefix, Sampler, full_attention, prefill, recurrent
from zerosign.models.model_entry import Decoding, GeneratingEntry, ModelEntry
from zerosign.models.registry import ModelKind
from zerosign.models.shared_prefix import Shared, SharedPrefixes, row_name
from zerosign.prompts import candidates, template
from zerosign.prompts.prompt_entry import Prompt
from zerosign.prompts.template import Message

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


class ChatEntry(GeneratingEntry):
    """An entry with ``adapter: chat``."""

    adapter: Literal["chat"]


def pose(
    entry: ModelEntry,
    name: str,
    prompt: Prompt,
    values: Mapping[str, str],
    glosses: Sequence[str],
) -> tuple[list[Message], dict[str, str]]:
    """The prompt's messages, and what to choose from if decoding is by a closed set."""
    closed = entry.decoding is not None and entry.decoding.closed
    choices = candidates.choices(prompt, glosses) if closed else {}
    return template.render(name, prompt, values), choices


def load(entry: GeneratingEntry, like: "Chat | None" = None) -> "Chat":
    """The model of an entry, ready to answer; ``like`` has loaded its weights already."""
    config = checkpoint.load("AutoConfig", entry)
    check(entry, config)
    processor = checkpoint.load_processor(entry, config)
    frame_options(entry, processor, entry.as_images)
    chat_template.check(entry, processor)
    model = like.model if like else checkpoint.load_model("AutoModelForImageTextToText", entry)
    return Chat(entry, processor, model)


def check(entry: GeneratingEntry, config: Any) -> None:
    """`UserError` where an entry's decoding asks for more than the model can do.

    From the checkpoint's configuration, before its weights are read.
    """
    decoding = entry.decoding
    where = f"checkpoint {entry.checkpoint}: decoding"
    if decoding.closed and not full_attention(config):
        raise UserError(
            f"{where}.mode: closed_set needs a model whose layers all attend to all tokens; this "
            "one has sliding windows or recurrent layers"
        )
    if decoding.draws > 1 and recurrent(config):
        raise UserError(
            f"{where}.samples: {decoding.draws} cannot be drawn from a model with recurrent "
            "layers; remove it"
        )


def weightless(kind: "type[Chat]", entry: GeneratingEntry, config: Any, generation: Any) -> "Chat":
    """What prepares batches for a loaded model, without its weights."""
    processor = checkpoint.load_processor(entry, config)
    return kind(entry, processor, SimpleNamespace(config=config, generation_config=generation))


@dataclass
class Batch:
    """A batch between `Chat.prepare` and `Chat.answer`: tensors on the CPU, and what was seen."""

    inputs: Any
    seen: list[dict[str, Any]]
    requests: Sequence[Request]
    texts: list[str]
    """Their prompts."""
    seconds: float


class Chat:
    """A loaded model with its processor.

    Kinds that are similar to chat models override its hooks: `shows_images`, `shares`,
    `prompt_text`, `apply_template`, `process_inputs`, `continuation`, `read_prefix`.
    """

    def __init__(self, entry: GeneratingEntry, processor: Any, model: Any) -> None:
        self.entry = entry
        self.name = entry.checkpoint
        self.processor = processor
        self.model = model
        tokenizer = processor.tokenizer
        tokenizer.padding_side = "left"
        self.ending = model.generation_config
        self.ends = end_tokens(self.ending, tokenizer)
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token_id = self.ends[0]
        self.visual_ids = visual_ids(model.config)
        self.as_images = self.shows_images(entry)
        self.options = frame_options(entry, processor, self.as_images)
        self.decoding = entry.decoding
        self.can_share = full_attention(model.config)
        self.generation = pinned(self.decoding, self.ends, tokenizer)
        # Tokenizers may not be used by two threads at once: one prepares, the other reads answers.
        self._preparing = threading.Lock()
        self._reader = copy.deepcopy(tokenizer)
        # A closed set has the same words for every clip; the lists of tokens are shared.
        self.tokens_of = functools.lru_cache(maxsize=4096)(self._tokenised)
        self.end = self._turn_end()
        # What no reader sees: all special tokens but those around reasoning.
        special = zip(tokenizer.all_special_ids, tokenizer.all_special_tokens, strict=True)
        self._unseen = {token for token, text in special if not reasoning.is_tag(text)}
        self._shared = SharedPrefixes(self)

    @staticmethod
    def shows_images(entry: GeneratingEntry) -> bool:
        """Hook: whether frames are sent as images."""
        return entry.as_images

    def bucket(self, request: Request) -> Hashable:
        """Requests that may share a batch: of equal frame counts, or about one clip."""
        if self.shares(request):
            return request.clip.video_id
        family = self.model.config.model_type
        return 0 if family in RAGGED and not self.as_images else len(request.clip.frames)

    def shares(self, request: Request) -> bool:
        """Hook: whether several continuations of this clip's prompt are needed."""
        decoding = self.decoding
        asks = bool(request.question) and self.can_share
        return asks or decoding.draws > 1 or decoding.closed

    def prepare(self, requests: Sequence[Request]) -> Batch | list[Shared]:
        """Tokens and pixels of a batch. Any thread may call: it is one at a time here."""
        with self._preparing:
            if self.shares(requests[0]):
                return self._shared.prepare(requests)
            return self.prepare_batch(requests)

    def portable(self, request: Request) -> bool:
        """Whether a batch of such requests may be prepared in another process."""
        return not self.shares(request)

    def recipe(self) -> tuple[Any, ...]:
        """What makes another of these, without weights."""
        return weightless, type(self), self.entry, self.model.config, self.ending

    def prepare_batch(self, requests: Sequence[Request]) -> Batch:
        """Tokens and pixels of requests that share no prefix."""
        start = time.perf_counter()
        texts = [self.prompt_text(request) for request in requests]
        inputs = self.process_inputs(texts, requests)
        seen = [self.seen_of(inputs, i, requests) for i in range(len(requests))]
        return Batch(inputs, seen, requests, texts, time.perf_counter() - start)

    def answer(self, prepared: Batch | list[Shared]) -> list[Answer]:
        """Run the model. The seconds of a batch, preparation included, are shared out evenly."""
        import torch
        from transformers import LogitsProcessorList

        if isinstance(prepared, list):
            return [answer for shared in prepared for answer in self._shared.answer(shared)]
        start = time.perf_counter()
        inputs = checkpoint.to_device(prepared.inputs, self.model)
        pairs = zip(prepared.requests, prepared.texts, strict=True)
        rows = [row_name(request, text, 0) for request, text in pairs]
        sampler = LogitsProcessorList([Sampler(self.decoding, rows)])
        # generate() fills what a config leaves open from the model's own; here nothing is its own.
        self.model.generation_config = self.generation
        with torch.inference_mode():
            output = self.model.generate(
                **inputs, generation_config=self.generation, logits_processor=sampler
            )
        generated = output[:, inputs["input_ids"].shape[1] :].tolist()
        seconds = (prepared.seconds + time.perf_counter() - start) / len(generated)
        return [
            Answer(**self.read_answer(tokens, text), **seen, seconds=seconds)
            for tokens, text, seen in zip(generated, prepared.texts, prepared.seen, strict=True)
        ]

    def prompt_text(self, request: Request) -> str:
        """Hook: messages by the model's chat template, with placeholders for the frames.

        A template that leaves out the system message or the question is a `UserError`: the answers
        would be to another prompt than the one that was configured.
        """
        messages = adapt(
            request.messages,
            images=len(request.clip.frames) if self.as_images else 0,
            system=self.entry.system_role != "user",
        )
        try:
            text = self.apply_template(messages)
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

    def apply_template(self, messages: Sequence[Message]) -> str:
        """Hook: messages as one text that ends where the answer begins."""
        return chat_template.render(self.processor, messages, self.entry.template)

    def process_inputs(self, texts: list[str], requests: Sequence[Request]) -> Any:
        """Hook: what the model takes, for prompts and their clips."""
        options = {
            "padding": True,
            "return_tensors": "pt",
            "add_special_tokens": self._adds_first(texts[0]),
        }
        if not shows(requests[0]):  # and none of the batch does
            return self.processor(text=texts, **options)
        options |= self.options
        if self.as_images:
            images = [list(request.clip.frames) for request in requests]
            return self.processor(text=texts, images=images, **options)
        least = getattr(self.processor.video_processor, "temporal_patch_size", 1)
        clips = [at_least(request.clip, least) for request in requests]
        return self.processor(
            text=texts,
            videos=[[clip.frames] for clip in clips],
            do_sample_frames=False,
            video_metadata=[video_metadata(clip) for clip in clips],
            **options,
        )

    def seen_of(self, inputs: Any, i: int, requests: Sequence[Request]) -> dict[str, Any]:
        """What the model sees of one request. `UserError` if that isn't all the frames."""
        clip = requests[i].clip
        tokens = int(inputs["attention_mask"][i].sum())
        if not shows(requests[i]):
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

    def read_prefix(self, inputs: Mapping[str, Any], length: int) -> Prefix:
        """Hook: compute the first ``length`` tokens of a prompt, which hold all its frames."""
        return prefill(self.model, inputs, length)

    def continuation(self, text: str, candidate: str) -> list[int]:
        """Hook: tokens of a candidate as an answer to a prompt, with the token that ends it."""
        prompt = self.tokens_of(text)
        whole = self.tokens_of(text + ("" if text[-1].isspace() else " ") + candidate)
        if whole[: len(prompt)] != prompt:  # the border fell within a token
            whole = prompt + self.processor.tokenizer(candidate, add_special_tokens=False).input_ids
        return [*whole[len(prompt) :], self.end]

    def read_answer(self, tokens: list[int], prompt: str) -> dict[str, Any]:
        """Text, reasoning, finish and length of an answer's tokens; its end isn't counted."""
        length = next((i for i, token in enumerate(tokens) if token in self.ends), None)
        answer = tokens[:length]
        seen = [token for token in answer if token not in self._unseen]
        text = self._reader.decode(seen, skip_special_tokens=False)
        parts = reasoning.split(text, within=reasoning.opened(prompt))
        return {
            "text": parts.answer,
            "finish": "length" if length is None else "stop",
            "answer_tokens": len(answer),
            "reasoning": parts.reasoning,
        }

    def _turn_end(self) -> int:
        """The token that ends an answer from a closed set."""
        tokenizer = self.processor.tokenizer
        found = chat_template.turn_end(self.apply_template, tokenizer, self.ends)
        if found is None:
            found = tokenizer.eos_token_id
        return self.ends[0] if found is None else found

    def _tokenised(self, text: str) -> list[int]:
        """Tokens of a whole prompt. Called through ``tokens_of``, which keeps the lists."""
        tokenizer = self.processor.tokenizer
        return tokenizer(text, add_special_tokens=self._adds_first(text)).input_ids

    def _adds_first(self, text: str) -> bool:
        """A template that writes the first token itself must not get a second one."""
        bos = self.processor.tokenizer.bos_token
        return not (bos and text.startswith(bos))


def pinned(decoding: Decoding, ends: list[int], tokenizer: Any) -> Any:
    """The one generation config: only token ids are the checkpoint's. `Sampler` does the rest."""
    import transformers

    return transformers.GenerationConfig(
        max_new_tokens=decoding.max_new_tokens or 1,  # a closed set is not generated from
        do_sample=False,
        num_beams=1,
        repetition_penalty=1.0,
        use_cache=True,
        eos_token_id=ends,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
    )


KIND = ModelKind(
    summary="every image-text-to-text model in transformers whose processor has a chat template",
    entry=ChatEntry,
    pose=pose,
    identity=checkpoint.identity,
    load=load,
    without_video=True,
    generates=True,
    embedder=ChatEmbedder,
)
