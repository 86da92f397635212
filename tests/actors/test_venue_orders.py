"""Between the check and the write: a pause, a halt, a disk without room. What was approved still does not leave."""

from collections.abc import Callable, Iterator

import pytest
from trading_desk import SECOND_NS, SIMULATOR, VENUE, Desk, MakeDesk, check_all, check_books, check_reports, strategy

from actors.places import latch_path
from actors.venue_records import decode_record
from engine.codes import ExecType, KillMode, OrderStatus, Reason
from engine.journal import JournalFull
from engine.messages import NewOrder
from engine.order_event import OrderFilled, OrderRejected
from risk.latch import LatchPage
from risk.scope import Scope


def at_reading(desk: Desk, number: int, action: Callable[[], int]) -> None:
    """From the ``number``-th look at the clock in the venue actor's next order on, ``action()`` ns are added."""
    cell = desk.runtime.actor(VENUE)
    real, readings, added = cell.clock_ns, iter(range(1, 100)), [0]

    def clock_ns() -> int:
        if next(readings) == number:
            added[0] = action()
        return real() + added[0]

    cell.clock_ns = clock_ns


def written(desk: Desk) -> Iterator[object]:
    return (decode_record(payload) for _, _, payload in desk._journals[VENUE].records())


#: In ``_submit`` the clock is read before the gate, after it, after the journal, and before the write.
LAST_LOOK = 4


@pytest.mark.parametrize("kind", ["new", "replace"])
@pytest.mark.parametrize("what", ["pause", "kill", "own kill"])
def test_what_happens_between_check_and_write_is_seen_before_the_write(
    make_desk: MakeDesk, kind: str, what: str
) -> None:
    desk = make_desk()
    hand = desk.strategy("hand")
    orig = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    desk.run_for(0.2)
    page = LatchPage.open(latch_path(desk.config))

    def happen() -> int:
        if what == "pause":
            return 2 * SECOND_NS  # longer than the lease
        page.store("K", Scope() if what == "kill" else Scope(venue="binance"), KillMode.HALT)
        return 0

    at_reading(desk, LAST_LOOK, happen)
    if kind == "new":
        order = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    else:
        order = hand.replace(orig, 2_000, hand.quote.bid_ticks - 5_500)
    desk.run_for(0.0005)
    assert len(desk.orders_at_venue()) == 1
    (report,) = [each for each in hand.of(order) if each.order_status.is_terminal]
    assert report.report_seq > 0  # it was journalled, so its end is numbered like any other
    reason = Reason.LEASE_EXPIRED if what == "pause" else Reason.HALTED
    assert report.refusal.reason is reason
    assert desk.venue.status().refusals[reason] >= 1  # counted as any other that the gate has refused
    assert hand.open_orders[orig].status is OrderStatus.NEW
    records = list(written(desk))
    assert isinstance(records[-1], OrderRejected)
    assert records[-1].client_order_id == order
    assert desk.venue.gate.open_orders == 1


def test_a_pause_before_the_check_is_the_checks_own_business(make_desk: MakeDesk) -> None:
    desk = make_desk()
    hand = desk.strategy("hand")
    at_reading(desk, 1, lambda: 2 * SECOND_NS)
    order = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    desk.run_for(0.001)
    assert hand.last(order).refusal.reason is Reason.LEASE_EXPIRED
    assert hand.last(order).report_seq == 0
    assert not [record for record in written(desk) if isinstance(record, NewOrder)]


def test_an_order_is_journalled_before_its_bytes_leave(make_desk: MakeDesk) -> None:
    desk = make_desk()
    hand, session = desk.strategy("hand"), desk.venue.session
    seen: list[bool] = []
    transmit = session.transmit

    def look_first(frame: bytes, now_ns: int) -> None:
        seen.append(any(isinstance(record, NewOrder) for record in written(desk)))
        transmit(frame, now_ns)

    session.transmit = look_first
    hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    desk.run_for(0.1)
    assert seen == [True]


# -- the journal is full -------------------------------------------------------------------------------------------


class Disk:
    """Stands before the venue actor's journal; ``has_room`` is the test's to set."""

    def __init__(self, desk: Desk) -> None:
        self.has_room = True
        journal = desk._journals[VENUE]
        append = journal.append

        def full_or_append(payload: bytes, now_ns: int) -> int:
            if not self.has_room:
                raise JournalFull("no space left on device")
            return append(payload, now_ns)

        journal.append = full_or_append


