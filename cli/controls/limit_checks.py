"""Controls on each order before it leaves: every limit is tried with an order just inside and one beyond it."""

from pathlib import Path
from typing import Any

from actors.places import risk_actor, trading_names, venue_actor
from cli.controls.control import Control, expect
from cli.controls.desk import SECOND_NS, Desk, make_desk
from cli.simulation.people import PEOPLE, STRANGER, sign
from engine.codes import OrderType, Reason, Side, TimeInForce
from engine.errors import UsageError
from engine.messages import NewOrder, Refusal, StrategyEnable, ThrottleQuery
from engine.order import Order
from risk.enabling import enabling_text
from risk.scope import parse_scope

__all__ = ["LIMIT_CONTROLS"]

_PERCENT_TICKS = 60_000  # the market is about 6,000,000 ticks
_WINDOW_MS = 10_000
_VENUE_REQUESTS = 120


def _answers(desk: Desk, cases: dict[str, tuple[str, str]]) -> None:
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


def _refused_count(cases: dict[str, tuple[str, str]]) -> str:
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
    _answers(desk, cases)
    return f"collar 3 % an order, 2 % over {_WINDOW_MS // 1000} s: {_refused_count(cases)}"


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
    _answers(desk, cases)
    return f"at most 1,000 USDT an order: {_refused_count(cases)}; a market order counts at the far edge of its collar"


def _volume(folder: Path) -> str:
    desk = make_desk(folder, limits={"order_quantity_max": "0.02"})
    cases = {
        "an order of 0.02 BTC": (desk.outcome("one", 2_000), "NEW"),
        "an order of 0.02001 BTC": (desk.outcome("one", 2_001), "ORDER_QUANTITY"),
        "an order of 900 BTC": (desk.outcome("one", 90_000_000), "ORDER_QUANTITY"),
    }
    _answers(desk, cases)
    return f"at most 0.02 BTC an order: {_refused_count(cases)}"


def _messages(folder: Path) -> str:
    (folder / "rates").mkdir()
    burst, free = 6, 20
    limits: dict[str, str | int] = {
        "orders_per_second_max": 1,
        "orders_burst_max": burst,
        "replaces_per_second_max": 1,
        "replaces_burst_max": 2,
        "messages_per_trade_max": 1,
        "messages_free": free,
    }
    desk = make_desk(folder / "rates", limits=limits)
    hand = desk.hand("one")
    desk.run_for(30)  # until what may be sent at once may be
    orders = [desk.place("one") for _ in range(burst + 2)]
    desk.run_for(0.1)
    refused = [hand.state_of(order) for order in orders[burst:]]
    expect(refused == ["ORDER_RATE"] * 2, f"beyond a burst of {burst} orders, two more are {refused}")
    replaced = [hand.replace(orders[0], 1_000, hand.quote.bid_ticks - 150_000)]
    desk.run_for(0.1)
    for number in range(2):
        replaced.append(hand.replace(replaced[number], 1_000, hand.quote.bid_ticks - 160_000))
        desk.run_for(0.05)
    states = [hand.state_of(order) for order in replaced]
    expect(states[-1] == "REPLACE_RATE", f"three replacements with a burst of 2 are {states}")
    sent = burst + 2 + len(hand.open_orders)
    for order in list(hand.open_orders):
        hand.cancel(order)
    desk.run_for(8)
    later = []
    for _ in range(free - sent + 1):
        desk.run_for(1.1)
        later.append(desk.outcome("one"))
    expect(
        later == ["NEW"] * (free - sent) + ["ORDER_TO_TRADE"],
        f"of {free} messages a day {sent} were spent, cancels among them; then: {', '.join(later)}",
    )
    (folder / "reserved").mkdir()
    return (
        f"{_reserved(folder / 'reserved')}; order, replacement and cancel each counted: the first two "
        f"refused beyond their rate, orders after {free} messages of any kind in a day"
    )


def _reserved(folder: Path) -> str:
    desk = make_desk(folder, venue_requests=_VENUE_REQUESTS, limits={"open_orders_max": 500})
    hand = desk.hand("one")
    orders = [desk.place("one", away=100_000 + number) for number in range(200)]
    desk.run_for(1)
    states = [hand.state_of(order) for order in orders]
    resting, refused = states.count("NEW"), states.count("VENUE_RATE_LIMIT")
    expect(refused and resting + refused == len(orders), f"200 orders at once: {resting} rest, {refused} refused")
    for order in orders * 2:
        if hand.state_of(order) == "NEW":
            hand.cancel(order)
            hand.cancel(order)
    desk.run_for(0.5)
    still = desk.open_at("alpha")
    desk.press("global", seconds=2)
    expect(not desk.open_at("alpha"), f"two seconds after the kill {desk.open_at('alpha')} of {still} orders are open")
    desk.run_for(330)
    expect(desk.receipt.complete, "the kill is not confirmed when the venue answers again")
    return (
        f"strategies sent until the venue's {_VENUE_REQUESTS} requests were spent ({refused} of 200 orders "
        "refused), and a "
        f"kill's own share cancelled the {still} left; confirmed with the venue's next window"
    )


