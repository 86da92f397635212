"""A raw socket on the loop, with or without TLS: bytes are handed on in the very callback that read them, and
``write`` has given them to the kernel when it returns, unless the socket pushes back.
"""

import asyncio
import socket
import ssl
from typing import cast

from actors.runtime.tls import TlsPipe

__all__ = ["Stream"]

#: How long a closing stream may take to hand its last bytes to a peer that does not read.
_LINGER_S = 2.0
_LIVENESS = (("TCP_KEEPIDLE", 5), ("TCP_KEEPINTVL", 2), ("TCP_KEEPCNT", 3), ("TCP_USER_TIMEOUT", 10_000))


class Stream(asyncio.Protocol):
    """Base of every link. A subclass gets ``made`` when there is a socket, ``opened`` when bytes may flow,
    ``received`` any number of times, and ``closed`` once if it got ``made``.

    ``closed`` comes from the loop, never from within a call into the stream.
    """

    def __init__(self, tls: TlsPipe | None) -> None:
        self._tls = tls
        self._transport: asyncio.Transport | None = None
        self._linger: asyncio.TimerHandle | None = None
        self._closing = False
        self._stopped_reading = False
        self.paused = False
        self.is_open = False
        self.closed_by_us = False
        self.reason = ""

    # -- what a subclass overrides

    def made(self) -> None: ...

    def opened(self) -> None: ...

    def received(self, data: bytes) -> None: ...

    def resumed(self) -> None: ...

    def closed(self, reason: str) -> None: ...

    # -- what its owner calls

    def write(self, data: bytes) -> None:
        """Give bytes to the socket; what it does not take waits, and ``paused`` is set. Ignored when not open."""
        transport = self._transport
        if transport is None or not self.is_open:
            return
        if self._tls is not None:
            data = self._tls.encrypt(data)
        transport.write(data)

    def read(self, on: bool) -> None:
        """Stop reading from the socket, or go on."""
        transport = self._transport
        if transport is None or self._closing or on is not self._stopped_reading:
            return
        self._stopped_reading = not on
        if on:
            transport.resume_reading()
        else:
            transport.pause_reading()

    def waiting_bytes(self) -> int:
        """Bytes that the kernel has not taken yet."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def close(self, reason: str) -> None:
        """Close after what was written is on its way."""
        transport = self._transport
        if self._closing or transport is None:
            return
        self.closed_by_us = True
        if self._tls is not None and self._tls.established:
            transport.write(self._tls.close_notify())
        self._end(reason)
        transport.close()
        if transport.get_write_buffer_size():
            self._linger = asyncio.get_running_loop().call_later(_LINGER_S, transport.abort)

    def abort(self, reason: str) -> None:
        """Close at once and forget what was not sent."""
        if self._closing or self._transport is None:
            return
        self.closed_by_us = True
        self._end(reason)
        self._transport.abort()

    def _end(self, reason: str) -> None:
        self._closing = True
        self.is_open = False
        self.reason = reason

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        # High water 0 makes the loop's transport try the kernel within write() and tell us of the first byte left.
        self._transport.set_write_buffer_limits(high=0)
        connection = self._transport.get_extra_info("socket")
        if connection is not None and connection.family in (socket.AF_INET, socket.AF_INET6):
            _tune(connection)
        self.made()
        if self._closing:
            return
        if self._tls is None:
            self._open()
        else:
            self._decrypt(self._tls, b"")

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return
        if self._tls is None:
            self.received(data)
        else:
            self._decrypt(self._tls, data)

    def _open(self) -> None:
        self.is_open = True
        self.opened()

    def _decrypt(self, tls: TlsPipe, data: bytes) -> None:
        assert self._transport is not None
        try:
            plain = tls.receive(data)
        except ssl.SSLError as error:
            self._transport.write(tls.outgoing())  # the alert that tells the peer why
            self._end(f"TLS: {_tls_reason(error)}")
            self._transport.close()
            return
        answer = tls.outgoing()
        if answer:
            self._transport.write(answer)
        if tls.established and not self.is_open:
            self._open()
        if plain and not self._closing:
            self.received(plain)
        if tls.ended and not self._closing:
            self._end("closed by the peer")
            self._transport.close()

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False
        if self.is_open:
            self.resumed()

    def connection_lost(self, error: Exception | None) -> None:
        if self._linger is not None:
            self._linger.cancel()
        if not self._closing:
            self._end(f"connection lost: {error}" if error else "closed by the peer")
        self.closed(self.reason)


def _tune(connection: socket.socket) -> None:
    """Send at once, and find out within seconds that the other host is gone. Not every system has every option."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _LIVENESS:
        if hasattr(socket, option):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


def _tls_reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate not accepted: {error.verify_message}"
    return error.reason or str(error)
