"""Exposure in real time: of strategies, accounts and the firm, from what venue actors tell, against what is true."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trading_desk import KILL_SWITCH, RISK, VENUE, Desk, MakeDesk, strategy

from actors.account_exposure import ExposureBook, ExposureScope, money
from actors.firm_exposure import FirmExposure
from actors.risk import RiskActor
from engine.messages import AccountExposure, InstrumentTelemetry, StrategyTelemetry, VenueTelemetry
from risk.exposure import Exposure, Holder

NANOS = 10**9
SCOPE = ExposureScope("desk", "USDT", ("one", "two"), ("venue.a:BTCUSDT", "venue.a:ETHBTC", "venue.b:BTCUSDT"))
ACCOUNT, ONE, TWO = Holder("desk"), Holder("desk", "one"), Holder("desk", "two")


def telemetry(actor: str, *instruments: InstrumentTelemetry) -> VenueTelemetry:
    return VenueTelemetry(actor, 1, 1, "", 0, 0, 0, 0, 0, 0, 0, instruments)


def seen(
    symbol: str = "BTCUSDT", bid: int = 99, ask: int = 101, *held: StrategyTelemetry, **more: Any
) -> InstrumentTelemetry:
    """A tick is 0.1 of the quote asset, a lot 0.01 of the base asset."""
    base, quote = symbol[:3], symbol[3:]
    fields = {"base_asset": base, "lot_units": 1, "lot_scale": 2, "strategies": held, **more}
    return InstrumentTelemetry(0, symbol, quote, 0, 0, bid, ask, 1, 3, 0, 0, 0, **fields)


HELD = st.lists(
    st.builds(
        StrategyTelemetry,
        st.sampled_from(["one", "two", "gone", "older"]),
        st.integers(-50, 50),
        st.integers(-(10**4), 10**4),
        st.integers(0, 20),
        st.integers(0, 20),
    ),
    max_size=4,
    unique_by=lambda each: each.strategy_id,
)
ROUNDS = st.lists(
    st.tuples(
        st.sampled_from(["venue.a", "venue.b"]),
        st.tuples(st.integers(0, 120), st.integers(0, 120), HELD),
        st.tuples(st.integers(0, 120), st.integers(0, 120), HELD),
    ),
    min_size=1,
    max_size=12,
)


def naive(latest: dict[str, VenueTelemetry], marks: dict[str, Fraction]) -> Exposure:
    """The account's, from the newest telemetry alone; every lot at its mark."""
    net = gross = worst = pnl = 0
    for actor, told in latest.items():
        for each in told.instruments:
            mark = int(marks.get(f"{actor}:{each.symbol}", Fraction(0)) * NANOS)
            position = sum(one.position_lots for one in each.strategies)
            buys, sells = (sum(getattr(one, name) for one in each.strategies) for name in ("buy_lots", "sell_lots"))
            net += position * mark
            gross += abs(position) * mark
            worst += max(abs(position + buys), abs(position - sells)) * mark
            pnl += position * mark - sum(one.cost_tick_lots for one in each.strategies) * NANOS // 1_000
    return Exposure(net, gross, worst, pnl)


@settings(deadline=None, max_examples=80)
@given(ROUNDS)
def test_it_is_what_the_newest_telemetry_adds_up_to(rounds: list[Any]) -> None:
    book = ExposureBook(SCOPE)
    latest: dict[str, VenueTelemetry] = {}
    marks: dict[str, Fraction] = {}
    for actor, (bid, ask, held), _ in rounds:
        line = seen("BTCUSDT", bid, ask, *held)
        if held and not (bid or ask):
            continue  # it would be named as without a price: tested below
        latest[actor] = telemetry(actor, line)
        if bid or ask:
            marks[f"{actor}:BTCUSDT"] = Fraction((bid or ask) + (ask or bid), 2) / 1_000
        book.hear(latest[actor])
    expected = naive(latest, marks)
    assert book.of(ACCOUNT)[:3] == expected[:3]
    assert abs(book.of(ACCOUNT).pnl_nanos - expected.pnl_nanos) <= 8, "each strategy's cost is rounded down"
    of_all = [book.of(Holder("desk", name)) for name in ("one", "two", "-")]
    assert sum(each.net_nanos for each in of_all) == expected.net_nanos
    assert sum(each.pnl_nanos for each in of_all) == book.of(ACCOUNT).pnl_nanos
    assert book.message().assets == ({"BTC": expected.net_nanos} if expected.net_nanos else {})
    assert not book.unpriced


