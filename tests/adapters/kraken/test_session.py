"""From start to live, and what becomes of it when something breaks."""

from collections.abc import Callable
from typing import Any

import pytest

from adapters.kraken.options import KrakenOptions
from engine.codes import Reason, Side
from engine.errors import UsageError
from engine.venue import (
    AuthenticationFailed,
    Balance,
    BookChanged,
    ClockOffset,
    FeeRates,
    InstrumentDefined,
    OrderOutcomeUnknown,
    RateLimited,
    SessionState,
)

SECOND = 1_000_000_000
ORDERS, STREAMS, REST = "session:orders", "session:streams", "session:rest"


def of(host: Any, kind: type) -> list[Any]:
    return [event for event in host.events if isinstance(event, kind)]


@pytest.mark.parametrize("chunk", [0, 1, 7])
def test_from_start_to_live(make: Callable[..., Any], chunk: int) -> None:
    host = make(chunk=chunk, symbols=((1, "BTC/USD"), (2, "ETH/USD"))).begin()
    assert [name for name, _ in host.venue.asked[:3]] == ["Time", "GetApiKeyInfo", "AssetPairs"]
    instrument = of(host, InstrumentDefined)[0].instrument
    assert (instrument.symbol, instrument.base_asset, instrument.quote_asset) == ("BTC/USD", "BTC", "USD")
    assert instrument.price_text(100) == "10.0"
    assert instrument.quantity_lots_min == 10_000
    assert instrument.open_orders_max == 60
    assert instrument.notional_tick_lots_min == 500_000_000
    assert of(host, SessionState)[-1].live
    assert host.session.send_refusal(host.now_ns) is Reason.NONE
    assert {(each.instrument_id, each.maker_nanos, each.taker_nanos) for each in of(host, FeeRates)} == {
        (1, 1_600_000, 2_600_000),
        (2, 2_600_000, 2_600_000),
    }
    assert {each.instrument_id for each in of(host, BookChanged) if each.valid} == {1, 2}
    assert host.session.book(1).best() == (100, 100_000_000, 110, 200_000_000)


def test_balances_are_told_in_the_names_of_the_instruments(make: Callable[..., Any]) -> None:
    host = make().begin()
    told = {each.asset: (each.free_nanos, each.locked_nanos) for each in of(host, Balance)}
    assert told["USD"] == (999 * SECOND, 1_500_000_000)
    assert told["BTC"] == (1_250_000_000, 0)  # REST does not list it; the channel has told
    assert "XXBT.F" not in told
    host.take()
    host.venue.push_sequenced("balances", [{"asset": "USD", "balance": 500.1234, "amount": -1.0}])
    host.run()
    assert host.take() == [Balance("USD", 498_623_400_000, 1_500_000_000)]


def test_the_clock_is_read_by_a_ping_to_the_millisecond(make: Callable[..., Any]) -> None:
    host = make().begin()
    assert abs(of(host, ClockOffset)[-1].offset_ns - 123_000_000) <= 1_000_000


def test_a_key_that_may_withdraw_is_refused_unless_allowed_by_name(make: Callable[..., Any]) -> None:
    host = make()
    host.venue.permissions.append("withdraw-funds")
    host.begin()
    assert "withdraw" in of(host, AuthenticationFailed)[0].text
    assert not of(host, SessionState)[-1].live
    assert ORDERS not in [link for link, _ in host.opened]
    host.venue.permissions.remove("withdraw-funds")
    host.advance(61 * SECOND)
    assert of(host, SessionState)[-1].live

    allowed = make(options=KrakenOptions(key_may_withdraw=True))
    allowed.venue.permissions.append("withdraw-funds")
    allowed.begin()
    assert of(allowed, SessionState)[-1].live


def test_a_session_that_only_cancels_asks_for_no_funds(make: Callable[..., Any]) -> None:
    host = make(options=KrakenOptions(market_data=False, watches_account=False)).begin()
    assert of(host, SessionState)[-1].live
    asked = {name for name, _ in host.venue.asked}
    assert not asked & {"BalanceEx", "TradeVolume"}
    assert STREAMS not in [link for link, _ in host.opened]


def test_a_lost_order_link_is_made_anew_with_a_new_token(live: Any) -> None:
    live.cut(ORDERS)
    assert not of(live, SessionState)[-1].live
    assert live.session.send_refusal(live.now_ns) is Reason.VENUE_LINK_DOWN
    live.advance(SECOND)
    assert of(live, SessionState)[-1].live
    assert [name for name, _ in live.venue.asked].count("GetWebSocketsToken") == 1


def test_orders_in_flight_are_in_doubt_when_the_link_is_lost(live: Any) -> None:
    live.place(live.order())
    live.cut(ORDERS)
    assert OrderOutcomeUnknown("a-1", "order link lost") in live.events


