"""One symbol of the venue: its market, its exact money, and its texts.

Money is counted in billionths (nanos) of an asset. Every instrument listed must have prices, quantities and notionals
that are whole numbers of them. Texts have eight decimals as the venue's do; an amount of money has a ninth when it
needs it.
"""

import re
from collections import deque

import msgspec

from adapters.simulator.grid import Grid
from adapters.simulator.market import Market
from engine.errors import UsageError
from engine.instrument import NANOS, decimal_text

__all__ = ["STP_MODES", "Listing", "PublicTrade", "nanos_text"]

STP_MODES = ("NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT")

_TRADES_REMEMBERED = 1_000
_NAME = re.compile(r"[^\s@/&=?#%+]{1,20}\Z")


class PublicTrade(msgspec.Struct):
    """What is read of a public trade message."""

    trade_id: int = msgspec.field(name="t")
    price: str = msgspec.field(name="p")
    quantity: str = msgspec.field(name="q")
    time_ms: int = msgspec.field(name="T")
    buyer_is_maker: bool = msgspec.field(name="m")


_trade_decoder = msgspec.json.Decoder(PublicTrade)


def nanos_text(nanos: int) -> str:
    """An amount as the venue writes it."""
    eighths, rest = divmod(nanos, 10)
    return decimal_text(nanos, 9) if rest else decimal_text(eighths, 8)


class Listing:
    """A market and what the venue knows about it. Raises UsageError for an instrument without exact nanos."""

    def __init__(self, symbol: str, market: Market) -> None:
        instrument = market.instrument
        if not _NAME.match(symbol) or symbol != symbol.upper():
            raise UsageError(f"symbol {symbol!r} must be upper case, without spaces and characters of an address")
        if symbol != instrument.symbol:
            raise UsageError(f"the market listed as {symbol} trades {instrument.symbol}")
        self.symbol = symbol
        self.market = market
        self.snapshots_served = 0
        self.instrument = instrument
        self.base = instrument.base_asset
        self.quote = instrument.quote_asset
        self.tick_nanos = _whole_nanos(symbol, "tick", instrument.tick_units, instrument.price_scale)
        self.lot_nanos = _whole_nanos(symbol, "lot", instrument.lot_units, instrument.quantity_scale)
        self.tick_lot_nanos = _whole_nanos(
            symbol,
            "tick times one lot",
            instrument.tick_units * instrument.lot_units,
            instrument.price_scale + instrument.quantity_scale,
        )
        self.prices = Grid(instrument.tick_units, instrument.price_scale, "price")
        self.quantities = Grid(instrument.lot_units, instrument.quantity_scale, "quantity")
        self.is_trading = True
        #: Ids of executions and matches grow per symbol.
        self.execution_id = 0
        self._trades: deque[bytes] = deque(maxlen=_TRADES_REMEMBERED)

    # -- texts --------------------------------------------------------------------------------------------------

    def price_text(self, ticks: int) -> str:
        return self.prices.text(ticks)

    def quantity_text(self, lots: int) -> str:
        return self.quantities.text(lots)

    # -- public trades ------------------------------------------------------------------------------------------

    def remember_trade(self, payload: bytes) -> None:
        self._trades.append(payload)

    def trade_ticks(self, payload: bytes) -> int:
        """The price of a public trade message."""
        return self.prices.steps(_trade_decoder.decode(payload).price)

    def recent_trades(self, limit: int) -> list[PublicTrade]:
        """The latest public trades, oldest first. Messages that are not trades are passed over."""
        trades: list[PublicTrade] = []
        for payload in list(self._trades)[-limit:]:
            try:
                trades.append(_trade_decoder.decode(payload))
            except msgspec.MsgspecError:
                continue
        return trades

    def reference_ticks(self) -> int:
        """The price that bands and market notionals are taken from: the last one traded, 0 when there is none."""
        return self.market.last_trade_ticks

    def next_execution_id(self) -> int:
        """Ids grow but are not consecutive per order, as other orders of the symbol use them too."""
        self.execution_id += 1
        return self.execution_id


def _whole_nanos(symbol: str, what: str, units: int, scale: int) -> int:
    nanos, rest = divmod(units * NANOS, int(10**scale))
    if rest or nanos <= 0:
        raise UsageError(f"{symbol}: one {what} is not a whole number of billionths; list an instrument that is")
    return nanos
