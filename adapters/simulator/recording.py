"""Recordings of Binance market streams: one message a line, read as a stream, checked line by line.

A line is ``<receive time in ns> <message>``; the message is what the combined stream endpoint sends,
``{"stream":"btcusdt@trade","data":{…}}``. A message without the wrapper may be a REST depth snapshot,
``{"lastUpdateId":…,"bids":[…],"asks":[…]}``; anything else is garbled. Nothing is guessed and nothing is skipped: the
reader stops at the first bad line with its number.

Nothing here opens a file: the caller passes an iterable of lines, such as an open (gzip) file. A file that breaks off
in the middle is told apart from one that ends.

What an instrument's tick and lot are is not in the recording. ``scan`` infers them as the greatest common divisor of
all prices and of all quantities seen; a short recording can therefore give a tick that is coarser than the venue's.
"""

import zlib
from collections.abc import Iterable, Iterator
from math import gcd
from typing import NamedTuple

import msgspec

from engine.errors import UsageError
from engine.instrument import Instrument

__all__ = [
    "DepthSnapshot",
    "RecordedLine",
    "RecordedSymbol",
    "Recording",
    "instrument_of",
    "read_lines",
    "scan",
    "split_symbol",
    "symbol_messages",
]

#: Prices and quantities are scanned at this many decimals; Binance uses eight.
_SCALE = 12
_TENS: tuple[int, ...] = tuple(10**power for power in range(_SCALE + 1))

#: Quote assets by which a symbol is split, with a sensible least order value. Longest match first.
_QUOTES = {
    "FDUSD": "5",
    "USDT": "5",
    "USDC": "5",
    "TUSD": "5",
    "BUSD": "5",
    "BTC": "0.0001",
    "ETH": "0.001",
    "BNB": "0.01",
    "TRY": "10",
    "BRL": "10",
    "EUR": "5",
    "GBP": "5",
    "USD": "5",
}

_BAND_UP_PPM, _BAND_DOWN_PPM = 5_000_000, 200_000
_OPEN_ORDERS_MAX = 200


class DepthSnapshot(msgspec.Struct, frozen=True):
    """A REST depth snapshot: (price, quantity) texts, best first."""

    last_update_id: int = msgspec.field(name="lastUpdateId")
    bids: tuple[tuple[str, str], ...] = ()
    asks: tuple[tuple[str, str], ...] = ()


class RecordedLine(NamedTuple):
    """One line. ``stream`` is "" for a snapshot, and ``payload`` the message without its wrapper, byte for byte."""

    number: int
    time_ns: int
    stream: str
    payload: bytes

    @property
    def symbol(self) -> str:
        """Upper case; "" for a snapshot or a stream over all symbols."""
        return "" if self.stream.startswith("!") else self.stream.partition("@")[0].upper()


class RecordedSymbol(NamedTuple):
    """What a recording holds of one symbol. A tick is ``tick_units / 10**price_scale``, a lot likewise; 0 units when
    the recording has no price or quantity of it. ``quantity_units_max`` is the largest quantity in units of the lot."""

    symbol: str
    lines: int
    first_update_id: int
    last_update_id: int
    tick_units: int
    price_scale: int
    lot_units: int
    quantity_scale: int
    price_ticks_max: int
    quantity_lots_max: int
    snapshot: DepthSnapshot | None


class Recording(NamedTuple):
    """What a whole recording holds. ``streams`` counts messages by stream name ("" for snapshots)."""

    lines: int
    first_time_ns: int
    last_time_ns: int
    streams: dict[str, int]
    symbols: dict[str, RecordedSymbol]
    #: Lines that belong to no symbol: streams over all symbols, snapshots that fit none.
    unassigned_lines: int


class _Wrapper(msgspec.Struct):
    stream: str
    data: msgspec.Raw


class _AnyMessage(msgspec.Struct):
    """The fields of depthUpdate, bookTicker and trade that hold prices, quantities or update ids."""

    U: int = 0
    u: int = 0
    b: tuple[tuple[str, str], ...] | str = ()
    a: tuple[tuple[str, str], ...] | str = ()
    B: str = "0"
    A: str = "0"
    p: str = "0"
    q: str = "0"


_decode_wrapper = msgspec.json.Decoder(_Wrapper).decode
_decode_any = msgspec.json.Decoder(_AnyMessage).decode
_decode_snapshot = msgspec.json.Decoder(DepthSnapshot).decode

_SCANNED = ("@trade", "@bookTicker", "@depth", "@depth@100ms")


# -- reading ---------------------------------------------------------------------------------------------------


