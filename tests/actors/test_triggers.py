"""Triggers end to end: telemetry, watch, kill switch, venue. And a day on which nothing is wrong and nothing fires."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from trading_desk import KILL_SWITCH, RISK, SIMULATOR, VENUE, Desk, MakeDesk, check_all, check_books, strategy

from actors.risk import RiskActor
from engine.codes import Side
from engine.messages import Kill, KillReceipt
from engine.venue import AuthenticationFailed, BookChanged, ClockOffset, VenueEvent
from risk.scope import TradingNames, parse_scope
from risk.trigger_reading import Observation, Reading
from risk.triggers import TRIGGER_KINDS

#: Thresholds that a quiet day stays below.
CALM = {
    "loss_cap": {"asset": "USDT", "loss_max": "5000"},
    "drawdown": {"asset": "USDT", "drawdown_max": "5000"},
    "spread_widening": {"spread_bps_max": 200},
    "latency_stall": {"answer_ms_max": 500},
    "stale_market_data": {"age_ms_max": 5000},
    "gapped_market_data": {"gaps_max": 3, "window_ms": 60_000},
    "reject_storm": {"rejects_max": 2_000, "window_ms": 10_000},
    "fill_storm": {"fills_max": 2_000, "window_ms": 10_000},
    "position_mismatch": {"mismatch_max": "0.00000001"},
    "authentication_failure": {"failures_max": 0, "window_ms": 60_000},
    "clock_offset": {"offset_ms_max": 100},
    "loop_lag": {"lag_ms_max": 50},
    "heartbeat_lost": {"silence_ms_max": 1_000, "start_ms_max": 5_000},
    "config_mismatch": {},
}


def trigger(kind: str, scope: str = "global", mode: str = "cancel", consecutive: int = 3, **keys: Any) -> str:
    """A ``[[triggers]]`` table; what is not said is calm."""
    lines = {"kind": kind, "scope": scope, "mode": mode, "consecutive": consecutive, **CALM[kind], **keys}
    text = (f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {value}" for key, value in lines.items())
    return "\n[[triggers]]\n" + "\n".join(text) + "\n"


def risk(desk: Desk) -> RiskActor:
    actor = desk.actor(RISK)
    assert isinstance(actor, RiskActor)
    return actor


def pressed(desk: Desk) -> list[Kill]:
    return list(risk(desk).watch._history)


def receipts(desk: Desk) -> list[KillReceipt]:
    """Of every kill."""
    return list(desk.actor(KILL_SWITCH).receipts())  # type: ignore[attr-defined]  # the kill switch actor's


def refused_as(desk: Desk, strategy_id: str = "hand") -> str:
    """What becomes of an order now."""
    hand = desk.strategy(strategy_id)
    order = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    desk.run_for(0.1)
    report = hand.last(order)
    return report.refusal.reason.name if report.refusal else report.order_status.name


def take(desk: Desk, side: Side = Side.BUY) -> None:
    """Trade 0.01 BTC at the market; it costs half a spread and a fee."""
    hand = desk.strategy("hand")
    quote = hand.quote
    if side is Side.BUY:
        hand.buy(hand.instrument, 1_000, quote.ask_ticks + 500)
    else:
        hand.sell(hand.instrument, 1_000, quote.bid_ticks - 500)
    desk.run_for(0.05)


# -- three from end to end ----------------------------------------------------------------------------------------


def test_a_reject_storm_kills_and_says_what_it_saw(make_desk: MakeDesk) -> None:
    desk = make_desk(strategy("hand"), trigger("reject_storm", rejects_max=20, consecutive=2))
    hand = desk.strategy("hand")
    for _ in range(20):  # as many as are allowed
        hand.buy(hand.instrument, 1_000, hand.quote.ask_ticks + 1_000, post_only=True)
        desk.run_for(0.02)
    desk.run_for(1)
    assert desk.counters()["rejected_by_venue"] == 20
    assert not pressed(desk)
    resting = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    hand.buy(hand.instrument, 1_000, hand.quote.ask_ticks + 1_000, post_only=True)
    desk.run_for(2)
    (kill,) = pressed(desk)
    (receipt,) = receipts(desk)
    assert receipt.complete
    assert (receipt.kill_id, receipt.by, receipt.trigger) == (kill.kill_id, RISK, "reject_storm")
    assert receipt.evidence == kill.evidence
    assert "21 rejections by the venue, allowed 20" in receipt.evidence
    assert hand.last(resting).order_status.name == "CANCELLED"
    assert refused_as(desk) == "HALTED"
    assert not desk.open_at_venue()
    check_all(desk)


def test_stale_market_data_kills_its_venue(make_desk: MakeDesk) -> None:
    desk = make_desk(strategy("hand"), trigger("stale_market_data", scope="venue:binance", age_ms_max=2_000))
    hand = desk.strategy("hand")
    hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    desk.run_for(1)
    desk.storm.cut(VENUE, SIMULATOR)
    desk.run_for(2)
    assert not pressed(desk)
    desk.run_for(1)
    (kill,) = pressed(desk)
    assert (kill.scope, kill.trigger) == ("venue:binance", "stale_market_data")
    assert "allowed 2000 ms" in kill.evidence
    assert desk.venue.status().state == "halted"
    assert len(desk.open_at_venue()) == 1  # it cannot be reached
    desk.storm.clear()
    desk.run_for(60)
    assert refused_as(desk) == "HALTED"
    assert not desk.open_at_venue()
    assert [receipt.complete for receipt in receipts(desk)] == [True]
    assert len(pressed(desk)) == 1
    check_books(desk)


def test_a_loss_cap_kills_when_the_day_has_cost_more(make_desk: MakeDesk) -> None:
    desk = make_desk(strategy("hand"), trigger("loss_cap", loss_max="2"), trigger("loss_cap", loss_max="1000"))
    while not pressed(desk):
        take(desk, Side.BUY)
        take(desk, Side.SELL)
        desk.run_for(0.5)
        assert desk.now_ns < 60 * 10**9
    desk.run_for(2)
    (kill,) = pressed(desk)
    assert kill.trigger == "loss_cap"
    for part in ("allowed 2 USDT", "position_lots=", "cost_tick_lots=", "bid_ticks=", "fees=", "cost - fees"):
        assert part in kill.evidence
    line = desk.venue.blotter.ledger_line(0)
    assert f"cost_tick_lots={line.cost_tick_lots}" in kill.evidence
    assert refused_as(desk) == "HALTED"
    assert [receipt.complete for receipt in receipts(desk)] == [True]


# -- a quiet day --------------------------------------------------------------------------------------------------


def test_on_a_quiet_day_none_fires(make_desk: MakeDesk) -> None:
    desk = make_desk(
        strategy("one", "Churner", seed=1, interval_ms=20),
        strategy("two", "Churner", seed=2, interval_ms=20, placement="co-located"),
        *(trigger(kind) for kind in TRIGGER_KINDS),
    )
    desk.run_for(30)
    assert desk.counters()["fills"] > 50
    counters = risk(desk).watch.counters()
    assert counters["triggers"] == len(TRIGGER_KINDS)
    assert {name: counters[name] for name in ("triggers_fired", "triggers_broken", "kills_pressed")} == {
        "triggers_fired": 0,
        "triggers_broken": 0,
        "kills_pressed": 0,
    }
    assert not receipts(desk)
    desk.settle()
    check_all(desk)


def test_a_restart_of_any_actor_is_no_reason_to_kill_if_it_is_short(make_desk: MakeDesk) -> None:
    tables = [trigger(kind) for kind in TRIGGER_KINDS if kind != "heartbeat_lost"]
    patient = trigger("heartbeat_lost", silence_ms_max=5_000)
    desk = make_desk(strategy("one", "Churner", seed=3, interval_ms=20), *tables, patient)
    for host in (RISK, KILL_SWITCH, VENUE):
        desk.run_for(3)
        desk.restart(host)
    desk.run_for(5)
    assert not pressed(desk)


# -- fail closed --------------------------------------------------------------------------------------------------


class _Failing:
    formula = "none"

    def __init__(self, looks_at: type) -> None:
        self.looks_at = looks_at

    def read(self, observation: Observation) -> list[Reading]:
        raise ZeroDivisionError("the price of nothing")

    def text(self, value: int) -> str:
        return str(value)


@pytest.mark.parametrize("kind", ["loss_cap", "stale_market_data", "heartbeat_lost"])
def test_a_trigger_that_raises_kills_with_its_error_and_only_once(make_desk: MakeDesk, kind: str) -> None:
    desk = make_desk(strategy("hand"), trigger(kind), trigger("reject_storm"))
    watch = risk(desk).watch
    broken = watch.triggers[0]
    broken._gauge = _Failing(broken._gauge.looks_at)
    desk.run_for(2)
    (kill,) = pressed(desk)
    assert kill.trigger == kind
    assert "ZeroDivisionError('the price of nothing')" in kill.evidence
    assert refused_as(desk) == "HALTED"
    assert [receipt.complete for receipt in receipts(desk)] == [True]
    assert watch.counters()["triggers_broken"] == 1
    assert len(watch.triggers) == 1


def test_a_dead_venue_actor_is_a_lost_heartbeat(make_desk: MakeDesk) -> None:
    desk = make_desk(strategy("hand"), trigger("heartbeat_lost", silence_ms_max=1_000))
    desk.runtime.crash(VENUE)
    desk.run_for(1)
    assert not pressed(desk)
    desk.run_for(1)
    (kill,) = pressed(desk)
    assert kill.reason == f"heartbeat_lost: {VENUE}"
    desk.restart(VENUE)
    desk.run_for(3)
    assert [receipt.complete for receipt in receipts(desk)] == [True]
    assert refused_as(desk) == "HALTED"


def test_a_kill_that_got_lost_is_pressed_again(make_desk: MakeDesk) -> None:
    desk = make_desk(strategy("hand"), trigger("heartbeat_lost", silence_ms_max=500))
    desk.storm.cut(KILL_SWITCH, RISK)
    desk.runtime.crash(VENUE)
    desk.run_for(3)
    assert risk(desk).watch.counters()["kills_unanswered"] == 1
    assert not receipts(desk)
    desk.storm.clear()
    desk.run_for(3)
    assert risk(desk).watch.counters()["kills_unanswered"] == 0
    desk.restart(VENUE)
    desk.run_for(3)
    assert [receipt.complete for receipt in receipts(desk)] == [True]


def test_a_kill_that_is_refused_takes_the_accounts_leases(make_desk: MakeDesk) -> None:
    desk = make_desk(strategy("hand"), trigger("loop_lag", consecutive=1))
    watch = risk(desk).watch
    (tested,) = watch.triggers
    tested.spec = type(tested.spec)(**{**_fields(tested.spec), "scope": "venue:nowhere", "threshold": -1})
    tested._streaks.clear()
    desk.run_for(3)
    assert watch.refusal
    assert refused_as(desk) in ("LEASE_EXPIRED", "NO_LEASE")
    assert risk(desk)._status(1, desk.now_ns).state == "stopped"
    assert not receipts(desk)


def _fields(spec: Any) -> dict[str, Any]:
    return {name: getattr(spec, name) for name in spec.__struct_fields__}


# -- what a day remembers -----------------------------------------------------------------------------------------


def test_a_restart_of_the_risk_actor_does_not_forgive_the_days_loss(make_desk: MakeDesk) -> None:
    desk = make_desk(strategy("hand"), trigger("loss_cap", loss_max="3"))
    book = risk(desk).watch.book

    def lost() -> int:
        return -(risk(desk).watch.book.pnl_nanos([f"{VENUE}:BTCUSDT"], "USDT") or 0)

    while lost() < 2 * 10**9:
        take(desk, Side.BUY)
        take(desk, Side.SELL)
        desk.run_for(0.5)
    assert not pressed(desk)
    desk.restart(RISK)
    desk.run_for(2)
    assert risk(desk).watch.book is not book
    assert lost() >= 2 * 10**9
    for _ in range(10):
        take(desk, Side.BUY)
        take(desk, Side.SELL)
    desk.run_for(1)
    assert [kill.trigger for kill in pressed(desk)] == ["loss_cap"]


def test_somebody_elses_trade_on_the_account_is_a_mismatch_and_our_own_are_none(make_desk: MakeDesk) -> None:
    desk = make_desk(strategy("hand"), trigger("position_mismatch", mismatch_max="0.0000001"))
    desk.run_for(2)
    for _ in range(3):
        take(desk, Side.BUY)
        take(desk, Side.SELL)
        take(desk, Side.BUY)
        desk.run_for(1)
    assert not pressed(desk)
    desk.simulator.exchange.accounts["desk"].balance("BTC").free_nanos -= 10**6  # 0.001 BTC leaves by another way
    take(desk)  # and with the next trade the venue tells
    desk.run_for(1)
    (kill,) = pressed(desk)
    assert kill.trigger == "position_mismatch"
    assert "drift=-0.001" in kill.evidence


# -- scopes and modes ---------------------------------------------------------------------------------------------


def test_each_account_watches_only_its_own(make_desk: MakeDesk) -> None:
    desk = make_desk(
        strategy("hand"),
        strategy("far", venue="second"),
        trigger("reject_storm", scope="account:second", rejects_max=2),
        trigger("heartbeat_lost", scope="global", silence_ms_max=1_000),
        trigger("stale_market_data", scope="instrument:second:BTCUSDT"),
        more_venues=["second"],
    )
    watched = {
        account: [(each.spec.kind, each.spec.venue_actors, each.spec.instruments) for each in watch.triggers]
        for account, watch in (("desk", risk(desk).watch), ("second", desk.actor("risk.second").watch))
    }
    assert watched == {
        "desk": [("heartbeat_lost", ("venue.binance",), ("venue.binance:BTCUSDT",))],
        "second": [
            ("reject_storm", ("venue.second",), ("venue.second:BTCUSDT",)),
            ("heartbeat_lost", ("venue.second",), ("venue.second:BTCUSDT",)),
            ("stale_market_data", ("venue.second",), ("venue.second:BTCUSDT",)),
        ],
    }


@pytest.mark.parametrize("scope", ["venue:binance", "account:desk"])
def test_a_trigger_kills_its_scope_and_nothing_beside_it(make_desk: MakeDesk, scope: str) -> None:
    desk = make_desk(
        strategy("hand"),
        strategy("far", venue="second"),
        trigger("reject_storm", scope=scope, mode="halt", rejects_max=2),
        more_venues=["second"],
    )
    hand = desk.strategy("hand")
    for _ in range(3):
        hand.buy(hand.instrument, 1_000, hand.quote.ask_ticks + 1_000, post_only=True)
    desk.run_for(1)
    (kill,) = pressed(desk)
    assert (kill.scope, kill.by) == (scope, RISK)
    assert refused_as(desk) == "HALTED"
    assert refused_as(desk, "far") == "NEW"


# -- every kind through every width of scope ----------------------------------------------------------------------

_HERE = ("global", "account:desk", "venue:binance", "strategy:hand", "instrument:binance:BTCUSDT")
_THERE = ("venue:second", "strategy:far", "instrument:second:BTCUSDT")


def _lose(desk: Desk) -> None:
    for _ in range(2):
        take(desk, Side.BUY)
        take(desk, Side.SELL)


def _cut_off_with_an_order(desk: Desk) -> None:
    desk.storm.cut(VENUE, SIMULATOR)
    hand = desk.strategy("hand")
    hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)


def _one_wide_quote(desk: Desk) -> None:
    desk.storm.cut(VENUE, SIMULATOR)  # no other follows
    desk.run_for(0.05)
    quote = desk.venue.core.quotes[0]
    tell(desk, msgspec.structs.replace(quote, ask_ticks=quote.bid_ticks * 11 // 10))


def _refused_by_the_venue(desk: Desk) -> None:
    hand = desk.strategy("hand")
    for _ in range(4):
        hand.buy(hand.instrument, 1_000, hand.quote.ask_ticks + 1_000, post_only=True)


def _money_leaves_by_another_way(desk: Desk) -> None:
    desk.run_for(2)
    desk.simulator.exchange.accounts["desk"].balance("BTC").free_nanos -= 10**6
    take(desk)


def _another_configuration(desk: Desk) -> None:
    core = desk.venue.core
    core.settings = msgspec.structs.replace(core.settings, config_hash="another")


def tell(desk: Desk, *events: VenueEvent) -> None:
    """What its session would tell the venue actor."""
    for event in events:
        desk.venue.on_venue_event(event, desk.now_ns)


def _late(desk: Desk) -> None:
    desk.venue.telemetry._due_ns -= 10**9


CAUSES: dict[str, tuple[dict[str, Any], Callable[[Desk], None]]] = {
    "loss_cap": ({"loss_max": "0.5"}, _lose),
    "drawdown": ({"drawdown_max": "0.5"}, _lose),
    "spread_widening": ({}, _one_wide_quote),
    "latency_stall": ({}, _cut_off_with_an_order),
    "stale_market_data": ({"age_ms_max": 1_000}, _cut_off_with_an_order),
    "gapped_market_data": ({"consecutive": 1}, lambda desk: tell(desk, *[BookChanged(0, False, 0, 0, 0)] * 4)),
    "reject_storm": ({"rejects_max": 3}, _refused_by_the_venue),
    "fill_storm": ({"fills_max": 3}, _lose),
    "position_mismatch": ({}, _money_leaves_by_another_way),
    "authentication_failure": ({}, lambda desk: tell(desk, AuthenticationFailed("no such key"))),
    "clock_offset": ({}, lambda desk: tell(desk, ClockOffset(-200_000_000, 0))),
    "loop_lag": ({"consecutive": 1}, _late),
    "heartbeat_lost": ({}, lambda desk: desk.runtime.crash(VENUE)),
    "config_mismatch": ({}, _another_configuration),
}


@pytest.mark.parametrize("kind", TRIGGER_KINDS)
def test_each_fires_through_every_scope_that_covers_the_trouble_and_through_no_other(
    make_desk: MakeDesk, kind: str
) -> None:
    keys, cause = CAUSES[kind]
    desk = make_desk(
        strategy("hand"),
        strategy("far", venue="second", account="desk"),
        *(trigger(kind, scope, "reduce", **keys) for scope in (*_HERE, *_THERE)),
        more_venues=["second"],
        one_account=True,
    )
    desk.run_for(1)
    assert not pressed(desk)
    cause(desk)
    desk.run_for(2.5)
    assert sorted(kill.scope for kill in pressed(desk)) == sorted(map(parsed, _HERE))
    assert {receipt.trigger for receipt in receipts(desk)} == {kind}


def parsed(scope: str) -> str:
    return parse_scope(
        scope,
        TradingNames(
            ("desk",),
            {"binance": "desk", "second": "desk"},
            {"hand": "binance", "far": "second"},
            ("binance:BTCUSDT", "second:BTCUSDT"),
        ),
    ).text


# -- after a release ----------------------------------------------------------------------------------------------


def release(desk: Desk, kill_id: str) -> None:
    """As two people do, once the kill switch has heard them."""
    switch: Any = desk.actor(KILL_SWITCH)
    assert switch._end(switch.register.held[kill_id], ("ann", "bea"), desk.now_ns)


def lose_until_pressed(desk: Desk, kills: int) -> None:
    while len(pressed(desk)) < kills:
        take(desk, Side.BUY)
        take(desk, Side.SELL)
        desk.run_for(0.3)
        assert desk.now_ns < 90 * 10**9


@pytest.mark.parametrize("is_heard", [True, False])
def test_after_a_release_a_loss_cap_fires_again_for_half_as_much_more(make_desk: MakeDesk, is_heard: bool) -> None:
    desk = make_desk(strategy("hand"), trigger("loss_cap", loss_max="4", again_percent=50, mode="halt"))

    def lost() -> int:
        return -(risk(desk).watch.book.pnl_nanos([f"{VENUE}:BTCUSDT"], "USDT") or 0)

    lose_until_pressed(desk, 1)
    desk.run_for(1)
    accepted = lost()
    if not is_heard:
        desk.storm.cut(KILL_SWITCH, RISK)
        desk.run_for(1)
    release(desk, pressed(desk)[0].kill_id)
    desk.run_for(1)
    desk.storm.clear()
    desk.run_for(3)
    assert len(pressed(desk)) == 1, "what was released is accepted"
    assert refused_as(desk) == "NEW"
    lose_until_pressed(desk, 2)
    assert accepted + 2 * 10**9 < lost() < accepted + 4 * 10**9
    desk.run_for(1)
    assert refused_as(desk) == "HALTED"


def test_without_a_step_a_released_loss_cap_waits_until_all_is_well(make_desk: MakeDesk) -> None:
    desk = make_desk(strategy("hand"), trigger("loss_cap", loss_max="2", again_percent=0, mode="halt"))
    lose_until_pressed(desk, 1)
    desk.run_for(1)
    release(desk, pressed(desk)[0].kill_id)
    desk.run_for(0.5)
    for _ in range(6):
        take(desk, Side.BUY)
        take(desk, Side.SELL)
    desk.run_for(1)
    assert len(pressed(desk)) == 1
