"""Drills in virtual time: the whole way of a kill, seen by every gate; only the drill strategies' orders stop."""

import msgspec
import pytest
from trading_desk import KILL_SWITCH, SECOND_NS, VENUE, Desk, MakeDesk, check_books, strategy

from actors.drill import DRILL_TIMEOUT_NS
from actors.places import latch_path, trading_names
from cli.virtual_trial import PRESSER
from engine.codes import KillMode, Reason
from engine.messages import Kill, KillReceipt
from risk.latch import LatchCause, LatchPage
from risk.latency import LatencyPage
from risk.scope import DRILL_SCOPE, GLOBAL_SCOPE

QUOTER = strategy("quoter", "examples.quoter:Quoter", quantity="0.01")
DAY_NS = 86_400 * SECOND_NS
EVERY_10_S = "\n[kill]\ndrill_every_s = 10\n"


def ask(desk: Desk, kill_id: str = "drill-1", mode: KillMode = KillMode.HALT) -> None:
    now_ns = desk.now_ns
    kill = Kill(kill_id, "drill", mode, "rehearsal", "eve", "person", now_ns)
    assert desk.runtime.actor(PRESSER).send(KILL_SWITCH, kill)


def held(desk: Desk, kill_id: str = "drill-1") -> KillReceipt:
    (receipt,) = [receipt for receipt in desk.presser.receipts if receipt.kill_id == kill_id]
    return receipt


def counters(desk: Desk) -> dict[str, int]:
    return desk.counter_pages[KILL_SWITCH].read().values


def journalled(desk: Desk) -> list[KillReceipt]:
    records = [payload for _, _, payload in desk.runtime.actor(KILL_SWITCH).journal.records()]
    decoded = [msgspec.msgpack.decode(payload) for payload in records]
    receipts = [payload for payload, it in zip(records, decoded, strict=True) if it[0] == 52]
    return [msgspec.msgpack.decode(payload, type=KillReceipt) for payload in receipts]


def rows(desk: Desk) -> int:
    return len(LatchPage.read(latch_path(desk.config)).kills())


def test_every_venue_actor_acknowledges_and_trading_goes_on(make_desk: MakeDesk) -> None:
    desk = make_desk(QUOTER, strategy("far", venue="second"), more_venues=["second"])
    desk.trade(3)
    before = desk.venue.status()
    ask(desk)
    desk.trade(5)
    receipt = held(desk)
    assert receipt.complete
    assert [stage.stage for stage in receipt.stages] == ["latched", "sealed", "halted", "acknowledged", "released"]
    assert 0 <= receipt.stages[0].after_ns <= receipt.stages[1].after_ns < SECOND_NS
    assert (receipt.trigger, receipt.by, receipt.failures) == ("drill", "eve", ())
    assert journalled(desk) == [receipt]
    assert rows(desk) == 0
    # and nothing was stopped
    assert desk.counters()["orders"] > before.counters["orders"]
    assert desk.venue.status().refusals == before.refusals
    assert desk.venue.status().state == "ready"
    assert not desk.logged("lease ended")
    check_books(desk)


def test_it_is_measured_and_counted_apart_from_kills(make_desk: MakeDesk) -> None:
    desk = make_desk(QUOTER)
    ask(desk)
    desk.trade(2)
    latency = desk.runtime.actor(KILL_SWITCH).latency
    assert isinstance(latency, LatencyPage)
    assert latency.summary("latched|drill").count == latency.summary("halted|drill").count == 1
    assert latency.summary("halted|person").count == 0
    shown = counters(desk)
    assert (shown["drills"], shown["drills_failed"], shown["kills"], shown["kills_in_progress"]) == (1, 0, 0, 0)
    assert shown["drill_wall_ns"] == held(desk).wall_time_ns
    assert desk.counter_pages[KILL_SWITCH].read().unnamed == 0


def test_scheduled_drills_begin_by_themselves(make_desk: MakeDesk) -> None:
    desk = make_desk(QUOTER, EVERY_10_S)
    desk.trade(34)
    assert counters(desk)["drills"] == 3
    assert {receipt.by for receipt in journalled(desk)} == {KILL_SWITCH}
    assert not make_desk(QUOTER).config.kill.drill_every_s, "none without being configured"


