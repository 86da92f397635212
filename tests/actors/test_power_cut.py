"""The power of a venue actor's host is cut: what its journal had not on the disk is found again at the venue."""

from random import Random

import pytest
from trading_desk import SECOND_NS, VENUE, Desk, MakeDesk, check_books, strategy

from actors.boot import HostBooted
from actors.lost_orders import ReachOfJournal
from actors.venue_records import LifeBegun, decode_record
from engine.codes import ExecType, OrderStatus, Reason
from engine.messages import NewOrder, ReplaceOrder

#: The records of a new state: boot, life, day and the instrument. They are on the disk before the first order.
FIRST_RECORDS = 4


def cut_power(desk: Desk, seconds: float, lost: int) -> None:
    """The newest ``lost`` records are gone, and the monotonic clock begins anew."""
    host = desk.runtime.hosts[VENUE]
    desk.runtime.crash(VENUE)
    records = desk._journals[VENUE]._records
    del records[max(FIRST_RECORDS, len(records) - lost) :]
    desk.run_for(seconds)
    before_ns = host.clock_ns()
    host.clock_offset_ns = 500 * SECOND_NS - desk.runtime.now_ns
    host.wall_offset_ns += before_ns - host.clock_ns()
    desk.restart(VENUE)


def records_since(desk: Desk, client_order_id: str) -> int:
    """How many of the newest records there are, from the order's own on."""
    records = [decode_record(payload) for _, _, payload in desk._journals[VENUE]._records]
    requests = [
        at
        for at, record in enumerate(records)
        if isinstance(record, NewOrder | ReplaceOrder) and record.client_order_id == client_order_id
    ]
    return len(records) - requests[0]


def test_an_order_that_the_journal_lost_is_its_strategys_again(make_desk: MakeDesk) -> None:
    desk = make_desk()
    hand = desk.strategy("hand")
    order = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 9_000)
    desk.run_for(0.5)
    cut_power(desk, 1.0, records_since(desk, order))
    desk.run_for(3)
    assert len(desk.logged("ORDER FOUND THAT THE JOURNAL HAD LOST")) == 1
    assert order in hand.open_orders
    check_books(desk)
    hand.cancel(order)
    desk.run_for(1)
    assert hand.last(order).order_status is OrderStatus.CANCELLED
    check_books(desk)


@pytest.mark.parametrize("placement", ["own-process", "co-located"])
def test_fills_of_orders_that_the_journal_lost_are_in_the_books(make_desk: MakeDesk, placement: str) -> None:
    desk = make_desk(strategy("hand", placement=placement))
    hand = desk.strategy("hand")
    first = hand.buy(hand.instrument, 1_000, hand.quote.ask_ticks + 500)
    second = hand.sell(hand.instrument, 3_000, hand.quote.bid_ticks - 500)
    near = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks)
    desk.run_for(0.2)
    assert hand.last(second).order_status is OrderStatus.FILLED
    cut_power(desk, 20, records_since(desk, first))
    desk.run_for(8)
    hand = desk.strategy("hand")
    check_books(desk)
    assert near not in hand.open_orders
    bought = sum(record.cum_lots for record in desk.orders_at_venue() if record.client_order_id == near)
    assert hand.position_lots(hand.instrument) == 1_000 - 3_000 + bought


def test_an_order_that_never_left_is_told_so_only_when_the_venue_has_been_searched(make_desk: MakeDesk) -> None:
    desk = make_desk()
    hand = desk.strategy("hand")
    order = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 9_000)
    desk.storm.cut(VENUE, "simulator")
    cut_power(desk, 0.1, 0)  # before the order has reached the venue actor
    desk.run_for(3)
    assert hand.of(order) == []
    desk.storm.clear()
    desk.run_for(10)
    assert hand.last(order).refusal.reason is Reason.NEVER_RECEIVED
    check_books(desk)


def test_a_report_number_that_was_lost_is_never_given_again(make_desk: MakeDesk) -> None:
    """A strategy on another host remembers what it was told, also what this host has forgotten."""
    desk = make_desk()
    hand = desk.strategy("hand")
    orders = [hand.buy(hand.instrument, 1_000, hand.quote.ask_ticks + 500) for _ in range(5)]
    desk.run_for(0.5)
    told_before = len(hand.reports)
    cut_power(desk, 0.5, records_since(desk, orders[1]))
    desk.run_for(3)
    more = [hand.buy(hand.instrument, 1_000, hand.quote.ask_ticks + 500) for _ in range(5)]
    desk.run_for(2)
    fills = [report for report in hand.reports if report.fill is not None and report.client_order_id in more]
    assert sum(report.fill.last_lots for report in fills) == 5_000
    assert len(hand.reports) > told_before
    assert hand.position_lots(hand.instrument) == 10_000
    check_books(desk)
    cut_power(desk, 0.5, 0)  # once more, with all of it on the disk
    desk.run_for(5)
    assert hand.position_lots(hand.instrument) == 10_000
    check_books(desk)


