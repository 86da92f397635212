"""What an order that is not a plain one asks for: whether it can be asked for, and what it may cost at most.

An order that waits for a trigger trades when the market is somewhere else, so it is judged by where its trigger lies:

    trigger     on the side of the market from which it is yet to come: one that would fire at once is no such order,
                and a limit price beside a trigger on the wrong side would be held to nothing
    limit       within the collar of the trigger, and within the venue's band around the market of now
    worth       of a buy with a price, that price; of a buy without, the far edge of the collar around the trigger, as
                of a market order that is sent when the market is there; of a sell, the highest of trigger, price and
                the market of now. A trailing trigger of a buy only comes down, so it is worth where it begins.

An iceberg counts with all of it, shown or hidden; an order that ends at a time counts until the venue has said that it
ended. These run in Python: such orders are few, and a plain order passes with one look at ``None``.
"""

from typing import Any

from engine.codes import OrderType, Reason, SelfTradePrevention, Side, TimeInForce
from engine.instrument import INT64_MAX, Instrument
from engine.messages import Instructions, Refusal
from engine.order import Order
from risk.gate_state import TICKS_MAX

__all__ = ["market_fault", "shape_fault", "trigger_ticks", "value_ticks", "venue_fault"]

_MILLION = 1_000_000
_NUMBERS = ("trigger_ticks", "trailing_ppm", "display_lots", "expires_wall_ns")
_RESTS = (TimeInForce.GTC, TimeInForce.GTD)


def shape_fault(order: Order) -> Refusal | None:
    """What no venue could make sense of. Types are not to be trusted: the order may never have been in a frame."""
    wants: Any = order.instructions
    order_type: Any = order.order_type
    in_force: Any = order.time_in_force
    if type(wants) is not Instructions:
        return _fault(Reason.UNSUPPORTED, "instructions", wants, "Instructions", "instructions must be Instructions")
    if type(order.side) is not Side:
        return _fault(Reason.BAD_SIDE, "side", order.side, "Side.BUY or Side.SELL", "use Side")
    if type(order.post_only) is not bool:
        return _fault(Reason.BAD_ORDER_TYPE, "post_only", order.post_only, "True or False", "post_only must be a bool")
    if type(order_type) is not OrderType:
        return _fault(Reason.BAD_ORDER_TYPE, "order_type", order_type, "a member of OrderType", "use OrderType")
    if type(in_force) is not TimeInForce:
        return _fault(Reason.BAD_TIME_IN_FORCE, "time_in_force", in_force, "a member of TimeInForce", "use TimeInForce")
    if type(wants.self_trade) is not SelfTradePrevention:
        text = "use SelfTradePrevention"
        return _fault(Reason.UNSUPPORTED, "self_trade", wants.self_trade, "a member of SelfTradePrevention", text)
    for field in _NUMBERS:
        number = getattr(wants, field)
        if type(number) is not int or not 0 <= number <= INT64_MAX:
            text = f"{field} must be a whole number of 64 bits, not below 0"
            return _fault(Reason.NUMBER_OVERFLOW, field, number, str(INT64_MAX), text)
    return _trigger_fault(order, wants) or _validity_fault(order, wants) or _display_fault(order, wants)


