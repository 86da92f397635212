"""Controls on one order before it leaves: every limit is tried with an order just inside and one beyond it."""

from pathlib import Path
from typing import Any

from actors.places import trading_names
from cli.controls.control import Control, expect
from cli.controls.desk import SECOND_NS, Desk, make_desk
from engine.codes import OrderType, Reason, Side, TimeInForce
from engine.errors import UsageError
from engine.messages import NewOrder, Refusal
from engine.order import Order
from risk.scope import parse_scope

__all__ = ["LIMIT_CONTROLS", "answers", "refused_count"]

_PERCENT_TICKS = 60_000  # the market is about 6,000,000 ticks
_WINDOW_MS = 10_000


def answers(desk: Desk, cases: dict[str, tuple[str, str]]) -> None:
    """``cases``: what was sent → what became of it, what should. Also: nothing that was refused has reached a venue."""
    for what, (outcome, wanted) in cases.items():
        expect(outcome == wanted, f"{what} is {outcome or 'unanswered'}, not {wanted}")
    for venue in desk.venues:
        refused = {
            name
            for strategy in desk.config.strategies
            for name, told in desk.hand(strategy.id).reports.items()
            if told[-1].refusal is not None
            and Reason.ORDER_QUANTITY <= told[-1].refusal.reason < Reason.ORDER_QUEUE_FULL
        }
        reached = refused & {record.terms.client_order_id for record in desk.orders_at(venue)}
        expect(not reached, f"{len(reached)} refused order(s) have reached {venue}")


def refused_count(cases: dict[str, tuple[str, str]]) -> str:
    """In words, for the evidence."""
    return (
        f"{sum(wanted != 'NEW' for _, wanted in cases.values())} refused, "
        f"{sum(wanted == 'NEW' for _, wanted in cases.values())} passed"
    )


