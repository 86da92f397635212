"""The replayed market: each rule of its model told with a small recording, and the real recording as a whole."""

import gzip
import json
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.simulator.market import Ended, Executed, MarketEvent, Prevented, Public
from adapters.simulator.order import SimOrder, StpMode
from adapters.simulator.recording import instrument_of, read_lines, scan
from adapters.simulator.replay_market import ReplayMarket
from engine.codes import Side, TimeInForce
from engine.errors import InvariantError, UsageError
from engine.instrument import Instrument

BUY, SELL = Side.BUY, Side.SELL
GTC, IOC, FOK = TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK
MS = 1_000_000
REAL = Path(__file__).parents[4] / "shared" / "data" / "binance" / "btcusdt_20240809.gz"

# One tick is 1 and one lot is 1, so that a recording reads like the story.
INSTRUMENT = Instrument(0, "binance", "XUSDT", "X", "USDT", 1, 0, 1, 0, 1, 10**6, 1, 10**9)


class Tape:
    """Writes a recording, one message after the other, each with the next update id where it needs one."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.update_id = self.diff_id = 100
        self.time_ns = 0

    def _write(self, stream: str, data: dict[str, object], after_ms: int) -> None:
        self.time_ns += after_ms * MS
        message = json.dumps({"stream": f"xusdt@{stream}", "data": data}, separators=(",", ":"))
        self.lines.append(f"{10**9 + self.time_ns} {message}\n".encode())

    def diff(self, bids: dict[int, int], asks: dict[int, int] | None = None, after_ms: int = 1) -> "Tape":
        first = self.diff_id + 1
        self.update_id = self.diff_id = self.update_id + 3
        levels = ([[f"{p}.00", f"{q}.00"] for p, q in side.items()] for side in (bids, asks or {}))
        self._write(
            "depth@100ms", dict(zip(("U", "u", "b", "a"), (first, self.update_id, *levels), strict=True)), after_ms
        )
        return self

    def ticker(self, bid: tuple[int, int], ask: tuple[int, int], after_ms: int = 1) -> "Tape":
        # The next diff begins at or before this id and ends after it, as on the venue.
        self.update_id += 1
        self._write(
            "bookTicker",
            {"u": self.update_id, "b": str(bid[0]), "B": str(bid[1]), "a": str(ask[0]), "A": str(ask[1])},
            after_ms,
        )
        return self

    def trade(self, price: int, lots: int, aggressor: Side, after_ms: int = 1) -> "Tape":
        self._write("trade", {"t": 1, "p": str(price), "q": str(lots), "m": aggressor is SELL}, after_ms)
        return self

    def market(self, speed: Fraction | int = 1) -> "Stage":
        return Stage(ReplayMarket(INSTRUMENT, read_lines(self.lines), scan(self.lines), speed))


class Stage:
    """A running market that is played line by line."""

    def __init__(self, market: ReplayMarket) -> None:
        self.market = market
        self.now_ns = 0
        self.orders = 0
        market.start(0)

    def play(self, lines: int = 1) -> list[tuple[int, int, int]]:
        """Play some lines; the clients' executions as (order id, price, lots)."""
        events: list[MarketEvent] = []
        for _ in range(lines):
            due_ns = self.market.next_event_ns()
            assert due_ns is not None
            self.now_ns = due_ns
            events += self.market.advance(due_ns)
        return executions(events)

    def place(self, side: Side, price: int, lots: int, account: str = "", **more: object) -> SimOrder:
        order, events = self.send(side, price, lots, account, **more)
        assert events == []
        return order

    def send(
        self, side: Side, price: int, lots: int, account: str = "", **more: object
    ) -> tuple[SimOrder, list[MarketEvent]]:
        self.orders += 1
        order = SimOrder(self.orders, account or f"account-{self.orders}", "", side, price, lots, **more)  # type: ignore[arg-type]
        return order, self.market.place(order, self.now_ns)

    def ahead(self, order: SimOrder) -> int:
        waiting = self.market.waiting(order)
        assert waiting is not None
        return waiting.ahead_lots


def executions(events: list[MarketEvent]) -> list[tuple[int, int, int]]:
    return [
        (order.order_id, e.price_ticks, e.quantity_lots)
        for e in events
        if isinstance(e, Executed)
        for order in (e.maker, e.taker)
        if order is not None
    ]


