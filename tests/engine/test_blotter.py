"""The blotter against naive models: an honest venue whose words come in any order, and a venue that says anything."""

from collections import Counter
from copy import deepcopy

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.blotter import Blotter, OrderRecord
from engine.blotter_memory import BlotterMemory, memory_of, remember
from engine.codes import ExecType, OrderStatus, OrderType, Reason, Side, TimeInForce
from engine.errors import InvariantError
from engine.messages import CancelOrder, ExecutionReport, NewOrder, Position, ReplaceOrder
from engine.order import Order
from engine.order_event import (
    CancelRejected,
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderNotFound,
    OrderOutcomeUnknown,
    OrderRejected,
    OrderReplaced,
    OrderSeen,
    ReplaceRejected,
)
from engine.order_ids import NumberRanges, UsedOrderIds
from engine.order_life import Outcome
from engine.position import LedgerLine

S = OrderStatus


class NaiveExposure:
    """What every order may still fill, and the position: kept one order at a time, with nothing clever."""

    def __init__(self) -> None:
        self.reserved: dict[str, int] = {}
        self.closed_orders: list[str] = []
        self.position: Counter[int] = Counter()

    def admit(self, order: Order) -> None:
        self.reserved[order.client_order_id] = order.quantity_lots

    def filled(self, order: Order, last_lots: int, last_ticks: int, now_ns: int) -> None:
        self.reserved[order.client_order_id] -= last_lots
        assert self.reserved[order.client_order_id] >= 0
        self.filled_unreserved(order, last_lots, last_ticks, now_ns)

    def filled_unreserved(self, order: Order, last_lots: int, last_ticks: int, now_ns: int) -> None:
        self.position[order.instrument_id] += last_lots if order.side is Side.BUY else -last_lots

    def closed(self, order: Order, released_lots: int) -> None:
        assert order.client_order_id not in self.closed_orders
        self.closed_orders.append(order.client_order_id)
        self.reserved[order.client_order_id] -= released_lots


class Desk:
    """A blotter, its exposure, and everything that went in and came out."""

    def __init__(self, **bounds: int) -> None:
        self.exposure = NaiveExposure()
        self.blotter = Blotter(self.exposure, **bounds)
        self.records: list[OrderRecord] = []
        self.reports: list[ExecutionReport] = []

    def apply(self, *records: OrderRecord) -> list[ExecutionReport]:
        made: list[ExecutionReport] = []
        for record in records:
            self.records.append(record)
            made += self.blotter.apply(record, len(self.records))
            if isinstance(record, NewOrder | ReplaceOrder):
                self.exposure.admit(self.blotter.orders[record.client_order_id])
        self.reports += made
        return made

    def replayed(self) -> "Desk":
        again = Desk()
        again.apply(*self.records)
        return again


def new(
    client_order_id: str = "maker-1-1", lots: int = 10, side: Side = Side.BUY, strategy_id: str = "maker"
) -> NewOrder:
    return NewOrder(client_order_id, "acc", strategy_id, 1, side, OrderType.LIMIT, TimeInForce.GTC, lots, 100)


def accepted(client_order_id: str = "maker-1-1") -> OrderAccepted:
    return OrderAccepted(client_order_id, f"v:{client_order_id}", 5)


def filled(trade_id: str, lots: int, ticks: int = 100, client_order_id: str = "maker-1-1") -> OrderFilled:
    return OrderFilled(client_order_id, f"v:{client_order_id}", trade_id, lots, ticks, 7, "BNB", True, 5)


def cancel(client_order_id: str = "maker-1-1") -> CancelOrder:
    return CancelOrder(client_order_id, "acc", "maker")


def cancelled(cum_lots: int, client_order_id: str = "maker-1-1") -> OrderCancelled:
    return OrderCancelled(client_order_id, f"v:{client_order_id}", cum_lots, 5)


def replace(client_order_id: str = "maker-1-2", orig: str = "maker-1-1", lots: int = 8) -> ReplaceOrder:
    return ReplaceOrder(client_order_id, orig, "acc", "maker", lots, 101)


def told(reports: list[ExecutionReport]) -> list[tuple[str, ExecType, OrderStatus, int, int]]:
    return [(r.client_order_id, r.exec_type, r.order_status, r.cum_lots, r.leaves_lots) for r in reports]


ONE, TWO = "maker-1-1", "maker-1-2"

# -- reports -----------------------------------------------------------------------------------------------------


