"""OpenAI's models, and every server that speaks its Chat Completions protocol."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from zerosign.errors import UserError
from zerosign.models import api, api_entry
from zerosign.models.api import (
    Again,
    Reply,
    Response,
    Stop,
    Usage,
    first,
    mapping,
    shortened,
    whole,
    word,
)
from zerosign.models.api_entry import ApiEntry, Images, KeyVariable, Sampled
from zerosign.models.api_frames import Shown, base64_of, fitted, jpegs
from zerosign.models.api_keys import Key
from zerosign.models.base import Request
from zerosign.models.registry import ModelKind
from zerosign.prompts.prompt_entry import Prompt
from zerosign.prompts.template import Message

ADDRESS = "https://api.openai.com/v1"
OURS = "zerosign"
"""Among the metadata of a batch: our id of it."""
MOST_CHOICES, MANY_CHOICES, MOST_CHARACTERS = 1000, 250, 15_000
"""Of a schema: so many values, and beyond the second number so many characters in all.
https://platform.openai.com/docs/guides/structured-outputs"""

_BLOCKED = ("content_policy_violation", "content_filter", "invalid_prompt")
_TOO_LONG = ("context_length_exceeded", "string_above_max_length")
_NO_MONEY = ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active")


class OpenAIFrames(Images):
    """How a clip's frames are sent."""

    detail: Literal["low", "high", "original", "auto"] | None = None
    """How closely OpenAI's models look; left out for servers that don't know it."""


class OpenAIDecoding(Sampled):
    """How an answer is read."""

    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None


class OpenAIEntry(ApiEntry):
    """An entry with ``adapter: openai``."""

    adapter: Literal["openai"]
    key_env: KeyVariable | None = "OPENAI_API_KEY"
    """The environment variable that has the key; null for a server without keys."""
    frames: OpenAIFrames
    decoding: OpenAIDecoding
    service_tier: Literal["flex"] | None = None
    """About half price, slower; OpenAI's own models alone."""


def pose(
    entry: OpenAIEntry,
    name: str,
    prompt: Prompt,
    values: Mapping[str, str],
    glosses: Sequence[str],
) -> tuple[list[Message], dict[str, str]]:
    """As all API models, with OpenAI's limit of a schema. `UserError`."""
    messages, choices = api_entry.pose(entry, name, prompt, values, glosses)
    characters = sum(map(len, choices.values()))
    many = len(choices) > MANY_CHOICES and characters > MOST_CHARACTERS
    if len(choices) > MOST_CHOICES or many:
        raise UserError(
            f"decoding.mode: choice: {len(choices)} choices of {characters} characters are more "
            "than a schema takes; use mode: generate with a prompt that has {candidates}"
        )
    return messages, choices


