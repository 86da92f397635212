"""The adapter in conversation with the simulated venue, in virtual time: every order ends in exactly one way, and our
ledger is the venue's, whatever breaks in between."""

import base64
import random
from typing import Any

import pytest
from venue_desk import HERE, LOT, SECOND, Desk, random_step

from adapters.kraken.session import KrakenSession
from adapters.kraken.signing import Credentials
from adapters.kraken.urls import KrakenEndpoints
from engine.codes import OrderStatus, OrderType, Reason, SelfTradePrevention, Side, TimeInForce
from engine.messages import Instructions
from engine.order import Order
from engine.venue import CancelAllAnswered

ORDERS, STREAMS, REST = "session:orders", "session:streams", "session:rest"
SECRET = base64.b64encode(b"keyA" * 8).decode()  # as the venue of these tests has it


class KrakenDesk(Desk):
    session: KrakenSession

    def make_session(self) -> KrakenSession:
        endpoints = KrakenEndpoints(HERE, HERE, HERE)
        return KrakenSession("kraken", [(1, "BTC/USD")], Credentials("keyA", SECRET), endpoints, self)


@pytest.fixture
def desk(make_venue: Any) -> KrakenDesk:
    desk = KrakenDesk(make_venue())
    desk.until(lambda: desk.live and desk.reconciled)
    return desk


def test_from_nothing_to_a_live_session_with_a_checked_book(make_venue: Any) -> None:
    harness = make_venue()
    harness.others(Side.BUY, 1_000, LOT)
    harness.others(Side.SELL, 1_010, 2 * LOT)
    desk = KrakenDesk(harness)
    desk.until(lambda: desk.live and desk.books.get(1, False))
    assert desk.session.book(1).best() == (1_000, LOT, 1_010, 2 * LOT)
    harness.others(Side.BUY, 1_005, 3 * LOT)
    desk.advance(SECOND)
    assert desk.session.book(1).best() == (1_005, 3 * LOT, 1_010, 2 * LOT)
    assert "book checksum" not in desk.session.counters
    assert desk.session.send_refusal(desk.now_ns) is Reason.NONE