def test_a_refused_token_is_renewed(live: Any) -> None:
    live.place(live.order())
    live.venue.refuse("EAPI:Invalid token")
    assert not of(live, SessionState)[-1].live
    live.advance(SECOND)
    assert of(live, SessionState)[-1].live


def test_a_silent_link_is_made_anew(live: Any) -> None:
    live.pulse_at_ns = 0
    live.advance(11 * SECOND)
    assert [link for link, _ in live.opened].count(ORDERS) > 1
    assert [link for link, _ in live.opened].count(STREAMS) > 1


def test_text_that_is_no_json_is_a_lost_connection_and_nothing_worse(live: Any) -> None:
    for link in (ORDERS, STREAMS):
        live.venue.push(link, b"CloudFlare WebSocket proxy restarting")
        live.run()
    live.advance(2 * SECOND)
    assert of(live, SessionState)[-1].live
    assert live.session.counters["session:orders malformed"] == 1


def test_missing_execution_reports_end_the_connection(live: Any) -> None:
    live.venue.push_sequenced("executions", [], skip=1)
    live.run()
    assert live.session.counters["executions gap"] == 1
    live.advance(SECOND)
    assert of(live, SessionState)[-1].live


def test_missing_balances_are_asked_for(live: Any) -> None:
    live.venue.push_sequenced("balances", [], skip=1)
    live.run()
    assert [name for name, _ in live.venue.asked] == ["BalanceEx"]


@pytest.mark.parametrize("system", ["maintenance", "cancel_only"])
def test_no_new_orders_while_the_engine_takes_none(live: Any, system: str) -> None:
    live.venue.push(ORDERS, {"channel": "status", "type": "update", "data": [{"system": system}]})
    live.run()
    assert live.session.send_refusal(live.now_ns) is Reason.VENUE_LINK_DOWN
    live.venue.push(ORDERS, {"channel": "status", "type": "update", "data": [{"system": "online"}]})
    live.run()
    assert live.session.send_refusal(live.now_ns) is Reason.NONE


def test_a_slow_socket_is_told(live: Any) -> None:
    live.slow.add(ORDERS)
    assert live.session.send_refusal(live.now_ns) is Reason.VENUE_LINK_BUSY


def test_a_rate_limit_of_rest_blocks_questions_for_a_while(live: Any) -> None:
    live.venue.rest_rules["OpenOrders"] = lambda params: "EAPI:Rate limit exceeded"
    live.session.query_open_orders(1, live.now_ns)
    live.run()
    assert of(live, RateLimited)[0].until_ns > live.now_ns
    live.advance(SECOND)
    assert live.take()[-1].text.startswith("EAPI:Rate limit")


def test_an_invalid_nonce_is_asked_again_with_a_fresh_one(make: Callable[..., Any]) -> None:
    host = make()
    answers = iter(["EAPI:Invalid nonce"])
    host.venue.rest_rules["GetWebSocketsToken"] = lambda params: next(
        answers, {"token": "WW91ciBhdXRoZW50aWNhdGlvbiB0b2tlbg"}
    )
    host.begin()
    host.advance(2 * SECOND)
    assert of(host, SessionState)[-1].live


def test_stop_ends_everything_and_disarms(live: Any) -> None:
    assert live.session.arm_dead_man_timer(60 * SECOND, live.now_ns)
    live.run()
    assert live.venue.requests[-1]["params"]["timeout"] == 60
    live.venue.answer(success=True, result={"currentTime": "x", "triggerTime": "y"})
    live.session.stop(live.now_ns)
    live.up.add(ORDERS)  # what was written before the close arrives
    live.run()
    assert live.venue.requests[-1]["params"]["timeout"] == 0
    assert not live.timers
    with pytest.raises(UsageError):
        live.session.query_balances(live.now_ns)


def test_the_dead_man_timer_is_armed_over_rest_without_an_order_link(live: Any) -> None:
    live.venue.rest_rules["CancelAllOrdersAfter"] = lambda params: {"currentTime": "x", "triggerTime": "y"}
    live.cut(ORDERS)
    live.session.arm_dead_man_timer(30 * SECOND + 1, live.now_ns)
    live.run()
    assert ("CancelAllOrdersAfter", {"timeout": "31"}) in live.venue.asked


def test_symbols_are_checked(make: Any) -> None:
    for symbols in ((), ((1, "A/B"), (1, "C/D")), ((1, "A/B"), (2, "A/B"))):
        with pytest.raises(UsageError, match="symbols"):
            make(symbols=symbols)


def test_an_unknown_instrument_is_told(live: Any) -> None:
    with pytest.raises(UsageError):
        live.session.book(9)
    with pytest.raises(UsageError):
        live.session.encode_new(live.order(instrument_id=9), live.now_ns)
    assert live.session.book(1).level(Side.BUY, 100)
