"""A small client for people and scripts: it connects to one actor's socket as a peer of its own name."""

import asyncio
import itertools
import os
import socket
import time
from collections import deque
from types import TracebackType
from typing import TypeVar

from actors.runtime.directory import unix_path
from actors.runtime.spec import OBSERVER_PREFIX
from engine.errors import FrameError, UsageError
from engine.frame import FrameDecoder, encode_frame
from engine.messages import SCHEMA_VERSION, Hello, Message, decode_message, encode_message

__all__ = ["BlockingObserver", "Observer", "observer_name"]

M = TypeVar("M")

_READ_BYTES = 1 << 16
_numbers = itertools.count(1)


def observer_name() -> str:
    """A peer name that no other observer on this machine has."""
    return f"{OBSERVER_PREFIX}{os.getpid()}-{next(_numbers)}"


class _Inbox:
    """The protocol's half that needs no socket: frames in, messages out, Hello checked."""

    def __init__(self, actor: str) -> None:
        self._actor = actor
        self._frames = FrameDecoder()
        self.greeted = False
        self.messages: deque[Message] = deque()

    def feed(self, data: bytes) -> None:
        for payload in self._frames.feed(data):
            message = decode_message(payload)
            if self.greeted:
                self.messages.append(message)
                continue
            if type(message) is not Hello or message.schema_version != SCHEMA_VERSION:
                raise FrameError(f"{self._actor} did not answer with a Hello of schema version {SCHEMA_VERSION}")
            self.greeted = True


class BlockingObserver:
    """For commands: plain sockets, no event loop. Use as a context manager.

    Every method raises TimeoutError when the actor does not answer in time and ConnectionError when it is gone.
    """

    def __init__(self, run_dir: str, actor: str, timeout_s: float = 5.0, first: Message | None = None) -> None:
        """Connects and shakes hands; ``first`` follows our half at once, for what cannot wait for the actor's.

        Raises UsageError when no such actor runs in ``run_dir``.
        """
        self.name = observer_name()
        self._inbox = _Inbox(actor)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._timeout_s = timeout_s
        try:
            self._socket.settimeout(timeout_s)
            self._socket.connect(str(unix_path(run_dir, actor)))
            hello = encode_frame(encode_message(Hello(self.name, SCHEMA_VERSION, "")))
            self._socket.sendall(hello if first is None else hello + encode_frame(encode_message(first)))
            deadline = time.monotonic() + timeout_s
            while not self._inbox.greeted:
                self._read(deadline)
        except (FileNotFoundError, ConnectionRefusedError) as error:
            self.close()
            raise UsageError(_not_running(run_dir, actor)) from error
        except BaseException:
            self.close()
            raise

    def send(self, message: Message) -> None:
        self._socket.settimeout(self._timeout_s)
        self._socket.sendall(encode_frame(encode_message(message)))

    def receive(self, timeout_s: float) -> Message:
        """The next message from the actor."""
        deadline = time.monotonic() + timeout_s
        while not self._inbox.messages:
            self._read(deadline)
        return self._inbox.messages.popleft()

    def request(self, message: Message, reply_type: type[M], timeout_s: float = 5.0) -> M:
        """Send, and return the first ``reply_type`` that comes; messages of other types are passed over."""
        self.send(message)
        deadline = time.monotonic() + timeout_s
        while True:
            reply = self.receive(deadline - time.monotonic())
            if isinstance(reply, reply_type):
                return reply

    def close(self) -> None:
        self._socket.close()

    def _read(self, deadline: float) -> None:
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("the actor did not answer in time")
        self._socket.settimeout(left_s)
        data = self._socket.recv(_READ_BYTES)
        if not data:
            raise ConnectionResetError("the actor closed the link")
        self._inbox.feed(data)

    def __enter__(self) -> "BlockingObserver":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class Observer:
    """For programs with an event loop. ``async with await Observer.connect(run_dir, actor) as observer``."""

    def __init__(self, name: str, inbox: _Inbox, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.name = name
        self._inbox = inbox
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, run_dir: str, actor: str, timeout_s: float = 5.0) -> "Observer":
        """Raises UsageError when no such actor runs, TimeoutError when it does not answer the handshake."""
        try:
            async with asyncio.timeout(timeout_s):
                reader, writer = await asyncio.open_unix_connection(str(unix_path(run_dir, actor)))
        except (FileNotFoundError, ConnectionRefusedError) as error:
            raise UsageError(_not_running(run_dir, actor)) from error
        observer = cls(observer_name(), _Inbox(actor), reader, writer)
        try:
            async with asyncio.timeout(timeout_s):
                await observer.send(Hello(observer.name, SCHEMA_VERSION, ""))
                while not observer._inbox.greeted:
                    await observer._read()
        except BaseException:
            await observer.close()
            raise
        return observer

    async def send(self, message: Message) -> None:
        self._writer.write(encode_frame(encode_message(message)))
        await self._writer.drain()

    async def receive(self) -> Message:
        """The next message from the actor. Raises ConnectionError when the link is gone."""
        while not self._inbox.messages:
            await self._read()
        return self._inbox.messages.popleft()

    async def request(self, message: Message, reply_type: type[M], timeout_s: float = 5.0) -> M:
        """Send, and return the first ``reply_type`` that comes; messages of other types are passed over."""
        async with asyncio.timeout(timeout_s):
            await self.send(message)
            while True:
                reply = await self.receive()
                if isinstance(reply, reply_type):
                    return reply

    def __aiter__(self) -> "Observer":
        return self

    async def __anext__(self) -> Message:
        try:
            return await self.receive()
        except ConnectionError:
            raise StopAsyncIteration from None

    async def close(self) -> None:
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except ConnectionError:
            return

    async def _read(self) -> None:
        data = await self._reader.read(_READ_BYTES)
        if not data:
            raise ConnectionResetError("the actor closed the link")
        self._inbox.feed(data)

    async def __aenter__(self) -> "Observer":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _not_running(run_dir: str, actor: str) -> str:
    return f"no actor {actor!r} runs in {run_dir!r}: start the engine, or name its run directory"
