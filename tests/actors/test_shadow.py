"""Clutch: under a kill a second instance of the strategy goes on, and nothing of it reaches the venue or the books."""

from typing import Any

import pytest
from trading_desk import KILL_SWITCH, RISK, VENUE, Desk, MakeDesk, check_all, strategy

from actors.kill_switch import KillSwitchActor
from actors.places import latch_path, shadow_actor
from actors.shadow import ShadowActor
from engine.codes import ExecType, KillMode, OrderStatus, Reason, TimeInForce
from engine.messages import ExecutionReport, NewOrder, ShadowAccount
from engine.order import Order
from risk.latch import LatchPage

SHADOW = shadow_actor("hand")
CLUTCH = '[[clutch]]\nscope = "{scope}"\n'


def shadow(desk: Desk, strategy_id: str = "hand") -> ShadowActor:
    actor = desk.actor(shadow_actor(strategy_id))
    assert isinstance(actor, ShadowActor)
    return actor


def second(desk: Desk, strategy_id: str = "hand") -> Any:
    """The instance that goes on computing."""
    hosted = shadow(desk, strategy_id).hosted
    assert hosted is not None
    return hosted.strategy


def account(desk: Desk, strategy_id: str = "hand") -> ShadowAccount:
    return shadow(desk, strategy_id).account(desk.now_ns)


def clutched(make_desk: MakeDesk, *tables: str, scope: str = "global", **more: Any) -> Desk:
    return make_desk(*(tables or (strategy("hand"),)), CLUTCH.format(scope=scope), **more)


def release(desk: Desk) -> None:
    """What the kill switch actor does when two people have agreed; where it is dead, what would be left of it."""
    if desk.runtime.hosts[KILL_SWITCH].is_up:
        kill_switch = desk.actor(KILL_SWITCH)
        assert isinstance(kill_switch, KillSwitchActor)
        for held in list(kill_switch.register.held.values()):
            assert kill_switch._end(held, ("ann", "bea"), desk.now_ns)
        return
    page = LatchPage.open(latch_path(desk.config))
    for kill in page.kills():
        assert page.release_tag(kill.tag)
    page.settle_button(None)


def killed(make_desk: MakeDesk, *tables: str, mode: KillMode = KillMode.HALT, **more: Any) -> Desk:
    desk = clutched(make_desk, *tables, **more)
    desk.kill(mode=mode)
    desk.run_for(1.0)
    return desk


def ends_of(reports: list[ExecutionReport]) -> dict[str, int]:
    ends: dict[str, int] = {}
    for report in reports:
        if report.exec_type is not ExecType.CANCEL_REJECTED:
            ends.setdefault(report.client_order_id, 0)
            ends[report.client_order_id] += report.order_status.is_terminal
    return ends


def test_without_a_kill_it_does_nothing(make_desk: MakeDesk) -> None:
    desk = clutched(make_desk)
    desk.run_for(3)
    assert account(desk).state == "idle"
    assert desk.venue.delivery._shadows == {}
    assert shadow(desk).hosted is None


def test_a_strategy_outside_of_its_scope_has_none(make_desk: MakeDesk) -> None:
    desk = clutched(make_desk, strategy("hand"), strategy("other"), scope="strategy:hand")
    assert SHADOW in desk.runtime.hosts
    assert shadow_actor("other") not in desk.runtime.hosts


def test_under_a_kill_its_orders_are_filled_by_the_market_and_none_reaches_the_venue(make_desk: MakeDesk) -> None:
    desk = killed(make_desk)
    hand = second(desk)
    assert hand.starts == 1
    assert hand is not desk.strategy("hand")
    ask = hand.quote.ask_ticks
    order = hand.buy(hand.instrument, 100, ask + 100)
    resting = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    desk.run_for(0.1)
    assert hand.last(order).order_status is OrderStatus.FILLED
    assert hand.last(resting).order_status is OrderStatus.NEW
    assert hand.position_lots(hand.instrument) == 100
    assert desk.orders_at_venue() == []
    told = account(desk)
    assert (told.state, told.orders, told.fills, told.open_orders) == ("running", 2, 1, 1)
    assert told.lines[0].position_lots == 100
    assert told.lines[0].most_lots == 1_100
    assert [kill.startswith("virtual-") for kill in told.kills] == [True]