def test_a_full_journal_refuses_orders_and_leaves_nothing_reserved(make_desk: MakeDesk) -> None:
    desk = make_desk()
    hand = desk.strategy("hand")
    Disk(desk).has_room = False
    order = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    desk.run_for(0.1)
    assert hand.last(order).refusal.reason is Reason.JOURNAL_FULL
    assert desk.venue.gate.open_orders == 0
    assert not desk.orders_at_venue()


def test_facts_that_find_no_room_count_at_once_and_are_told_when_they_are_written(make_desk: MakeDesk) -> None:
    desk = make_desk()
    hand, disk = desk.strategy("hand"), Disk(desk)
    kept = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    taken = hand.buy(hand.instrument, 1_000, hand.quote.ask_ticks + 500)
    desk.run_for(0.00008)  # journalled and sent; the answers are on their way
    disk.has_room = False
    desk.run_for(0.5)
    assert desk.venue.gate.position_lots(0) == 1_000
    assert not hand.of(taken)
    assert desk.counters()["journal_owed"] > 0
    hand.cancel(kept)  # cancels pass in every state
    late = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    desk.run_for(0.5)
    assert not desk.open_at_venue()
    assert hand.last(late).refusal.reason is Reason.JOURNAL_FULL
    disk.has_room = True
    desk.run_for(0.5)
    assert hand.last(taken).order_status is OrderStatus.FILLED
    assert hand.last(kept).exec_type is ExecType.CANCELLED
    assert desk.counters()["journal_owed"] == 0
    assert any(isinstance(record, OrderFilled) for record in written(desk))
    check_all(desk)


def test_a_venue_actor_that_dies_with_a_full_journal_learns_it_all_from_the_venue(make_desk: MakeDesk) -> None:
    """The reports that were held are told by the next life, under the same numbers, so none is taken twice."""
    desk = make_desk(strategy("one", "Churner", seed=3))
    disk = Disk(desk)
    desk.run_for(2)
    disk.has_room = False
    desk.run_for(1)
    desk.runtime.crash(VENUE)
    disk.has_room = True
    desk.run_for(0.5)
    desk.restart(VENUE)
    desk.run_for(2)
    desk.settle()
    check_all(desk)


def test_a_strategy_that_logs_on_while_reports_are_held_waits_for_them(make_desk: MakeDesk) -> None:
    desk = make_desk()
    hand, disk = desk.strategy("hand"), Disk(desk)
    hand.buy(hand.instrument, 1_000, hand.quote.ask_ticks + 500)
    desk.run_for(0.00008)
    disk.has_room = False
    desk.run_for(0.5)
    desk.restart("strategy.hand")
    desk.run_for(1)
    later = desk.strategy("hand")
    assert later.starts == 0
    disk.has_room = True
    desk.run_for(0.5)
    assert later.starts == 1
    assert later.position_lots(later.instrument) == 1_000


# -- the venue contradicts our books -------------------------------------------------------------------------------


def test_a_contradiction_stops_new_orders_until_a_restart_has_compared_everything(make_desk: MakeDesk) -> None:
    desk = make_desk()
    hand = desk.strategy("hand")
    kept = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    gone = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_100)
    desk.run_for(0.1)
    hand.cancel(gone)
    desk.run_for(0.1)
    order_id = desk.venue.blotter.orders[gone].order_id
    late = OrderFilled(gone, order_id, "999999", 1_000, hand.quote.bid_ticks - 5_100, 0, "BTC", True, 0)
    desk.venue.on_venue_event(late, desk.now_ns)  # a fill of an order that had been confirmed as cancelled
    desk.run_for(0.1)
    assert hand.last(gone).fill.trade_id == "999999"
    assert desk.venue.gate.position_lots(0) == 1_000
    refused = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    hand.cancel(kept)
    desk.run_for(0.1)
    assert hand.last(refused).refusal.reason is Reason.LEDGER_IN_DOUBT
    assert hand.last(kept).exec_type is ExecType.CANCELLED
    status = desk.venue.status()
    assert status.state == "stopped"
    assert "LATE_FILL" in status.details["stopped"]
    assert desk.logged("NEW ORDERS STOPPED")
    desk.restart(VENUE)
    desk.run_for(2)
    accepted = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    desk.run_for(0.1)
    assert hand.last(accepted).exec_type is ExecType.NEW


