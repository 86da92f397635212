"""Refusals in words: what the gate's kernel said in numbers, in the instrument's units and with the remedy.

Built only when an order is refused, so that an approval pays nothing for it.
"""

from collections.abc import Callable, Mapping

from engine.codes import OrderType, Reason, Side, TimeInForce
from engine.instrument import INT64_MAX, NANOS, Instrument, decimal_text
from engine.messages import Refusal
from engine.order import Order
from risk.gate_state import ABSENT
from risk.latch import LatchCause

__all__ = ["duplicate", "explain", "malformed", "unknown_instrument"]

_NANO_SCALE = 9


def explain(
    reason: Reason,
    order: Order,
    observed: int,
    limit: int,
    instrument: Instrument | None,
    cause: LatchCause | None,
    currency: str,
) -> Refusal:
    """The Refusal for a kernel's answer. ``cause`` is the latch's, for HALTED and REDUCE_ONLY; ``currency`` the
    account's, for amounts in millionths of it."""
    if instrument is None or reason is Reason.UNKNOWN_INSTRUMENT:
        return unknown_instrument(order.instrument_id)
    if reason is Reason.HALTED:
        return _halted(cause)
    if reason is Reason.REDUCE_ONLY:
        return _reduce_only(order, observed, limit, instrument, cause)
    if reason in _MONEY:
        return _money(reason, observed, limit, currency)
    return _EXPLAIN[reason](reason, order, observed, limit, instrument)


def malformed(order: Order, instruments: Mapping[int, object]) -> Refusal:
    """The Refusal for an order with a value that is not a whole number of 64 bits, or not an enumeration's member.

    The first such field in the gate's own order of checks is named.
    """
    instrument_id = order.instrument_id
    if type(instrument_id) is not int or instrument_id not in instruments:
        return unknown_instrument(instrument_id)
    if type(order.client_order_id) is not str:
        text = "the client order id must be text"
        return Refusal(Reason.BAD_CLIENT_ORDER_ID, "client_order_id", _shown(order.client_order_id), "str", text)
    if type(order.strategy_id) is not str:
        text = "the strategy id must be text"
        return Refusal(Reason.WRONG_STRATEGY, "strategy_id", _shown(order.strategy_id), "str", text)
    for reason, field, value, kind in (
        (Reason.BAD_SIDE, "side", order.side, Side),
        (Reason.BAD_ORDER_TYPE, "order_type", order.order_type, OrderType),
        (Reason.BAD_TIME_IN_FORCE, "time_in_force", order.time_in_force, TimeInForce),
        (Reason.BAD_ORDER_TYPE, "post_only", order.post_only, bool),
    ):
        if type(value) is not kind:
            return _not_a_member(reason, field, value)
    for reason, field, number in (
        (Reason.BAD_QUANTITY, "quantity_lots", order.quantity_lots),
        (Reason.BAD_PRICE, "price_ticks", order.price_ticks),
    ):
        if type(number) is not int:
            text = f"{field} must be a whole number (int), not {type(number).__name__}"
            return Refusal(reason, field, _shown(number), "int", text)
        if not -INT64_MAX <= number <= INT64_MAX:
            text = f"{field} does not fit into 64 bits"
            return Refusal(Reason.NUMBER_OVERFLOW, field, _shown(number), str(INT64_MAX), text)
    return Refusal(Reason.UNSUPPORTED, "", "", "", "the order is malformed")


def duplicate(order: Order) -> Refusal:
    text = "an order of this client order id is still open; give every order an id of its own"
    return Refusal(Reason.DUPLICATE_CLIENT_ORDER_ID, "client_order_id", order.client_order_id, "", text)


def unknown_instrument(instrument_id: object) -> Refusal:
    text = "no such instrument is defined here; use an id from an InstrumentDefinition of this venue actor"
    return Refusal(Reason.UNKNOWN_INSTRUMENT, "instrument_id", _shown(instrument_id), "", text)


def _shown(value: object) -> str:
    """A foreign value as text, bounded: it may be huge, and its repr may fail."""
    if type(value) is int and not -(10**40) < value < 10**40:
        return f"an integer of {value.bit_length()} bits"
    try:
        return repr(value)[:80]
    except Exception:  # a strategy's own class may do anything in __repr__
        return f"a {type(value).__name__}"


def _not_a_member(reason: Reason, field: str, value: object) -> Refusal:
    members = {
        "side": "Side.BUY or Side.SELL",
        "order_type": "OrderType.LIMIT or OrderType.MARKET",
        "time_in_force": "TimeInForce.GTC, TimeInForce.IOC or TimeInForce.FOK",
        "post_only": "True or False",
    }[field]
    return Refusal(reason, field, _shown(value), members, f"{field} must be {members}")


