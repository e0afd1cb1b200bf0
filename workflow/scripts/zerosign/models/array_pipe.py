"""Messages with arrays between two processes that share no packages but numpy.

A message is one JSON object and any number of arrays: the length of the JSON text as eight bytes
(little-endian), the text, which also says each array's type and shape, and the arrays' bytes.
"""

import json
import math
from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np

_LENGTH = 8  # bytes
_ARRAYS = "arrays"  # the key of what is said of the arrays


def send(stream: BinaryIO, message: dict[str, Any], arrays: Sequence[np.ndarray] = ()) -> None:
    """Write a message and its arrays, and flush. Raises `OSError` if the other end is gone."""
    described = [[array.dtype.str, array.shape] for array in arrays]
    text = json.dumps({**message, _ARRAYS: described}).encode()
    stream.write(len(text).to_bytes(_LENGTH, "little") + text)
    for array in arrays:
        stream.write(np.ascontiguousarray(array).data.cast("B"))
    stream.flush()


def receive(stream: BinaryIO) -> tuple[dict[str, Any], list[np.ndarray]]:
    """The next message and its arrays. Raises `EOFError` at the end, also within a message."""
    length = int.from_bytes(_exactly(stream, _LENGTH), "little")
    message = json.loads(_exactly(stream, length))
    arrays = []
    for kind, shape in message.pop(_ARRAYS):
        dtype = np.dtype(kind)
        data = _exactly(stream, dtype.itemsize * math.prod(shape))
        arrays.append(np.frombuffer(data, dtype).reshape(shape))
    return message, arrays


def _exactly(stream: BinaryIO, count: int) -> bytearray:
    data = bytearray(count)
    left = memoryview(data)
    while left:
        done = stream.readinto(left)  # type: ignore[attr-defined]
        if not done:
            raise EOFError
        left = left[done:]
    return data
