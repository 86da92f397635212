"""Frames between actors: a little-endian u32 length, then that many bytes of one msgpack message.

Sans-I/O: a link feeds what its socket gave it, in whatever pieces, and gets whole payloads back. An empty frame and
one over the bound are malformed: both sides hold to the same rule, so a frame that we could encode is never one that
a peer must refuse.
"""

from struct import Struct
from typing import Final

from engine.errors import FrameError

__all__ = ["FRAME_HEADER_BYTES", "MAX_PAYLOAD_BYTES", "FrameDecoder", "encode_frame"]

#: The largest message is a snapshot of some ten thousand open orders at about 150 bytes each.
MAX_PAYLOAD_BYTES: Final = 4 * 1024 * 1024

_LENGTH: Final = Struct("<I")
FRAME_HEADER_BYTES: Final = _LENGTH.size


def encode_frame(payload: bytes, max_bytes: int = MAX_PAYLOAD_BYTES) -> bytes:
    """The payload with its length before it. Raises FrameError for an empty or oversized payload."""
    length = len(payload)
    if not 0 < length <= max_bytes:
        raise FrameError(_bad_length(length, max_bytes))
    return _LENGTH.pack(length) + payload


class FrameDecoder:
    """Cuts one link's byte stream into payloads.

    ``max_bytes`` bounds a payload, and with it what a peer can make us hold: at most one unfinished frame.
    """

    __slots__ = ("_error", "_max_bytes", "_pending")

    def __init__(self, max_bytes: int = MAX_PAYLOAD_BYTES) -> None:
        self._max_bytes = max_bytes
        self._pending = bytearray()
        self._error = ""

    @property
    def pending_bytes(self) -> int:
        """Bytes of an unfinished frame. Not 0 when the link ends: the peer's last frame was truncated."""
        return len(self._pending)

    def feed(self, data: bytes | bytearray | memoryview) -> list[bytes]:
        """The payloads that ``data`` completes, in order; an empty list when there is none yet.

        Raises FrameError for a malformed length, and from then on always: a stream that lost its frame borders
        cannot find them again, so the link must be dropped. Whole frames of the same piece before the malformed one
        go down with the link.
        """
        if self._error:
            raise FrameError(self._error)
        if not self._pending:
            payloads, end = self._cut(data)
            if end != len(data):
                self._pending += data[end:]
            return payloads
        self._pending += data
        payloads, end = self._cut(self._pending)
        if end:
            del self._pending[:end]
        return payloads

    def _cut(self, data: bytes | bytearray | memoryview) -> tuple[list[bytes], int]:
        payloads: list[bytes] = []
        start, size = 0, len(data)
        while size - start >= FRAME_HEADER_BYTES:
            (length,) = _LENGTH.unpack_from(data, start)
            if not 0 < length <= self._max_bytes:
                self._pending.clear()
                self._error = _bad_length(length, self._max_bytes)
                raise FrameError(self._error)
            end = start + FRAME_HEADER_BYTES + length
            if end > size:
                break
            payloads.append(bytes(data[start + FRAME_HEADER_BYTES : end]))
            start = end
        return payloads, start


def _bad_length(length: int, max_bytes: int) -> str:
    if length == 0:
        return "empty frame: a frame holds one message"
    return f"frame of {length} bytes is over the bound of {max_bytes}"
