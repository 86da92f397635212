"""Engine → wire: requests of order entry as JSON text. Prices and quantities are JSON numbers there, written digit by
digit from ticks and lots.

Everything about an order that does not change from one to the next is formatted once: the order path joins a few texts.
"""

import msgspec

from adapters.kraken.numbers import instant_text
from adapters.kraken.order_types import wishes
from adapters.kraken.parse import PairGrid
from engine.codes import OrderType, Side, TimeInForce
from engine.errors import UsageError
from engine.order import Order

__all__ = ["BATCH_MAX", "OrderEncoder"]

#: Orders in one batch_cancel.
BATCH_MAX = 50
_SIDES = {Side.BUY: "buy", Side.SELL: "sell"}
_IN_FORCE = {TimeInForce.GTC: "gtc", TimeInForce.IOC: "ioc", TimeInForce.FOK: "fok", TimeInForce.GTD: "gtd"}
_LIMIT, _ICEBERG = '"order_type":"limit"', '"order_type":"iceberg"'
_encode_json = msgspec.json.Encoder().encode


class OrderEncoder:
    """Knows no time: deadlines come ready, as UTC ns."""

    def __init__(self) -> None:
        self._templates: dict[tuple[int, Side, OrderType, TimeInForce, bool], str] = {}

    def new(self, order: Order, name: str, grid: PairGrid, deadline_ns: int, token: str, req_id: int) -> bytes:
        """``add_order`` under the venue's name of its id. Raises UsageError for what the venue does not have."""
        instrument = grid.instrument
        price = (
            f',"limit_price":{instrument.price_text(order.price_ticks)}' if order.order_type is OrderType.LIMIT else ""
        )
        template, wants = self._template(order, grid), order.instructions
        if wants is not None:
            template += wishes(wants, grid)
            template = template.replace(_LIMIT, _ICEBERG, 1) if wants.display_lots else template
        return (
            f'{{"method":"add_order","params":{{{template},'
            f'"order_qty":{instrument.quantity_text(order.quantity_lots)}{price},"cl_ord_id":"{name}",'
            f'"deadline":"{instant_text(deadline_ns)}","token":"{token}"}},"req_id":{req_id}}}'
        ).encode()

    def _template(self, order: Order, grid: PairGrid) -> str:
        key = (order.instrument_id, order.side, order.order_type, order.time_in_force, order.post_only)
        template = self._templates.get(key)
        if template is None:
            template = self._templates[key] = self._make_template(order, grid)
        return template

    def _make_template(self, order: Order, grid: PairGrid) -> str:
        symbol = _encode_json(grid.instrument.symbol).decode()
        side, in_force = _SIDES[order.side], _IN_FORCE[order.time_in_force]
        if order.order_type is OrderType.MARKET:
            if order.post_only:
                raise UsageError("a market order cannot be post-only")
            return f'"order_type":"market","side":"{side}","symbol":{symbol}'
        if order.post_only and order.time_in_force not in (TimeInForce.GTC, TimeInForce.GTD):
            raise UsageError(f"a post-only order cannot be {in_force}")
        post_only = ',"post_only":true' if order.post_only else ""
        return f'"order_type":"limit","side":"{side}","symbol":{symbol},"time_in_force":"{in_force}"{post_only}'

    def amend(
        self, reference: str, order: Order, total_lots: int, grid: PairGrid, deadline_ns: int, token: str, req_id: int
    ) -> bytes:
        """``amend_order`` of the order that ``reference`` names, to a new total (filled included) and price."""
        instrument = grid.instrument
        post_only = ',"post_only":true' if order.post_only else ""
        return (
            f'{{"method":"amend_order","params":{{{reference},"order_qty":{instrument.quantity_text(total_lots)},'
            f'"limit_price":{instrument.price_text(order.price_ticks)}{post_only},'
            f'"deadline":"{instant_text(deadline_ns)}","token":"{token}"}},"req_id":{req_id}}}'
        ).encode()

    def cancel(self, reference: str, token: str, req_id: int) -> bytes:
        """``cancel_order`` of one order: ``reference`` is as of an amend, with a list of one."""
        return f'{{"method":"cancel_order","params":{{{reference},"token":"{token}"}},"req_id":{req_id}}}'.encode()

    def batch_cancel(self, order_ids: list[str], names: list[str], token: str, req_id: int) -> bytes:
        """``batch_cancel`` by the venue's ids and by its names of ours, ``BATCH_MAX`` together at most."""
        params: dict[str, object] = {"orders": order_ids, "token": token}
        if names:
            params["cl_ord_id"] = names
        return _encode_json({"method": "batch_cancel", "params": params, "req_id": req_id})

    def dead_man(self, timeout_s: int, token: str, req_id: int) -> bytes:
        params = {"timeout": timeout_s, "token": token}
        return _encode_json({"method": "cancel_all_orders_after", "params": params, "req_id": req_id})

    def subscribe(self, channel: str, options: dict[str, bool], token: str, req_id: int) -> bytes:
        params = {"channel": channel, **options, "token": token}
        return _encode_json({"method": "subscribe", "params": params, "req_id": req_id})

    def ping(self, req_id: int) -> bytes:
        return _encode_json({"method": "ping", "req_id": req_id})
