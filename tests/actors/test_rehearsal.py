"""A rehearsal goes through the order path, and nothing has happened afterwards."""

import msgspec
from trading_desk import VENUE, MakeDesk, strategy

from actors.rehearsal import Rehearsal, Rehearses
from engine.blotter_memory import memory_of


def state_of(desk) -> tuple[object, ...]:
    venue = desk.venue
    core = venue.core
    return (
        venue.gate._state.tobytes(),
        dict(venue.gate._reserved),
        msgspec.msgpack.encode(memory_of(core.blotter), order="deterministic"),
        list(desk._journals[VENUE].records()),
        dict(core.session.counters),
        dict(core.in_flight),
        dict(core.refusals),
        venue.orders.orders_sent,
        core.session._parts.orders.link._mask,
    )


def test_nothing_leaves_and_nothing_is_remembered(make_desk: MakeDesk) -> None:
    desk = make_desk(strategy("one"))
    one = desk.strategy("one")
    one.buy(one.instrument, 1_000, one.quote.bid_ticks - 5_000)
    desk.run_for(1)
    orders_at_venue = len(desk.open_at_venue())
    written: list[bytes] = []
    cell = desk.runtime.actor(VENUE)
    cell.write = lambda link, data: written.append(data)
    before, rehearsal = state_of(desk), Rehearsal(desk.venue.core, desk.venue.orders)
    assert isinstance(desk.venue.core.session, Rehearses)
    for _ in range(20):
        rehearsal.run(desk.venue._ctx.clock_ns())
    del cell.write
    assert rehearsal.count == 20
    assert written == []
    assert state_of(desk) == before
    desk.run_for(1)
    assert len(desk.open_at_venue()) == orders_at_venue == 1


def test_there_is_none_before_the_venue_is_reconciled(make_desk: MakeDesk) -> None:
    desk = make_desk(strategy("one"))
    desk.venue.core.ready = False
    rehearsal = Rehearsal(desk.venue.core, desk.venue.orders)
    rehearsal.run(desk.venue._ctx.clock_ns())
    assert rehearsal.count == 0