def book() -> Tape:
    """Bids 100:10, 99:20; asks 102:10, 103:20."""
    return Tape().diff({100: 10, 99: 20}, {102: 10, 103: 20})


# -- feeding ---------------------------------------------------------------------------------------------------


def test_the_next_part_of_an_iceberg_waits_behind_what_the_market_shows() -> None:
    stage = Tape().diff({100: 5}, {101: 5}).trade(100, 5, SELL).trade(100, 4, SELL).trade(100, 9, SELL).market()
    stage.play()
    iceberg = stage.place(BUY, 100, 10, display_lots=4)
    assert stage.play() == []  # what stood before it
    assert stage.play() == [(1, 100, 4)]
    assert (iceberg.leaves_lots, iceberg.visible_lots) == (6, 4)
    assert stage.ahead(iceberg) > 0  # the book has not yet shown that those before it are gone


def test_messages_come_unchanged_in_order_and_when_they_are_due() -> None:
    tape = book().ticker((100, 9), (102, 10), after_ms=30).trade(100, 1, SELL, after_ms=40)
    market = tape.market(Fraction(1, 2)).market
    assert market.next_event_ns() == 0
    assert [type(e) for e in market.advance(59 * MS)] == [Public]
    assert market.next_event_ns() == 60 * MS
    events = [e for e in market.advance(10**12) if isinstance(e, Public)]
    assert [(e.stream, e.due_ns) for e in events] == [("xusdt@bookTicker", 60 * MS), ("xusdt@trade", 140 * MS)]
    assert [b'{"stream":"%s","data":%s}' % (e.stream.encode(), e.payload) for e in events] == [
        line.split(b" ", 1)[1].strip() for line in tape.lines[1:]
    ]
    assert market.next_event_ns() is None
    assert market.messages_sent == 3
    assert market.last_trade_ticks == 100


def test_a_recorded_clock_that_was_set_back_does_not_set_ours_back() -> None:
    tape = book().trade(100, 1, SELL, after_ms=50).trade(100, 1, SELL, after_ms=-80).trade(100, 1, SELL, after_ms=90)
    events = tape.market().market.advance(10**12)
    assert [e.due_ns for e in events if isinstance(e, Public)] == [0, 50 * MS, 50 * MS, 60 * MS]


def test_the_public_book_begins_empty_one_before_the_first_diff() -> None:
    stage = book().diff({100: 0, 98: 5}).market()
    assert stage.market.snapshot(10) == (100, (), ())
    stage.play()
    assert stage.market.snapshot(10) == (103, ((100, 10), (99, 20)), ((102, 10), (103, 20)))
    assert stage.market.snapshot(1) == (103, ((100, 10),), ((102, 10),))
    stage.play()
    assert stage.market.snapshot(10)[:2] == (106, ((99, 20), (98, 5)))
    assert stage.market.best() == (99, 20, 102, 10)


def test_a_recorded_snapshot_is_the_first_book_and_covered_diffs_are_only_forwarded() -> None:
    tape = book().diff({98: 5})
    tape.lines.append(b'9 {"lastUpdateId":103,"bids":[["100","4"],["97","1"]],"asks":[["102","3"]]}\n')
    stage = tape.market()
    assert stage.market.snapshot(10) == (103, ((100, 4), (97, 1)), ((102, 3),))
    stage.play()
    assert stage.market.snapshot(10) == (103, ((100, 4), (97, 1)), ((102, 3),))
    stage.play()
    assert stage.market.snapshot(10) == (106, ((100, 4), (98, 5), (97, 1)), ((102, 3),))
    assert (stage.market.messages_sent, stage.market.gaps) == (2, 0)


def test_streams_that_say_nothing_about_the_book_are_forwarded() -> None:
    tape = book()
    tape._write("aggTrade", {"p": "100"}, 1)
    assert len(tape.market().market.advance(10**12)) == 2


def test_wrong_use_is_refused() -> None:
    tape = book()
    with pytest.raises(UsageError, match="does not hold XUSDT; it holds: YUSDT"):
        ReplayMarket(INSTRUMENT, iter(()), scan([tape.lines[0].replace(b"xusdt", b"yusdt")]))
    with pytest.raises(UsageError, match="speed"):
        tape.market(0)
    with pytest.raises(InvariantError):
        tape.market().market.start(0)