def test_another_quote_asset_is_converted_at_its_own_price_and_follows_it() -> None:
    book = ExposureBook(SCOPE)
    eth = seen("ETHBTC", 4, 6, StrategyTelemetry("one", 100, 400, 0, 100))
    book.hear(telemetry("venue.a", eth))
    assert book.of(ACCOUNT) == Exposure(0, 0, 0, 0)
    assert list(book.unpriced) == ["venue.a:ETHBTC"]
    assert "WITHOUT venue.a:ETHBTC" in book.details()["exposure:account:desk"]
    for bid, ask in ((99, 101), (199, 201)):
        book.hear(telemetry("venue.b", seen("BTCUSDT", bid, ask)))
        price = (bid + ask) // 2 * NANOS // 10  # of a coin
        assert not book.unpriced
        # 1 ETH at 0.5 BTC, bought for 0.4; all of it may be sold, and no more
        assert book.of(ONE) == Exposure(price // 2, price // 2, price // 2, price // 10)
        assert book.message().assets == {"ETH": price // 2}


def test_what_is_long_at_one_venue_and_short_at_another_nets_by_asset_and_not_in_gross() -> None:
    """Half a coin each way, in lots of a hundredth at one venue and of a thousandth at the other."""
    book = ExposureBook(SCOPE)
    book.hear(telemetry("venue.a", seen("BTCUSDT", 99, 101, StrategyTelemetry("one", 50, 0, 0, 0))))
    fine = InstrumentTelemetry(
        0, "BTCUSDT", "USDT", 0, 0, 99, 101, 1, 4, 0, 0, 0, "BTC", 1, 3, (StrategyTelemetry("one", -500, 0, 0, 0),)
    )
    book.hear(telemetry("venue.b", fine))
    assert book.of(ONE) == Exposure(0, 10 * NANOS, 10 * NANOS, 0)
    assert book.message().assets == {}


def test_a_book_without_a_price_is_named_and_the_last_mark_stays() -> None:
    book = ExposureBook(SCOPE)
    held = StrategyTelemetry("two", -10, -1_000, 3, 0)
    book.hear(telemetry("venue.a", seen("BTCUSDT", 99, 101, held)))
    before = book.of(TWO)
    assert before == Exposure(-1 * NANOS, NANOS, NANOS, 0)
    book.hear(telemetry("venue.a", seen("BTCUSDT", 0, 0, held)))
    assert (book.of(TWO), list(book.unpriced)) == (before, ["venue.a:BTCUSDT"])
    book.hear(telemetry("venue.a", seen("BTCUSDT", 0, 110, held)))
    assert (book.of(TWO).pnl_nanos, book.unpriced) == (-NANOS // 10, {})
    book.hear(telemetry("venue.a", seen("BTCUSDT", 99, 101)))
    assert book.of(TWO) == book.of(ACCOUNT) == Exposure(0, 0, 0, 0)


def test_numbers_beyond_what_can_be_counted_are_named_too() -> None:
    book = ExposureBook(SCOPE)
    book.hear(telemetry("venue.a", seen("BTCUSDT", 99, 101, StrategyTelemetry("one", 2**61, 0, 0, 0))))
    assert list(book.unpriced) == ["venue.a:BTCUSDT"]


@pytest.mark.parametrize(("nanos", "text"), [(0, "0.00"), (1_239_000_000, "1.23"), (-1, "-0.01")])
def test_money_is_shown_to_hundredths_rounded_down(nanos: int, text: str) -> None:
    assert money(nanos) == text


def exposure(account: str, currency: str = "USDT", net: int = 5, **more: Any) -> AccountExposure:
    return AccountExposure(account, currency, net * NANOS, 7 * NANOS, 9 * NANOS, -NANOS, {"BTC": net * NANOS}, **more)


def test_the_firm_is_the_sum_of_its_accounts_by_currency_and_says_who_is_silent() -> None:
    firm = FirmExposure({"a": "USDT", "b": "USDT", "c": "EUR"})
    firm.hear("risk.a", exposure("a"), 0)
    firm.hear("risk.b", exposure("b", net=-2), 1)
    firm.hear("risk.c", exposure("c", "EUR", unpriced=("venue.x:BTCEUR",)), 0)
    firm.hear("risk.a", exposure("b", net=1_000), 2)  # not its own
    firm.hear("risk.b", exposure("b", "EUR", net=1_000), 2)  # not what it is counted in
    counters = firm.counters()
    assert {name: counters[f"exposure_{name}|firm:USDT"] // NANOS for name in ("net", "gross", "worst", "pnl")} == {
        "net": 3,
        "gross": 14,
        "worst": 18,
        "pnl": -2,
    }
    details = firm.details(0)
    assert details["exposure:firm:USDT"].startswith(
        "net 3.00, gross 14.00, worst case 18.00, PnL before fees -2.00 USDT"
    )
    assert "in BTC 3.00" in details["exposure:firm:USDT"]
    assert "WITHOUT venue.x:BTCEUR" in details["exposure:firm:EUR"]
    assert "not heard of lately: b" not in details["exposure:firm:USDT"]
    assert "not heard of lately: a" in firm.details(5 * NANOS + 1)["exposure:firm:USDT"]


# -- from end to end ----------------------------------------------------------------------------------------------


def risk(desk: Desk) -> RiskActor:
    actor = desk.actor(RISK)
    assert isinstance(actor, RiskActor)
    return actor


def test_a_trade_and_a_resting_order_are_seen_by_strategy_account_and_firm(make_desk: MakeDesk) -> None:
    desk = make_desk(strategy("hand"), strategy("idle"), strategy("far", venue="second"), more_venues=["second"])
    hand, far = desk.strategy("hand"), desk.strategy("far")
    hand.buy(hand.instrument, 10_000, hand.quote.ask_ticks + 500)
    far.sell(far.instrument, 20_000, far.quote.bid_ticks - 500)
    desk.run_for(0.1)
    hand.buy(hand.instrument, 30_000, hand.quote.bid_ticks - 5_000)
    desk.run_for(2)
    own = risk(desk).exposure.of(Holder("desk", "hand"))
    coin = own.net_nanos * 10
    assert 50_000 * NANOS < coin < 70_000 * NANOS
    assert (own.gross_nanos, own.worst_nanos) == (own.net_nanos, 4 * own.net_nanos)
    line = desk.venue.blotter.ledger_line(0)
    assert own.pnl_nanos == own.net_nanos - line.cost_tick_lots * 100
    assert risk(desk).exposure.of(Holder("desk")) == own
    assert risk(desk).exposure.of(Holder("desk", "idle")) == Exposure(0, 0, 0, 0)
    page, firm = desk.counter_pages[RISK].read().values, desk.counter_pages[KILL_SWITCH].read().values
    assert page["exposure_worst|account:desk"] == page["exposure_worst|strategy:hand"] > 0
    other = desk.counter_pages["risk.second"].read().values
    assert other["exposure_net|strategy:far"] < 0
    assert abs(firm["exposure_net|firm:USDT"] - own.net_nanos - other["exposure_net|account:second"]) < NANOS * 100
    details = desk.actor(KILL_SWITCH).status().details  # type: ignore[attr-defined]  # the kill switch actor's
    assert "in BTC -" in details["exposure:firm:USDT"]
    assert "exposure:strategy:hand" in risk(desk)._status(1, desk.now_ns).details
    desk.runtime.crash(VENUE)
    desk.run_for(1)
    assert risk(desk).exposure.of(Holder("desk", "hand")).worst_nanos > 0, "what is silent keeps what it told"