def test_the_strategy_itself_sees_nothing_of_it(make_desk: MakeDesk) -> None:
    desk = clutched(make_desk)
    live = desk.strategy("hand")
    live.buy(live.instrument, 500, live.quote.ask_ticks + 500)
    desk.run_for(0.5)
    before = list(live.reports)
    desk.kill(mode=KillMode.HALT)
    desk.run_for(1)
    hand = second(desk)
    assert hand.position_lots(hand.instrument) == 500
    hand.sell(hand.instrument, 500, hand.quote.bid_ticks - 100)
    desk.run_for(0.5)
    assert hand.position_lots(hand.instrument) < 500
    refused = live.buy(live.instrument, 100, live.quote.ask_ticks + 100)
    desk.run_for(0.5)
    assert live.last(refused).refusal.reason is Reason.HALTED
    assert live.reports[: len(before)] == before
    assert len(live.reports) == len(before) + 1
    assert live.position_lots(live.instrument) == 500
    release(desk)
    desk.run_for(1)
    assert account(desk).state == "over"
    assert live.position_lots(live.instrument) == 500
    sold = live.sell(live.instrument, 500, live.quote.bid_ticks - 500)
    desk.run_for(1)
    assert live.last(sold).order_status is OrderStatus.FILLED
    check_all(desk)


def test_after_the_release_every_order_has_had_one_end_and_nothing_goes_on(make_desk: MakeDesk) -> None:
    desk = killed(make_desk)
    hand = second(desk)
    bid = hand.quote.bid_ticks
    orders = [hand.buy(hand.instrument, 100, bid - 5_000 - n) for n in range(3)]
    desk.run_for(0.1)
    hand.cancel(orders[0])
    hand.set_timer("late", 10**9)
    desk.run_for(0.1)
    on_its_way = hand.buy(hand.instrument, 100, bid - 6_000)
    again: list[str] = []

    def persist(report: ExecutionReport) -> None:
        hand.reports.append(report)
        if report.refusal is not None and not again:
            again.append(hand.buy(hand.instrument, 100, bid - 7_000))

    hand.on_execution_report = persist
    release(desk)
    shadow(desk)._look(desk.now_ns)
    assert ends_of(hand.reports) == dict.fromkeys((*orders, on_its_way, *again), 1)
    assert hand.last(orders[1]).refusal.reason is Reason.SHADOW_OVER
    assert hand.last(on_its_way).refusal.reason is Reason.SHADOW_OVER
    count = len(hand.reports)
    desk.run_for(3)
    assert len(hand.reports) == count
    told = account(desk)
    assert (told.state, told.open_orders, told.orders) == ("over", 0, 4)
    assert desk.venue.delivery._shadows == {}
    assert desk.orders_at_venue() == []


def test_what_it_is_told_and_sends_cannot_be_taken_for_real(make_desk: MakeDesk) -> None:
    """Its ids are none that a venue actor takes, and its actor may not speak for the strategy."""
    desk = killed(make_desk)
    hand = second(desk)
    order = hand.buy(hand.instrument, 100, hand.quote.bid_ticks - 5_000)
    desk.run_for(0.1)
    assert order.startswith("hand~")
    assert hand.last(order).order_id.startswith("shadow-")
    release(desk)
    desk.run_for(1)
    live = desk.strategy("hand")
    message = NewOrder(order, "desk", "hand", live.instrument.instrument_id, *_buy(), 100, live.quote.bid_ticks - 5_000)
    entry = desk.venue.orders
    refusal = entry.may_submit("strategy.hand", Order.from_new(message), desk.now_ns)
    assert refusal is not None
    assert refusal.reason is Reason.BAD_CLIENT_ORDER_ID
    assert desk.runtime.actor(SHADOW).send(VENUE, message)
    desk.run_for(0.1)
    assert desk.venue.core.refusals[Reason.WRONG_STRATEGY] == 1
    assert desk.orders_at_venue() == []


def _buy() -> tuple[Any, ...]:
    from engine.codes import OrderType, Side

    return Side.BUY, OrderType.LIMIT, TimeInForce.GTC


def test_limits_refuse_in_the_shadow_what_they_would_refuse(make_desk: MakeDesk) -> None:
    desk = killed(make_desk)
    hand = second(desk)
    too_much = hand.buy(hand.instrument, hand.instrument.quantity_lots("1.1"), hand.quote.bid_ticks)
    far = hand.buy(hand.instrument, 1_000, hand.quote.ask_ticks * 2)
    nonsense = hand.buy(hand.instrument, 0, 1)
    desk.run_for(0.1)
    reasons = [hand.last(order).refusal.reason for order in (too_much, far, nonsense)]
    assert reasons == [Reason.ORDER_QUANTITY, Reason.PRICE_COLLAR, Reason.BAD_QUANTITY]
    assert account(desk).refused == dict.fromkeys(reasons, 1)
    assert ends_of(hand.reports) == dict.fromkeys((too_much, far, nonsense), 1)