def test_life_of_an_order_as_its_strategy_is_told() -> None:
    desk = Desk()
    assert desk.apply(new()) == []
    reports = desk.apply(accepted(), filled("t1", 4), filled("t2", 6, 101))
    assert told(reports) == [
        (ONE, ExecType.NEW, S.NEW, 0, 10),
        (ONE, ExecType.TRADE, S.PARTIALLY_FILLED, 4, 6),
        (ONE, ExecType.TRADE, S.FILLED, 10, 0),
    ]
    assert [report.report_seq for report in reports] == [1, 2, 3]
    assert [report.received_ns for report in reports] == [2, 3, 4]
    last = reports[-1].fill
    assert last is not None
    assert (last.trade_id, last.last_lots, last.last_ticks, last.fee_nanos, last.fee_asset) == ("t2", 6, 101, 7, "BNB")
    assert desk.exposure.reserved[ONE] == 0
    assert desk.exposure.closed_orders == [ONE]


def test_only_an_accept_that_would_change_nothing_needs_no_record() -> None:
    """``is_repeated`` against what applying the event does, in every state that these records lead to."""
    ends = (cancelled(0), OrderExpired(ONE, f"v:{ONE}", 0, Reason.VENUE_EXPIRED, "", 5), cancelled(3), filled("t9", 10))
    middles = ((), (filled("t1", 4),), (cancel(),), (replace(),), (OrderOutcomeUnknown(ONE, ""),))
    repeated = 0
    for begin in ((), (accepted(),), (OrderAccepted(ONE, "", 5),), (filled("t0", 1),)):
        for middle in middles:
            for end in ((), *((each,) for each in ends)):
                desk = Desk()
                desk.apply(new(), *begin, *middle, *end)
                order, before = desk.blotter.orders[ONE], desk.blotter.counters()
                state = {name: getattr(order, name) for name in Order.__slots__}
                if desk.blotter.is_repeated(order, accepted()):
                    repeated += 1
                    counted = desk.blotter.counters()
                    assert counted == {**before, "duplicates": before["duplicates"] + 1}
                    assert desk.apply(accepted()) == []
                    assert {name: getattr(order, name) for name in Order.__slots__} == state
                    assert desk.blotter.counters() == {**counted, "duplicates": counted["duplicates"] + 1}
                else:
                    assert desk.blotter.counters() == before
    assert repeated >= 2  # new, and partially filled


def test_pending_states_are_not_reported() -> None:
    desk = Desk()
    desk.apply(new(), accepted())
    assert desk.apply(cancel()) == []
    assert desk.blotter.orders[ONE].status is S.PENDING_CANCEL


def test_cancel_asked_for_has_no_reason_and_another_one_has() -> None:
    desk = Desk()
    (asked,) = desk.apply(new(), cancel(), cancelled(0))
    assert asked.refusal is None
    (unasked,) = desk.apply(new(TWO), cancelled(0, TWO))
    assert unasked.refusal is not None
    assert unasked.refusal.reason is Reason.VENUE_CANCELLED


def test_last_owed_fill_is_told_before_the_end_that_waited_for_it() -> None:
    desk = Desk()
    desk.apply(new(), accepted(), filled("t1", 1), cancel())
    assert desk.apply(cancelled(3)) == []
    assert desk.exposure.reserved[ONE] == 9  # what is owed may still come: nothing is released yet
    assert told(desk.apply(filled("t2", 2))) == [
        (ONE, ExecType.TRADE, S.PARTIALLY_FILLED, 3, 7),
        (ONE, ExecType.CANCELLED, S.CANCELLED, 3, 0),
    ]
    assert desk.exposure.reserved[ONE] == 0


def test_an_end_that_waited_tells_its_own_reason_and_time() -> None:
    desk = Desk()
    desk.apply(new(), accepted(), OrderExpired(ONE, "v", 2, Reason.VENUE_SELF_TRADE, "stp", 99))
    end = desk.apply(filled("t1", 2))[-1]
    assert end.refusal is not None
    assert (end.exec_type, end.refusal.reason, end.venue_time_ns) == (ExecType.EXPIRED, Reason.VENUE_SELF_TRADE, 99)


def test_reject_and_expiry_say_why() -> None:
    desk = Desk()
    (rejected,) = desk.apply(new(), OrderRejected(ONE, Reason.INSUFFICIENT_FUNDS, "no money", 5))
    assert rejected.refusal is not None
    assert (rejected.refusal.reason, rejected.refusal.text) == (Reason.INSUFFICIENT_FUNDS, "no money")
    (expired,) = desk.apply(new(TWO), OrderExpired(TWO, "v", 0, Reason.VENUE_SELF_TRADE, "stp", 6))
    assert expired.refusal is not None
    assert (expired.exec_type, expired.refusal.reason, expired.venue_time_ns) == (
        ExecType.EXPIRED,
        Reason.VENUE_SELF_TRADE,
        6,
    )


