"""An order of this venue, and how it is shown in execution reports and in REST's answers."""

from dataclasses import dataclass, field
from typing import NamedTuple

from adapters.simulator.client_order import ClientOrder, Fill
from adapters.simulator.kraken.encoding import number, seconds_text, time_text
from adapters.simulator.kraken.names import PairName
from adapters.simulator.order import StpMode
from engine.codes import Side
from engine.instrument import NANOS, decimal_text

__all__ = [
    "STP_TYPES",
    "Amendment",
    "KrakenOrder",
    "amended_report",
    "ended_report",
    "full_report",
    "new_report",
    "order_text",
    "rest_amendment",
    "rest_order",
    "rest_trade",
    "snapshot_fill",
    "trade_report",
]

STP_TYPES = {
    "cancel_newest": StpMode.EXPIRE_TAKER,
    "cancel_oldest": StpMode.EXPIRE_MAKER,
    "cancel_both": StpMode.EXPIRE_BOTH,
}
_REASONS = {
    "cancelled": "User requested",
    "expired_gtd": "Order expired",
    "expired_ioc": "Immediate or cancel",
    "expired_fok": "Fill or kill",
    "expired_no_liquidity": "Insufficient liquidity",
    "expired_stp": "Self trade prevention",
}
_REST_STATUS = {"filled": "closed", "expired_gtd": "expired"}
_AVERAGE_DECIMALS = 10


class Amendment(NamedTuple):
    """An order as it was made (``kind`` original) or after one change (user)."""

    amend_id: str
    kind: str
    quantity_lots: int
    leaves_lots: int
    price_ticks: int
    wall_ns: int


@dataclass(slots=True, eq=False, kw_only=True)
class KrakenOrder(ClientOrder):
    """``exec_ids`` are the executions' ids by trade id. ``time_in_force_name`` is GTC, GTD, IOC or FOK."""

    order_id: str
    userref: int | None = None
    time_in_force_name: str = "GTC"
    fee_preference: str = "fciq"
    is_amended: bool = False
    cancel_reason: str = ""
    exec_ids: dict[int, str] = field(default_factory=dict)
    amendments: list[Amendment] = field(default_factory=list)

    @property
    def type_name(self) -> str:
        return "market" if self.is_market else "iceberg" if self.display_lots else "limit"

    @property
    def side_name(self) -> str:
        return "buy" if self.side is Side.BUY else "sell"

    @property
    def reason(self) -> str:
        return self.cancel_reason or _REASONS.get(self.ended_why, "")

    @property
    def status(self) -> str:
        """As execution reports have it."""
        if self.is_open:
            return "partially_filled" if self.cum_lots else "new"
        if self.ended_why in ("filled", ""):
            return self.ended_why or "pending_new"
        return "expired" if self.ended_why == "expired_gtd" else "canceled"


def _average_text(order: KrakenOrder, cum_lots: int, cost_nanos: int) -> str:
    """The mean price of what was executed, cut to ten decimals; 0.0 before the first execution."""
    if not cum_lots:
        return "0.0"
    lot_nanos = order.listing.lot_nanos
    scaled: int = cost_nanos * 10**_AVERAGE_DECIMALS // (cum_lots * lot_nanos)
    text = decimal_text(scaled, _AVERAGE_DECIMALS).rstrip("0")
    return text + "0" if text.endswith(".") else text


def _names(order: KrakenOrder) -> dict[str, object]:
    names: dict[str, object] = {"order_id": order.order_id}
    if order.client_order_id:
        names["cl_ord_id"] = order.client_order_id
    else:
        names["order_userref"] = order.userref or 0
    return names


def _done(order: KrakenOrder) -> dict[str, object]:
    """What has been executed so far."""
    return {
        "cum_qty": number(order.listing.quantity_text(order.cum_lots)),
        "cum_cost": number(order.listing.cost_text(order.cost_nanos)),
        "avg_price": number(_average_text(order, order.cum_lots, order.cost_nanos)),
        "fee_usd_equiv": number(order.listing.cost_text(order.fee_nanos)),
    }