def _halted(cause: LatchCause | None) -> Refusal:
    if cause is None:
        return Refusal(Reason.HALTED, text="trading is halted")
    return Refusal(Reason.HALTED, text=f"trading is halted{_who(cause)}")


def _reduce_only(order: Order, observed: int, limit: int, instrument: Instrument, cause: LatchCause | None) -> Refusal:
    quantity, room = instrument.quantity_text(observed), instrument.quantity_text(limit)
    verb = "bought" if order.side is Side.BUY else "sold"
    why = _who(cause) if cause is not None else ""
    text = f"only what shrinks the position may be sent now{why}; with everything in flight, {room} may be {verb}"
    return Refusal(Reason.REDUCE_ONLY, "quantity_lots", quantity, room, text)


def _who(cause: LatchCause) -> str:
    by = f" by {cause.by}" if cause.by else ""
    kill = f" (kill {cause.kill_id})" if cause.kill_id else ""
    return f"{by}{kill}: {cause.reason}"


#: Limits in millionths of the account's currency: what the amount is, and what to do.
_MONEY = {
    Reason.GROSS_NOTIONAL: ("gross notional in the worst case", "cancel or close something first"),
    Reason.NET_NOTIONAL: ("net notional in the worst case", "cancel or close something on this side first"),
    Reason.CONCENTRATION: ("this instrument in the worst case", "send less of it"),
    Reason.DAILY_LOSS: ("lost since the day began", "only what shrinks a position may be sent"),
    Reason.DRAWDOWN: ("below the day's best", "only what shrinks a position may be sent"),
    Reason.STRATEGY_POSITION: ("the strategy's position in the worst case", "send less, or cancel something first"),
    Reason.STRATEGY_NOTIONAL: ("the strategy's gross notional in the worst case", "cancel or close something first"),
}
_MICRO_SCALE = 6


def _money(reason: Reason, observed: int, limit: int, currency: str) -> Refusal:
    worth, bound = decimal_text(observed, _MICRO_SCALE), decimal_text(limit, _MICRO_SCALE)
    what, remedy = _MONEY[reason]
    text = f"{what} would be {worth} {currency}, at most {bound} is allowed; {remedy}"
    if reason in (Reason.DAILY_LOSS, Reason.DRAWDOWN):
        text = f"{worth} {currency} {what}, at most {bound} is allowed; {remedy}"
    return Refusal(reason, "quantity_lots", worth, bound, text)


# -- one function per kind of reason: (reason, order, observed, limit, instrument) -> Refusal ---------------------

_Explain = Callable[[Reason, Order, int, int, Instrument], Refusal]


def _side(reason: Reason, order: Order, observed: int, limit: int, instrument: Instrument) -> Refusal:
    return _not_a_member(reason, "side", order.side)


def _order_type(reason: Reason, order: Order, observed: int, limit: int, instrument: Instrument) -> Refusal:
    if type(order.order_type) is not OrderType:
        return _not_a_member(reason, "order_type", order.order_type)
    if type(order.post_only) is not bool:
        return _not_a_member(reason, "post_only", order.post_only)
    if order.order_type.is_triggered and order.instructions is None:
        text = f"a {order.order_type.name} order needs instructions that say when it fires"
        return Refusal(reason, "instructions", "none", "trigger_ticks or trailing_ppm", text)
    return Refusal(
        reason, "post_only", order.order_type.name, "LIMIT", "only a limit order can be post-only; use LIMIT"
    )


def _time_in_force(reason: Reason, order: Order, observed: int, limit: int, instrument: Instrument) -> Refusal:
    if type(order.time_in_force) is not TimeInForce:
        return _not_a_member(reason, "time_in_force", order.time_in_force)
    if order.time_in_force is TimeInForce.GTD and order.instructions is None:
        text = "a GTD order needs instructions that say until when"
        return Refusal(reason, "instructions", "none", "expires_wall_ns", text)
    if order.post_only:
        text = "a post-only order must rest; use GTC"
        return Refusal(reason, "time_in_force", order.time_in_force.name, "GTC", text)
    text = "venues have no fill-or-kill market order; use IOC"
    return Refusal(reason, "time_in_force", order.time_in_force.name, "IOC", text)


