"""The matching engine: single cases told as stories, and whole histories against a list-based model."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.simulator.market import Ended, Executed, MarketEvent, Prevented
from adapters.simulator.matching import MatchingEngine
from adapters.simulator.order import SimOrder, StpMode
from engine.codes import Side, TimeInForce
from engine.errors import InvariantError

BUY, SELL = Side.BUY, Side.SELL
GTC, IOC, FOK = TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK


def make(order_id: int, side: Side, price: int, lots: int, account: str = "", **more: object) -> SimOrder:
    return SimOrder(order_id, account or f"account-{order_id}", f"c{order_id}", side, price, lots, **more)  # type: ignore[arg-type]


def rest(engine: MatchingEngine, *orders: SimOrder) -> None:
    for order in orders:
        assert engine.place(order, 0) == []
        assert order.is_resting


def fills(events: list[MarketEvent]) -> list[tuple[int, int, int]]:
    """(maker's order id, price, lots) of each execution."""
    return [(e.maker.order_id, e.price_ticks, e.quantity_lots) for e in events if isinstance(e, Executed) and e.maker]


# -- stories ---------------------------------------------------------------------------------------------------


def test_execution_is_at_the_makers_price_best_first_then_oldest_first() -> None:
    engine = MatchingEngine()
    rest(engine, make(1, SELL, 102, 5), make(2, SELL, 101, 5), make(3, SELL, 101, 5))
    taker = make(4, BUY, 103, 12)
    events = engine.place(taker, 7)
    assert fills(events) == [(2, 101, 5), (3, 101, 5), (1, 102, 2)]
    assert [(e.trade_id, e.taker_cum_lots, e.aggressor, e.now_ns) for e in events if isinstance(e, Executed)] == [
        (1, 5, BUY, 7),
        (2, 10, BUY, 7),
        (3, 12, BUY, 7),
    ]
    assert engine.best() == (0, 0, 102, 3)
    assert not taker.is_resting


def test_the_rest_of_a_limit_order_stands_in_the_book() -> None:
    engine = MatchingEngine()
    rest(engine, make(1, SELL, 101, 5))
    taker = make(2, BUY, 101, 8)
    engine.place(taker, 0)
    assert (taker.cum_lots, taker.leaves_lots, taker.is_resting) == (5, 3, True)
    assert engine.best() == (101, 3, 0, 0)


@pytest.mark.parametrize(
    ("price", "time_in_force", "why"), [(101, IOC, "expired_ioc"), (0, IOC, "expired_no_liquidity")]
)
def test_what_is_not_executed_at_once_ends(price: int, time_in_force: TimeInForce, why: str) -> None:
    engine = MatchingEngine()
    rest(engine, make(1, SELL, 101, 5))
    taker = make(2, BUY, price, 8, time_in_force=time_in_force)
    events = engine.place(taker, 0)
    assert fills(events) == [(1, 101, 5)]
    assert events[-1] == Ended(taker, why, 0)
    assert not taker.is_resting
    assert engine.best() == (0, 0, 0, 0)


def test_fill_or_kill_takes_all_or_nothing() -> None:
    engine = MatchingEngine()
    rest(engine, make(1, SELL, 101, 5), make(2, SELL, 102, 5))
    short = make(3, BUY, 101, 6, time_in_force=FOK)
    assert engine.place(short, 0) == [Ended(short, "expired_fok", 0)]
    assert engine.best() == (0, 0, 101, 5)
    assert fills(engine.place(make(4, BUY, 102, 6, time_in_force=FOK), 0)) == [(1, 101, 5), (2, 102, 1)]


def test_post_only_that_would_take_never_enters() -> None:
    engine = MatchingEngine()
    rest(engine, make(1, SELL, 101, 5))
    order = make(2, BUY, 101, 5, post_only=True)
    assert engine.place(order, 3) == [Ended(order, "would_take", 3)]
    assert order.cum_lots == 0
    rest(engine, make(3, BUY, 100, 5, post_only=True))


def test_a_reduced_order_keeps_its_place_and_a_cancelled_one_is_gone() -> None:
    engine = MatchingEngine()
    first, second, third = make(1, BUY, 100, 9), make(2, BUY, 100, 5), make(3, BUY, 100, 5)
    rest(engine, first, second, third)
    assert engine.reduce(first, 4, 0)
    assert engine.cancel(second, 0)
    assert not engine.cancel(second, 0)
    assert engine.best() == (100, 9, 0, 0)
    assert fills(engine.place(make(4, SELL, 100, 6), 0)) == [(1, 100, 4), (3, 100, 2)]


@pytest.mark.parametrize("quantity", [0, 3, 10, 11])
def test_reduce_refuses_what_is_no_reduction_or_leaves_nothing(quantity: int) -> None:
    engine = MatchingEngine()
    order = make(1, BUY, 100, 10)
    rest(engine, order)
    engine.place(make(2, SELL, 100, 3), 0)
    assert not engine.reduce(order, quantity, 0)
    assert (order.quantity_lots, engine.best()) == (10, (100, 7, 0, 0))


def test_placing_an_order_twice_is_a_bug() -> None:
    engine = MatchingEngine()
    order = make(1, BUY, 100, 10)
    rest(engine, order)
    with pytest.raises(InvariantError, match="order 1"):
        engine.place(order, 0)


# -- self-trade prevention -------------------------------------------------------------------------------------

# maker 5 of account a, behind it maker 5 of account b, then a taker 8 of account a:
# mode → (prevented of maker, prevented of taker, who ends, executed with b, resting of the taker)
STP_CASES = [
    (StpMode.NONE, 0, 0, [], 3, 0),
    (StpMode.EXPIRE_TAKER, 0, 8, [3], 0, 0),
    (StpMode.EXPIRE_MAKER, 5, 0, [1], 5, 3),
    (StpMode.EXPIRE_BOTH, 5, 8, [1, 3], 0, 0),
    (StpMode.DECREMENT, 5, 5, [1], 3, 0),
    (StpMode.TRANSFER, 5, 5, [1], 3, 0),
]


@pytest.mark.parametrize(("mode", "of_maker", "of_taker", "ended", "with_b", "resting"), STP_CASES)
def test_the_takers_mode_decides(
    mode: StpMode, of_maker: int, of_taker: int, ended: list[int], with_b: int, resting: int
) -> None:
    engine = MatchingEngine()
    own = make(1, SELL, 101, 5, "a", stp_mode=StpMode.EXPIRE_BOTH)  # a maker's mode means nothing
    other = make(2, SELL, 101, 5, "b")
    rest(engine, own, other)
    taker = make(3, BUY, 101, 8, "a", stp_mode=mode)
    events = engine.place(taker, 0)
    assert (own.prevented_lots, taker.prevented_lots) == (of_maker, of_taker)
    assert [e.order.order_id for e in events if isinstance(e, Ended)] == ended
    assert all(e.why == "expired_stp" for e in events if isinstance(e, Ended))
    assert other.cum_lots == with_b
    assert (taker.leaves_lots if taker.is_resting else 0) == resting
    prevented = [e for e in events if isinstance(e, Prevented)]
    assert [(e.quantity_lots, e.maker_prevented_lots, e.taker_prevented_lots) for e in prevented] == (
        [] if mode is StpMode.NONE else [(5, of_maker, of_taker)]
    )


def test_decrement_leaves_the_larger_maker_in_its_place() -> None:
    engine = MatchingEngine()
    own, other = make(1, SELL, 101, 9, "a"), make(2, SELL, 101, 5, "b")
    rest(engine, own, other)
    engine.place(make(3, BUY, 101, 4, "a", stp_mode=StpMode.DECREMENT), 0)
    assert (own.prevented_lots, own.leaves_lots, own.is_resting) == (4, 5, True)
    assert fills(engine.place(make(4, BUY, 101, 6, "c"), 0)) == [(1, 101, 5), (2, 101, 1)]


@pytest.mark.parametrize(
    ("mode", "executed"), [(StpMode.EXPIRE_MAKER, 5), (StpMode.EXPIRE_TAKER, 0), (StpMode.DECREMENT, 0)]
)
def test_fill_or_kill_counts_only_what_would_truly_execute(mode: StpMode, executed: int) -> None:
    engine = MatchingEngine()
    own, other = make(1, SELL, 101, 5, "a"), make(2, SELL, 101, 5, "b")
    rest(engine, own, other)
    taker = make(3, BUY, 101, 5, "a", stp_mode=mode, time_in_force=FOK)
    events = engine.place(taker, 0)
    assert (taker.cum_lots, other.cum_lots) == (executed, executed)
    assert own.is_resting == (executed == 0)
    if not executed:
        assert events == [Ended(taker, "expired_fok", 0)]


def test_an_iceberg_shows_a_part_and_each_next_part_comes_last() -> None:
    engine = MatchingEngine()
    iceberg, other = make(1, SELL, 101, 10, display_lots=4), make(2, SELL, 101, 5)
    rest(engine, iceberg, other)
    assert engine.best() == (0, 0, 101, 9)
    assert fills(engine.place(make(3, BUY, 101, 6), 0)) == [(1, 101, 4), (2, 101, 2)]
    assert engine.best() == (0, 0, 101, 7)
    assert fills(engine.place(make(4, BUY, 101, 8, time_in_force=FOK), 0)) == [(2, 101, 3), (1, 101, 4), (1, 101, 1)]
    assert engine.best() == (0, 0, 101, 1)
    assert engine.cancel(iceberg, 0)
    assert engine.best() == (0, 0, 0, 0)


def test_less_of_an_iceberg_is_taken_from_what_is_hidden() -> None:
    engine = MatchingEngine()
    iceberg, other = make(1, SELL, 101, 10, display_lots=4), make(2, SELL, 101, 5)
    rest(engine, iceberg, other)
    assert engine.reduce(iceberg, 5, 0)
    assert engine.best() == (0, 0, 101, 9)
    assert engine.reduce(iceberg, 3, 0)
    assert engine.best() == (0, 0, 101, 8)
    assert fills(engine.place(make(3, BUY, 101, 8), 0)) == [(1, 101, 3), (2, 101, 5)]


# -- against a naive model -------------------------------------------------------------------------------------


@dataclass
class ModelOrder:
    order_id: int
    account: str
    side: Side
    price: int
    open: int
    stp: StpMode
    display: int = 0
    shown: int = 0

    @property
    def visible(self) -> int:
        return self.shown if self.display else self.open


@dataclass
class Model:
    """Price-time priority in one flat list in order of arrival. Everything is searched anew each time."""

    book: list[ModelOrder] = field(default_factory=list)

    def rivals(self, order: ModelOrder) -> list[ModelOrder]:
        crossing = [
            o
            for o in self.book
            if o.side != order.side
            and (order.price == 0 or (o.price <= order.price if order.side is BUY else o.price >= order.price))
        ]
        return sorted(crossing, key=lambda o: o.price if order.side is BUY else -o.price)

    def place(self, order: ModelOrder, time_in_force: TimeInForce, post_only: bool) -> list[tuple[object, ...]]:
        rivals = self.rivals(order)
        if post_only and rivals:
            return [("ended", order.order_id, "would_take")]
        if time_in_force is FOK and not self.fillable(order, rivals):
            return [("ended", order.order_id, "expired_fok")]
        log: list[tuple[object, ...]] = []
        while order.open and (rivals := self.rivals(order)):
            rival = rivals[0]
            if order.stp is not StpMode.NONE and rival.account == order.account:
                self.prevent(order, rival, log)
            else:
                lots = min(order.open, rival.visible)
                order.open -= lots
                rival.open -= lots
                rival.shown -= lots
                log.append(("executed", rival.order_id, order.order_id, rival.price, lots))
            self.book = [o for o in self.book if o.open]
            if rival.open and rival.visible <= 0:  # the next part of an iceberg comes last
                self.book.remove(rival)
                self.rest(rival)
        if order.open and order.price and time_in_force is GTC:
            self.rest(order)
        elif order.open:
            log.append(("ended", order.order_id, "expired_ioc" if order.price else "expired_no_liquidity"))
        return log

    def rest(self, order: ModelOrder) -> None:
        order.shown = min(order.display, order.open)
        self.book.append(order)

    def prevent(self, order: ModelOrder, rival: ModelOrder, log: list[tuple[object, ...]]) -> None:
        lots = min(order.open, rival.visible)
        log.append(("prevented", rival.order_id, order.order_id, lots))
        if order.stp in (StpMode.DECREMENT, StpMode.TRANSFER):
            order.open -= lots
            rival.open -= lots
            rival.shown -= lots
        if order.stp in (StpMode.EXPIRE_MAKER, StpMode.EXPIRE_BOTH):
            rival.open = 0
        if order.stp in (StpMode.EXPIRE_TAKER, StpMode.EXPIRE_BOTH):
            order.open = 0
        log.extend(("ended", o.order_id, "expired_stp") for o in (rival, order) if not o.open)

    def fillable(self, order: ModelOrder, rivals: list[ModelOrder]) -> bool:
        total = 0
        for rival in rivals:
            if order.stp is not StpMode.NONE and rival.account == order.account:
                if order.stp is not StpMode.EXPIRE_MAKER:
                    break
                continue
            total += rival.open
        return total >= order.open

    def find(self, order_id: int) -> ModelOrder | None:
        return next((o for o in self.book if o.order_id == order_id), None)

    def levels(self, side: Side) -> list[tuple[int, int]]:
        prices = sorted({o.price for o in self.book if o.side is side}, reverse=side is BUY)
        return [(p, sum(o.visible for o in self.book if o.side is side and o.price == p)) for p in prices]


def story(events: list[MarketEvent]) -> list[tuple[object, ...]]:
    log: list[tuple[object, ...]] = []
    for e in events:
        if isinstance(e, Executed):
            assert e.maker is not None
            assert e.taker is not None
            log.append(("executed", e.maker.order_id, e.taker.order_id, e.price_ticks, e.quantity_lots))
        elif isinstance(e, Prevented):
            log.append(("prevented", e.order_maker.order_id, e.order_taker.order_id, e.quantity_lots))
        else:
            assert isinstance(e, Ended)
            log.append(("ended", e.order.order_id, e.why))
    return log


PLACE = st.tuples(
    st.just("place"),
    st.sampled_from([BUY, SELL]),
    st.one_of(st.integers(95, 105), st.just(0)),
    st.integers(1, 20),
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from([GTC, GTC, GTC, IOC, FOK]),
    st.sampled_from([False, False, False, True]),
    st.sampled_from(list(StpMode)),
    st.sampled_from([0, 0, 1, 4]),
)
CANCEL = st.tuples(st.just("cancel"), st.integers(1, 40))
REDUCE = st.tuples(st.just("reduce"), st.integers(1, 40), st.integers(1, 20))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(PLACE, PLACE, CANCEL, REDUCE), max_size=80))
def test_every_history_equals_the_list_model(steps: list[tuple]) -> None:  # type: ignore[type-arg]
    engine, model = MatchingEngine(), Model()
    orders: dict[int, SimOrder] = {}
    trade_id = bought = sold = 0
    for step in steps:
        if step[0] == "place":
            _, side, price, lots, account, tif, post_only, stp, display = step
            display = display if price and tif is GTC and display < lots else 0
            order_id = len(orders) + 1
            post_only = post_only and price > 0 and tif is GTC
            more = {"time_in_force": tif, "post_only": post_only, "stp_mode": stp, "display_lots": display}
            order = make(order_id, side, price, lots, account, **more)
            orders[order_id] = order
            events = engine.place(order, 0)
            placed = ModelOrder(order_id, account, side, price, lots, stp, display)
            assert story(events) == model.place(placed, tif, post_only)
            executions = [e for e in events if isinstance(e, Executed)]
            assert [e.trade_id for e in executions] == list(range(trade_id + 1, trade_id + 1 + len(executions)))
            trade_id += len(executions)
            if tif is FOK:
                assert order.cum_lots in (0, lots)
        elif step[1] in orders:
            order, twin = orders[step[1]], model.find(step[1])
            if step[0] == "cancel":
                assert engine.cancel(order, 0) == (twin is not None)
                model.book = [o for o in model.book if o is not twin]
            else:
                done = twin is not None and 0 < order.quantity_lots - step[2] < twin.open
                if done and twin:
                    twin.open -= order.quantity_lots - step[2]
                    twin.shown = min(twin.shown, twin.open)
                assert engine.reduce(order, step[2], 0) == done
        assert list(engine.bids.levels(100)) == model.levels(BUY)
        assert list(engine.asks.levels(100)) == model.levels(SELL)
        assert [o.order_id for side in (engine.bids, engine.asks) for o in side.orders()] == [
            o.order_id
            for side in (BUY, SELL)
            for o in sorted(
                (o for o in model.book if o.side is side), key=lambda o: -o.price if side is BUY else o.price
            )
        ]
        bid, _, ask, _ = engine.best()
        assert not (bid and ask and bid >= ask)
    for order in orders.values():
        bought += order.cum_lots * (order.side is BUY)
        sold += order.cum_lots * (order.side is SELL)
        assert order.is_resting == (model.find(order.order_id) is not None)
    assert bought == sold


def test_a_long_queue_of_cancelled_orders_is_forgotten() -> None:
    engine = MatchingEngine()
    first = make(1, BUY, 100, 1)
    rest(engine, first)
    for number in range(2, 2000):
        order = make(number, BUY, 100, 1)
        rest(engine, order)
        assert engine.cancel(order, 0)
    last = make(2000, BUY, 100, 1)
    rest(engine, last)
    assert engine.best() == (100, 2, 0, 0)
    assert fills(engine.place(make(2001, SELL, 100, 2), 0)) == [(1, 100, 1), (2000, 100, 1)]