def _counted_at_once(folder: Path) -> str:
    desk = make_desk(folder, limits={"open_orders_max": 2, "long_position_max": "0.03"})
    hand, gate = desk.hand("one"), desk.venue("alpha").gate
    burst = [desk.place("one") for _ in range(3)]
    desk.run_for(0.2)
    states = [hand.state_of(order) for order in burst]
    expect(states == ["NEW", "NEW", "OPEN_ORDERS"], f"of three orders in one instant, with two allowed: {states}")
    hand.cancel(burst[0])
    desk.run_for(0.2)
    outcome = desk.outcome("one", 2_500)
    expect(outcome == "LONG_POSITION", f"0.01 BTC open and 0.025 more, with 0.03 allowed: {outcome}")
    hand.cancel(burst[1])
    desk.run_for(0.2)
    expect(gate.open_orders == 0, f"{gate.open_orders} orders are reserved when all are cancelled")
    desk.cut_off(venue_actor("alpha"), desk.exchange_host("alpha"))
    lost = desk.place("one", 2_500)
    desk.run_for(2)
    expect(hand.state_of(lost) == "OUTCOME_UNKNOWN", f"an order whose fate is unknown is {hand.state_of(lost)}")
    expect(gate.open_orders == 1, f"an order whose fate is unknown counts as {gate.open_orders}")
    desk.reconnect()
    desk.run_for(60)
    expect(hand.state_of(lost) == "NEVER_REACHED_VENUE", f"asked for, it is {hand.state_of(lost)}")
    expect(gate.open_orders == 0, "it is counted after it has ended")
    outcome = desk.outcome("one", 2_500)
    expect(outcome == "NEW", f"what it had reserved is not free again: {outcome}")
    return (
        "three orders in one instant with two allowed: the third refused before any answer; an order of unknown fate "
        "counted until the venue was asked; released once"
    )


def _throttle(folder: Path) -> str:
    desk = make_desk(folder, limits={"executions_max": 3, "executions_window_ms": 10_000})
    outcomes = []
    for _ in range(8):
        outcomes.append(desk.outcome("one", 1_000, away=-6_000))
    fills = desk.venue("alpha").blotter.counters()["fills"]
    expect(outcomes[-1] == "EXECUTION_THROTTLE", f"after {fills} executions with 3 allowed, an order is {outcomes[-1]}")
    desk.run_for(50)
    outcome = desk.outcome("one")
    expect(outcome == "EXECUTION_THROTTLE", f"five windows later, with nobody asked, an order is {outcome}")
    desk.restart(venue_actor("alpha"))
    desk.run_for(10)
    outcome = desk.outcome("one")
    expect(outcome == "EXECUTION_THROTTLE", f"after a restart, with nobody asked, an order is {outcome}")
    (waiting,) = desk.ask(ThrottleQuery(), risk_actor("desk")).throttled
    expires_ns = desk.wall_ns + 60 * SECOND_NS
    for signer in (STRANGER, PEOPLE[1]):
        forged = sign(signer, enabling_text(waiting, expires_ns))
        answer = desk.ask(StrategyEnable(waiting, PEOPLE[0], expires_ns, forged), risk_actor("desk"))
        expect(answer.refusal, f"{signer} can enable it in the name of {PEOPLE[0]}")
    signed = sign(PEOPLE[0], enabling_text(waiting, expires_ns))
    answer = desk.ask(StrategyEnable(waiting, PEOPLE[0], expires_ns, signed), risk_actor("desk"))
    expect(not answer.refusal, f"a designated person cannot enable it: {answer.refusal}")
    outcome = desk.outcome("one")
    expect(outcome == "NEW", f"enabled by a designated person, its order is {outcome}")
    return (
        f"stopped at {fills} executions with 3 allowed; five windows and a restart later still stopped; two forged "
        "signatures refused; trades again when a designated person has signed"
    )


