"""REST with a key, acting: new orders, edits, cancels, and previews. An order that is refused is answered with 200."""

from adapters.simulator.coinbase.auth import Credential
from adapters.simulator.coinbase.core import Venue
from adapters.simulator.coinbase.edits import EDIT_FIELDS, EditRefused, read_edit
from adapters.simulator.coinbase.encoding import check_fields, read_object
from adapters.simulator.coinbase.errors import EXCHANGE_REFUSALS, NO_REASON, OrderRefused, argument
from adapters.simulator.coinbase.order_entry import PREVIEW_FIELDS, text
from adapters.simulator.coinbase.orders import CoinbaseOrder, Edit
from adapters.simulator.coinbase.previews import edit_preview, order_preview
from adapters.simulator.coinbase.trading import Request
from adapters.simulator.taking import crosses
from engine.codes import Side

__all__ = ["cancel", "create", "edit", "preview", "preview_edit"]

_CANCELS_MAX = 100
_NO_CANCEL_REASON = "UNKNOWN_CANCEL_FAILURE_REASON"


def create(venue: Venue, credential: Credential, body: bytes) -> object:
    try:
        order = venue.trading.create(venue.account(credential), body, venue.moment)
    except OrderRefused as refused:
        configuration = read_object(body).get("order_configuration")
        return {"success": False, "error_response": refused.why.response(), "order_configuration": configuration}
    success = {
        "order_id": order.order_id,
        "product_id": order.listing.symbol,
        "side": order.side.name,
        "client_order_id": order.client_order_id,
        "attached_order_id": "",
    }
    return {
        "success": True,
        "failure_reason": NO_REASON,
        "order_id": order.order_id,
        "success_response": success,
        "order_configuration": order.configuration,
    }


def cancel(venue: Venue, credential: Credential, body: bytes) -> object:
    fields = read_object(body)
    check_fields(fields, ("order_ids",), body)
    ids = fields.get("order_ids")
    if not isinstance(ids, list) or not all(isinstance(each, str) for each in ids):
        raise argument("order_ids must be a list of text")
    if not 1 <= len(ids) <= _CANCELS_MAX:
        raise argument(f"order_ids must have 1 to {_CANCELS_MAX} elements")
    results = venue.trading.cancel(venue.account(credential), ids, venue.moment)
    return {
        "results": [
            {
                "success": not each.failure,
                "failure_reason": each.failure or _NO_CANCEL_REASON,
                "order_id": each.order_id,
            }
            for each in results
        ]
    }


def _read_edit(venue: Venue, credential: Credential, body: bytes) -> tuple[CoinbaseOrder, Edit]:
    fields = read_object(body)
    check_fields(fields, EDIT_FIELDS, body)
    order = venue.trading.by_order_id(credential.account, text(fields, "order_id"))
    return read_edit(order, fields, venue.exchange)


def edit(venue: Venue, credential: Credential, body: bytes) -> object:
    try:
        order, wanted = _read_edit(venue, credential, body)
    except EditRefused as refused:
        return {"success": False, "errors": refused.errors()}
    venue.trading.edit(order, wanted, venue.moment)
    return {"success": True, "errors": []}


def preview_edit(venue: Venue, credential: Credential, body: bytes) -> object:
    try:
        order, wanted = _read_edit(venue, credential, body)
    except EditRefused as refused:
        return {"errors": refused.errors()}
    return edit_preview(order, wanted)


def preview(venue: Venue, credential: Credential, body: bytes) -> object:
    """What is wrong with the order stands in ``errs``."""
    fields = read_object(body)
    check_fields(fields, PREVIEW_FIELDS, body)
    account = venue.account(credential)
    try:
        request = venue.trading.read(account, fields, body, venue.moment)
    except OrderRefused as refused:
        return {"errs": [refused.why.preview], "warning": []}
    return order_preview(account, request, _errors(venue, credential, request), venue.ids.next())


def _errors(venue: Venue, credential: Credential, request: Request) -> list[str]:
    """What a new order like this would be refused for by the exchange."""
    account, listing, terms = venue.account(credential), request.listing, request.terms
    found = []
    if not listing.is_trading:
        found.append(EXCHANGE_REFUSALS["halted"].preview)
    if terms.post_only and crosses(listing.market.best(), request.side, terms.price_ticks):
        found.append(EXCHANGE_REFUSALS["would_take"].preview)
    asset, needed = listing.base, terms.quantity_lots * listing.lot_nanos
    if request.side is Side.BUY:
        asset, ticks = listing.quote, terms.price_ticks or listing.market.best()[2]
        fee_ppm = max(account.maker_fee_ppm, account.taker_fee_ppm)
        cost = listing.cost_nanos(ticks, terms.quantity_lots) or terms.quote_nanos
        needed = cost + cost * fee_ppm // 1_000_000
    if needed > account.balance(asset).free_nanos:
        found.append(EXCHANGE_REFUSALS["insufficient_funds"].preview)
    return found