def test_the_life_of_an_order(desk: KrakenDesk) -> None:
    order = desk.place(Side.BUY, 1_000, 2 * LOT)
    assert order.status is OrderStatus.NEW
    desk.harness.others(Side.SELL, 1_000, LOT // 2, ioc=True)
    desk.advance(0)
    assert (order.status, order.cum_lots) == (OrderStatus.PARTIALLY_FILLED, LOT // 2)
    desk.cancel(order)
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
def test_every_kind_of_order(desk: KrakenDesk, terms: dict[str, Any], status: OrderStatus) -> None:
    desk.harness.others(Side.SELL, 1_000, LOT)
    lots = LOT if "order_type" in terms else 2 * LOT
    order = desk.place(Side.BUY, terms.pop("price_ticks", 1_000), lots, **terms)
    desk.advance(SECOND)
    assert order.status in (status, OrderStatus.EXPIRED if status is OrderStatus.REJECTED else status)
    desk.check()


def test_an_order_ends_at_its_time(desk: KrakenDesk) -> None:
    ends_ns = (desk.wall_ns(desk.now_ns) // SECOND + 30) * SECOND
    wants = Instructions(expires_wall_ns=ends_ns)
    order = desk.place(Side.BUY, 1_000, LOT, time_in_force=TimeInForce.GTD, post_only=True, instructions=wants)
    desk.advance(20 * SECOND)
    assert order.status is OrderStatus.NEW
    desk.advance(15 * SECOND)
    assert order.status is OrderStatus.EXPIRED
    desk.check()


def test_an_iceberg_shows_a_part_and_fills_whole(desk: KrakenDesk) -> None:
    order = desk.place(Side.BUY, 1_000, 2 * LOT, instructions=Instructions(display_lots=LOT // 2))
    assert desk.harness.market.best()[:2] == (1_000, LOT // 2)
    desk.harness.others(Side.SELL, 1_000, 3 * LOT, ioc=True)
    desk.advance(SECOND)
    assert (order.status, order.cum_lots) == (OrderStatus.FILLED, 2 * LOT)
    desk.check()


@pytest.mark.parametrize(
    ("mode", "passive", "aggressive"),
    [
        (SelfTradePrevention.CANCEL_PASSIVE, OrderStatus.EXPIRED, OrderStatus.NEW),
        (SelfTradePrevention.CANCEL_AGGRESSIVE, OrderStatus.NEW, OrderStatus.EXPIRED),
        (SelfTradePrevention.CANCEL_BOTH, OrderStatus.EXPIRED, OrderStatus.EXPIRED),
    ],
)
def test_what_meets_its_own_ends_as_it_was_asked(
    desk: KrakenDesk, mode: SelfTradePrevention, passive: OrderStatus, aggressive: OrderStatus
) -> None:
    first = desk.place(Side.BUY, 1_000, LOT)
    second = desk.place(Side.SELL, 1_000, LOT, instructions=Instructions(self_trade=mode))
    desk.advance(SECOND)
    assert (first.status, second.status) == (passive, aggressive)
    desk.check()


def test_replaces_keep_count_of_what_was_filled(desk: KrakenDesk) -> None:
    first = desk.place(Side.BUY, 1_000, 2 * LOT)
    desk.harness.others(Side.SELL, 1_000, LOT // 2, ioc=True)
    desk.advance(0)
    second = desk.replace(first, 1_001, LOT)
    assert (first.status, first.cum_lots) == (OrderStatus.REPLACED, LOT // 2)
    assert second.status is OrderStatus.NEW
    desk.harness.others(Side.SELL, 1_001, LOT // 4, ioc=True)
    desk.advance(0)
    third = desk.replace(second, 1_002, LOT // 2)
    desk.harness.others(Side.SELL, 1_002, LOT, ioc=True)
    desk.advance(SECOND)
    assert (second.status, second.cum_lots) == (OrderStatus.REPLACED, LOT // 4)
    assert (third.status, third.cum_lots) == (OrderStatus.FILLED, LOT // 2)
    desk.check()


def test_cancelling_everything(desk: KrakenDesk) -> None:
    orders = [desk.place(Side.BUY, 900 + n, LOT // 10) for n in range(7)]
    desk.session.cancel_all(1, desk.now_ns)
    desk.advance(SECOND)
    assert desk.answered == [CancelAllAnswered(1, "")]
    assert {each.status for each in orders} == {OrderStatus.CANCELLED}
    desk.check()


def test_the_dead_man_timer_cancels_when_it_is_not_armed_again(desk: KrakenDesk) -> None:
    order = desk.place(Side.BUY, 900, LOT)
    for _ in range(3):
        assert desk.session.arm_dead_man_timer(10 * SECOND, desk.now_ns)
        desk.advance(5 * SECOND)
        assert order.status is OrderStatus.NEW
    desk.advance(10 * SECOND)
    assert order.status is OrderStatus.CANCELLED


def test_a_later_life_finds_what_an_earlier_one_has_left(desk: KrakenDesk) -> None:
    plain = desk.place(Side.BUY, 900, LOT)
    first = desk.place(Side.BUY, 950, LOT)
    second = desk.replace(first, 951, LOT)
    desk.harness.others(Side.SELL, 951, LOT // 4, ioc=True)
    desk.advance(0)
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


@pytest.mark.parametrize("seed", range(12))
def test_whatever_breaks_the_ledgers_agree(make_venue: Any, seed: int) -> None:
    """Orders, cancels, replaces and the public at random, while connections break at the worst times."""
    chance = random.Random(seed)
    desk = KrakenDesk(make_venue(seed=seed))
    desk.until(lambda: desk.live and desk.reconciled)
    orders: list[Order] = []
    for _ in range(60):
        random_step(desk, chance, orders, (ORDERS, ORDERS, STREAMS, REST))
    desk.breaks = ""
    desk.until(desk.is_settled)
    for order in desk.blotter.open_orders():
        if order.can_cancel:
            desk.cancel(order)
    desk.until(lambda: not desk.blotter.open_orders())
    desk.advance(5 * SECOND)
    assert all(order.status.is_terminal for order in orders)
    assert not +desk.exposure.reserved, desk.exposure.reserved
    desk.check()
