"""Controls on many orders together: what counts over time, over an account, and until when."""

from pathlib import Path

from actors.places import risk_actor, venue_actor
from cli.controls.control import Control, expect
from cli.controls.desk import SECOND_NS, make_desk
from cli.controls.limit_checks import answers, refused_count
from cli.simulation.people import PEOPLE, STRANGER, sign
from engine.messages import StrategyEnable, ThrottleQuery
from risk.enabling import enabling_text

__all__ = ["AGGREGATE_CONTROLS"]

_VENUE_REQUESTS = 120


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
        answers(desk, cases)
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
    answers(desk, cases)
    return f"{refused_count(cases)}: gross, net, position, a strategy's position and gross, daily loss"


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


AGGREGATE_CONTROLS = (
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
)