def _price(reason: Reason, order: Order, observed: int, limit: int, instrument: Instrument) -> Refusal:
    price, bound = instrument.price_text(observed), instrument.price_text(limit)
    if order.order_type is OrderType.MARKET and reason is Reason.BAD_PRICE:
        return Refusal(reason, "price_ticks", price, bound, "a market order carries no price; set it to 0")
    text = {
        Reason.BAD_PRICE: f"a limit order needs a positive price; the lowest valid one is {bound}",
        Reason.PRICE_OUT_OF_RANGE: f"the venue takes no such price; the nearest valid one is {bound}",
        Reason.PRICE_OUTSIDE_VENUE_BAND: f"outside the venue's price band; the nearest valid price now is {bound}",
        Reason.PRICE_COLLAR: f"too far from the reference price; the nearest price inside the collar is {bound}",
        Reason.PRICE_COLLAR_WINDOW: f"too far from where the market was a while ago; the nearest price is {bound}",
    }[reason]
    return Refusal(reason, "price_ticks", price, bound, text)


def _quantity(reason: Reason, order: Order, observed: int, limit: int, instrument: Instrument) -> Refusal:
    quantity, bound = instrument.quantity_text(observed), instrument.quantity_text(limit)
    text = {
        Reason.BAD_QUANTITY: f"the quantity must be positive; the smallest valid one is {bound}",
        Reason.QUANTITY_OUT_OF_RANGE: f"the venue takes no such quantity; the nearest valid one is {bound}",
        Reason.ORDER_QUANTITY: f"more than one order may hold; send at most {bound}",
    }[reason]
    return Refusal(reason, "quantity_lots", quantity, bound, text)


def _notional(reason: Reason, order: Order, observed: int, limit: int, instrument: Instrument) -> Refusal:
    worth, bound = instrument.quote_text(observed), instrument.quote_text(limit)
    quote = instrument.quote_asset
    text = {
        Reason.NOTIONAL_TOO_SMALL: f"the venue wants orders worth at least {bound} {quote}",
        Reason.NOTIONAL_TOO_LARGE: f"the venue wants orders worth at most {bound} {quote}",
        Reason.ORDER_NOTIONAL: f"one order may be worth at most {bound} {quote}",
    }[reason]
    return Refusal(reason, "quantity_lots", worth, bound, text)


def _overflow(reason: Reason, order: Order, observed: int, limit: int, instrument: Instrument) -> Refusal:
    if limit < 0:
        text = "with what is open on this side the sum does not fit into 64 bits; cancel something or send less"
        return Refusal(reason, "quantity_lots", str(observed), "", text)
    field = "price_ticks" if observed == order.price_ticks and observed != order.quantity_lots else "quantity_lots"
    text = f"price times quantity would not fit into 64 bits; {field} can be at most {limit} here"
    return Refusal(reason, field, str(observed), str(limit), text)


def _lease(reason: Reason, order: Order, observed: int, limit: int, instrument: Instrument) -> Refusal:
    if reason is Reason.NO_LEASE:
        return Refusal(reason, text="no lease: the risk actor has not granted this venue actor the right to send")
    text = "the lease has run out: the risk actor has not renewed it in time"
    return Refusal(reason, "", str(observed), str(limit), text)


def _reference(reason: Reason, order: Order, observed: int, limit: int, instrument: Instrument) -> Refusal:
    if observed < 0 and limit < 0:
        text = f"no instrument here tells what {instrument.quote_asset} is worth in the account's currency; define one"
        return Refusal(reason, "instrument_id", "none", "", text)
    if observed < 0:
        text = f"{instrument.symbol} has no two-sided quote to judge a price by; wait for market data"
        return Refusal(reason, "instrument_id", "none", f"{limit} ns", text)
    text = f"the last quote of {instrument.symbol} is too old to judge a price by; wait for market data"
    return Refusal(reason, "instrument_id", f"{observed} ns", f"{limit} ns", text)


def _open_orders(reason: Reason, order: Order, observed: int, limit: int, instrument: Instrument) -> Refusal:
    where = f"of {instrument.symbol} at the venue" if reason is Reason.OPEN_ORDERS_AT_VENUE else "of the account"
    text = f"{observed} orders {where} are open, the limit is {limit}; cancel one first"
    return Refusal(reason, "open_orders", str(observed), str(limit), text)


