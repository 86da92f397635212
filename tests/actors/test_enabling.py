"""A strategy that fired too often waits for a person, over restarts of everything, and for the one person it says."""

import dataclasses
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from trading_desk import RISK, VENUE, Desk, MakeDesk, strategy

from actors.enabling_desk import EnablingAsked, EnablingEnded
from actors.risk import _decoder
from actors.venue_records import StrategyThrottled, decode_record
from actors.wiring import Plan
from engine.actor import Actor
from engine.codes import Reason
from engine.messages import Message, StrategyEnable, ThrottledStrategy, ThrottleQuery, ThrottleRecords
from risk.enabling import enabling_text
from store.segment import MemoryJournal

replace = msgspec.structs.replace

SYMBOL = "binance:BTCUSDT"
KEYS = {name: Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b".")) for name in ("ann", "bea", "cyd")}
PERSON = '\n[[people]]\nname = "{name}"\npublic_key = "{key}"\nmay = ["{may}"]\n'


def person(name: str, may: str) -> str:
    public = KEYS[name].public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
    return PERSON.format(name=name, key=public, may=may)


class Console(Actor):
    """A person's command line."""

    peers = (RISK,)

    def on_start(self, ctx: Any, now_ns: int) -> None:
        self.ctx, self.answers = ctx, list[ThrottleRecords]()

    def on_message(self, sender: str, message: Message, now_ns: int) -> None:
        if isinstance(message, ThrottleRecords):
            self.answers.append(message)


class Floor:
    """A desk with one strategy that may execute three times a minute, and a command line."""

    def __init__(self, make_desk: MakeDesk, executions: int = 3) -> None:
        table = strategy("hand").replace("executions_max = 5000", f"executions_max = {executions}")
        self.desk: Desk = make_desk(
            table.replace("executions_window_ms = 10000", "executions_window_ms = 60000"),
            person("ann", "enable"),
            person("bea", "release"),
            person("cyd", "release"),
        )
        self.console = Console()
        self.desk.add("console", self.console)
        self.desk.run_for(0.1)

    def take(self) -> Any:
        """One more order that executes at once: its status, or why it was refused."""
        hand = self.desk.strategy("hand")
        order = hand.buy(hand.instrument, 1_000, hand.quote.ask_ticks + 500)
        self.desk.run_for(0.05)
        report = hand.last(order)
        return report.refusal.reason.name if report.refusal else report.order_status.name

    def trip(self) -> ThrottledStrategy:
        for _ in range(20):
            if self.take() == Reason.EXECUTION_THROTTLE.name:
                self.desk.run_for(0.2)
                (throttled,) = self.ask(ThrottleQuery()).throttled
                return throttled
        raise AssertionError("it was never throttled")

    def ask(self, message: Message) -> ThrottleRecords:
        self.console.answers.clear()
        self.console.ctx.send(RISK, message)
        self.desk.run_for(0.2)
        (answer,) = self.console.answers
        return answer

    def signed(
        self, throttled: ThrottledStrategy, name: str = "ann", *, by: str = "", **changes: Any
    ) -> StrategyEnable:
        expires_ns = changes.get("expires_ns", self.wall_ns + 300 * 10**9)
        signature = KEYS[by or name].sign(enabling_text(changes.get("over", throttled), expires_ns)).hex()
        return StrategyEnable(throttled, name, expires_ns, signature)

    @property
    def wall_ns(self) -> int:
        wall_ns: int = self.console.ctx.wall_ns(self.desk.now_ns)
        return wall_ns

    def restart_with_executions(self, executions: int) -> None:
        """The venue actor's next life has other limits."""
        host = self.desk.runtime.hosts[VENUE]
        self.desk.runtime.crash(VENUE)
        (actor,) = host.spec.actors
        plan = msgspec.msgpack.decode(actor.arguments, type=Plan)
        (hand,) = plan.config.strategies
        hand = replace(hand, limits=replace(hand.limits, executions_max=executions))
        plan = replace(plan, config=replace(plan.config, strategies=(hand,)))
        changed = dataclasses.replace(actor, arguments=msgspec.msgpack.encode(plan))
        host.spec = dataclasses.replace(host.spec, actors=(changed,))
        self.desk.restart(VENUE)
        self.desk.run_for(3)

    def journalled(self, kind: type) -> list[Any]:
        records = (_decoder.decode(payload) for _, _, payload in self.desk._journals[RISK].records())
        return [record for record in records if isinstance(record, kind)]


@pytest.fixture
def floor(make_desk: MakeDesk) -> Floor:
    return Floor(make_desk)


