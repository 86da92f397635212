"""The two ends of ``bench/hop.py``: what echoes, and what pings and measures. Knows nothing of Ray."""

import asyncio
import os
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple, cast

import uvloop

from bench.pace import quiet_gc, wait_until
from engine.codes import OrderType, Side, TimeInForce
from engine.errors import InvariantError
from engine.frame import FrameDecoder, encode_frame
from engine.messages import Message, NewOrder, decode_message, encode_message

__all__ = ["EchoFrames", "Plan", "Ways", "ping", "serve_frames"]

#: (rounds, warm-up rounds before them, messages per round and case, ns between planned send times)
Plan = tuple[int, int, int, int]


class Ways(NamedTuple):
    """Where to ping: the floor's socket, the frame socket, and the Ray call when there is one."""

    floor_path: str
    frame_path: str
    ray_call: Callable[[NewOrder], Awaitable[NewOrder]] | None


# -- what echoes -----------------------------------------------------------------------------------------------


class EchoFrames(asyncio.Protocol):
    """Decodes every message and sends it back, as an actor that answers would."""

    def __init__(self) -> None:
        self._decoder = FrameDecoder()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        for payload in self._decoder.feed(data):
            self._transport.write(encode_frame(encode_message(decode_message(payload))))


async def serve_frames(path: str) -> asyncio.AbstractServer:
    """Listen for pingers; the socket's file appears only when it can be connected to."""
    server = await asyncio.get_running_loop().create_unix_server(EchoFrames, path + ".new")
    os.rename(path + ".new", path)
    return server


async def _serve_frames_for_ever(path: str) -> None:
    server = await serve_frames(path)
    await server.serve_forever()


def _serve_floor(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path + ".new")
        listener.listen()
        os.rename(path + ".new", path)
        connection, _ = listener.accept()
        with connection:
            while data := connection.recv(65_536):
                connection.sendall(data)


# -- what pings and measures -----------------------------------------------------------------------------------


class _PingFrames(asyncio.Protocol):
    def __init__(self) -> None:
        self._decoder = FrameDecoder()
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[tuple[Message, int]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        for payload in self._decoder.feed(data):
            message = decode_message(payload)
            if self._answer is not None and not self._answer.done():
                self._answer.set_result((message, time.monotonic_ns()))

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(InvariantError(f"bench hop: the frame link was lost: {error}"))

    async def send(self, order: NewOrder) -> tuple[Message, int]:
        """The echo, and when it was in the hands of its receiver."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(encode_frame(encode_message(order)))
        return await self._answer

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


_Way = Callable[[NewOrder], Awaitable[tuple[Message, int]]]


async def ping(plan: Plan, ways: Ways) -> dict[str, list[int]]:
    """Latencies in ns by case, each from its planned send time; the warm-up is left out.

    Raises InvariantError when an echo is not the order that was sent, or the link is lost.
    """
    _, link = await asyncio.get_running_loop().create_unix_connection(_PingFrames, ways.frame_path)
    try:
        with socket.socket(socket.AF_UNIX) as floor, quiet_gc():
            floor.connect(ways.floor_path)
            cases: dict[str, _Way] = {"frame": link.send, "floor": lambda order: _floor(floor, order)}
            if (ray_call := ways.ray_call) is not None:
                cases["ray_call"] = lambda order: _stamped(ray_call, order)
            return await _take_turns(plan, cases)
    finally:
        link.close()


async def _take_turns(plan: Plan, cases: dict[str, _Way]) -> dict[str, list[int]]:
    rounds, warm_up_rounds, per_round, interval_ns = plan
    took: dict[str, list[int]] = {case: [] for case in cases}
    for turn in range(warm_up_rounds + rounds):
        for case, way in cases.items():
            latencies_ns = await _round(case, way, per_round, interval_ns)
            if turn >= warm_up_rounds:
                took[case] += latencies_ns
    return took


async def _round(case: str, way: _Way, count: int, interval_ns: int) -> list[int]:
    latencies_ns = []
    start_ns = time.monotonic_ns() + interval_ns
    for number in range(count):
        order = _order(number)
        planned_ns = start_ns + number * interval_ns
        wait_until(planned_ns)
        echo, received_ns = await way(order)
        latencies_ns.append(received_ns - planned_ns)
        if echo != order:
            raise InvariantError(f"bench hop: {case} echoed {echo}, sent {order}")
    return latencies_ns


def _order(number: int) -> NewOrder:
    return NewOrder(
        client_order_id=f"hop-{number}",
        account_id="bench",
        strategy_id="hop",
        instrument_id=1,
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        quantity_lots=100 + number,
        price_ticks=6_168_599,
    )


async def _floor(floor: socket.socket, order: NewOrder) -> tuple[Message, int]:
    frame = encode_frame(encode_message(order))
    floor.sendall(frame)
    echo = b""
    while len(echo) < len(frame):
        echo += floor.recv(65_536)
    received_ns = time.monotonic_ns()
    return decode_message(echo[4:]), received_ns


async def _stamped(call: Callable[[NewOrder], Awaitable[NewOrder]], order: NewOrder) -> tuple[Message, int]:
    return await call(order), time.monotonic_ns()


if __name__ == "__main__":
    if sys.argv[1] == "floor":
        _serve_floor(sys.argv[2])
    else:
        uvloop.run(_serve_frames_for_ever(sys.argv[2]))
