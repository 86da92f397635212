"""An order as the venue keeps it, and the shapes in which it answers about it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from adapters.simulator.accounts import Account
from adapters.simulator.binance.listing import Listing, nanos_text
from adapters.simulator.order import SimOrder
from engine.codes import Side

__all__ = [
    "OrderRecord",
    "OrderTerms",
    "PreventedMatch",
    "Stamp",
    "TradeRecord",
    "amended_order",
    "cancel_response",
    "microseconds",
    "milliseconds",
    "order_state",
    "place_response",
]

#: UTC in ns → the connection's time unit.
Stamp = Callable[[int], int]

ZERO = "0.00000000"
OPEN_STATUSES = ("NEW", "PARTIALLY_FILLED", "PENDING_NEW")
#: Types that execute at any price once they work.
_MARKET_TYPES = ("MARKET", "STOP_LOSS", "TAKE_PROFIT")
_BIP_PPM = 100


def milliseconds(wall_ns: int) -> int:
    return wall_ns // 1_000_000


def microseconds(wall_ns: int) -> int:
    return wall_ns // 1_000


@dataclass(slots=True, frozen=True)
class OrderTerms:
    """What a client asks for, checked and in integers. ``price_ticks`` is 0 for an order without a price; exactly one
    of ``quantity_lots`` and ``quote_order_nanos`` is not 0; ``stop_ticks`` or ``trailing_bips`` is not 0 for one that
    waits."""

    listing: Listing
    side: Side
    order_type: str
    time_in_force: str
    price_ticks: int
    quantity_lots: int
    quote_order_nanos: int
    client_order_id: str
    stp_mode: str
    response_type: str
    strategy_id: int | None = None
    strategy_type: int | None = None
    stop_ticks: int = 0
    trailing_bips: int = 0
    iceberg_lots: int = 0

    @property
    def is_market(self) -> bool:
        return self.order_type in _MARKET_TYPES

    @property
    def waits(self) -> bool:
        return self.stop_ticks > 0 or self.trailing_bips > 0

    @property
    def fires_above(self) -> bool:
        """A stop loss fires against its order, a take profit in its favour."""
        return (self.side is Side.BUY) is self.order_type.startswith("STOP_LOSS")

    @property
    def trailing_ppm(self) -> int:
        return self.trailing_bips * _BIP_PPM


@dataclass(slots=True)
class TradeRecord:
    """One execution of one order."""

    record: "OrderRecord"
    trade_id: int
    price_ticks: int
    quantity_lots: int
    quote_nanos: int
    fee_nanos: int
    fee_asset: str
    is_maker: bool
    wall_ns: int

    def row(self, stamp: Stamp) -> dict[str, object]:
        """An element of myTrades."""
        listing = self.record.listing
        return {
            "symbol": listing.symbol,
            "id": self.trade_id,
            "orderId": self.record.order_id,
            "orderListId": self.record.list_id,
            "price": listing.price_text(self.price_ticks),
            "qty": listing.quantity_text(self.quantity_lots),
            "quoteQty": nanos_text(self.quote_nanos),
            "commission": nanos_text(self.fee_nanos),
            "commissionAsset": self.fee_asset,
            "time": stamp(self.wall_ns),
            "isBuyer": self.record.terms.side is Side.BUY,
            "isMaker": self.is_maker,
            "isBestMatch": True,
        }


@dataclass(slots=True)
class PreventedMatch:
    """Two orders of one account kept apart."""

    match_id: int
    maker: "OrderRecord"
    taker: "OrderRecord"
    mode: str
    price_ticks: int
    maker_lots: int
    taker_lots: int
    wall_ns: int

    def row(self, stamp: Stamp) -> dict[str, object]:
        listing = self.taker.listing
        row: dict[str, object] = {
            "symbol": listing.symbol,
            "preventedMatchId": self.match_id,
            "takerOrderId": self.taker.order_id,
            "makerSymbol": listing.symbol,
            "makerOrderId": self.maker.order_id,
            "tradeGroupId": -1,
            "selfTradePreventionMode": self.mode,
            "price": listing.price_text(self.price_ticks),
        }
        if self.taker_lots:
            row["takerPreventedQuantity"] = listing.quantity_text(self.taker_lots)
        if self.maker_lots:
            row["makerPreventedQuantity"] = listing.quantity_text(self.maker_lots)
        row["transactTime"] = stamp(self.wall_ns)
        return row


@dataclass(slots=True, eq=False)
class OrderRecord:
    """The venue's own account of an order, counted event by event; the market's object is ``sim``."""

    terms: OrderTerms
    account: Account
    sim: SimOrder
    client_order_id: str
    quantity_lots: int
    locked_nanos: int
    created_wall_ns: int
    updated_wall_ns: int
    #: Until then queries do not find it (monotonic).
    visible_ns: int
    status: str = "NEW"
    cum_lots: int = 0
    quote_nanos: int = 0
    prevented_lots: int = 0
    prevented_match_id: int = -1
    expiry_reason: str = ""
    #: False while it waits for its trigger, or for the order of its list that comes before it.
    is_working: bool = True
    working_wall_ns: int = 0
    #: The list that it is part of, -1 for none.
    list_id: int = -1
    amends: int = 0
    trades: list[TradeRecord] = field(default_factory=list)

    @property
    def listing(self) -> Listing:
        return self.terms.listing

    @property
    def order_id(self) -> int:
        return self.sim.order_id

    @property
    def is_open(self) -> bool:
        return self.status in OPEN_STATUSES

    @property
    def leaves_lots(self) -> int:
        return self.quantity_lots - self.cum_lots - self.prevented_lots

    @property
    def locked_asset(self) -> str:
        return self.listing.quote if self.terms.side is Side.BUY else self.listing.base


def _quantities(record: OrderRecord) -> dict[str, object]:
    """The middle part that most answers share, in the venue's order and spelling."""
    terms, listing = record.terms, record.listing
    return {
        "price": listing.price_text(terms.price_ticks),
        "origQty": listing.quantity_text(record.quantity_lots),
        "executedQty": listing.quantity_text(record.cum_lots),
        "origQuoteOrderQty": nanos_text(terms.quote_order_nanos),
        "cummulativeQuoteQty": nanos_text(record.quote_nanos),
        "status": record.status,
        "timeInForce": terms.time_in_force,
        "type": terms.order_type,
        "side": terms.side.name,
    }


