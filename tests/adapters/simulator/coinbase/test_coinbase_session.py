"""The adapter in conversation with the simulated venue, in virtual time: every order ends in exactly one way, and our
ledger is the venue's, whatever breaks in between."""

import random
from typing import Any

import pytest
from venue_desk import HERE, LOT, MS, SECOND, Desk, random_step

from adapters.coinbase.options import CoinbaseOptions
from adapters.coinbase.session import CoinbaseSession
from adapters.coinbase.signing import Credentials
from adapters.coinbase.urls import CoinbaseEndpoints
from engine.codes import OrderStatus, OrderType, Reason, Side, TimeInForce
from engine.messages import Instructions
from engine.order import Order
from engine.venue import CancelAllAnswered

LINKS = ("session:orders:0", "session:orders:1", "session:user", "session:streams:0", "session:rest", "session:fills")
#: What the venue would have, with its delays.
DELAYS = {"queue_ns": 2 * MS, "fills_lag_ns": 20 * MS, "book_interval_ns": 50 * MS, "trades_interval_ns": 250 * MS}


class CoinbaseDesk(Desk):
    session: CoinbaseSession

    def __init__(self, harness: Any, key: str = "keyA", **options: Any) -> None:
        self.key, self.options = key, CoinbaseOptions(**options)
        super().__init__(harness)

    def make_session(self) -> CoinbaseSession:
        endpoints = CoinbaseEndpoints(HERE, HERE, HERE)
        credentials = Credentials(self.key, self.harness.secret(self.key))
        return CoinbaseSession("coinbase", [(1, "BTC-USD")], credentials, endpoints, self, self.options)


@pytest.fixture
def make_true(make_venue: Any, make_market: Any) -> Any:
    """A venue with its true delays, where small orders at low prices are worth enough."""
    return lambda **options: make_venue(make_market(notional_tick_lots_min=10**7), **{**DELAYS, **options})


@pytest.fixture
def desk(make_true: Any) -> CoinbaseDesk:
    desk = CoinbaseDesk(make_true())
    desk.until(lambda: desk.live and desk.reconciled)
    return desk


@pytest.mark.parametrize("key", ["keyA", "edA"])
def test_from_nothing_to_a_live_session_with_a_book(make_true: Any, key: str) -> None:
    harness = make_true()
    harness.others(Side.BUY, 1_000, LOT)
    harness.others(Side.SELL, 1_010, 2 * LOT)
    desk = CoinbaseDesk(harness, key)
    desk.until(lambda: desk.live and desk.books.get(1, False))
    assert desk.session.book(1).best() == (1_000, LOT, 1_010, 2 * LOT)
    harness.others(Side.BUY, 1_005, 3 * LOT)
    desk.advance(SECOND)
    assert desk.session.book(1).best() == (1_005, 3 * LOT, 1_010, 2 * LOT)
    assert desk.session.send_refusal(desk.now_ns) is Reason.NONE
    desk.advance(200 * SECOND)  # tokens, beats and idle connections come and go
    assert desk.live
    assert desk.books[1]


