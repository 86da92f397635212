"""Reading an edit, and whether it is possible: the venue says so at once, and then queues it."""

from typing import NamedTuple

from adapters.simulator.coinbase.errors import NO_PREVIEW_REASON
from adapters.simulator.coinbase.order_entry import Fields, text
from adapters.simulator.coinbase.orders import CoinbaseOrder, Edit
from adapters.simulator.exchange import Exchange
from adapters.simulator.taking import crosses
from engine.errors import UsageError

__all__ = ["EDIT_FIELDS", "EditRefused", "read_edit"]

EDIT_FIELDS = ("order_id", "price", "size", "attached_order_configuration", "cancel_attached_order", "stop_price")
_NO_EDIT_REASON = "UNKNOWN_EDIT_ORDER_FAILURE_REASON"


class EditFailure(NamedTuple):
    edit_failure_reason: str = _NO_EDIT_REASON
    preview_failure_reason: str = NO_PREVIEW_REASON


class EditRefused(Exception):
    """The venue does not take an edit."""

    def __init__(self, edit_reason: str = _NO_EDIT_REASON, preview_reason: str = NO_PREVIEW_REASON) -> None:
        super().__init__(edit_reason, preview_reason)
        self.failure = EditFailure(edit_reason, preview_reason)

    def errors(self) -> list[dict[str, object]]:
        return [dict(self.failure._asdict())]


def read_edit(
    order: CoinbaseOrder | None, fields: Fields, exchange: Exchange[CoinbaseOrder]
) -> tuple[CoinbaseOrder, Edit]:
    """The order and what it is to become. Raises EditRefused, or HttpError for fields of another kind."""
    price, size = text(fields, "price") or "0", text(fields, "size") or "0"
    if order is None:
        raise EditRefused("ORDER_NOT_FOUND")
    others = (fields.get(each) for each in ("attached_order_configuration", "cancel_attached_order", "stop_price"))
    if not order.is_editable or any(others):
        raise EditRefused("ONLY_LIMIT_ORDER_EDITS_SUPPORTED")
    if order.quote_nanos:
        raise EditRefused("SIZE_IN_QUOTE_EDITS_NOT_ALLOWED")
    if order.edit is not None:
        raise EditRefused("ORDER_IS_ALREADY_BEING_REPLACED")
    if order.status != "OPEN":
        raise EditRefused("ONLY_OPEN_ORDERS_CAN_BE_EDITED")
    edit = Edit(_ticks(order, price), _lots(order, size), 0)
    if (edit.price_ticks, edit.quantity_lots) == (order.price_ticks, order.quantity_lots):
        raise EditRefused("EDIT_REQUEST_EQUAL_TO_ORIGINAL_REQUEST")
    _check(order, edit, exchange)
    return order, edit


def _ticks(order: CoinbaseOrder, price: str) -> int:
    try:
        ticks = order.listing.prices.steps(price)
    except UsageError:
        ticks = 0
    if ticks <= 0:
        raise EditRefused("INVALID_EDITED_PRICE")
    return ticks


def _lots(order: CoinbaseOrder, size: str) -> int:
    instrument = order.listing.instrument
    try:
        lots = order.listing.quantities.steps(size)
    except UsageError:
        lots = 0
    if lots < max(1, instrument.quantity_lots_min) or 0 < instrument.quantity_lots_max < lots:
        raise EditRefused("INVALID_EDITED_SIZE")
    return lots


def _check(order: CoinbaseOrder, edit: Edit, exchange: Exchange[CoinbaseOrder]) -> None:
    listing = order.listing
    done_lots = order.cum_lots + order.prevented_lots
    if edit.quantity_lots <= done_lots:
        raise EditRefused("CANNOT_EDIT_TO_BELOW_FILLED_SIZE")
    if not listing.is_trading:
        raise EditRefused("COMMANDER_REJECTED_EDIT_ORDER")
    if order.post_only and crosses(listing.market.best(), order.side, edit.price_ticks):
        raise EditRefused(preview_reason="PREVIEW_INVALID_LIMIT_PRICE_POST_ONLY")
    needed = exchange.needed_nanos(order, edit.price_ticks, edit.quantity_lots - done_lots)
    if needed - order.locked_nanos > order.account.balance(order.locked_asset).free_nanos:
        raise EditRefused(preview_reason="PREVIEW_INSUFFICIENT_FUND")
