"""A loopback server of providers' protocols that behaves, or misbehaves, as told."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Call:
    """A request that reached the server."""

    number: int
    """How many came before it."""
    method: str
    path: str
    headers: dict[str, str]
    body: Any
    at: float
    """time.monotonic() of its arrival."""


@dataclass(frozen=True)
class Response:
    """What the server does."""

    status: int = 200
    body: Any = None
    """JSON, or bytes as they are."""
    headers: dict[str, str] = field(default_factory=dict)
    wait: float = 0.0
    """Seconds before it answers."""
    cut: int | None = None
    """Hang up after so many bytes of the body; 0 before any."""


Behaviour = Callable[[Call], Response]


@dataclass
class ApiServer:
    """``behave`` decides on every POST; ``calls`` remembers all."""

    behave: Behaviour
    url: str = ""
    calls: list[Call] = field(default_factory=list)
    counted: list[str] = field(default_factory=list)
    """Paths of requests to count tokens: there are 1,234, whatever was sent."""
    remembers: bool = True
    at_once: int = 0
    most_at_once: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def taken(self, handler: BaseHTTPRequestHandler, body: bytes) -> Call:
        with self._lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            call = Call(
                number=len(self.calls),
                method=handler.command,
                path=handler.path,
                headers={name.lower(): value for name, value in handler.headers.items()},
                body=_json(body) if self.remembers else None,
                at=time.monotonic(),
            )
            if self.remembers:
                self.calls.append(call)
        return call

    def done(self) -> None:
        with self._lock:
            self.at_once -= 1


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body


@contextlib.contextmanager
def serve(behave: Behaviour, remembers: bool = True) -> Iterator[ApiServer]:
    """Run a server on a free port until the block ends; unless it ``remembers``, without calls."""
    site = ApiServer(behave, remembers=remembers)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.path.partition("?")[0].endswith((":countTokens", "/count_tokens")):
                site.counted.append(self.path)
                return _send(self, Response(body={"totalTokens": 1234, "input_tokens": 1234}))
            call = site.taken(self, body)
            try:
                response = site.behave(call)
                time.sleep(response.wait)
            finally:
                site.done()
            with contextlib.suppress(ConnectionError):
                _send(self, response)

        do_GET = do_POST

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False
        request_queue_size = 128

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    site.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _send(handler: BaseHTTPRequestHandler, response: Response) -> None:
    body = response.body if isinstance(response.body, bytes) else json.dumps(response.body).encode()
    if response.cut == 0:
        handler.close_connection = True
        handler.connection.close()
        return
    handler.send_response(response.status)
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    for name, value in (headers | response.headers).items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body[: response.cut])
    if response.cut is not None:
        handler.wfile.flush()
        handler.close_connection = True
        handler.connection.close()


def chat(text: str | None = "hello", why: str = "stop", **message: Any) -> Response:
    """A chat completion of OpenAI's protocol."""
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-test-2026-01-01",
        "service_tier": "default",
        "choices": [
            {
                "index": 0,
                "finish_reason": why,
                "message": {"role": "assistant", "content": text, **message},
            }
        ],
        "usage": {
            "prompt_tokens": 100,
            "completion_tokens": 10,
            "total_tokens": 110,
            "prompt_tokens_details": {"cached_tokens": 40},
            "completion_tokens_details": {"reasoning_tokens": 6},
        },
    }
    return Response(body=body, headers={"x-request-id": "req-1"})


def error(status: int, code: str = "", message: str = "no", **headers: str) -> Response:
    """An error of OpenAI's protocol."""
    body = {"error": {"message": message, "type": code, "code": code, "param": None}}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, body, named)
