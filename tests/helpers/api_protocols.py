"""What servers of the providers' protocols send: answers, refusals, errors."""

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import av
import numpy as np
from PIL import Image

from helpers.api_server import Call, Response, chat, error

VARIABLE = "ZEROSIGN_TEST_KEY"
ASKED = {"key_env": VARIABLE, "concurrency": 16, "timeout": 5, "tries": 3}

OPENAI: dict[str, Any] = {
    "adapter": "openai",
    "model": "gpt-test-2026-01-01",
    "frames": {"as": "images", "detail": "low"},
    "decoding": {"max_new_tokens": 64},
    **ASKED,
}
GEMINI: dict[str, Any] = {
    "adapter": "gemini",
    "model": "gemini-test",
    "frames": {"as": "images", "media_resolution": "low"},
    "decoding": {"max_new_tokens": 64},
    **ASKED,
}
ANTHROPIC: dict[str, Any] = {
    "adapter": "anthropic",
    "model": "claude-test",
    "frames": {"as": "images"},
    "decoding": {"max_new_tokens": 64},
    **ASKED,
}


@dataclass(frozen=True)
class Protocol:
    """One provider's way to say things."""

    model: dict[str, Any]
    answer: Callable[..., Response]
    """(text) to an answer."""
    image: Callable[[Call], bytes]
    """The first image or the video of a request."""
    question: Callable[[Call], str]
    final: dict[str, tuple[Response, str]]
    """What no other try repairs, and how it finishes."""
    stops: dict[str, Response]
    """What ends the job."""
    waits: Callable[[float], Response]
    """A 429 that asks to wait for so many seconds."""
    key: Callable[[Call], str]
    served: str
    id: str
    tier: str | None
    counts: int | None = None
    """Tokens that its counting endpoint says."""
    repaired: dict[str, Response] = field(default_factory=dict)
    """What another try repairs, next to what all have in common."""

    def number_of(self, call: Call) -> int:
        """Which of `helpers.api_study.make_clips` a request shows."""
        data = self.image(call)
        if data[4:8] == b"ftyp":
            with av.open(io.BytesIO(data)) as video:
                pixels = next(video.decode(video=0)).to_ndarray(format="rgb24")
        else:
            pixels = np.asarray(Image.open(io.BytesIO(data)))
        return round(float(pixels.mean()) / 4)


def gemini(text: str | None = "hello", why: str = "STOP", **more: Any) -> Response:
    """A reply of Gemini's protocol, with a thought before it."""
    parts = [{"text": "Let me think.", "thought": True}]
    parts += [{"text": text}] if text is not None else []
    body = {
        "candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": why}],
        "usageMetadata": {
            "promptTokenCount": 100,
            "cachedContentTokenCount": 40,
            "candidatesTokenCount": 4,
            "thoughtsTokenCount": 6,
            "serviceTier": "STANDARD",
        },
        "modelVersion": "gemini-test-001",
        "responseId": "req-1",
    }
    return Response(body=body | more)


def gemini_error(status: int, message: str = "no", **error: Any) -> Response:
    """An error of Gemini's protocol."""
    return Response(status, {"error": {"code": status, "message": message, **error}})


def claude(text: str | None = "hello", why: str = "end_turn", **more: Any) -> Response:
    """A message of Anthropic's protocol, with a thought before it."""
    content = [{"type": "thinking", "thinking": "Let me think.", "signature": "x"}]
    content += [{"type": "text", "text": text}] if text is not None else []
    body = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-test-20260101",
        "content": content,
        "stop_reason": why,
        "usage": {
            "input_tokens": 60,
            "cache_read_input_tokens": 40,
            "cache_creation_input_tokens": 0,
            "output_tokens": 10,
            "output_tokens_details": {"thinking_tokens": 6},
            "service_tier": "standard",
        },
    }
    return Response(body=body | more, headers={"request-id": "req-1"})


def claude_error(status: int, kind: str = "", message: str = "no", **headers: str) -> Response:
    """An error of Anthropic's protocol."""
    body = {"type": "error", "error": {"type": kind, "message": message}}
    return Response(status, body, {key.replace("_", "-"): v for key, v in headers.items()})


def _of_openai(call: Call) -> bytes:
    url = call.body["messages"][-1]["content"][0]["image_url"]["url"]
    return base64.b64decode(url.partition(",")[2])


def _of_gemini(call: Call) -> bytes:
    return base64.urlsafe_b64decode(call.body["contents"][-1]["parts"][0]["inlineData"]["data"])


def _of_claude(call: Call) -> bytes:
    return base64.b64decode(call.body["messages"][-1]["content"][0]["source"]["data"])