def test_a_line_that_cannot_be_understood_is_named() -> None:
    tape = book()
    found = scan(tape.lines)
    off_grid = tape.lines[0].replace(b"100.00", b"100.50")
    market = ReplayMarket(INSTRUMENT, read_lines([tape.lines[0], off_grid.replace(b'"U"', b'"V"'), off_grid]), found)
    market.start(0)
    with pytest.raises(UsageError, match=r"line 2 \(xusdt@depth@100ms\)"):
        market.advance(10**12)


# -- the queue: trades at our price ----------------------------------------------------------------------------


def test_a_trade_takes_the_queue_ahead_first_and_then_us() -> None:
    stage = book().trade(100, 7, SELL).trade(100, 5, SELL).trade(100, 9, SELL).market()
    stage.play()
    order = stage.place(BUY, 100, 4)
    assert stage.ahead(order) == 10
    assert stage.play() == []
    assert stage.ahead(order) == 3
    assert stage.play() == [(1, 100, 2)]
    assert stage.play() == [(1, 100, 2)]
    assert (order.cum_lots, order.is_resting) == (4, False)


def test_trades_of_the_other_aggressor_or_at_worse_prices_for_them_are_not_ours() -> None:
    stage = book().trade(100, 50, BUY).trade(101, 50, SELL).market()
    stage.play()
    order = stage.place(BUY, 100, 4)
    assert stage.play(2) == []
    assert stage.ahead(order) == 10


def test_two_clients_share_a_trade_by_their_places() -> None:
    stage = book().diff({100: 16}).trade(100, 12, SELL).trade(100, 9, SELL).market()
    stage.play()
    first = stage.place(BUY, 100, 3)
    stage.play()
    second = stage.place(BUY, 100, 5)
    assert (stage.ahead(first), stage.ahead(second)) == (10, 16)
    # 10 of the market, 2 of the first; then the first's last lot, 6 of the market, 2 of the second.
    assert stage.play() == [(1, 100, 2)]
    assert stage.play() == [(1, 100, 1), (2, 100, 2)]
    assert (first.leaves_lots, second.leaves_lots) == (0, 3)


def test_a_trade_before_the_fall_that_shows_it_is_counted_once() -> None:
    stage = book().trade(100, 6, SELL).ticker((100, 4), (102, 10)).diff({100: 4}).trade(100, 2, SELL).market()
    stage.play()
    order = stage.place(BUY, 100, 4)
    stage.play(3)
    assert stage.ahead(order) == 4
    assert stage.play() == []
    assert stage.ahead(order) == 2


def test_a_fall_before_the_trade_that_it_shows_is_counted_once() -> None:
    stage = book().ticker((100, 4), (102, 10)).trade(100, 6, SELL).diff({100: 4}).trade(100, 5, SELL).market()
    stage.play()
    order = stage.place(BUY, 100, 4)
    stage.play(3)
    assert stage.ahead(order) == 4
    assert stage.play() == [(1, 100, 1)]


def test_the_credit_of_a_fall_is_forgotten_after_a_while() -> None:
    stage = book().ticker((100, 4), (102, 10)).trade(100, 6, SELL, after_ms=101).market()
    stage.play()
    order = stage.place(BUY, 100, 4)
    stage.play()
    assert stage.ahead(order) == 4
    assert stage.play() == [(1, 100, 2)]


def test_the_trade_of_a_fall_before_we_joined_is_not_ours() -> None:
    stage = book().ticker((100, 4), (102, 10)).trade(100, 6, SELL).trade(100, 5, SELL).market()
    stage.play(2)
    order = stage.place(BUY, 100, 4)
    assert stage.ahead(order) == 4
    assert stage.play() == []
    assert stage.ahead(order) == 4
    assert stage.play() == [(1, 100, 1)]


def test_a_trade_through_a_price_that_fell_before_we_joined_is_not_ours() -> None:
    stage = book().ticker((99, 15), (102, 10)).trade(100, 10, SELL).trade(99, 5, SELL).trade(99, 5, SELL).market()
    stage.play(2)
    order = stage.place(BUY, 100, 4)
    assert stage.play(2) == []
    assert order.cum_lots == 0
    assert stage.play() == [(1, 100, 4)]


