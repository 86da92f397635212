"""What a router's journal says stays true when instrument ids have moved."""

import msgspec
import pytest

from actors.routed_markets import RoutedMarkets, RouteMember, RouteSpec
from actors.router_journal import RouterJournal
from engine.codes import OrderType, Side, TimeInForce
from engine.errors import UsageError
from engine.instrument import Instrument
from engine.journal import MemoryJournal
from engine.messages import InstrumentDefinition, NewOrder
from engine.routing.parents import Parents
from engine.routing.records import ChildPlaced

NAMES = {"near:BTCUSD": 0, "far:BTC/USD": 1, "route:BTC": 2}


def definition(name: str, number: int) -> InstrumentDefinition:
    venue, _, symbol = name.partition(":")
    return InstrumentDefinition(Instrument(number, venue, symbol, "BTC", "USD", 1, 2, 1, 4, 1, 0, 1, 0))


def order(name: str, number: int) -> NewOrder:
    return NewOrder(name, "main", "s", number, Side.BUY, OrderType.LIMIT, TimeInForce.GTC, 5, 100)


def write(journal: RouterJournal, ids: dict[str, int], name: str) -> None:
    """A life that uses these ids: its instruments, a parent, and a child of it at the far venue."""
    for each, number in ids.items():
        journal.define(definition(each, number), 0)
    journal.request(order(name, ids["route:BTC"]), 0)
    journal.fact(ChildPlaced(name, "venue.far", order(f"{name}-c", ids["far:BTC/USD"])), 0)


def test_each_lifes_records_are_read_by_the_ids_of_that_life() -> None:
    memory = MemoryJournal()
    write(RouterJournal(memory, NAMES), NAMES, "a")
    moved = {"near:BTCUSD": 4, "far:BTC/USD": 0, "route:BTC": 7}
    second = RouterJournal(memory, moved)
    list(second.history())
    write(second, moved, "b")
    last = {"near:BTCUSD": 1, "far:BTC/USD": 2, "route:BTC": 3}
    found = [record for _, record in RouterJournal(memory, last).history()]
    parents = [(each.client_order_id, each.instrument_id) for each in found if isinstance(each, NewOrder)]
    children = [(each.parent_id, each.order.instrument_id) for each in found if isinstance(each, ChildPlaced)]
    assert parents == [("a", 3), ("b", 3)]
    assert children == [("a", 2), ("b", 2)]


def test_an_instrument_is_written_down_once_and_again_when_it_has_changed() -> None:
    memory = MemoryJournal()
    journal = RouterJournal(memory, NAMES)
    told = definition("near:BTCUSD", 0)
    for each in (told, told, InstrumentDefinition(msgspec.structs.replace(told.instrument, quantity_lots_min=9))):
        journal.define(each, 0)
    assert memory.sequence == 2


def test_orders_of_an_instrument_that_is_in_no_route_any_more_are_not_forgotten_in_silence() -> None:
    memory = MemoryJournal()
    write(RouterJournal(memory, NAMES), NAMES, "a")
    with pytest.raises(UsageError, match="far:BTC/USD, which is in no route"):
        list(RouterJournal(memory, {"near:BTCUSD": 0, "route:BTC": 1}).history())


def markets(**venue_ids: int) -> RoutedMarkets:
    members = tuple(RouteMember(f"venue.{venue}", number, f"{venue}:BTCUSD") for venue, number in venue_ids.items())
    return RoutedMarkets((RouteSpec(9, "route", "BTC", members, "split", True, (), 5 * 10**9, 20),))


def told(venue: str, number: int, quantity_scale: int = 4) -> Instrument:
    return Instrument(number, venue, "BTCUSD", "BTC", "USD", 1, 2, 1, quantity_scale, 1, 0, 1, 0)


def test_a_route_whose_lots_have_changed_does_not_go_on_counting_in_the_old_ones() -> None:
    one = markets(near=0)
    one.define(told("near", 0), Parents())
    counted = one.definitions[9].instrument
    with pytest.raises(UsageError, match="route:BTC: near:BTCUSD has changed its tick or lot"):
        one.define(told("near", 0, quantity_scale=5), Parents())
    finer = markets(near=0)
    finer.define(told("near", 0, quantity_scale=5), Parents())
    with pytest.raises(UsageError, match="common tick or lot is another"):
        finer.confirm(counted)


def test_a_venue_that_joins_a_route_with_a_history_is_refused_by_name_and_remedy() -> None:
    one = markets(near=0)
    one.define(told("near", 0), Parents())
    two = markets(near=0, far=1)
    two.define(told("near", 0), Parents())
    with pytest.raises(UsageError, match=r"route:BTC: it has got another venue.*move the router's journal"):
        two.confirm(one.definitions[9].instrument)
