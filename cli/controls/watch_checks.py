"""Controls on watching: what is seen while trading goes on, how soon, and what happens when nobody looks."""

from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest

from actors.places import KILL_SWITCH, risk_actor, venue_actor
from cli.controls.control import Control, expect
from cli.controls.desk import MS, Desk, make_desk
from cli.metrics import HostCollector
from engine.codes import Side
from engine.messages import KillReceipt

__all__ = ["WATCH_CONTROLS"]


def _trigger(kind: str, **keys: str | int) -> str:
    lines = {"kind": kind, "scope": "global", "mode": "cancel", "consecutive": 2, **keys}
    text = (f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {value}" for key, value in lines.items())
    return "\n[[triggers]]\n" + "\n".join(text) + "\n"


def _wait_for_kill(desk: Desk, seconds: float) -> int:
    """Until something is latched, at most so long; in virtual ms."""
    began_ns = desk.now_ns
    while not desk.latch.kills():
        expect(desk.now_ns - began_ns < seconds * 1e9, f"nothing was killed within {seconds:g} s")
        desk.run_for(0.01)
    return (desk.now_ns - began_ns) // MS


def _pressed(desk: Desk, by: str) -> KillReceipt:
    (kill,) = desk.kill_switch.receipts()
    expect(kill.trigger == by, f"the kill was pressed by {kill.trigger}, not by {by}")
    expect(kill.evidence, "the kill carries no evidence")
    return kill


def _monitoring(folder: Path) -> str:
    desk = make_desk(folder, toml=_trigger("stale_market_data", age_ms_max=1000))
    registry = CollectorRegistry()
    registry.register(HostCollector(desk.config))
    before = generate_latest(registry).decode()
    expect('kill_switch_state{scope="global"} 0.0' in before, "the metrics do not say that nothing is killed")
    desk.cut_off(venue_actor("alpha"), desk.exchange_host("alpha"))
    took_ms = _wait_for_kill(desk, 5)
    after = generate_latest(registry).decode()
    expect('kill_switch_state{scope="global"} 4.0' in after, "the first scrape after a kill does not show it")
    _pressed(desk, "stale_market_data")
    return (
        f"market data lost: killed {took_ms:,} virtual ms later, 1,000 of them the threshold; the next scrape shows "
        "the kill"
    )


def _exposure(folder: Path) -> str:
    venues = {"alpha": "desk", "beta": "fund"}
    desk = make_desk(folder, venues, {"one": "alpha", "two": "alpha", "three": "beta"})
    for number, strategy in enumerate(("one", "two", "three", "one")):
        desk.take(strategy, (number + 1) * 5_000)
        desk.rest(strategy, 2)
        for venue in venues:
            gate, exchange = desk.venue(venue).gate, desk.exchange(venue).exchange
            ours = gate.position_lots(desk.venue(venue).settings.instrument_ids[0])
            signs = {Side.BUY: 1, Side.SELL: -1}
            theirs = sum(signs[record.terms.side] * record.cum_lots for record in desk.orders_at(venue))
            expect(ours == theirs, f"at {venue} we hold {ours} lots by our books and {theirs} by the exchange's")
            open_there = exchange.orders.open_orders("ours", "BTCUSDT")
            expect(
                gate.open_orders == len(open_there),
                f"{gate.open_orders} orders are open by our books, {len(open_there)} there",
            )
    positions = {each: desk.hand(each).position_lots(desk.hand(each).instrument) for each in ("one", "two", "three")}
    expect(positions == {"one": 25_000, "two": 10_000, "three": 15_000}, f"by strategy: {positions}")
    desk.run_for(2.5)
    worth = {
        "strategy:one": _worth(desk, "alpha", 25_000),
        "strategy:two": _worth(desk, "alpha", 10_000),
        "account:desk": _worth(desk, "alpha", 35_000),
        "account:fund": _worth(desk, "beta", 15_000),
    }
    worth["firm:USDT"] = worth["account:desk"] + worth["account:fund"]
    shown = {
        **_exposures(desk, risk_actor("desk")),
        **_exposures(desk, risk_actor("fund")),
        **_exposures(desk, KILL_SWITCH),
    }
    for holder, value in worth.items():
        seen = shown.get(holder, 0)
        expect(
            abs(seen - value) <= value / 1000,
            f"the exposure of {holder} is shown as {seen:,.0f} and is {value:,.0f} USDT",
        )
    return (
        "positions and open orders of 2 accounts and 3 strategies equal to the exchanges' own books after each of "
        "4 rounds; "
        f"net exposure of strategies, accounts and firm ({shown['firm:USDT']:,.0f} USDT) within 0.1 % of these at "
        "the middle, at most 2.5 s later"
    )


def _worth(desk: Desk, venue: str, lots: int) -> float:
    """At the middle of the exchange's own market, in USDT."""
    market = desk.exchange(venue).exchange.listings["BTCUSDT"].market
    bid_ticks, _, ask_ticks, _ = market.best()
    return lots * (bid_ticks + ask_ticks) / 2 / 10**7


def _exposures(desk: Desk, actor: str) -> dict[str, float]:
    """Net, in USDT, by whose it is: what an exporter would show of the actor."""
    prefix = "exposure_net|"
    counters = desk.counter_pages[actor].read().values
    return {name.removeprefix(prefix): nanos / 10**9 for name, nanos in counters.items() if name.startswith(prefix)}


def _reconciled(folder: Path) -> str:
    desk = make_desk(folder, toml=_trigger("position_mismatch", mismatch_max="0.0001"))
    desk.take("one", 20_000)
    desk.take("one", -5_000)
    desk.run_for(5)
    expect(not desk.latch.kills(), "fills of our own look like a difference from the venue's record")
    lots = desk.exchange("alpha").trade_as_stranger(Side.SELL, 1_000, desk.now_ns)
    expect(lots == 1_000, "the exchange did not trade the stranger's order")
    took_ms = _wait_for_kill(desk, 10)
    kill = _pressed(desk, "position_mismatch")
    expect(desk.venue("alpha").status().counters["foreign_events"], "the stranger's order was not noticed")
    return (
        f"0.01 BTC traded on the account by somebody else: killed {took_ms:,} virtual ms later "
        f"({kill.evidence[:60]}…); fills of our own raise nothing"
    )


def _surveillance(folder: Path) -> str:
    desk = make_desk(folder, limits={"messages_per_trade_max": 2, "messages_free": 20})
    hand = desk.hand("one")
    layers = []
    for number in range(12):
        layers.append(desk.outcome("one", away=100_000 + number))
        hand.cancel_all()
        desk.run_for(0.2)
    expect(
        layers[0] == "NEW" and layers[-1] == "ORDER_TO_TRADE", f"orders that are cancelled again and again: {layers}"
    )
    return (
        f"layers placed and cancelled without a trade: refused as ORDER_TO_TRADE after {layers.count('NEW')} of "
        "them, 20 messages being free"
    )


def _nobody_looks(folder: Path) -> str:
    desk = make_desk(folder, toml=_trigger("reject_storm", rejects_max=10, window_ms=10_000))
    hand = desk.hand("one")
    resting = desk.rest("one", 3)
    for _ in range(200):
        if desk.latch.kills():
            break
        hand.buy(hand.instrument, 1_000, hand.quote.ask_ticks + 1_000, post_only=True)
        desk.run_for(0.05)
    sent = len(hand.reports) - len(resting)
    expect(desk.latch.kills(), "200 orders were rejected by the venue, and nothing was killed")
    desk.run_for(2)
    _pressed(desk, "reject_storm")
    expect(not desk.open_at("alpha"), f"{desk.open_at('alpha')} orders are open after it")
    return (
        f"every order rejected by the venue, nobody looking: killed after {sent} of them (10 allowed), 3 resting "
        "orders cancelled"
    )


WATCH_CONTROLS = (
    Control(
        16,
        "real-time monitoring, alerts within 5 s",
        "R6-16(1),(5)",
        "The trader and an independent risk function watch in real time; alerts come within five seconds of the event.",
        "Market data is lost under a trigger; the metrics are scraped before and after.",
        _monitoring,
        missing="alerts to people: Prometheus rules are shown in docs/observability.md and not shipped, and "
        "nothing pushes",
    ),
    Control(
        17,
        "post-trade controls, exposure in real time",
        "R6-17(1)-(3); ESMA",
        "Post-trade controls run all the time; exposure of the firm, each trader and each client can be computed "
        "in real time.",
        "Three strategies of two accounts trade; after each round our books are held against the exchanges', "
        "then the exposures that are shown.",
        _exposure,
        missing="exposure by trader: what an order is known by is its strategy",
    ),
    Control(
        18,
        "reconciled with the venue in real time",
        "ESMA",
        "Own records are reconciled with the venue's in real time where it gives them in real time.",
        "Somebody else trades on our account.",
        _reconciled,
    ),
    Control(
        19,
        "automated surveillance",
        "R6-13",
        "All orders are watched for market abuse by a system.",
        "Orders are placed and cancelled again and again without a trade.",
        _surveillance,
        missing="detection of self-trades and layering, and somebody whom it tells; only messages for each trade "
        "are limited",
    ),
    Control(
        29,
        "an alert that nobody reads still stops",
        "KC",
        "An alert reaches somebody who has to acknowledge it, and trading is slowed or stopped when nobody does.",
        "Every order is rejected by the venue, and nobody looks.",
        _nobody_looks,
        missing="paging, acknowledgement and escalation of alerts; a trigger does not wait for them and kills by "
        "itself",
    ),
)
