"""Requests as the venue reads them."""

from typing import Any

import h11
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.coinbase import parse
from adapters.coinbase.messages import OrderInfo, Product
from adapters.coinbase.orders import NewFrame, OrderEncoder, engine_id, venue_id
from adapters.grid import InstrumentGrid
from engine.codes import OrderType, Side, TimeInForce
from engine.errors import UsageError
from engine.messages import NewOrder
from engine.order import Order

PRODUCT = Product("BTC-USD", "0.00000001", "0.01", "BTC", "USD", price_increment="0.01")
GRID = InstrumentGrid(parse.instrument(PRODUCT, 1, "coinbase"))


def read(request: bytes) -> tuple[str, dict[str, str], Any]:
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(request)
    head = connection.next_event()
    assert isinstance(head, h11.Request)
    body = connection.next_event()
    assert isinstance(body, h11.Data)
    assert isinstance(connection.next_event(), h11.EndOfMessage)
    headers = {name.decode(): value.decode() for name, value in head.headers}
    return f"{head.method.decode()} {head.target.decode()}", headers, msgspec.json.decode(bytes(body.data))


def order(kind: OrderType, in_force: TimeInForce, post_only: bool = False, **changes: Any) -> Order:
    fields: dict[str, Any] = {"quantity_lots": 150_000_000, "price_ticks": 6_168_599, **changes}
    return Order.from_new(NewOrder("s-1", "acc", "s", 1, Side.SELL, kind, in_force, post_only=post_only, **fields))


def sent(each: Order) -> Any:
    line, headers, body = read(OrderEncoder("api.test").new(each, GRID, "TOKEN"))
    assert line == "POST /api/v3/brokerage/orders"
    assert headers["authorization"] == "Bearer TOKEN"
    assert headers["host"] == "api.test"
    assert headers["content-type"] == "application/json"
    assert body.pop("client_order_id") == "s-1"
    assert body.pop("product_id") == "BTC-USD"
    assert body.pop("side") == "SELL"
    assert list(body) == ["order_configuration"]
    return body["order_configuration"]


@pytest.mark.parametrize("post_only", [False, True])
def test_a_resting_limit_order(post_only: bool) -> None:
    shape = {"base_size": "1.50000000", "limit_price": "61685.99", "post_only": post_only}
    assert sent(order(OrderType.LIMIT, TimeInForce.GTC, post_only)) == {"limit_limit_gtc": shape}


@pytest.mark.parametrize(
    ("in_force", "kind"), [(TimeInForce.IOC, "sor_limit_ioc"), (TimeInForce.FOK, "limit_limit_fok")]
)
def test_a_limit_order_for_now_or_never(in_force: TimeInForce, kind: str) -> None:
    assert sent(order(OrderType.LIMIT, in_force)) == {kind: {"base_size": "1.50000000", "limit_price": "61685.99"}}


@pytest.mark.parametrize("in_force", [TimeInForce.IOC, TimeInForce.GTC])
def test_a_market_order_is_by_quantity(in_force: TimeInForce) -> None:
    shape = {"base_size": "1.50000000"}
    assert sent(order(OrderType.MARKET, in_force, price_ticks=0)) == {"market_market_ioc": shape}


def test_what_the_venue_has_not_is_refused() -> None:
    with pytest.raises(UsageError, match="fills whole or not"):
        OrderEncoder("h").new(order(OrderType.MARKET, TimeInForce.FOK, price_ticks=0), GRID, "T")
    bad = order(OrderType.LIMIT, TimeInForce.GTC)
    bad.client_order_id = 'x","side":"BUY'
    with pytest.raises(UsageError, match="client order id"):
        OrderEncoder("h").new(bad, GRID, "T")


@given(st.integers(1, 2**62), st.integers(1, 2**62))
def test_price_and_quantity_come_back_as_they_went(lots: int, ticks: int) -> None:
    configuration = sent(order(OrderType.LIMIT, TimeInForce.GTC, quantity_lots=lots, price_ticks=ticks))
    listed = {
        "order_id": "x",
        "product_id": "BTC-USD",
        "side": "SELL",
        "status": "OPEN",
        "order_configuration": configuration,
    }
    assert parse.order_shape(msgspec.convert(listed, OrderInfo), GRID) == (ticks, lots)


def test_cancels_and_edits() -> None:
    encoder = OrderEncoder("h")
    line, _, body = read(encoder.cancel(("a", "b"), "T"))
    assert (line, body) == ("POST /api/v3/brokerage/orders/batch_cancel", {"order_ids": ["a", "b"]})
    line, _, body = read(encoder.edit("a", "1.00", "2", "T"))
    assert (line, body) == ("POST /api/v3/brokerage/orders/edit", {"order_id": "a", "price": "1.00", "size": "2"})


def test_a_frame_knows_whose_it_is() -> None:
    frame = OrderEncoder("h").new(order(OrderType.LIMIT, TimeInForce.GTC), GRID, "T")
    assert isinstance(frame, NewFrame)
    assert frame.client_order_id == "s-1"
    assert frame.quantity_lots == 150_000_000


@given(st.integers(0, 5))
def test_an_order_id_of_the_engine_tells_the_venues(edits: int) -> None:
    assert venue_id(engine_id("0000-00", edits)) == ("0000-00", edits)