def test_a_strategy_that_comes_late_is_not_told_what_it_knows_under_new_numbers(make_desk: MakeDesk) -> None:
    """By then as many new reports have been made as were lost."""
    desk = make_desk()
    hand = desk.strategy("hand")
    orders = [hand.buy(hand.instrument, 1_000, hand.quote.ask_ticks + 500) for _ in range(5)]
    desk.run_for(0.5)
    assert hand.position_lots(hand.instrument) == 5_000
    lost = records_since(desk, orders[1])
    desk.storm.cut(VENUE, "strategy.hand")
    cut_power(desk, 0.5, lost)
    desk.run_for(3)
    desk.storm.clear()
    desk.run_for(5)
    assert hand.position_lots(hand.instrument) == 5_000
    assert hand.open_orders == {}
    check_books(desk)


@pytest.mark.parametrize("seed", range(4))
def test_the_power_is_cut_anywhere(make_desk: MakeDesk, seed: int) -> None:
    chance = Random(seed)
    placement = chance.choice(["own-process", "co-located"])
    desk = make_desk(
        strategy("one", "Churner", seed=seed),
        strategy("two", "Churner", seed=seed + 1_000, placement=placement),
        seed=seed,
    )
    for _ in range(3):
        for _ in range(chance.randrange(500, 3_000)):
            desk.runtime.agenda.step()
        cut_power(desk, chance.choice([0.1, 1.5]), chance.randrange(30))
        desk.run_for(3)
    desk.settle()
    check_books(desk)
    at_venue = {record.client_order_id for record in desk.orders_at_venue()}
    for name in ("one", "two"):
        rejected = [report for report in desk.told(name) if report.exec_type is ExecType.REJECTED]
        never = {each.client_order_id for each in rejected if each.refusal.reason is Reason.NEVER_RECEIVED}
        assert not never & at_venue


def test_a_crash_without_a_power_cut_asks_for_nothing(make_desk: MakeDesk) -> None:
    desk = make_desk()
    desk.restart(VENUE)
    desk.run_for(2)
    records = [decode_record(payload) for _, _, payload in desk._journals[VENUE]._records]
    assert sum(isinstance(record, HostBooted) for record in records) == 1
    assert not desk.logged("the host was booted: what the journal may have lost is looked for at the venue")


def test_a_search_that_was_not_finished_is_the_next_lifes(make_desk: MakeDesk) -> None:
    desk = make_desk()
    text = "the host was booted: what the journal may have lost is looked for at the venue"

    def searches() -> int:
        return sum(event == text for _, _, event, _ in desk.runtime.log)

    cut_power(desk, 0.5, 3)
    assert searches() == 1
    desk.restart(VENUE)
    assert searches() == 2, "it had no time to look"
    desk.run_for(5)
    desk.restart(VENUE)
    assert searches() == 2


def test_the_number_of_a_life_is_on_the_disk_before_its_lease(make_desk: MakeDesk) -> None:
    """Otherwise a life after a clock was set back would count as an earlier one, and never get a lease."""
    desk = make_desk()
    journal = desk._journals[VENUE]
    synced: list[int] = []
    sync = journal.sync

    def counting() -> int:
        synced.append(len(journal._records))
        return sync()

    journal.sync = counting  # type: ignore[method-assign]  # listening in
    desk.restart(VENUE)
    begun = [at for at, (_, _, payload) in enumerate(journal._records) if isinstance(decode_record(payload), LifeBegun)]
    assert max(synced) > begun[-1]


def test_how_far_a_journal_reaches() -> None:
    reach = ReachOfJournal()
    first, later = HostBooted(1_000 * SECOND_NS), HostBooted(5_000 * SECOND_NS)
    assert reach.lost_since_ns(first) is None, "a new state has lost nothing"
    assert not reach.replay_boot(first)
    reach.replay(300 * SECOND_NS)
    assert reach.lost_since_ns(HostBooted(first.boot_ns + SECOND_NS)) is None
    assert reach.lost_since_ns(later) == (1_300 - 5_000 - 60) * SECOND_NS
    assert reach.replay_boot(later)
    reach.replay(9 * SECOND_NS)
    since_ns = (1_300 - 5_000 - 60) * SECOND_NS
    assert reach.lost_since_ns(later) == since_ns, "that life did not look to the end"
    third = HostBooted(6_000 * SECOND_NS)
    assert reach.lost_since_ns(third) == since_ns - 1_000 * SECOND_NS, "nor did any other"
    assert not reach.replay_boot(HostBooted(later.boot_ns, is_searched=True))
    assert reach.lost_since_ns(later) is None
    assert reach.lost_since_ns(third) == (5_009 - 6_000 - 60) * SECOND_NS
    earlier = HostBooted(2_000 * SECOND_NS)
    assert reach.lost_since_ns(earlier) == -86_400 * SECOND_NS, "the wall clock was set back: nobody knows since when"
    old = ReachOfJournal()
    old.replay(300)
    day_ns = 86_400 * SECOND_NS
    assert old.lost_since_ns(first) == -day_ns, "written before boots were"
