"""The one way to open a video file: untrusted files may open nothing but themselves.

FFmpeg is told which containers it may read. Playlists (hls, concat, dash) are not among them: they
make FFmpeg open what they name.
"""

import contextlib
import os
import stat
from collections.abc import Iterator
from typing import Any

import av
import av.error
from av.stream import Disposition

from zerosign.videos.timeline import Undecodable

FORMATS = (
    "mov,matroska,avi,mpegts,mpeg,flv,swf,asf,ogg,mpegvideo,h264,hevc,gif,m4v,rm,nut,dv,mxf,ivf,obu"
)
"""Containers that hold video, by FFmpeg's names."""

_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": FORMATS}


def open_container(path: str) -> Any:
    """A file's container. `Undecodable`, without the path in its message, where it is no video.

    Status: "missing" (no such file, not readable); "not_a_video" (empty, a web page, a playlist, no
    known container, not even a file); "undecodable" (a video container that cannot be opened).
    """
    size_of_file(path)
    try:
        with open(path, "rb") as file:
            head = file.read(512)
    except OSError as error:
        raise Undecodable("missing", f"cannot be read: {error.strerror}") from None
    if kind := not_video(head):
        raise Undecodable("not_a_video", kind)
    try:
        return av.open(path, metadata_errors="ignore", options=dict(_OPTIONS))
    except (av.error.FFmpegError, OSError, ValueError) as error:
        if looks_like_video(head):
            reason = f"cannot be opened, truncated? ({sentence(error)})"
            raise Undecodable("undecodable", reason) from None
        raise Undecodable("not_a_video", f"no known container ({sentence(error)})") from None


def size_of_file(path: str | os.PathLike[str]) -> int:
    """Bytes of a file. `Undecodable` where reading it may never end: a pipe, a socket, a device."""
    try:
        found = os.stat(path)
    except (OSError, ValueError) as error:
        raise Undecodable("missing", f"cannot be read: {sentence(error)}") from None
    if not stat.S_ISREG(found.st_mode):
        is_folder = stat.S_ISDIR(found.st_mode)
        kind = "a folder" if is_folder else "a pipe, a socket or a device, not a file"
        raise Undecodable("missing" if is_folder else "not_a_video", kind)
    return found.st_size


def video_stream(container: Any) -> Any:
    """The first stream of moving pictures, decoded by one thread.

    `Undecodable`: "no_video_stream" (sound, perhaps with a cover picture); "undecodable" (a codec
    that this FFmpeg does not know).
    """
    streams = [stream for stream in container.streams.video if not _is_cover(stream)]
    if not streams:
        covers = " but a cover picture" if container.streams.video else ""
        raise Undecodable("no_video_stream", f"no video stream{covers}")
    stream = streams[0]
    if stream.codec_context is None:
        raise Undecodable("undecodable", "its codec is unknown to FFmpeg")
    stream.thread_type = "NONE"  # processes over files use the cores better than threads
    stream.codec_context.thread_count = 1
    return stream


def _is_cover(stream: Any) -> bool:
    return bool(stream.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails))


@contextlib.contextmanager
def open_video(path: str) -> Iterator[tuple[Any, Any]]:
    """Container and video stream of a file, one thread; `Undecodable` with the reason."""
    with contextlib.ExitStack() as stack:
        try:
            container = stack.enter_context(open_container(path))
            stream = video_stream(container)
        except Undecodable as error:
            raise Undecodable(error.status, f"{path}: {error}") from None
        yield container, stream


def is_encrypted(packet: Any) -> bool:
    """Whether a packet's data is encrypted (ISO 23001-7; ContentEncryption of Matroska)."""
    if "enc_key_id" in packet.stream.metadata:
        return True
    return any(data.data_type == "encryption_info" for data in packet.iter_sidedata())


def nominal_step(stream: Any) -> float:
    """Seconds per frame by the stream's stated rate; WLASL's 25 where it states none."""
    return float(1 / (stream.average_rate or stream.guessed_rate or 25))


def sentence(error: BaseException) -> str:
    """An error's own words on one line, without the path."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(text.split())


def not_video(head: bytes) -> str | None:
    """What a file's first bytes say it is, if that is surely no video: else None."""
    if not head:
        return "empty file"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html", b"<head", b"<body", b"<script")):
        return "a web page (HTML)"
    if text.startswith((b"<?xml", b"<svg", b"<error")):
        return "an XML document"
    if text.startswith((b"{", b"[")):
        return "a JSON document"
    if text.startswith((b"#extm3u", b"ffconcat")):
        return "a playlist"
    if text.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer: run `git lfs pull`"
    if head.startswith((b"\xff\xd8\xff", b"\x89PNG", b"%PDF", b"PK\x03\x04", b"\x1f\x8b")):
        return "an image, a document or an archive"
    return None


def looks_like_video(head: bytes) -> bool:
    """True if a file begins like a video container that people really have."""
    return (
        head[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip")
        or head.startswith((b"\x1a\x45\xdf\xa3", b"FLV", b"FWS", b"CWS", b"ZWS", b"OggS"))
        or (head.startswith(b"RIFF") and head[8:12] == b"AVI ")
        or head.startswith((b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3", b"\x30\x26\xb2\x75"))
        or (head[:1] == b"\x47" and head[188:189] == b"\x47")
    )
