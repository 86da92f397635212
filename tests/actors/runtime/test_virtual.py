"""Virtual time: one seed, one run; hosts that crash, pause and come back."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from runtime_probe import Probe, note, resources

from actors.runtime.spec import ActorSpec, HostSettings, HostSpec
from actors.runtime.virtual import VirtualRuntime
from actors.runtime.weather import FairWeather, Lost
from engine.actor import Endpoint
from engine.errors import InvariantError, UsageError
from engine.messages import Message

SETTINGS = HostSettings("/nowhere", "test", 1)
PORT = 443
SECOND_NS = 1_000_000_000


def hosts(**probes: Callable[[], Probe]) -> list[HostSpec]:
    """One host an actor."""
    return [
        HostSpec(f"host-{name}", (ActorSpec(name, lambda _, make=make: make()),), resources, SETTINGS)
        for name, make in probes.items()
    ]


def chatter(name: str) -> Callable[[], Probe]:
    """Sends a random number to its peer at random times."""

    def tick(probe: Probe, *_: Any) -> None:
        for peer in probe.peers:
            probe.ctx.send(peer, note(probe.ctx.random_below(1000), name))
        probe.ctx.set_timer("tick", probe.ctx.clock_ns() + probe.ctx.random_below(1_000_000))

    others = tuple(other for other in "abc" if other != name)
    return lambda: Probe(*others, on={"start": tick, "timer": tick})


def transcript(seed: int, weather: FairWeather | None = None) -> list[tuple[Any, ...]]:
    runtime = VirtualRuntime(hosts(**{name: chatter(name) for name in "abc"}), seed, weather)
    runtime.start()
    runtime.run_for(20_000_000)
    runtime.crash("host-b")
    runtime.run_for(5_000_000)
    runtime.restart("host-b")
    runtime.run_for(20_000_000)
    probes = [runtime.actor(name).actor for name in "abc"]
    told = [(at_ns, *event) for probe in probes if isinstance(probe, Probe) for at_ns, event in _told(probe)]
    runtime.stop()
    return told


def _told(probe: Probe) -> list[tuple[int, tuple[Any, ...]]]:
    return list(zip(probe.times, probe.events, strict=True))


def test_one_seed_gives_the_same_run_to_the_nanosecond() -> None:
    first, second = transcript(7), transcript(7)
    assert len(first) > 200
    assert first == second
    assert transcript(8) != first


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1 << 32), jitter_ns=st.integers(0, 5_000_000))
def test_a_link_keeps_its_order_whatever_the_jitter(seed: int, jitter_ns: int) -> None:
    def burst(probe: Probe, *_: Any) -> None:
        for number in range(20):
            probe.ctx.send("b", note(number))

    runtime = VirtualRuntime(
        hosts(a=lambda: Probe("b", on={"peer_up": burst}), b=lambda: Probe()),
        seed,
        FairWeather(seed, 1000, jitter_ns),
    )
    runtime.start()
    runtime.run_for(SECOND_NS)
    b = runtime.actor("b").actor
    assert isinstance(b, Probe)
    assert [message.epoch for _, message in b.seen("message")] == list(range(20))
    assert [event[0] for event in b.events[:2]] == ["start", "peer_up"]


def test_a_crash_tells_nobody_but_the_links() -> None:
    runtime = VirtualRuntime(hosts(a=lambda: Probe("b"), b=lambda: Probe()), 1)
    runtime.start()
    runtime.run_for(SECOND_NS)
    b = runtime.actor("b").actor
    runtime.crash("host-b")
    a = runtime.actor("a").actor
    assert isinstance(a, Probe)
    assert isinstance(b, Probe)
    assert a.seen("peer_down") == []
    runtime.run_for(SECOND_NS)
    assert a.seen("peer_down") == [("b",)]
    assert b.seen("stop") == []
    assert not runtime.actor("a").send("b", note(1))
    runtime.restart("host-b")
    runtime.run_for(2 * SECOND_NS)
    assert len(a.seen("peer_up")) == 2
    assert runtime.actor("b").actor is not b


def test_the_timers_of_a_dead_host_never_fire() -> None:
    def arm(probe: Probe) -> None:
        probe.ctx.set_timer("late", probe.ctx.clock_ns() + 1000)

    runtime = VirtualRuntime(hosts(a=lambda: Probe(on={"start": arm})), 1)
    runtime.start()
    old = runtime.actor("a").actor
    runtime.crash("host-a")
    runtime.restart("host-a")
    runtime.run_for(SECOND_NS)
    new = runtime.actor("a").actor
    assert isinstance(old, Probe)
    assert isinstance(new, Probe)
    assert old.seen("timer") == []
    assert new.seen("timer") == [("late",)]


def test_a_paused_host_catches_up_in_order_when_it_goes_on() -> None:
    def every(probe: Probe, *_: Any) -> None:
        probe.ctx.send("b", note(len(probe.seen("timer"))))
        probe.ctx.set_timer("tick", probe.ctx.clock_ns() + 1_000_000)

    runtime = VirtualRuntime(hosts(a=lambda: Probe("b", on={"peer_up": every, "timer": every}), b=lambda: Probe()), 1)
    runtime.start()
    runtime.run_for(10_000_000)
    b = runtime.actor("b").actor
    assert isinstance(b, Probe)
    before = len(b.events)
    start_ns = runtime.now_ns
    runtime.pause("host-b", 50_000_000)
    runtime.run_for(49_000_000)
    assert len(b.events) == before
    runtime.run_for(20_000_000)
    numbers = [message.epoch for _, message in b.seen("message")]
    assert numbers == list(range(len(numbers)))
    assert len(numbers) > 60
    assert b.times[before] == start_ns + 50_000_000


def test_a_listening_actor_that_dies_takes_its_links_and_its_port() -> None:
    door = Endpoint("127.0.0.1", PORT, False)

    def dial(probe: Probe, *_: Any) -> None:
        probe.ctx.open_link("out", door)

    def again(probe: Probe, *_: Any) -> None:
        probe.ctx.set_timer("dial", probe.ctx.clock_ns() + 1_000_000)

    runtime = VirtualRuntime(
        hosts(
            server=lambda: Probe(listen=door),
            client=lambda: Probe(on={"start": dial, "link_down": again, "timer": dial}),
        ),
        1,
    )
    runtime.start()
    runtime.run_for(SECOND_NS)
    client = runtime.actor("client").actor
    assert isinstance(client, Probe)
    assert client.seen("link_up") == [("out",)]
    runtime.crash("host-server")
    runtime.run_for(10_000_000)
    assert client.seen("link_down")[0] == ("out", "closed by the peer")
    assert "refused" in client.seen("link_down")[1][1]
    runtime.restart("host-server")
    runtime.run_for(10_000_000)
    assert len(client.seen("link_up")) == 2
    assert runtime.actor("client").writable("out")


def test_lost_bytes_are_the_end_of_the_link_on_both_sides() -> None:
    class Storm(FairWeather):
        is_lossy = False

        def delay_ns(self, source: str, target: str, now_ns: int, link: str) -> int | None:
            return None if self.is_lossy else super().delay_ns(source, target, now_ns, link)

    storm = Storm(1)
    runtime = VirtualRuntime(hosts(a=lambda: Probe("b"), b=lambda: Probe()), 1, storm)
    runtime.start()
    runtime.run_for(SECOND_NS)
    storm.is_lossy = True
    assert runtime.actor("a").send("b", note(1))
    runtime.run_for(SECOND_NS)
    a, b = (runtime.actor(name).actor for name in "ab")
    assert isinstance(a, Probe)
    assert isinstance(b, Probe)
    assert (a.seen("peer_down"), b.seen("peer_down")) == ([("b",)], [("a",)])
    assert b.seen("message") == []
    storm.is_lossy = False
    runtime.run_for(3 * SECOND_NS)
    assert len(a.seen("peer_up")) == len(b.seen("peer_up")) == 2


def test_a_handlers_exception_ends_the_run() -> None:
    def fail(probe: Probe, key: str) -> None:
        raise ValueError("bug")

    def arm(probe: Probe) -> None:
        probe.ctx.set_timer("x", probe.ctx.clock_ns() + 5)

    runtime = VirtualRuntime(hosts(a=lambda: Probe(on={"start": arm, "timer": fail})), 1)
    runtime.start()
    with pytest.raises(ValueError, match="bug"):
        runtime.run_for(SECOND_NS)
    assert isinstance(runtime.failures["a"], ValueError)


def test_two_co_hosted_actors_that_answer_each_other_for_ever_are_found() -> None:
    def echo(probe: Probe, sender: str, message: Message) -> None:
        probe.events.clear()
        probe.times.clear()
        probe.ctx.send(sender, message)

    def begin(probe: Probe, peer: str) -> None:
        probe.ctx.send(peer, note(1))

    actors = (
        ActorSpec("a", lambda _: Probe("b", on={"peer_up": begin, "message": echo})),
        ActorSpec("b", lambda _: Probe(on={"message": echo})),
    )
    runtime = VirtualRuntime([HostSpec("h", actors, resources, SETTINGS)], 1)
    runtime.start()
    with pytest.raises(InvariantError, match="time stands still"):
        runtime.run_for(SECOND_NS)


def test_a_name_may_be_used_once() -> None:
    with pytest.raises(UsageError, match="same name"):
        VirtualRuntime(
            [HostSpec(h, (ActorSpec("a", lambda _: Probe()),), resources, SETTINGS) for h in ("one", "two")], 1
        )
    with pytest.raises(UsageError, match="named 'one'"):
        VirtualRuntime([HostSpec("one", (), resources, SETTINGS)] * 2, 1)


# -- what can go wrong with time and links -------------------------------------------------------------------------


def test_a_handler_may_stand_still_between_two_readings_of_the_clock_while_the_world_goes_on() -> None:
    readings: list[int] = []

    def read(probe: Probe, *_: Any) -> None:
        readings.extend(probe.ctx.clock_ns() for _ in range(3))
        probe.ctx.send("b", note(1))

    def tick(probe: Probe, *_: Any) -> None:
        probe.ctx.set_timer("tick", probe.ctx.clock_ns() + 1_000_000)

    a = {"message": read}
    b = {"start": tick, "timer": tick, "peer_up": lambda probe, peer: probe.ctx.send("a", note(0))}
    runtime = VirtualRuntime(hosts(a=lambda: Probe(on=a), b=lambda: Probe("a", on=b)), 1)
    steps: list[int] = []
    runtime.on_step = lambda: steps.append(runtime.now_ns)
    runtime.stall("host-a", 2, 30_000_000)
    runtime.start()
    runtime.run_for(100_000_000)
    assert readings[1] - readings[0] >= 30_000_000
    assert readings[2] == readings[1]
    other = runtime.actor("b").actor
    assert isinstance(other, Probe)
    ticks = [at_ns for at_ns, event in _told(other) if event[0] == "timer"]
    assert sum(readings[0] < at_ns < readings[1] for at_ns in ticks) >= 25
    assert [at_ns > readings[1] for at_ns, event in _told(other) if event[0] == "message"] == [True]
    assert sum(readings[0] < at_ns < readings[1] for at_ns in steps) >= 25


def test_a_handler_whose_host_dies_while_it_stands_still_never_goes_on() -> None:
    after: list[str] = []

    def read(probe: Probe, *_: Any) -> None:
        probe.ctx.clock_ns()
        after.append("went on")

    runtime = VirtualRuntime(hosts(a=lambda: Probe(on={"message": read}), b=lambda: Probe("a")), 1)
    runtime.start()
    runtime.run_for(SECOND_NS)
    runtime.stall("host-a", 1, 30_000_000)
    runtime.actor("b").send("a", note(1))
    runtime.agenda.put(runtime.now_ns + 10_000_000, lambda: runtime.crash("host-a"))
    runtime.agenda.put(runtime.now_ns + 20_000_000, lambda: runtime.restart("host-a"))
    runtime.run_for(SECOND_NS)
    assert after == []
    assert runtime.actor("b").send("a", note(2))
    runtime.run_for(SECOND_NS)
    assert after == ["went on"]
    assert not runtime.failures


@pytest.mark.parametrize("ppm", [-500_000, -200, 300, 1_000_000])
def test_a_clock_that_drifts_never_steps_and_its_timers_are_never_early(ppm: int) -> None:
    fired: list[tuple[int, int]] = []

    def arm(probe: Probe, *_: Any) -> None:
        due_ns = probe.ctx.clock_ns() + 10_000_000
        probe.due_ns = due_ns  # type: ignore[attr-defined]  # only for this test
        probe.ctx.set_timer("x", due_ns)

    def rang(probe: Probe, *_: Any) -> None:
        fired.append((probe.due_ns, probe.ctx.clock_ns()))  # type: ignore[attr-defined]  # only for this test
        arm(probe)

    runtime = VirtualRuntime(hosts(a=lambda: Probe(on={"start": arm, "timer": rang})), 1)
    runtime.start()
    runtime.run_for(SECOND_NS)
    host = runtime.hosts["host-a"]
    before_ns = host.clock_ns()
    host.drift(ppm)
    assert host.clock_ns() == before_ns
    runtime.run_for(SECOND_NS)
    assert host.clock_ns() - before_ns == SECOND_NS + SECOND_NS * ppm // 1_000_000
    host.drift(0)
    runtime.run_for(SECOND_NS)
    assert all(0 <= read_ns - due_ns <= 2 for due_ns, read_ns in fired[-50:])


class Blackhole(FairWeather):
    """Nothing from a to b arrives, and it takes a second until anybody notices."""

    is_on = False

    def delay_ns(self, source: str, target: str, now_ns: int, link: str) -> int | Lost | None:
        lost = self.is_on and source == "host-a"
        return Lost(SECOND_NS) if lost else super().delay_ns(source, target, now_ns, link)


def test_a_loss_that_nobody_notices_swallows_what_follows_and_lets_the_other_direction_pass() -> None:
    weather = Blackhole(1)
    runtime = VirtualRuntime(hosts(a=lambda: Probe("b"), b=lambda: Probe()), 1, weather)
    runtime.start()
    runtime.run_for(SECOND_NS)
    weather.is_on = True
    assert runtime.actor("a").send("b", note(1))
    weather.is_on = False
    assert runtime.actor("a").send("b", note(2))  # on the same dead link
    assert runtime.actor("b").send("a", note(3))
    runtime.run_for(SECOND_NS // 2)
    a, b = (runtime.actor(name).actor for name in "ab")
    assert isinstance(a, Probe)
    assert isinstance(b, Probe)
    assert [message.epoch for _, message in a.seen("message")] == [3]
    assert b.seen("message") == []
    assert a.seen("peer_down") == []
    runtime.run_for(SECOND_NS)
    assert (a.seen("peer_down"), b.seen("peer_down")) == ([("b",)], [("a",)])
    runtime.run_for(SECOND_NS)
    assert runtime.actor("a").send("b", note(4))
    runtime.run_for(SECOND_NS)
    assert [message.epoch for _, message in b.seen("message")] == [4]


def test_a_host_that_vanishes_without_a_word_is_given_up_after_a_while() -> None:
    weather = Blackhole(1)
    runtime = VirtualRuntime(hosts(a=lambda: Probe(), b=lambda: Probe("a")), 1, weather)
    runtime.start()
    runtime.run_for(SECOND_NS)
    weather.is_on = True
    runtime.crash("host-a")
    b = runtime.actor("b").actor
    assert isinstance(b, Probe)
    runtime.run_for(SECOND_NS // 2)
    assert b.seen("peer_down") == []
    runtime.run_for(SECOND_NS)
    assert b.seen("peer_down") == [("a",)]


def test_the_probe_sees_what_leaves_and_what_becomes_of_it() -> None:
    seen: list[tuple[str, ...]] = []

    class Watch:
        def on_write(self, cell: Any, link: str, data: bytes) -> None:
            seen.append(("write", cell.name, link, data.decode()))

        def on_written(self, cell: Any, link: str, data: bytes) -> None:
            seen.append(("written", cell.name, link, data.decode()))

        def on_send(self, cell: Any, peer: str, payload: bytes) -> None:
            seen.append(("send", cell.name, peer))

        def on_deliver(self, cell: Any, sender: str, payload: bytes) -> None:
            seen.append(("deliver", cell.name, sender))

    door = Endpoint("127.0.0.1", PORT, False)
    dial = {"start": lambda probe: probe.ctx.open_link("out", door)}
    runtime = VirtualRuntime(hosts(a=lambda: Probe(listen=door), b=lambda: Probe("a", on=dial)), 1)
    runtime.network.probe = Watch()
    runtime.start()
    runtime.run_for(SECOND_NS)
    runtime.actor("b").send("a", note(1))
    runtime.actor("b").write("out", b"x")
    runtime.run_for(SECOND_NS)
    runtime.crash("host-a")
    runtime.actor("b").write("out", b"y")
    runtime.run_for(SECOND_NS)
    assert seen[:2] == [("send", "b", "a"), ("write", "b", "out", "x")]
    assert sorted(seen[2:4]) == [("deliver", "a", "b"), ("written", "b", "out", "x")]
    assert seen[4] == ("write", "b", "out", "y")