def _trigger_fault(order: Order, wants: Instructions) -> Refusal | None:
    kind = order.order_type
    if not kind.is_triggered and (wants.trigger_ticks or wants.trailing_ppm):
        text = f"a {kind.name} order waits for no trigger; use STOP, STOP_LIMIT or another that does"
        return _fault(Reason.BAD_TRIGGER, "trigger_ticks", wants.trigger_ticks or wants.trailing_ppm, "0", text)
    if kind.is_trailing and (wants.trigger_ticks or not 0 < wants.trailing_ppm < _MILLION):
        text = "a trailing order has trailing_ppm between 1 and 999999, and no trigger price of its own"
        return _fault(Reason.BAD_TRIGGER, "trailing_ppm", wants.trailing_ppm, "1 to 999999", text)
    if kind.is_triggered and not kind.is_trailing and (wants.trailing_ppm or not 0 < wants.trigger_ticks <= TICKS_MAX):
        text = f"a {kind.name} order needs a trigger price, and trails nothing"
        return _fault(Reason.BAD_TRIGGER, "trigger_ticks", wants.trigger_ticks, f"1 to {TICKS_MAX}", text)
    if kind.is_triggered and kind.is_priced and not 0 < order.price_ticks <= TICKS_MAX:
        return _fault(Reason.BAD_PRICE, "price_ticks", order.price_ticks, "1", f"a {kind.name} order needs a price")
    if kind.is_triggered and not kind.is_priced and order.price_ticks:
        text = f"a {kind.name} order carries no price; set it to 0"
        return _fault(Reason.BAD_PRICE, "price_ticks", order.price_ticks, "0", text)
    if kind.is_triggered and order.post_only:
        text = "an order that waits for a trigger takes when it fires; it cannot be post-only"
        return _fault(Reason.BAD_ORDER_TYPE, "post_only", True, "False", text)
    return None


def _validity_fault(order: Order, wants: Instructions) -> Refusal | None:
    in_force = order.time_in_force
    if (in_force is TimeInForce.GTD) != (wants.expires_wall_ns > 0):
        text = "GTD needs expires_wall_ns, the time at which the order ends (UTC), and nothing else has one"
        return _fault(Reason.BAD_EXPIRE_TIME, "expires_wall_ns", wants.expires_wall_ns, "a time, with GTD", text)
    if not order.order_type.is_priced and in_force is TimeInForce.GTD and not order.order_type.is_triggered:
        text = "a market order is done at once; it cannot be GTD"
        return _fault(Reason.BAD_TIME_IN_FORCE, "time_in_force", "GTD", "GTC or IOC", text)
    if order.order_type.is_triggered and not order.order_type.is_priced and in_force not in _RESTS:
        text = "it waits for its trigger, so it has to rest; use GTC or GTD"
        return _fault(Reason.BAD_TIME_IN_FORCE, "time_in_force", in_force.name, "GTC or GTD", text)
    return None


def _display_fault(order: Order, wants: Instructions) -> Refusal | None:
    if not wants.display_lots:
        return None
    if not order.order_type.is_priced or order.time_in_force not in _RESTS:
        text = "only an order that rests at a price can show a part of itself"
        return _fault(Reason.BAD_DISPLAY_QUANTITY, "display_lots", wants.display_lots, "0", text)
    if wants.display_lots >= order.quantity_lots:
        text = "display_lots is less than the order's quantity, or 0 for all of it"
        return _fault(Reason.BAD_DISPLAY_QUANTITY, "display_lots", wants.display_lots, str(order.quantity_lots), text)
    return None


def venue_fault(order: Order, instrument: Instrument) -> Refusal | None:
    """The venue's own bounds on the trigger and on what is valued by it; other numbers are the kernel's business."""
    kind, wants = order.order_type, order.instructions
    if wants is None or not kind.is_triggered:
        return None
    for field, ticks in (("trigger_ticks", wants.trigger_ticks), ("price_ticks", order.price_ticks)):
        low, high = instrument.price_ticks_min, instrument.price_ticks_max or TICKS_MAX
        if ticks and not low <= ticks <= high:
            nearest = instrument.price_text(low if ticks < low else high)
            text = f"the venue takes no such price; the nearest valid one is {nearest}"
            return Refusal(Reason.PRICE_OUT_OF_RANGE, field, instrument.price_text(ticks), nearest, text)
    if not kind.is_priced and 0 < instrument.market_quantity_lots_max < order.quantity_lots:
        most = instrument.quantity_text(instrument.market_quantity_lots_max)
        text = f"it becomes a market order, of which the venue takes at most {most}"
        observed = instrument.quantity_text(order.quantity_lots)
        return Refusal(Reason.QUANTITY_OUT_OF_RANGE, "quantity_lots", observed, most, text)
    return _notional_fault(order, wants, instrument)


