"""Bugs of the promise Limit: orders, positions, exposure beyond what is allowed."""

from typing import Any

import msgspec

from actors.venue_orders import OrderEntry
from cli.simulation.bugs.planting import Bug, Patch
from engine.blotter import Blotter
from engine.errors import InvariantError
from engine.order import Approved, Order
from risk.escrow import EscrowGrantor
from risk.gate import Gate

__all__ = ["BUGS"]


def _gate_skipped() -> list[Patch]:
    def check(self: Gate, order: Order, now_ns: int) -> Approved:
        try:
            self.restore(order)
        except InvariantError:
            order.reserve_ticks = 1
        return Approved(order)

    return [(Gate, "check", check)]


def _budgets_overdrawn() -> list[Patch]:
    """Each venue actor may have what the account may have."""
    return [(EscrowGrantor, "free", lambda self, budget: self._limits[budget])]


def _ceilings_only_grow() -> list[Patch]:
    """What a holder has given back it goes on using."""
    applied = Gate.set_ceilings
    counts = ("open_orders", "gross_notional_micros", "net_long_micros", "net_short_micros")

    def set_ceilings(self: Gate, ceilings: Any, *more: Any) -> Any:
        last = getattr(self, "_planted", ceilings)
        grown = {name: max(getattr(ceilings, name), getattr(last, name)) for name in counts}
        assets = {asset: tuple(map(max, both, last.assets.get(asset, both))) for asset, both in ceilings.assets.items()}
        self._planted = msgspec.structs.replace(ceilings, **grown, assets=assets)  # type: ignore[attr-defined]  # here
        return applied(self, self._planted, *more)  # type: ignore[attr-defined]  # planted here

    return [(Gate, "set_ceilings", set_ceilings)]


def _net_ceiling_twice() -> list[Patch]:
    """Each venue actor takes the account's whole net for its own."""
    applied = Gate.set_ceilings

    def set_ceilings(self: Gate, ceilings: Any, *more: Any) -> Any:
        whole = self._tables.account.net_notional_micros
        return applied(self, msgspec.structs.replace(ceilings, net_long_micros=whole, net_short_micros=whole), *more)

    return [(Gate, "set_ceilings", set_ceilings)]


def _position_limit_ignored() -> list[Patch]:
    defined = Gate.define

    def define(self: Gate, instrument: Any, limits: Any, *more: Any) -> None:
        wide = msgspec.structs.replace(
            limits,
            long_position_lots=limits.long_position_lots * 50,
            short_position_lots=limits.short_position_lots * 50,
        )
        defined(self, instrument, wide, *more)

    return [(Gate, "define", define)]


def _released_at_cancel_request() -> list[Patch]:
    cancel = OrderEntry._cancel

    def releasing(self: OrderEntry, order: Order, now_ns: int) -> None:
        cancel(self, order, now_ns)
        self._gate.closed(order, order.leaves_lots)

    return [(OrderEntry, "_cancel", releasing)]


def _released_at_replace() -> list[Patch]:
    asked = Blotter._on_replace_asked

    def releasing(self: Blotter, order: Order) -> None:
        asked(self, order)
        orig = self.orders[order.orig_client_order_id]
        self._exposure.closed(orig, orig.leaves_lots)

    return [(Blotter, "_on_replace_asked", releasing)]


BUGS = (
    Bug("gate-skipped", "orders go out unchecked", _gate_skipped, ("Limit",)),
    Bug(
        "budgets-overdrawn", "every venue actor may have the whole limit of the account", _budgets_overdrawn, ("Limit",)
    ),
    Bug("ceilings-only-grow", "what was given back goes on being used", _ceilings_only_grow, ("Limit",)),
    Bug("net-ceiling-twice", "each venue actor has the account's whole net", _net_ceiling_twice, ("Limit",)),
    Bug("position-limit-ignored", "the position limit does not hold", _position_limit_ignored, ("Limit",)),
    Bug(
        "released-at-cancel-request",
        "a reservation ends when the cancel is asked for",
        _released_at_cancel_request,
        ("Limit", "Conservation"),
    ),
    Bug(
        "released-at-replace",
        "the original's reservation ends when a replace is asked for",
        _released_at_replace,
        ("Limit", "Conservation"),
    ),
)
