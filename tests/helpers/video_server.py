"""A local web server that behaves, or misbehaves, as told."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from zerosign.http import Limits

Answer = Callable[[BaseHTTPRequestHandler, int], None]
QUICK = Limits(
    interval=0.0, connect=10, read=10, deadline=60, attempts=3, backoff=0.01, private_hosts=True
)
"""For a server on this machine."""


@dataclass
class Site:
    """``routes``: path to an answer, called with the handler and how often it was asked before."""

    url: str = ""
    routes: dict[str, Answer] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str], float]] = field(default_factory=list)

    def asked(self, path: str) -> list[dict[str, str]]:
        """Headers of the GET requests for a path, in order."""
        return [headers for asked, headers, _ in self.requests if asked == path]


@contextlib.contextmanager
def serve() -> Iterator[Site]:
    """Run a site on a free port until the block ends."""
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            earlier = len(site.asked(self.path))
            headers = {name.lower(): value for name, value in self.headers.items()}
            site.requests.append((self.path, headers, time.monotonic()))
            answer = site.routes.get(self.path.split("?")[0], status(404))
            with contextlib.suppress(ConnectionError):
                answer(self, earlier)

        do_HEAD = do_GET

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    site.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def send(
    handler: BaseHTTPRequestHandler, code: int, body: bytes = b"", **headers: str | None
) -> None:
    """Send a whole response; header names with "_" for "-", None to leave one out."""
    handler.send_response(code)
    for name, value in ({"Content_Length": str(len(body))} | headers).items():
        if value is not None:
            handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    if handler.command == "GET":
        handler.wfile.write(body)


def file(body: bytes, kind: str = "video/mp4", tag: str = '"1"', **headers: str) -> Answer:
    """A file, with Range and If-Range as they should be."""

    def answer(handler: BaseHTTPRequestHandler, _: int) -> None:
        span, match = handler.headers.get("Range"), handler.headers.get("If-Range")
        common = {"Content_Type": kind, "ETag": tag} | headers
        if span and match in (None, tag):
            start = int(span.removeprefix("bytes=").removesuffix("-"))
            place = f"bytes {start}-{len(body) - 1}/{len(body)}"
            send(handler, 206, body[start:], Content_Range=place, **common)
        else:
            send(handler, 200, body, **common)

    return answer


def status(code: int, **headers: str) -> Answer:
    return lambda handler, _: send(handler, code, **headers)


def in_turn(*answers: Answer) -> Answer:
    """One answer a request; the last one stays."""
    return lambda handler, earlier: answers[min(earlier, len(answers) - 1)](handler, earlier)


def cut_short(body: bytes, sent: int, tag: str = '"1"') -> Answer:
    """Promises the whole body, sends a part of it and hangs up."""

    def answer(handler: BaseHTTPRequestHandler, _: int) -> None:
        send(handler, 200, body[:sent], Content_Length=str(len(body)), ETag=tag)
        handler.close_connection = True

    return answer


def hang(seconds: float, first: bytes = b"") -> Answer:
    """Says nothing, or a first piece and then nothing."""

    def answer(handler: BaseHTTPRequestHandler, _: int) -> None:
        if first:
            send(handler, 200, first, Content_Length=str(10 * len(first)))
            handler.wfile.flush()
        time.sleep(seconds)

    return answer


def redirect(location: str) -> Answer:
    return status(302, Location=location)
