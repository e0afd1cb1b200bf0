"""Anthropic's Claude models."""

import json
import math
from collections.abc import Mapping
from typing import Any, Literal

from zerosign.models import api, api_entry
from zerosign.models.api import (
    Again,
    Reply,
    Response,
    Stop,
    Usage,
    Working,
    mapping,
    shortened,
    whole,
    word,
)
from zerosign.models.api_entry import ApiDecoding, ApiEntry, Images, KeyVariable
from zerosign.models.api_frames import Shown, base64_of, fitted, jpegs
from zerosign.models.api_keys import Key
from zerosign.models.base import Request
from zerosign.models.registry import ModelKind

ADDRESS = "https://api.anthropic.com"

_STATUS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "overloaded_error": 529,
}
"""HTTP status by kind of error, which errors in batches have."""

_ENDS = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "refused",
}


class AnthropicDecoding(ApiDecoding):
    """How an answer is read."""

    thinking: Literal["adaptive", "disabled"] | None = None
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None


class AnthropicEntry(ApiEntry):
    """An entry with ``adapter: anthropic``."""

    adapter: Literal["anthropic"]
    key_env: KeyVariable | None = "ANTHROPIC_API_KEY"
    """The environment variable that has the key."""
    frames: Images
    decoding: AnthropicDecoding


class Anthropic:
    """The provider, connected."""

    batch = api.BatchLimits(requests=10_000, size=90 << 20)

    def __init__(self, entry: AnthropicEntry, key: Key | None) -> None:
        import anthropic

        self._key = key or Key("none")
        self._shown: Shown[list[dict[str, Any]]] = Shown()
        self._client = anthropic.AsyncAnthropic(
            api_key=self._key.reveal(), base_url=entry.base_url or ADDRESS, max_retries=0
        )

    def body(self, entry: AnthropicEntry, request: Request) -> dict[str, Any]:
        """The arguments of a message."""
        decoding = entry.decoding
        shown = self._shown.get(request.clip, entry.frames, lambda: _shown(entry.frames, request))
        system, parts = _parts(request, shown)
        output = {"effort": decoding.effort, "format": _format(request.candidates)}
        options = {
            "system": system or None,
            "thinking": {"type": decoding.thinking} if decoding.thinking else None,
            "output_config": {k: v for k, v in output.items() if v is not None} or None,
        }
        given = {key: value for key, value in options.items() if value is not None}
        return {
            "model": entry.model,
            "max_tokens": decoding.max_new_tokens,
            "messages": [{"role": "user", "content": parts}],
            **given,
        }

    def most_tokens(self, entry: AnthropicEntry, request: Request) -> int:
        """A bound of the tokens of a request: a token is a byte at least.

        Of an image: width x height / 750 (https://docs.anthropic.com/en/docs/build-with-claude/vision).
        """
        count, height, width, _ = request.clip.frames.shape
        height, width = fitted(height, width, entry.frames.max_side)
        return api.bytes_of_texts(request) + count * (math.ceil(height * width / 750) + 16)

    async def count(self, entry: AnthropicEntry, body: Any) -> int | None:
        """By the provider."""
        known = ("model", "messages", "system", "thinking", "output_config")
        try:
            found = await self._client.messages.count_tokens(
                **{key: body[key] for key in known if key in body}, timeout=entry.timeout
            )
        except Exception:  # an estimate is no reason to stop; what is wrong shows when it is asked
            return None
        return whole(found.input_tokens) or None

    async def send(self, entry: AnthropicEntry, body: Any) -> Reply:
        """One attempt at a message."""

        async def fetch() -> Response:
            create = self._client.messages.with_raw_response.create
            raw = await create(**body, extra_body=entry.extra or None, timeout=entry.timeout)
            found = raw.http_response
            return Response(found.status_code, found.text, found.headers)

        return await api.attempt(fetch, read, entry.timeout, self._key)

    async def start_batch(self, entry: AnthropicEntry, ours: str, bodies: Mapping[str, Any]) -> str:
        """``ours`` is in the ids of the requests: the protocol has no other place for it."""
        requests: Any = [
            {"custom_id": custom, "params": body | entry.extra} for custom, body in bodies.items()
        ]

        async def start() -> str:
            batch = await self._client.messages.batches.create(requests=requests)
            return str(batch.id)

        return await api.call(start, entry.timeout, self._key)

    async def find_batch(self, entry: AnthropicEntry, ours: str, since: float) -> str | None:
        """By the ids of its requests, which show when it has ended. `Working`: one may be ours."""

        async def find() -> str | None:
            async for batch in self._client.messages.batches.list(limit=100):
                if batch.created_at.timestamp() < since:
                    return None
                if batch.processing_status != "ended":
                    raise Working(f"batch {batch.id} may be ours")
                if not batch.results_url:
                    continue
                async for line in await self._client.messages.batches.results(batch.id):
                    if line.custom_id.startswith(ours):
                        return str(batch.id)
                    break
            return None

        return await api.call(find, entry.timeout, self._key)

    async def batch_results(
        self, entry: AnthropicEntry, theirs: str
    ) -> dict[str, Reply | Exception] | None:
        """From its lines."""

        async def fetch() -> dict[str, Any] | None:
            batch = await self._client.messages.batches.retrieve(theirs)
            if batch.processing_status != "ended":
                return None
            lines = await self._client.messages.batches.results(theirs)
            return {line.custom_id: line.result.to_dict() async for line in lines}

        found = await api.call(fetch, entry.timeout, self._key)
        return None if found is None else {key: _of_batch(each) for key, each in found.items()}

    async def close(self) -> None:
        """Close connections."""
        await self._client.close()


