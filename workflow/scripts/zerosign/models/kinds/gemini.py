"""Google's Gemini models, which also take a clip as a video."""

import json
import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from zerosign.entries import wrong
from zerosign.models import api, api_entry
from zerosign.models.api import Reply, Response, Stop, Usage, first, mapping, shortened, whole, word
from zerosign.models.api_entry import ApiEntry, ApiFrames, KeyVariable, Sampled
from zerosign.models.api_frames import Shown, jpegs, video
from zerosign.models.api_keys import Key
from zerosign.models.base import Request
from zerosign.models.registry import ModelKind

TOKENS = {"low": 280, "medium": 560, "high": 1120}
"""Of an image or a second of a video's frames, at most, by media_resolution: for money alone."""

_STATUS = {3: 400, 4: 504, 5: 404, 7: 403, 8: 429, 13: 500, 14: 503, 16: 401}
"""HTTP status by code of gRPC, which errors in batches have."""

_BLOCKED = frozenset(
    ["SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY", "LANGUAGE"]
)


class GeminiFrames(ApiFrames):
    """How a clip's frames are sent."""

    shown_as: Literal["images", "video"] = Field(alias="as")
    """``images``: each frame as a JPEG, before the question; ``video``: the frames at their times
    as one video, nothing before or after them."""
    media_resolution: Literal["low", "medium", "high"]
    """How closely the model looks: Gemini 3 reads an image as 280 tokens at low, 1,120 at high."""
    fps: Annotated[float, Field(gt=0, le=24)] | None = None
    """Of a video: frames that the model takes of a second."""

    @model_validator(mode="after")
    def _fps_of_a_video(self) -> Self:
        if self.shown_as == "video" and self.fps is None:
            raise wrong("key 'fps' is missing: the frames that the model takes of a second")
        if self.shown_as == "images" and self.fps is not None:
            raise wrong("fps has no meaning with as: images; remove it")
        return self


class GeminiDecoding(Sampled):
    """How an answer is read."""

    thinking_budget: Annotated[int, Field(ge=-1)] | None = None
    """Gemini 2.5: tokens of thought; 0 for none, -1 for as many as it likes."""
    thinking_level: Literal["minimal", "low", "medium", "high"] | None = None
    """Gemini 3."""

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if self.thinking_budget is not None and self.thinking_level is not None:
            raise wrong("has both thinking_budget and thinking_level; keep one of them")
        return self


class GeminiEntry(ApiEntry):
    """An entry with ``adapter: gemini``."""

    adapter: Literal["gemini"]
    key_env: KeyVariable | None = "GEMINI_API_KEY"
    """The environment variable that has the key."""
    frames: GeminiFrames
    decoding: GeminiDecoding
    service_tier: Literal["flex"] | None = None
    """About half price, slower."""