def test_doubt_and_its_resolution_are_told() -> None:
    desk = Desk()
    reports = desk.apply(new(), accepted(), OrderOutcomeUnknown(ONE, "timeout"), OrderNotFound(ONE, 5))
    assert told(reports)[1:] == [(ONE, ExecType.UNKNOWN, S.UNKNOWN, 0, 10)]
    assert [order.client_order_id for order in desk.blotter.unknown_orders()] == [ONE]
    assert told(desk.apply(OrderSeen(ONE, "v", S.NEW, 10, 0, 5))) == [(ONE, ExecType.ORDER_STATUS, S.NEW, 0, 10)]
    assert desk.blotter.unknown_orders() == []


def test_late_fill_corrects_the_position_and_is_critical() -> None:
    desk = Desk()
    desk.apply(new(), accepted(), cancelled(0))
    assert told(desk.apply(filled("t1", 4))) == [(ONE, ExecType.TRADE, S.CANCELLED, 4, 0)]
    assert desk.blotter.snapshot("maker").positions == (Position(1, 4, 400),)
    assert desk.exposure.position[1] == 4
    assert desk.exposure.reserved[ONE] == 0
    (violation,) = desk.blotter.violations
    assert (violation.kind, violation.status, violation.is_critical) == (Outcome.LATE_FILL, S.CANCELLED, True)
    assert desk.blotter.counters()["critical"] == 1
    assert ONE in str(violation)


def test_overfill_takes_no_more_than_was_reserved() -> None:
    desk = Desk()
    desk.apply(new(), accepted(), filled("t1", 9), filled("t2", 4))
    assert desk.exposure.reserved[ONE] == 0
    assert desk.exposure.position[1] == 13
    assert [violation.kind for violation in desk.blotter.violations] == [Outcome.OVERFILL]


def test_accept_of_a_rejected_order_is_critical_and_an_illegal_reject_is_not() -> None:
    desk = Desk()
    desk.apply(new(), OrderRejected(ONE, Reason.NEVER_REACHED_VENUE, "", 5))
    assert desk.apply(accepted()) == []
    assert desk.blotter.violations[-1].is_critical
    desk.apply(new(TWO), accepted(TWO), OrderRejected(TWO, Reason.VENUE_REJECTED, "", 5))
    assert not desk.blotter.violations[-1].is_critical
    assert desk.blotter.counters()["illegal"] == 2


# -- replaces ----------------------------------------------------------------------------------------------------


def test_replace_ends_the_original_and_accepts_the_new_order() -> None:
    desk = Desk()
    desk.apply(new(), accepted(), replace())
    assert desk.blotter.orders[ONE].status is S.PENDING_REPLACE
    reports = desk.apply(OrderReplaced(ONE, TWO, 0, 5))
    assert told(reports) == [(ONE, ExecType.REPLACED, S.REPLACED, 0, 0), (TWO, ExecType.NEW, S.NEW, 0, 8)]
    assert reports[1].orig_client_order_id == ONE
    assert desk.apply(accepted(TWO)) == []
    assert desk.blotter.counters()["duplicates"] == 0
    assert desk.blotter.by_order_id(1, f"v:{TWO}") is desk.blotter.orders[TWO]
    assert desk.exposure.reserved == {ONE: 0, TWO: 8}


def test_replace_that_comes_too_late_rejects_the_new_order_only() -> None:
    desk = Desk()
    desk.apply(new(), accepted(), replace(), filled("t1", 10))
    rejected = ReplaceRejected(TWO, ONE, False, Reason.UNKNOWN_ORDER, "gone", 5)
    assert told(desk.apply(rejected)) == [(TWO, ExecType.REJECTED, S.REJECTED, 0, 0)]
    assert desk.exposure.reserved == {ONE: 0, TWO: 0}


def test_refused_replace_tells_of_the_original_first() -> None:
    desk = Desk()
    desk.apply(new(), accepted(), replace())
    rejected = ReplaceRejected(TWO, ONE, False, Reason.VENUE_REJECTED, "no", 5)
    assert told(desk.apply(rejected)) == [
        (ONE, ExecType.REPLACE_REJECTED, S.NEW, 0, 10),
        (TWO, ExecType.REJECTED, S.REJECTED, 0, 0),
    ]


def test_half_done_replace_cancels_the_original() -> None:
    desk = Desk()
    desk.apply(new(), accepted(), filled("t1", 1), replace())
    rejected = ReplaceRejected(TWO, ONE, True, Reason.VENUE_REJECTED, "no", 5, orig_cum_lots=3)
    assert told(desk.apply(rejected)) == [(TWO, ExecType.REJECTED, S.REJECTED, 0, 0)]
    assert told(desk.apply(filled("t2", 2)))[-1] == (ONE, ExecType.CANCELLED, S.CANCELLED, 3, 0)