def _prices(order: KrakenOrder) -> dict[str, object]:
    if order.is_market:
        return {}
    return {"limit_price_type": "static", "limit_price": number(order.listing.price_text(order.price_ticks))}


def full_report(order: KrakenOrder, exec_type: str, status: str) -> dict[str, object]:
    """The first report of an order, or its place in a snapshot: everything about it."""
    report: dict[str, object] = {
        **_names(order),
        "symbol": order.listing.symbol,
        "side": order.side_name,
        "order_type": order.type_name,
        "order_qty": number(order.listing.quantity_text(order.quantity_lots)),
        "time_in_force": order.time_in_force_name,
        **_prices(order),
        "exec_type": exec_type,
        "order_status": status,
        **_done(order),
        "fee_ccy_pref": order.fee_preference,
        "timestamp": time_text(order.changed_wall_ns),
    }
    if order.quote_nanos:
        report["cash_order_qty"] = number(order.listing.cost_text(order.quote_nanos))
    if order.post_only:
        report["post_only"] = True
    if order.is_amended:
        report["amended"] = True
    if order.expires_wall_ns:
        report["expire_time"] = time_text(order.expires_wall_ns)
    return report


def new_report(order: KrakenOrder) -> dict[str, object]:
    return {
        "timestamp": time_text(order.created_wall_ns),
        "order_status": "new",
        "exec_type": "new",
        **_names(order),
    }


def trade_report(order: KrakenOrder, fill: Fill, exec_id: str) -> dict[str, object]:
    """An execution. The last one still says ``partially_filled``: a ``filled`` report follows."""
    return {
        **_names(order),
        **_fill(order, fill, exec_id),
        "order_status": "partially_filled",
        "cum_qty": number(order.listing.quantity_text(fill.cum_lots)),
        "cum_cost": number(order.listing.cost_text(fill.cum_cost_nanos)),
        "avg_price": number(_average_text(order, fill.cum_lots, fill.cum_cost_nanos)),
    }


def snapshot_fill(order: KrakenOrder, fill: Fill, exec_id: str) -> dict[str, object]:
    """An execution in a snapshot: without the order's totals."""
    return {**_names(order), **_fill(order, fill, exec_id), "order_status": order.status}


def _fill(order: KrakenOrder, fill: Fill, exec_id: str) -> dict[str, object]:
    listing = order.listing
    return {
        "exec_id": exec_id,
        "exec_type": "trade",
        "trade_id": fill.trade_id,
        "symbol": listing.symbol,
        "side": order.side_name,
        "last_qty": number(listing.quantity_text(fill.quantity_lots)),
        "last_price": number(listing.price_text(fill.price_ticks)),
        "liquidity_ind": "m" if fill.is_maker else "t",
        "cost": number(listing.cost_text(fill.cost_nanos)),
        "order_type": order.type_name,
        "timestamp": time_text(fill.wall_ns),
        "fee_usd_equiv": number(listing.cost_text(fill.fee_nanos)),
        "fees": [{"asset": listing.quote, "qty": number(listing.cost_text(fill.fee_nanos))}],
    }


def amended_report(order: KrakenOrder) -> dict[str, object]:
    """An amend took: the new quantity and price; symbol and side are not repeated, nor is the amend's own id told."""
    return {
        "timestamp": time_text(order.changed_wall_ns),
        "order_status": order.status,
        "exec_type": "amended",
        **_names(order),
        "amended": True,
        "reason": "User requested",
        "cum_qty": number(order.listing.quantity_text(order.cum_lots)),
        "order_qty": number(order.listing.quantity_text(order.quantity_lots)),
        **_prices(order),
    }


