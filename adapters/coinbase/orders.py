"""Engine → wire: orders, cancels and edits as whole HTTP requests, ready to be written to any order connection.

Everything about an order that does not change from one to the next is formatted once: the order path joins a few texts.
An engine order id is the venue's, with ``/k`` behind it once the order has been edited k times: an edit keeps the
venue's id, but for the engine a replacement is an order of its own.
"""

import re

import msgspec

from adapters.coinbase.order_types import configuration
from adapters.coinbase.urls import PATHS
from adapters.grid import InstrumentGrid
from engine.codes import OrderType, Side, TimeInForce
from engine.errors import UsageError
from engine.order import Order

__all__ = [
    "CANCELS_MAX",
    "CLIENT_ORDER_ID",
    "CancelFrame",
    "EditFrame",
    "NewFrame",
    "OrderEncoder",
    "engine_id",
    "venue_id",
]

#: Any text that is unique will do for the venue; ours are of this kind.
CLIENT_ORDER_ID = re.compile(r"[a-zA-Z0-9_-]{1,128}")
#: Orders per cancel request.
CANCELS_MAX = 100

_encode_json = msgspec.json.Encoder().encode


class NewFrame(bytes):
    """An encoded new order, not yet sent."""

    client_order_id: str
    instrument_id: int
    quantity_lots: int


class CancelFrame(bytes):
    """An encoded cancel of one order, not yet sent. ``order_id`` is the venue's; empty (and so is the frame) when the
    venue has not told it yet."""

    client_order_id: str
    order_id: str


class EditFrame(bytes):
    """An encoded edit, not yet sent. ``refusal`` tells why there is none (then the frame is empty). ``quantity_lots``
    is what the engine wants, ``total_lots`` that and what had been filled before."""

    client_order_id: str
    orig_client_order_id: str
    order_id: str
    price_ticks: int
    quantity_lots: int
    total_lots: int
    refusal: str


def venue_id(order_id: str) -> tuple[str, int]:
    """An engine order id as (the venue's, how often the order had been edited)."""
    name, _, edits = order_id.partition("/")
    return name, int(edits) if edits.isascii() and edits.isdigit() else 0


def engine_id(order_id: str, edits: int) -> str:
    return f"{order_id}/{edits}" if edits else order_id


class OrderEncoder:
    """``host`` goes into the Host header. Tokens come ready."""

    def __init__(self, host: str) -> None:
        self._heads = {
            path: (
                f"POST {path} HTTP/1.1\r\nhost: {host}\r\naccept: application/json\r\n"
                "content-type: application/json\r\nauthorization: Bearer "
            )
            for path in (PATHS.orders, PATHS.cancel, PATHS.edit)
        }
        self._templates: dict[tuple[int, Side, OrderType, TimeInForce, bool], tuple[str, str, str]] = {}

    def _request(self, path: str, token: str, body: str) -> bytes:
        # The body is ASCII, so its length in characters is its length in bytes.
        return f"{self._heads[path]}{token}\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode("ascii")

    # -- the order path --------------------------------------------------------------------------------------

    def new(self, order: Order, grid: InstrumentGrid, token: str) -> NewFrame:
        """Raises UsageError for a client order id that is none of ours, and for an order that the venue has not."""
        cid = order.client_order_id
        if CLIENT_ORDER_ID.fullmatch(cid) is None:
            raise UsageError(f"client order id {cid!r}: 1 to 128 of A-Z, a-z, 0-9, - and _")
        if order.instructions is not None:
            return self._special(order, grid, token)
        key = (order.instrument_id, order.side, order.order_type, order.time_in_force, order.post_only)
        template = self._templates.get(key)
        if template is None:
            template = self._templates[key] = _template(order, grid)
        middle, priced, end = template
        quantity = grid.instrument.quantity_text(order.quantity_lots)
        price = f'{priced}{grid.instrument.price_text(order.price_ticks)}"' if priced else ""
        body = f'{{"client_order_id":"{cid}",{middle}{quantity}"{price}{end}'
        return self._new_frame(order, body, token)

    def _special(self, order: Order, grid: InstrumentGrid, token: str) -> NewFrame:
        body = {
            "client_order_id": order.client_order_id,
            "product_id": grid.instrument.symbol,
            "side": order.side.name,
            "order_configuration": configuration(order, grid),
        }
        return self._new_frame(order, _encode_json(body).decode("ascii"), token)

    def _new_frame(self, order: Order, body: str, token: str) -> NewFrame:
        frame = NewFrame(self._request(PATHS.orders, token, body))
        frame.client_order_id, frame.instrument_id = order.client_order_id, order.instrument_id
        frame.quantity_lots = order.quantity_lots
        return frame

    # -- the rest --------------------------------------------------------------------------------------------

    def cancel(self, order_ids: tuple[str, ...], token: str) -> bytes:
        """By the venue's own ids, the only ones it takes."""
        return self._request(PATHS.cancel, token, _encode_json({"order_ids": order_ids}).decode("ascii"))

    def edit(self, order_id: str, price: str, size: str, token: str) -> bytes:
        """Both have to be given: the venue takes one that is left out as 0."""
        body = _encode_json({"order_id": order_id, "price": price, "size": size}).decode("ascii")
        return self._request(PATHS.edit, token, body)


def _template(order: Order, grid: InstrumentGrid) -> tuple[str, str, str]:
    """Around quantity and price: what stands before the one, between the two ("": no price), and behind."""
    kind, tail = _configuration(order)
    symbol = _encode_json(grid.instrument.symbol).decode()
    middle = f'"product_id":{symbol},"side":"{order.side.name}","order_configuration":{{"{kind}":{{"base_size":"'
    priced = "" if order.order_type is OrderType.MARKET else ',"limit_price":"'
    return middle, priced, f"{tail}}}}}}}"


def _configuration(order: Order) -> tuple[str, str]:
    """The venue's name for this kind of order, and what else belongs to it."""
    if order.order_type is OrderType.MARKET:
        if order.time_in_force is TimeInForce.FOK:
            raise UsageError(f"{order.client_order_id}: on spot the venue has no market order that fills whole or not")
        return "market_market_ioc", ""
    if order.time_in_force is TimeInForce.IOC:
        return "sor_limit_ioc", ""
    if order.time_in_force is TimeInForce.FOK:
        return "limit_limit_fok", ""
    return "limit_limit_gtc", f',"post_only":{"true" if order.post_only else "false"}'
