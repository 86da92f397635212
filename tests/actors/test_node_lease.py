"""Two hosts in virtual time, each with a latch of its own: what becomes of the one that is cut off."""

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from trading_desk import KILL_SWITCH, MS, RISK, SECOND_NS, VENUE, Desk, MakeDesk, check_all, strategy

from actors.kill_switch import KillSwitchActor
from actors.node_agent import NodeAgent, NodeAgentSettings
from actors.places import NODE_AGENT, latch_path, strategy_actor, trading_names, undertaker_actor
from actors.runtime.spec import ActorSpec, HostSpec, Resources
from actors.wiring import build_actor
from cli.virtual_trial import PRESSER
from engine.actor import Actor
from engine.codes import KillMode
from engine.messages import FenceActor, KillReceipt, NodeWord
from risk.latch import LatchCause, LatchPage, view_latch
from risk.scope import parse_scope

LEASE_NS = 10 * SECOND_NS
QUOTER = strategy("quoter", "examples.quoter:Quoter", quantity="0.01")
#: The first host has the kill switch, the risk actor and the undertaker; the second the venue actor and its strategies.
FIRST = (KILL_SWITCH, RISK, undertaker_actor("binance"), PRESSER)
SECOND = (VENUE, NODE_AGENT, strategy_actor("quoter"), strategy_actor("hand"))


class TwoHosts(Desk):
    @property
    def second_page(self) -> Path:
        return latch_path(self.config).with_name("second-latch")

    def _actors(self, host: HostSpec) -> tuple[ActorSpec, ...]:
        def node_agent(arguments: bytes) -> Actor:
            return NodeAgent(
                NodeAgentSettings((VENUE,), KILL_SWITCH, LEASE_NS), self.fence, LatchPage.open(self.second_page)
            )

        def kill_switch(arguments: bytes) -> Actor:
            built = build_actor(arguments)
            assert isinstance(built, KillSwitchActor)
            fencing = msgspec.structs.replace(built.settings.fencing, node_leases={NODE_AGENT: LEASE_NS})
            settings = msgspec.structs.replace(built.settings, fencing=fencing)
            return KillSwitchActor(settings, LatchPage.open(latch_path(self.config)))

        if host.name == NODE_AGENT:
            LatchPage.create(self.second_page, trading_names(self.config))
            return (ActorSpec(NODE_AGENT, node_agent),)
        if host.name == KILL_SWITCH:
            return (ActorSpec(KILL_SWITCH, kill_switch, host.actors[0].arguments),)
        return super()._actors(host)

    def _resources(self, actor: str, arguments: bytes) -> Resources:
        resources = super()._resources(actor, arguments)
        if actor not in SECOND:
            return resources
        return replace(resources, latch=view_latch(self.second_page, "binance", "desk"))

    # -- what tests ask of it -------------------------------------------------------------------------------

    @property
    def second(self) -> LatchPage:
        return LatchPage.open(self.second_page)

    @property
    def switch(self) -> KillSwitchActor:
        actor = self.actor(KILL_SWITCH)
        assert isinstance(actor, KillSwitchActor)
        return actor

    @property
    def node_agent(self) -> NodeAgent:
        actor = self.actor(NODE_AGENT)
        assert isinstance(actor, NodeAgent)
        return actor

    def cut_off(self) -> None:
        """Everything between the two hosts is lost. The venue can be reached from both."""
        for one in FIRST:
            for other in SECOND:
                self.storm.cut(one, other)

    def ended_ns(self) -> list[int]:
        """When the venue actor's process was ended."""
        return [at_ns for at_ns, _, event, _ in self.runtime.log if event == "fenced"]


@pytest.fixture
def hosts(make_desk: MakeDesk) -> TwoHosts:
    made = make_desk(QUOTER, strategy("hand"), fence=True, desk_class=TwoHosts)
    assert isinstance(made, TwoHosts)
    made.run_for(2)
    assert made.counters()["orders"] > 0
    return made


def receipt(desk: Desk) -> KillReceipt:
    return desk.presser.receipts[-1]


def reached(told: KillReceipt) -> list[str]:
    return [stage.stage for stage in told.stages if stage.after_ns >= 0]


def test_a_kill_is_latched_on_the_other_host_and_freed_there_when_it_is_released(hosts: TwoHosts) -> None:
    hosts.kill()
    hosts.run_for(2)
    assert receipt(hosts).complete
    assert not receipt(hosts).failures
    kill_id = receipt(hosts).kill_id
    assert hosts.second.has(kill_id)
    assert not hosts.ended_ns()
    (held,) = hosts.switch.register.held.values()
    assert hosts.switch._end(held, ("ann", "bob"), hosts.now_ns)
    hosts.run_for(2)
    assert not hosts.second.kills()
    assert hosts.second.view().is_trading()


