"""vLLM in a process and an environment of its own: started, asked by pipes, ended.

Messages are those of `zerosign.models.array_pipe`. The process says its versions, gets the model's
options, and says nothing, or an ``error``, when it is ready. A request has an ``id``, the prompt's
``tokens``, ``sampling``, and the name of the clip that it ``shows``: with it the ``metadata`` and
``processor`` settings of the clip, and its frames unless they are those of the request before. Its
reply has the ``prompt`` as the model read it and the ``answer``, as token ids, or an ``error``.
"""

import contextlib
import functools
import itertools
import os
import re
import subprocess
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from zerosign.errors import UserError
from zerosign.models import array_pipe, vllm_worker
from zerosign.models.base import ClipError

PYTHON = "ZEROSIGN_VLLM_PYTHON"
"""Environment variable: the Python of vLLM's environment."""
_SCRIPTS = Path(__file__).resolve().parents[2]
_LOCK = _SCRIPTS.parents[1] / "requirements-vllm.lock"

Reply = Future[dict[str, Any]]


@functools.cache
def locked_versions() -> Mapping[str, str]:
    """The versions that decide about answers, by the lock: planning needs no vLLM."""
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)$", _LOCK.read_text("utf-8"), re.MULTILINE))
    return {name: pins[name] for name in ("vllm", "transformers")}


class VllmProcess:
    """A process with a model. Requests are taken at any time, and answered in any order."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Start it; ``options`` are those of `vllm.LLM`. Raises `UserError`."""
        self._process = _started()
        self._ids = itertools.count()
        self._sent = ""
        self._waiting: dict[int, Reply] = {}
        self._dead: UserError | None = None
        self._changing = threading.Lock()
        self._reader = threading.Thread(target=self._read, name="vllm", daemon=True)
        try:
            _check_versions(self._receive())
            self._send(dict(options))
            if error := self._receive().get("error"):
                raise UserError(f"vLLM cannot load {options['model']}: {error}")
        except BaseException:
            self.close()
            raise
        self._reader.start()

    def ask(self, request: Mapping[str, Any], frames: np.ndarray | None = None) -> Reply:
        """The reply to come: `ClipError` where vLLM refuses the request.

        One thread at a time may call. Raises `UserError`.
        """
        number, reply = next(self._ids), Reply()
        with self._changing:
            if self._dead:
                raise self._dead
            self._waiting[number] = reply
        new = [frames] if frames is not None and request["shows"] != self._sent else []
        if new:
            self._sent = request["shows"]
        self._send({**request, "id": number}, *new)
        return reply

    def close(self) -> None:
        """End the process and free the devices that it holds."""
        # The process ends itself and its children at the end of its input; it may be gone already.
        with contextlib.suppress(OSError):
            self._input.close()
        self._process.wait()
        if self._reader.is_alive():
            self._reader.join()
        self._output.close()

    @property
    def _input(self) -> BinaryIO:
        assert self._process.stdin
        return self._process.stdin  # type: ignore[return-value]

    @property
    def _output(self) -> BinaryIO:
        assert self._process.stdout
        return self._process.stdout  # type: ignore[return-value]

    def _send(self, message: dict[str, Any], *arrays: np.ndarray) -> None:
        try:
            array_pipe.send(self._input, message, arrays)
        except (OSError, ValueError) as error:
            raise self._ended() from error

    def _receive(self) -> dict[str, Any]:
        try:
            return array_pipe.receive(self._output)[0]
        except EOFError as error:
            raise self._ended() from error

    def _ended(self) -> UserError:
        self._process.wait()
        return UserError(
            "vLLM's process ended; its last lines in this job's log say why, unless it was killed "
            "for memory"
        )

    def _read(self) -> None:
        """Hand each reply to who waits for it."""
        while True:
            try:
                message = self._receive()
            except UserError as error:
                with self._changing:
                    self._dead = error
                for reply in self._waiting.values():
                    reply.set_exception(error)
                return
            reply = self._waiting.pop(message["id"])
            if reason := message.get("error"):
                reply.set_exception(ClipError(f"vLLM refuses it: {reason}"))
            else:
                reply.set_result(message)


def _started() -> subprocess.Popen[bytes]:
    python = os.environ.get(PYTHON)
    if not python:
        raise UserError(
            "engine: vllm needs an environment of its own: run with --sdm conda, or name the "
            "Python of one under the study's key vllm_python (docs/models.md#engines)"
        )
    # Not from the current folder, whose files could have the names of vLLM's modules.
    command = [python, "-P", "-m", vllm_worker.__name__]
    environment = {
        "VLLM_LOGGING_LEVEL": "WARNING",
        "VLLM_NO_USAGE_STATS": "1",
        **os.environ,
        "PYTHONPATH": str(_SCRIPTS),
    }
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
    except OSError as error:
        raise UserError(f"vllm_python: cannot start {python} ({error.strerror})") from error


def _check_versions(found: Mapping[str, str]) -> None:
    """The answers' identity says the lock's versions."""
    for name, version in locked_versions().items():
        if found[name] != version:
            raise UserError(
                f"vllm_python: its {name} is {found[name]}, but {_LOCK.name} says {version}; "
                f"install what {_LOCK.name} says"
            )