def _capital(folder: Path) -> str:
    cases: dict[str, tuple[str, str]] = {}
    tries: list[tuple[str, dict[str, str | int], str]] = [
        ("gross notional", {"gross_notional_max": "1000"}, "GROSS_NOTIONAL"),
        ("net notional", {"net_notional_max": "1000"}, "NET_NOTIONAL"),
        ("long position", {"long_position_max": "0.015"}, "LONG_POSITION"),
        ("a strategy's position", {"position_notional_max": "1000"}, "STRATEGY_POSITION"),
        ("a strategy's gross", {"strategy_gross_max": "1000"}, "STRATEGY_NOTIONAL"),
    ]
    for number, (what, limits, reason) in enumerate(tries):
        inner = folder / str(number)
        inner.mkdir()
        desk = make_desk(inner, limits=limits)
        cases[f"{what}: an order within"] = (desk.outcome("one", 1_000), "NEW")
        cases[f"{what}: one more, together beyond"] = (desk.outcome("one", 1_000), reason)
        _answers(desk, cases)
    (folder / "loss").mkdir()
    desk = make_desk(folder / "loss", limits={"daily_loss_max": "5"})
    desk.take("one", 100_000)
    quote = desk.hand("one").quote
    desk.venue("alpha").gate.on_quote(0, quote.bid_ticks - 1_000, quote.ask_ticks - 1_000, desk.now_ns)
    order = desk.place("one")
    desk.run_for(0.001)
    cases["1 BTC bought, its price 10 USDT lower, 5 allowed to be lost: an order"] = (
        desk.hand("one").state_of(order),
        "DAILY_LOSS",
    )
    _answers(desk, cases)
    return f"{_refused_count(cases)}: gross, net, position, a strategy's position and gross, daily loss"


def _aggregate(folder: Path) -> str:
    used = []
    for limit, reason in (("gross_notional_max", "GROSS_NOTIONAL"), ("net_notional_max", "NET_NOTIONAL")):
        (folder / limit).mkdir()
        used.append(_used_together(folder / limit, limit, reason))
    return (
        f"one account at two venues, 120 orders of 590 USDT, at most 20,000 gross and then net: {used[0]:,.0f} and "
        f"{used[1]:,.0f} USDT open by the exchanges' books"
    )


def _used_together(folder: Path, limit: str, reason: str) -> float:
    """What two venue actors of one account have open in the end, in USDT, when both send all they can."""
    venues = {"alpha": "desk", "beta": "desk"}
    desk = make_desk(folder, venues, {"one": "alpha", "two": "beta"}, limits={limit: "20000"})
    for number in range(60):
        for strategy in ("one", "two"):
            desk.place(strategy, 1_000, away=100_000 + number)
        desk.run_for(0.25)
    total = sum(
        record.leaves_lots * record.terms.price_ticks / 10**7
        for venue in venues
        for record in desk.orders_at(venue)
        if record.is_open
    )
    expect(total <= 20_000, f"{total:,.0f} USDT are open over both venues, 20,000 allowed")
    expect(total >= 10_000, f"only {total:,.0f} USDT of 20,000 could be used")
    last = desk.outcome("one", 1_000)
    expect(last == reason, f"beyond it an order is {last}")
    return total


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
    _answers(desk, cases)
    return f"{_refused_count(cases)}: size, price, repeat within 500 ms, and 20 of 30 orders at once"


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
        10,
        "maximum messages, cancels counted",
        "R6-15(1)(d)",
        "No more than a set number of messages for submitting, changing and cancelling is sent; and a kill can "
        "still cancel.",
        "Orders and replacements beyond their rates, cancels beyond a day's messages; then everything that the "
        "venue lets one send is spent, and a kill is pressed.",
        _messages,
    ),
    Control(
        11,
        "orders sent count at once",
        "R6-15(2)",
        "All orders sent are counted into the limits immediately.",
        "Three orders in one instant; an order that is lost on its way to the venue.",
        _counted_at_once,
    ),
    Control(
        12,
        "repeated execution throttle",
        "R6-15(3)",
        "A strategy that was applied a set number of times is disabled until a designated person enables it again.",
        "A strategy trades too often, waits five windows, and its venue actor is restarted. People with and "
        "without the right then enable it.",
        _throttle,
    ),
    Control(
        13,
        "market and credit risk limits",
        "R6-15(4)-(5)",
        "Limits on market and credit risk fit the firm's capital; traders are held to what they are permitted.",
        "Gross, net, position, a strategy's position and gross, and the daily loss are each reached and exceeded.",
        _capital,
        missing="a limit over all accounts of the firm; permissions of single traders",
    ),
    Control(
        21,
        "no order over credit or capital thresholds",
        "MA (c)(1)(i)",
        "No order that exceeds pre-set thresholds, in aggregate for each customer and for the firm, is entered.",
        "Two venue actors share one account's limit and both send until they are refused.",
        _aggregate,
        missing="a threshold over all accounts of the firm: a customer's is an account's, and that holds",
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
