"""What a router knows of one venue of a routed instrument: its book, its fees, and whether orders may go there.

Of two words about the market the newer counts: a quote cuts what it shows to be gone off an older book.
"""

from engine.codes import Reason, Side
from engine.instrument import Instrument
from engine.messages import Depth, InstrumentCondition, Quote
from engine.routing.grid import MemberUnits
from engine.routing.split import Offer, least_lots

__all__ = ["MemberMarket", "merged_levels"]

Levels = tuple[tuple[int, int], ...]
_LOTS_MOST = 2**62


class MemberMarket:
    """One venue. ``venue_actor`` and ``instrument_id`` say where its orders go; ``stale_ns``: a market that has said
    nothing for longer takes no order.

    Attributes:
        reason, text: why no order may go there now; NONE: one may.
        instrument, units: None until the venue has told.
        bids, asks: in its own ticks and lots, best first.
    """

    def __init__(self, venue_actor: str, instrument_id: int, name: str, stale_ns: int) -> None:
        self.venue_actor, self.instrument_id, self.name = venue_actor, instrument_id, name
        self.instrument: Instrument | None = None
        self.units = MemberUnits(1, 1)
        self.maker_nanos = self.taker_nanos = 0
        self.bids: Levels = ()
        self.asks: Levels = ()
        self._stale_ns = stale_ns
        self._heard_ns = -1
        self._down: tuple[Reason, str] = (Reason.VENUE_LINK_DOWN, "not connected")
        self._condition: tuple[Reason, str] = (Reason.NOT_READY, "has not told how it is")

    # -- what is heard --------------------------------------------------------------------------------------

    def connected(self) -> None:
        self._down = (Reason.NONE, "")

    def lost(self) -> None:
        """The link to the venue actor: nothing that was known holds any more."""
        self._down = (Reason.VENUE_LINK_DOWN, "not connected")
        self._condition = (Reason.NOT_READY, "has not told how it is")
        self.bids = self.asks = ()
        self._heard_ns = -1

    def on_condition(self, told: InstrumentCondition, now_ns: int) -> None:
        self._condition = (told.reason, told.text)
        self.maker_nanos, self.taker_nanos = told.maker_nanos, told.taker_nanos
        if told.reason is Reason.NONE:
            self._heard_ns = now_ns

    def on_depth(self, depth: Depth, now_ns: int) -> None:
        self.bids, self.asks = depth.bids, depth.asks
        self._heard_ns = now_ns

    def on_quote(self, quote: Quote, now_ns: int) -> None:
        self.bids = _with_best(self.bids, quote.bid_ticks, quote.bid_lots, is_bid=True)
        self.asks = _with_best(self.asks, quote.ask_ticks, quote.ask_lots, is_bid=False)
        self._heard_ns = now_ns

    # -- what follows ---------------------------------------------------------------------------------------

    def may_send(self, now_ns: int) -> tuple[Reason, str]:
        """(NONE, "") or why no order may go there, with the venue's name in the text."""
        for reason, text in (self._down, self._condition):
            if reason is not Reason.NONE:
                return reason, f"{self.name}: {text or reason.name.lower().replace('_', ' ')}"
        if self.instrument is None:
            return Reason.NOT_READY, f"{self.name}: its instrument is not known"
        if now_ns - self._heard_ns > self._stale_ns:
            return Reason.NO_REFERENCE_PRICE, f"{self.name}: has said nothing for {self._stale_ns // 1_000_000} ms"
        return Reason.NONE, ""

    def offer(self, side: Side, limit_ticks: int) -> Offer:
        """What an order may take here; ``limit_ticks`` in ticks of the routed instrument, 0 for none."""
        instrument, (lot_size, tick_size) = self.instrument, self.units
        assert instrument is not None
        levels = self.asks if side is Side.BUY else self.bids
        if limit_ticks:
            is_buy = side is Side.BUY
            levels = tuple(
                level
                for level in levels
                if (level[0] * tick_size <= limit_ticks if is_buy else level[0] * tick_size >= limit_ticks)
            )
        lowest = min((ticks for ticks, _ in levels), default=0)
        most = self.most_lots(max((ticks for ticks, _ in levels), default=0))
        return Offer(
            1 if side is Side.BUY else -1,
            lot_size,
            tick_size,
            least_lots(instrument.quantity_lots_min, instrument.notional_tick_lots_min, lowest),
            most,
            self.taker_nanos,
            levels,
        )

    def most_lots(self, ticks: int) -> int:
        """The largest order that the venue takes at a price."""
        instrument = self.instrument
        assert instrument is not None
        most = instrument.quantity_lots_max or _LOTS_MOST
        if instrument.market_quantity_lots_max:
            most = min(most, instrument.market_quantity_lots_max)
        if instrument.notional_tick_lots_max and ticks:
            most = min(most, instrument.notional_tick_lots_max // ticks)
        return most

    def least_lots(self, ticks: int) -> int:
        """The smallest order that the venue takes at a price; 0: at whatever price."""
        instrument = self.instrument
        assert instrument is not None
        return least_lots(instrument.quantity_lots_min, instrument.notional_tick_lots_min if ticks else 0, ticks)

    def limit_ticks(self, side: Side, routed_ticks: int) -> int:
        """A limit of the routed instrument on this venue's grid, never worse than it was."""
        below, between = divmod(routed_ticks, self.units.tick_size)
        return below if side is Side.BUY else below + (between > 0)


def _with_best(levels: Levels, ticks: int, lots: int, *, is_bid: bool) -> Levels:
    """The levels with what is better than the best gone, and the best as told."""
    if not lots:
        return ()
    worse = tuple(level for level in levels if (level[0] < ticks if is_bid else level[0] > ticks))
    return ((ticks, lots), *worse)


def merged_levels(markets: list[MemberMarket], side: Side, levels_max: int) -> Levels:
    """One side of all books, in routed ticks and lots, best first: what ``side`` would trade with, without fees."""
    found: dict[int, int] = {}
    for market in markets:
        lot_size, tick_size = market.units
        for ticks, lots in market.asks if side is Side.BUY else market.bids:
            found[ticks * tick_size] = found.get(ticks * tick_size, 0) + lots * lot_size
    best = sorted(found, reverse=side is Side.SELL)[:levels_max]
    return tuple((ticks, found[ticks]) for ticks in best)
