"""Engine → wire: the WebSocket API's requests as JSON text.

A request's id says what it is and whom it concerns, so that an answer needs no memory of the question:

    n:ID  order.place          q:ID  order.status          a:INSTRUMENT  openOrders.cancelAll
    c:ID  order.cancel         o:QUERY:INSTRUMENT  openOrders.status (INSTRUMENT empty: of all)
    r:ID  order.cancelReplace (ID is the new order's)      t:QUERY       myTrades
    k:ID  order.amend.keepPriority (ID is the new order's)
    l:QUERY  allOrders         L:ID  orderList.place.… (ID is its first order's)

Everything about an order that does not change from one to the next is formatted once (``_Template``): the order path
joins a few texts. A logged-on session (Ed25519) signs nothing per request; with an HMAC key every request carries a
signature over its parameters, sorted by name.
"""

import re
from typing import NamedTuple

import msgspec

from adapters.binance.order_types import order_kind, order_params
from adapters.binance.signing import Signer, websocket_payload
from adapters.grid import InstrumentGrid
from engine.codes import OrderType, Side, TimeInForce
from engine.errors import UsageError
from engine.order import Order

__all__ = ["CLIENT_ORDER_ID", "OrderEncoder"]

#: The venue's own rule. An id that breaks it is refused before it gets here, and never gets past here.
CLIENT_ORDER_ID = re.compile(r"[a-zA-Z0-9_-]{1,36}")

_encode_json = msgspec.json.Encoder().encode


class _Template(NamedTuple):
    """What an order's request has in common with all others of its kind.

    ``middle`` is JSON: instrument, side, type, validity. ``signed_tail`` are the same parameters as they are signed
    (around the time stamp), for a key that signs every request.
    """

    middle: str
    is_priced: bool
    signed_side: str
    signed_type: str


