"""Every (state, event) pair of the order life cycle, and what is easily got wrong."""

from collections.abc import Callable, Sequence

import pytest

from engine.codes import OrderStatus, OrderType, Reason, Side, TimeInForce
from engine.messages import CancelOrder, NewOrder, ReplaceOrder
from engine.order import TRANSITIONS, Order, OrderInput
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
from engine.order_life import Outcome, transition

S = OrderStatus
ALL_EVENTS = (
    OrderAccepted,
    OrderRejected,
    OrderFilled,
    OrderCancelled,
    OrderExpired,
    OrderReplaced,
    CancelRejected,
    ReplaceRejected,
    OrderOutcomeUnknown,
    OrderSeen,
    OrderNotFound,
    CancelOrder,
    ReplaceOrder,
)

ACCEPT = OrderAccepted("a", "77", 1)
REJECT = OrderRejected("a", Reason.VENUE_REJECTED, "no", 1)
CANCEL = CancelOrder("a", "acc", "maker")
REPLACE = ReplaceOrder("b", "a", "acc", "maker", 10, 101)
REPLACED = OrderReplaced("a", "b", 0, 1)
REPLACE_REJECTED = ReplaceRejected("b", "a", False, Reason.VENUE_REJECTED, "no", 1)
UNKNOWN = OrderOutcomeUnknown("a", "no answer")


def fill(lots: int, trade_id: str = "t1") -> OrderFilled:
    return OrderFilled("a", "77", trade_id, lots, 100, 5, "BNB", True, 1)


def cancelled(cum_lots: int) -> OrderCancelled:
    return OrderCancelled("a", "77", cum_lots, 1)


def expired(cum_lots: int) -> OrderExpired:
    return OrderExpired("a", "77", cum_lots, Reason.VENUE_EXPIRED, "ioc", 1)


def seen(status: OrderStatus, cum_lots: int = 0, quantity_lots: int = 10) -> OrderSeen:
    return OrderSeen("a", "77", status, quantity_lots, cum_lots, 1)


def new_order() -> Order:
    return Order.from_new(
        NewOrder("a", "acc", "maker", 1, Side.BUY, OrderType.LIMIT, TimeInForce.GTC, 10, 100, True, 7, 6)
    )


def after(*events: OrderInput) -> Order:
    order = new_order()
    for event in events:
        transition(order, event)
    return order


def state_of(order: Order) -> dict[str, object]:
    return {name: getattr(order, name) for name in Order.__slots__} | {"trade_ids": frozenset(order.trade_ids)}


#: How an order of 10 lots comes into each column of the table. A small letter tells two ways into one state apart.
PATHS: dict[str, tuple[OrderStatus, Sequence[OrderInput]]] = {
    "PN": (S.PENDING_NEW, ()),
    "NEW": (S.NEW, (ACCEPT,)),
    "NEWr": (S.NEW, (ACCEPT, REPLACE, REPLACE_REJECTED)),
    "PF": (S.PARTIALLY_FILLED, (ACCEPT, fill(4))),
    "PFr": (S.PARTIALLY_FILLED, (ACCEPT, REPLACE, REPLACE_REJECTED, fill(4))),
    "PC": (S.PENDING_CANCEL, (ACCEPT, CANCEL)),
    "PCn": (S.PENDING_CANCEL, (CANCEL,)),
    "PCr": (S.PENDING_CANCEL, (ACCEPT, REPLACE, CANCEL)),
    "PR": (S.PENDING_REPLACE, (ACCEPT, REPLACE)),
    "PRn": (S.PENDING_REPLACE, (REPLACE,)),
    "UN": (S.UNKNOWN, (ACCEPT, UNKNOWN)),
    "UNn": (S.UNKNOWN, (UNKNOWN,)),
    "UNr": (S.UNKNOWN, (ACCEPT, REPLACE, UNKNOWN)),
    "FI": (S.FILLED, (ACCEPT, fill(10))),
    "CA": (S.CANCELLED, (ACCEPT, cancelled(0))),
    "CAr": (S.CANCELLED, (ACCEPT, REPLACE, cancelled(0))),
    "RE": (S.REPLACED, (ACCEPT, REPLACE, REPLACED)),
    "RJ": (S.REJECTED, (REJECT,)),
    "EX": (S.EXPIRED, (ACCEPT, expired(0))),
}

