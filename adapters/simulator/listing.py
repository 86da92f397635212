"""One market at a venue whose trades are paid in a rounded amount of quote asset (Kraken, Coinbase).

Prices and quantities are exact steps; what a trade costs is its exact value cut to ``cost_decimals``. Cutting is what
makes sums safe: the parts of a trade never cost more than the whole.
"""

from adapters.simulator.grid import Grid
from adapters.simulator.market import Market
from engine.errors import UsageError
from engine.instrument import NANOS, decimal_text

__all__ = ["Listing"]

_PPM = 1_000_000
_NANO_DECIMALS = 9


class Listing:
    """A market, and its money in billionths (nanos) of an asset. Raises UsageError for what has no exact nanos."""

    def __init__(self, market: Market, cost_decimals: int) -> None:
        instrument = market.instrument
        if not 0 <= cost_decimals <= _NANO_DECIMALS:
            raise UsageError(f"{instrument.symbol}: costs have 0 to {_NANO_DECIMALS} decimals, not {cost_decimals}")
        self.market = market
        self.instrument = instrument
        self.symbol = instrument.symbol
        self.base = instrument.base_asset
        self.quote = instrument.quote_asset
        self.cost_decimals = cost_decimals
        self.prices = Grid(instrument.tick_units, instrument.price_scale, "price")
        self.quantities = Grid(instrument.lot_units, instrument.quantity_scale, "quantity")
        self.lot_nanos: int = instrument.lot_units * NANOS // 10**instrument.quantity_scale
        self.is_trading = True
        self._value_units = instrument.tick_units * instrument.lot_units
        self._value_scale: int = 10 ** (instrument.price_scale + instrument.quantity_scale)
        self._cost_scale: int = 10**cost_decimals
        self._cost_step: int = 10 ** (_NANO_DECIMALS - cost_decimals)

    def cost_nanos(self, price_ticks: int, lots: int) -> int:
        """What ``lots`` at a price cost in the quote asset."""
        return price_ticks * lots * self._value_units * self._cost_scale // self._value_scale * self._cost_step

    def fee_nanos(self, price_ticks: int, lots: int, fee_ppm: int) -> int:
        """The fee on that, in the quote asset, cut to the same decimals."""
        value = price_ticks * lots * self._value_units * fee_ppm * self._cost_scale
        return value // (self._value_scale * _PPM) * self._cost_step

    def lots_for(self, price_ticks: int, nanos: int) -> int:
        """The most lots whose exact value at a price is not above an amount of quote asset."""
        return nanos * self._value_scale // (price_ticks * self._value_units * NANOS)

    def price_text(self, ticks: int) -> str:
        """With as many decimals as the instrument's prices have."""
        return self.instrument.price_text(ticks)

    def quantity_text(self, lots: int) -> str:
        return self.instrument.quantity_text(lots)

    def cost_text(self, nanos: int) -> str:
        """An amount of quote asset with the decimals of costs."""
        return decimal_text(nanos // self._cost_step, self.cost_decimals)
