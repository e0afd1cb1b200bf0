"""Signs of damage in a video file, gathered while it is decoded once from end to end.

FFmpeg conceals what is broken: it repeats or smears what it has, and goes on. But it logs errors,
marks packets and frames as corrupt, and a file's header says how much there should be.
"""

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import av
import av.logging

Log = tuple[int, str, str]
"""Level (the smaller the graver), who says it, what."""

DECLARING = ("mov", "matroska", "avi", "flv", "asf", "nut", "swf")
"""Containers whose header says how long they are; elsewhere FFmpeg estimates it from the file."""
MOST_MISSING = 0.03  # of the declared length: headers round, and sound may end after the pictures
STEPS_MISSING = 3.0  # frames, for the same reasons
TS_PACKET = 188  # bytes (ISO 13818-1)
OGG_PAGE = 65307  # bytes at most (RFC 3533)
HEAD = 1 << 16  # bytes, in which an ASF header is looked for
ASF_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")


@contextlib.contextmanager
def listening() -> Iterator[list[Log]]:
    """All that FFmpeg logs in this thread meanwhile, warnings and worse."""
    av.logging.set_level(av.logging.WARNING)
    av.logging.set_skip_repeated(False)
    with av.logging.Capture() as logs:
        yield logs


@dataclass
class Tally:
    """What was read of a file so far."""

    packets: int = 0
    """Of the video stream."""
    corrupt: int = 0
    """Packets and frames that FFmpeg marks as corrupt."""
    reach: float = 0.0
    """Seconds at which the last packet of any stream ends."""

    def add_packet(self, packet: Any, is_video: bool) -> None:
        """Count a packet that was read."""
        if packet.size == 0 and packet.dts is None:
            return  # the demuxer's last, empty one
        self.packets += is_video
        self.corrupt += packet.is_corrupt
        if packet.pts is not None:
            end = float((packet.pts + (packet.duration or 0)) * packet.time_base)
            self.reach = max(self.reach, end)


def signs(
    path: str, container: Any, stream: Any, tally: Tally, step: float, logs: Sequence[Log]
) -> str | None:
    """All signs of damage in a sentence, or None. ``step``: seconds per frame."""
    found = [
        _complaints(logs),
        f"{tally.corrupt} packets or frames marked as corrupt" if tally.corrupt else None,
        _shortfall(container, stream, tally, step),
        _missing_end(path, container),
    ]
    return "; ".join(sign for sign in found if sign) or None


def _complaints(logs: Sequence[Log]) -> str | None:
    errors = [f"{who}: {' '.join(what.split())}" for level, who, what in logs if is_error(level)]
    if not errors:
        return None
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"FFmpeg says {errors[0]}{more}"


def is_error(level: int) -> bool:
    """Whether a log line's level is an error's."""
    return level <= av.logging.ERROR


def _shortfall(container: Any, stream: Any, tally: Tally, step: float) -> str | None:
    """What the header says there should be, where much less is."""
    name = container.format.name.split(",")[0]
    if name not in DECLARING:
        return None
    # Of mp4 it counts frames that an edit list hides, too.
    frames = 0 if name == "mov" else stream.frames
    if tally.packets < frames - max(STEPS_MISSING, MOST_MISSING * frames):
        return f"{tally.packets} of the {frames} frames that the header declares"
    declared = (container.duration or 0) / av.time_base
    if tally.reach < declared - max(STEPS_MISSING * step, MOST_MISSING * declared):
        return f"{tally.reach:.2f} of the {declared:.2f} s that the header declares"
    return None


def _missing_end(path: str, container: Any) -> str | None:
    """Whether a file ends earlier than its first or last bytes say."""
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        head = file.read(HEAD)
        file.seek(max(0, size - OGG_PAGE))
        tail = file.read()
    name = container.format.name
    declared = _declared_bytes(head)
    if declared is not None and size < declared:
        return f"{size} of the {declared} bytes that the header declares"
    plain_ts = head[:1] == head[TS_PACKET : TS_PACKET + 1] == b"\x47"
    if name == "mpegts" and plain_ts and size % TS_PACKET:
        return "ends within a packet"
    if name == "ogg" and not _ends_ogg(tail):
        return "its last page is missing"
    return None


def _declared_bytes(head: bytes) -> int | None:
    """Length of the file that an AVI, a plain Flash or an ASF file declares."""
    if head[:4] == b"RIFF" and head[4:8] != b"\xff\xff\xff\xff":  # that stands for "unknown"
        return int.from_bytes(head[4:8], "little") + 8
    if head[:3] == b"FWS":
        return int.from_bytes(head[4:8], "little")
    place = head.find(ASF_FILE_PROPERTIES)
    if place >= 0:
        is_live = head[place + 88] & 1
        return None if is_live else int.from_bytes(head[place + 40 : place + 48], "little")
    return None


def _ends_ogg(tail: bytes) -> bool:
    """Whether bytes end with an Ogg page that is whole and marked as a stream's last (RFC 3533)."""
    page = tail[max(0, tail.rfind(b"OggS")) :]
    if len(page) < 27 or not page[5] & 4:
        return False
    segments = page[27 : 27 + page[26]]
    return len(page) == 27 + len(segments) + sum(segments)
