"""OpenAI's models, and every server that speaks its Chat Completions protocol."""

import asyncio
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import Field

from zerosign.models import api_entry
from zerosign.models.api import Again, Reply, Stop, Usage, failure, shortened, whole, word
from zerosign.models.api_entry import ApiDecoding, ApiEntry, ApiFrames, KeyVariable
from zerosign.models.api_frames import fitted, jpegs
from zerosign.models.api_keys import Key
from zerosign.models.base import Request
from zerosign.models.registry import ModelKind

ADDRESS = "https://api.openai.com/v1"

_BLOCKED = ("content_policy_violation", "content_filter", "invalid_prompt")
_TOO_LONG = ("context_length_exceeded", "string_above_max_length")
_NO_MONEY = ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active")


class OpenAIFrames(ApiFrames):
    """How a clip's frames are sent."""

    detail: Literal["low", "high", "original", "auto"] | None = None
    """How closely OpenAI's models look; left out for servers that don't know it."""


class OpenAIDecoding(ApiDecoding):
    """How an answer is read."""

    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None


class OpenAIEntry(ApiEntry):
    """An entry with ``adapter: openai``."""

    adapter: Literal["openai"]
    key_env: KeyVariable | None = "OPENAI_API_KEY"
    """The environment variable that has the key; null for a server without keys."""
    frames: OpenAIFrames
    decoding: OpenAIDecoding
    service_tier: Literal["flex"] | None = Field(default=None)
    """About half price, slower; OpenAI's own models alone."""


class OpenAI:
    """A server, connected."""

    def __init__(self, entry: OpenAIEntry, key: Key | None) -> None:
        import openai

        self._key = key or Key("none")
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
        }
        given = {key: value for key, value in options.items() if value is not None}
        return {"model": entry.model, "messages": messages(entry.frames, request), **given}

    def most_tokens(self, entry: OpenAIEntry, request: Request) -> int:
        """A bound of the tokens of a request: a token is a byte at least; images by their size."""
        texts = [part["text"] for m in request.messages for part in m["content"] if "text" in part]
        images = len(request.clip.frames) * tokens_of_image(entry.frames, request)
        return sum(len(text.encode()) for text in texts) + 64 + images

    async def count(self, entry: OpenAIEntry, body: Any) -> int | None:
        """Chat Completions counts nothing beforehand."""
        return None

    async def send(self, entry: OpenAIEntry, body: Any) -> Reply:
        """One attempt at a chat completion."""
        found = await self._sent(entry, body)
        # Raised here, so that no frame of the library, which has the key, is in its traceback.
        if isinstance(found, Exception):
            raise found
        return found

    async def _sent(self, entry: OpenAIEntry, body: Any) -> Reply | Exception:
        import openai

        create = self._client.chat.completions.with_raw_response.create
        try:
            async with asyncio.timeout(entry.timeout):
                raw = await create(**body, extra_body=entry.extra or None, timeout=entry.timeout)
            response = raw.http_response
        except openai.APIStatusError as error:
            response = error.response
        except (openai.APIConnectionError, TimeoutError) as error:
            return Again(self._key.redact(shortened(str(error.__cause__ or error)) or "timed out"))
        except Exception as error:
            return Stop(self._key.redact(shortened(f"{type(error).__name__}: {error}")))
        text = self._key.redact(response.text)
        return read(response.status_code, text, response.headers)

    async def close(self) -> None:
        """Close connections."""
        await self._client.close()


def messages(frames: OpenAIFrames, request: Request) -> list[dict[str, Any]]:
    """A request's messages as the protocol has them: the frames first, the question last."""
    made = []
    for message in request.messages:
        parts: list[dict[str, Any]] = []
        for part in message["content"]:
            if part["type"] == "video":
                parts += images(frames, request)
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
        {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{image}", **detail}}
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


def read(status: int, text: str, headers: Mapping[str, str]) -> Reply | Exception:
    """What a response comes to: docs/api-models.md has the table."""
    try:
        body = json.loads(text)
    except ValueError:
        body = None
    if status != 200:
        return _refused(status, body, text, headers)
    if not isinstance(body, dict):
        return Again(f"200 without JSON: {shortened(text)[:80]}")
    if body.get("error"):
        return Again(f"200 with an error: {shortened(json.dumps(body['error']))}")
    return _answer(body, headers)


def _refused(status: int, body: Any, text: str, headers: Mapping[str, str]) -> Reply | Exception:
    error = body.get("error") if isinstance(body, dict) else None
    error = error if isinstance(error, dict) else {}
    code, reason = str(error.get("code") or error.get("type")), str(error.get("message") or text)
    if status == 429 and (code in _NO_MONEY or error.get("type") in _NO_MONEY):
        return Stop(shortened(f"429, {code}: {reason}"))
    if status == 400:
        request_id = word(headers.get("x-request-id"))
        final = shortened(f"400, {code}: {reason}")
        if code in _BLOCKED or error.get("type") in _BLOCKED:
            return Reply("blocked", error=final, request_id=request_id)
        if code in _TOO_LONG or "context length" in reason.lower():
            return Reply("error", error=final, request_id=request_id)
        if "output limit was reached" in reason:
            return Reply("length", error=final, request_id=request_id)
    return failure(status, reason, headers)


def _answer(body: Mapping[str, Any], headers: Mapping[str, str]) -> Reply:
    choices = body.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else {}
    choice = choice if isinstance(choice, dict) else {}
    message = choice.get("message")
    message = message if isinstance(message, dict) else {}
    text = _text(message.get("content"))
    refusal = message.get("refusal")
    why = choice.get("finish_reason")
    finish = "stop" if text.strip() else "empty"
    if why == "length":
        finish = "length"
    if why == "content_filter":
        finish = "blocked"
    if isinstance(refusal, str) and refusal:
        finish, text = "refused", refusal
    return Reply(
        finish,
        text.strip(),
        usage=_usage(body.get("usage")),
        tier=word(body.get("service_tier")),
        served_model=word(body.get("model")),
        request_id=word(headers.get("x-request-id")) or word(body.get("id")),
    )


def _text(content: Any) -> str:
    """Some servers give the answer in parts."""
    if isinstance(content, str):
        return content
    parts: Sequence[Any] = content if isinstance(content, list) else ()
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    return "".join(text for text in texts if isinstance(text, str))


def _usage(usage: Any) -> Usage:
    usage = usage if isinstance(usage, dict) else {}

    def detail(key: str, name: str) -> int:
        inner = usage.get(key)
        return whole(inner.get(name)) if isinstance(inner, dict) else 0

    return Usage(
        prompt=whole(usage.get("prompt_tokens")),
        cached=detail("prompt_tokens_details", "cached_tokens"),
        reasoning=detail("completion_tokens_details", "reasoning_tokens"),
        output=whole(usage.get("completion_tokens")),
    )


KIND = ModelKind(
    summary="OpenAI's models, and every server that speaks its Chat Completions protocol: vLLM, "
    "SGLang, `transformers serve`, gateways",
    entry=OpenAIEntry,
    pose=api_entry.pose,
    identity=api_entry.identity,
    connect=OpenAI,
    without_video=True,
    generates=True,
)
