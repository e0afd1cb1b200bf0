"""Requests to an API: zerosign's window next to the authors' loop, on a server of constant latency.

``python benchmarks/api.py [--latency S] [--concurrency N] [--requests N] [--frames N] [--side PX]``

The server, in a process of its own, answers every request after the same time, however many there
are, so that the best rate is concurrency / latency. Each way runs in a process of its own. The loop
is as the paper's authors wrote it: one request at a time, by the same library.
"""

import argparse
import base64
import io
import json
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "workflow" / "scripts"), str(ROOT / "tests")]

PROMPT = {"task": "match", "user": "Is it {gloss}?", "variables": ["gloss"]}


def serve(latency: float, port: Any) -> None:
    """Answer after ``latency`` s, for ever; says its port first."""
    from helpers.api_server import chat

    body = json.dumps(chat("hello").body).encode()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            time.sleep(latency)
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 256

    server = Server(("127.0.0.1", 0), Handler)
    port.put(server.server_port)
    server.serve_forever()


def zerosign(folder: Path, url: str, options: argparse.Namespace) -> int:
    """As the rule ask_api runs it, answers on the disk one by one."""
    from helpers import api_study

    model = api_study.OPENAI | {"concurrency": options.concurrency, "timeout": 600}
    api_study.ask(folder, url, model, prompt=PROMPT)
    return options.requests


def authors_loop(folder: Path, url: str, options: argparse.Namespace) -> int:
    """One request at a time; a tenth of the requests, or it would take all day."""
    import openai

    client = openai.OpenAI(api_key="none", base_url=url)
    frames = np.zeros((options.frames, options.side, options.side, 3), np.uint8)
    frames += np.random.default_rng(0).integers(0, 16, frames.shape, np.uint8)
    count = max(1, options.requests // 10)
    for _ in range(count):
        parts: list[Any] = [{"type": "text", "text": "Is it this?"}]
        for frame in frames:
            buffer = io.BytesIO()
            Image.fromarray(frame).save(buffer, "JPEG", quality=90)
            data = base64.b64encode(buffer.getvalue()).decode()
            url_of = {"url": f"data:image/jpeg;base64,{data}"}
            parts.append({"type": "image_url", "image_url": url_of})
        client.chat.completions.create(model="x", messages=[{"role": "user", "content": parts}])
    return count


def measured(way: Callable[..., int], folder: Path, url: str, options: Any, queue: Any) -> None:
    """Run a way in this process; puts requests, seconds, CPU seconds, MB at the start and peak."""
    import helpers.api_study  # noqa: F401
    import openai  # noqa: F401

    def memory() -> float:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    before, clock, cpu = memory(), time.perf_counter(), time.process_time()
    count = way(folder, url, options)
    took = time.perf_counter() - clock
    queue.put((count, took, time.process_time() - cpu, before, memory()))


def prepare(folder: Path, options: argparse.Namespace) -> None:
    """Clips and questions about them, 20 a clip."""
    import polars as pl
    from helpers import api_study

    clips = min(64, max(1, options.requests // 20))
    api_study.make_clips(folder, clips, frames=options.frames, side=options.side, noise=16)
    pl.DataFrame(
        {
            "video_id": [f"v{n % clips}" for n in range(options.requests)],
            "question": [f"q{n}" for n in range(options.requests)],
            "gloss": [f"sign{n}" for n in range(options.requests)],
        }
    ).write_parquet(folder / "pairs.parquet")


def main() -> None:
    """Print a row for each way as it is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=float, default=1.0, help="seconds per request")
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--side", type=int, default=448, help="pixels")
    options = parser.parse_args()
    os.environ["ZEROSIGN_TEST_KEY"] = "none"
    spawn = multiprocessing.get_context("spawn")
    port: Any = spawn.Queue()
    server = spawn.Process(target=serve, args=(options.latency, port), daemon=True)
    server.start()
    url = f"http://127.0.0.1:{port.get()}"
    print("| way | requests/s | of the best rate | CPU s per 1,000 | MB at start | peak MB |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        prepare(Path(name), options)
        for way in (authors_loop, zerosign):
            queue: Any = spawn.Queue()
            process = spawn.Process(target=measured, args=(way, Path(name), url, options, queue))
            process.start()
            count, seconds, cpu, before, peak = queue.get()
            process.join()
            rate, best = count / seconds, options.concurrency / options.latency
            row = f"{rate:.2f} | {rate / best:.2f} | {1000 * cpu / count:.1f}"
            print(f"| {way.__name__} | {row} | {before:.0f} | {peak:.0f} |", flush=True)
    server.terminate()


if __name__ == "__main__":
    main()
