"""What does one message of a recorded market stream cost: decoded, in ticks and lots, and in the book?

    message  bytes ──envelope, fields──▶ Quote | Trade | DepthDiff ──▶ OrderBook      ≤ 3 µs per message, one core
    script   bytes ──json.loads──▶ floats ──▶ two dicts, unsorted, without a best       what one writes first

    *_mean   the same, each sample the mean of one block: what a core has to spend per message

No socket: the bytes are at hand, so there is no planned send time. The two take turns in blocks of messages; the first
block of each is warm-up. Every message is timed on its own, with some 50 ns of clock in it. The recording is
``--recording FILE``; without one a seeded stream is made up.
Checked: both books end with the same levels, and no update is missing.
"""

import gzip
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from adapters.binance import levels as binance_levels
from adapters.binance.messages import BookTickerEnvelope, DepthEnvelope, TradeEnvelope
from adapters.binance.parse import depth_diff, public_trade, quote
from adapters.grid import InstrumentGrid
from adapters.simulator.recording import instrument_of, scan
from bench.market_stream import synthetic_stream
from bench.pace import quiet_gc
from bench.row import Row, Sample, Target, make_rows
from engine.book import OrderBook
from engine.codes import Side
from engine.errors import InvariantError, UsageError
from engine.instrument import Instrument

__all__ = ["FULL", "TINY", "Size", "run"]

_MS_NS = 1_000_000


class Size(msgspec.Struct, frozen=True):
    """``recording`` is a path, empty for a stream of ``synthetic_diffs``; ``symbol`` empty for its busiest."""

    block: int
    synthetic_diffs: int
    recording: str = ""
    symbol: str = ""


FULL = Size(block=1_000, synthetic_diffs=10_000)
TINY = Size(block=40, synthetic_diffs=40)


class _Engine:
    """The adapter's decoding and the engine's book, in one call a message."""

    def __init__(self, instrument: Instrument) -> None:
        self.book, self.gaps = OrderBook(), 0
        self._grid = InstrumentGrid(instrument)
        self._depth = msgspec.json.Decoder(DepthEnvelope).decode
        self._trade = msgspec.json.Decoder(TradeEnvelope).decode
        self._ticker = msgspec.json.Decoder(BookTickerEnvelope).decode

    def take(self, message: bytes) -> None:
        kind = message[message.index(b"@") + 1]
        if kind == 98:  # b: bookTicker
            quote(self._ticker(message).data, self._grid, 0)
        elif kind == 116:  # t: trade
            public_trade(self._trade(message).data, self._grid, _MS_NS, 0)
        else:
            self._take_depth(message)

    def _take_depth(self, message: bytes) -> None:
        diff = depth_diff(self._depth(message).data, self._grid, _MS_NS)
        book = self.book
        self.gaps += book.update_id not in (0, diff.first_update_id - 1)
        book.apply(Side.BUY, *diff.bids, len(diff.bids.price_ticks))
        book.apply(Side.SELL, *diff.asks, len(diff.asks.price_ticks))
        book.update_id = diff.last_update_id


class _Script:
    """The first thing that one writes."""

    def __init__(self) -> None:
        self.bids: dict[float, float] = {}
        self.asks: dict[float, float] = {}

    def take(self, message: bytes) -> None:
        data = json.loads(message)["data"]
        if data.get("e") == "depthUpdate":
            for levels, changes in ((self.bids, data["b"]), (self.asks, data["a"])):
                for price, quantity in changes:
                    if float(quantity) == 0:
                        levels.pop(float(price), None)
                    else:
                        levels[float(price)] = float(quantity)
        elif "p" in data:
            float(data["p"]), float(data["q"])
        else:
            float(data["b"]), float(data["B"]), float(data["a"]), float(data["A"])


def run(size: Size) -> list[Row]:
    """One row per case. Raises UsageError for a recording that cannot be used, InvariantError for a wrong book."""
    instrument, messages = _load(size)
    OrderBook.warm_up()
    binance_levels.warm_up()
    engine, script = _Engine(instrument), _Script()
    took: dict[str, list[int]] = {"message": [], "script": []}
    with quiet_gc():
        for start in range(0, len(messages), size.block):
            block = messages[start : start + size.block]
            spent = {"message": _timed(engine.take, block), "script": _timed(script.take, block)}
            if start:
                for case, latencies_ns in spent.items():
                    took[case] += latencies_ns
    _check(engine, script, instrument)
    message, plain = np.array(took["message"]), np.array(took["script"])
    return make_rows(
        "market_data",
        "us",
        [
            Sample("message", message, "script"),
            Sample("script", plain),
            Sample("message_mean", _means(message, size.block), "script_mean", (Target("p50", 3),)),
            Sample("script_mean", _means(plain, size.block)),
        ],
    )


def _timed(take: Callable[[bytes], None], messages: list[bytes]) -> list[int]:
    spent, clock = [], time.perf_counter_ns
    for message in messages:
        start = clock()
        take(message)
        spent.append(clock() - start)
    return spent


def _means(latencies_ns: NDArray[Any], block: int) -> NDArray[Any]:
    """Means of whole blocks; of everything when there is no whole one."""
    if len(latencies_ns) < block:
        return np.array([latencies_ns.mean()])
    whole = len(latencies_ns) // block * block
    return np.asarray(latencies_ns[:whole].reshape(-1, block).mean(axis=1))


def _check(engine: _Engine, script: _Script, instrument: Instrument) -> None:
    for side, levels in ((Side.BUY, script.bids), (Side.SELL, script.asks)):
        ticks, lots = engine.book.levels(side)
        text = instrument.price_text
        found = {float(text(at)): lot for at, lot in zip(ticks.tolist(), lots.tolist(), strict=True)}
        expected = {price: instrument.quantity_lots(f"{quantity:.8f}") for price, quantity in levels.items()}
        if found != expected or not found:
            raise InvariantError(f"bench market_data: the {side.name} side is not the recording's")
    if engine.gaps:
        raise InvariantError(f"bench market_data: {engine.gaps} gaps between depth updates")


def _load(size: Size) -> tuple[Instrument, list[bytes]]:
    lines = _read(size.recording) if size.recording else list(synthetic_stream(size.synthetic_diffs))
    symbols = scan(lines, size.recording or "synthetic stream").symbols
    symbol = size.symbol or max(symbols, key=lambda name: symbols[name].lines, default="")
    if symbol not in symbols:
        raise UsageError(f"{size.recording} has no symbol {symbol!r}; it has {', '.join(symbols) or 'none'}")
    wanted = b'{"stream":"%b@' % symbol.lower().encode()
    messages = [line.split(b" ", 1)[1].rstrip() for line in lines]
    return instrument_of(symbols[symbol], 1), [message for message in messages if message.startswith(wanted)]


def _read(recording: str) -> list[bytes]:
    path = Path(recording)
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            return list(file)
    except (OSError, EOFError) as error:
        raise UsageError(f"recording {recording} cannot be read: {error}") from error