def test_a_silent_venue_actor_fails_the_drill_and_the_last_good_one_gets_older(make_desk: MakeDesk) -> None:
    desk = make_desk(QUOTER, EVERY_10_S)
    desk.trade(12)
    good_ns = counters(desk)["drill_wall_ns"]
    assert good_ns
    desk.storm.cut(KILL_SWITCH, VENUE)
    desk.trade(10)
    shown = counters(desk)
    assert (shown["drills"], shown["drills_failed"], shown["drill_wall_ns"]) == (1, 1, good_ns)
    (failed,) = desk.logged("DRILL FAILED")
    assert VENUE in str(failed["text"])
    receipt = journalled(desk)[-1]
    assert (receipt.complete, receipt.waiting_for) == (False, (VENUE,))
    assert rows(desk) == 0
    desk.storm.clear()
    desk.trade(21)
    assert counters(desk)["drill_wall_ns"] > good_ns


def test_whoever_asked_is_told_that_it_failed_once_the_time_is_over(make_desk: MakeDesk) -> None:
    desk = make_desk(QUOTER)
    desk.runtime.crash(VENUE)
    desk.trade(0.5)
    ask(desk)
    desk.trade(DRILL_TIMEOUT_NS / SECOND_NS + 0.2)
    receipt = held(desk)
    assert not receipt.complete
    assert receipt.failures == (f"not acknowledged within 1000 ms by {VENUE}",)


def test_a_venue_actor_that_has_another_latch_mapped_does_not_acknowledge(make_desk: MakeDesk) -> None:
    desk = make_desk(QUOTER)
    desk.venue.core.latch = LatchPage.memory(trading_names(desk.config)).view()
    ask(desk)
    desk.trade(2)
    receipt = held(desk)
    assert not receipt.complete
    assert "this host's latch does not show the drill" in receipt.failures[0]
    assert desk.venue.status().state == "ready"


def test_a_new_life_remembers_the_drills_and_frees_what_the_last_one_left(make_desk: MakeDesk) -> None:
    desk = make_desk(QUOTER, EVERY_10_S)
    desk.trade(12)
    good_ns = counters(desk)["drill_wall_ns"]
    LatchPage.open(latch_path(desk.config)).store("left", DRILL_SCOPE, KillMode.HALT)
    sent = desk.counters()["orders"]
    desk.trade(2)
    assert desk.counters()["orders"] > sent, "a drill's row covers no order, however long it stands"
    desk.restart(KILL_SWITCH)
    desk.trade(0.1)
    assert rows(desk) == 0
    assert (counters(desk)["drills"], counters(desk)["drill_wall_ns"]) == (1, good_ns)


@pytest.mark.parametrize("mode", [KillMode.REDUCE, KillMode.CANCEL, KillMode.FLATTEN])
def test_a_drill_of_another_mode_is_refused(make_desk: MakeDesk, mode: KillMode) -> None:
    desk = make_desk(QUOTER)
    ask(desk, mode=mode)
    desk.trade(1)
    assert held(desk).failures == (f"a drill has mode halt here, not {mode.name.lower()}",)
    assert desk.venue.status().state == "ready"
    assert rows(desk) == 0


def test_a_second_one_at_a_time_is_refused(make_desk: MakeDesk) -> None:
    desk = make_desk(QUOTER)
    ask(desk, "drill-1")
    ask(desk, "drill-2")
    desk.trade(1)
    assert held(desk, "drill-1").complete
    assert held(desk, "drill-2").failures == ("drill drill-1 is under way",)


@pytest.mark.parametrize("kill_id", ["virtual-1", "drill-1", ""])
def test_a_drill_by_the_name_of_a_kill_frees_nothing(make_desk: MakeDesk, kill_id: str) -> None:
    desk = make_desk(QUOTER)
    page = LatchPage.open(latch_path(desk.config))
    page.latch(GLOBAL_SCOPE, LatchCause(kill_id, "eve", "a real one", KillMode.HALT, 1, "global"))
    ask(desk, kill_id)
    desk.trade(2)
    assert not held(desk, kill_id).complete
    assert "not that of a kill" in held(desk, kill_id).failures[0]
    assert page.has(kill_id)
    assert page.button_rank == KillMode.HALT.rank
    assert desk.venue.status().state == "halted"


