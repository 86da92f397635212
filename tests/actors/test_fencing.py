"""Fencing in virtual time: who does not acknowledge a kill is ended before it counts as halted, and what it left open
is cancelled by somebody else."""

from collections import Counter

import pytest
from trading_desk import KILL_SWITCH, MS, SECOND_NS, SIMULATOR, VENUE, Desk, MakeDesk, check_all, strategy

from actors.kill_switch import KillSwitchActor
from actors.places import NODE_AGENT, undertaker_actor
from actors.undertaker import Undertaker
from cli.virtual_trial import PRESSER
from engine.codes import KillMode
from engine.messages import FenceActor, Kill, KillProgress, KillReceipt

UNDERTAKER = undertaker_actor("binance")
QUOTER = strategy("quoter", "examples.quoter:Quoter", quantity="0.01")
HEARTBEAT = """
[[triggers]]
kind = "heartbeat_lost"
scope = "venue:binance"
mode = "cancel"
consecutive = 2
silence_ms_max = 1000
start_ms_max = 30000
"""


def rest(desk: Desk, strategy_id: str = "hand", count: int = 3) -> list[str]:
    hand = desk.strategy(strategy_id)
    orders = [hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000 - n) for n in range(count)]
    desk.run_for(2.2)  # as long as whoever has just connected may take
    return orders


def receipt(desk: Desk) -> KillReceipt:
    return desk.presser.receipts[-1]


def fences(desk: Desk) -> Counter[object]:
    return Counter(fields["venue_actor"] for fields in desk.logged("fenced"))


def switch(desk: Desk) -> KillSwitchActor:
    actor = desk.actor(KILL_SWITCH)
    assert isinstance(actor, KillSwitchActor)
    return actor


def undertaker(desk: Desk) -> Undertaker:
    actor = desk.actor(UNDERTAKER)
    assert isinstance(actor, Undertaker)
    return actor


def pause(desk: Desk, seconds: float = 3_600) -> None:
    """As SIGSTOP."""
    desk.runtime.pause(VENUE, int(seconds * SECOND_NS))


def reached(told: KillReceipt) -> list[str]:
    return [stage.stage for stage in told.stages if stage.after_ns >= 0]


def when(told: KillReceipt, name: str) -> int:
    return next(stage.after_ns for stage in told.stages if stage.stage == name)


def test_a_stopped_venue_actor_is_ended_before_it_is_halted_and_its_orders_are_cancelled_for_it(
    make_desk: MakeDesk,
) -> None:
    desk = make_desk(fence=True)
    rest(desk)
    pause(desk)
    desk.kill()
    desk.run_for(0.049)
    assert reached(receipt(desk)) == ["latched", "sealed"]
    assert desk.runtime.hosts[VENUE].is_up
    desk.run_for(0.05)
    assert not desk.runtime.hosts[VENUE].is_up
    assert fences(desk) == {VENUE: 1}
    assert reached(receipt(desk))[:3] == ["latched", "sealed", "halted"]
    assert when(receipt(desk), "halted") >= 50 * MS
    (failure,) = receipt(desk).failures
    assert failure == f"{VENUE}: halted: did not acknowledge within 50 ms: its process is being ended"
    desk.run_for(1)
    assert not desk.open_at_venue(), "cancelled at once, by the undertaker"
    desk.run_for(10)
    assert receipt(desk).complete
    assert when(receipt(desk), "cancelled") - when(receipt(desk), "halted") >= 3 * SECOND_NS, "it may have signed more"
    assert undertaker(desk).status().counters["confirmed"] == 1
    # its next life is halted, and finds nothing open
    desk.restart(VENUE)
    desk.run_for(5)
    assert desk.venue.status().state == "halted"
    assert fences(desk) == {VENUE: 1}
    assert switch(desk).status().counters["fenced"] == 1
    assert switch(desk).status().counters["undertaken"] == 0
    check_all(desk)


def test_halted_is_said_by_nobody_before_the_process_has_ended(make_desk: MakeDesk) -> None:
    desk = make_desk(fence=True)
    rest(desk)
    pause(desk)
    desk.storm.cut(NODE_AGENT, KILL_SWITCH)
    desk.run_for(25)  # the link is noticed to be dead
    desk.kill()
    desk.run_for(10)
    assert reached(receipt(desk)) == ["latched", "sealed"]
    assert desk.runtime.hosts[VENUE].is_up
    assert not desk.open_at_venue(), "cancels need not wait for it"
    desk.storm.clear()
    desk.run_for(20)
    assert fences(desk) == {VENUE: 1}
    assert receipt(desk).complete


def test_whoever_acknowledges_in_time_is_left_alone(make_desk: MakeDesk) -> None:
    desk = make_desk(QUOTER, fence=True)
    desk.trade(3)
    pause(desk, 0.04)
    desk.kill()
    desk.run_for(20)
    assert receipt(desk).complete
    assert not receipt(desk).failures
    assert not fences(desk)
    assert not desk.logged("undertaking")
    assert desk.runtime.hosts[VENUE].is_up


