"""What an actor may rely on, the same in every runtime."""

from random import Random
from typing import Any

import pytest
from runtime_probe import Probe, note, quote
from runtime_worlds import World, make_world

from actors.runtime.spec import ActorSpec
from engine.errors import UsageError
from engine.messages import LeaseRefusal, Message

apart = pytest.mark.parametrize("world", ["hosts", "tls", "virtual-hosts"], indirect=True)


def echo(probe: Probe, sender: str, message: Message) -> None:
    probe.ctx.send(sender, message)


def numbers(probe: Probe, sender: str) -> list[int]:
    return [m.epoch for s, m in probe.seen("message") if s == sender and isinstance(m, LeaseRefusal)]


def test_ping_pong_between_peers_comes_back_in_order(world: World) -> None:
    def begin(probe: Probe, peer: str) -> None:
        for number in range(100):
            assert probe.ctx.send(peer, note(number))

    world.start(a=lambda: Probe("b", on={"peer_up": begin}), b=lambda: Probe(on={"message": echo}))
    world.until(lambda: len(numbers(world["a"], "b")) == 100)
    assert numbers(world["b"], "a") == list(range(100))
    assert numbers(world["a"], "b") == list(range(100))


def test_both_sides_hear_that_the_peer_is_up_before_its_messages(world: World) -> None:
    def greet(probe: Probe, peer: str) -> None:
        probe.ctx.send(peer, note(1))

    world.start(a=lambda: Probe("b", on={"peer_up": greet}), b=lambda: Probe(on={"peer_up": greet}))
    world.until(lambda: bool(world["a"].seen("message") and world["b"].seen("message")))
    for name, peer in (("a", "b"), ("b", "a")):
        assert [event[:2] for event in world[name].events] == [("start",), ("peer_up", peer), ("message", peer)]


def test_two_actors_that_name_each_other_end_with_one_link(world: World) -> None:
    def greet(probe: Probe, peer: str) -> None:
        probe.ctx.send(peer, note(len(probe.seen("peer_up"))))

    def settled(name: str) -> bool:
        probe = world[name]
        return len(probe.seen("peer_up")) == len(probe.seen("peer_down")) + 1 and bool(probe.seen("message"))

    world.start(
        a=lambda: Probe("b", on={"peer_up": greet}),
        b=lambda: Probe("a", on={"peer_up": greet}),
    )
    world.until(lambda: settled("a") and settled("b"))
    before = len(world["b"].seen("message"))
    assert world["a"].ctx.send("b", note(77))
    world.until(lambda: len(world["b"].seen("message")) > before)


def test_a_message_to_nobody_is_refused(world: World) -> None:
    world.start(a=lambda: Probe())
    assert not world["a"].ctx.send("nobody", note(1))
    assert not world["a"].ctx.send("a", note(1))


def test_a_handler_is_never_entered_while_another_runs(world: World) -> None:
    """What a handler sends to a co-hosted actor is delivered after it has returned."""
    inside: list[str] = []

    def enter(probe: Probe, *_: Any) -> None:
        assert not inside
        inside.append(probe.ctx.name)
        for number in range(3):
            if len(probe.events) < 50:
                probe.ctx.send("b" if probe.ctx.name == "a" else "a", note(number))
        inside.pop()

    on = {"peer_up": enter, "message": enter}
    world.start(a=lambda: Probe("b", on=on), b=lambda: Probe(on=on))
    world.until(lambda: len(world["a"].events) > 20 and len(world["b"].events) > 20)
    assert world.failure("a") is None
    assert world.failure("b") is None


def test_timers_fire_once_at_their_time_in_order(world: World) -> None:
    def arm(probe: Probe) -> None:
        now_ns = probe.ctx.clock_ns()
        probe.ctx.set_timer("third", now_ns + 9_000_000)
        probe.ctx.set_timer("first", now_ns + 2_000_000)
        probe.ctx.set_timer("second", now_ns + 5_000_000)

    world.start(a=lambda: Probe(on={"start": arm}))
    world.until(lambda: len(world["a"].seen("timer")) == 3)
    a = world["a"]
    assert a.seen("timer") == [("first",), ("second",), ("third",)]
    waits = [at_ns - a.times[0] for at_ns in a.times[1:]]
    assert all(wait_ns >= due_ns for wait_ns, due_ns in zip(waits, (2_000_000, 5_000_000, 9_000_000), strict=True))


def test_a_timer_can_be_moved_and_cancelled(world: World) -> None:
    def arm(probe: Probe) -> None:
        now_ns = probe.ctx.clock_ns()
        probe.ctx.set_timer("moved", now_ns + 1_000_000)
        probe.ctx.set_timer("gone", now_ns + 1_000_000)
        probe.ctx.set_timer("mark", now_ns + 2_000_000)
        probe.ctx.set_timer("moved", now_ns + 3_000_000)
        probe.ctx.cancel_timer("gone")
        probe.ctx.cancel_timer("never set")
        probe.ctx.set_timer("past", now_ns - 1)

    world.start(a=lambda: Probe(on={"start": arm}))
    world.until(lambda: len(world["a"].seen("timer")) == 3)
    assert world["a"].seen("timer") == [("past",), ("mark",), ("moved",)]


def test_a_timer_that_is_set_anew_in_its_handler_keeps_firing(world: World) -> None:
    def again(probe: Probe, key: str) -> None:
        probe.ctx.set_timer(key, probe.ctx.clock_ns())

    world.start(a=lambda: Probe(on={"start": lambda probe: again(probe, "tick"), "timer": again}))
    world.until(lambda: len(world["a"].seen("timer")) >= 20)