def _labels(record: OrderRecord) -> dict[str, object]:
    """Fields that appear only under their condition."""
    fields: dict[str, object] = {}
    if record.terms.stop_ticks:
        fields["stopPrice"] = record.listing.price_text(record.terms.stop_ticks)
    if record.terms.trailing_bips:
        fields["trailingDelta"] = record.terms.trailing_bips
        fields["trailingTime"] = -1
    if record.terms.iceberg_lots:
        fields["icebergQty"] = record.listing.quantity_text(record.terms.iceberg_lots)
    if record.terms.strategy_id is not None:
        fields["strategyId"] = record.terms.strategy_id
    if record.terms.strategy_type is not None:
        fields["strategyType"] = record.terms.strategy_type
    if record.prevented_lots:
        fields["preventedMatchId"] = record.prevented_match_id
        fields["preventedQuantity"] = record.listing.quantity_text(record.prevented_lots)
    if record.expiry_reason:
        fields["expiryReason"] = record.expiry_reason
    return fields


def place_response(record: OrderRecord, matches: list[PreventedMatch], stamp: Stamp) -> dict[str, object]:
    """The answer to a new order in the form that it asked for: ACK, RESULT or FULL."""
    body: dict[str, object] = {
        "symbol": record.listing.symbol,
        "orderId": record.order_id,
        "orderListId": record.list_id,
        "clientOrderId": record.client_order_id,
        "transactTime": stamp(record.updated_wall_ns),
    }
    if record.terms.response_type == "ACK":
        return body
    body.update(_quantities(record))
    body["workingTime"] = stamp(record.working_wall_ns) if record.is_working else -1
    if record.terms.response_type == "FULL":
        body["fills"] = [_fill(trade) for trade in record.trades]
        if matches:
            body["preventedMatches"] = [_prevented(match) for match in matches]
    body["selfTradePreventionMode"] = record.terms.stp_mode
    body.update(_labels(record))
    return body