def test_a_fence_whose_answer_is_lost_is_asked_for_again_and_hits_once(make_desk: MakeDesk) -> None:
    desk = make_desk(fence=True)
    rest(desk)
    pause(desk)
    desk.kill()
    desk.run_for(0.0501)
    desk.storm.lost.add((NODE_AGENT, KILL_SWITCH))
    desk.run_for(0.1)
    assert fences(desk) == {VENUE: 1}
    desk.restart(VENUE)
    desk.run_for(1)
    assert reached(receipt(desk)) != []
    desk.storm.clear()
    desk.run_for(30)
    assert receipt(desk).complete
    request = FenceActor(receipt(desk).kill_id, VENUE)
    desk.actor(NODE_AGENT).on_message(KILL_SWITCH, request, desk.now_ns)  # one that was on its way all the time
    assert fences(desk) == {VENUE: 1}
    assert desk.runtime.hosts[VENUE].is_up


def test_a_node_agent_that_stood_still_ends_nobody_who_has_answered_since(make_desk: MakeDesk) -> None:
    desk = make_desk(fence=True)
    pause(desk, 1.0)
    desk.runtime.pause(NODE_AGENT, 2 * SECOND_NS)
    desk.kill()
    desk.run_for(1.5)
    assert "halted" in reached(receipt(desk))
    desk.run_for(5)
    assert not fences(desk)
    # and whoever has not answered is asked for again
    pause(desk)
    desk.runtime.pause(NODE_AGENT, 2 * SECOND_NS)
    desk.kill("venue:binance")
    desk.run_for(2.5)
    assert fences(desk) == {VENUE: 1}


def test_a_node_agent_ends_only_its_own_venue_actors_and_only_for_the_kill_switch(make_desk: MakeDesk) -> None:
    desk = make_desk(fence=True)
    agent = desk.actor(NODE_AGENT)
    agent.on_message(PRESSER, FenceActor("k", VENUE), desk.now_ns)
    agent.on_message(KILL_SWITCH, FenceActor("k", KILL_SWITCH), desk.now_ns)
    desk.run_for(0.1)
    assert not fences(desk)
    assert desk.runtime.hosts[KILL_SWITCH].is_up


def test_a_dead_venue_actor_is_gone_already_and_its_orders_are_cancelled(make_desk: MakeDesk) -> None:
    desk = make_desk(fence=True)
    rest(desk)
    desk.runtime.crash(VENUE)
    desk.kill("venue:binance")
    desk.run_for(12)
    assert receipt(desk).complete
    assert not desk.open_at_venue()


def test_a_venue_actor_that_halts_and_then_hangs_has_its_orders_cancelled_and_is_not_ended(make_desk: MakeDesk) -> None:
    desk = make_desk(fence=True)
    rest(desk)
    desk.storm.cut(VENUE, SIMULATOR)
    desk.run_for(0.01)
    desk.kill()
    desk.run_for(0.01)
    assert reached(receipt(desk))[:3] == ["latched", "sealed", "halted"]
    pause(desk)
    desk.run_for(12)
    assert not fences(desk)
    assert desk.runtime.hosts[VENUE].is_up
    assert not desk.open_at_venue()
    assert receipt(desk).complete


def test_without_a_kill_a_hung_venue_actor_is_found_by_its_silence(make_desk: MakeDesk) -> None:
    desk = make_desk(strategy("hand"), HEARTBEAT, fence=True)
    rest(desk)
    pause(desk)
    desk.run_for(15)
    assert fences(desk) == {VENUE: 1}
    assert not desk.open_at_venue()
    (told,) = switch(desk).receipts()
    assert told.trigger == "heartbeat_lost"
    assert told.complete
    assert any("did not acknowledge" in failure for failure in told.failures)


def test_a_drill_ends_nobody(make_desk: MakeDesk) -> None:
    desk = make_desk(fence=True)
    pause(desk, 5)
    kill = Kill("drill-1", "drill", KillMode.HALT, "rehearsal", "eve", "person", desk.now_ns)
    assert desk.runtime.actor(PRESSER).send(KILL_SWITCH, kill)
    desk.run_for(10)
    assert receipt(desk).failures
    assert not fences(desk)


def test_a_start_under_a_kill_leaves_the_venue_actors_time_to_start(make_desk: MakeDesk) -> None:
    desk = make_desk(fence=True)
    desk.kill(mode=KillMode.HALT)
    desk.run_for(1)
    desk.runtime.crash(VENUE)
    desk.restart(KILL_SWITCH)
    desk.run_for(5)
    desk.restart(VENUE)
    desk.run_for(20)
    assert not fences(desk)
    # but not for ever
    desk.runtime.crash(VENUE)
    desk.restart(KILL_SWITCH)
    desk.run_for(9.9)
    assert not fences(desk)
    desk.run_for(0.5)
    assert fences(desk) == {VENUE: 1}