def test_accept_of_the_new_order_may_come_before_the_word_that_it_replaced() -> None:
    desk = Desk()
    desk.apply(new(), accepted(), replace())
    assert told(desk.apply(accepted(TWO))) == [(TWO, ExecType.NEW, S.NEW, 0, 8)]
    assert told(desk.apply(OrderReplaced(ONE, TWO, 0, 5))) == [(ONE, ExecType.REPLACED, S.REPLACED, 0, 0)]
    assert desk.blotter.counters()["duplicates"] == 0


def test_refusal_of_a_replacement_that_stands_changes_neither_order() -> None:
    desk = Desk()
    desk.apply(new(), accepted(), replace(), accepted(TWO))
    assert desk.apply(ReplaceRejected(TWO, ONE, True, Reason.VENUE_REJECTED, "", 5, orig_cum_lots=0)) == []
    assert [desk.blotter.orders[i].status for i in (ONE, TWO)] == [S.PENDING_REPLACE, S.NEW]
    assert [violation.kind for violation in desk.blotter.violations] == [Outcome.ILLEGAL]


def test_refusal_that_names_another_original_leaves_it_alone() -> None:
    desk = Desk()
    desk.apply(new(), accepted(), new("maker-1-9"), accepted("maker-1-9"), replace())
    desk.apply(ReplaceRejected(TWO, "maker-1-9", True, Reason.VENUE_REJECTED, "", 5, orig_cum_lots=0))
    assert desk.blotter.orders["maker-1-9"].status is S.NEW


@pytest.mark.parametrize(
    "late",
    [
        ReplaceRejected(TWO, ONE, False, Reason.VENUE_REJECTED, "", 5),
        OrderRejected(TWO, Reason.NEVER_REACHED_VENUE, "", 5),
        OrderOutcomeUnknown(TWO, ""),
    ],
)
def test_late_word_on_an_earlier_replacement_leaves_the_later_one_pending(late: OrderRecord) -> None:
    desk = Desk()
    desk.apply(new(), accepted(), replace(), OrderOutcomeUnknown(ONE, ""), OrderSeen(ONE, "v", S.NEW, 10, 0, 5))
    desk.apply(replace("maker-1-3"), late)
    assert desk.blotter.orders[ONE].status is S.PENDING_REPLACE
    assert desk.blotter.orders[ONE].replace_pending


def test_replace_in_doubt_puts_both_orders_in_doubt() -> None:
    desk = Desk()
    desk.apply(new(), accepted(), replace(), OrderOutcomeUnknown(TWO, "timeout"))
    assert {order.client_order_id for order in desk.blotter.unknown_orders()} == {ONE, TWO}


@pytest.mark.parametrize(
    ("reason", "status"),
    [(Reason.HALTED, S.NEW), (Reason.VENUE_LINK_BUSY, S.NEW), (Reason.NEVER_REACHED_VENUE, S.UNKNOWN)],
)
def test_rejected_replacement_doubts_its_original_unless_it_never_left_us(reason: Reason, status: OrderStatus) -> None:
    desk = Desk()
    desk.apply(new(), accepted(), replace(), OrderRejected(TWO, reason, "", 0))
    assert desk.blotter.orders[ONE].status is status


def test_replacing_what_cannot_be_replaced_is_a_violation_and_the_order_still_counts() -> None:
    desk = Desk()
    desk.apply(new(), accepted(), filled("t1", 10), replace())
    assert [violation.kind for violation in desk.blotter.violations] == [Outcome.ILLEGAL]
    assert desk.blotter.orders[TWO].status is S.PENDING_NEW


def test_replacing_an_order_that_was_never_there_is_a_bug() -> None:
    with pytest.raises(InvariantError, match="replaces maker-1-1"):
        Desk().apply(replace())


# -- ids ---------------------------------------------------------------------------------------------------------


def test_an_id_is_never_taken_twice() -> None:
    desk = Desk()
    desk.apply(new())
    with pytest.raises(InvariantError, match=ONE):
        desk.blotter.admit(Order.from_new(new()))
    assert len(desk.blotter.orders) == 1


def test_evicted_orders_stay_known_and_their_trades_duplicates() -> None:
    desk = Desk(ended_orders_max=1)
    desk.apply(new(), accepted(), filled("t1", 10), new(TWO), accepted(TWO), filled("t2", 10, client_order_id=TWO))
    assert set(desk.blotter.orders) == {TWO}
    assert desk.blotter.is_known(ONE)
    assert not desk.blotter.is_known("maker-1-3")
    assert desk.blotter.by_order_id(1, f"v:{ONE}") is None
    assert desk.apply(filled("t1", 10)) == []
    assert (desk.blotter.counters()["duplicates"], desk.blotter.counters()["foreign"]) == (1, 0)
    assert desk.apply(filled("t9", 10)) == []
    assert desk.blotter.counters()["foreign"] == 1