def _rate(reason: Reason, order: Order, observed: int, limit: int, instrument: Instrument) -> Refusal:
    who = "the strategy" if reason is Reason.STRATEGY_RATE else "the account"
    what = "replacements" if reason is Reason.REPLACE_RATE else "orders"
    field = "replaces_per_second" if reason is Reason.REPLACE_RATE else "orders_per_second"
    if limit == 0:
        return Refusal(reason, field, "0", "0", f"{who} may send no {what}: its rate is 0")
    wait_ns = -((observed - NANOS) // limit)
    text = f"{who} sends more than {limit} {what} a second; the next may be sent in {wait_ns} ns"
    return Refusal(reason, field, decimal_text(observed, _NANO_SCALE), str(limit), text)


def _order_to_trade(reason: Reason, order: Order, observed: int, limit: int, instrument: Instrument) -> Refusal:
    text = f"message {observed} of the day, {limit} are allowed for what has been executed; send fewer, or wait"
    return Refusal(reason, "", str(observed), str(limit), text)


def _duplicate_order(reason: Reason, order: Order, observed: int, limit: int, instrument: Instrument) -> Refusal:
    if observed == ABSENT:
        text = "too many orders within the duplicate window to tell a repeated one; wait"
        return Refusal(reason, "", "", f"{limit} ns", text)
    text = f"the same order was sent {observed} ns ago; it counts as a repeat for {limit - observed} ns more"
    return Refusal(reason, "", f"{observed} ns", f"{limit} ns", text)


def _throttle(reason: Reason, order: Order, observed: int, limit: int, instrument: Instrument) -> Refusal:
    text = f"strategy {order.strategy_id} executed too often in {instrument.symbol}; a person has to enable it again"
    return Refusal(reason, "strategy_id", order.strategy_id, "", text)


def _strategy(reason: Reason, order: Order, observed: int, limit: int, instrument: Instrument) -> Refusal:
    text = "this strategy has no limits here, so it may not trade; add it to the configuration"
    return Refusal(reason, "strategy_id", _shown(order.strategy_id), "", text)


def _asset(reason: Reason, order: Order, observed: int, limit: int, instrument: Instrument) -> Refusal:
    worst, bound = decimal_text(observed, _NANO_SCALE), decimal_text(limit, _NANO_SCALE)
    side = "long" if reason is Reason.ASSET_LONG else "short"
    text = f"in the worst case {worst} {instrument.base_asset} {side} over all its instruments, the limit is {bound}"
    return Refusal(reason, "quantity_lots", worst, bound, text)


def _position(reason: Reason, order: Order, observed: int, limit: int, instrument: Instrument) -> Refusal:
    worst, bound = instrument.quantity_text(observed), instrument.quantity_text(limit)
    beyond = observed - limit if reason is Reason.LONG_POSITION else limit - observed
    room = instrument.quantity_text(max(order.quantity_lots - beyond, 0))
    text = f"with everything in flight the position could reach {worst}; at most {room} more may be sent on this side"
    return Refusal(reason, "quantity_lots", worst, bound, text)


def _funds(reason: Reason, order: Order, observed: int, limit: int, instrument: Instrument) -> Refusal:
    asset = instrument.quote_asset if order.side is Side.BUY else instrument.base_asset
    need = decimal_text(observed, _NANO_SCALE)
    if limit < 0:
        return Refusal(reason, "quantity_lots", need, "", f"the venue has not told the balance of {asset} yet")
    free = decimal_text(limit, _NANO_SCALE)
    text = f"needs {need} {asset}, {free} is not yet spoken for by open orders"
    return Refusal(reason, "quantity_lots", need, free, text)


_EXPLAIN: dict[Reason, _Explain] = {
    Reason.BAD_SIDE: _side,
    Reason.BAD_ORDER_TYPE: _order_type,
    Reason.BAD_TIME_IN_FORCE: _time_in_force,
    Reason.BAD_PRICE: _price,
    Reason.PRICE_OUT_OF_RANGE: _price,
    Reason.PRICE_OUTSIDE_VENUE_BAND: _price,
    Reason.PRICE_COLLAR: _price,
    Reason.BAD_QUANTITY: _quantity,
    Reason.QUANTITY_OUT_OF_RANGE: _quantity,
    Reason.ORDER_QUANTITY: _quantity,
    Reason.NOTIONAL_TOO_SMALL: _notional,
    Reason.NOTIONAL_TOO_LARGE: _notional,
    Reason.ORDER_NOTIONAL: _notional,
    Reason.NUMBER_OVERFLOW: _overflow,
    Reason.NO_LEASE: _lease,
    Reason.LEASE_EXPIRED: _lease,
    Reason.NO_REFERENCE_PRICE: _reference,
    Reason.OPEN_ORDERS: _open_orders,
    Reason.OPEN_ORDERS_AT_VENUE: _open_orders,
    Reason.PRICE_COLLAR_WINDOW: _price,
    Reason.ORDER_RATE: _rate,
    Reason.REPLACE_RATE: _rate,
    Reason.STRATEGY_RATE: _rate,
    Reason.ORDER_TO_TRADE: _order_to_trade,
    Reason.DUPLICATE_ORDER: _duplicate_order,
    Reason.EXECUTION_THROTTLE: _throttle,
    Reason.WRONG_STRATEGY: _strategy,
    Reason.ASSET_LONG: _asset,
    Reason.ASSET_SHORT: _asset,
    Reason.LONG_POSITION: _position,
    Reason.SHORT_POSITION: _position,
    Reason.INSUFFICIENT_FUNDS: _funds,
}
