"""Chat models run by vLLM: the engine for long answers and large models.

zerosign renders the prompt, chooses the frames and reads the answer as for `adapter: chat`; vLLM
gets both and gives token ids back. All requests are in one stream: each begins when another ends.
"""

import functools
import hashlib
import itertools
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

import numpy as np

from zerosign import files
from zerosign.errors import UserError
from zerosign.models import chat_template, checkpoint
from zerosign.models.base import Answer, Request
from zerosign.models.chat_processing import at_least, shows, video_metadata
from zerosign.models.kinds.chat import Chat, ChatEntry, pose, weightless
from zerosign.models.model_entry import Decoding, ModelEntry
from zerosign.models.registry import ModelKind
from zerosign.models.shared_prefix import row_name, voted
from zerosign.models.vllm_process import VllmProcess, locked_versions

T = TypeVar("T")
U = TypeVar("U")

WINDOW = 256
"""Requests on their way at a time: as many as vLLM runs together by default."""


def identity(entry: ModelEntry) -> dict[str, Any]:
    """What determines a model's answers: as for transformers, with the versions of vLLM's lock."""
    engine = ", ".join(f"{name} {version}" for name, version in locked_versions().items())
    return checkpoint.identity(entry) | {"engine": engine}


def load(entry: ChatEntry, like: "Vllm | None" = None) -> "Vllm":
    """The model of an entry, ready to answer; ``like`` has loaded its weights already."""
    config = checkpoint.load("AutoConfig", entry)
    chat = weightless(Chat, entry, config, generation_config(entry, config))
    chat_template.check(entry, chat.processor)
    process = like.process if like else VllmProcess(engine_options(entry, config))
    return Vllm(entry, chat, process)


def generation_config(entry: ModelEntry, config: Any) -> Any:
    """A checkpoint's generation config, for the tokens that end an answer."""
    import transformers

    try:
        return checkpoint.load("GenerationConfig", entry)
    except UserError:  # few have none: transformers then takes the model's
        return transformers.GenerationConfig.from_model_config(config)


def engine_options(entry: ModelEntry, config: Any) -> dict[str, Any]:
    """What vLLM is told of a model.

    ``dtype: auto`` is the checkpoint's: vLLM's own ``auto`` would halve float32.
    """
    place, revision = checkpoint.locate(entry)
    dtype = entry.dtype
    if dtype == "auto":
        saved = str(config.dtype or config.get_text_config().dtype).removeprefix("torch.")
        if saved == "None":
            raise UserError(f"checkpoint {place}: its config names no dtype; set dtype")
        dtype = saved  # type: ignore[assignment]
    return {
        "model": place,
        "revision": revision,
        "tokenizer_revision": revision,
        "dtype": dtype,
        "tensor_parallel_size": entry.gpus,
    }


def sampling(decoding: Decoding, ends: Sequence[int], row: str) -> dict[str, Any]:
    """vLLM's parameters for one answer; its noise is seeded by what is asked."""
    found: dict[str, Any] = {
        "max_tokens": decoding.max_new_tokens,
        "temperature": float(decoding.temperature),
        "stop_token_ids": list(ends),
    }
    if decoding.temperature > 0:
        digest = hashlib.sha256(f"{decoding.seed}\n{row}".encode()).digest()
        found["seed"] = int.from_bytes(digest[:7])
        found["top_p"] = 1.0 if decoding.top_p is None else decoding.top_p
        found["top_k"] = decoding.top_k or 0
    return found


class Shares:
    """Seconds of each request, where many are answered together: they share the time evenly."""

    def __init__(self) -> None:
        self._running = 0
        self._since = 0.0
        self._share = 0.0  # of one that had been there from the beginning
        self._lock = threading.Lock()

    def begin(self) -> float:
        """Note that a request begins; what `end` wants of it."""
        with self._lock:
            share = self._now()
            self._running += 1
            return share

    def end(self, begun: float) -> float:
        """The seconds of a request that ends."""
        with self._lock:
            share = self._now()
            self._running -= 1
            return share - begun

    def _now(self) -> float:
        now = time.perf_counter()
        if self._running:
            self._share += (now - self._since) / self._running
        self._since = now
        return self._share