EVENTS: dict[str, Callable[[Order], OrderInput]] = {
    "accepted": lambda order: ACCEPT,
    "rejected": lambda order: REJECT,
    "filled 1": lambda order: fill(1, "t2"),
    "filled rest": lambda order: fill(max(1, 10 - order.cum_lots), "t2"),
    "cancelled": lambda order: cancelled(order.cum_lots),
    "expired": lambda order: expired(order.cum_lots),
    "replaced": lambda order: OrderReplaced("a", "b", order.cum_lots, 1),
    "cancel rejected": lambda order: CancelRejected("a", False, "busy", 1),
    "no such order": lambda order: CancelRejected("a", True, "unknown order", 1),
    "replace rejected": lambda order: REPLACE_REJECTED,
    "half replaced": lambda order: ReplaceRejected(
        "b", "a", True, Reason.VENUE_REJECTED, "", 1, orig_cum_lots=order.cum_lots
    ),
    "half replaced ?": lambda order: ReplaceRejected("b", "a", True, Reason.VENUE_REJECTED, "", 1),
    "outcome unknown": lambda order: UNKNOWN,
    "seen new": lambda order: seen(S.NEW),
    "seen filled": lambda order: seen(S.FILLED, 10),
    "seen cancelled": lambda order: seen(S.CANCELLED, order.cum_lots),
    "seen rejected": lambda order: seen(S.REJECTED),
    "seen expired": lambda order: seen(S.EXPIRED, order.cum_lots),
    "seen pending": lambda order: seen(S.PENDING_NEW),
    "not found": lambda order: OrderNotFound("a", 1),
    "cancel": lambda order: CANCEL,
    "replace": lambda order: ReplaceOrder("c", "a", "acc", "maker", 10, 102),
}