def test_whether_the_kill_or_the_latch_comes_first_trading_goes_on_after_the_release(hosts: TwoHosts) -> None:
    for late, first in ((NODE_AGENT, VENUE), (VENUE, NODE_AGENT)):
        hosts.storm.extra_ns[KILL_SWITCH, late] = 30 * MS
        hosts.storm.extra_ns[KILL_SWITCH, first] = 0
        hosts.kill(mode=KillMode.HALT)
        hosts.run_for(0.01)
        sent = hosts.counters()["orders"]
        hosts.run_for(2)
        assert receipt(hosts).complete
        (held,) = hosts.switch.register.held.values()
        assert hosts.switch._end(held, ("ann", "bob"), hosts.now_ns)
        assert hosts.counters()["orders"] == sent
        hosts.run_for(4)
        assert hosts.venue.core.stopped is None
        assert hosts.counters()["orders"] > sent
    assert not hosts.ended_ns()


def test_a_host_that_is_cut_off_stops_within_its_leases_and_counts_as_halted_only_when_it_must_have_ended(
    hosts: TwoHosts,
) -> None:
    hosts.cut_off()
    cut_ns = hosts.now_ns
    hosts.run_for(1.001)
    orders = hosts.counters()["orders"]
    hosts.kill()
    hosts.run_for(3)
    assert reached(receipt(hosts)) == ["latched"]
    assert hosts.counters()["orders"] == orders, "no lease, no order"
    assert not hosts.open_at_venue(), "cancelled by the undertaker, and nothing comes after"
    while "halted" not in reached(receipt(hosts)):
        hosts.run_for(0.01)
        assert hosts.now_ns < cut_ns + 15 * SECOND_NS
    (ended_ns,) = hosts.ended_ns()
    assert cut_ns + LEASE_NS - LEASE_NS // 10 <= ended_ns < hosts.now_ns
    assert any("cannot be reached; its lease is over" in failure for failure in receipt(hosts).failures)
    assert hosts.node_agent.status().state == "cut off"
    hosts.run_for(10)
    assert receipt(hosts).complete
    # a life that begins meanwhile, and one after the host is back, are halted
    hosts.restart(VENUE)
    hosts.run_for(5)
    assert hosts.venue.status().state == "halted"
    hosts.node_agent.on_message(
        KILL_SWITCH, FenceActor(receipt(hosts).kill_id, VENUE), hosts.now_ns
    )  # on its way since
    assert hosts.runtime.hosts[VENUE].is_up, "it began under a closed latch"
    hosts.storm.clear()
    hosts.run_for(10)
    assert hosts.node_agent.status().state == "watching"
    assert [kill.tag for kill in hosts.second.kills()] == [
        kill.tag for kill in LatchPage.open(latch_path(hosts.config)).kills()
    ]
    assert hosts.venue.status().state == "halted"
    assert len(hosts.ended_ns()) == 1
    assert len(hosts.orders_at_venue()) == len({order.client_order_id for order in hosts.orders_at_venue()})
    check_all(hosts)


def test_a_venue_actor_that_the_risk_actor_still_reaches_is_ended_all_the_same(hosts: TwoHosts) -> None:
    hosts.storm.cut(KILL_SWITCH, VENUE)
    hosts.storm.cut(KILL_SWITCH, NODE_AGENT)
    hosts.kill("venue:binance")
    before = hosts.counters()["orders"]
    hosts.run_for(3)
    assert hosts.counters()["orders"] > before, "its latch shows nothing, and its lease is renewed"
    assert reached(receipt(hosts)) == ["latched"]
    while "halted" not in reached(receipt(hosts)):
        hosts.run_for(0.01)
    assert len(hosts.ended_ns()) == 1
    hosts.restart(VENUE)
    accepted = len(hosts.orders_at_venue())
    hosts.run_for(20)
    assert len(hosts.orders_at_venue()) == accepted, "its next life has a lease, and a closed latch"
    assert receipt(hosts).complete
    assert not hosts.open_at_venue()


def test_a_cut_without_a_kill_ends_the_processes_and_trading_goes_on_when_it_is_over(hosts: TwoHosts) -> None:
    hosts.cut_off()
    hosts.run_for(12)
    assert len(hosts.ended_ns()) == 1
    assert not hosts.second.view().is_trading()
    hosts.storm.clear()
    hosts.restart(VENUE)
    hosts.run_for(5)
    before = hosts.counters()["orders"]
    hosts.run_for(5)
    assert hosts.counters()["orders"] > before
    assert len(hosts.ended_ns()) == 1