def test_what_others_trade_evicts_no_order_of_a_strategy_that_is_away() -> None:
    desk = Desk(ended_orders_max=3)
    desk.apply(new(), accepted(), filled("t0", 10))
    for n in range(1, 10):
        name = f"taker-1-{n}"
        desk.apply(new(name, strategy_id="taker"), filled(f"t{n}", 10, client_order_id=name))
    assert set(desk.blotter.orders) == {ONE, "taker-1-7", "taker-1-8", "taker-1-9"}


def test_trades_of_evicted_orders_are_forgotten_oldest_first() -> None:
    desk = Desk(ended_orders_max=0, trades_max=2)
    for n in range(1, 4):
        client_order_id = f"maker-1-{n}"
        desk.apply(new(client_order_id), filled(f"t{n}", 10, client_order_id=client_order_id))
    desk.apply(filled("t1", 10), filled("t3", 10, client_order_id="maker-1-3"))
    assert (desk.blotter.counters()["foreign"], desk.blotter.counters()["duplicates"]) == (1, 1)


def test_two_own_orders_that_trade_with_each_other_share_a_trade_id() -> None:
    desk = Desk()
    desk.apply(new(), new(TWO, side=Side.SELL), filled("t1", 10), filled("t1", 10, client_order_id=TWO))
    assert desk.blotter.counters()["fills"] == 2
    assert desk.exposure.position[1] == 0


@given(numbers=st.lists(st.integers(0, 60), max_size=80))
def test_number_ranges_are_a_set(numbers: list[int]) -> None:
    ranges = NumberRanges(100)
    for number in numbers:
        ranges.add(number)
    assert {number for number in range(-1, 63) if number in ranges} == set(numbers)
    runs = sum(number - 1 not in numbers for number in set(numbers))
    assert len(ranges) == runs


@given(numbers=st.lists(st.integers(0, 60), max_size=80), ranges_max=st.integers(1, 4))
def test_full_number_ranges_err_on_the_side_of_used(numbers: list[int], ranges_max: int) -> None:
    ranges = NumberRanges(ranges_max)
    for number in numbers:
        ranges.add(number)
        assert len(ranges) <= ranges_max
    assert all(number in ranges for number in numbers)
    assert max(numbers, default=-1) + 1 not in ranges


def test_ids_that_only_look_alike_are_different() -> None:
    used = UsedOrderIds()
    used.add("maker-1-7")
    for other in ("maker-1-07", "maker-1-٧", "maker-2-7", "maker-1-", "-7", "7", "maker-1-7 ", ""):
        assert other not in used
        used.add(other)
        assert other in used
    assert "maker-1-6" not in used


def test_remembered_ids_are_bounded() -> None:
    used = UsedOrderIds(texts_max=2, prefixes_max=1)
    for client_order_id in ("x", "y", "z", "a-1", "b-1"):
        used.add(client_order_id)
    assert [i in used for i in ("x", "y", "z", "a-1", "b-1")] == [False, True, True, False, True]


# -- questions ---------------------------------------------------------------------------------------------------


def test_reports_since() -> None:
    desk = Desk(reports_max=3)
    desk.apply(new(), accepted(), *(filled(f"t{n}", 1) for n in range(4)))
    since = desk.blotter.reports_since
    assert [report.report_seq for report in since("maker", 2) or []] == [3, 4, 5]
    assert since("maker", 5) == []
    assert since("maker", 1) is None  # no longer kept
    assert since("maker", 6) is None  # never made
    assert since("maker", -1) is None
    assert since("taker", 0) == []
    assert since("taker", 1) is None


@pytest.mark.parametrize("kept", range(7))
def test_numbers_of_lost_reports_are_never_given_again(kept: int) -> None:
    """A strategy comes with any number that it may have been told: it gets a snapshot."""
    records: list[OrderRecord] = [new(), accepted(), *(filled(f"t{n}", 1) for n in range(4))]
    whole = Desk()
    told_seq = max(report.report_seq for report in whole.apply(*records))
    cut = Desk()
    cut.apply(*records[:kept])
    cut.blotter.skip_report_numbers()
    assert cut.blotter.snapshot("maker").report_seq == cut.blotter.report_seq("maker") > told_seq
    anew = cut.apply(*records[kept:])
    assert all(report.report_seq > told_seq for report in anew)
    assert all(cut.blotter.reports_since("maker", seq) is None for seq in range(told_seq + 1))