def test_cancels_are_behind_us_while_they_can_be() -> None:
    stage = book().diff({100: 25}).diff({100: 12}).diff({100: 8}).diff({100: 30}).market()
    stage.play()
    order = stage.place(BUY, 100, 4)
    ahead = []
    for _ in range(4):
        stage.play()
        ahead.append(stage.ahead(order))
    assert ahead == [10, 10, 8, 8]


# -- trades through us, and crossing ---------------------------------------------------------------------------


def test_a_trade_through_our_price_fills_us_up_to_its_quantity() -> None:
    stage = book().trade(99, 3, SELL).trade(98, 9, SELL).market()
    stage.play()
    best, worse = stage.place(BUY, 100, 5), stage.place(BUY, 99, 6)
    assert stage.ahead(best) == 10
    assert stage.play() == [(1, 100, 3)]
    assert stage.ahead(best) == 0
    assert stage.play() == [(1, 100, 2), (2, 99, 6)]
    assert best.leaves_lots == worse.leaves_lots == 0


def test_what_is_left_of_a_trade_after_better_orders_works_at_its_own_price() -> None:
    stage = book().trade(99, 25, SELL).market()
    stage.play()
    stage.place(BUY, 100, 3)
    at_price = stage.place(BUY, 99, 5)
    assert stage.play() == [(1, 100, 3), (2, 99, 2)]
    assert at_price.leaves_lots == 3


def test_displayed_quantity_that_crosses_us_fills_us_once() -> None:
    tape = book().ticker((99, 20), (100, 3)).diff({100: 0}, {100: 3}).diff({}, {100: 5}).diff({}, {100: 2})
    stage = tape.market()
    stage.play()
    order = stage.place(BUY, 100, 20)
    assert stage.play() == [(1, 100, 3)]
    assert stage.play() == []
    assert stage.play() == [(1, 100, 2)]
    assert stage.play() == []
    assert order.leaves_lots == 15


def test_crossing_serves_the_best_client_first_at_its_own_price() -> None:
    stage = book().ticker((96, 1), (97, 8)).market()
    stage.play()
    stage.place(BUY, 99, 4)
    stage.place(BUY, 100, 3)
    stage.place(BUY, 98, 9)
    assert stage.play() == [(2, 100, 3), (1, 99, 4), (3, 98, 1)]


def test_a_sell_is_the_mirror() -> None:
    stage = book().trade(102, 11, BUY).ticker((103, 2), (104, 5)).market()
    stage.play()
    order = stage.place(SELL, 102, 6)
    assert stage.play() == [(1, 102, 1)]
    assert stage.play() == [(1, 102, 2)]
    assert order.leaves_lots == 3


# -- taking ----------------------------------------------------------------------------------------------------


def test_a_taking_order_takes_what_is_displayed_level_by_level() -> None:
    stage = book().market()
    stage.play()
    order, events = stage.send(BUY, 103, 15)
    assert [(e.price_ticks, e.quantity_lots, e.maker, e.aggressor) for e in events if isinstance(e, Executed)] == [
        (102, 10, None, BUY),
        (103, 5, None, BUY),
    ]
    assert [e.trade_id for e in events if isinstance(e, Executed)] == [1, 2]
    assert not order.is_resting
    # The public does not see it, but it is gone for every client.
    assert stage.market.best() == (100, 10, 102, 10)
    second, events = stage.send(BUY, 103, 20, time_in_force=IOC)
    assert executions(events) == [(2, 103, 15)]
    assert events[-1] == Ended(second, "expired_ioc", stage.now_ns)


def test_what_was_taken_comes_back_when_the_recording_refreshes_the_level() -> None:
    stage = book().diff({}, {102: 12}).diff({}, {102: 5}).diff({}, {102: 0}).diff({}, {102: 7}).market()
    stage.play()
    available = []
    for _ in range(5):
        _, events = stage.send(BUY, 102, 1000, time_in_force=IOC)
        available.append(sum(lots for _, _, lots in executions(events)))
        if stage.market.next_event_ns() is not None:
            stage.play()
    # 10; then 2 more were added; 7 left, of those that were taken; all left; 7 new.
    assert available == [10, 2, 0, 0, 7]