PROTOCOLS = {
    "openai": Protocol(
        model=OPENAI,
        answer=chat,
        image=_of_openai,
        question=lambda call: call.body["messages"][-1]["content"][-1]["text"],
        final={
            "policy": (error(400, "content_policy_violation"), "blocked"),
            "filter of the prompt": (error(400, "content_filter"), "blocked"),
            "filter of the answer": (chat("", "content_filter"), "blocked"),
            "refusal": (chat(None, refusal="I cannot help with that."), "refused"),
            "too long": (error(400, "context_length_exceeded"), "error"),
            "too long for vLLM": (
                error(400, "BadRequestError", "This model's maximum context length is 4096."),
                "error",
            ),
            "too large": (error(413), "error"),
            "cut off": (chat("BO", "length"), "length"),
            "cut off while reasoning": (chat("", "length"), "length"),
            "cut off, as an error": (
                error(400, "", "max_tokens or model output limit was reached."),
                "length",
            ),
            "no content": (chat(None), "empty"),
            "only blanks": (chat("  \n"), "empty"),
            "no choices": (Response(body={"choices": []}), "empty"),
            "choices null": (Response(body={"choices": None}), "empty"),
        },
        stops={
            "no money": error(429, "insufficient_quota", "You exceeded your quota"),
            "wrong key": error(401, "invalid_api_key"),
            "forbidden": error(403),
            "no such model": error(404, "model_not_found"),
            "parameter": error(400, "unsupported_parameter"),
        },
        waits=lambda seconds: error(429, "rate_limit_exceeded", retry_after=str(seconds)),
        key=lambda call: call.headers["authorization"].removeprefix("Bearer "),
        served="gpt-test-2026-01-01",
        id="req-1",
        tier="default",
    ),
    "gemini": Protocol(
        model=GEMINI,
        answer=gemini,
        image=_of_gemini,
        question=lambda call: call.body["contents"][-1]["parts"][-1]["text"],
        final={
            "prompt blocked": (
                gemini(candidates=None, promptFeedback={"blockReason": "PROHIBITED_CONTENT"}),
                "blocked",
            ),
            "safety": (gemini(None, "SAFETY"), "blocked"),
            "recitation": (gemini(None, "RECITATION"), "blocked"),
            "too long": (
                gemini_error(400, "The input token count (9) exceeds the maximum number (8)."),
                "error",
            ),
            "too large": (gemini_error(413), "error"),
            "cut off": (gemini("BO", "MAX_TOKENS"), "length"),
            "cut off while reasoning": (gemini(None, "MAX_TOKENS"), "length"),
            "no content": (gemini(None), "empty"),
            "other": (gemini(None, "OTHER"), "empty"),
            "no candidates": (gemini(candidates=[]), "empty"),
            "candidates null": (gemini(candidates=None), "empty"),
        },
        stops={
            "wrong key": gemini_error(400, "API key not valid."),
            "forbidden": gemini_error(403),
            "no such model": gemini_error(404),
            "parameter": gemini_error(400, "thinking_budget is out of range"),
        },
        waits=lambda seconds: gemini_error(
            429, details=[{"@type": "x/RetryInfo", "retryDelay": f"{seconds}s"}]
        ),
        key=lambda call: call.headers["x-goog-api-key"],
        served="gemini-test-001",
        id="req-1",
        tier="standard",
        counts=1234,
    ),
    "anthropic": Protocol(
        model=ANTHROPIC,
        answer=claude,
        image=_of_claude,
        question=lambda call: call.body["messages"][-1]["content"][-1]["text"],
        final={
            "refusal": (claude("I", "refusal", stop_details={"explanation": "no"}), "refused"),
            "filter": (
                claude_error(400, "x", "Output blocked by content filtering policy"),
                "blocked",
            ),
            "too long": (
                claude_error(400, "x", "prompt is too long: 9 tokens > 8 maximum"),
                "error",
            ),
            "too large": (claude_error(413, "request_too_large"), "error"),
            "cut off": (claude("BO", "max_tokens"), "length"),
            "cut off while reasoning": (claude(None, "max_tokens"), "length"),
            "context is full": (claude("BO", "model_context_window_exceeded"), "length"),
            "no content": (claude(None), "empty"),
            "content empty": (claude(content=[]), "empty"),
            "content null": (claude(content=None), "empty"),
        },
        stops={
            "no money": claude_error(400, "x", "Your credit balance is too low"),
            "wrong key": claude_error(401, "authentication_error"),
            "forbidden": claude_error(403),
            "no such model": claude_error(404),
            "parameter": claude_error(400, "x", "temperature: out of range"),
        },
        waits=lambda seconds: claude_error(429, "rate_limit_error", retry_after=str(seconds)),
        key=lambda call: call.headers["authorization"].removeprefix("Bearer "),
        served="claude-test-20260101",
        id="req-1",
        tier="standard",
        counts=1234,
    ),
}
REPAIRED = {
    "408": Response(408, {}),
    "409": Response(409, {}),
    "500": Response(500, {}),
    "503": Response(503, b"Service Unavailable"),
    "529": Response(529, {"error": {"message": "overloaded"}}),
    "HTML": Response(body=b"<html><body>Bad gateway</body></html>"),
    "an error with 200": Response(body={"error": {"message": "overloaded"}}),
    "broken JSON": Response(body=b'{"choices": [{"mess'),
    "nothing": Response(body=b""),
    "a list": Response(body=[1]),
    "reset": Response(body={}, cut=0),
    "cut": Response(body={"choices": [], "candidates": [], "content": []}, cut=10),
    "hang": Response(body={}, wait=30),
}
"""What another try repairs, whatever the protocol."""
