"""The venue's process: ``python -m bench.rig.venue_process``, commanded over stdin, answering on stdout.

A round's ticks leave at planned times. Shortly before one is due the loop is polled without sleeping, so that orders
are still taken and stamped; the last stretch is spun.
"""

import asyncio
import os
import random
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np
import uvloop
from numpy.typing import NDArray

from actors.runtime.local import LocalRuntime
from actors.runtime.spec import ActorSpec, HostSettings, HostSpec, Resources
from adapters.simulator.binance import SimAccount
from bench.rig.orders import Books, Flood, Probe, Round, Shown, Taken, VenueFailed, VenueReady, VenueSpec
from bench.rig.venue import TickVenue
from cli.venue_keys import VenueKeys
from engine.actor import Endpoint
from engine.frame import FrameDecoder, encode_frame
from risk.latch import LatchPage
from risk.latency import LatencyPage
from risk.scope import TradingNames
from store.segment import MemoryJournal

__all__ = ["Pacer", "main"]

#: The loop's timers count whole milliseconds.
_SLEEP_UNTIL_NS = 2_000_000
_SPIN_NS = 60_000
#: How long a flood may stand still.
_GRACE_NS = 20_000_000_000
_QUIET_S = 0.002
#: Orders are held until all of a tick are there, but no longer than this after the last one: some may never come.
_HELD_NS = 300_000_000
_RICH = "1000000000"

_Command = Probe | Round | Flood | Books


class _Expected:
    """The ticks of a round and the orders that have come for them."""

    def __init__(self, ticks: int, orders: int) -> None:
        self.orders = orders
        self.arrived: NDArray[np.int64] = np.zeros(ticks * orders, dtype=np.int64)
        self.missing = ticks * orders
        self.strays = 0
        self._tick_of: dict[tuple[str, int], int] = {}
        self._counts = [0] * ticks

    def is_complete(self) -> bool:
        return not self.missing

    def expect(self, symbol: str, bid_ticks: int, tick: int) -> None:
        self._tick_of[symbol, bid_ticks] = tick

    def take(self, symbol: str, price_ticks: int, arrived_ns: int) -> None:
        tick = self._tick_of.get((symbol, price_ticks))
        if tick is None or self._counts[tick] == self.orders:
            self.strays += 1
            return
        self.arrived[tick * self.orders + self._counts[tick]] = arrived_ns
        self._counts[tick] += 1
        self.missing -= 1


class Pacer:
    """Runs one command after the other on a venue."""

    def __init__(self) -> None:
        self.venue: TickVenue
        self._expected: _Expected | None = None

    def on_order(self, symbol: str, price_ticks: int, arrived_ns: int) -> None:
        if self._expected is not None:
            self._expected.take(symbol, price_ticks, arrived_ns)

    async def carry_out(self, command: _Command) -> Taken | Shown:
        self.venue.swift = isinstance(command, Flood) or (isinstance(command, Round) and command.swift)
        self.venue.hold(command.orders if isinstance(command, Round) and command.hold else 0)
        self.venue.fill_every = command.fill_every if isinstance(command, Round | Flood) else 0
        try:
            if isinstance(command, Probe):
                return await self._probe(command)
            if isinstance(command, Flood):
                return await self._flood(command)
            if isinstance(command, Books):
                return await self._books(command)
            return await self._round(command)
        finally:
            self.venue.hold(0)
            self.venue.swift = False
            self._expected = None

    async def _probe(self, probe: Probe) -> Taken:
        deadline_ns = time.monotonic_ns() + probe.timeout_ns
        while time.monotonic_ns() < deadline_ns:
            expected = self._expected = _Expected(1, 1)
            written = self._write(probe.symbol, 0)
            await self._until(expected.is_complete, probe.every_ns)
            if expected.is_complete():
                return _taken([written], [written], expected)
        raise TimeoutError(f"{probe.symbol}: no order has answered a tick in {probe.timeout_ns / 1e9:.0f} s")

    async def _round(self, plan: Round) -> Taken:
        expected = self._expected = _Expected(plan.ticks, plan.orders)
        source = random.Random(plan.seed)
        planned, written = [], []
        due_ns = time.monotonic_ns()
        for number in range(plan.ticks):
            due_ns += source.randint(plan.gap_ns, plan.gap_most_ns) if plan.gap_most_ns else plan.gap_ns
            symbol = plan.symbols[number % len(plan.symbols)]
            bid_ticks, write = self.venue.prepare(symbol, plan.orders)
            expected.expect(symbol, bid_ticks, number)
            await _wait_until(due_ns)
            planned.append(due_ns)
            written.append(time.monotonic_ns())
            write()
        await self._until(expected.is_complete, plan.grace_ns)
        return _taken(planned, written, expected)

    async def _flood(self, flood: Flood) -> Taken:
        expected = self._expected = _Expected(flood.ticks, flood.orders)
        written: list[int] = []
        deadline_ns = time.monotonic_ns() + _GRACE_NS
        asked = 0
        while len(written) < flood.ticks and time.monotonic_ns() < deadline_ns:
            came = flood.ticks * flood.orders - expected.missing
            if asked - came + flood.orders <= flood.window:
                written.append(self._write(flood.symbol, len(written), flood.orders))
                asked += flood.orders
                deadline_ns = time.monotonic_ns() + _GRACE_NS
            else:
                await asyncio.sleep(0)
        await self._until(expected.is_complete, _GRACE_NS)
        written += [0] * (flood.ticks - len(written))
        return _taken(written, written, expected)

    async def _books(self, books: Books) -> Shown:
        planned, bids = [], []
        due_ns = time.monotonic_ns()
        for _ in range(books.ticks):
            due_ns += books.gap_ns
            bid_ticks, write = self.venue.prepare_book(books.symbol)
            await _wait_until(due_ns)
            write()
            planned.append(due_ns)
            bids.append(bid_ticks)
        return Shown(_bytes(planned), _bytes(bids))

    def _write(self, symbol: str, number: int, orders: int = 1) -> int:
        assert self._expected is not None
        bid_ticks, write = self.venue.prepare(symbol, orders)
        self._expected.expect(symbol, bid_ticks, number)
        written_ns = time.monotonic_ns()
        write()
        return written_ns

    async def _until(self, done: Callable[[], bool], within_ns: int) -> None:
        deadline_ns = time.monotonic_ns() + within_ns
        while not done() and time.monotonic_ns() < deadline_ns:
            self.venue.give_up_holding(time.monotonic_ns() - _HELD_NS)
            await asyncio.sleep(_QUIET_S)