def test_snapshot_has_positions_and_open_orders_of_one_strategy_only() -> None:
    desk = Desk()
    desk.apply(new(), accepted(), filled("t1", 4), new("taker-1-1", strategy_id="taker", side=Side.SELL))
    desk.apply(filled("t2", 3, 99, "taker-1-1"))
    maker, taker = desk.blotter.snapshot("maker"), desk.blotter.snapshot("taker")
    assert (maker.report_seq, maker.positions) == (2, (Position(1, 4, 400),))
    assert told(list(maker.open_orders)) == [(ONE, ExecType.ORDER_STATUS, S.PARTIALLY_FILLED, 4, 6)]
    assert (taker.report_seq, taker.positions) == (1, (Position(1, -3, -297),))
    assert desk.blotter.snapshot("nobody").report_seq == 0
    assert [o.client_order_id for o in desk.blotter.open_orders("taker")] == ["taker-1-1"]
    assert len(desk.blotter.open_orders()) == 2
    assert desk.blotter.open_orders(instrument_id=2) == []


def test_ledger_sums_over_strategies() -> None:
    desk = Desk()
    desk.apply(new(), filled("t1", 4, 100), new("taker-1-1", strategy_id="taker", side=Side.SELL))
    desk.apply(filled("t2", 3, 110, "taker-1-1"))
    assert desk.blotter.ledger_line(1) == LedgerLine(
        fills=2, bought_lots=4, sold_lots=3, position_lots=1, cost_tick_lots=70, fee_nanos={"BNB": 14}
    )
    assert desk.blotter.ledger_line(2).fills == 0


def test_events_of_orders_that_are_not_ours_are_counted_and_nothing_else() -> None:
    desk = Desk()
    assert desk.apply(accepted("x"), filled("t", 1, client_order_id="x"), OrderReplaced("x", "y", 0, 1)) == []
    assert desk.blotter.counters()["foreign"] == 3
    assert desk.blotter.orders == {}


def test_violations_are_kept_up_to_a_bound_and_counted_beyond() -> None:
    desk = Desk(violations_max=2)
    desk.apply(new(), accepted(), *(OrderRejected(ONE, Reason.VENUE_REJECTED, "", n) for n in range(5)))
    assert len(desk.blotter.violations) == 2
    assert desk.blotter.counters()["violations"] == 5


# -- properties --------------------------------------------------------------------------------------------------


def check_invariants(desk: Desk) -> None:
    """What holds whatever anybody says."""
    blotter = desk.blotter
    for order in blotter.orders.values():
        reports = [report for report in desk.reports if report.client_order_id == order.client_order_id]
        fills = [report for report in reports if report.fill is not None]
        assert order.cum_lots == sum(report.fill.last_lots for report in fills if report.fill is not None)
        trade_ids = [report.fill.trade_id for report in fills if report.fill is not None]
        assert len(trade_ids) == len(set(trade_ids))
        ends = [at for at, report in enumerate(reports) if report.order_status.is_terminal]
        assert bool(ends) == order.status.is_terminal
        if ends:  # exactly one end: after it nothing but fills that should not have been
            assert all(report.exec_type is ExecType.TRADE for report in reports[ends[0] + 1 :])
        for report in reports:
            if report.order_status.is_terminal:
                assert report.leaves_lots == 0
            else:
                assert report.cum_lots + report.leaves_lots == order.quantity_lots
        assert order.leaves_lots >= 0
        assert desk.exposure.reserved[order.client_order_id] == order.leaves_lots
        assert (order.client_order_id in desk.exposure.closed_orders) == order.status.is_terminal
    position = sum(
        report.fill.last_lots * (1 if report.side is Side.BUY else -1) for report in desk.reports if report.fill
    )
    assert desk.exposure.position[1] == position == blotter.ledger_line(1).position_lots
    booked = blotter.snapshot("maker").positions
    assert position == sum(line.position_lots for line in booked)
    assert [report.report_seq for report in desk.reports] == list(range(1, len(desk.reports) + 1))
    open_ids = {o.client_order_id for o in blotter.open_orders()}
    assert open_ids == {i for i, o in blotter.orders.items() if not o.status.is_terminal}


def check_replay(desk: Desk) -> None:
    again = desk.replayed()
    assert msgspec.msgpack.encode(again.reports) == msgspec.msgpack.encode(desk.reports)
    assert again.blotter.counters() == desk.blotter.counters()
    assert again.blotter.ledger_line(1) == desk.blotter.ledger_line(1)
    assert again.blotter.snapshot("maker") == desk.blotter.snapshot("maker")
    assert again.exposure.reserved == desk.exposure.reserved


def memory(blotter: Blotter) -> bytes:
    return msgspec.msgpack.encode(memory_of(blotter), order="deterministic")


