"""Previews: what an order, or an edit, would cost now. Nothing is placed, locked or promised."""

from adapters.simulator.accounts import Account
from adapters.simulator.coinbase.encoding import amount_text
from adapters.simulator.coinbase.orders import CoinbaseOrder, Edit
from adapters.simulator.coinbase.trading import Request
from adapters.simulator.listing import Listing
from adapters.simulator.taking import quote_lots
from engine.codes import Side
from engine.instrument import decimal_text, plain

__all__ = ["edit_preview", "order_preview"]

_DEPTH = 5_000
_RATIO_DECIMALS = 8


def _at_once(listing: Listing, side: Side, lots: int, limit_ticks: int) -> tuple[int, int]:
    """(lots, cost in nanos) of what would execute at once at ``limit_ticks`` (0: any price) or better."""
    _, bids, asks = listing.market.snapshot(_DEPTH)
    taken, cost = 0, 0
    for ticks, available in asks if side is Side.BUY else bids:
        if limit_ticks and (ticks > limit_ticks if side is Side.BUY else ticks < limit_ticks):
            break
        part = min(available, lots - taken)
        taken, cost = taken + part, cost + listing.cost_nanos(ticks, part)
        if taken == lots:
            break
    return taken, cost


def _figures(
    account: Account, listing: Listing, side: Side, lots: int, limit_ticks: int, worst_ticks: int
) -> dict[str, object]:
    bid, _, ask, _ = listing.market.best()
    taken, cost = _at_once(listing, side, lots, limit_ticks or worst_ticks)
    resting = lots - taken if limit_ticks else 0
    fee = cost * account.taker_fee_ppm // 1_000_000 + listing.fee_nanos(limit_ticks, resting, account.maker_fee_ppm)
    cost += listing.cost_nanos(limit_ticks, resting)
    best = ask if side is Side.BUY else bid
    expected = listing.cost_nanos(best, taken + resting)
    slip = abs(cost - expected) * 10**_RATIO_DECIMALS // expected if expected else 0
    return {
        "order_total": amount_text(cost + fee if side is Side.BUY else cost - fee),
        "commission_total": amount_text(fee),
        "quote_size": amount_text(cost),
        "base_size": plain(listing.quantity_text(taken + resting)),
        "best_bid": plain(listing.price_text(bid)) if bid else "",
        "best_ask": plain(listing.price_text(ask)) if ask else "",
        "slippage": plain(decimal_text(slip, _RATIO_DECIMALS)),
    }


def order_preview(account: Account, request: Request, errors: list[str], preview_id: str) -> dict[str, object]:
    listing, terms = request.listing, request.terms
    lots = terms.quantity_lots
    if terms.quote_nanos and not lots:
        lots = quote_lots(listing, request.side, terms.quote_nanos)
    figures = _figures(account, listing, request.side, lots, terms.price_ticks, terms.worst_ticks)
    return {**figures, "errs": errors, "warning": [], "is_max": False, "preview_id": preview_id}


def edit_preview(order: CoinbaseOrder, edit: Edit) -> dict[str, object]:
    left = edit.quantity_lots - order.cum_lots - order.prevented_lots
    figures = _figures(order.account, order.listing, order.side, left, edit.price_ticks, 0)
    average = order.cost_nanos * 10**9 // (order.cum_lots * order.listing.lot_nanos) if order.cum_lots else 0
    return {"errors": [], **figures, "average_filled_price": amount_text(average)}