def test_a_ticker_decides_what_can_be_taken() -> None:
    stage = book().ticker((100, 10), (101, 2)).ticker((100, 10), (103, 4)).market()
    stage.play(2)
    assert executions(stage.send(BUY, 102, 5, time_in_force=IOC)[1]) == [(1, 101, 2), (1, 102, 3)]
    stage.play()
    assert executions(stage.send(BUY, 0, 5, time_in_force=IOC)[1]) == [(2, 103, 4)]


def test_other_clients_and_the_market_are_met_in_price_time_order() -> None:
    stage = book().diff({100: 16}).market()
    stage.play()
    stage.place(BUY, 100, 3)
    stage.play()
    stage.place(BUY, 101, 2)
    stage.place(BUY, 100, 5)
    order, events = stage.send(SELL, 100, 23)
    assert [
        (e.maker.order_id if e.maker else 0, e.price_ticks, e.quantity_lots) for e in events if isinstance(e, Executed)
    ] == [
        (2, 101, 2),
        (0, 100, 10),
        (1, 100, 3),
        (0, 100, 6),
        (3, 100, 2),
    ]
    assert order.cum_lots == 23


def test_taking_ahead_of_a_waiting_client_moves_it_up() -> None:
    stage = book().trade(100, 5, SELL).market()
    stage.play()
    order = stage.place(BUY, 100, 4)
    stage.send(SELL, 100, 7)
    assert stage.ahead(order) == 3
    assert stage.play() == [(1, 100, 2)]


def test_post_only_and_fill_or_kill() -> None:
    stage = book().market()
    stage.play()
    order, events = stage.send(BUY, 102, 1, post_only=True)
    assert events == [Ended(order, "would_take", stage.now_ns)]
    stage.place(BUY, 101, 1, post_only=True)
    order, events = stage.send(BUY, 103, 31, time_in_force=FOK)
    assert events == [Ended(order, "expired_fok", stage.now_ns)]
    assert executions(stage.send(BUY, 103, 30, time_in_force=FOK)[1]) == [(4, 102, 10), (4, 103, 20)]
    order, events = stage.send(BUY, 0, 1)
    assert events == [Ended(order, "expired_no_liquidity", stage.now_ns)]


def test_reduce_keeps_the_place_and_cancel_gives_it_up() -> None:
    stage = book().trade(100, 15, SELL).market()
    stage.play()
    first, second, third = (stage.place(BUY, 100, 4) for _ in range(3))
    assert stage.market.reduce(first, 2, 0)
    assert not stage.market.reduce(first, 2, 0)
    assert not stage.market.reduce(first, 0, 0)
    assert stage.market.cancel(second, 0)
    assert not stage.market.cancel(second, 0)
    assert not stage.market.reduce(second, 1, 0)
    assert stage.play() == [(1, 100, 2), (3, 100, 3)]
    assert third.is_resting


@pytest.mark.parametrize(
    ("mode", "own_left", "own_executed", "executed", "expired"),
    [
        (StpMode.NONE, 0, 4, 9, []),
        (StpMode.EXPIRE_TAKER, 4, 0, 0, [2]),
        (StpMode.EXPIRE_MAKER, 0, 0, 9, [1]),
        (StpMode.EXPIRE_BOTH, 0, 0, 0, [1, 2]),
        (StpMode.DECREMENT, 0, 0, 5, [1]),
        (StpMode.TRANSFER, 0, 0, 5, [1]),
    ],
)
def test_self_trade_prevention_among_clients(
    mode: StpMode, own_left: int, own_executed: int, executed: int, expired: list[int]
) -> None:
    stage = book().market()
    stage.play()
    own = stage.place(BUY, 101, 4, "a")
    order, events = stage.send(SELL, 100, 9, "a", stp_mode=mode)
    assert (own.leaves_lots, own.cum_lots, own.is_resting) == (own_left, own_executed, own_left > 0)
    assert (order.leaves_lots, order.cum_lots) == (0, executed)
    assert sum(isinstance(e, Prevented) for e in events) == (mode is not StpMode.NONE)
    assert [e.order.order_id for e in events if isinstance(e, Ended) and e.why == "expired_stp"] == expired