def _taken(planned: Sequence[int], written: Sequence[int], expected: _Expected) -> Taken:
    return Taken(_bytes(planned), _bytes(written), expected.arrived.tobytes(), expected.strays)


def _bytes(values: Sequence[int]) -> bytes:
    return np.array(values, dtype=np.int64).tobytes()


async def _wait_until(due_ns: int) -> None:
    rest_ns = due_ns - time.monotonic_ns()
    if rest_ns > _SLEEP_UNTIL_NS:
        await asyncio.sleep((rest_ns - _SLEEP_UNTIL_NS) / 1e9)
    while due_ns - time.monotonic_ns() > _SPIN_NS:
        await asyncio.sleep(0)
    while time.monotonic_ns() < due_ns:
        pass


# -- the process -----------------------------------------------------------------------------------------------


async def _serve(commands: asyncio.Queue[bytes | None]) -> None:
    first = await commands.get()
    if first is None:
        return
    spec = msgspec.msgpack.decode(first, type=VenueSpec)
    directory = Path(spec.directory)
    keys = {account: VenueKeys(directory / account) for account in spec.accounts}
    balances = {"USDT": _RICH, **{symbol.removesuffix("USDT"): _RICH for symbol in spec.symbols}}
    accounts = tuple(SimAccount(name, each.keys(), tuple(balances.items())) for name, each in keys.items())
    pacer = Pacer()
    endpoints = (Endpoint("localhost", 0, False), Endpoint("localhost", 0, True))
    venue = pacer.venue = TickVenue(spec.symbols, accounts, endpoints, pacer.on_order)
    tls = next(iter(keys.values()))
    settings = HostSettings(
        str(directory / "run"),
        "",
        0,
        tune_gc=True,
        certificate_file=str(tls.certificate_file),
        key_file=str(tls.key_file),
    )
    host = HostSpec("venue", (ActorSpec("venue", lambda _: venue),), _resources, settings)
    async with LocalRuntime([host]) as runtime:
        ports = [runtime.actor("venue").listening_port(f"venue{number}") for number in (0, 1)]
        _say(VenueReady(ports[0], ports[1], str(tls.ca_file.resolve()), _files(keys, "ed25519"), _files(keys, "hmac")))
        while (command := await commands.get()) is not None:
            try:
                _say(await pacer.carry_out(msgspec.msgpack.decode(command, type=_Command)))
            except TimeoutError as error:
                _say(VenueFailed(str(error)))


def _files(keys: dict[str, VenueKeys], key_type: str) -> dict[str, tuple[str, str]]:
    return {
        account: (str(each.api_key_file(key_type).resolve()), str(each.secret_file(key_type).resolve()))
        for account, each in keys.items()
    }


def _resources(actor: str, arguments: bytes) -> Resources:
    return Resources(MemoryJournal(), LatchPage.memory(TradingNames()).view(), LatencyPage.memory(("loop_lag",)))


def _say(message: VenueReady | Taken | Shown | VenueFailed) -> None:
    rest = memoryview(encode_frame(msgspec.msgpack.encode(message)))
    while rest:
        rest = rest[os.write(1, rest) :]


class _Stdin(asyncio.Protocol):
    """Commands, and None when whoever commands has gone."""

    def __init__(self, commands: asyncio.Queue[bytes | None]) -> None:
        self._commands = commands
        self._decoder = FrameDecoder()

    def data_received(self, data: bytes) -> None:
        for payload in self._decoder.feed(data):
            self._commands.put_nowait(bytes(payload))

    def connection_lost(self, error: Exception | None) -> None:
        self._commands.put_nowait(None)


async def _main() -> None:
    commands: asyncio.Queue[bytes | None] = asyncio.Queue()
    await asyncio.get_running_loop().connect_read_pipe(lambda: _Stdin(commands), sys.stdin)
    await _serve(commands)


def main() -> None:
    uvloop.run(_main())


if __name__ == "__main__":
    main()
