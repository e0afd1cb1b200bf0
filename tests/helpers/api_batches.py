"""Loopback batch servers of the providers' protocols."""

import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from helpers.api_protocols import Protocol
from helpers.api_server import Call, Response

CREATED = "2026-11-27T08:00:00Z"


@dataclass
class BatchServer:
    """A server's batches; hand `behave` to `helpers.api_server.serve`.

    ``answer`` says what becomes of a request, given as a `Call` with its body.
    """

    name: str
    protocol: Protocol
    answer: Callable[[Call], Response]
    on_create: Callable[[], None] = lambda: None
    """Called when a batch is there, before the client knows."""
    on_results: Callable[[], None] = lambda: None
    """Called when results are asked for, before they are sent."""
    ready: bool = True
    batches: dict[str, Any] = field(default_factory=dict)
    """Requests by the batch's id: (id of the request, body)."""
    names: dict[str, str] = field(default_factory=dict)
    """Our ids, by the batch's id."""
    files: dict[str, list[Any]] = field(default_factory=dict)
    direct: list[Call] = field(default_factory=list)
    """Requests that came outside a batch."""
    lost: set[str] = field(default_factory=set)
    """Requests without a result."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def asked(self) -> list[Any]:
        """All requests of all batches, in order."""
        return [body for batch in self.batches.values() for _, body in batch]

    def behave(self, call: Call) -> Response:
        """Answer as the provider would."""
        with self._lock:
            return getattr(self, f"_{self.name}")(call)

    def _add(self, requests: list[tuple[str, Any]], ours: str = "") -> str:
        theirs = f"batch-{len(self.batches)}"
        self.batches[theirs] = requests
        self.names[theirs] = ours
        self.on_create()
        return theirs

    def _results(self, theirs: str) -> list[tuple[str, Response]]:
        self.on_results()
        found = []
        for custom, body in reversed(self.batches[theirs]):  # in no order
            if custom not in self.lost:
                call = Call(0, "POST", "", {}, body, 0.0)
                found.append((custom, self.answer(call)))
        return found

    # OpenAI

    def _openai(self, call: Call) -> Response:
        path = call.path.partition("?")[0]
        if path == "/files" and call.method == "POST":
            lines = re.findall(rb'^\{"custom_id.*$', call.body, re.MULTILINE)
            name = f"file-{len(self.files)}"
            self.files[name] = [json.loads(line) for line in lines]
            return Response(body={"id": name, "object": "file"})
        if path == "/batches" and call.method == "POST":
            assert call.body["endpoint"] == "/v1/chat/completions"
            lines = self.files[call.body["input_file_id"]]
            assert {line["url"] for line in lines} == {"/v1/chat/completions"}
            requests = [(line["custom_id"], line["body"]) for line in lines]
            return Response(body=self._job(self._add(requests, call.body["metadata"]["zerosign"])))
        if path == "/batches":
            jobs = [self._job(theirs) for theirs in reversed(self.batches)]
            return Response(body={"object": "list", "data": jobs, "has_more": False})
        if found := re.fullmatch(r"/batches/(.+)", path):
            return Response(body=self._job(found[1]))
        if found := re.fullmatch(r"/files/(.+)-(ok|bad)/content", path):
            lines = [self._line(*each) for each in self._results(found[1])]
            part = [line for line in lines if (line["error"] is None) == (found[2] == "ok")]
            return Response(body="".join(json.dumps(line) + "\n" for line in part).encode())
        self.direct.append(call)
        return self.answer(call)

    def _job(self, theirs: str) -> dict[str, Any]:
        return {
            "id": theirs,
            "object": "batch",
            "endpoint": "/v1/chat/completions",
            "completion_window": "24h",
            "created_at": 1,
            "input_file_id": "x",
            "status": "completed" if self.ready else "in_progress",
            "output_file_id": f"{theirs}-ok" if self.ready else None,
            "error_file_id": f"{theirs}-bad" if self.ready else None,
            "metadata": {"zerosign": self.names[theirs]},
        }

    def _line(self, custom: str, response: Response) -> dict[str, Any]:
        answered = {"status_code": response.status, "request_id": "req-1", "body": response.body}
        lost = response.status >= 500
        error = {"code": "batch_expired", "message": "not in time"} if lost else None
        return {"custom_id": custom, "response": None if lost else answered, "error": error}

    # Gemini

    def _gemini(self, call: Call) -> Response:
        path = call.path.partition("?")[0]
        if path.endswith(":batchGenerateContent"):
            batch = call.body["batch"]
            requests = batch["inputConfig"]["requests"]["requests"]
            pairs = [(each["metadata"]["key"], each["request"]) for each in requests]
            return Response(body=self._operation(self._add(pairs, batch["displayName"])))
        if path.endswith("/batches") and call.method == "GET":
            jobs = [self._operation(theirs) for theirs in reversed(self.batches)]
            return Response(body={"operations": jobs})
        if found := re.search(r"/batches/(.+)$", path):
            operation = self._operation(found[1])
            if self.ready:
                lines = [self._inline(*each) for each in self._results(found[1])]
                operation["metadata"]["output"] = {"inlinedResponses": {"inlinedResponses": lines}}
            return Response(body=operation)
        self.direct.append(call)
        return self.answer(call)

    def _operation(self, theirs: str) -> dict[str, Any]:
        state = "BATCH_STATE_SUCCEEDED" if self.ready else "BATCH_STATE_RUNNING"
        facts = {"displayName": self.names[theirs], "state": state, "createTime": CREATED}
        return {"name": f"batches/{theirs}", "metadata": facts}

    def _inline(self, custom: str, response: Response) -> dict[str, Any]:
        key = {"metadata": {"key": custom}}
        if response.status == 200:
            return {"response": response.body} | key
        code = {400: 3, 503: 14}[response.status]
        message = response.body["error"]["message"]
        return {"error": {"code": code, "message": message}} | key

    # Anthropic

    def _anthropic(self, call: Call) -> Response:
        path = call.path.partition("?")[0]
        if path == "/v1/messages/batches" and call.method == "POST":
            pairs = [(each["custom_id"], each["params"]) for each in call.body["requests"]]
            return Response(body=self._message_batch(self._add(pairs)))
        if path == "/v1/messages/batches":
            jobs = [self._message_batch(theirs) for theirs in reversed(self.batches)]
            return Response(body={"data": jobs, "has_more": False})
        if found := re.fullmatch(r"/v1/messages/batches/(.+)/results", path):
            lines = [self._result(*each) for each in self._results(found[1])]
            body = "".join(json.dumps(line) + "\n" for line in lines).encode()
            return Response(body=body, headers={"Content-Type": "application/x-jsonl"})
        if found := re.fullmatch(r"/v1/messages/batches/(.+)", path):
            return Response(body=self._message_batch(found[1]))
        self.direct.append(call)
        return self.answer(call)

    def _message_batch(self, theirs: str) -> dict[str, Any]:
        return {
            "id": theirs,
            "type": "message_batch",
            "processing_status": "ended" if self.ready else "in_progress",
            "created_at": "2036-01-01T00:00:00Z",
            "expires_at": "2036-01-02T00:00:00Z",
            "results_url": f"/v1/messages/batches/{theirs}/results" if self.ready else None,
            "request_counts": dict.fromkeys(
                ("processing", "succeeded", "errored", "canceled", "expired"), 0
            ),
        }

    def _result(self, custom: str, response: Response) -> dict[str, Any]:
        if response.status == 200:
            return {
                "custom_id": custom,
                "result": {"type": "succeeded", "message": response.body},
            }
        kind = {400: "invalid_request_error", 503: "api_error"}[response.status]
        message = response.body["error"]["message"]
        error = {"type": "error", "error": {"type": kind, "message": message}}
        return {"custom_id": custom, "result": {"type": "errored", "error": error}}