def read_lines(lines: Iterable[bytes], name: str = "recording") -> Iterator[RecordedLine]:
    """Every line of a recording, checked. Raises UsageError naming the line that is garbled, or after which the
    (compressed) file breaks off, or saying that there is none at all."""
    number = 0
    for number, line in enumerate(_unbroken(lines, name), 1):
        yield _parse_line(line, number, name)
    if number == 0:
        raise UsageError(f"{name} has no line: record a market stream into it first")


def symbol_messages(lines: Iterable[RecordedLine], symbol: str) -> Iterator[RecordedLine]:
    """The stream messages of one symbol; snapshots and other symbols are left out."""
    return (line for line in lines if line.stream and line.symbol == symbol)


def _unbroken(lines: Iterable[bytes], name: str) -> Iterator[bytes]:
    source, number = iter(lines), 0
    while True:
        try:
            line = next(source, None)
        except (EOFError, zlib.error) as error:
            raise UsageError(f"{name} breaks off after line {number}: {error}; copy the file again") from error
        except OSError as error:
            raise UsageError(f"{name} cannot be read after line {number}: {error}") from error
        if line is None:
            return
        number += 1
        yield line


def _parse_line(line: bytes, number: int, name: str) -> RecordedLine:
    time_text, _, message = line.rstrip(b"\r\n").partition(b" ")
    if not time_text.isdigit() or len(time_text) > 19 or not message:
        raise UsageError(f"{name} line {number} is not '<time in ns> <message>': {line[:60]!r}")
    try:
        wrapper = _decode_wrapper(message)
    except msgspec.MsgspecError as error:
        return RecordedLine(number, int(time_text), "", _snapshot_bytes(message, number, name, error))
    if not wrapper.stream:
        raise UsageError(f"{name} line {number} has an empty stream name")
    return RecordedLine(number, int(time_text), wrapper.stream, bytes(wrapper.data))


def _snapshot_bytes(message: bytes, number: int, name: str, wrapper_error: msgspec.MsgspecError) -> bytes:
    try:
        _decode_snapshot(message)
    except msgspec.MsgspecError:
        raise UsageError(
            f"{name} line {number} is neither a combined stream message ({wrapper_error}) nor a depth snapshot"
        ) from None
    return message


# -- scanning --------------------------------------------------------------------------------------------------


class _SymbolScan:
    """What is gathered of one symbol while a recording is read."""

    def __init__(self) -> None:
        self.lines = 0
        self.first_update_id = 0
        self.last_update_id = 0
        self.price_gcd = self.quantity_gcd = 0
        self.price_max = self.quantity_max = 0
        self.snapshot: DepthSnapshot | None = None

    def add(self, line: RecordedLine, name: str) -> None:
        self.lines += 1
        if not line.stream.endswith(_SCANNED):
            return
        try:
            self._add_message(_decode_any(line.payload))
        except (msgspec.MsgspecError, UsageError) as error:
            raise UsageError(f"{name} line {line.number} ({line.stream}) is not as Binance sends it: {error}") from None

    def add_levels(self, levels: Iterable[tuple[str, str]]) -> None:
        for price, quantity in levels:
            self._add_price(_scaled(price))
            self._add_quantity(_scaled(quantity))

    def _add_message(self, message: _AnyMessage) -> None:
        if message.U:
            self.first_update_id = self.first_update_id or message.U
            self.last_update_id = message.u
        self._add_price(_scaled(message.p))
        for quantity in (message.q, message.B, message.A):
            self._add_quantity(_scaled(quantity))
        for side in (message.b, message.a):
            if isinstance(side, str):
                self._add_price(_scaled(side))
            else:
                self.add_levels(side)

    def _add_price(self, units: int) -> None:
        self.price_gcd = gcd(self.price_gcd, units)
        self.price_max = max(self.price_max, units)

    def _add_quantity(self, units: int) -> None:
        self.quantity_gcd = gcd(self.quantity_gcd, units)
        self.quantity_max = max(self.quantity_max, units)

    def covers(self, update_id: int) -> bool:
        return bool(self.last_update_id) and self.first_update_id - 1 <= update_id <= self.last_update_id

    def result(self, symbol: str) -> RecordedSymbol:
        tick_units, price_scale = _shortest(self.price_gcd)
        lot_units, quantity_scale = _shortest(self.quantity_gcd)
        return RecordedSymbol(
            symbol,
            self.lines,
            self.first_update_id,
            self.last_update_id,
            tick_units,
            price_scale,
            lot_units,
            quantity_scale,
            self.price_max // self.price_gcd if self.price_gcd else 0,
            self.quantity_max // self.quantity_gcd if self.quantity_gcd else 0,
            self.snapshot,
        )