def test_a_drill_gives_way_when_the_latch_is_short_of_rows(make_desk: MakeDesk) -> None:
    desk = make_desk(QUOTER)
    page = LatchPage.open(latch_path(desk.config))
    for number in range(40):
        page.store(f"left{number}", DRILL_SCOPE, KillMode.HALT)
    ask(desk)
    desk.trade(1)
    assert "nearly full" in held(desk).failures[0]
    assert page.button_rank == 0


def test_a_drill_under_a_kill_changes_nothing_about_the_kill(make_desk: MakeDesk) -> None:
    desk = make_desk(QUOTER)
    desk.trade(2)
    desk.kill("global")
    desk.trade(5)
    ask(desk)
    desk.trade(1)
    assert held(desk).complete
    assert rows(desk) == 1
    assert desk.venue.status().state == "halted"
    assert counters(desk)["kills"] == 1


# -- with a scope: strategies that the configuration gives to drills ------------------------------------------------

CANARY = strategy("canary", "Churner", seed=1)
MAKER = strategy("maker", "Churner", seed=2)
DRILLED = """
[kill]
drill_strategies = ["canary"]
drill_hold_ms = 300
"""


def open_of(desk: Desk, strategy_id: str) -> int:
    return sum(order.client_order_id.startswith(f"{strategy_id}-") for order in desk.open_at_venue())


def test_a_drill_stops_and_cancels_the_drill_strategies_and_no_others(make_desk: MakeDesk) -> None:
    desk = make_desk(CANARY, MAKER, DRILLED)
    while open_of(desk, "canary") < 3:
        desk.trade(0.1)
    ask(desk, mode=KillMode.CANCEL)
    desk.trade(0.2)
    assert open_of(desk, "canary") == 0
    told, others = len(desk.told("canary")), len(desk.told("maker"))
    desk.trade(0.1)
    late = desk.told("canary")[told:]
    assert late
    assert {report.refusal.reason for report in late if report.refusal is not None} == {Reason.HALTED}
    assert all(report.refusal is not None for report in late)
    assert len(desk.told("maker")) > others
    assert desk.refusals("canary")["HALTED"] > 0
    assert desk.refusals("maker")["HALTED"] == 0
    # and it ends by itself
    desk.trade(1)
    receipt = held(desk)
    assert receipt.complete
    stages = {stage.stage: stage.after_ns for stage in receipt.stages}
    assert list(stages) == ["latched", "sealed", "halted", "cancel_sent", "cancelled", "acknowledged", "released"]
    assert stages["released"] - stages["cancelled"] >= 300_000_000
    assert rows(desk) == 0
    assert any(report.refusal is None for report in desk.told("canary")[told + len(late) :])
    check_books(desk)


def test_its_acknowledgement_says_how_many_orders_have_ever_left(make_desk: MakeDesk) -> None:
    """The venue must have got just as many by the end of the drill: a claim of which the venue has its own proof."""
    desk = make_desk(CANARY, DRILLED)
    desk.trade(3)
    ask(desk, mode=KillMode.CANCEL)
    desk.trade(0.25)
    assert desk.counters()["orders_admitted"] > 10
    sent = desk.venue.orders.orders_sent
    desk.trade(1)
    (state,) = held(desk).actors
    assert (state.venue_actor, state.orders_sent) == (VENUE, sent)


def test_scheduled_drills_cancel_where_there_is_something_to_cancel(make_desk: MakeDesk) -> None:
    desk = make_desk(CANARY, MAKER, DRILLED + "drill_every_s = 10\n")
    desk.trade(43)
    receipts = journalled(desk)
    assert [(receipt.mode, receipt.complete) for receipt in receipts] == 4 * [(KillMode.CANCEL, True)]
    assert sum(receipt.actors[0].orders_cancelled for receipt in receipts) > 0