def test_a_fill_that_the_stream_dropped_is_searched_for_and_found(make_desk: MakeDesk) -> None:
    """Reports drop out while everything else goes on: only the order's count at the venue tells."""
    desk = make_desk()
    hand, events = desk.strategy("hand"), desk.venue.events
    heard = events.on_venue_event
    events.on_venue_event = lambda event, now_ns: None if isinstance(event, OrderFilled) else heard(event, now_ns)
    lost = hand.buy(hand.instrument, 1_000, hand.quote.ask_ticks + 500)
    desk.run_for(0.2)
    del events.on_venue_event
    seen = hand.buy(hand.instrument, 1_000, hand.quote.ask_ticks + 500)
    desk.run_for(0.2)
    assert hand.last(seen).order_status is OrderStatus.FILLED
    assert lost in hand.open_orders
    hand.cancel(lost)  # the venue does not know it as open: so it is asked
    desk.run_for(3)
    assert hand.last(lost).order_status is OrderStatus.FILLED
    check_all(desk)


# -- reports have nowhere to go ------------------------------------------------------------------------------------


def test_a_strategy_that_does_not_read_is_refused_orders_and_later_caught_up_in_order(make_desk: MakeDesk) -> None:
    desk = make_desk(strategy("hand"), strategy("busy", "Churner", seed=5))
    hand = desk.strategy("hand")
    order = hand.buy(hand.instrument, 1_000, hand.quote.ask_ticks + 500)
    cell = desk.runtime.actor(VENUE)
    route = cell.routes["strategy.hand"]
    cell.routes["strategy.hand"] = Full()
    desk.run_for(1)
    late = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    desk.run_for(0.2)
    assert not hand.of(order)
    assert desk.venue.core.refusals[Reason.REPORT_QUEUE_FULL] == 1
    cell.routes["strategy.hand"] = route
    desk.run_for(0.3)
    assert [report.exec_type for report in hand.of(order)][-1] is ExecType.TRADE
    assert hand.last(order).order_status is OrderStatus.FILLED
    desk.storm.cut(VENUE, "strategy.hand")
    hand.cancel("hand-finds-the-broken-link")
    desk.run_for(0.1)
    desk.storm.clear()
    desk.run_for(2)  # the refusal was lost with the full queue; the logon says which orders are waited for
    assert hand.last(late).order_status is OrderStatus.REJECTED
    assert not hand.open_orders
    desk.settle(2)
    check_reports(desk)


class Full:
    """A way to a peer that takes nothing."""

    def send(self, message: object) -> bool:
        return False


def test_more_was_missed_than_is_kept_so_a_snapshot_brings_the_strategy_up_to_date(make_desk: MakeDesk) -> None:
    desk = make_desk()
    hand = desk.strategy("hand")
    orders = [hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000 - n) for n in range(4)]
    desk.run_for(0.1)
    cell = desk.runtime.actor(VENUE)
    route = cell.routes["strategy.hand"]
    cell.routes["strategy.hand"] = Full()
    for order in orders[:3]:
        hand.cancel(order)
    desk.run_for(0.05)
    desk.venue.blotter._strategies["hand"].reports.clear()
    cell.routes["strategy.hand"] = route
    desk.run_for(0.5)
    fresh = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    desk.run_for(0.2)
    assert hand.last(fresh).exec_type is ExecType.NEW
    assert set(hand.open_orders) == {orders[3], fresh}
    ended = [hand.last(order).order_status for order in orders[:3]]
    assert ended == [OrderStatus.CANCELLED] * 3
    check_books(desk)


def test_the_venue_pushes_back_and_orders_are_refused_not_queued(make_desk: MakeDesk) -> None:
    desk = make_desk()
    hand = desk.strategy("hand")
    cell = desk.runtime.actor(VENUE)
    cell.writable = lambda link: False
    order = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    desk.run_for(0.1)
    assert hand.last(order).refusal.reason is Reason.VENUE_LINK_BUSY
    assert not desk.orders_at_venue()


def test_the_venues_own_order_limit_is_kept_on_our_side(make_desk: MakeDesk) -> None:
    from adapters.simulator.binance.settings import VenueLimits, VenueOptions

    desk = make_desk(strategy("one", "Churner", seed=4), options=VenueOptions(VenueLimits(orders_per_10_seconds=50)))
    desk.run_for(10)
    assert desk.refusals("one")["VENUE_RATE_LIMIT"] > 100
    waits = [
        r.refusal for r in desk.told("one") if r.refusal is not None and r.refusal.reason is Reason.VENUE_RATE_LIMIT
    ]
    assert all(each.field == "wait_ns" and 0 < int(each.limit) <= 10 * SECOND_NS for each in waits)
    assert all(f"may be sent in {each.limit} ns" in each.text for each in waits)
    assert not [r for r in desk.told("one") if r.refusal and r.refusal.text.startswith("-1015")]
    assert SIMULATOR in desk.runtime.hosts