# The state that follows; "--": illegal; "!": the event is a violation as well. "FI*": ending, fills are owed.
TABLE = """
                 PN   NEW  NEWr PF   PFr  PC   PCn  PCr  PR   PRn  UN   UNn  UNr  FI   CA   CAr  RE   RJ   EX
accepted         NEW  NEW  NEW  PF   PF   PC   PC   PC   PR   PR   UN   NEW  UN   FI   CA   CA   RE   --   EX
rejected         RJ   --   --   --   --   --   RJ   --   --   RJ   --   RJ   --   --   --   --   --   RJ   --
filled 1         PF   PF   PF   PF   PF   PC   PC   PC   PR   PR   UN   UN   UN   FI!  CA!  CA!  RE!  RJ!  EX!
filled rest      FI   FI   FI   FI   FI   FI   FI   FI   FI   FI   FI   FI   FI   FI!  CA!  CA!  RE!  RJ!  EX!
cancelled        CA   CA   CA   CA   CA   CA   CA   CA   CA   CA   CA   CA   CA   --   CA   CA   RE   --   --
expired          EX   EX   EX   EX   EX   EX   EX   EX   EX   EX   EX   EX   EX   --   --   --   --   --   EX
replaced         --   --   RE   --   RE   --   --   RE   RE   RE   --   --   RE   --   --   CA   RE   --   --
cancel rejected  PN   NEW  NEW  PF   PF   NEW  PN   PR   PR   PR   UN   UN   UN   FI   CA   CA   RE   RJ   EX
no such order    PN   UN   UN   UN   UN   UN   UN   UN   UN   UN   UN   UN   UN   FI   CA   CA   RE   RJ   EX
replace rejected PN   NEW  NEW  PF   PF   PC   PC   PC   NEW  PN   UN   UN   UN   FI   CA   CA   RE   RJ   EX
half replaced    CA   CA   CA   CA   CA   CA   CA   CA   CA   CA   CA   CA   CA   FI   CA   CA   RE   RJ   EX
half replaced ?  UN   UN   UN   UN   UN   UN   UN   UN   UN   UN   UN   UN   UN   FI   CA   CA   RE   RJ   EX
outcome unknown  UN   UN   UN   UN   UN   UN   UN   UN   UN   UN   UN   UN   UN   FI   CA   CA   RE   RJ   EX
seen new         NEW  NEW  NEW  PF   PF   PC   PC   PC   PR   PR   NEW  NEW  NEW  FI   CA   CA   RE   RJ!  EX
seen filled      PN*  NEW* NEW* PF*  PF*  PC*  PC*  PC*  PR*  PR*  UN*  UN*  UN*  FI   CA!  CA!  RE!  RJ!  EX!
seen cancelled   CA   CA   CA   CA   CA   CA   CA   CA   CA   CA   CA   CA   CA   FI!  CA   CA   RE   RJ!  EX!
seen rejected    RJ   --   --   --   --   --   RJ   --   --   RJ   --   RJ   --   FI!  CA!  CA!  RE!  RJ   EX!
seen expired     EX   EX   EX   EX   EX   EX   EX   EX   EX   EX   EX   EX   EX   FI!  CA!  CA!  RE!  RJ!  EX
seen pending     PN   NEW  NEW  PF   PF   PC   PC   PC   PR   PR   UN   UN   UN   FI   CA   CA   RE   RJ   EX
not found        PN   NEW  NEW  PF   PF   PC   PC   PC   PR   PR   UN   UN   UN   FI   CA   CA   RE   RJ   EX
cancel           PC   PC   PC   PC   PC   PC   PC   PC   PC   PC   UN   UN   UN   --   --   --   --   --   --
replace          PR   PR   PR   PR   PR   --   --   --   --   --   --   --   --   --   --   --   --   --   --
"""
_ROWS = TABLE.strip("\n").splitlines()
_COLUMNS = _ROWS[0].split()
CASES = [
    pytest.param(column, row[:16].strip(), cell, id=f"{column}-{row[:16].strip().replace(' ', '_')}")
    for row in _ROWS[1:]
    for column, cell in zip(_COLUMNS, row[16:].split(), strict=True)
]


@pytest.mark.parametrize(("column", "event_name", "expected"), CASES)
def test_every_state_and_event(column: str, event_name: str, expected: str) -> None:
    status, path = PATHS[column]
    order = after(*path)
    assert order.status is status
    event = EVENTS[event_name](order)
    before = state_of(order)

    outcomes = transition(order, event)

    if expected == "--":
        assert outcomes == (Outcome.ILLEGAL,)
        assert state_of(order) == before
        return
    assert order.status is PATHS[expected.rstrip("!*")][0]
    assert (order.ending is not None and not order.status.is_terminal) == expected.endswith("*")
    assert any(outcome >= Outcome.ILLEGAL for outcome in outcomes) == expected.endswith("!")
    assert Outcome.ILLEGAL not in outcomes
    if not expected.endswith("!"):
        assert (Outcome.ENDED in outcomes) == (
            order.status.is_terminal and not status.is_terminal and order.status is not S.FILLED
        )


def test_the_table_test_covers_every_state_and_every_event() -> None:
    assert {status for status, _ in PATHS.values()} == set(OrderStatus)
    assert {type(make(new_order())) for make in EVENTS.values()} == set(ALL_EVENTS)
    assert set(_COLUMNS) == set(PATHS)
    assert {row[:16].strip() for row in _ROWS[1:]} == set(EVENTS)