def test_a_drill_under_a_kill_frees_nothing_of_it(make_desk: MakeDesk) -> None:
    desk = make_desk(CANARY, MAKER, DRILLED)
    desk.trade(2)
    desk.kill("strategy:canary")
    ask(desk, mode=KillMode.CANCEL)
    desk.trade(2)
    assert held(desk).complete
    told = len(desk.told("canary"))
    desk.trade(2)
    late = desk.told("canary")[told:]
    assert late
    assert all(report.refusal is not None for report in late)
    assert rows(desk) == 1


def test_a_drill_that_fails_cancels_nothing_any_more(make_desk: MakeDesk) -> None:
    """One venue actor is silent for good: the other one's strategies trade on after the drill's time is over."""
    far = strategy("far", "Churner", venue="second", seed=3)
    desk = make_desk(CANARY, far, DRILLED, more_venues=["second"])
    desk.trade(2)
    desk.runtime.crash("venue.second")
    ask(desk, mode=KillMode.CANCEL)
    desk.trade(DRILL_TIMEOUT_NS / SECOND_NS + 0.2)
    assert not held(desk).complete
    desk.trade(3)
    assert open_of(desk, "canary") > 0
    refused = desk.refusals("canary")["HALTED"]
    desk.trade(3)
    assert desk.refusals("canary")["HALTED"] == refused
    assert rows(desk) == 0


@pytest.mark.parametrize("mode", [KillMode.REDUCE, KillMode.FLATTEN])
def test_a_drill_neither_reduces_nor_flattens(make_desk: MakeDesk, mode: KillMode) -> None:
    desk = make_desk(CANARY, DRILLED)
    ask(desk, mode=mode)
    desk.trade(1)
    assert held(desk).failures == (f"a drill has mode halt or cancel here, not {mode.name.lower()}",)


def test_nobody_widens_a_drill_by_what_he_sends(make_desk: MakeDesk) -> None:
    """The scope is a word that names nothing; another one is a kill, which takes two people to end."""
    desk = make_desk(CANARY, MAKER, DRILLED)
    desk.trade(2)
    kill = Kill("drill-9", "drill+strategy:maker", KillMode.CANCEL, "wider", "eve", "drill", desk.now_ns)
    assert desk.runtime.actor(PRESSER).send(KILL_SWITCH, kill)
    desk.trade(1)
    assert "unknown" in held(desk, "drill-9").failures[0]
    assert desk.refusals("maker")["HALTED"] == 0
    assert rows(desk) == 0


def test_whoever_asks_may_have_latched_it_and_is_stopped_from_then_on(make_desk: MakeDesk) -> None:
    desk = make_desk(CANARY, DRILLED)
    desk.trade(2)
    LatchPage.open(latch_path(desk.config)).store("drill-1", DRILL_SCOPE, KillMode.CANCEL)
    sent = desk.venue.orders.orders_sent
    desk.trade(0.5)
    assert desk.venue.orders.orders_sent == sent
    ask(desk, mode=KillMode.CANCEL)
    desk.trade(0.5)
    assert held(desk).complete
    assert rows(desk) == 0


def test_a_row_whose_writer_never_asks_is_freed_after_a_while(make_desk: MakeDesk) -> None:
    desk = make_desk(CANARY, DRILLED)
    LatchPage.open(latch_path(desk.config)).store("drill-1", DRILL_SCOPE, KillMode.CANCEL)
    desk.trade(0.5)
    assert rows(desk) == 1
    desk.trade(1)
    assert rows(desk) == 0


def test_a_drill_under_a_clock_that_was_ahead_does_not_look_young_for_ever(make_desk: MakeDesk) -> None:
    desk = make_desk(CANARY, DRILLED)
    desk.runtime.hosts[KILL_SWITCH].wall_offset_ns += DAY_NS
    ask(desk, "drill-1")
    desk.trade(1)
    desk.runtime.hosts[KILL_SWITCH].wall_offset_ns -= DAY_NS
    ask(desk, "drill-2")
    desk.trade(1)
    now_ns = desk.runtime.actor(KILL_SWITCH).wall_ns(desk.now_ns)
    assert 0 < now_ns - counters(desk)["drill_wall_ns"] < DAY_NS
