"""A state directory outlives its configuration: instrument ids shift, orders and positions stay where they belong."""

from pathlib import Path

import msgspec
import pytest
from trading_desk import Desk, MakeDesk, check_all, check_books, strategy

from actors.journal_instruments import JournalInstruments
from actors.runtime.spec import HostSpec
from actors.runtime.virtual_host import VirtualHost
from actors.venue_records import DayStarted, Reconciled, VenueRecord
from actors.wiring import make_plan, open_state
from adapters.simulator.synthetic_market import default_instrument
from config.loader import load_config
from engine.codes import OrderType, Side, TimeInForce
from engine.errors import UsageError
from engine.messages import CancelOrder, NewOrder
from engine.order_event import OrderCancelled, OrderFilled
from engine.venue import InstrumentDefined

VENUES = "[[venues]]"
STRATEGIES = "[[strategies]]"


def swap_venues(desk: Desk, config_file: Path) -> None:
    """Stop the engine, put the second venue above the first, start it again on the same state."""
    text = config_file.read_text()
    head, first, second = text.split(VENUES)
    second, mark, strategies = second.partition(STRATEGIES)
    config_file.write_text(head + VENUES + second + VENUES + first + mark + strategies)
    desk.config = load_config(config_file)
    open_state(desk.config)
    plan = make_plan(desk.config)
    for host in plan:
        desk.runtime.crash(host.name)
    for host in plan:
        spec = HostSpec(host.name, host.actors, desk._resources, host.settings)
        desk.runtime.hosts[host.name] = VirtualHost(desk.runtime, spec, desk.runtime.hosts[host.name].wall_offset_ns)
    for host in plan:
        desk.restart(host.name)


def test_a_venue_put_above_another_shifts_its_ids_and_loses_nothing(make_desk: MakeDesk, tmp_path: Path) -> None:
    desk = make_desk(strategy("one"), strategy("two", venue="alpha"), more_venues=("alpha",))
    one, two = desk.strategy("one"), desk.strategy("two")
    one.buy(one.instrument, 3_000, one.quote.ask_ticks + 1_000)
    one.buy(one.instrument, 1_000, one.quote.bid_ticks - 5_000)
    two.sell(two.instrument, 2_000, two.quote.bid_ticks - 1_000)
    desk.run_for(1)
    positions = {"binance": 3_000, "alpha": -2_000}
    for shifted in (True, False, False):  # shifted; then back, found by a life after that one too
        if shifted or desk.venue.settings.instrument_ids[0] != 0:
            swap_venues(desk, tmp_path / "desk0" / "desk.toml")
        else:
            desk.restart("venue.binance")
        desk.run_for(3)
        assert desk.venue.settings.instrument_ids == ((1,) if shifted else (0,))
        for name, lots in positions.items():
            venue = desk.venue_of(name)
            assert venue.gate.position_lots(venue.settings.instrument_ids[0]) == lots
        assert desk.venue.gate.open_orders == 1
        assert desk.strategy("one").position_lots(desk.strategy("one").instrument) == 3_000
        check_books(desk)
        check_books(desk, "alpha", "alpha")
    again = desk.strategy("one")
    again.cancel_all()
    desk.run_for(1)
    assert not desk.open_at_venue()
    check_books(desk)


# -- record by record ----------------------------------------------------------------------------------------------


def defined(instrument_id: int, symbol: str) -> InstrumentDefined:
    instrument = default_instrument()
    return InstrumentDefined(msgspec.structs.replace(instrument, instrument_id=instrument_id, symbol=symbol))


def new(client_order_id: str, instrument_id: int) -> NewOrder:
    return NewOrder(client_order_id, "desk", "s", instrument_id, Side.BUY, OrderType.LIMIT, TimeInForce.GTC, 10, 5_000)


def filled(client_order_id: str, lots: int, trade_id: str) -> OrderFilled:
    return OrderFilled(client_order_id, "7", trade_id, lots, 5_000, 0, "USDT", False, 0)