def test_what_the_transition_table_lists_is_what_is_legal_for_some_order_in_that_state() -> None:
    legal = {
        (PATHS[column][0], type(EVENTS[row[:16].strip()](new_order())))
        for row in _ROWS[1:]
        for column, cell in zip(_COLUMNS, row[16:].split(), strict=True)
        if cell != "--"
    }
    assert legal == set(TRANSITIONS)


@pytest.mark.parametrize("column", PATHS)
def test_can_cancel_and_can_replace_tell_what_the_table_allows(column: str) -> None:
    path = PATHS[column][1]
    order = after(*path)
    assert order.can_cancel == (transition(after(*path), CANCEL) != (Outcome.ILLEGAL,))
    assert order.can_replace == (
        transition(after(*path), ReplaceOrder("c", "a", "acc", "maker", 1, 1)) != (Outcome.ILLEGAL,)
    )


# -- building ----------------------------------------------------------------------------------------------------


def test_a_replacement_takes_what_it_does_not_say_from_its_original() -> None:
    replacement = Order.from_replace(ReplaceOrder("b", "a", "acc", "maker", 3, 105, 9, 8), new_order())
    assert (replacement.client_order_id, replacement.orig_client_order_id) == ("b", "a")
    assert (replacement.instrument_id, replacement.side, replacement.post_only) == (1, Side.BUY, True)
    assert (replacement.order_type, replacement.time_in_force) == (OrderType.LIMIT, TimeInForce.GTC)
    assert (replacement.quantity_lots, replacement.price_ticks, replacement.cum_lots) == (3, 105, 0)
    assert (replacement.created_ns, replacement.tick_received_ns, replacement.status) == (9, 8, S.PENDING_NEW)


def test_leaves_are_none_once_terminal() -> None:
    assert after(ACCEPT, fill(4)).leaves_lots == 6
    assert after(ACCEPT, fill(4), cancelled(4)).leaves_lots == 0


# -- accept and fill in either order -----------------------------------------------------------------------------


def test_fill_before_accept_makes_the_late_accept_silent_and_no_duplicate() -> None:
    order = after(fill(4))
    assert order.status is S.PARTIALLY_FILLED
    assert transition(order, ACCEPT) == ()
    assert transition(order, ACCEPT) == (Outcome.DUPLICATE,)


def test_accept_that_brings_the_order_id_after_an_implied_one_is_no_duplicate() -> None:
    order = after(OrderAccepted("a", "", 1))
    assert order.order_id == ""
    assert transition(order, ACCEPT) == ()
    assert order.order_id == "77"
    assert transition(order, ACCEPT) == (Outcome.DUPLICATE,)


def test_accept_while_pending_cancel_is_told_and_keeps_the_cancel() -> None:
    order = after(CANCEL)
    assert transition(order, ACCEPT) == (Outcome.ACCEPTED,)
    assert order.status is S.PENDING_CANCEL


def test_same_trade_twice_counts_once() -> None:
    order = after(ACCEPT, fill(4))
    assert transition(order, fill(4)) == (Outcome.DUPLICATE,)
    assert order.cum_lots == 4


@pytest.mark.parametrize("bad", [fill(0, "t9"), fill(-3, "t9"), OrderFilled("a", "77", "t9", 1, -1, 0, "", True, 1)])
def test_fill_that_is_none_changes_nothing(bad: OrderFilled) -> None:
    order = after(ACCEPT)
    before = state_of(order)
    assert transition(order, bad) == (Outcome.CONTRADICTION,)
    assert state_of(order) == before


def test_overfill_is_booked_and_is_a_violation() -> None:
    order = after(ACCEPT, fill(4))
    assert transition(order, fill(7, "t2")) == (Outcome.TRADED, Outcome.OVERFILL)
    assert (order.status, order.cum_lots, order.leaves_lots) == (S.FILLED, 11, 0)