def check_memory(desk: Desk, cut: int, **bounds: int) -> None:
    """A blotter with the memory of another goes on as that one does."""
    one, other = Desk(**bounds), Desk(**bounds)
    one.apply(*desk.records[:cut])
    remember(other.blotter, msgspec.msgpack.decode(memory(one.blotter), type=BlotterMemory))
    vars(other.exposure).update(deepcopy(vars(one.exposure)))
    other.records = list(one.records)
    for record in desk.records[cut:]:
        assert other.apply(record) == one.apply(record)
    assert vars(other.exposure) == vars(one.exposure)
    assert memory(other.blotter) == memory(one.blotter)


_IDS = st.sampled_from(["m-1", "m-2", "m-3"])
_LOTS = st.integers(0, 12)
_ANYTHING = st.one_of(
    st.builds(OrderAccepted, _IDS, st.just("v"), st.just(1)),
    st.builds(OrderRejected, _IDS, st.sampled_from(Reason), st.just(""), st.just(1)),
    st.builds(
        OrderFilled,
        _IDS,
        st.just("v"),
        st.sampled_from("abcdefgh"),
        st.integers(-1, 7),
        st.integers(-1, 3),
        st.integers(-3, 3),
        st.just("BNB"),
        st.booleans(),
        st.just(1),
    ),
    st.builds(OrderCancelled, _IDS, st.just("v"), _LOTS, st.just(1)),
    st.builds(OrderExpired, _IDS, st.just("v"), _LOTS, st.just(Reason.VENUE_EXPIRED), st.just(""), st.just(1)),
    st.builds(OrderReplaced, _IDS, _IDS, _LOTS, st.just(1)),
    st.builds(CancelRejected, _IDS, st.booleans(), st.just(""), st.just(1)),
    st.builds(
        ReplaceRejected,
        _IDS,
        _IDS,
        st.booleans(),
        st.just(Reason.VENUE_REJECTED),
        st.just(""),
        st.just(1),
        st.integers(-1, 12),
    ),
    st.builds(OrderOutcomeUnknown, _IDS, st.just("")),
    st.builds(
        OrderSeen, _IDS, st.just("v"), st.sampled_from(OrderStatus), st.sampled_from([10, 10, 11]), _LOTS, st.just(1)
    ),
    st.builds(OrderNotFound, _IDS, st.just(1)),
    st.builds(CancelOrder, _IDS, st.just("acc"), st.just("maker")),
)


@settings(max_examples=300, deadline=None)
@given(
    events=st.lists(_ANYTHING, max_size=40),
    replace_at=st.integers(0, 10),
    lots=st.tuples(st.integers(1, 10), st.integers(1, 10)),
    cut=st.integers(0, 43),
)
def test_whatever_a_venue_says_the_books_hold(
    events: list[OrderRecord], replace_at: int, lots: tuple[int, int], cut: int
) -> None:
    desk = Desk()
    desk.apply(new("m-1", 10), new("m-2", lots[0], Side.SELL))
    desk.apply(*events[:replace_at], replace("m-3", "m-1", lots[1]), *events[replace_at:])
    check_invariants(desk)
    check_replay(desk)
    check_memory(desk, cut)


def test_memory_has_what_makes_room_next() -> None:
    desk = Desk()
    for number in range(12):
        name = f"maker-1-{number}" if number % 3 else f"text{number}"
        desk.apply(new(name, 2), accepted(name), filled(f"t{number}", 1, client_order_id=name))
        desk.apply(cancelled(1, name), filled(f"t{number}", 1, client_order_id=name))
    for cut in range(0, len(desk.records), 7):
        check_memory(desk, cut, ended_orders_max=3, reports_max=4, trades_max=3, violations_max=2)


