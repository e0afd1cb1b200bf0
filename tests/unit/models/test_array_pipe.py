"""Messages with arrays between two processes."""

import io

import numpy as np
import pytest

from zerosign.models import array_pipe


def test_what_is_sent_is_received() -> None:
    stream = io.BytesIO()
    frames = np.arange(2 * 3 * 4 * 3, dtype=np.uint8).reshape(2, 3, 4, 3)
    array_pipe.send(stream, {"id": 1, "text": "Ä\n"}, [frames[:, ::-1], np.float64([[0.1]])])
    array_pipe.send(stream, {"id": 2})
    stream.seek(0)
    message, (first, second) = array_pipe.receive(stream)
    assert message == {"id": 1, "text": "Ä\n"}
    assert (first == frames[:, ::-1]).all() and first.dtype == np.uint8 and first.flags.writeable
    assert second.tolist() == [[0.1]] and second.dtype == np.float64
    assert array_pipe.receive(stream) == ({"id": 2}, [])
    with pytest.raises(EOFError):
        array_pipe.receive(stream)


@pytest.mark.parametrize("size", [3, 8, 20, 60])
def test_an_end_within_a_message(size: int) -> None:
    stream = io.BytesIO()
    array_pipe.send(stream, {"id": 1}, [np.zeros(100, np.uint8)])
    with pytest.raises(EOFError):
        array_pipe.receive(io.BytesIO(stream.getvalue()[:size]))