def test_late_fill_is_booked_and_leaves_the_terminal_state() -> None:
    order = after(ACCEPT, cancelled(0))
    assert transition(order, fill(4)) == (Outcome.TRADED, Outcome.LATE_FILL)
    assert (order.status, order.cum_lots, order.leaves_lots) == (S.CANCELLED, 4, 0)
    assert transition(order, fill(4)) == (Outcome.DUPLICATE,)


# -- ends that owe fills -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (cancelled(6), S.CANCELLED),
        (expired(6), S.EXPIRED),
        (OrderReplaced("a", "b", 6, 1), S.REPLACED),
        (seen(S.CANCELLED, 6), S.CANCELLED),
        (ReplaceRejected("b", "a", True, Reason.VENUE_REJECTED, "", 1, 6), S.CANCELLED),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, OrderStatus) else value.name,
)
def test_an_end_waits_for_the_fills_it_owes(end: OrderInput, status: OrderStatus) -> None:
    order = after(ACCEPT, REPLACE, fill(1, "t1"))
    assert transition(order, end) == ()
    assert (order.status, order.owed_lots, order.can_cancel, order.can_replace) == (S.PENDING_REPLACE, 5, False, False)
    assert transition(order, fill(2, "t2")) == (Outcome.TRADED,)
    assert order.owed_lots == 3
    assert transition(order, fill(3, "t3")) == (Outcome.TRADED, Outcome.ENDED)
    assert (order.status, order.cum_lots, order.owed_lots) == (status, 6, 0)


def test_while_ending_nothing_but_fills_matters() -> None:
    order = after(ACCEPT, cancelled(6))
    assert transition(order, CANCEL) == (Outcome.ILLEGAL,)
    assert transition(order, cancelled(6)) == (Outcome.DUPLICATE,)
    assert transition(order, UNKNOWN) == ()
    assert transition(order, CancelRejected("a", True, "", 1)) == ()
    assert (order.status, order.owed_lots) == (S.NEW, 6)


def test_while_ending_a_word_of_more_fills_raises_what_is_owed() -> None:
    order = after(ACCEPT, cancelled(3), seen(S.CANCELLED, 5))
    assert order.owed_lots == 5
    assert transition(order, fill(3)) == (Outcome.TRADED,)
    assert transition(order, fill(2, "t2")) == (Outcome.TRADED, Outcome.ENDED)


def test_accept_while_ending_brings_the_order_id_that_trades_are_found_by() -> None:
    order = after(REPLACE, OrderReplaced("a", "b", 6, 1))
    assert order.order_id == ""
    transition(order, ACCEPT)
    assert (order.order_id, order.status) == ("77", S.PENDING_REPLACE)


def test_seen_filled_ends_with_the_last_fill_and_not_before() -> None:
    order = after(ACCEPT, UNKNOWN, seen(S.FILLED, 10))
    assert (order.status, order.owed_lots) == (S.UNKNOWN, 10)
    assert transition(order, fill(10)) == (Outcome.TRADED,)
    assert order.status is S.FILLED


def test_end_with_fewer_fills_than_seen_ends_and_is_a_contradiction() -> None:
    order = after(ACCEPT, fill(4))
    assert transition(order, cancelled(3)) == (Outcome.ENDED, Outcome.CONTRADICTION)
    assert (order.status, order.cum_lots) == (S.CANCELLED, 4)


def test_second_word_on_an_end_with_more_fills_is_a_contradiction_that_shows_as_owed() -> None:
    order = after(ACCEPT, cancelled(0))
    assert transition(order, cancelled(2)) == (Outcome.CONTRADICTION,)
    assert (order.status, order.owed_lots) == (S.CANCELLED, 2)


# -- refused requests --------------------------------------------------------------------------------------------


def test_cancel_reject_goes_back_by_what_is_filled() -> None:
    order = after(ACCEPT, CANCEL, fill(4))
    assert order.status is S.PENDING_CANCEL
    assert transition(order, CancelRejected("a", False, "busy", 1)) == (Outcome.CANCEL_REJECTED,)
    assert order.status is S.PARTIALLY_FILLED


