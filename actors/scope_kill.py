"""One scope of kills at one venue actor: which orders and positions it covers, and the cancels it needs.

Kills of the same scope share one: the cancels are the same. A scope of whole instruments is cancelled by instrument,
one that names a strategy order by order, so that nothing outside of the scope is touched.
"""

from collections.abc import Callable, Iterable

from actors.cancel_until_none import CancelUntilNone
from actors.venue_core import VenueCore
from actors.venue_orders import OrderEntry
from engine.codes import KillMode, OrderStatus
from engine.messages import Kill, KillProgress, ResidualPosition
from engine.order import Order
from engine.venue import VenueOrder
from risk.scope import Scope

__all__ = ["ScopeKill"]

_IN_DOUBT = (OrderStatus.PENDING_NEW, OrderStatus.UNKNOWN)


class ScopeKill:
    """``next_query_id`` is shared by all scopes of one venue actor. ``confirmed`` is called after the venue has listed
    none of the scope's orders; ``give_way`` once the first cancel is on its way: the others' first ones come before our
    next."""

    def __init__(
        self,
        core: VenueCore,
        orders: OrderEntry,
        scope: Scope,
        next_query_id: Callable[[], int],
        confirmed: Callable[["ScopeKill", int], None],
        give_way: Callable[[], None],
    ) -> None:
        self._core = core
        self._orders = orders
        self.scope = scope
        self._confirmed, self._give_way = confirmed, give_way
        #: Whose orders it covers; None: everybody's.
        self._strategies: frozenset[str] | None = None
        if scope.is_drill:
            self._strategies = core.latch.drill_strategies & core.settings.strategies.keys()
        elif scope.strategy:
            self._strategies = frozenset((scope.strategy,))
        #: Kills that wait for the venue's confirmation, and what was open when each came.
        self._waiting: dict[str, tuple[Kill, frozenset[str]]] = {}
        #: Kills that wait for the scope to be flat.
        self._closing: dict[str, tuple[Kill, frozenset[str]]] = {}
        #: The venue has listed none of the scope's orders, and nothing has been sent since that the latch lets pass.
        self.emptied = False
        venue = core.settings.venue
        self.instrument_ids = tuple(
            instrument_id
            for instrument_id, symbol, _ in core.settings.instruments
            if scope.instrument in ("", f"{venue}:{symbol}")
        )
        self.cancelling = CancelUntilNone(
            core.session,
            self.instrument_ids,
            lambda asked_ns: self.unknown_orders() == 0,
            self._on_sent,
            self._on_failed,
            self._on_confirmed,
            next_query_id,
            self._covers_listed,
            None if self._strategies is None else self._cancel_singly,
        )

    # -- what is covered ------------------------------------------------------------------------------------

    def covers(self, strategy_id: str, instrument_id: int) -> bool:
        return instrument_id in self.instrument_ids and (self._strategies is None or strategy_id in self._strategies)

    def open_orders(self) -> list[Order]:
        """As we believe them to be."""
        return [
            order for order in self._core.blotter.open_orders() if self.covers(order.strategy_id, order.instrument_id)
        ]

    def unknown_orders(self) -> int:
        return _in_doubt(self.open_orders())

    def residual(self) -> tuple[ResidualPosition, ...]:
        """Every position of the scope that is not flat."""
        core, found = self._core, []
        for instrument_id in self.instrument_ids:
            definition = core.definitions.get(instrument_id)
            lots = self.position_lots(instrument_id)
            if lots and definition is not None:
                instrument = definition.instrument
                text = f"{instrument.quantity_text(lots)} {instrument.base_asset}"
                found.append(ResidualPosition(f"{instrument.venue}:{instrument.symbol}", lots, text))
        return tuple(found)

    def position_lots(self, instrument_id: int) -> int:
        """The scope's: of its strategies, or of the account."""
        if self._strategies is None:
            return self._core.gate.position_lots(instrument_id)
        return sum(self._core.blotter.position_lots(each, instrument_id) for each in self._strategies)

    def _covers_listed(self, listed: VenueOrder) -> bool:
        order = self._core.blotter.orders.get(listed.client_order_id)
        strategy_id = order.strategy_id if order is not None else self._core.strategy_of(listed.client_order_id)
        return self.covers(strategy_id, listed.instrument_id)

    # -- cancels --------------------------------------------------------------------------------------------

    def add(self, kill: Kill) -> None:
        """From now on this kill is told how the cancels go, until they are confirmed."""
        _, opened = self._waiting.get(kill.kill_id, (kill, frozenset[str]()))
        now_open = frozenset(order.client_order_id for order in self.open_orders())
        self._waiting[kill.kill_id] = (kill, opened | now_open)

    def begin(self, now_ns: int) -> None:
        self.emptied = False
        self.cancelling.begin(now_ns, live=self._core.session_live)
        if not self._core.session_live:
            self._on_failed("the venue is not connected; confirmation waits for it", now_ns)

    def _cancel_singly(self, listed: Iterable[VenueOrder], now_ns: int) -> None:
        for order in self.open_orders():
            if self._orders.cancel_order(order, now_ns):
                self.cancelling.announce(now_ns)
        self._orders.cancel_listed(listed, now_ns)

    def _on_sent(self, now_ns: int) -> None:
        for kill, opened in self._waiting.values():
            self.progress(kill, "cancel_sent", self._core.ctx.clock_ns(), opened=opened)
        self._give_way()

    def _on_failed(self, text: str, now_ns: int) -> None:
        self._core.ctx.log("cancel failed", scope=self.scope.text, text=text)
        for kill, opened in self._waiting.values():
            self.progress(kill, "cancel_sent", now_ns, text, opened=opened)

    def _on_confirmed(self, now_ns: int) -> None:
        self.emptied = True
        waiting, self._waiting = self._waiting, {}
        for kill_id, (kill, opened) in waiting.items():
            self.progress(kill, "cancelled", now_ns, opened=opened)
            if kill.mode is KillMode.FLATTEN:
                self._closing[kill_id] = (kill, opened)
        self._confirmed(self, now_ns)

    def on_flattened(self, failure: str, now_ns: int) -> None:
        """Nothing can be closed any more; or why it cannot be at the moment."""
        for kill, opened in self._closing.values():
            self.progress(kill, "flat", now_ns, failure, opened=opened)
        if not failure:
            self._closing.clear()

    def progress(
        self, kill: Kill, stage: str, at_ns: int, failure: str = "", opened: frozenset[str] = frozenset()
    ) -> None:
        """Open orders as the venue last listed them, once it has been asked; before, as we believe."""
        core = self._core
        listed = stage in ("cancelled", "flat")
        open_orders = self.open_orders()
        known = core.blotter.orders
        cancelled = sum(
            order.status is OrderStatus.CANCELLED for name in opened if (order := known.get(name)) is not None
        )
        core.ctx.send(
            core.settings.kill_actor,
            KillProgress(
                kill.kill_id,
                core.ctx.name,
                stage,
                at_ns,
                self.cancelling.orders_listed if listed else len(open_orders),
                _in_doubt(open_orders),
                failure,
                cancelled,
                self.residual(),
                self._orders.orders_sent,
            ),
        )


def _in_doubt(orders: Iterable[Order]) -> int:
    """Orders that may be open at the venue, or not. One that has ended and only owes fills is none of them."""
    return sum(order.status in _IN_DOUBT and order.ending is None for order in orders)