def test_profit_counts_from_the_kill(make_desk: MakeDesk) -> None:
    """What was paid before does not matter: only how closing it has changed since, and what the shadow traded."""
    desk = clutched(make_desk)
    live = desk.strategy("hand")
    live.buy(live.instrument, 500, live.quote.ask_ticks + 500)
    desk.run_for(0.5)
    desk.kill(mode=KillMode.HALT)
    desk.run_for(5)
    hand, (line,) = second(desk), account(desk).lines
    venue = shadow(desk).venue
    assert venue is not None
    begun_tick_lots = venue.blotter.ledger_line(live.instrument.instrument_id).cost_tick_lots
    assert line.begun_lots == line.position_lots == 500
    assert line.pnl_tick_lots == 500 * hand.quote.bid_ticks - begun_tick_lots
    assert line.pnl.endswith(" USDT")
    assert line.begun.endswith(" BTC")
    sold = hand.sell(hand.instrument, 800, hand.quote.bid_ticks - 200)
    desk.run_for(1)
    got_tick_lots = sum(each.fill.last_lots * each.fill.last_ticks for each in hand.of(sold) if each.fill is not None)
    (line,) = account(desk).lines
    assert line.position_lots == -300
    assert line.pnl_tick_lots == got_tick_lots - begun_tick_lots - 300 * hand.quote.ask_ticks


def test_orders_that_a_halt_leaves_open_go_on_in_the_shadow_too(make_desk: MakeDesk) -> None:
    desk = clutched(make_desk)
    live = desk.strategy("hand")
    real = live.buy(live.instrument, 700, live.quote.bid_ticks - 5_000)
    desk.run_for(0.2)
    desk.kill(mode=KillMode.HALT)
    desk.run_for(1)
    hand = second(desk)
    (copy,) = hand.open_orders.values()
    assert copy.client_order_id != real
    assert (copy.leaves_lots, copy.price_ticks) == (
        700,
        live.open_orders[real].price_ticks,
    )
    hand.cancel(copy.client_order_id)
    desk.run_for(0.2)
    assert hand.last(copy.client_order_id).order_status is OrderStatus.CANCELLED
    assert [record.client_order_id for record in desk.open_at_venue()] == [real]


def test_a_cancel_a_replace_and_a_cancel_all_do_what_they_do_at_a_venue(make_desk: MakeDesk) -> None:
    desk = killed(make_desk)
    hand = second(desk)
    bid = hand.quote.bid_ticks
    first = hand.buy(hand.instrument, 100, bid - 5_000)
    desk.run_for(0.1)
    later = hand.replace(first, 200, bid - 4_000)
    desk.run_for(0.1)
    assert hand.last(first).order_status is OrderStatus.REPLACED
    assert hand.open_orders[later].quantity_lots == 200
    taker = hand.buy(hand.instrument, 100, hand.quote.ask_ticks + 100, post_only=True)
    for _ in range(20):  # until the market has not moved while they were on their way
        ask, lots = hand.quote.ask_ticks, hand.quote.ask_lots + 1
        whole = hand.buy(hand.instrument, lots, ask, time_in_force=TimeInForce.FOK)
        at_once = hand.buy(hand.instrument, lots, ask, time_in_force=TimeInForce.IOC)
        desk.run_for(0.1)
        if 0 < hand.last(at_once).cum_lots < lots:
            break
    unknown = hand.replace("hand~1-1", 1, 1)
    desk.run_for(0.1)
    assert hand.last(taker).refusal.reason is Reason.VENUE_POST_ONLY_WOULD_TAKE
    assert hand.last(whole).order_status is OrderStatus.EXPIRED
    assert hand.last(whole).cum_lots == 0
    assert hand.last(at_once).order_status is OrderStatus.EXPIRED
    assert hand.last(at_once).cum_lots > 0
    assert hand.last(unknown).refusal.reason is Reason.UNKNOWN_ORDER
    hand.cancel_all()
    desk.run_for(0.1)
    assert not hand.open_orders
    assert set(ends_of(hand.reports).values()) == {1}