def _of_batch(result: Mapping[str, Any]) -> Reply | Exception:
    if result.get("type") == "succeeded":
        return api.understood(Response(200, json.dumps(result.get("message")), {}), read)
    if result.get("type") != "errored":
        return Again(f"in a batch: {result.get('type')}")
    error = mapping(result.get("error"))
    kind = str(mapping(error.get("error")).get("type"))
    return read(Response(_STATUS.get(kind, 500), json.dumps(error), {}))


def _shown(frames: Images, request: Request) -> list[dict[str, Any]]:
    found = jpegs(request.clip.frames, frames.max_side, frames.jpeg_quality)
    source = {"type": "base64", "media_type": "image/jpeg"}
    return [{"type": "image", "source": source | {"data": base64_of(image)}} for image in found]


def _parts(request: Request, shown: list[dict[str, Any]]) -> tuple[str, list[dict[str, Any]]]:
    """The system text, and the parts of the user's message: the frames first, the question last."""
    system, parts = [], []
    for message in request.messages:
        for part in message["content"]:
            if message["role"] == "system":
                system.append(part["text"])
            elif part["type"] == "video":
                parts += shown
            else:
                parts.append({"type": "text", "text": part["text"]})
    return "\n\n".join(system), parts


def _format(choices: Mapping[str, str]) -> dict[str, Any] | None:
    if not choices:
        return None
    return {"type": "json_schema", "schema": api_entry.schema(choices.values())}


def read(response: Response) -> Reply | Exception:
    """What a response comes to: docs/api-models.md has the table."""
    return _answer(response) if response.status == 200 else _refused(response)


def _refused(response: Response) -> Reply | Exception:
    reason = str(mapping(mapping(response.json).get("error")).get("message") or response.text)
    if response.status == 400 and "credit balance" in reason:
        return Stop(shortened(f"400: {reason}"))
    if response.status == 400 and ("too long" in reason or "context window" in reason):
        final = shortened(f"400: {reason}")
        return Reply("error", error=final, request_id=response.request_id)
    if response.status == 400 and "content filtering" in reason:
        final = shortened(f"400: {reason}")
        return Reply("blocked", error=final, request_id=response.request_id)
    return api.failure(response, reason)


def _answer(response: Response) -> Reply:
    body = response.json
    blocks = body.get("content")
    texts = [
        mapping(block).get("text")
        for block in (blocks if isinstance(blocks, list) else [])
        if mapping(block).get("type") == "text"
    ]
    text = "".join(each for each in texts if isinstance(each, str)).strip()
    finish = _ENDS.get(str(body.get("stop_reason")), "stop" if text else "empty")
    usage = mapping(body.get("usage"))
    return Reply(
        finish,
        text,
        error=word(mapping(body.get("stop_details")).get("explanation")),
        usage=_usage(usage),
        tier=word(usage.get("service_tier")),
        served_model=word(body.get("model")),
        request_id=response.request_id or word(body.get("id")),
    )


def _usage(usage: Mapping[str, Any]) -> Usage:
    cached = whole(usage.get("cache_read_input_tokens"))
    fresh = whole(usage.get("input_tokens")) + whole(usage.get("cache_creation_input_tokens"))
    details = mapping(usage.get("output_tokens_details"))
    return Usage(
        prompt=fresh + cached,
        cached=cached,
        reasoning=whole(details.get("thinking_tokens")),
        output=whole(usage.get("output_tokens")),
    )


KIND = ModelKind(
    summary="Anthropic's Claude models, by the Messages API",
    entry=AnthropicEntry,
    pose=api_entry.pose,
    identity=api_entry.identity,
    connect=Anthropic,
    without_video=True,
    generates=True,
)
