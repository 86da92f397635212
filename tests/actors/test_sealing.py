"""The stage ``sealed``: proven by the venue actors' pages, or with the acknowledgement, and never by less."""

import msgspec
import pytest
from trading_desk import MS, VENUE, Desk, MakeDesk, strategy

from actors.places import venue_actor
from actors.runtime import virtual_network
from cli.virtual_trial import PRESSER
from engine.codes import KillMode, OrderStatus
from engine.messages import Kill, KillReceipt, VenueSeal

TWO = (strategy("hand"), strategy("other", venue="second"))


def receipt(desk: Desk) -> KillReceipt:
    return desk.presser.receipts[-1]


def stages(desk: Desk) -> dict[str, int]:
    return {stage.stage: stage.after_ns for stage in receipt(desk).stages if stage.after_ns >= 0}


def buy(desk: Desk) -> str:
    hand = desk.strategy("hand")
    order: str = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    return order


def pause(desk: Desk) -> None:
    desk.runtime.pause(VENUE, 3_600_000 * MS)


def press(desk: Desk, *seals: VenueSeal, latched_ns: int = 0) -> None:
    """Told to the kill switch actor by whoever has latched it, with what was proven by then."""
    now_ns = desk.now_ns
    kill = Kill("pressed", "global", KillMode.HALT, "test", "somebody", "person", now_ns, latched_ns or now_ns)
    desk.runtime.actor(PRESSER).send("kill-switch", msgspec.structs.replace(kill, seals=seals))


def test_a_stopped_process_is_sealed_at_once_by_its_page_and_counts_what_has_left(make_desk: MakeDesk) -> None:
    desk = make_desk()
    for _ in range(3):
        buy(desk)
    desk.run_for(0.2)
    pause(desk)
    desk.kill()
    desk.run_for(0.001)
    assert list(stages(desk)) == ["latched", "sealed"]
    assert [actor.orders_at_seal for actor in receipt(desk).actors] == [3] == [len(desk.orders_at_venue())]


def test_one_that_stands_still_inside_its_window_is_sealed_when_it_is_outside(make_desk: MakeDesk) -> None:
    desk = make_desk()
    window = desk.venue.orders._window
    pause(desk)
    window.enter()
    desk.kill()
    desk.run_for(0.02)
    assert list(stages(desk)) == ["latched"]
    window.sent()
    desk.run_for(0.002)
    assert list(stages(desk)) == ["latched", "sealed"]
    assert 20 * MS <= stages(desk)["sealed"] <= 23 * MS
    assert receipt(desk).actors[0].orders_at_seal == 1


def test_one_that_stays_inside_is_never_sealed_and_the_kill_has_no_such_stage(make_desk: MakeDesk) -> None:
    desk = make_desk()
    desk.venue.orders._window.enter()  # as when something was raised on the order path
    desk.kill()
    desk.run_for(1)
    assert receipt(desk).complete
    assert [stage.stage for stage in receipt(desk).stages] == ["latched", "halted", "cancel_sent", "cancelled"]
    assert receipt(desk).actors[0].orders_at_seal == -1


def test_sealed_waits_for_everybody_each_by_its_page_or_by_its_word(make_desk: MakeDesk) -> None:
    desk = make_desk(*TWO, more_venues=["second"])
    desk.venue_of("second").orders._window.enter()
    desk.runtime.pause(venue_actor("second"), 400 * MS)
    desk.kill(mode=KillMode.HALT)
    desk.run_for(0.3)
    assert list(stages(desk)) == ["latched"]
    desk.run_for(0.3)
    told = stages(desk)
    assert list(told) == ["latched", "sealed", "halted"]
    assert told["sealed"] == told["halted"] >= 400 * MS
    assert sorted(actor.orders_at_seal for actor in receipt(desk).actors) == [-1, 0]


def test_what_the_presser_has_proven_counts_from_when_it_saw_it(make_desk: MakeDesk) -> None:
    desk = make_desk()
    pause(desk)
    latched_ns = desk.now_ns - 2 * MS
    press(desk, VenueSeal(VENUE, latched_ns + MS, 7), latched_ns=latched_ns)
    desk.run_for(0.001)
    assert stages(desk)["sealed"] == 0, "a press is not before what followed it"
    assert receipt(desk).actors[0].orders_at_seal == 7


@pytest.mark.parametrize(
    ("actor", "after_ns"),
    [(VENUE, -1), (VENUE, 3_600_000 * MS), ("venue.nowhere", 0)],
    ids=["before", "ahead", "whose"],
)
def test_a_seal_that_cannot_be_one_is_none(make_desk: MakeDesk, actor: str, after_ns: int) -> None:
    desk = make_desk()
    pause(desk)
    desk.venue.orders._window.enter()
    press(desk, VenueSeal(actor, desk.now_ns + after_ns, 7))
    desk.run_for(0.02)
    assert list(stages(desk)) == ["latched"]


def test_an_order_that_the_system_has_not_taken_keeps_its_actor_unsealed(
    make_desk: MakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = make_desk()
    desk.storm.extra_ns[VENUE, "simulator"] = 300 * MS
    monkeypatch.setattr(virtual_network, "SOCKET_BYTES", 1)
    resting = buy(desk)
    desk.run_for(0.01)
    window = desk.venue.orders._window
    assert window.is_held
    assert desk.counters()["orders"] == 1
    refused = buy(desk)
    desk.run_for(0.01)
    assert desk.refusals("hand") == {"VENUE_LINK_BUSY": 1}
    desk.kill(mode=KillMode.HALT)
    desk.run_for(0.005)
    told = list(stages(desk))
    assert "sealed" not in told
    desk.storm.clear()
    monkeypatch.undo()
    desk.run_for(1)
    assert not window.is_held
    assert [str(record.terms.client_order_id) for record in desk.orders_at_venue()] == [resting]
    assert desk.strategy("hand").last(refused).order_status is OrderStatus.REJECTED