def _notional_fault(order: Order, wants: Instructions, instrument: Instrument) -> Refusal | None:
    tick_lots = (order.price_ticks or wants.trigger_ticks) * order.quantity_lots
    least, most = instrument.notional_tick_lots_min, instrument.notional_tick_lots_max
    has_least = order.order_type.is_priced or instrument.market_notional_min_applies
    if tick_lots <= 0:
        return None  # trailing: its worth follows the market; or a quantity that the kernel refuses
    if has_least and tick_lots < least:
        bound, reason = instrument.quote_text(least), Reason.NOTIONAL_TOO_SMALL
        text = f"the venue wants orders worth at least {bound} {instrument.quote_asset}"
    elif most and tick_lots > most:
        bound, reason = instrument.quote_text(most), Reason.NOTIONAL_TOO_LARGE
        text = f"the venue wants orders worth at most {bound} {instrument.quote_asset}"
    else:
        return None
    return Refusal(reason, "quantity_lots", instrument.quote_text(tick_lots), bound, text)


def trigger_ticks(order: Order, reference_ticks: int) -> int:
    """Where the order's trigger lies now: its own, or that of a trailing order which starts to follow the market."""
    wants = order.instructions
    assert wants is not None, "only an order with instructions has a trigger"
    if not wants.trailing_ppm:
        return wants.trigger_ticks
    distance = reference_ticks * wants.trailing_ppm // _MILLION
    return max(reference_ticks + (distance if order.side is Side.BUY else -distance), 1)


def value_ticks(order: Order, reference_ticks: int, collar_ppm: int) -> int:
    """The worst price of an order that waits for a trigger; 1 at least. Without a reference price it is refused for
    that, whatever this says."""
    trigger = trigger_ticks(order, reference_ticks)
    if order.side is Side.SELL:
        return max(trigger, order.price_ticks, reference_ticks, 1)
    return order.price_ticks or max(trigger + trigger * collar_ppm // _MILLION, 1)


def market_fault(
    order: Order, instrument: Instrument, reference_ticks: int, collar_ppm: int, band: tuple[int, int]
) -> Refusal | None:
    """A trigger on the wrong side of the market, a limit too far from its trigger, or outside the venue's ``band``."""
    trigger, is_buy = trigger_ticks(order, reference_ticks), order.side is Side.BUY
    fires_above = is_buy is order.order_type.fires_against
    if trigger < reference_ticks if fires_above else trigger > reference_ticks:
        where, market = "above" if fires_above else "below", instrument.price_text(reference_ticks)
        text = f"it would fire at once: the market is at {market}, and this trigger has to lie {where} it"
        observed = instrument.price_text(trigger)
        return Refusal(Reason.TRIGGER_WOULD_FIRE, "trigger_ticks", observed, market, text)
    if not order.order_type.is_priced:
        return None
    price, width = order.price_ticks, trigger * collar_ppm // _MILLION
    nearest = min(max(price, trigger - width), trigger + width)
    if nearest != price:
        bound = instrument.price_text(nearest)
        text = f"too far from its trigger; the nearest price inside the collar is {bound}"
        return Refusal(Reason.PRICE_COLLAR, "price_ticks", instrument.price_text(price), bound, text)
    if not band[0] <= price <= band[1]:
        bound = instrument.price_text(band[0] if price < band[0] else band[1])
        text = f"outside the venue's price band; the nearest valid price now is {bound}"
        return Refusal(Reason.PRICE_OUTSIDE_VENUE_BAND, "price_ticks", instrument.price_text(price), bound, text)
    return None


def _fault(reason: Reason, field: str, observed: object, limit: str, text: str) -> Refusal:
    return Refusal(reason, field, repr(observed)[:80], limit, text)