@pytest.mark.parametrize("where", ["on_quote", "on_timer", "on_start"])
def test_a_strategy_that_fails_in_the_shadow_fails_only_there(make_desk: MakeDesk, where: str) -> None:
    desk = clutched(make_desk, strategy("hand", "Raiser", where="on_quote" if where == "on_start" else where))
    desk.kill(mode=KillMode.HALT)
    desk.run_for(1)
    hand = second(desk)
    order = hand.buy(hand.instrument, 100, hand.quote.bid_ticks - 5_000)
    desk.run_for(0.1)
    hand.arm()
    desk.run_for(1)
    told = account(desk)
    assert "ValueError: as told" in told.failure
    assert told.open_orders == 0
    assert shadow(desk).hosted.orders == {}, order  # type: ignore[union-attr]
    assert desk.hosted("hand")._status(0).state == "running"


def test_a_crash_of_the_strategy_under_the_kill_leaves_its_shadow_alone(make_desk: MakeDesk) -> None:
    desk = killed(make_desk)
    hand = second(desk)
    hand.buy(hand.instrument, 100, hand.quote.bid_ticks - 5_000)
    desk.restart("strategy.hand")
    desk.run_for(1)
    assert second(desk) is hand
    assert account(desk).open_orders == 1


def test_a_crash_of_the_venue_actor_hides_the_market_until_it_is_back(make_desk: MakeDesk) -> None:
    desk = killed(make_desk)
    hand = second(desk)
    desk.runtime.crash(VENUE)
    desk.run_for(0.5)
    order = hand.buy(hand.instrument, 100, hand.quote.ask_ticks + 100)
    desk.run_for(0.5)
    assert hand.last(order).order_status is OrderStatus.NEW  # nobody is known to sell
    desk.restart(VENUE)
    desk.run_for(5)
    assert second(desk) is hand
    assert hand.last(order).order_status is OrderStatus.FILLED
    assert desk.orders_at_venue() == []


def test_a_shadow_that_crashes_begins_anew_and_says_so(make_desk: MakeDesk) -> None:
    desk = killed(make_desk)
    hand = second(desk)
    hand.buy(hand.instrument, 100, hand.quote.ask_ticks + 100)
    desk.run_for(0.1)
    desk.restart(SHADOW)
    desk.run_for(1)
    told = account(desk)
    assert (told.state, told.lives, told.orders, told.lines[0].position_lots) == ("running", 2, 0, 0)
    desk.runtime.crash(SHADOW)
    release(desk)
    desk.restart(SHADOW)
    desk.run_for(1)
    told = account(desk)
    assert (told.state, told.lives, told.lines) == ("lost", 2, ())
    desk.restart(SHADOW)
    desk.run_for(1)
    assert account(desk) == told  # it is on record


def test_a_kill_of_one_instrument_or_one_strategy_is_enough(make_desk: MakeDesk) -> None:
    desk = clutched(make_desk, strategy("hand"), strategy("other"))
    desk.kill("strategy:other", KillMode.CANCEL)
    desk.run_for(1)
    assert (account(desk).state, account(desk, "other").state) == ("idle", "running")
    desk.kill("instrument:binance:BTCUSDT", KillMode.REDUCE)
    desk.run_for(1)
    assert (account(desk).state, account(desk, "other").state) == ("running", "running")
    assert len(account(desk, "other").kills) == 2


def test_it_begins_and_ends_with_nobody_to_tell_it(make_desk: MakeDesk) -> None:
    """The latch says it: kill switch and risk actor may be dead."""
    desk = clutched(make_desk)
    desk.runtime.crash(KILL_SWITCH)
    desk.runtime.crash(RISK)
    desk.kill()
    desk.run_for(1)
    assert account(desk).state == "running"
    release(desk)
    desk.run_for(1)
    assert account(desk).state == "over"


def test_a_churning_strategy_goes_through_kill_and_release_the_same_way_each_time(make_desk: MakeDesk) -> None:
    def life() -> tuple[ShadowAccount, list[bytes], int]:
        desk = clutched(make_desk, strategy("hand", "Churner", seed=3), seed=5)
        desk.run_for(3)
        desk.kill()
        desk.run_for(2)
        sent = len(desk.orders_at_venue())
        position = desk.hosted("hand").position_lots(0)
        desk.run_for(20)
        assert len(desk.orders_at_venue()) == sent
        blotter = shadow(desk).venue.blotter  # type: ignore[union-attr]
        assert blotter.counters()["violations"] == blotter.counters()["foreign"] == 0
        assert desk.hosted("hand").position_lots(0) == position
        told = account(desk)
        assert told.orders > 100
        assert told.fills > 10
        release(desk)
        desk.run_for(2)
        desk.settle()
        check_all(desk)
        return told, desk.reports["hand"], desk.now_ns

    one, other = life(), life()
    assert one[0] == other[0]
    assert one[1:] == other[1:]
