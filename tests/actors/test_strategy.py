"""Strategies that raise, cannot be loaded or ask for nonsense hurt nobody but themselves."""

import sys
from pathlib import Path

import pytest
from trading_desk import STRATEGIES, VENUE, MakeDesk, check_all, strategy

from actors.strategy_source import build_strategy, load_strategy_class
from engine.codes import ExecType, OrderStatus, Reason, Side
from engine.errors import UsageError
from engine.messages import ExecutionReport
from engine.strategy import Strategy

CALLBACKS = ["on_quote", "on_trade", "on_book", "on_timer", "on_execution_report"]


@pytest.mark.parametrize("placement", ["own-process", "co-located"])
@pytest.mark.parametrize("where", CALLBACKS)
def test_a_strategy_that_raises_is_stopped_and_its_orders_cancelled_while_another_goes_on(
    make_desk: MakeDesk, where: str, placement: str
) -> None:
    desk = make_desk(strategy("bad", "Raiser", where=where, placement=placement), strategy("good"))
    bad, good = desk.strategy("bad"), desk.strategy("good")
    orders = [bad.buy(bad.instrument, 1_000, bad.quote.bid_ticks - 5_000 - n) for n in range(2)]
    kept = good.buy(good.instrument, 1_000, good.quote.bid_ticks - 5_000)
    desk.run_for(0.1)
    bad.arm()
    desk.run_for(3)
    status = desk.hosted("bad")._status(0)
    assert status.state == "failed"
    assert f"{where}: ValueError: as told, in {where}" in status.details["error"]
    assert where in desk.venue.status().details["stopped:bad"]
    assert [record.client_order_id for record in desk.open_at_venue()] == [kept]
    assert set(desk.hosted("bad").orders).isdisjoint(orders)
    later = good.buy(good.instrument, 1_000, good.quote.bid_ticks - 5_001)
    desk.run_for(0.2)
    assert good.last(later).exec_type is ExecType.NEW
    told = len(bad.reports)
    refused = bad.buy(bad.instrument, 1_000, bad.quote.bid_ticks - 5_000)
    desk.run_for(0.2)
    assert refused not in desk.hosted("bad").orders
    assert len(bad.reports) == told  # none of its code runs any more
    assert desk.venue.core.refusals[Reason.STRATEGY_STOPPED] == 1


def test_an_order_sent_in_the_very_callback_that_raises_is_cancelled_too(make_desk: MakeDesk) -> None:
    desk = make_desk(strategy("bad"), strategy("good"))
    bad = desk.strategy("bad")

    def buy_and_raise(name: str) -> None:
        bad.buy(bad.instrument, 1_000, bad.quote.bid_ticks - 5_000)
        raise ZeroDivisionError

    bad.on_timer = buy_and_raise
    bad.set_timer("go", 1)
    desk.run_for(1)
    (record,) = desk.orders_at_venue()
    assert record.status == "CANCELED"
    assert "ZeroDivisionError" in desk.hosted("bad")._status(0).details["error"]


def test_a_strategy_that_raises_at_its_start_never_trades(make_desk: MakeDesk) -> None:
    desk = make_desk(strategy("bad", "Raiser", where="on_start"), strategy("good"))
    assert desk.hosted("bad")._status(0).state == "failed"
    assert desk.hosted("good")._status(0).state == "running"


def test_a_failed_strategy_stays_failed_when_its_venue_actor_is_restarted(make_desk: MakeDesk) -> None:
    desk = make_desk(strategy("bad", "Raiser", where="on_timer"))
    bad = desk.strategy("bad")
    bad.buy(bad.instrument, 1_000, bad.quote.bid_ticks - 5_000)
    desk.run_for(0.1)
    desk.runtime.crash(VENUE)
    bad.arm()
    desk.run_for(0.1)
    desk.restart(VENUE)
    desk.run_for(3)
    assert not desk.open_at_venue()
    assert "as told" in desk.venue.status().details["stopped:bad"]


def test_reports_come_after_the_callback_that_caused_them(make_desk: MakeDesk) -> None:
    """No callback runs inside another, not even for an order that is refused on the spot."""
    desk = make_desk(strategy("hand", placement="co-located"))
    hand = desk.strategy("hand")
    depth: list[str] = []

    def on_timer(name: str) -> None:
        depth.append("in")
        hand.buy(hand.instrument, 0, 1)
        hand.buy(hand.instrument, 2**70, 1)
        depth.append("out")

    hand.on_timer = on_timer
    hand.on_execution_report = lambda report: depth.append(report.refusal.reason.name)
    hand.set_timer("go", 1)
    desk.run_for(0.1)
    assert depth[:2] == ["in", "out"]
    assert sorted(depth[2:]) == ["BAD_QUANTITY", "NUMBER_OVERFLOW"]


def test_what_a_strategy_sees_of_its_orders_follows_their_reports(make_desk: MakeDesk) -> None:
    desk = make_desk()
    hand = desk.strategy("hand")
    order = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    assert hand.open_orders[order].status is OrderStatus.PENDING_NEW
    desk.run_for(0.1)
    assert hand.open_orders[order].status is OrderStatus.NEW
    hand.cancel(order)
    assert hand.open_orders[order].status is OrderStatus.PENDING_CANCEL
    desk.run_for(0.1)
    assert order not in hand.open_orders
    check_all(desk)