def test_fill_or_kill_passes_over_own_orders_only_when_they_would_expire() -> None:
    stage = book().market()
    stage.play()
    own = stage.place(BUY, 101, 4, "a")
    for mode in (StpMode.DECREMENT, StpMode.EXPIRE_TAKER):
        order, events = stage.send(SELL, 100, 10, "a", stp_mode=mode, time_in_force=FOK)
        assert events == [Ended(order, "expired_fok", stage.now_ns)]
    order, _ = stage.send(SELL, 100, 10, "a", stp_mode=StpMode.EXPIRE_MAKER, time_in_force=FOK)
    assert (order.cum_lots, own.is_resting) == (10, False)


def test_placing_a_resting_order_is_a_bug() -> None:
    stage = book().market()
    order = stage.place(BUY, 100, 4)
    with pytest.raises(InvariantError):
        stage.market.place(order, 0)


# -- whatever happens ------------------------------------------------------------------------------------------

SIDES = st.sampled_from([BUY, SELL])
LEVELS = st.dictionaries(st.integers(95, 99), st.integers(0, 20), max_size=3)
RECORDED = st.one_of(
    st.tuples(st.just("diff"), LEVELS, LEVELS),
    st.tuples(st.just("ticker"), st.integers(95, 99), st.integers(1, 20), st.integers(1, 20)),
    st.tuples(st.just("trade"), st.integers(95, 104), st.integers(1, 25), SIDES),
)
PLACED = st.tuples(
    st.just("place"),
    SIDES,
    st.one_of(st.integers(94, 105), st.just(0)),
    st.integers(1, 30),
    st.sampled_from("abc"),
    st.sampled_from([GTC, GTC, GTC, IOC, FOK]),
    st.booleans(),
    st.sampled_from(list(StpMode)),
)
OTHER = st.tuples(st.sampled_from(["cancel", "reduce"]), st.integers(0, 20), st.integers(1, 20))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(RECORDED, st.lists(st.one_of(PLACED, PLACED, OTHER), max_size=3)), min_size=1, max_size=40))
def test_invariants_hold_whatever_is_recorded_and_placed(story: list) -> None:  # type: ignore[type-arg]
    tape = Tape()
    for message, _ in story:
        if message[0] == "diff":
            tape.diff(message[1], {199 - price: lots for price, lots in message[2].items()})
        elif message[0] == "ticker":
            tape.ticker((message[1], message[2]), (message[1] + 1, message[3]))
        else:
            tape.trade(*message[1:])
    stage = tape.market()
    market = stage.market
    orders: list[SimOrder] = []
    seen: dict[SimOrder, int] = {}
    with_market = {BUY: 0, SELL: 0}
    trade_id = 0
    displayed: dict[tuple[Side, int], int] = {}
    given_out: dict[tuple[Side, int], int] = {}
    brought: dict[tuple[Side, int], int] = {}

    def follow(events: list[MarketEvent]) -> None:
        nonlocal trade_id
        for e in events:
            if not isinstance(e, Executed):
                continue
            trade_id += 1
            assert e.trade_id == trade_id
            assert e.quantity_lots > 0
            for order, cum in ((e.maker, e.maker_cum_lots), (e.taker, e.taker_cum_lots)):
                if order is not None:
                    seen[order] = seen.get(order, 0) + e.quantity_lots
                    assert cum == seen[order] <= order.quantity_lots
                    assert (
                        order.is_market or (e.price_ticks - order.price_ticks) * (1 if order.side is BUY else -1) <= 0
                    )
            if e.maker is None or e.taker is None:
                client = e.maker or e.taker
                assert client is not None
                with_market[client.side] += e.quantity_lots
            if e.maker is None:
                key = (SELL if e.aggressor is BUY else BUY, e.price_ticks)
                given_out[key] = given_out.get(key, 0) + e.quantity_lots

    for _, commands in story:
        stage.now_ns = market.next_event_ns() or 0
        follow(market.advance(stage.now_ns))
        for side in Side:
            for price in range(90, 110):
                lots, before = market._book.lots(side, price), displayed.get((side, price), 0)
                brought[side, price] = brought.get((side, price), 0) + max(0, lots - before)
                displayed[side, price] = lots
        for command in commands:
            if command[0] == "place":
                _, side, price, lots, account, tif, post_only, stp = command
                post_only = post_only and tif is GTC and price > 0
                order, events = stage.send(
                    side, price, lots, account, time_in_force=tif, post_only=post_only, stp_mode=stp
                )
                orders.append(order)
                follow(events)
                if tif is FOK:
                    assert order.cum_lots in (0, lots)
                if post_only:
                    assert order.cum_lots == 0
                assert not (order.is_resting and (tif is not GTC or price == 0))
            elif command[1] < len(orders):
                order, rested = orders[command[1]], orders[command[1]].is_resting
                if command[0] == "cancel":
                    assert market.cancel(order, 0) == rested
                else:
                    done = rested and 0 < order.quantity_lots - command[2] < order.leaves_lots
                    assert market.reduce(order, command[2], 0) == done
        for side in Side:
            for price in market._queues[side].prices():
                queue = market._queues[side].at(price)
                ahead = [waiting.ahead_lots for waiting in queue]
                assert ahead == sorted(ahead)
                assert all(0 <= lots <= max(0, market._available(side, price)) for lots in ahead)
        bids, asks = market._queues[BUY], market._queues[SELL]
        assert not (bids and asks and bids.best_ticks >= asks.best_ticks)
    for key, lots in given_out.items():
        assert lots <= brought[key]
    bought = sum(order.cum_lots for order in orders if order.side is BUY)
    sold = sum(order.cum_lots for order in orders if order.side is SELL)
    assert bought - with_market[BUY] == sold - with_market[SELL]
    assert all(order.cum_lots == seen.get(order, 0) for order in orders)


