"""Order types, self-trade prevention and lists as Binance names them, and what a symbol takes of them."""

from adapters.binance.messages import Filter, OrderKind, SymbolInfo
from adapters.grid import InstrumentGrid
from engine.codes import Contingency, OrderType, SelfTradePrevention, TimeInForce
from engine.order import Order
from engine.order_support import OrderSupport

__all__ = ["order_kind", "order_params", "order_support"]

#: One basis point, the venue's unit of a trailing distance.
_BIP_PPM = 100
_NO_BOUND_PPM = 999_900
_NO_AMENDS_BOUND = 1_000_000

_KINDS = {
    OrderType.MARKET: OrderKind.MARKET,
    OrderType.LIMIT: OrderKind.LIMIT,
    OrderType.STOP: OrderKind.STOP_LOSS,
    OrderType.STOP_LIMIT: OrderKind.STOP_LOSS_LIMIT,
    OrderType.MARKET_IF_TOUCHED: OrderKind.TAKE_PROFIT,
    OrderType.LIMIT_IF_TOUCHED: OrderKind.TAKE_PROFIT_LIMIT,
    OrderType.TRAILING_STOP: OrderKind.STOP_LOSS,
    OrderType.TRAILING_STOP_LIMIT: OrderKind.STOP_LOSS_LIMIT,
}
_SELF_TRADE = {
    SelfTradePrevention.NONE: "NONE",
    SelfTradePrevention.CANCEL_AGGRESSIVE: "EXPIRE_TAKER",
    SelfTradePrevention.CANCEL_PASSIVE: "EXPIRE_MAKER",
    SelfTradePrevention.CANCEL_BOTH: "EXPIRE_BOTH",
    SelfTradePrevention.DECREMENT: "DECREMENT",
    SelfTradePrevention.TRANSFER: "TRANSFER",
}
_GTC, _IOC, _FOK = TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK


def order_kind(order: Order) -> str:
    """The venue's ``type``."""
    return "LIMIT_MAKER" if order.post_only else _KINDS[order.order_type].value


def order_params(order: Order, grid: InstrumentGrid) -> dict[str, str | int]:
    """What an order is, in the parameters of ``order.place`` and ``order.cancelReplace``: side, type, validity, prices
    and quantities. Parameters that do not belong to the type are refused by the venue, so there are none."""
    instrument, kind, wants = grid.instrument, order_kind(order), order.instructions
    params: dict[str, str | int] = {
        "side": order.side.name,
        "type": kind,
        "quantity": instrument.quantity_text(order.quantity_lots),
    }
    if kind == "LIMIT" or kind.endswith("_LIMIT"):
        params["timeInForce"] = order.time_in_force.name
    if order.order_type.is_priced:
        params["price"] = instrument.price_text(order.price_ticks)
    if wants is None:
        return params
    if wants.trigger_ticks:
        params["stopPrice"] = instrument.price_text(wants.trigger_ticks)
    if wants.trailing_ppm:
        params["trailingDelta"] = wants.trailing_ppm // _BIP_PPM
    if wants.display_lots:
        params["icebergQty"] = instrument.quantity_text(wants.display_lots)
    if wants.self_trade:
        params["selfTradePreventionMode"] = _SELF_TRADE[wants.self_trade]
    return params


def order_support(info: SymbolInfo, venue: str) -> OrderSupport:
    """What the symbol takes, as ``exchangeInfo`` tells it. The venue has no order that ends at a time."""
    filters = {each.filterType: each for each in info.filters}
    in_force = {
        kind: _times_in_force(kind)
        for kind, name in _KINDS.items()
        if name in info.orderTypes and (info.allowTrailingStop or not kind.is_trailing)
    }
    iceberg = [kind for kind in in_force if kind.is_priced] if info.icebergAllowed else []
    parts = filters.get("ICEBERG_PARTS")
    modes = [mode for mode, name in _SELF_TRADE.items() if name in info.allowedSelfTradePreventionModes]
    lists = [Contingency.OCO] * info.ocoAllowed + [Contingency.OTO] * info.otoAllowed
    lists += [Contingency.OTOCO] * (info.ocoAllowed and info.otoAllowed)
    return OrderSupport(
        where=f"{venue} {info.symbol}",
        in_force=in_force,
        iceberg=frozenset(iceberg),
        iceberg_parts_most=parts.limit if parts is not None else 0,
        self_trade=frozenset(modes),
        trailing_step_ppm=_BIP_PPM,
        trailing_most_ppm=_trailing_most(filters.get("TRAILING_DELTA")),
        lists=frozenset(lists),
        replaces_instructions=True,
        amends_most=_amends_most(filters.get("MAX_NUM_ORDER_AMENDS")) if info.amendAllowed else 0,
    )


def _times_in_force(kind: OrderType) -> tuple[TimeInForce, ...]:
    """An order that fires as a market order has none at the venue; until then it rests."""
    if kind is OrderType.MARKET:
        return (_GTC, _IOC)
    return (_GTC, _IOC, _FOK) if kind.is_priced else (_GTC,)


def _amends_most(bound: Filter | None) -> int:
    return _NO_AMENDS_BOUND if bound is None else bound.maxNumOrderAmends


def _trailing_most(bounds: Filter | None) -> int:
    """The least of the filter's upper bounds, so that it holds on both sides."""
    if bounds is None:
        return _NO_BOUND_PPM
    return min(bounds.maxTrailingAboveDelta, bounds.maxTrailingBelowDelta) * _BIP_PPM