def replay(records: list[VenueRecord], **configured: int) -> tuple[list[VenueRecord], JournalInstruments]:
    instruments = JournalInstruments(configured, "venue.x")
    return [record for _, record in instruments.translate((at, each) for at, each in enumerate(records))], instruments


def test_ids_that_did_not_shift_are_left_alone() -> None:
    records: list[VenueRecord] = [defined(0, "A"), defined(1, "B"), new("s-1", 1), filled("s-1", 4, "1")]
    records += [Reconciled(1, "1"), DayStarted(20_000)]
    told, instruments = replay(records, A=0, B=1)
    assert told == records
    assert instruments.moved() == []


def test_a_later_definition_under_an_id_counts_from_there_on() -> None:
    """Two shifts in one journal: the same id means A, then B."""
    records: list[VenueRecord] = [
        defined(0, "A"),
        defined(1, "B"),
        new("s-1", 0),
        defined(1, "A"),
        defined(0, "B"),
        new("s-2", 0),
        Reconciled(1, "5"),
    ]
    told, instruments = replay(records, A=7, B=3)
    assert [record.instrument_id for record in told if isinstance(record, NewOrder)] == [7, 3]
    assert Reconciled(7, "5") in told
    assert [(each.symbol, each.instrument_id) for each in instruments.moved()] == [("A", 7), ("B", 3)]


def test_a_life_that_dies_between_two_definitions_is_taken_up_by_the_next() -> None:
    records: list[VenueRecord] = [defined(0, "A"), defined(1, "B"), defined(1, "A")]  # and died before B became 2
    _, instruments = replay(records, A=1, B=2)
    assert [(each.symbol, each.instrument_id) for each in instruments.moved()] == [("B", 2)]


def test_an_instrument_that_comes_back_is_defined_anew_if_another_had_its_id() -> None:
    records: list[VenueRecord] = [defined(0, "A"), defined(1, "B"), defined(0, "B")]
    _, instruments = replay(records, A=0, B=1)
    assert [(each.symbol, each.instrument_id) for each in instruments.moved()] == [("A", 0)]


def test_an_instrument_that_is_gone_and_left_nothing_behind_is_passed_over() -> None:
    ended = OrderCancelled("s-1", "7", 0, 0)
    records: list[VenueRecord] = [
        defined(0, "A"),
        defined(1, "B"),
        new("s-1", 0),
        CancelOrder("s-1", "desk", "s"),
        ended,
    ]
    records += [Reconciled(0, "3"), new("s-2", 1), filled("s-2", 10, "4")]
    told, _ = replay(records, B=0)
    assert told == [defined(0, "B"), new("s-2", 0), filled("s-2", 10, "4")]


@pytest.mark.parametrize("tail", [[], [filled("s-1", 4, "1"), OrderCancelled("s-1", "7", 4, 0)]])
def test_an_instrument_that_is_gone_with_an_open_order_or_a_position_is_an_error(tail: list[VenueRecord]) -> None:
    with pytest.raises(UsageError, match=r"A is no longer configured for venue\.x.*put A back"):
        replay([defined(0, "A"), new("s-1", 0), *tail], B=0)


def test_a_record_of_an_instrument_that_was_never_defined_is_an_error() -> None:
    with pytest.raises(UsageError, match=r"venue\.x speaks of instrument 4, which it never defined"):
        replay([new("s-1", 4)], A=4)


def test_nothing_shifts_in_an_ordinary_restart(make_desk: MakeDesk) -> None:
    desk = make_desk()
    hand = desk.strategy("hand")
    hand.buy(hand.instrument, 1_000, hand.quote.ask_ticks + 1_000)
    desk.run_for(1)
    written = len(list(desk.runtime.actor("venue.binance").journal.records()))
    desk.restart("venue.binance")
    desk.run_for(1)
    again = [record for _, record in desk.venue.core.journal.records()][written:]
    assert not [record for record in again if isinstance(record, InstrumentDefined)]
    check_all(desk)
