"""The markets of a router's venues, and what its strategy sees of them: for each route one instrument and one book."""

from typing import NamedTuple

import msgspec

from engine.codes import Reason, Side
from engine.errors import UsageError
from engine.instrument import Instrument
from engine.messages import Depth, InstrumentDefinition, Quote, Trade
from engine.routing.grid import routed_grid
from engine.routing.market import MemberMarket, merged_levels
from engine.routing.parents import Parents

__all__ = ["Place", "RouteMember", "RouteSpec", "RoutedMarkets"]


class RouteMember(msgspec.Struct, frozen=True):
    """One venue of a route; ``name`` is ``venue:SYMBOL``."""

    venue_actor: str
    instrument_id: int
    name: str


class RouteSpec(msgspec.Struct, frozen=True):
    """``config.route_settings.RouteSettings``, with who is meant; ``venue`` and ``symbol`` name what is routed."""

    instrument_id: int
    venue: str
    symbol: str
    members: tuple[RouteMember, ...]
    policy: str
    failover: bool
    same_value: tuple[str, ...]
    stale_ns: int
    book_levels: int


class Place(NamedTuple):
    """Where a venue's instrument belongs."""

    spec: RouteSpec
    market: MemberMarket


class RoutedMarkets:
    """``of``: each route's markets by routed id; ``places``: by the id of a venue's instrument; ``definitions``: the
    routed instruments that are known, which they are when all of their venues' are."""

    def __init__(self, specs: tuple[RouteSpec, ...]) -> None:
        self.of = {
            spec.instrument_id: tuple(
                MemberMarket(each.venue_actor, each.instrument_id, each.name, spec.stale_ns) for each in spec.members
            )
            for spec in specs
        }
        self.places = {
            market.instrument_id: Place(spec, market) for spec in specs for market in self.of[spec.instrument_id]
        }
        self.definitions: dict[int, InstrumentDefinition] = {}

    def at(self, venue_actor: str) -> list[MemberMarket]:
        return [place.market for place in self.places.values() if place.market.venue_actor == venue_actor]

    def define(self, instrument: Instrument, parents: Parents) -> None:
        """A venue has told its instrument. Raises UsageError when those of a route cannot be one, and when ticks or
        lots are not those any more in which orders and positions are counted."""
        place = self.places.get(instrument.instrument_id)
        if place is None:
            return
        known = place.market.instrument
        if known is not None and _scale(known) != _scale(instrument):
            raise UsageError(_other_grid(place.spec, f"{place.market.name} has changed its tick or lot"))
        place.market.instrument = instrument
        spec, markets = place.spec, self.of[place.spec.instrument_id]
        instruments = [market.instrument for market in markets if market.instrument is not None]
        if len(instruments) < len(markets):
            return
        grid = routed_grid(spec.instrument_id, spec.venue, spec.symbol, instruments, spec.same_value)
        for market, its, units in zip(markets, instruments, grid.members, strict=True):
            market.units = units
            parents.define(market.venue_actor, its, spec.instrument_id, units)
        self.definitions[spec.instrument_id] = InstrumentDefinition(grid.instrument)

    def confirm(self, routed: Instrument) -> None:
        """The journal counts a route in these ticks and lots. Raises UsageError when its venues of today do not."""
        now = self.definitions.get(routed.instrument_id)
        spec = next(place.spec for place in self.places.values() if place.spec.instrument_id == routed.instrument_id)
        if now is None:
            raise UsageError(_other_grid(spec, "it has got another venue"))
        if _scale(now.instrument) != _scale(routed):
            raise UsageError(_other_grid(spec, "its venues' common tick or lot is another than before"))

    def instruments_of(self, routed_id: int) -> list[InstrumentDefinition]:
        """Those of the venues, then the routed one."""
        known = [InstrumentDefinition(market.instrument) for market in self.of[routed_id] if market.instrument]
        return [*known, self.definitions[routed_id]]

    # -- the market -----------------------------------------------------------------------------------------

    def told(self, message: Quote | Depth | Trade, levels: int, now_ns: int) -> Quote | Depth | Trade | None:
        """What the strategy is told then: the best of all, in so many levels, and every trade; None: nothing."""
        place = self.places.get(message.instrument_id)
        if place is None or place.spec.instrument_id not in self.definitions:
            return None
        market, routed_id = place.market, place.spec.instrument_id
        if isinstance(message, Trade):
            lot_size, tick_size = market.units
            lots, ticks = message.quantity_lots * lot_size, message.price_ticks * tick_size
            return msgspec.structs.replace(message, instrument_id=routed_id, quantity_lots=lots, price_ticks=ticks)
        if isinstance(message, Quote):
            market.on_quote(message, now_ns)
            return self._quote(message, routed_id, now_ns)
        market.on_depth(message, now_ns)
        if not levels:
            return None
        usable = self._usable(routed_id, now_ns)
        bids, asks = (merged_levels(usable, side, levels) for side in (Side.SELL, Side.BUY))
        return Depth(routed_id, bids, asks, message.update_id, message.received_ns)

    def _usable(self, routed_id: int, now_ns: int) -> list[MemberMarket]:
        return [each for each in self.of[routed_id] if each.may_send(now_ns)[0] is Reason.NONE]

    def _quote(self, quote: Quote, routed_id: int, now_ns: int) -> Quote:
        usable = self._usable(routed_id, now_ns)
        bids, asks = (merged_levels(usable, side, 1) for side in (Side.SELL, Side.BUY))
        return Quote(
            routed_id,
            *(bids[0] if bids else (0, 0)),
            *(asks[0] if asks else (0, 0)),
            quote.update_id,
            quote.venue_time_ns,
            quote.received_ns,
        )


def _scale(instrument: Instrument) -> tuple[int, int, int, int]:
    return instrument.tick_units, instrument.price_scale, instrument.lot_units, instrument.quantity_scale


def _other_grid(spec: RouteSpec, what: str) -> str:
    return (
        f"route {spec.venue}:{spec.symbol}: {what}, and its journal counts orders and positions in the old one; end "
        "its orders, stop, and move the router's journal in the state directory aside, or undo the change"
    )
