"""What a simulated venue itself says was done for its account, as a script asks it: a line ``books`` on its stdin."""

from collections.abc import Sequence

from adapters.simulator.venue import SimulatedVenue
from cli.simulator_process import SimulatorBooks, SymbolBooks
from cli.venue_trials.books import TruthFill, truth_of
from engine.codes import Side
from engine.instrument import Instrument, decimal_text, plain

__all__ = ["books_of"]


def books_of(
    venue: SimulatedVenue, account: str, instruments: Sequence[Instrument], *, fee_in_received: bool
) -> SimulatorBooks:
    """``fee_in_received``: it takes its fee in the asset that is received, else in the quote asset."""
    symbols = {}
    for instrument in instruments:
        truth = truth_of(venue, account, instrument.symbol)
        lots = sum(_signed(fill) * count for fill, count in truth.fills.items())
        tick_lots = sum(_signed(fill) * fill.price_ticks * count for fill, count in truth.fills.items())
        fees: dict[str, int] = {}
        for fill, count in truth.fills.items():
            in_base = fee_in_received and fill.side is Side.BUY
            asset = instrument.base_asset if in_base else instrument.quote_asset
            fees[asset] = fees.get(asset, 0) + fill.fee_nanos * count
        symbols[instrument.symbol] = SymbolBooks(
            plain(instrument.quantity_text(lots)),
            plain(instrument.quote_text(tick_lots)),
            {asset: plain(decimal_text(nanos, 9)) for asset, nanos in sorted(fees.items()) if nanos},
            truth.fills.total(),
            len(truth.names),
            truth.open_orders,
        )
    return SimulatorBooks(symbols, {} if venue.server.faults is None else dict(venue.server.faults.injected))


def _signed(fill: TruthFill) -> int:
    return fill.lots if fill.side is Side.BUY else -fill.lots
