"""Subscribing and unsubscribing: one answer per symbol, then the snapshot."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from adapters.simulator.kraken.core import Venue
from adapters.simulator.kraken.errors import ApiError
from adapters.simulator.kraken.private_feed import Subscription
from adapters.simulator.kraken.public_feed import DEPTHS, Key

__all__ = ["Outcome", "subscribe", "unsubscribe"]

_PRIVATE = {
    "executions": (
        ("query-open-trades", "query-closed-trades"),
        ("snap_orders", "snap_trades", "order_status", "ratecounter"),
    ),
    "balances": (("query-funds",), ("snapshot",)),
}
_TRIGGERS = ("trades", "bbo")


class Outcome(NamedTuple):
    """One answer: ``result`` or ``error``; ``then`` sends the snapshot, after the answer."""

    result: dict[str, object] | None
    error: str = ""
    symbol: str = ""
    then: Callable[[], None] | None = None


def subscribe(venue: Venue, link: str, parameters: Mapping[str, object]) -> list[Outcome]:
    channel = str(parameters.get("channel"))
    if channel in _PRIVATE:
        return [_subscribe_private(venue, link, channel, parameters)]
    return [_subscribe_public(venue, link, key, parameters) for key in _keys(venue, parameters)]


def unsubscribe(venue: Venue, link: str, parameters: Mapping[str, object]) -> list[Outcome]:
    channel = str(parameters.get("channel"))
    if channel in _PRIVATE:
        venue.tokens.find(parameters.get("token"), venue.now_ns)
        found = venue.private.unsubscribe(link, channel)
        return [Outcome({"channel": channel}) if found else Outcome(None, "Subscription Not Found")]
    outcomes = []
    for key in _keys(venue, parameters):
        found = venue.public.unsubscribe(link, key)
        outcomes.append(
            Outcome(_result(key), symbol=key[1]) if found else Outcome(None, "Subscription Not Found", key[1])
        )
    return outcomes


def _keys(venue: Venue, parameters: Mapping[str, object]) -> list[Key]:
    """The subscriptions that a request names. Raises ApiError for a channel that cannot be subscribed."""
    channel = parameters.get("channel")
    if channel == "instrument":
        return [("instrument", "", "")]
    if channel not in ("book", "trade", "ticker"):
        raise ApiError("Unsupported event")
    symbols = parameters.get("symbol")
    if not isinstance(symbols, list) or not symbols or not all(isinstance(each, str) for each in symbols):
        raise ApiError("Symbol(s) not found")
    detail: int | str = ""
    if channel == "book":
        depth = parameters.get("depth", DEPTHS[0])
        if depth not in DEPTHS or isinstance(depth, bool):
            raise ApiError("Subscription depth not supported")
        detail = int(str(depth))
    elif channel == "ticker":
        trigger = parameters.get("event_trigger", _TRIGGERS[0])
        if trigger not in _TRIGGERS:
            raise ApiError("Event_trigger not supported")
        detail = str(trigger)
    return [(str(channel), symbol, detail) for symbol in dict.fromkeys(symbols)]


def _result(key: Key) -> dict[str, object]:
    channel, symbol, detail = key
    result: dict[str, object] = {"channel": channel}
    if symbol:
        result["symbol"] = symbol
    if channel == "book":
        result["depth"] = detail
    elif channel == "ticker":
        result["event_trigger"] = detail
    return result


def _subscribe_public(venue: Venue, link: str, key: Key, parameters: Mapping[str, object]) -> Outcome:
    channel, symbol, _ = key
    if symbol and symbol not in venue.exchange.listings:
        return Outcome(None, f"Currency pair not supported {symbol}", symbol)
    if venue.public.has(link, key):
        return Outcome(None, "Already subscribed", symbol)
    with_snapshot = parameters.get("snapshot", channel != "trade")
    if not isinstance(with_snapshot, bool):
        return Outcome(None, "Snapshot field must be a boolean", symbol)
    result = {**_result(key), "snapshot": with_snapshot}
    return Outcome(result, "", symbol, lambda: venue.public.subscribe(link, key, with_snapshot, venue.wall_ns))


def _subscribe_private(venue: Venue, link: str, channel: str, parameters: Mapping[str, object]) -> Outcome:
    token = venue.tokens.find(parameters.get("token"), venue.now_ns)
    permissions, names = _PRIVATE[channel]
    token.credential.permit(*permissions)
    if venue.private.has(link, channel):
        return Outcome(None, "Already subscribed")
    options: dict[str, bool] = {}
    for name in names:
        value = parameters.get(name)
        if isinstance(value, bool):
            options[name] = value
        elif value is not None:
            return Outcome(None, f"{name.capitalize()} field must be a boolean")
    account = token.credential.account
    venue.private.subscribe(link, Subscription(channel, token, account, options))
    result: dict[str, object] = {"channel": channel, **options}
    if channel == "executions":
        snap_orders, snap_trades = options.get("snap_orders", True), options.get("snap_trades", False)
        threshold = venue.tiers[account].threshold
        result |= {"maxratecount": threshold, "snap_orders": snap_orders, "snap_trades": snap_trades}
        with_snapshot = snap_orders or snap_trades
    else:
        with_snapshot = result["snapshot"] = options.get("snapshot", True)
    then = (lambda: venue.private.snapshot(link, channel, venue.exchange)) if with_snapshot else None
    return Outcome(result, then=then)