def _fill(trade: TradeRecord) -> dict[str, object]:
    listing = trade.record.listing
    return {
        "price": listing.price_text(trade.price_ticks),
        "qty": listing.quantity_text(trade.quantity_lots),
        "commission": nanos_text(trade.fee_nanos),
        "commissionAsset": trade.fee_asset,
        "tradeId": trade.trade_id,
    }


def _prevented(match: PreventedMatch) -> dict[str, object]:
    listing = match.taker.listing
    fields: dict[str, object] = {
        "preventedMatchId": match.match_id,
        "makerOrderId": match.maker.order_id,
        "price": listing.price_text(match.price_ticks),
    }
    if match.taker_lots:
        fields["takerPreventedQuantity"] = listing.quantity_text(match.taker_lots)
    if match.maker_lots:
        fields["makerPreventedQuantity"] = listing.quantity_text(match.maker_lots)
    return fields


def cancel_response(record: OrderRecord, orig_client_order_id: str, stamp: Stamp) -> dict[str, object]:
    return {
        "symbol": record.listing.symbol,
        "origClientOrderId": orig_client_order_id,
        "orderId": record.order_id,
        "orderListId": record.list_id,
        "clientOrderId": record.client_order_id,
        "transactTime": stamp(record.updated_wall_ns),
        **_quantities(record),
        "selfTradePreventionMode": record.terms.stp_mode,
        **_labels(record),
    }


def order_state(record: OrderRecord, stamp: Stamp) -> dict[str, object]:
    """An order as queries show it."""
    quantities = _quantities(record)
    quote_order_qty = quantities.pop("origQuoteOrderQty")
    return {
        "symbol": record.listing.symbol,
        "orderId": record.order_id,
        "orderListId": record.list_id,
        "clientOrderId": record.client_order_id,
        **quantities,
        "stopPrice": ZERO,
        "icebergQty": ZERO,
        "time": stamp(record.created_wall_ns),
        "updateTime": stamp(record.updated_wall_ns),
        "isWorking": record.is_working,
        "workingTime": stamp(record.working_wall_ns) if record.is_working else -1,
        "origQuoteOrderQty": quote_order_qty,
        "selfTradePreventionMode": record.terms.stp_mode,
        **_labels(record),
    }


def amended_order(record: OrderRecord, orig_client_order_id: str, stamp: Stamp) -> dict[str, object]:
    terms, listing = record.terms, record.listing
    return {
        "transactTime": stamp(record.updated_wall_ns),
        "executionId": listing.execution_id,
        "amendedOrder": {
            "symbol": listing.symbol,
            "orderId": record.order_id,
            "orderListId": record.list_id,
            "origClientOrderId": orig_client_order_id,
            "clientOrderId": record.client_order_id,
            "price": listing.price_text(terms.price_ticks),
            "qty": listing.quantity_text(record.quantity_lots),
            "executedQty": listing.quantity_text(record.cum_lots),
            "preventedQty": listing.quantity_text(record.prevented_lots),
            "quoteOrderQty": nanos_text(terms.quote_order_nanos),
            "cumulativeQuoteQty": nanos_text(record.quote_nanos),
            "status": record.status,
            "timeInForce": terms.time_in_force,
            "type": terms.order_type,
            "side": terms.side.name,
            "workingTime": stamp(record.working_wall_ns),
            "selfTradePreventionMode": terms.stp_mode,
        },
    }