def test_wall_time_is_utc_and_moves_with_the_clock(world: World) -> None:
    world.start(a=lambda: Probe())
    ctx = world["a"].ctx
    now_ns = ctx.clock_ns()
    assert ctx.wall_ns(now_ns + 5) - ctx.wall_ns(now_ns) == 5
    assert ctx.wall_ns(now_ns) > 1_600_000_000_000_000_000


def test_random_numbers_come_from_the_seed_and_the_name(world: World) -> None:
    world.start(a=lambda: Probe(), b=lambda: Probe())
    drawn = [[world[name].ctx.random_below(1000) for _ in range(20)] for name in "ab"]
    assert drawn[0] != drawn[1]
    assert all(0 <= number < 1000 for number in drawn[0])
    again = Random("1/a")  # the seed of the settings
    assert drawn[0] == [again.randrange(1000) for _ in range(20)]


def test_stop_reaches_every_actor_once_and_last(world: World) -> None:
    world.start(a=lambda: Probe("b"), b=lambda: Probe())
    world.until(lambda: bool(world["a"].seen("peer_up") and world["b"].seen("peer_up")))
    a, b = world["a"], world["b"]
    world.stop()
    world.stop = lambda: None  # type: ignore[method-assign]
    assert len(a.seen("stop")) == len(b.seen("stop")) == 1
    assert a.events[-1] == ("stop",)


def test_a_handler_that_raises_stops_its_actor_and_no_other(world: World) -> None:
    def fail(probe: Probe, sender: str, message: Message) -> None:
        raise ValueError("bug")

    world.start(
        a=lambda: Probe("bad", "c"),
        bad=lambda: Probe(on={"message": fail}),
        c=lambda: Probe(on={"message": echo}),
    )
    world.until(lambda: len(world["a"].seen("peer_up")) == 2)
    assert world["a"].ctx.send("bad", note(1))
    world.until(lambda: world["a"].seen("peer_down") == [("bad",)])
    assert isinstance(world.failure("bad"), ValueError)
    assert world["bad"].events[-1] == ("stop",)
    assert not world["a"].ctx.send("bad", note(2))
    assert world["a"].ctx.send("c", note(3))
    world.until(lambda: numbers(world["a"], "c") == [3])


@apart
def test_a_restarted_peer_is_seen_down_and_up_and_reached_again(world: World) -> None:
    world.start(a=lambda: Probe("b"), b=lambda: Probe(on={"message": echo}))
    world.until(lambda: world["a"].seen("peer_up") == [("b",)])
    world.restart("b")
    world.until(lambda: len(world["a"].seen("peer_up")) == 2)
    kinds = [event[0] for event in world["a"].events if event[0].startswith("peer")]
    assert kinds == ["peer_up", "peer_down", "peer_up"]
    assert world["a"].ctx.send("b", note(5))
    world.until(lambda: numbers(world["a"], "b") == [5])


@apart
def test_a_restarted_dialler_comes_back(world: World) -> None:
    world.start(a=lambda: Probe("b"), b=lambda: Probe())
    world.until(lambda: world["b"].seen("peer_up") == [("a",)])
    world.restart("a")
    world.until(lambda: len(world["b"].seen("peer_up")) == 2)
    assert world["b"].seen("peer_down") == [("a",)]
    assert world["b"].ctx.send("a", note(1))
    world.until(lambda: bool(world["a"].seen("message")))


def test_the_local_runtime_restarts_one_actor(settings: Any, certificates: Any) -> None:
    world = make_world("one-host", settings, certificates)
    world.start(a=lambda: Probe("b"), b=lambda: Probe(on={"message": echo}))
    first = world["b"]
    world.restart("b")
    assert first.events[-1] == ("stop",)
    world["a"].ctx.send("b", note(5))
    world.until(lambda: numbers(world["a"], "b") == [5])
    assert [event[0] for event in world["a"].events] == ["start", "peer_up", "peer_down", "peer_up", "message"]
    world.stop()


def test_market_data_is_replaced_never_refused_when_the_way_is_full(world: World) -> None:
    """A handler that sends without end: reports are refused at the bound, quotes are conflated."""
    sent: list[bool] = []

    def flood(probe: Probe, peer: str) -> None:
        for number in range(400_000):
            sent.append(probe.ctx.send(peer, quote(number % 2, number)))

    world.start(a=lambda: Probe("b", on={"peer_up": flood}), b=lambda: Probe())

    def last_of_each() -> bool:
        last = world["b"].events[-2:]
        return len(sent) == 400_000 and any(e[0] == "message" and e[2].update_id == 399_999 for e in last)

    world.until(last_of_each)
    assert all(sent)
    updates = [[m.update_id for _, m in world["b"].seen("message") if m.instrument_id == i] for i in (0, 1)]
    assert all(ids == sorted(ids) for ids in updates)
    assert [ids[-1] for ids in updates] == [399_998, 399_999]
    assert sum(map(len, updates)) < 400_000


def test_orders_are_refused_never_dropped_when_the_way_is_full(world: World) -> None:
    sent: list[bool] = []

    def flood(probe: Probe, peer: str) -> None:
        for number in range(70_000):
            sent.append(probe.ctx.send(peer, note(number, "x" * 100)))

    world.start(a=lambda: Probe("b", on={"peer_up": flood}), b=lambda: Probe())
    world.until(lambda: len(sent) == 70_000 and len(world["b"].events) > sum(sent))
    assert len(world["b"].seen("message")) == sum(sent)
    assert not all(sent)
    assert numbers(world["b"], "a") == [number for number, taken in enumerate(sent) if taken]


@pytest.mark.parametrize("name", ["", "a b", "../x", "observer-1", "x" * 49])
def test_an_actor_with_a_bad_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="actor name"):
        ActorSpec(name, lambda _: Probe())