# -- the real recording ----------------------------------------------------------------------------------------


@pytest.mark.skipif(not REAL.exists(), reason="the recording btcusdt_20240809 is not at hand")
def test_the_real_recording_comes_out_as_it_went_in_and_trades() -> None:
    with gzip.open(REAL) as file:
        raw = list(file)
    found = scan(raw)
    instrument = instrument_of(found.symbols["BTCUSDT"], 0)
    market = ReplayMarket(instrument, read_lines(raw), found)
    market.start(5)
    first_ns = found.first_time_ns
    independent: dict[str, dict[str, str]] = {"b": {}, "a": {}}
    orders: list[SimOrder] = []
    filled: dict[SimOrder, int] = {}
    for number, line in enumerate(raw):
        time_text, _, message = line.strip().partition(b" ")
        due_ns = market.next_event_ns()
        assert due_ns is not None
        events = market.advance(due_ns)
        (event,) = (e for e in events if isinstance(e, Public))
        assert event.due_ns == int(time_text) - first_ns + 5
        assert b'{"stream":"%s","data":%s}' % (event.stream.encode(), event.payload) == message
        for execution in events:
            if isinstance(execution, Executed):
                assert execution.taker is None
                assert execution.maker is not None
                filled[execution.maker] = filled.get(execution.maker, 0) + execution.quantity_lots
        if b"@depth" in message[:40]:
            update = json.loads(event.payload)
            for key, levels in independent.items():
                for price, quantity in update[key]:
                    if float(quantity):
                        levels[price] = quantity
                    else:
                        levels.pop(price, None)
        if number % 500 == 200:
            bid, _, ask, _ = market.best()
            side, price = (BUY, bid) if number % 1000 == 200 else (SELL, ask)
            order = SimOrder(number, "a", "", side, price, instrument.quantity_lots("0.01"))
            assert market.place(order, due_ns) == []
            orders.append(order)
    assert market.messages_sent == found.lines == len(raw) == 58_325
    assert market.next_event_ns() is None
    assert market.gaps == 0
    update_id, bids, asks = market.snapshot(10**6)
    assert update_id == found.symbols["BTCUSDT"].last_update_id
    for levels, key, reverse in ((bids, "b", True), (asks, "a", False)):
        expected = {instrument.price_ticks(p): instrument.quantity_lots(q) for p, q in independent[key].items()}
        assert list(levels) == sorted(expected.items(), reverse=reverse)
    # Orders that join the best price of a market that moves both ways are mostly, but not always, reached.
    assert all(order.cum_lots == filled.get(order, 0) for order in orders)
    share = sum(order.leaves_lots == 0 for order in orders) / len(orders)
    assert 0.3 < share < 1
