"""Flatten: after the cancels, close what is left of a scope's positions in paced, reduce-only slices.

    nothing open ─▶ largest position of the scope ─▶ IOC at the touch ─▶ ended ─▶ interval ─▶ … ─▶ nothing can be closed

One closing order per instrument at a time. It takes at most what stands at the touch, and never more than a limit lets
one order be, so that closing does not itself move the market. It is sent on behalf of the strategy that has the
position, so the books agree afterwards; the gate lets it pass only while the latch says *flatten*, and only as far as
it shrinks the account's position, whatever else may still fill. Like every other order it needs a live lease. A kill
that halts the same stops it, and it goes on when that one is released.

What is too little for the venue to take is left, and told as what the scope still holds.
"""

from collections.abc import Callable
from typing import NamedTuple

from actors.scope_kill import ScopeKill
from actors.venue_core import VenueCore
from actors.venue_orders import OrderEntry
from engine.codes import KillMode, OrderType, Side, TimeInForce
from engine.instrument import Instrument
from engine.messages import NewOrder

__all__ = ["Flattener"]


class _Slice(NamedTuple):
    strategy_id: str
    side: Side
    lots: int
    price_ticks: int


class Flattener:
    """``has_lease`` is asked right before each order; ``told`` is called with a failure, or (empty) once flat."""

    def __init__(
        self,
        core: VenueCore,
        orders: OrderEntry,
        here: ScopeKill,
        has_lease: Callable[[], bool],
        told: Callable[[str, int], None],
    ) -> None:
        self._core, self._orders, self._here = core, orders, here
        self._has_lease = has_lease
        self._told = told
        self._due_ns: dict[int, int] = {}
        self._failure = ""
        self._sent = 0
        self.active = False

    def begin(self, now_ns: int) -> None:
        self.active = True
        self._failure = ""
        self.sweep(now_ns)

    def sweep(self, now_ns: int) -> None:
        """Called every 100 ms or so while it is active."""
        if not self.active or not self._core.ready or self._here.open_orders():
            return
        closable = [at for at in self._here.instrument_ids if self._close(at, now_ns)]
        if not closable and not self._here.open_orders():
            self.active = False
            self._told("", now_ns)

    def _close(self, instrument_id: int, now_ns: int) -> bool:
        """Send the next slice of one instrument, if it is due. False: nothing of it can be closed any more."""
        definition = self._core.definitions.get(instrument_id)
        holder = self._holder(instrument_id)
        if definition is None or holder is None:
            return False
        instrument, (strategy_id, side, most_lots) = definition.instrument, holder
        if now_ns < self._due_ns.get(instrument_id, 0):
            return True
        quote = self._core.quotes.get(instrument_id)
        price, touch_lots = 0, 0
        if quote is not None:
            price, touch_lots = (
                (quote.ask_ticks, quote.ask_lots) if side is Side.BUY else (quote.bid_ticks, quote.bid_lots)
            )
        if not price or not touch_lots:
            self._fail(f"{instrument.symbol}: nobody to trade with", now_ns)
            return True
        least_lots = _least_lots(instrument, price)
        if most_lots < least_lots:
            return False  # less than the venue takes
        lots = min(most_lots, self._core.most_lots(instrument, price), max(touch_lots, least_lots))
        self._send(_Slice(strategy_id, side, lots, price), instrument_id, now_ns)
        return True

    def _holder(self, instrument_id: int) -> tuple[str, Side, int] | None:
        """Whose position is to be closed next, by which side, and how much of it the account may shed."""
        core, strategy = self._core, self._here.scope.strategy
        best: tuple[str, Side, int] | None = None
        for strategy_id in (strategy,) if strategy else core.blotter.strategy_ids():
            position = core.blotter.position_lots(strategy_id, instrument_id)
            side = Side.SELL if position > 0 else Side.BUY
            lots = min(abs(position), core.gate.reducible_lots(instrument_id, side))
            if lots and (best is None or lots > best[2]):
                best = (strategy_id, side, lots)
        return best

    def _send(self, slice_: _Slice, instrument_id: int, now_ns: int) -> None:
        core = self._core
        self._due_ns[instrument_id] = now_ns + core.settings.flatten_interval_ns
        halted = self._halted_by(slice_.strategy_id, instrument_id)
        if halted:
            self._fail(f"HALTED: {halted}", now_ns)
            return
        if not self._has_lease():
            self._fail("no lease: nothing may be sent", now_ns)
            return
        order = NewOrder(
            self._next_id(now_ns),
            core.settings.account_id,
            slice_.strategy_id,
            instrument_id,
            slice_.side,
            OrderType.LIMIT,
            TimeInForce.IOC,
            slice_.lots,
            slice_.price_ticks,
            created_ns=now_ns,
        )
        refusal = self._orders.close_position(order, now_ns)
        if refusal is not None:
            self._fail(f"{refusal.reason.name}: {refusal.text}", now_ns)

    def _halted_by(self, strategy_id: str, instrument_id: int) -> str:
        """Which kill lets not even a closing order leave; empty: none. Under one of everything there is no lease
        either, which would say nothing to whoever reads the receipt."""
        latch, instrument = self._core.latch, self._core.definitions[instrument_id].instrument
        cause = latch.cause(
            latch.index_of("strategy", strategy_id),
            latch.index_of("instrument", f"{instrument.venue}:{instrument.symbol}"),
        )
        if cause is None or cause.mode.rank <= KillMode.FLATTEN.rank:
            return ""
        return f"{cause.mode.name.lower()} {cause.kill_id} by {cause.by or 'nobody known'} lets nothing leave"

    def _next_id(self, now_ns: int) -> str:
        """Another scope may flatten at the same millisecond, and a wall clock may step back between two lives."""
        while True:
            self._sent += 1
            name = f"flatten-{self._core.ctx.wall_ns(now_ns) // 1_000_000:x}-{self._sent}"
            if not self._core.blotter.is_known(name):
                return name

    def _fail(self, text: str, now_ns: int) -> None:
        """It is tried again; a failure is told when it is another than the last."""
        kind = text.partition(":")[0]
        if kind != self._failure:
            self._failure = kind
            self._told(text, now_ns)


def _least_lots(instrument: Instrument, price_ticks: int) -> int:
    """The smallest order that the venue takes at this price."""
    by_notional = -(-instrument.notional_tick_lots_min // price_ticks)
    return max(instrument.quantity_lots_min, by_notional, 1)