def test_a_kill_that_is_found_at_the_start_leaves_them_as_much_time(make_desk: MakeDesk) -> None:
    desk = make_desk(fence=True)
    desk.runtime.crash(KILL_SWITCH)
    desk.runtime.crash(VENUE)
    desk.run_for(0.1)
    assert not desk.kill(), "nobody is there to be told"
    desk.restart(KILL_SWITCH)
    desk.run_for(3)
    desk.restart(VENUE)
    desk.run_for(20)
    (told,) = switch(desk).receipts()
    assert told.complete
    assert not fences(desk)


def connected_again(make_desk: MakeDesk, press_after_ns: int = 0) -> tuple[Desk, int]:
    """A venue actor that was away connects: how long after its start. The kill comes ``press_after_ns`` after that."""
    desk = make_desk(fence=True)
    desk.runtime.crash(VENUE)
    desk.run_for(3)
    desk.restart(VENUE)
    began_ns = desk.now_ns
    while VENUE not in switch(desk)._up and desk.now_ns - began_ns < 5 * SECOND_NS:
        if press_after_ns and desk.now_ns - began_ns >= press_after_ns and not desk.presser.receipts:
            desk.storm.extra_ns[KILL_SWITCH, VENUE] = desk.storm.extra_ns[VENUE, KILL_SWITCH] = 10 * MS
            desk.kill()
        desk.run_for(0.001)
    return desk, desk.now_ns - began_ns


def test_whoever_has_just_connected_has_its_time_from_then_on(make_desk: MakeDesk) -> None:
    _, after_ns = connected_again(make_desk)
    desk, _ = connected_again(make_desk, after_ns - 20 * MS)
    assert reached(receipt(desk)) == ["latched", "sealed"]
    desk.run_for(20)
    assert receipt(desk).complete
    assert not fences(desk)


@pytest.mark.parametrize(("scope", "mode"), [("strategy:hand", KillMode.CANCEL), ("global", KillMode.HALT)])
def test_what_a_kill_does_not_cancel_in_full_no_undertaker_cancels(
    make_desk: MakeDesk, scope: str, mode: KillMode
) -> None:
    desk = make_desk(strategy("hand"), strategy("other"), fence=True)
    rest(desk)
    rest(desk, "other")
    pause(desk)
    desk.kill(scope, mode)
    desk.run_for(8)
    assert fences(desk) == {VENUE: 1}
    assert not desk.logged("undertaking")
    assert len(desk.open_at_venue()) == 6
    desk.restart(VENUE)
    desk.run_for(4)
    assert receipt(desk).complete
    left = 6 if mode is KillMode.HALT else 3  # of the other, whose strategy is connected again
    assert len(desk.open_at_venue()) == left


def test_a_flatten_goes_on_where_the_undertaker_has_ended(make_desk: MakeDesk) -> None:
    desk = make_desk(fence=True)
    hand = desk.strategy("hand")
    hand.buy(hand.instrument, 50_000, hand.quote.ask_ticks + 100)
    desk.run_for(0.5)
    assert desk.venue.blotter.position_lots("hand", 0)
    rest(desk)
    pause(desk)
    desk.kill(mode=KillMode.FLATTEN)
    desk.run_for(1)
    desk.restart(VENUE)
    desk.run_for(30)
    assert fences(desk) == {VENUE: 1}
    assert receipt(desk).complete
    assert not desk.venue.blotter.position_lots("hand", 0)
    check_all(desk, crashed=False)


def test_nobody_else_speaks_for_a_venue_actor(make_desk: MakeDesk) -> None:
    desk = make_desk(fence=True)
    rest(desk)
    pause(desk)
    desk.kill()
    desk.run_for(0.01)
    kill_id = receipt(desk).kill_id

    def claim(sender: str, stage: str) -> None:
        word = KillProgress(kill_id, VENUE, stage, desk.now_ns, 0, 0)
        assert desk.runtime.actor(sender).send(KILL_SWITCH, word)
        desk.run_for(0.001)

    for stage in ("halted", "cancel_sent", "cancelled", "flat"):
        for sender in (NODE_AGENT, UNDERTAKER, PRESSER):
            claim(sender, stage)  # nobody has asked them
    assert reached(receipt(desk)) == ["latched", "sealed"]
    desk.run_for(0.1)
    assert reached(receipt(desk))[:3] == ["latched", "sealed", "halted"]
    claim(NODE_AGENT, "cancelled")
    assert "cancelled" not in reached(receipt(desk))


def test_a_released_kill_ends_and_buries_nobody(make_desk: MakeDesk) -> None:
    desk = make_desk(fence=True)
    rest(desk)
    desk.storm.cut(VENUE, SIMULATOR)
    desk.storm.cut(UNDERTAKER, SIMULATOR)
    pause(desk)
    desk.kill()
    desk.run_for(3)
    (held,) = switch(desk).register.held.values()
    assert desk.logged("undertaking")
    assert undertaker(desk).status().state == "undertaking"
    assert switch(desk)._end(held, ("ann", "bob"), desk.now_ns)
    desk.run_for(1)
    assert switch(desk).status().counters["undertaken"] == 0
    assert undertaker(desk).status().state == "idle"
    desk.storm.clear()
    desk.run_for(10)
    assert desk.open_at_venue()