def ended_report(order: KrakenOrder) -> dict[str, object]:
    """``filled``, ``canceled`` or ``expired``: sparse, without symbol, side, type and price."""
    report: dict[str, object] = {
        "timestamp": time_text(order.changed_wall_ns),
        "order_status": order.status,
        "exec_type": order.status,
        **_done(order),
        **_names(order),
    }
    if order.ended_why != "filled":
        report["reason"] = report["cancel_reason"] = order.reason
    return report


# -- REST --------------------------------------------------------------------------------------------------------


def order_text(order: KrakenOrder, pair: PairName) -> str:
    """The sentence that REST describes an order with."""
    price = "market" if order.is_market else f"limit {order.listing.price_text(order.price_ticks)}"
    lots = order.listing.quantity_text(order.quantity_lots)
    return f"{order.side_name} {lots} {pair.altname} @ {price}"


def rest_order(order: KrakenOrder, pair: PairName, with_trades: bool) -> dict[str, object]:
    """An element of OpenOrders, ClosedOrders and QueryOrders."""
    listing = order.listing
    price = "0" if order.is_market else listing.price_text(order.price_ticks)
    flags = [order.fee_preference, *(["post"] if order.post_only else [])]
    status = "open" if order.is_open else _REST_STATUS.get(order.ended_why, "canceled")
    misc = [*(["partial"] if order.cum_lots and not order.is_open and order.leaves_lots else [])]
    misc += ["amended"] if order.is_amended else []
    shown: dict[str, object] = {
        "refid": None,
        "userref": order.userref or 0,
        "cl_ord_id": order.client_order_id or None,
        "status": status,
        "opentm": number(seconds_text(order.created_wall_ns)),
        "starttm": 0,
        "expiretm": order.expires_wall_ns // NANOS,
        "descr": {
            "pair": pair.altname,
            "aclass": "forex",
            "type": order.side_name,
            "ordertype": order.type_name,
            "price": price,
            "price2": "0",
            "leverage": "none",
            "order": order_text(order, pair),
            "close": "",
        },
        "vol": listing.quantity_text(order.quantity_lots),
        "vol_exec": listing.quantity_text(order.cum_lots),
        "cost": listing.cost_text(order.cost_nanos),
        "fee": listing.cost_text(order.fee_nanos),
        "price": _average_text(order, order.cum_lots, order.cost_nanos),
        "stopprice": "0.00000",
        "limitprice": "0.00000",
        "misc": ",".join(misc),
        "oflags": ",".join(flags),
        "time_in_force": order.time_in_force_name.lower(),
    }
    if not order.is_open:
        shown["closetm"] = number(seconds_text(order.changed_wall_ns))
        shown["reason"] = order.reason or None
    if with_trades and order.exec_ids:
        shown["trades"] = list(order.exec_ids.values())
    return shown


def rest_amendment(order: KrakenOrder, amendment: Amendment) -> dict[str, object]:
    """An element of OrderAmends."""
    listing = order.listing
    return {
        "amend_id": amendment.amend_id,
        "amend_type": amendment.kind,
        "order_qty": listing.quantity_text(amendment.quantity_lots),
        "remaining_qty": listing.quantity_text(amendment.leaves_lots),
        "limit_price": listing.price_text(amendment.price_ticks),
        "timestamp": amendment.wall_ns // 1_000_000,
    }


def rest_trade(order: KrakenOrder, fill: Fill, pair: PairName) -> dict[str, object]:
    """An element of TradesHistory; its key there is the execution's id."""
    listing = order.listing
    return {
        "ordertxid": order.order_id,
        "postxid": order.order_id,
        "pair": pair.rest_id,
        "aclass": "forex",
        "time": number(seconds_text(fill.wall_ns)),
        "type": order.side_name,
        "ordertype": order.type_name,
        "price": listing.price_text(fill.price_ticks),
        "cost": listing.cost_text(fill.cost_nanos),
        "fee": listing.cost_text(fill.fee_nanos),
        "vol": listing.quantity_text(fill.quantity_lots),
        "margin": "0.00000",
        "leverage": "0",
        "misc": "",
        "trade_id": fill.trade_id,
        "maker": fill.is_maker,
    }