class Vllm:
    """A model in vLLM's process; ``chat`` renders its prompts and reads its answers here."""

    def __init__(self, entry: ChatEntry, chat: Chat, process: VllmProcess) -> None:
        self.window = entry.batch_size or WINDOW
        self.process = process
        self.chat = chat
        self._shares = Shares()
        self._seen: dict[tuple[int, ...], dict[str, Any]] = {}

    def submit(self, request: Request) -> Future[Answer]:
        """The answer to come. `ClipError` or ValueError where the clip cannot be shown."""
        chat = self.chat
        text = chat.prompt_text(request)
        seen = self._seen_of(text, request)
        message: dict[str, Any] = {"tokens": chat.tokens_of(text), "shows": None}
        frames = None
        if shows(request):
            frames, metadata = self._media(request)
            name = files.digest([request.clip.digest, metadata])
            message |= {"shows": name, "metadata": metadata, "processor": chat.options}
        begun = self._shares.begin()
        drawn = [
            self.process.ask(
                message | {"sampling": sampling(chat.decoding, chat.ends, row)}, frames
            )
            for row in (row_name(request, text, i) for i in range(chat.decoding.draws))
        ]
        return then(all_of(drawn), functools.partial(self._read, text, seen, begun))

    def close(self) -> None:
        """End the process."""
        self.process.close()

    def _media(self, request: Request) -> tuple[np.ndarray, dict[str, Any] | None]:
        """A clip's frames and, unless each is sent as an image, the video's metadata."""
        if self.chat.as_images:
            return request.clip.frames, None
        least = getattr(self.chat.processor.video_processor, "temporal_patch_size", 1)
        clip = at_least(request.clip, least)
        return clip.frames, video_metadata(clip)

    def _seen_of(self, text: str, request: Request) -> dict[str, Any]:
        """What the model will see, by the processor here: as much of frames of an equal shape."""
        shape = request.clip.frames.shape
        if shape not in self._seen:
            inputs = self.chat.process_inputs([text], [request])
            self._seen[shape] = self.chat.seen_of(inputs, 0, [request])
        return self._seen[shape] | {"timestamps": [float(t) for t in request.clip.timestamps]}

    def _read(
        self,
        text: str,
        seen: Mapping[str, Any],
        begun: float,
        drawn: Future[list[dict[str, Any]]],
    ) -> Answer:
        """The answer, of one reply or voted from several."""
        seconds = self._shares.end(begun)
        replies = drawn.result()
        chat, prompt = self.chat, replies[0]["prompt"]
        visual = sum(token in chat.visual_ids for token in prompt)
        if visual != seen["visual_tokens"]:
            raise UserError(
                f"checkpoint {chat.name}: vLLM makes {visual} visual tokens of a clip, the "
                f"processor here {seen['visual_tokens']}; use engine: transformers"
            )
        read = voted([chat.read_answer(reply["answer"], text) for reply in replies])
        return Answer(**read, **{**seen, "prompt_tokens": len(prompt)}, seconds=seconds)


def all_of(futures: Sequence[Future[T]]) -> Future[list[T]]:
    """The results of all, once the last is there."""
    whole: Future[list[T]] = Future()
    left = itertools.count(len(futures) - 1, -1)  # its next() is one step for all threads

    def done(_: Future[T]) -> None:
        if next(left) == 0:
            _settle(whole, lambda: [future.result() for future in futures])

    for future in futures:
        future.add_done_callback(done)
    return whole


def then(future: Future[T], work: Callable[[Future[T]], U]) -> Future[U]:
    """What ``work`` makes of a future once it is there."""
    made: Future[U] = Future()
    future.add_done_callback(lambda done: _settle(made, lambda: work(done)))
    return made


def _settle(future: Future[T], work: Callable[[], T]) -> None:
    try:
        future.set_result(work())
    except Exception as error:  # for whoever waits
        future.set_exception(error)


KIND = ModelKind(
    summary="models of `adapter: chat` that vLLM knows, in a process and an environment of its own",
    entry=ChatEntry,
    pose=pose,
    identity=identity,
    load=load,
    without_video=True,
    generates=True,
)
