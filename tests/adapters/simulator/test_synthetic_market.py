"""The generated market: its public messages rebuild its book, clients are part of it, and a seed is a market."""

import json
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.simulator.market import Ended, Executed, MarketEvent, Prevented, Public
from adapters.simulator.order import SimOrder, StpMode
from adapters.simulator.synthetic_market import FlowParameters, SyntheticMarket, default_instrument
from engine.codes import Side, TimeInForce
from engine.errors import InvariantError, UsageError

SECOND = 1_000_000_000
WALL = 1_700_000_000_000_000_000
INSTRUMENT = default_instrument()


def started(seed: int = 1, parameters: FlowParameters | None = None) -> SyntheticMarket:
    market = SyntheticMarket(INSTRUMENT, seed, parameters)
    market.start(0, WALL)
    return market


def public(events: list[MarketEvent], kind: str) -> Iterator[dict]:  # type: ignore[type-arg]
    return (json.loads(e.payload) for e in events if isinstance(e, Public) and e.stream.partition("@")[2] == kind)


class PublicBook:
    """A follower's book: a snapshot and then the depth updates, by the venue's rule."""

    def __init__(self, market: SyntheticMarket) -> None:
        self.update_id, bids, asks = market.snapshot(5000)
        self.sides = {"b": dict(bids), "a": dict(asks)}

    def apply(self, update: dict) -> None:  # type: ignore[type-arg]
        assert update["U"] <= self.update_id + 1 <= update["u"]
        for key, side in self.sides.items():
            for price, quantity in update[key]:
                assert len(price.partition(".")[2]) == len(quantity.partition(".")[2]) == 8
                lots = INSTRUMENT.quantity_lots(quantity)
                if lots:
                    side[INSTRUMENT.price_ticks(price)] = lots
                else:
                    side.pop(INSTRUMENT.price_ticks(price), None)  # it may have come and gone in between
        self.update_id = update["u"]

    def levels(self) -> tuple[int, tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]:
        bids, asks = self.sides["b"], self.sides["a"]
        return self.update_id, tuple(sorted(bids.items(), reverse=True)), tuple(sorted(asks.items()))


