"""As much of vLLM as zerosign's worker uses, without a model: `helpers.vllm_environment`.

An answer tells what was asked: how many frames, their brightness, the seed.
"""

import os
import sys
import time
from types import SimpleNamespace
from typing import Any


class SamplingParams(SimpleNamespace):
    """Whatever is given."""


class _Engine:
    def __init__(self, options: dict[str, Any]) -> None:
        self.renderer = SimpleNamespace(render_cmpl=lambda prompts: prompts)
        self._waiting: list[Any] = []
        self._options = options

    def add_request(self, name: str, prompt: dict[str, Any], sampling: SamplingParams) -> None:
        if len(prompt["prompt_token_ids"]) > int(os.environ.get("FAKE_VLLM_LONGEST", "1000")):
            raise ValueError("The prompt is\nlonger than the model's context")
        self._waiting.append((name, prompt, sampling))

    def has_unfinished_requests(self) -> bool:
        return bool(self._waiting)

    def step(self) -> list[Any]:
        """Finish the request that came last, once so many are there."""
        if len(self._waiting) < int(os.environ.get("FAKE_VLLM_WAITS_FOR", "1")):
            time.sleep(0.01)
            return []
        name, prompt, sampling = self._waiting.pop()
        if name == os.environ.get("FAKE_VLLM_DIES_AT"):
            print("CUDA error: out of memory", file=sys.stderr)
            os._exit(3)
        (video,) = prompt.get("multi_modal_data", {}).get("video", [None])
        said = str(getattr(sampling, "seed", len(self._waiting)))
        tokens = list(prompt["prompt_token_ids"])
        if video:
            frames, metadata = video
            said = f"{len(frames)} {frames.mean():.0f} {metadata['fps']:g}"
            tokens = _expanded(tokens, len(frames))
        answer = [*_spelled(said), sampling.stop_token_ids[0]][: sampling.max_tokens]
        output = SimpleNamespace(token_ids=answer)
        return [
            SimpleNamespace(
                request_id=name, prompt_token_ids=tokens, outputs=[output], finished=True
            )
        ]


def _expanded(tokens: list[int], frames: int) -> list[int]:
    """The video's one token, as many times as 2 frames of 2 x 4 patches have places."""
    pad = int(os.environ["FAKE_VLLM_VIDEO_TOKEN"])
    places = frames // 2 * int(os.environ.get("FAKE_VLLM_PLACES", "2"))
    return [t for token in tokens for t in [token] * (places if token == pad else 1)]


def _spelled(text: str) -> list[int]:
    """Token ids in the tokenizer of `helpers.tiny_families`: bytes in the order of its alphabet."""
    from tokenizers import pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    return [alphabet.index(letter) for letter in text.replace(" ", "Ġ")]


class LLM:
    """Loads nothing."""

    def __init__(self, **options: Any) -> None:
        if error := os.environ.get("FAKE_VLLM_CANNOT_LOAD"):
            raise RuntimeError(error)
        self.llm_engine = _Engine(options)

    def generate(self, prompts: list[Any], sampling: SamplingParams, use_tqdm: bool) -> list[Any]:
        """Answers to all prompts, in order."""
        found = []
        for number, prompt in enumerate(prompts):
            self.llm_engine.add_request(str(number), prompt, sampling)
            found += self.llm_engine.step()
        return found
