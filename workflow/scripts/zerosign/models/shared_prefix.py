"""Several continuations of one clip's prompt: what they share is computed once.

Questions about a clip, samples of an answer and the candidates of a closed set begin with the same
tokens, the frames among them.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from zerosign.models import checkpoint
from zerosign.models.base import Answer, Request
from zerosign.models.decoding import Prefix, Sampler, continue_all, score, vote
from zerosign.models.model_entry import Decoding
from zerosign.models.rope_positions import rope_index


class ReadsPrompts(Protocol):
    """What the shared prefix needs of a chat model; see `zerosign.models.kinds.chat.Chat`."""

    processor: Any
    model: Any
    decoding: Decoding
    ends: list[int]
    visual_ids: list[int]

    def prompt_text(self, request: Request) -> str:
        """The whole prompt as text."""
        ...

    def tokens_of(self, text: str) -> list[int]:
        """Tokens of a whole prompt; the list is shared."""
        ...

    def process_inputs(self, texts: list[str], requests: Sequence[Request]) -> Any:
        """What the model takes, for prompts and their clips."""
        ...

    def seen_of(self, inputs: Any, i: int, requests: Sequence[Request]) -> dict[str, Any]:
        """What the model sees of one request."""
        ...

    def continuation(self, text: str, candidate: str) -> list[int]:
        """Tokens of a candidate as the answer to a prompt."""
        ...

    def read_prefix(self, inputs: Mapping[str, Any], length: int) -> Prefix:
        """The first tokens of a prompt, computed."""
        ...

    def read_answer(self, tokens: list[int], prompt: str) -> dict[str, Any]:
        """Text, reasoning, finish and length of the tokens of an answer to a prompt."""
        ...


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


class SharedPrefixes:
    """Prepares and answers requests about one clip; keeps the last clip's pixels and prefix."""

    def __init__(self, chat: ReadsPrompts) -> None:
        self._chat = chat
        self._last: Pixels | None = None
        self._prefix: Prefix | None = None
        self._prefix_of: Pixels | None = None

    def prepare(self, requests: Sequence[Request]) -> list[Shared]:
        """Split one clip's prompts into what they share, frames included, and the rest of each."""
        chat = self._chat
        start = time.perf_counter()
        texts = [chat.prompt_text(request) for request in requests]
        raw = [chat.tokens_of(text) for text in texts]
        base = self._pixels_of(requests[0], texts[0], raw[0])
        # Each keeps a token of its own, to be continued from.
        common = min(min(_common(base.raw, tokens), len(tokens) - 1) for tokens in raw)
        if common < base.least:
            # They differ before or within the frames' place: nothing to share.
            return [shared for request in requests for shared in self.prepare([request])]
        suffixes = [tokens[common:] for tokens in raw]
        length = len(base.tokens) - len(base.raw[common:])
        seen = [{**base.seen, "prompt_tokens": length + len(suffix)} for suffix in suffixes]
        sequences = [
            [chat.continuation(text, answer) for answer in request.candidates.values()]
            for request, text in zip(requests, texts, strict=True)
        ]
        seconds = time.perf_counter() - start
        return [Shared(base, length, suffixes, sequences, list(requests), texts, seen, seconds)]

    def _pixels_of(self, request: Request, text: str, raw: list[int]) -> Pixels:
        """The processed prompt of a clip; kept, since its other questions mostly come next."""
        chat, last = self._chat, self._last
        if last is None or last.clip != request.clip.digest or _common(last.raw, raw) < last.least:
            inputs = chat.process_inputs([text], [request])
            tokens = inputs["input_ids"][0].tolist()
            seen = chat.seen_of(inputs, 0, [request])
            # The processor rewrites the frames' place; what follows it is the same in both. Where
            # there is none, they are the same throughout.
            ends = enumerate(zip(reversed(raw), reversed(tokens), strict=False))
            after = next(
                (i for i, (a, b) in ends if a != b or b in chat.visual_ids),
                len(raw),
            )
            # Three-dimensional positions go on from a token of text.
            least = len(raw) - after + (rope_index(chat.model) is not None)
            last = Pixels(request.clip.digest, raw, tokens, inputs, seen, least)
            self._last = last
        return last

    def answer(self, shared: Shared) -> list[Answer]:
        """Answer the requests; the seconds, preparation included, are shared out evenly."""
        start = time.perf_counter()
        whole = shared.base.tokens[: shared.length]
        prefix = self._prefix_for(shared, whole)
        rest = whole[len(prefix.tokens) :]
        suffixes = [[*rest, *suffix] for suffix in shared.suffixes]
        if self._chat.decoding.closed:
            found = [self._choose(prefix, shared, i, suffixes[i]) for i in range(len(suffixes))]
        else:
            found = self._sample(prefix, shared, suffixes)
        seconds = (shared.seconds + time.perf_counter() - start) / len(found)
        return [
            Answer(**answer, **seen, seconds=seconds)
            for answer, seen in zip(found, shared.seen, strict=True)
        ]

    def _prefix_for(self, shared: Shared, whole: list[int]) -> Prefix:
        """The last prefix if these prompts begin with it, else a new one."""
        prefix = self._prefix
        if (
            prefix is None
            or self._prefix_of is not shared.base
            or prefix.tokens != whole[: len(prefix.tokens)]
        ):
            self._prefix = prefix = None  # freed before the next is computed
            inputs = checkpoint.to_device(shared.base.inputs, self._chat.model)
            prefix = self._chat.read_prefix(inputs, shared.length)
            self._prefix, self._prefix_of = prefix, shared.base
        return prefix

    def _sample(
        self, prefix: Prefix, shared: Shared, suffixes: list[list[int]]
    ) -> list[dict[str, Any]]:
        """Answers to several questions about a clip, or several samples of one answer."""
        chat = self._chat
        count = chat.decoding.draws
        rows = [
            row_name(request, text, sample)
            for request, text in zip(shared.requests, shared.texts, strict=True)
            for sample in range(count)
        ]
        generated = continue_all(
            chat.model,
            prefix,
            [suffix for suffix in suffixes for _ in range(count)],
            Sampler(chat.decoding, rows),
            chat.decoding.max_new_tokens or 1,
            chat.ends,
            chat.processor.tokenizer.pad_token_id,
        )
        texts = [text for text in shared.texts for _ in range(count)]
        read = [
            chat.read_answer(tokens, text) for tokens, text in zip(generated, texts, strict=True)
        ]
        if count == 1:
            return read
        answers = []
        for i in range(0, len(read), count):
            samples = [answer["text"] for answer in read[i : i + count]]
            finishes = [answer["finish"] for answer in read[i : i + count]]
            chosen = samples.index(vote(samples))
            thoughts = [answer["reasoning"] for answer in read[i : i + count]]
            several = {"samples": samples, "finishes": finishes}
            if any(thoughts):
                several["reasonings"] = thoughts
            answers.append({**read[i + chosen], **several})
        return answers

    def _choose(self, prefix: Prefix, shared: Shared, i: int, suffix: list[int]) -> dict[str, Any]:
        """The likeliest of a request's candidates."""
        candidates = list(shared.requests[i].candidates)
        scores = score(self._chat.model, prefix, suffix, shared.sequences[i])
        order = sorted(range(len(scores)), key=lambda j: -scores[j])
        labels = [candidates[j] for j in order]
        return {
            "text": labels[0],
            "finish": "stop",
            "labels": labels,
            "scores": [scores[j] for j in order],
        }


def row_name(request: Request, text: str, sample: int) -> str:
    """What a sample depends on, next to the seed."""
    return f"{request.clip.digest}\n{sample}\n{text}"


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    """Length of the common beginning."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))