def test_the_depth_updates_rebuild_the_book() -> None:
    market = started()
    book = PublicBook(market)
    for tick in range(1, 101):
        for update in public(market.advance(tick * SECOND // 10), "depth@100ms"):
            book.apply(update)
            assert update["E"] == WALL // 1_000_000 + tick * 100
        assert book.levels() == market.snapshot(5000)
    assert book.update_id > 1000


def test_a_snapshot_between_two_depth_updates_joins_the_stream() -> None:
    market = started()
    market.advance(SECOND + 50_000_000)
    book = PublicBook(market)
    for update in public(market.advance(2 * SECOND), "depth@100ms"):
        book.apply(update)
    assert book.levels() == market.snapshot(5000)


def test_tickers_and_trades_are_consistent_with_the_book() -> None:
    market = started(3)
    last_trade_id, best = 0, market.best()
    for step in range(1, 2000):
        events = market.advance(step * 5_000_000)
        for trade in public(events, "trade"):
            assert trade["t"] == last_trade_id + 1
            assert (trade["E"], trade["s"], trade["M"]) == (trade["T"], "BTCUSDT", True)
            last_trade_id = trade["t"]
            assert INSTRUMENT.price_ticks(trade["p"]) > 0
        for ticker in public(events, "bookTicker"):
            best = (
                INSTRUMENT.price_ticks(ticker["b"]),
                INSTRUMENT.quantity_lots(ticker["B"]),
                INSTRUMENT.price_ticks(ticker["a"]),
                INSTRUMENT.quantity_lots(ticker["A"]),
            )
            assert best[0] < best[2]
        assert best == market.best()
    assert last_trade_id > 50


def run(seed: int, parameters: FlowParameters) -> list[object]:
    """A market with a few client orders in it, written down."""
    market = started(seed, parameters)
    log: list[object] = [market.snapshot(1000)]
    for step in range(1, 30):
        now_ns = step * SECOND // 10
        log += [(e.stream, e.payload, e.due_ns) for e in market.advance(now_ns) if isinstance(e, Public)]
        order = SimOrder(step, "a", f"c{step}", Side.BUY if step % 2 else Side.SELL, 0, 50_000, TimeInForce.IOC)
        log += [(e.price_ticks, e.quantity_lots) for e in market.place(order, now_ns) if isinstance(e, Executed)]
    return log


def test_one_seed_is_one_market_and_another_seed_another() -> None:
    parameters = FlowParameters(events_per_second=500)
    assert run(11, parameters) == run(11, parameters)
    assert run(11, parameters) != run(12, parameters)


def test_how_often_it_is_asked_changes_nothing() -> None:
    def payloads(step_ns: int) -> list[bytes]:
        market = started(5)
        steps = range(step_ns, 3 * SECOND + 1, step_ns)
        return [e.payload for now_ns in steps for e in market.advance(now_ns) if isinstance(e, Public)]

    assert payloads(SECOND) == payloads(SECOND // 100)


def test_next_event_is_the_time_of_the_next_thing() -> None:
    market = started(2)
    for _ in range(300):
        due_ns = market.next_event_ns()
        assert due_ns is not None
        assert market.advance(due_ns - 1) == []
        assert all(e.due_ns == due_ns for e in market.advance(due_ns) if isinstance(e, Public))


def test_nothing_happens_before_the_start() -> None:
    market = SyntheticMarket(INSTRUMENT, 1)
    assert market.next_event_ns() is None
    assert market.advance(SECOND) == []
    update_id, bids, asks = market.snapshot(1000)
    assert min(len(bids), len(asks)) >= 50
    order = SimOrder(1, "a", "c1", Side.BUY, asks[0][0], 1)
    assert len(market.place(order, 0)) == 1
    assert market.advance(SECOND) == []
    assert market.snapshot(1)[0] == update_id + 1
    market.start(0)
    assert market.advance(0) == []
    with pytest.raises(InvariantError):
        market.start(0)


@pytest.mark.parametrize("seed", range(3))
def test_price_and_depth_stay_in_bounds_over_minutes(seed: int) -> None:
    flow = FlowParameters(resting_orders=400, levels=100)
    market = started(seed, flow)
    events = 0
    for second in range(1, 121):
        events += sum(isinstance(e, Public) for e in market.advance(second * SECOND))
        bid, _, ask, _ = market.best()
        assert 0 < bid < ask
        assert abs(bid - flow.centre_ticks) < 30_000
        assert ask - bid < 2_000
        _, bids, asks = market.snapshot(5000)
        assert min(len(bids), len(asks)) >= 10
    assert events > 120 * 50


def test_a_waiting_client_is_filled_and_its_order_is_public() -> None:
    market = started(1)
    bid, bid_lots, _, _ = market.best()
    order = SimOrder(1, "a", "c1", Side.BUY, bid, 777)
    assert market.place(order, 10) == []
    assert market.best()[:2] == (bid, bid_lots + 777)
    assert market.next_event_ns() == 10
    tickers = list(public(market.advance(10), "bookTicker"))
    assert [t["B"] for t in tickers] == [INSTRUMENT.quantity_text(bid_lots + 777) + "000"]
    fills = [e for e in market.advance(60 * SECOND) if isinstance(e, Executed)]
    assert sum(e.quantity_lots for e in fills) == 777
    assert all(e.maker is order and e.taker is None and e.aggressor is Side.SELL for e in fills)
    assert [e.maker_cum_lots for e in fills][-1] == order.cum_lots == 777
    assert not order.is_resting


def test_cancel_and_reduce_show_in_the_public_book() -> None:
    market = started(4)
    bid, bid_lots, ask, _ = market.best()
    order = SimOrder(1, "a", "c1", Side.BUY, ask - 1, 900)
    market.place(order, 0)
    assert market.reduce(order, 300, 0)
    assert not market.reduce(order, 300, 0)
    expected = bid_lots + 300 if ask - 1 == bid else 300
    assert market.best()[1] == expected
    assert market.cancel(order, 0)
    assert not market.cancel(order, 0)
    assert market.best()[:2] == (bid, bid_lots)
    assert len(list(public(market.advance(0), "bookTicker"))) == 3


def test_a_client_that_takes_a_whole_side_does_not_end_the_market() -> None:
    market = started(6)
    order = SimOrder(1, "a", "c1", Side.BUY, 0, 10**12, TimeInForce.IOC)
    events = market.place(order, 0)
    assert isinstance(events[-1], Ended)
    assert events[-1].why == "expired_no_liquidity"
    assert market.best()[2:] == (0, 0)
    market.advance(30 * SECOND)
    bid, _, ask, _ = market.best()
    assert 0 < bid < ask
    assert min(len(side) for side in market.snapshot(100)[1:]) >= 20


def test_an_order_without_an_account_is_a_bug() -> None:
    with pytest.raises(InvariantError, match="order 9"):
        started().place(SimOrder(9, "", "c", Side.BUY, 1, 1), 0)


@pytest.mark.parametrize(
    ("parameters", "names"),
    [
        (FlowParameters(market_percent=60, limit_percent=60), "limit_percent"),
        (FlowParameters(limit_percent=0), "limit_percent"),
        (FlowParameters(distance_ticks=()), "distance_ticks"),
        (FlowParameters(distance_ticks=(0,)), "distance_ticks"),
        (FlowParameters(lots_log2_min=9, lots_log2_max=8), "lots_log2_min"),
        (FlowParameters(levels=0), "levels"),
        (FlowParameters(centre_ticks=100), "centre_ticks"),
        (FlowParameters(events_per_second=0), "rates"),
        (FlowParameters(branching_percent=100), "branching"),
    ],
)
def test_parameters_that_make_no_market_are_refused_by_name(parameters: FlowParameters, names: str) -> None:
    with pytest.raises(UsageError, match=names):
        SyntheticMarket(INSTRUMENT, 1, parameters)


CLIENT_STEP = st.tuples(
    st.sampled_from([Side.BUY, Side.SELL]),
    st.integers(-5, 30),
    st.integers(1, 200_000),
    st.sampled_from([TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK]),
    st.sampled_from(["a", "b"]),
    st.sampled_from(list(StpMode)),
    st.integers(0, 50_000_000),
)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.lists(CLIENT_STEP, max_size=40))
def test_clients_and_public_agree_whatever_the_clients_do(seed: int, steps: list[tuple]) -> None:  # type: ignore[type-arg]
    market = started(seed, FlowParameters(resting_orders=100, levels=50))
    book = PublicBook(market)
    orders: list[SimOrder] = []
    seen: dict[SimOrder, int] = {}
    now_ns = 0

    def follow(events: list[MarketEvent]) -> None:
        for event in events:
            if isinstance(event, Public):
                if event.stream.endswith("@depth@100ms"):
                    book.apply(json.loads(event.payload))
            elif isinstance(event, Executed):
                assert event.maker or event.taker
                for order, cum in ((event.maker, event.maker_cum_lots), (event.taker, event.taker_cum_lots)):
                    if order is not None:
                        seen[order] = seen.get(order, 0) + event.quantity_lots
                        assert cum == seen[order]
            elif isinstance(event, Prevented):
                assert event.order_maker.account == event.order_taker.account

    for side, behind, lots, tif, account, stp, wait_ns in steps:
        now_ns += wait_ns
        follow(market.advance(now_ns))
        bid, _, ask, _ = market.best()
        price = ask - behind if side is Side.BUY else bid + behind
        order = SimOrder(len(orders) + 1, account, "", side, price, lots, tif, stp_mode=stp)
        orders.append(order)
        follow(market.place(order, now_ns))
    follow(market.advance((now_ns // (SECOND // 10) + 1) * (SECOND // 10)))
    assert book.levels() == market.snapshot(5000)
    assert all(order.cum_lots == seen.get(order, 0) for order in orders)