class HonestVenue:
    """A venue that tells nothing but the truth, but each word of it whenever it likes, and some of it twice."""

    def __init__(self) -> None:
        self.open: dict[str, list[int]] = {}  # client order id → [quantity, cum]
        self.ended: dict[str, int] = {}  # client order id → cum
        self.pool: list[OrderRecord] = []
        self._trades = 0

    def place(self, client_order_id: str, lots: int, rejects: bool) -> None:
        if rejects:
            self.ended[client_order_id] = 0
            self.pool.append(OrderRejected(client_order_id, Reason.VENUE_REJECTED, "", 1))
        else:
            self.open[client_order_id] = [lots, 0]
            self.pool.append(accepted(client_order_id))

    def trade(self, client_order_id: str, lots: int) -> None:
        order = self.open[client_order_id]
        lots = min(lots, order[0] - order[1])
        order[1] += lots
        self._trades += 1
        self.pool.append(filled(f"t{self._trades}", lots, client_order_id=client_order_id))
        if order[0] == order[1]:
            self._end(client_order_id)

    def _end(self, client_order_id: str) -> int:
        cum_lots = self.open.pop(client_order_id)[1]
        self.ended[client_order_id] = cum_lots
        return cum_lots

    def expire(self, client_order_id: str) -> None:
        cum_lots = self._end(client_order_id)
        self.pool.append(OrderExpired(client_order_id, "v", cum_lots, Reason.VENUE_EXPIRED, "", 1))

    def cancel(self, client_order_id: str, refuses: bool) -> None:
        if client_order_id not in self.open:
            self.pool.append(CancelRejected(client_order_id, True, "", 1))
        elif refuses:
            self.pool.append(CancelRejected(client_order_id, False, "", 1))
        else:
            self.pool.append(cancelled(self._end(client_order_id), client_order_id))

    def replace(self, client_order_id: str, orig: str, lots: int, refuses: bool) -> None:
        if orig not in self.open or refuses:
            is_half_done = orig in self.open and lots % 2 == 0
            cum_lots = self._end(orig) if is_half_done else -1
            self.ended[client_order_id] = 0
            self.pool.append(
                ReplaceRejected(client_order_id, orig, is_half_done, Reason.VENUE_REJECTED, "", 1, cum_lots)
            )
        else:
            self.pool.append(OrderReplaced(orig, client_order_id, self._end(orig), 1))
            self.place(client_order_id, lots, False)

    def query(self, client_order_id: str) -> OrderRecord:
        if client_order_id in self.open:
            quantity_lots, cum_lots = self.open[client_order_id]
            status = S.PARTIALLY_FILLED if cum_lots else S.NEW
            return OrderSeen(client_order_id, f"v:{client_order_id}", status, quantity_lots, cum_lots, 1)
        return OrderNotFound(client_order_id, 1)


_STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "new",
                "trade",
                "trade",
                "expire",
                "cancel",
                "replace",
                "unknown",
                "query",
                "hear",
                "hear",
                "hear",
                "twice",
            ]
        ),
        st.integers(0, 10**6),
        st.integers(1, 10),
        st.booleans(),
    ),
    max_size=60,
)


def run_honest(steps: list[tuple[str, int, int, bool]], desk: Desk, venue: HonestVenue) -> None:
    for step, pick, lots, coin in steps:
        ours = [order for order in desk.blotter.orders.values() if not order.status.is_terminal]
        theirs = sorted(venue.open)
        if step == "new" and len(desk.blotter.orders) < 6:
            order = new(f"m-{len(desk.blotter.orders)}", lots, Side.BUY if coin else Side.SELL)
            desk.apply(order)
            venue.place(order.client_order_id, lots, pick % 5 == 0)
        elif step == "trade" and theirs:
            venue.trade(theirs[pick % len(theirs)], lots)
        elif step == "expire" and theirs:
            venue.expire(theirs[pick % len(theirs)])
        elif step in ("hear", "twice") and venue.pool:
            at = pick % len(venue.pool)
            desk.apply(venue.pool[at] if step == "twice" else venue.pool.pop(at))
        elif ours:
            order_of_ours = ours[pick % len(ours)]
            client_order_id = order_of_ours.client_order_id
            if step == "cancel" and order_of_ours.can_cancel:
                desk.apply(cancel(client_order_id))
                venue.cancel(client_order_id, coin)
            elif step == "replace" and order_of_ours.can_replace:
                replacement = replace(f"m-{len(desk.blotter.orders)}", client_order_id, lots)
                desk.apply(replacement)
                venue.replace(replacement.client_order_id, client_order_id, lots, coin)
            elif step == "unknown":
                desk.apply(OrderOutcomeUnknown(client_order_id, ""))
            elif step == "query":
                desk.apply(venue.query(client_order_id))


@settings(max_examples=400, deadline=None)
@given(steps=_STEPS, tail=st.randoms(use_true_random=False))
def test_truth_in_any_order_gives_the_venues_own_books(steps: list[tuple[str, int, int, bool]], tail: object) -> None:
    desk, venue = Desk(), HonestVenue()
    run_honest(steps, desk, venue)
    check_invariants(desk)
    while venue.pool:
        desk.apply(venue.pool.pop(tail.randrange(len(venue.pool))))  # type: ignore[attr-defined]  # a random.Random
    check_invariants(desk)
    check_replay(desk)

    assert list(desk.blotter.violations) == []
    for order in desk.blotter.orders.values():
        client_order_id = order.client_order_id
        assert order.status.is_terminal == (client_order_id in venue.ended)
        assert order.owed_lots == 0
        if client_order_id in venue.ended:
            assert order.cum_lots == venue.ended[client_order_id]
        else:
            assert [order.quantity_lots, order.cum_lots] == venue.open[client_order_id]
