"""An order of this venue, and how it is shown: in REST's lists, on the user channel, and its fills.

Neither tells what happened, only how things stand now.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

from adapters.simulator.client_order import ClientOrder, Fill
from adapters.simulator.coinbase.encoding import NEVER, amount_text, micros_text
from engine.codes import Side
from engine.instrument import decimal_text, plain

__all__ = ["EDITS_KEPT", "CoinbaseOrder", "Edit", "FillNote", "Trigger", "rest_fill", "rest_order", "user_order"]

#: The venue shows the latest edits of an order only.
EDITS_KEPT = 5
_AVERAGE_DECIMALS = 16
_PERCENT_DECIMALS = 2

#: By what ended an order; what is not here says nothing.
_CANCEL_REASONS = {
    "cancelled": "User requested cancel",
    "expired_ioc": "101: Time In Force",
    "expired_fok": "101: Time In Force",
    "expired_stp": "102: Self Trade Prevention",
    "expired_no_liquidity": "104: Price Bound Order Protection",
}
_USER_TYPES = {"LIMIT": "Limit", "MARKET": "Market", "STOP_LIMIT": "Stop Limit", "BRACKET": "Bracket"}


class Edit(NamedTuple):
    """Price and whole size that an order has been given, and when that took place (0: it is queued)."""

    price_ticks: int
    quantity_lots: int
    wall_ns: int


class Trigger(NamedTuple):
    """When the last trade price reaches ``stop_ticks`` (from below if ``is_up``), the order is sent with
    ``limit_ticks``."""

    stop_ticks: int
    is_up: bool
    limit_ticks: int


class FillNote(NamedTuple):
    """What the venue adds to a fill: its ids, and a time of its own, later than that of every other event before."""

    trade_id: str
    entry_id: str
    wall_ns: int


@dataclass(slots=True, eq=False, kw_only=True)
class CoinbaseOrder(ClientOrder):
    """``configuration`` is what was asked for, as it was sent: one key and its fields. ``kind`` is LIMIT, MARKET,
    STOP_LIMIT or BRACKET. ``reject_reason``: it was taken and failed afterwards."""

    order_id: str
    configuration: dict[str, dict[str, object]]
    kind: str
    time_in_force_name: str
    reject_reason: str = ""
    trigger: Trigger | None = None
    is_triggered: bool = False
    edit: Edit | None = None
    edits: deque[Edit] = field(default_factory=lambda: deque(maxlen=EDITS_KEPT))
    is_cancel_queued: bool = False
    is_pending: bool = True
    notes: dict[int, FillNote] = field(default_factory=dict)

    @property
    def status(self) -> str:
        if self.reject_reason:
            return "FAILED"
        if self.is_open:
            if self.is_cancel_queued:
                return "CANCEL_QUEUED"
            if self.edit is not None:
                return "EDIT_QUEUED"
            return "PENDING" if self.is_pending else "OPEN"
        if self.ended_why == "expired_gtd":
            return "EXPIRED"
        # What self-trade prevention has taken from it was not filled.
        return "FILLED" if self.ended_why == "filled" and not self.prevented_lots else "CANCELLED"

    @property
    def cancel_reason(self) -> str:
        if self.status not in ("CANCELLED", "EXPIRED"):
            return ""
        why = "expired_stp" if self.ended_why == "filled" else self.ended_why
        return _CANCEL_REASONS.get(why, "")

    @property
    def is_editable(self) -> bool:
        return next(iter(self.configuration)) == "limit_limit_gtc"

    @property
    def trigger_status(self) -> str:
        if self.trigger is None:
            return "INVALID_ORDER_TYPE"
        return "STOP_TRIGGERED" if self.is_triggered else "STOP_PENDING"

    @property
    def size_text(self) -> str:
        return plain(self.listing.quantity_text(self.quantity_lots))


def _price(order: CoinbaseOrder, ticks: int) -> str:
    return plain(order.listing.price_text(ticks))


def _filled(order: CoinbaseOrder) -> str:
    return plain(order.listing.quantity_text(order.cum_lots))


def _average(order: CoinbaseOrder) -> str:
    """The mean price of what was filled, cut to sixteen decimals."""
    if not order.cum_lots:
        return "0"
    scaled = order.cost_nanos * 10**_AVERAGE_DECIMALS // (order.cum_lots * order.listing.lot_nanos)
    return plain(decimal_text(scaled, _AVERAGE_DECIMALS))


def _percentage(order: CoinbaseOrder) -> str:
    share = 10_000 * order.cum_lots // order.quantity_lots if order.quantity_lots else 0
    return decimal_text(share, _PERCENT_DECIMALS)


def _after_fees(order: CoinbaseOrder) -> str:
    fees = order.fee_nanos if order.side is Side.BUY else -order.fee_nanos
    return amount_text(order.cost_nanos + fees)


def _end_time(order: CoinbaseOrder) -> str:
    return micros_text(order.expires_wall_ns) if order.expires_wall_ns else NEVER


# -- REST --------------------------------------------------------------------------------------------------------


def rest_order(order: CoinbaseOrder, portfolio: str) -> dict[str, object]:
    """An order as Get Order and List Orders have it."""
    last_fill = order.fills[-1] if order.fills else None
    shown: dict[str, object] = {
        "order_id": order.order_id,
        "product_id": order.listing.symbol,
        "user_id": portfolio,
        "order_configuration": order.configuration,
        "side": order.side.name,
        "client_order_id": order.client_order_id,
        "status": order.status,
        "time_in_force": order.time_in_force_name,
        "created_time": micros_text(order.created_wall_ns),
        "completion_percentage": _percentage(order),
        "filled_size": _filled(order),
        "average_filled_price": _average(order),
        "fee": "",
        "number_of_fills": str(len(order.fills)),
        "filled_value": amount_text(order.cost_nanos),
        "pending_cancel": order.is_cancel_queued and order.is_open,
        "size_in_quote": bool(order.quote_nanos),
        "total_fees": amount_text(order.fee_nanos),
        "size_inclusive_of_fees": bool(order.quote_nanos) and order.side is Side.BUY,
        "total_value_after_fees": _after_fees(order),
        "trigger_status": order.trigger_status,
        "order_type": order.kind,
        "reject_reason": order.reject_reason or "REJECT_REASON_UNSPECIFIED",
        "settled": order.status == "FILLED",
        "product_type": "SPOT",
        "reject_message": order.reject_reason,
        "cancel_message": order.cancel_reason,
        "order_placement_source": "RETAIL_ADVANCED",
        "outstanding_hold_amount": amount_text(order.locked_nanos),
        "is_liquidation": False,
        "last_fill_time": micros_text(order.notes[last_fill.trade_id].wall_ns) if last_fill else None,
        "edit_history": [
            {
                "price": _price(order, edit.price_ticks),
                "size": plain(order.listing.quantity_text(edit.quantity_lots)),
                "replace_accept_timestamp": micros_text(edit.wall_ns),
            }
            for edit in order.edits
        ],
        "leverage": "",
        "margin_type": "UNKNOWN_MARGIN_TYPE",
        "retail_portfolio_id": portfolio,
        "originating_order_id": "",
        "attached_order_id": "",
        "attached_order_configuration": None,
        "current_pending_replace": None,
        "commission_detail_total": {"total_commission": amount_text(order.fee_nanos)},
        "workable_size": plain(order.listing.quantity_text(max(0, order.leaves_lots) if order.is_open else 0)),
        "last_update_time": micros_text(order.changed_wall_ns),
    }
    if order.edit is not None:
        shown["current_pending_replace"] = {
            "price": _price(order, order.edit.price_ticks),
            "size": plain(order.listing.quantity_text(order.edit.quantity_lots)),
        }
    return shown


def rest_fill(order: CoinbaseOrder, fill: Fill, portfolio: str) -> dict[str, object]:
    """A fill as List Fills has it; of an order by amount, its size is an amount too."""
    listing, note = order.listing, order.notes[fill.trade_id]
    in_quote = bool(order.quote_nanos)
    value = fill.price_ticks * fill.quantity_lots * listing.instrument.tick_units * listing.instrument.lot_units
    scale = listing.instrument.price_scale + listing.instrument.quantity_scale
    size = decimal_text(value, scale) if in_quote else listing.quantity_text(fill.quantity_lots)
    return {
        "entry_id": note.entry_id,
        "trade_id": note.trade_id,
        "order_id": order.order_id,
        "trade_time": micros_text(note.wall_ns),
        "trade_type": "FILL",
        "price": plain(listing.price_text(fill.price_ticks)),
        "size": plain(size),
        "commission": amount_text(fill.fee_nanos),
        "product_id": listing.symbol,
        "sequence_timestamp": micros_text(note.wall_ns),
        "liquidity_indicator": "MAKER" if fill.is_maker else "TAKER",
        "size_in_quote": in_quote,
        "user_id": portfolio,
        "side": order.side.name,
        "retail_portfolio_id": portfolio,
        "commission_detail_total": {"total_commission": amount_text(fill.fee_nanos)},
    }


# -- the user channel --------------------------------------------------------------------------------------------


def user_order(order: CoinbaseOrder, portfolio: str) -> dict[str, object]:
    """An order as the user channel has it: every value is text. What is left of an order that has ended is "0"."""
    limit = "" if order.is_market else _price(order, order.price_ticks)
    return {
        "avg_price": _average(order),
        "cancel_reason": order.cancel_reason,
        "client_order_id": order.client_order_id,
        "completion_percentage": _percentage(order),
        "contract_expiry_type": "UNKNOWN_CONTRACT_EXPIRY_TYPE",
        "cumulative_quantity": _filled(order),
        "filled_value": amount_text(order.cost_nanos),
        "leaves_quantity": plain(order.listing.quantity_text(order.leaves_lots)) if order.is_open else "0",
        "limit_price": limit,
        "number_of_fills": str(len(order.fills)),
        "order_id": order.order_id,
        "order_side": order.side.name,
        "order_type": _USER_TYPES[order.kind],
        "outstanding_hold_amount": amount_text(order.locked_nanos),
        "post_only": "true" if order.post_only else "false",
        "product_id": order.listing.symbol,
        "product_type": "SPOT",
        "reject_reason": order.reject_reason,
        "retail_portfolio_id": portfolio,
        "risk_managed_by": "UNKNOWN_RISK_MANAGEMENT_TYPE",
        "status": order.status,
        "stop_price": _price(order, order.trigger.stop_ticks) if order.trigger is not None else "",
        "time_in_force": order.time_in_force_name,
        "total_fees": amount_text(order.fee_nanos),
        "total_value_after_fees": _after_fees(order),
        "trigger_status": order.trigger_status,
        "creation_time": micros_text(order.created_wall_ns),
        "end_time": _end_time(order),
        "start_time": NEVER,
    }