class Gemini:
    """The provider, connected."""

    batch = api.BatchLimits(requests=10_000, size=18 << 20)

    def __init__(self, entry: GeminiEntry, key: Key | None) -> None:
        import httpx2
        from google import genai

        self._key = key or Key("none")
        self._shown: Shown[list[dict[str, Any]]] = Shown()
        self._http = httpx2.AsyncClient(limits=httpx2.Limits(max_connections=None))
        self._client = genai.Client(
            vertexai=False,
            api_key=self._key.reveal(),
            http_options={"base_url": entry.base_url, "httpx_async_client": self._http},
        )

    def body(self, entry: GeminiEntry, request: Request) -> dict[str, Any]:
        """The arguments of generate_content."""
        decoding, frames = entry.decoding, entry.frames
        shown = self._shown.get(request.clip, frames, lambda: _shown(frames, request))
        system, parts = _parts(request, shown)
        thinking = decoding.model_dump(
            include={"thinking_budget", "thinking_level"}, exclude_none=True
        )
        config = {
            "system_instruction": system or None,
            "max_output_tokens": decoding.max_new_tokens,
            "temperature": decoding.temperature,
            "top_p": decoding.top_p,
            "seed": decoding.seed,
            "thinking_config": thinking or None,
            "media_resolution": f"MEDIA_RESOLUTION_{frames.media_resolution.upper()}",
            "service_tier": entry.service_tier,
            **_format(request.candidates),
        }
        return {
            "model": entry.model,
            "contents": [{"role": "user", "parts": parts}],
            "config": {key: value for key, value in config.items() if value is not None},
        }

    def most_tokens(self, entry: GeminiEntry, request: Request) -> int:
        """A bound of the tokens of a request: a token is a byte at least."""
        frames, shown = entry.frames, len(request.clip.frames)
        if shown and frames.fps is not None:
            shown = math.ceil(request.clip.duration * frames.fps) + 1
        return api.bytes_of_texts(request) + shown * TOKENS[frames.media_resolution]

    async def count(self, entry: GeminiEntry, body: Any) -> int | None:
        """By the provider, which counts without the system text: that goes first here."""
        system = body["config"].get("system_instruction")
        texts = [{"role": "user", "parts": [{"text": system}]}] if system else []
        http = {"timeout": round(1000 * entry.timeout)}
        try:
            found = await self._client.aio.models.count_tokens(
                model=entry.model,
                contents=[*texts, *body["contents"]],
                config={"http_options": http},
            )
        except Exception:  # an estimate is no reason to stop; what is wrong shows when it is asked
            return None
        return whole(found.total_tokens) or None

    async def send(self, entry: GeminiEntry, body: Any) -> Reply:
        """One attempt at an answer."""

        async def fetch() -> Response:
            options = {"timeout": round(1000 * entry.timeout), "extra_body": entry.extra or None}
            config = {"http_options": options, "should_return_http_response": True}
            generate = self._client.aio.models.generate_content
            raw = await generate(**body | {"config": body["config"] | config})
            found = raw.sdk_http_response
            return Response(200, found.body, found.headers)

        return await api.attempt(fetch, read, entry.timeout, self._key)

    async def start_batch(self, entry: GeminiEntry, ours: str, bodies: Mapping[str, Any]) -> str:
        """Requests in line, in a batch whose display name is ``ours``."""
        requests = [
            {
                "contents": body["contents"],
                "config": {k: v for k, v in body["config"].items() if k != "service_tier"},
                "metadata": {"key": custom},
            }
            for custom, body in bodies.items()
        ]

        async def start() -> str:
            create = self._client.aio.batches.create
            source = {"inlined_requests": requests}
            batch = await create(model=entry.model, src=source, config={"display_name": ours})
            return str(batch.name)

        return await api.call(start, entry.timeout, self._key)

    async def find_batch(self, entry: GeminiEntry, ours: str, since: float) -> str | None:
        """By its display name."""

        async def find() -> str | None:
            async for batch in await self._client.aio.batches.list(config={"page_size": 100}):
                if batch.display_name == ours:
                    return str(batch.name)
            return None

        return await api.call(find, entry.timeout, self._key)

    async def batch_results(
        self, entry: GeminiEntry, theirs: str
    ) -> dict[str, Reply | Exception] | None:
        """From the responses in line."""

        async def fetch() -> Any:
            return await self._client.aio.batches.get(name=theirs)

        batch = await api.call(fetch, entry.timeout, self._key)
        state = str(getattr(batch.state, "value", batch.state)).removeprefix("JOB_STATE_")
        if state == "FAILED":
            raise Stop(f"batch {theirs} failed: {shortened(str(batch.error))}")
        if state not in ("SUCCEEDED", "PARTIALLY_SUCCEEDED", "EXPIRED", "CANCELLED"):
            return None
        results = (batch.dest.inlined_responses if batch.dest else None) or []
        return {str(mapping(each.metadata).get("key")): _of_batch(each) for each in results}

    async def close(self) -> None:
        """Close connections."""
        await self._client.aio.aclose()
        await self._http.aclose()


def _of_batch(result: Any) -> Reply | Exception:
    if result.response is None:
        code = whole(getattr(result.error, "code", None))
        text = json.dumps({"error": {"message": str(getattr(result.error, "message", ""))}})
        return read(Response(_STATUS.get(code, code if code >= 400 else 500), text, {}))
    body = result.response.model_dump_json(by_alias=True, exclude_none=True)
    return api.understood(Response(200, body, {}), read)