def test_cancel_reject_for_an_order_the_venue_does_not_know_is_doubt() -> None:
    order = after(ACCEPT, CANCEL)
    assert transition(order, CancelRejected("a", True, "unknown order", 1)) == (Outcome.CANCEL_REJECTED,)
    assert order.status is S.UNKNOWN
    assert transition(order, fill(10)) == (Outcome.TRADED,)
    assert order.status is S.FILLED


def test_replace_reject_leaves_a_later_cancel_pending() -> None:
    order = after(ACCEPT, REPLACE, CANCEL)
    assert transition(order, REPLACE_REJECTED) == (Outcome.REPLACE_REJECTED,)
    assert order.status is S.PENDING_CANCEL


def test_late_word_on_an_earlier_replacement_still_ends_the_original() -> None:
    order = after(ACCEPT, REPLACE, UNKNOWN, seen(S.NEW), ReplaceOrder("c", "a", "acc", "maker", 10, 102))
    assert order.status is S.PENDING_REPLACE
    assert transition(order, OrderReplaced("a", "b", 0, 1)) == (Outcome.ENDED,)
    assert order.status is S.REPLACED


def test_replaced_by_an_order_that_was_never_asked_for_is_illegal() -> None:
    assert transition(after(ACCEPT, REPLACE), OrderReplaced("a", "x", 0, 1)) == (Outcome.ILLEGAL,)


# -- doubt -------------------------------------------------------------------------------------------------------


def test_a_fill_does_not_resolve_doubt_and_a_query_does() -> None:
    order = after(ACCEPT, UNKNOWN)
    assert transition(order, fill(4)) == (Outcome.TRADED,)
    assert order.status is S.UNKNOWN
    assert transition(order, seen(S.PARTIALLY_FILLED, 4)) == (Outcome.RESOLVED,)
    assert order.status is S.PARTIALLY_FILLED


def test_first_accept_resolves_doubt_and_a_repeated_one_does_not() -> None:
    assert transition(after(UNKNOWN), ACCEPT) == (Outcome.ACCEPTED,)
    order = after(ACCEPT, CANCEL, UNKNOWN)
    assert transition(order, ACCEPT) == (Outcome.DUPLICATE,)
    assert order.status is S.UNKNOWN


def test_a_query_that_finds_the_order_ends_the_wait_for_requests_in_doubt() -> None:
    order = after(ACCEPT, CANCEL, UNKNOWN, seen(S.NEW))
    assert (order.status, order.cancel_pending) == (S.NEW, False)


def test_cancel_of_an_order_in_doubt_keeps_the_doubt() -> None:
    order = after(UNKNOWN, CANCEL)
    assert order.status is S.UNKNOWN
    assert transition(order, CancelRejected("a", True, "", 1)) == (Outcome.CANCEL_REJECTED,)
    assert order.status is S.UNKNOWN


def test_seen_with_more_fills_than_known_shows_what_is_owed() -> None:
    order = after(ACCEPT, seen(S.PARTIALLY_FILLED, 3))
    assert (order.status, order.owed_lots) == (S.NEW, 3)
    transition(order, fill(3))
    assert (order.status, order.owed_lots) == (S.PARTIALLY_FILLED, 0)


def test_seen_filled_with_less_than_the_quantity_changes_nothing() -> None:
    order = after(UNKNOWN)
    before = state_of(order)
    assert transition(order, seen(S.FILLED, 9)) == (Outcome.CONTRADICTION,)
    assert state_of(order) == before


def test_seen_with_another_quantity_is_a_contradiction() -> None:
    assert transition(after(UNKNOWN), seen(S.NEW, 0, 12)) == (Outcome.ACCEPTED, Outcome.CONTRADICTION)