def _collars(folder: Path) -> str:
    limits: dict[str, str | int] = {"price_collar_bps": 300, "window_collar_bps": 200, "window_ms": _WINDOW_MS}
    desk = make_desk(folder, limits=limits)
    cases = {
        "a buy 2 % below the market": (desk.outcome("one", away=2 * _PERCENT_TICKS), "NEW"),
        "a buy 4 % below the market": (desk.outcome("one", away=4 * _PERCENT_TICKS), "PRICE_COLLAR"),
        "a buy 4 % above the market": (desk.outcome("one", away=-4 * _PERCENT_TICKS), "PRICE_COLLAR"),
        "a sell 4 % below the market": (desk.outcome("one", away=-4 * _PERCENT_TICKS, sell=True), "PRICE_COLLAR"),
        "a buy 2.5 % above the market": (desk.outcome("one", away=-5 * _PERCENT_TICKS // 2), "PRICE_COLLAR_WINDOW"),
    }
    quote = desk.hand("one").quote
    crash = 3 * _PERCENT_TICKS
    desk.venue("alpha").gate.on_quote(0, quote.bid_ticks - crash, quote.ask_ticks - crash, desk.now_ns)
    desk.run_for(0.5)
    cases["a buy at the market, 3 % above where it was a moment ago"] = (
        desk.outcome("one", away=0),
        "PRICE_COLLAR_WINDOW",
    )
    desk.run_for(1.5 * _WINDOW_MS / 1000)
    cases["the same when that is out of the window"] = (desk.outcome("one", away=1), "NEW")
    answers(desk, cases)
    return f"collar 3 % an order, 2 % over {_WINDOW_MS // 1000} s: {refused_count(cases)}"


def _value(folder: Path) -> str:
    desk = make_desk(folder, limits={"order_notional_max": "1000"})
    hand = desk.hand("one")
    market = hand.buy(hand.instrument, 1_620, order_type=OrderType.MARKET)
    desk.run_for(0.2)
    cases = {
        "an order for 590 USDT": (desk.outcome("one", 1_000), "NEW"),
        "an order for 1,200 USDT": (desk.outcome("one", 2_040), "ORDER_NOTIONAL"),
        "a market order for 970 USDT that may cost 1,020 within the collar": (hand.state_of(market), "ORDER_NOTIONAL"),
    }
    answers(desk, cases)
    return f"at most 1,000 USDT an order: {refused_count(cases)}; a market order counts at the far edge of its collar"


def _volume(folder: Path) -> str:
    desk = make_desk(folder, limits={"order_quantity_max": "0.02"})
    cases = {
        "an order of 0.02 BTC": (desk.outcome("one", 2_000), "NEW"),
        "an order of 0.02001 BTC": (desk.outcome("one", 2_001), "ORDER_QUANTITY"),
        "an order of 900 BTC": (desk.outcome("one", 90_000_000), "ORDER_QUANTITY"),
    }
    answers(desk, cases)
    return f"at most 0.02 BTC an order: {refused_count(cases)}"


def _erroneous(folder: Path) -> str:
    desk = make_desk(
        folder,
        limits={
            "duplicate_window_ms": 500,
            "order_quantity_max": "0.05",
            "strategy_burst_max": 10,
            "strategy_per_second_max": 1,
        },
    )
    hand = desk.hand("one")
    price = hand.quote.ask_ticks - 100_000
    twins = [hand.buy(hand.instrument, 1_000, price) for _ in range(2)]
    desk.run_for(0.2)
    cases = {
        "an order": (hand.state_of(twins[0]), "NEW"),
        "the same again at once": (hand.state_of(twins[1]), "DUPLICATE_ORDER"),
        "one of 0.06 BTC with 0.05 allowed": (desk.outcome("one", 6_000), "ORDER_QUANTITY"),
        "one 10 % above the market": (desk.outcome("one", away=-600_000), "PRICE_COLLAR"),
    }
    desk.run_for(0.5)
    again = hand.buy(hand.instrument, 1_000, price)
    desk.run_for(0.2)
    cases["the same half a second later"] = (hand.state_of(again), "NEW")
    desk.run_for(20)
    flood = [desk.place("one", away=100_000 + number) for number in range(30)]
    desk.run_for(0.2)
    states = [hand.state_of(order) for order in flood]
    expect(states.count("NEW") == 10, f"of 30 orders at once with 10 allowed, {states.count('NEW')} pass")
    cases["the eleventh of 30 orders at once"] = (states[10], "STRATEGY_RATE")
    answers(desk, cases)
    return f"{refused_count(cases)}: size, price, repeat within 500 ms, and 20 of 30 orders at once"


def _absent(folder: Path) -> str:
    desk = make_desk(folder)
    gate = desk.venue("alpha").gate
    quote = desk.hand("one").quote
    order: dict[str, Any] = {
        "client_order_id": "control-1",
        "account_id": "desk",
        "strategy_id": "one",
        "instrument_id": 0,
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "time_in_force": TimeInForce.GTC,
        "quantity_lots": 1_000,
        "price_ticks": quote.bid_ticks,
    }
    wrong: list[dict[str, Any]] = [
        *({"price_ticks": value} for value in (float("nan"), float("inf"), None, "1", 0, -1, 2**63)),
        *({"quantity_lots": value} for value in (float("nan"), float("-inf"), None, 0, -1, 2**63)),
        {"strategy_id": "", "client_order_id": "control-2"},
        {"strategy_id": "nobody"},
        {"instrument_id": -1},
        {"instrument_id": 7},
        {"side": 3},
    ]
    for changes in wrong:
        answer = gate.check(Order.from_new(NewOrder(**(order | changes))), desk.now_ns)
        expect(isinstance(answer, Refusal), f"an order with {changes} passes the gate")
    gate.on_quote(0, quote.bid_ticks, 0, desk.now_ns)
    answer = gate.check(Order.from_new(NewOrder(**order)), desk.now_ns)
    expect(
        isinstance(answer, Refusal) and answer.reason is Reason.NO_REFERENCE_PRICE, "no reference price, and it passes"
    )
    gate.on_quote(0, quote.bid_ticks, quote.ask_ticks, desk.now_ns)
    answer = gate.check(Order.from_new(NewOrder(**order)), desk.now_ns + 60 * SECOND_NS)
    expect(isinstance(answer, Refusal), "a reference price of a minute ago, and it passes")
    blank = ["", " ", "venue:", "account:", "strategy:", "venue:nowhere", "GLOBAL", "*", "global+", "+"]
    for scope in blank:
        try:
            parse_scope(scope, trading_names(desk.config))
        except UsageError:
            continue
        expect(False, f"a kill of scope {scope!r} is taken")
    expect(not desk.latch.kills(), "something was killed by a blank scope")
    return (
        f"{len(wrong)} orders with NaN, infinities, nothing or nobody in a field refused, 2 without a fresh "
        f"reference price, {len(blank)} blank or unknown scopes"
    )


def _no_way_round(folder: Path) -> str:
    desk = make_desk(folder, limits={"order_notional_max": "1000", "gross_notional_max": "58000"})
    basket = [desk.place("one", 100_000, away=100_000 + number) for number in range(100)]
    desk.run_for(0.3)
    states = {desk.hand("one").state_of(order) for order in basket}
    expect(states == {"ORDER_NOTIONAL"}, f"100 orders of 59,000 USDT each with 1,000 allowed are {states}")
    sliced = [desk.place("one", 1_500, away=100_000 + number) for number in range(150)]
    desk.run_for(0.5)
    passed = [desk.hand("one").state_of(order) for order in sliced].count("NEW")
    value = sum(r.leaves_lots * r.terms.price_ticks / 10**7 for r in desk.orders_at("alpha") if r.is_open)
    expect(value <= 58_000, f"in slices, {value:,.0f} USDT get out with 58,000 allowed")
    return (
        f"a basket 100 times too large: all 100 refused; in slices, {passed} of 150 pass and stop at {value:,.0f} "
        "of 58,000 USDT"
    )


LIMIT_CONTROLS = (
    Control(
        7,
        "price collars, per order and over a period",
        "R6-15(1)(a)",
        "An order whose price is out of set bounds is blocked or cancelled, for each instrument, order by order "
        "and over a period.",
        "Orders inside and outside both collars; the market is 3 % lower for a moment, and an order at the market "
        "is tried again.",
        _collars,
    ),
    Control(
        8,
        "maximum order value",
        "R6-15(1)(b)",
        "No order of more than a set value enters the book.",
        "Limit orders and a market order around the limit.",
        _value,
    ),
    Control(
        9,
        "maximum order volume",
        "R6-15(1)(c)",
        "No order of more than a set size enters the book.",
        "Orders at, one lot above and far above the limit.",
        _volume,
    ),
    Control(
        22,
        "no erroneous or duplicate orders",
        "MA (c)(1)(ii)",
        "Orders beyond price or size bounds, order by order or over a short time, and duplicates are rejected.",
        "The same order twice, too large, too far from the market, and 30 at once.",
        _erroneous,
    ),
    Control(
        35,
        "what is absent or not a number is refused",
        "engineering reading",
        "A number that is none, a reference price that is missing or old, an account or scope that is not named "
        "never passes and never widens.",
        "Orders with each of these straight into the gate; blank and unknown scopes into the kill switch's reader.",
        _absent,
    ),
    Control(
        36,
        "no warning that can be dismissed as the only control",
        "FCA and PRA on Citi, 2024",
        "A basket far beyond what was meant is stopped by a hard limit, not by a message that one clicks away.",
        "A basket a hundred times too large, whole and in slices.",
        _no_way_round,
    ),
)