@pytest.mark.parametrize("host", [KILL_SWITCH, NODE_AGENT])
def test_a_restart_of_either_side_ends_nobody(hosts: TwoHosts, host: str) -> None:
    hosts.runtime.crash(host)
    hosts.run_for(6)
    hosts.restart(host)
    hosts.run_for(20)
    assert not hosts.ended_ns()
    before = hosts.counters()["orders"]
    hosts.run_for(5)
    assert hosts.counters()["orders"] > before


def test_a_node_agent_that_starts_without_a_word_keeps_its_host_halted(hosts: TwoHosts) -> None:
    hosts.storm.cut(NODE_AGENT, KILL_SWITCH)
    hosts.restart(NODE_AGENT)
    hosts.run_for(0.1)
    assert not hosts.second.view().is_trading()
    assert hosts.node_agent.status().state == "waiting for a word"
    hosts.run_for(5.5)
    assert hosts.node_agent.status().state == "cut off"
    assert len(hosts.ended_ns()) == 1


def test_a_word_that_is_older_than_the_last_or_came_after_its_lease_is_none(hosts: TwoHosts) -> None:
    hosts.kill(mode=KillMode.HALT)
    hosts.run_for(2)
    (row,) = hosts.second.kills()
    agent, now_ns = hosts.node_agent, hosts.now_ns
    agent.on_message(KILL_SWITCH, NodeWord(now_ns - 5 * SECOND_NS, ()), now_ns)
    assert hosts.second.kills() == [row]
    hosts.storm.cut(NODE_AGENT, KILL_SWITCH)
    hosts.run_for(11)
    assert agent.status().state == "cut off"
    agent.on_message(KILL_SWITCH, NodeWord(hosts.now_ns - LEASE_NS, ()), hosts.now_ns)
    assert agent.status().state == "cut off"
    agent.on_message(VENUE, NodeWord(hosts.now_ns, ()), hosts.now_ns)
    assert agent.status().state == "cut off", "not the kill switch"


def test_what_is_pressed_on_the_other_host_is_a_kill_of_everybody(hosts: TwoHosts) -> None:
    scope = parse_scope("global", trading_names(hosts.config))
    hosts.second.latch(scope, LatchCause("local-1", "bob", "smoke", KillMode.CANCEL, 1))
    hosts.run_for(5)
    (held,) = hosts.switch.register.held.values()
    assert (held.kill.kill_id, held.kill.by, held.kill.reason) == ("local-1", "bob", "smoke")
    assert LatchPage.open(latch_path(hosts.config)).has("local-1")
    assert held.case.complete
    assert hosts.switch._end(held, ("ann", "bob"), hosts.now_ns)
    hosts.run_for(5)
    assert hosts.second.view().is_trading()
    assert not hosts.switch.register.held


def test_a_kill_that_was_released_while_the_node_agent_was_dead_is_freed_when_it_hears_of_it(hosts: TwoHosts) -> None:
    hosts.kill(mode=KillMode.HALT)
    hosts.run_for(1)
    hosts.runtime.crash(NODE_AGENT)
    (held,) = hosts.switch.register.held.values()
    assert hosts.switch._end(held, ("ann", "bob"), hosts.now_ns)
    hosts.run_for(1)
    assert hosts.second.kills()
    hosts.restart(NODE_AGENT)
    hosts.run_for(3)
    assert not hosts.second.kills()
    assert hosts.second.view().is_trading()
    assert not hosts.switch.register.held


def test_clocks_that_differ_change_nothing(make_desk: MakeDesk) -> None:
    made = make_desk(QUOTER, strategy("hand"), fence=True, desk_class=TwoHosts, start=False)
    assert isinstance(made, TwoHosts)
    for host in SECOND[:2]:
        made.runtime.hosts[host].clock_offset_ns = 987_654 * MS
        made.runtime.hosts[host].drift(200)
    made.start()
    made.run_for(3)
    made.kill("strategy:hand", KillMode.HALT)
    made.run_for(1)
    assert receipt(made).complete
    assert 0 <= receipt(made).stages[-1].after_ns < SECOND_NS
    made.cut_off()
    made.run_for(0.5)
    made.kill()
    made.run_for(30)
    assert receipt(made).complete
    (ended_ns,) = made.ended_ns()
    halted = next(stage.after_ns for stage in receipt(made).stages if stage.stage == "halted")
    assert 0 <= halted < 20 * SECOND_NS
    assert made.now_ns - ended_ns > 15 * SECOND_NS
    assert not made.open_at_venue()