def scan(lines: Iterable[bytes], name: str = "recording") -> Recording:
    """Read a whole recording once: check every line, find the symbols, infer ticks and lots, place the snapshots.

    A snapshot does not say its symbol. It is given to the symbol whose depth updates cover its update id (the first
    one wins); one that fits several symbols is refused, one that fits none is only counted.
    """
    symbols: dict[str, _SymbolScan] = {}
    streams: dict[str, int] = {}
    snapshots: list[tuple[int, DepthSnapshot]] = []
    count = first_ns = last_ns = unassigned = 0
    for line in read_lines(lines, name):
        count += 1
        first_ns = first_ns if count > 1 else line.time_ns
        last_ns = max(last_ns, line.time_ns)
        streams[line.stream] = streams.get(line.stream, 0) + 1
        if not line.stream:
            snapshots.append((line.number, _decode_snapshot(line.payload)))
        elif line.symbol:
            symbols.setdefault(line.symbol, _SymbolScan()).add(line, name)
        else:
            unassigned += 1
    unassigned += sum(not _assign(snapshot, number, symbols, name) for number, snapshot in snapshots)
    results = {symbol: found.result(symbol) for symbol, found in symbols.items()}
    return Recording(count, first_ns, last_ns, streams, results, unassigned)


def _assign(snapshot: DepthSnapshot, number: int, symbols: dict[str, _SymbolScan], name: str) -> bool:
    fitting = [symbol for symbol, found in symbols.items() if found.covers(snapshot.last_update_id)]
    if len(fitting) > 1:
        raise UsageError(
            f"{name} line {number}: the snapshot's update id {snapshot.last_update_id} fits {' and '.join(fitting)};"
            " record symbols with overlapping update ids into separate files"
        )
    if not fitting:
        return False
    found = symbols[fitting[0]]
    if found.snapshot is None:
        found.snapshot = snapshot
        found.add_levels(snapshot.bids + snapshot.asks)
    found.lines += 1
    return True


def _scaled(text: str) -> int:
    """A plain decimal text in units of ``10**-_SCALE``."""
    whole, _, fraction = text.partition(".")
    fraction = fraction.rstrip("0")
    digits = whole + fraction
    if not (whole and digits.isascii() and digits.isdigit()) or len(fraction) > _SCALE or len(whole) > 30:
        raise UsageError(f"{text!r} is not a plain decimal number of at most {_SCALE} decimals")
    return int(digits) * _TENS[_SCALE - len(fraction)]


def _shortest(units: int) -> tuple[int, int]:
    """(units, scale) of the same number with the smallest scale."""
    scale = _SCALE
    while units and scale and units % 10 == 0:
        units, scale = units // 10, scale - 1
    return (units, scale) if units else (0, 0)


# -- instruments -----------------------------------------------------------------------------------------------


def instrument_of(found: RecordedSymbol, instrument_id: int, venue: str = "binance") -> Instrument:
    """An instrument to trade the recorded symbol with, bounds chosen wide around what was seen.

    Raises UsageError when the symbol's quote asset is not known, or when there is no price or quantity to infer from.
    """
    if not found.tick_units or not found.lot_units:
        raise UsageError(f"{found.symbol}: the recording has no price and quantity to infer its tick and lot from")
    base, quote = split_symbol(found.symbol)
    bare = Instrument(
        instrument_id=instrument_id,
        venue=venue,
        symbol=found.symbol,
        base_asset=base,
        quote_asset=quote,
        tick_units=found.tick_units,
        price_scale=found.price_scale,
        lot_units=found.lot_units,
        quantity_scale=found.quantity_scale,
        price_ticks_min=1,
        price_ticks_max=10 * found.price_ticks_max,
        quantity_lots_min=1,
        quantity_lots_max=100 * found.quantity_lots_max,
        market_quantity_lots_max=10 * found.quantity_lots_max,
        open_orders_max=_OPEN_ORDERS_MAX,
        bid_up_ppm=_BAND_UP_PPM,
        bid_down_ppm=_BAND_DOWN_PPM,
        ask_up_ppm=_BAND_UP_PPM,
        ask_down_ppm=_BAND_DOWN_PPM,
        market_notional_min_applies=True,
    )
    return msgspec.structs.replace(bare, notional_tick_lots_min=bare.tick_lots_ceil(_QUOTES[quote]))


def split_symbol(symbol: str) -> tuple[str, str]:
    """(base, quote) of a symbol such as BTCUSDT. Raises UsageError for an unknown quote asset."""
    for quote in sorted(_QUOTES, key=len, reverse=True):
        if symbol.endswith(quote) and len(symbol) > len(quote):
            return symbol[: -len(quote)], quote
    raise UsageError(f"{symbol}: no known quote asset at its end; known: {', '.join(sorted(_QUOTES))}")