class OrderEncoder:
    """Builds requests. Knows no time: ``timestamp`` comes ready, in the unit that the session uses."""

    def __init__(self, signer: Signer, recv_window_ms: int) -> None:
        self._signer = signer
        self._signs = not signer.can_log_on
        self._recv_window_ms = recv_window_ms
        self._templates: dict[tuple[int, Side, OrderType, TimeInForce, bool], _Template] = {}

    # -- the order path --------------------------------------------------------------------------------------

    def new(self, order: Order, grid: InstrumentGrid, timestamp: int) -> bytes:
        """``order.place``. Raises UsageError for a client order id that the venue could not take."""
        cid = _checked(order.client_order_id)
        if order.instructions is not None:
            params = {"symbol": grid.instrument.symbol, "newClientOrderId": cid, **order_params(order, grid)}
            return self.request(f"n:{cid}", "order.place", {**params, "newOrderRespType": "ACK"}, timestamp)
        template = self._template(order, grid)
        quantity = grid.instrument.quantity_text(order.quantity_lots)
        price = grid.instrument.price_text(order.price_ticks) if template.is_priced else ""
        price_json = f',"price":"{price}"' if template.is_priced else ""
        signature = self._sign_new(template, cid, price, quantity, timestamp) if self._signs else ""
        return (
            f'{{"id":"n:{cid}","method":"order.place","params":{{"newClientOrderId":"{cid}",{template.middle},'
            f'"quantity":"{quantity}"{price_json},"timestamp":{timestamp}{signature}}}}}'
        ).encode()

    def _sign_new(self, template: _Template, cid: str, price: str, quantity: str, timestamp: int) -> str:
        signer = self._signer
        price_part = f"&price={price}" if price else ""
        payload = (
            f"apiKey={signer.api_key}&newClientOrderId={cid}&newOrderRespType=ACK{price_part}&quantity={quantity}"
            f"&recvWindow={self._recv_window_ms}{template.signed_side}&timestamp={timestamp}{template.signed_type}"
        )
        return f',"apiKey":"{signer.api_key}","signature":"{signer.sign(payload.encode())}"'

    def _template(self, order: Order, grid: InstrumentGrid) -> _Template:
        key = (order.instrument_id, order.side, order.order_type, order.time_in_force, order.post_only)
        template = self._templates.get(key)
        if template is None:
            template = self._templates[key] = self._make_template(order, grid)
        return template

    def _make_template(self, order: Order, grid: InstrumentGrid) -> _Template:
        symbol, side, kind = grid.instrument.symbol, order.side.name, order_kind(order)
        in_force = order.time_in_force.name if kind == "LIMIT" else ""
        in_force_json = f',"timeInForce":"{in_force}"' if in_force else ""
        in_force_signed = f"&timeInForce={in_force}" if in_force else ""
        return _Template(
            middle=(
                f'"symbol":{_encode_json(symbol).decode()},"side":"{side}","type":"{kind}"{in_force_json},'
                f'"newOrderRespType":"ACK","recvWindow":{self._recv_window_ms}'
            ),
            is_priced=kind != "MARKET",
            signed_side=f"&side={side}&symbol={symbol}{in_force_signed}",
            signed_type=f"&type={kind}",
        )

    # -- the rest --------------------------------------------------------------------------------------------

    def cancel(self, order: Order, grid: InstrumentGrid, timestamp: int) -> bytes:
        """``order.cancel``, by the venue's id when it is known: that is its fastest way."""
        params = {"symbol": grid.instrument.symbol, **_reference(order, "orderId", "origClientOrderId")}
        return self.request(f"c:{order.client_order_id}", "order.cancel", params, timestamp)

    def replace(self, orig: Order, order: Order, grid: InstrumentGrid, timestamp: int) -> bytes:
        """``order.cancelReplace``: when the original cannot be cancelled, nothing new is placed."""
        cid = _checked(order.client_order_id)
        params: dict[str, str | int] = {
            "symbol": grid.instrument.symbol,
            "cancelReplaceMode": "STOP_ON_FAILURE",
            "newClientOrderId": cid,
            "newOrderRespType": "ACK",
            **order_params(order, grid),
            **_reference(orig, "cancelOrderId", "cancelOrigClientOrderId"),
        }
        return self.request(f"r:{cid}", "order.cancelReplace", params, timestamp)

    def amend(self, order_id: int, order: Order, total_lots: int, grid: InstrumentGrid, timestamp: int) -> bytes:
        """``order.amend.keepPriority`` to a lower total, what has executed included, under the new order's name."""
        cid = _checked(order.client_order_id)
        params: dict[str, str | int] = {
            "symbol": grid.instrument.symbol,
            "orderId": order_id,
            "newClientOrderId": cid,
            "newQty": grid.instrument.quantity_text(total_lots),
        }
        return self.request(f"k:{cid}", "order.amend.keepPriority", params, timestamp)

    def order_status(self, order: Order, grid: InstrumentGrid, timestamp: int) -> bytes:
        params = {"symbol": grid.instrument.symbol, **_reference(order, "orderId", "origClientOrderId")}
        return self.request(f"q:{order.client_order_id}", "order.status", params, timestamp)

    def request(self, request_id: str, method: str, params: dict[str, str | int], timestamp: int) -> bytes:
        """Any signed request."""
        params = {**params, "recvWindow": self._recv_window_ms, "timestamp": timestamp}
        if self._signs:
            params = self.signed(params)
        return _encode_json({"id": request_id, "method": method, "params": params})

    def signed(self, params: dict[str, str | int]) -> dict[str, str | int]:
        """``params`` with key and signature: every request of an HMAC key, and the logon of an Ed25519 one."""
        params = {**params, "apiKey": self._signer.api_key}
        return {**params, "signature": self._signer.sign(websocket_payload(params))}

    def log_on(self, request_id: str, timestamp: int) -> bytes:
        params = self.signed({"timestamp": timestamp})
        return _encode_json({"id": request_id, "method": "session.logon", "params": params})

    def subscribe(self, request_id: str, timestamp: int) -> bytes:
        """Subscribe to user data: plainly after a logon, else signed."""
        if not self._signs:
            return _encode_json({"id": request_id, "method": "userDataStream.subscribe"})
        params = self.signed({"timestamp": timestamp})
        return _encode_json({"id": request_id, "method": "userDataStream.subscribe.signature", "params": params})


def _reference(order: Order, by_order_id: str, by_client_order_id: str) -> dict[str, str | int]:
    """After any cancel the client order id at the venue is another one, so its own id comes first."""
    venue_id = order.order_id.partition("/")[0]  # (adapters/binance/amends.py)
    if venue_id.isascii() and venue_id.isdigit():
        return {by_order_id: int(venue_id)}
    return {by_client_order_id: order.client_order_id}


def _checked(client_order_id: str) -> str:
    if CLIENT_ORDER_ID.fullmatch(client_order_id) is None:
        raise UsageError(f"client order id {client_order_id!r}: 1 to 36 of A-Z, a-z, 0-9, - and _")
    return client_order_id