class OpenAI:
    """A server, connected."""

    batch = api.BatchLimits(requests=50_000, size=90 << 20)

    def __init__(self, entry: OpenAIEntry, key: Key | None) -> None:
        import openai

        self._key = key or Key("none")
        self._shown: Shown[list[dict[str, Any]]] = Shown()
        self._client = openai.AsyncOpenAI(
            api_key=self._key.reveal(), base_url=entry.base_url or ADDRESS, max_retries=0
        )

    def body(self, entry: OpenAIEntry, request: Request) -> dict[str, Any]:
        """The arguments of a chat completion."""
        decoding = entry.decoding
        options = {
            "max_completion_tokens": decoding.max_new_tokens,
            "temperature": decoding.temperature,
            "top_p": decoding.top_p,
            "seed": decoding.seed,
            "reasoning_effort": decoding.reasoning_effort,
            "service_tier": entry.service_tier,
            "response_format": _format(request.candidates),
        }
        given = {key: value for key, value in options.items() if value is not None}
        shown = self._shown.get(request.clip, entry.frames, lambda: images(entry.frames, request))
        return {"model": entry.model, "messages": messages(request, shown), **given}

    def most_tokens(self, entry: OpenAIEntry, request: Request) -> int:
        """A bound of the tokens of a request: a token is a byte at least; images by their size."""
        images = len(request.clip.frames) * tokens_of_image(entry.frames, request)
        return api.bytes_of_texts(request) + images

    async def count(self, entry: OpenAIEntry, body: Any) -> int | None:
        """Chat Completions counts nothing beforehand."""
        return None

    async def send(self, entry: OpenAIEntry, body: Any) -> Reply:
        """One attempt at a chat completion."""

        async def fetch() -> Response:
            create = self._client.chat.completions.with_raw_response.create
            raw = await create(**body, extra_body=entry.extra or None, timeout=entry.timeout)
            found = raw.http_response
            return Response(found.status_code, found.text, found.headers)

        return await api.attempt(fetch, read, entry.timeout, self._key)

    async def start_batch(self, entry: OpenAIEntry, ours: str, bodies: Mapping[str, Any]) -> str:
        """A file of requests, and a batch with ``ours`` among its metadata."""
        file = (
            f"{ours}.jsonl",
            "".join(_line(*item, entry.extra) for item in bodies.items()).encode(),
        )

        async def start() -> str:
            uploaded = await self._client.files.create(file=file, purpose="batch")
            batch = await self._client.batches.create(
                input_file_id=uploaded.id,
                endpoint="/v1/chat/completions",
                completion_window="24h",
                metadata={OURS: ours},
            )
            return str(batch.id)

        return await api.call(start, entry.timeout, self._key)

    async def find_batch(self, entry: OpenAIEntry, ours: str, since: float) -> str | None:
        """By its metadata."""

        async def find() -> str | None:
            async for batch in self._client.batches.list(limit=100):
                if mapping(batch.metadata).get(OURS) == ours:
                    return str(batch.id)
            return None

        return await api.call(find, entry.timeout, self._key)

    async def batch_results(
        self, entry: OpenAIEntry, theirs: str
    ) -> dict[str, Reply | Exception] | None:
        """From the files of answers and errors."""

        async def fetch() -> list[str] | None:
            batch = await self._client.batches.retrieve(theirs)
            if batch.status == "failed":
                raise Stop(f"batch {theirs} failed: {shortened(str(batch.errors))}")
            if batch.status not in ("completed", "expired", "cancelled"):
                return None
            files = [file for file in (batch.output_file_id, batch.error_file_id) if file]
            return [(await self._client.files.content(file)).text for file in files]

        texts = await api.call(fetch, entry.timeout, self._key)
        if texts is None:
            return None
        lines = [json.loads(line) for text in texts for line in text.splitlines() if line.strip()]
        return {line["custom_id"]: _of_line(line) for line in lines}

    async def close(self) -> None:
        """Close connections."""
        await self._client.close()


def _format(choices: Mapping[str, str]) -> dict[str, Any] | None:
    if not choices:
        return None
    schema = api_entry.schema(choices.values())
    return {
        "type": "json_schema",
        "json_schema": {"name": api_entry.ANSWER, "strict": True, "schema": schema},
    }


def _line(custom: str, body: Mapping[str, Any], extra: Mapping[str, Any]) -> str:
    """A request in the file of a batch; its tier is that of the batch."""
    sent = {key: value for key, value in body.items() if key != "service_tier"} | dict(extra)
    line = {"custom_id": custom, "method": "POST", "url": "/v1/chat/completions", "body": sent}
    return json.dumps(line) + "\n"


def _of_line(line: Mapping[str, Any]) -> Reply | Exception:
    response = mapping(line.get("response"))
    if not response:
        return Again(shortened(f"in a batch: {json.dumps(line.get('error'))}"))
    headers = {"x-request-id": str(response.get("request_id"))}
    text = json.dumps(response.get("body"))
    return api.understood(Response(whole(response.get("status_code")), text, headers), read)