def test_a_designated_person_lets_it_trade_again_and_that_is_on_record(floor: Floor) -> None:
    throttled = floor.trip()
    assert (throttled.strategy_id, throttled.instrument) == ("hand", SYMBOL)
    assert 0 <= floor.wall_ns - throttled.since_ns < 2 * 10**9
    floor.desk.run_for(70)  # time enables nobody
    assert floor.take() == "EXECUTION_THROTTLE"
    assert any(key == f"throttled:hand:{SYMBOL}" for key in floor.desk.venue.status().details)
    assert floor.ask(floor.signed(throttled)).refusal == ""
    assert floor.take() == "FILLED"
    assert not floor.ask(ThrottleQuery()).throttled
    (asked,), (ended,) = floor.journalled(EnablingAsked), floor.journalled(EnablingEnded)
    assert (asked.enable.person, asked.enable.throttled, ended.enabled.refusal) == ("ann", throttled, "")


def test_nobody_else_and_nothing_else_does(floor: Floor) -> None:
    hers = floor.trip()
    elsewhere, never, other = (
        ThrottledStrategy("hand", "far:BTCUSDT", hers.since_ns),
        ThrottledStrategy("hand", SYMBOL, hers.since_ns - 1),
        ThrottledStrategy("other", SYMBOL, hers.since_ns),
    )
    for what, enable in (
        ("may not enable", floor.signed(hers, "bea")),  # may release kills, and no more
        ("may not enable", floor.signed(hers, "cy", by="ann")),
        ("signature is not ann's", floor.signed(hers, "ann", by="bea")),
        ("signature is not ann's", floor.signed(hers, over=never)),
        ("has expired", floor.signed(hers, expires_ns=floor.wall_ns - 1)),
        ("good for more than", floor.signed(hers, expires_ns=floor.wall_ns + 3_600 * 10**9)),
        ("not of this account", floor.signed(elsewhere)),
        ("not throttled", floor.signed(never)),
        ("not throttled", floor.signed(other)),
    ):
        assert what in floor.ask(enable).refusal
    floor.desk.venue.on_message("console", floor.signed(hers), floor.desk.now_ns)
    floor.desk.hosted("hand")._ctx.send(VENUE, floor.signed(hers))
    assert floor.take() == "EXECUTION_THROTTLE"


def test_a_signature_is_good_for_one_throttling(floor: Floor) -> None:
    first = floor.signed(floor.trip())
    assert floor.ask(first).refusal == ""
    floor.trip()
    assert "not throttled" in floor.ask(first).refusal
    assert floor.take() == "EXECUTION_THROTTLE"


def test_a_restart_of_everything_enables_nobody_and_forgets_no_enabling(floor: Floor) -> None:
    throttled = floor.trip()
    for host in (VENUE, RISK):
        floor.desk.restart(host)
    floor.desk.run_for(3)
    assert floor.take() == "EXECUTION_THROTTLE"
    assert floor.ask(ThrottleQuery()).throttled == (throttled,)
    assert floor.ask(floor.signed(throttled)).refusal == ""
    floor.desk.restart(VENUE)
    floor.desk.run_for(3)
    assert floor.take() == "FILLED"


def test_higher_limits_in_a_new_configuration_enable_nobody(floor: Floor) -> None:
    throttled = floor.trip()
    floor.restart_with_executions(1_000)
    assert floor.desk.venue.core.throttle.throttled() == (throttled,)
    assert floor.desk.venue.gate.throttled() == (("hand", 0),)


def test_executions_of_different_lives_are_not_added_up(make_desk: MakeDesk) -> None:
    floor = Floor(make_desk)
    for _ in range(3):
        assert floor.take() == "FILLED"
        floor.desk.restart(VENUE)
        floor.desk.run_for(3)
    assert floor.take() == "FILLED"
    assert not floor.desk.venue.gate.throttled()


def test_a_life_that_died_before_it_recorded_the_throttling_is_counted_again(floor: Floor) -> None:
    floor.trip()
    floor.desk.runtime.crash(VENUE)
    journal = MemoryJournal()
    for _, at_ns, payload in floor.desk._journals[VENUE].records():
        if not isinstance(decode_record(bytes(payload)), StrategyThrottled):
            journal.append(bytes(payload), at_ns)
    floor.desk._journals[VENUE] = journal
    floor.desk.restart(VENUE)
    floor.desk.run_for(3)
    assert floor.take() == "EXECUTION_THROTTLE"
    assert [each.strategy_id for each in floor.ask(ThrottleQuery()).throttled] == ["hand"]