def test_the_same_strategy_on_two_venues_keeps_two_accounts_apart(make_desk: MakeDesk) -> None:
    desk = make_desk(strategy("hand"), strategy("other", venue="second"), more_venues=["second"])
    one, two = desk.strategy("hand"), desk.strategy("other")
    one.buy(one.instrument, 1_000, one.quote.ask_ticks + 500)
    two.sell(two.instrument, 2_000, two.quote.bid_ticks - 500)
    desk.run_for(0.3)
    assert one.position_lots(one.instrument) == 1_000
    assert two.position_lots(two.instrument) == -2_000
    assert desk.counters()["fills"] >= 1
    assert desk.venue_of("second").gate.position_lots(1) == -2_000
    assert desk.venue.gate.position_lots(0) == 1_000


# -- loading -------------------------------------------------------------------------------------------------------


def test_loading_from_a_file_leaves_the_search_path_alone(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    (tmp_path / "json.py").write_text("raise RuntimeError('shadowed')\n")
    path.write_text(
        "import json\nfrom engine.strategy import Strategy\n\n\nclass Mine(Strategy):\n"
        "    def __init__(self, size: str):\n        self.size = json.loads(size)\n"
    )
    before = list(sys.path)
    made = build_strategy(f"{path}:Mine", {"size": "3"})
    assert made.size == 3
    assert isinstance(made, Strategy)
    assert sys.path == before


@pytest.mark.parametrize(
    ("text", "class_name", "says"),
    [
        ("x = 1\n", "Mine", "no strategy"),
        ("class Mine: ...\n", "Mine", "does not subclass"),
        ("from engine.strategy import Strategy\nclass Other(Strategy): ...\n", "Mine", "it has Other"),
        ("def broken(:\n", "Mine", "SyntaxError"),
        ("import no_such_module_anywhere\n", "Mine", "ModuleNotFoundError"),
        ("raise SystemError('no')\n", "Mine", "SystemError"),
    ],
    ids=["nothing", "not a strategy", "another", "syntax", "import", "raises"],
)
def test_a_file_that_cannot_be_used_is_named_with_the_reason(
    tmp_path: Path, text: str, class_name: str, says: str
) -> None:
    path = tmp_path / "mine.py"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"mine\.py") as caught:
        load_strategy_class(f"{path}:{class_name}")
    assert says in str(caught.value)


def test_a_missing_file_module_or_class_and_wrong_parameters_are_named() -> None:
    for source in ("nowhere.py:X", "no.such.module:X", "examples.quoter:Nobody", "no-colon", "examples.quoter:1x"):
        with pytest.raises(UsageError):
            load_strategy_class(source)
    with pytest.raises(UsageError, match="wrong"):
        build_strategy(f"{STRATEGIES}:Hand", {"wrong": 1})


def test_an_engine_with_a_strategy_that_cannot_be_loaded_does_not_start(make_desk: MakeDesk) -> None:
    with pytest.raises(UsageError, match="Nobody"):
        make_desk(strategy("bad", "Nobody"), strategy("good"))


def test_a_cancel_that_was_refused_unseen_ends_no_order(make_desk: MakeDesk) -> None:
    """The venue actor does not know (yet) who asks: its answer describes no order of ours."""
    desk = make_desk()
    hand, hosted = desk.strategy("hand"), desk.hosted("hand")
    order = hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000)
    desk.run_for(0.1)
    desk.venue.delivery.detach("strategy.hand")
    hand.cancel(order)
    desk.run_for(0.1)
    report = hand.last(order)
    assert report.exec_type is ExecType.CANCEL_REJECTED
    assert report.refusal.reason is Reason.WRONG_STRATEGY
    assert hosted.orders[order].status is OrderStatus.NEW
    hosted._logon(VENUE)
    desk.run_for(0.1)
    hand.cancel(order)
    desk.run_for(0.2)
    assert hand.last(order).exec_type is ExecType.CANCELLED
    assert not hosted.orders
    check_all(desk)


def test_a_gap_in_the_reports_is_asked_about_once(make_desk: MakeDesk) -> None:
    desk = make_desk()
    hand, hosted = desk.strategy("hand"), desk.hosted("hand")
    orders = [hand.buy(hand.instrument, 1_000, hand.quote.bid_ticks - 5_000 - n) for n in range(20)]
    hosted.on_message(VENUE, _numbered(hosted.strategy_id, 9), desk.now_ns)
    hosted.on_message(VENUE, _numbered(hosted.strategy_id, 10), desk.now_ns)
    hosted.on_message(VENUE, _numbered(hosted.strategy_id, 11), desk.now_ns)
    desk.run_for(0.3)
    assert len(desk.logged("report gap")) == 1
    assert [hand.last(order).exec_type for order in orders] == [ExecType.NEW] * 20


def _numbered(strategy_id: str, seq: int) -> ExecutionReport:
    return ExecutionReport(seq, strategy_id, "x", "", "", 0, Side.BUY, ExecType.NEW, OrderStatus.NEW, 1, 1, 0, 1)