def _parts(request: Request, shown: list[dict[str, Any]]) -> tuple[str, list[dict[str, Any]]]:
    """The system text, and the parts of the user's message: the clip first, the question last."""
    system, parts = [], []
    for message in request.messages:
        for part in message["content"]:
            if message["role"] == "system":
                system.append(part["text"])
            elif part["type"] == "video":
                parts += shown
            else:
                parts.append({"text": part["text"]})
    return "\n\n".join(system), parts


def _shown(frames: GeminiFrames, request: Request) -> list[dict[str, Any]]:
    if frames.shown_as == "video":
        data = {"mime_type": "video/mp4", "data": video(request.clip, frames.max_side)}
        return [{"inline_data": data, "video_metadata": {"fps": frames.fps}}]
    images = jpegs(request.clip.frames, frames.max_side, frames.jpeg_quality)
    return [{"inline_data": {"mime_type": "image/jpeg", "data": image}} for image in images]


def _format(choices: Mapping[str, str]) -> dict[str, Any]:
    if not choices:
        return {}
    return {
        "response_mime_type": "application/json",
        "response_json_schema": api_entry.schema(choices.values()),
    }


def read(response: Response) -> Reply | Exception:
    """What a response comes to: docs/api-models.md has the table."""
    return _answer(response) if response.status == 200 else _refused(response)


def _refused(response: Response) -> Reply | Exception:
    body = response.json
    error = mapping((first(body) or mapping(body)).get("error"))
    reason = str(error.get("message") or response.text)
    if response.status == 400 and "token count" in reason and "exceeds" in reason:
        final = shortened(f"400: {reason}")
        return Reply("error", error=final, request_id=response.request_id)
    return api.failure(response, reason, _retry_delay(error))


def _retry_delay(error: Mapping[str, Any]) -> float | None:
    """Seconds that the details of an error ask to wait: ``{"retryDelay": "3.5s"}``."""
    details = error.get("details")
    for detail in details if isinstance(details, list) else []:
        found = re.fullmatch(r"(\d+(?:\.\d+)?)s", str(mapping(detail).get("retryDelay")))
        if found:
            return float(found[1])
    return None


def _answer(response: Response) -> Reply:
    body = response.json
    blocked = word(mapping(body.get("promptFeedback")).get("blockReason"))
    candidate = first(body.get("candidates"))
    why = str(candidate.get("finishReason"))
    text = _text(candidate)
    finish = "stop" if text else "empty"
    if why == "MAX_TOKENS":
        finish = "length"
    if blocked or why in _BLOCKED:
        finish = "blocked"
    return Reply(
        finish,
        text,
        error=(blocked or why) if finish == "blocked" else None,
        usage=_usage(mapping(body.get("usageMetadata"))),
        tier=_tier(mapping(body.get("usageMetadata"))),
        served_model=word(body.get("modelVersion")),
        request_id=word(body.get("responseId")) or response.request_id,
    )


def _text(candidate: Mapping[str, Any]) -> str:
    """The parts of an answer that are no thoughts."""
    parts = mapping(candidate.get("content")).get("parts")
    texts = [
        mapping(part).get("text")
        for part in (parts if isinstance(parts, list) else [])
        if not mapping(part).get("thought")
    ]
    return "".join(text for text in texts if isinstance(text, str)).strip()


def _usage(usage: Mapping[str, Any]) -> Usage:
    reasoning = whole(usage.get("thoughtsTokenCount"))
    return Usage(
        prompt=whole(usage.get("promptTokenCount")),
        cached=whole(usage.get("cachedContentTokenCount")),
        reasoning=reasoning,
        output=whole(usage.get("candidatesTokenCount")) + reasoning,
    )


def _tier(usage: Mapping[str, Any]) -> str | None:
    named = word(usage.get("serviceTier"))
    return named.lower() if named else None


KIND = ModelKind(
    summary="Google's Gemini models, by google-genai; they also take a clip as a video",
    entry=GeminiEntry,
    pose=api_entry.pose,
    identity=api_entry.identity,
    connect=Gemini,
    without_video=True,
    generates=True,
)