def messages(request: Request, shown: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A request's messages as the protocol has them: what is shown first, the question last."""
    made = []
    for message in request.messages:
        parts: list[dict[str, Any]] = []
        for part in message["content"]:
            if part["type"] == "video":
                parts += shown
            else:
                parts.append({"type": "text", "text": part["text"]})
        system = message["role"] == "system"
        content = "\n\n".join(part["text"] for part in parts) if system else parts
        made.append({"role": message["role"], "content": content})
    return made


def images(frames: OpenAIFrames, request: Request) -> list[dict[str, Any]]:
    """A clip's frames as parts of a message."""
    detail = {"detail": frames.detail} if frames.detail else {}
    return [
        {
            "type": "image_url",
            "image_url": {"url": f"data:image/jpeg;base64,{base64_of(image)}", **detail},
        }
        for image in jpegs(request.clip.frames, frames.max_side, frames.jpeg_quality)
    ]


def tokens_of_image(frames: OpenAIFrames, request: Request) -> int:
    """A bound of a frame's tokens, for money alone.

    https://platform.openai.com/docs/guides/images-vision: tiles of 512 pixels, 85 and 170 each, or
    patches of 32 pixels, at most 1,536 of them, times 2.46 for the smallest models.
    """
    if frames.detail == "low":
        return 300
    _, height, width, _ = request.clip.frames.shape
    height, width = fitted(height, width, frames.max_side)
    tiles = 85 + 170 * math.ceil(height / 512) * math.ceil(width / 512)
    patches = math.ceil(min(1536, math.ceil(height / 32) * math.ceil(width / 32)) * 2.46)
    return max(tiles, patches)


def read(response: Response) -> Reply | Exception:
    """What a response comes to: docs/api-models.md has the table."""
    return _answer(response) if response.status == 200 else _refused(response)


def _refused(response: Response) -> Reply | Exception:
    error = mapping(mapping(response.json).get("error"))
    kinds = (error.get("code"), error.get("type"))
    code, reason = str(kinds[0] or kinds[1]), str(error.get("message") or response.text)
    if response.status == 429 and set(kinds) & set(_NO_MONEY):
        return Stop(shortened(f"429, {code}: {reason}"))
    if response.status == 400:
        final = shortened(f"400, {code}: {reason}")
        if set(kinds) & set(_BLOCKED):
            return Reply("blocked", error=final, request_id=response.request_id)
        if set(kinds) & set(_TOO_LONG) or "context length" in reason.lower():
            return Reply("error", error=final, request_id=response.request_id)
        if "output limit was reached" in reason:
            return Reply("length", error=final, request_id=response.request_id)
    return api.failure(response, reason)


def _answer(response: Response) -> Reply:
    body = response.json
    choice = first(body.get("choices"))
    message = mapping(choice.get("message"))
    text = _text(message.get("content")).strip()
    ends = {"length": "length", "content_filter": "blocked"}
    finish = ends.get(str(choice.get("finish_reason")), "stop" if text else "empty")
    refusal = message.get("refusal")
    if isinstance(refusal, str) and refusal:
        finish, text = "refused", refusal
    return Reply(
        finish,
        text,
        usage=_usage(mapping(body.get("usage"))),
        tier=word(body.get("service_tier")),
        served_model=word(body.get("model")),
        request_id=response.request_id or word(body.get("id")),
    )


def _text(content: Any) -> str:
    """Some servers give the answer in parts."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = [mapping(part).get("text") for part in parts]
    return "".join(text for text in texts if isinstance(text, str))


def _usage(usage: Mapping[str, Any]) -> Usage:
    return Usage(
        prompt=whole(usage.get("prompt_tokens")),
        cached=whole(mapping(usage.get("prompt_tokens_details")).get("cached_tokens")),
        reasoning=whole(mapping(usage.get("completion_tokens_details")).get("reasoning_tokens")),
        output=whole(usage.get("completion_tokens")),
    )


KIND = ModelKind(
    summary="OpenAI's models, and every server that speaks its Chat Completions protocol: vLLM, "
    "SGLang, `transformers serve`, gateways",
    entry=OpenAIEntry,
    pose=pose,
    identity=api_entry.identity,
    connect=OpenAI,
    without_video=True,
    generates=True,
)