def test_the_life_of_an_order(desk: CoinbaseDesk) -> None:
    order = desk.place(Side.BUY, 1_000, 2 * LOT)
    assert order.status is OrderStatus.NEW
    desk.harness.others(Side.SELL, 1_000, LOT // 2, ioc=True)
    desk.advance(SECOND)
    assert (order.status, order.cum_lots) == (OrderStatus.PARTIALLY_FILLED, LOT // 2)
    desk.cancel(order)
    desk.advance(SECOND)
    assert (order.status, order.cum_lots) == (OrderStatus.CANCELLED, LOT // 2)
    desk.check()


@pytest.mark.parametrize(
    ("terms", "status"),
    [
        ({"time_in_force": TimeInForce.IOC}, OrderStatus.EXPIRED),
        ({"time_in_force": TimeInForce.FOK}, OrderStatus.EXPIRED),
        ({"order_type": OrderType.MARKET, "price_ticks": 0}, OrderStatus.FILLED),
        ({"post_only": True}, OrderStatus.REJECTED),
    ],
)
def test_every_kind_of_order(desk: CoinbaseDesk, terms: dict[str, Any], status: OrderStatus) -> None:
    desk.harness.others(Side.SELL, 1_000, LOT)
    lots = LOT if "order_type" in terms else 2 * LOT
    order = desk.place(Side.BUY, terms.pop("price_ticks", 1_000), lots, **terms)
    desk.advance(SECOND)
    assert order.status is status
    desk.check()


def test_an_order_ends_at_its_time(desk: CoinbaseDesk) -> None:
    ends_ns = (desk.wall_ns(desk.now_ns) // SECOND + 30) * SECOND
    wants = Instructions(expires_wall_ns=ends_ns)
    order = desk.place(Side.BUY, 1_000, LOT, time_in_force=TimeInForce.GTD, post_only=True, instructions=wants)
    desk.advance(20 * SECOND)
    assert order.status is OrderStatus.NEW
    desk.advance(15 * SECOND)
    assert order.status is OrderStatus.EXPIRED
    desk.check()


def test_a_stop_waits_for_the_last_trade_and_is_a_limit_order_then(desk: CoinbaseDesk) -> None:
    desk.harness.others(Side.SELL, 1_000, LOT)
    desk.harness.others(Side.BUY, 1_000, LOT // 2, ioc=True)  # the market is at 1,000
    desk.harness.others(Side.SELL, 1_020, 2 * LOT)
    terms = {"order_type": OrderType.STOP_LIMIT, "instructions": Instructions(trigger_ticks=1_010)}
    order = desk.place(Side.BUY, 1_030, LOT, **terms)
    desk.advance(SECOND)
    assert (order.status, order.cum_lots) == (OrderStatus.NEW, 0)
    desk.harness.others(Side.BUY, 1_020, LOT, ioc=True)
    desk.advance(SECOND)
    assert (order.status, order.cum_lots) == (OrderStatus.FILLED, LOT)
    other = desk.place(Side.SELL, 900, LOT, **{**terms, "instructions": Instructions(trigger_ticks=905)})
    desk.cancel(other)
    desk.advance(SECOND)
    assert other.status is OrderStatus.CANCELLED
    desk.check()


def test_replaces_keep_count_of_what_was_filled(desk: CoinbaseDesk) -> None:
    first = desk.place(Side.BUY, 1_000, 2 * LOT)
    desk.harness.others(Side.SELL, 1_000, LOT // 2, ioc=True)
    desk.advance(SECOND)
    second = desk.replace(first, 1_001, LOT)
    desk.advance(SECOND)
    assert (first.status, first.cum_lots) == (OrderStatus.REPLACED, LOT // 2)
    assert second.status is OrderStatus.NEW
    desk.harness.others(Side.SELL, 1_001, LOT // 4, ioc=True)
    desk.advance(SECOND)
    third = desk.replace(second, 1_002, LOT // 2)
    desk.advance(SECOND)
    desk.harness.others(Side.SELL, 1_002, LOT, ioc=True)
    desk.advance(SECOND)
    assert (second.status, second.cum_lots) == (OrderStatus.REPLACED, LOT // 4)
    assert (third.status, third.cum_lots) == (OrderStatus.FILLED, LOT // 2)
    desk.check()


def test_an_edit_that_the_venue_drops_leaves_the_order_as_it_was(desk: CoinbaseDesk) -> None:
    first = desk.place(Side.BUY, 1_000, 2 * LOT, post_only=True)
    second = desk.replace(first, 1_005, 2 * LOT)
    desk.harness.others(Side.SELL, 1_004, LOT)  # before the engine gets to it: it would take now
    desk.until(lambda: second.status.is_terminal, 30 * SECOND)
    assert (first.status, second.status) == (OrderStatus.NEW, OrderStatus.REJECTED)
    desk.check()


def test_cancelling_everything(desk: CoinbaseDesk) -> None:
    orders = [desk.place(Side.BUY, 900 + n, LOT // 10) for n in range(7)]
    desk.session.cancel_all(1, desk.now_ns)
    desk.advance(SECOND)
    assert desk.answered == [CancelAllAnswered(1, "")]
    assert {each.status for each in orders} == {OrderStatus.CANCELLED}
    desk.check()


def test_cancelling_everything_says_so_when_an_order_that_is_being_edited_could_not_be_cancelled(
    desk: CoinbaseDesk,
) -> None:
    first = desk.place(Side.BUY, 900, LOT)
    desk.advance(SECOND)
    second = desk.replace(first, 901, LOT)
    desk.session.cancel_all(1, desk.now_ns)
    desk.advance(SECOND)
    assert desk.answered == [CancelAllAnswered(1, "ORDER_IS_BEING_REPLACED")]
    assert second.status is OrderStatus.NEW
    desk.session.cancel_all(1, desk.now_ns)
    desk.advance(SECOND)
    assert desk.answered[1:] == [CancelAllAnswered(1, "")]
    assert (first.status, second.status) == (OrderStatus.REPLACED, OrderStatus.CANCELLED)
    desk.check()


def test_more_open_orders_than_one_batch_of_the_snapshot_has(make_true: Any) -> None:
    desk = CoinbaseDesk(make_true())
    desk.until(lambda: desk.live and desk.reconciled)
    orders = []
    for number in range(100):  # two batches that are full, and an empty one that ends them
        while desk.session.send_refusal(desk.now_ns) is not Reason.NONE:
            desk.advance(50 * MS)
        orders.append(desk.place(Side.BUY, 800 + number, LOT // 10))
    desk.cut("session:user")
    desk.until(desk.is_settled)
    assert {each.status for each in orders} == {OrderStatus.NEW}
    desk.check()


def test_self_trade_prevention_is_told_as_such(desk: CoinbaseDesk) -> None:
    maker = desk.place(Side.SELL, 1_000, 3 * LOT)
    taker = desk.place(Side.BUY, 1_000, LOT)
    desk.advance(SECOND)
    assert (maker.status, taker.status) == (OrderStatus.NEW, OrderStatus.EXPIRED)
    desk.harness.others(Side.BUY, 1_000, 2 * LOT, ioc=True)
    desk.advance(SECOND)
    assert (maker.status, maker.cum_lots) == (OrderStatus.EXPIRED, 2 * LOT)
    desk.check()


def test_the_adapter_keeps_within_the_venues_limits(make_true: Any) -> None:
    """As many orders as it lets itself send, for ten seconds: the venue never says that it is too much."""
    desk = CoinbaseDesk(make_true())
    desk.until(lambda: desk.live and desk.reconciled)
    sent = 0
    for _ in range(1_000):
        if desk.session.send_refusal(desk.now_ns) is Reason.NONE:
            desk.place(Side.BUY, 900, LOT // 100)
            sent += 1
        desk.advance(10 * MS)
    assert sent > 150
    assert "error 429" not in desk.session.counters


def test_a_key_that_may_transfer_or_not_trade_is_not_used(make_true: Any) -> None:
    for key in ("richA", "readA"):
        desk = CoinbaseDesk(make_true(), key)
        desk.advance(10 * SECOND)
        assert not desk.live


def test_a_later_life_finds_what_an_earlier_one_has_left(desk: CoinbaseDesk) -> None:
    plain = desk.place(Side.BUY, 900, LOT)
    first = desk.place(Side.BUY, 950, LOT)
    desk.advance(SECOND)
    second = desk.replace(first, 951, LOT)
    desk.advance(SECOND)
    desk.harness.others(Side.SELL, 951, LOT // 4, ioc=True)
    desk.advance(SECOND)
    desk.stop()
    desk.harness.others(Side.SELL, 951, LOT // 4, ioc=True)
    desk.restart()
    desk.until(desk.is_settled)
    assert second.cum_lots == LOT // 2
    desk.harness.others(Side.SELL, 951, LOT // 4, ioc=True)
    desk.advance(SECOND)
    assert second.cum_lots == 3 * LOT // 4
    for order in (plain, second):
        desk.cancel(order)
    desk.advance(SECOND)
    assert (plain.status, second.status) == (OrderStatus.CANCELLED, OrderStatus.CANCELLED)
    desk.check()


@pytest.mark.parametrize("seed", range(8))
def test_whatever_breaks_the_ledgers_agree(make_true: Any, seed: int) -> None:
    """Orders, cancels, replaces and the public at random, while connections break at the worst times."""
    chance = random.Random(seed)
    desk = CoinbaseDesk(make_true(seed=seed))
    desk.until(lambda: desk.live and desk.reconciled)
    orders: list[Order] = []
    for _ in range(60):
        random_step(desk, chance, orders, LINKS)
    desk.breaks = ""
    desk.until(desk.is_settled, 400 * SECOND)
    for order in desk.blotter.open_orders():
        if order.can_cancel:
            desk.cancel(order)
    desk.until(lambda: not desk.blotter.open_orders(), 400 * SECOND)
    desk.advance(5 * SECOND)
    assert all(order.status.is_terminal for order in orders)
    assert not +desk.exposure.reserved, desk.exposure.reserved
    desk.check()
