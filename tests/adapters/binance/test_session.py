"""The session from start to live, what breaks it, and how it comes back."""

from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.frames import Opcode

from adapters.binance.options import BinanceOptions
from adapters.binance.session import BinanceSession
from adapters.binance.signing import Credentials, HmacSigner, KeyType, websocket_payload
from adapters.binance.urls import DEMO, LIVE, TESTNET
from engine.codes import Reason
from engine.errors import UsageError
from engine.venue import (
    AuthenticationFailed,
    Balance,
    BookChanged,
    CancelAllAnswered,
    ClockOffset,
    InstrumentDefined,
    RateLimited,
    SessionState,
)

MS = 1_000_000
SECOND = 1_000_000_000
REST, ORDERS, STREAMS = "session:rest", "session:orders", "session:streams"


def kinds(events: list[Any]) -> list[str]:
    return [type(event).__name__ for event in events]


def states(events: list[Any]) -> list[bool]:
    return [event.live for event in events if isinstance(event, SessionState)]


# -- start -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunk", [0, 1, 7])
@pytest.mark.parametrize("key_type", list(KeyType))
def test_from_start_to_live(make: Any, chunk: int, key_type: KeyType) -> None:
    host = make(chunk=chunk, key_type=key_type, symbols=((1, "BTCUSDT"), (2, "ETHUSDT"))).begin()
    events = host.take()
    assert Counter(kinds(events)) == {
        "ClockOffset": 1,
        "InstrumentDefined": 2,
        "BookChanged": 2,
        "Balance": 3,
        "SessionState": 1,
    }
    assert isinstance(events[0], ClockOffset)
    assert abs(events[0].offset_ns - 123 * MS) <= MS
    assert [event.instrument.symbol for event in events if isinstance(event, InstrumentDefined)] == [
        "BTCUSDT",
        "ETHUSDT",
    ]
    assert states(events) == [True]
    balances = {event.asset: event for event in events if isinstance(event, Balance)}
    assert balances["USDT"] == Balance("USDT", 1_000_000_000_000, 1_500_000_000)
    assert balances["BTC"] == Balance("BTC", 0, 0)  # not listed: nothing, which is not the same as unknown
    assert host.session.send_refusal(host.now_ns) is Reason.NONE
    assert host.venue.subscribed[:3] == ["btcusdt@depth@100ms", "btcusdt@trade", "btcusdt@bookTicker"]
    assert host.session.book(2).best() == (1000, 100_000, 1100, 200_000)
    methods = [request["method"] for request in host.venue.requests]
    if key_type is KeyType.ED25519:
        assert methods == ["session.logon", "userDataStream.subscribe"]
    else:
        assert methods == ["userDataStream.subscribe.signature"]
        params = host.venue.requests[0]["params"]
        signature = params.pop("signature")
        secret = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
        assert signature == HmacSigner("ApiKey1", secret).sign(websocket_payload(params))


def test_the_account_is_read_after_the_subscription(make: Any) -> None:
    host = make()
    host.venue.order_rules["userDataStream.subscribe"] = lambda params: None
    host.begin()
    assert "/api/v3/account" not in [path for _, path, _ in host.venue.asked]
    assert host.session.send_refusal(host.now_ns) is Reason.VENUE_LINK_DOWN
    host.venue.answer(result={"subscriptionId": 0})
    assert "/api/v3/account" in [path for _, path, _ in host.venue.asked]
    assert host.session.send_refusal(host.now_ns) is Reason.NONE


def test_balances_of_the_stream_are_not_overwritten_by_an_older_account(make: Any) -> None:
    host = make()
    host.venue.rest_rules["account"] = lambda params: None
    host.begin()
    host.take()
    host.venue.event(e="outboundAccountPosition", E=9, u=9, B=[{"a": "USDT", "f": "7", "l": "0"}])
    assert host.take() == [Balance("USDT", 7_000_000_000, 0)]
    del host.venue.rest_rules["account"]
    host.cut(REST)
    host.advance(SECOND)
    assert [event.asset for event in host.take() if isinstance(event, Balance)] == ["BTC"]


def test_balances_that_are_asked_for_count_where_the_stream_has_told_nothing_newer(make: Any) -> None:
    host = make()
    host.begin()
    host.take()
    host.session.query_balances(host.now_ns)
    host.advance(SECOND)
    assert [event.asset for event in host.take() if isinstance(event, Balance)] == ["USDT", "BTC"]
    host.venue.event(e="outboundAccountPosition", E=9, u=9, B=[{"a": "USDT", "f": "7", "l": "0"}])
    host.take()
    for _ in range(2):  # the venue's answers are of a moment before that
        host.session.query_balances(host.now_ns)
        host.advance(SECOND)
        assert [event.asset for event in host.take() if isinstance(event, Balance)] == ["BTC"]
    host.venue.rest_rules["account"] = lambda params: {"canTrade": True, "updateTime": 9, "balances": []}
    host.session.query_balances(host.now_ns)
    host.advance(SECOND)
    assert [event for event in host.take() if isinstance(event, Balance)] == [
        Balance("BTC", 0, 0),
        Balance("USDT", 0, 0),
    ]


def test_a_question_for_balances_that_fails_is_not_asked_again_and_halts_nothing(make: Any) -> None:
    host = make()
    host.begin()
    host.venue.rest_rules["account"] = lambda params: (503, {"code": -1, "msg": "busy"}, {})
    asked = len(host.venue.asked)
    host.session.query_balances(host.now_ns)
    host.advance(20 * SECOND)
    assert [path for _, path, _ in host.venue.asked[asked:]].count("/api/v3/account") == 1
    assert host.session.send_refusal(host.now_ns) is Reason.NONE


@pytest.mark.parametrize("link", [REST, ORDERS, STREAMS])
def test_a_link_that_cannot_be_opened_is_tried_again_with_growing_delays(make: Any, link: str) -> None:
    host = make()
    host.refused.add(link)
    host.begin()
    host.advance(20 * SECOND)
    at = [opened for name, opened in host.opened if name == link]
    assert 6 <= len(at) <= 12
    assert at[-1] - at[-2] > 4 * (at[1] - at[0])
    host.refused.clear()
    host.advance(40 * SECOND)
    assert host.session.send_refusal(host.now_ns) is Reason.NONE
    assert isinstance(host.take()[-1], SessionState | BookChanged | ClockOffset)


def test_a_symbol_that_the_venue_does_not_have_keeps_the_session_down_and_says_so(make: Any) -> None:
    host = make()
    error = {"code": -1121, "msg": "Invalid symbol."}
    host.venue.rest_rules["exchangeInfo"] = lambda params: (400, error, {})
    host.begin()
    (state,) = [event for event in host.take() if isinstance(event, SessionState)]
    assert not state.live
    assert "-1121 Invalid symbol." in state.text
    host.advance(100 * SECOND)
    assert len([path for _, path, _ in host.venue.asked if path.endswith("exchangeInfo")]) == 2  # patiently


def test_rest_answers_that_are_no_answers_are_asked_again(make: Any) -> None:
    host = make()
    answers = [
        b"<html>",
        b'{"serverTime":"x"}',
        b'{"serverTime":-1}',
        b'{"z":' + b"[" * 50_000,
        b'{"serverTime":"\xff"}',
    ]

    def time(params: dict[str, str]) -> Any:
        return (200, answers.pop(0), {}) if answers else host.venue.rest_time(params)

    host.venue.rest_rules["time"] = time
    host.begin()
    host.advance(60 * SECOND)
    assert not answers
    assert host.session.send_refusal(host.now_ns) is Reason.NONE
    assert host.session.counters["session:rest malformed"] == 5


def test_a_rest_question_without_an_answer_is_asked_again(make: Any) -> None:
    host = make()
    host.venue.rest_rules["time"] = lambda params: None
    host.begin()
    host.advance(12 * SECOND)
    assert len([path for _, path, _ in host.venue.asked if path.endswith("time")]) == 2
    del host.venue.rest_rules["time"]
    host.advance(12 * SECOND)
    assert host.session.send_refusal(host.now_ns) is Reason.NONE


@pytest.mark.parametrize(("status", "banned"), [(429, False), (418, True), (403, False)])
def test_silence_that_rest_asks_for_is_kept(make: Any, status: int, banned: bool) -> None:
    host = make()
    host.venue.rest_rules["account"] = lambda params: (status, {"code": -1003, "msg": "Slow"}, {"Retry-After": "30"})
    host.begin()
    (limited,) = [event for event in host.take() if isinstance(event, RateLimited)]
    assert (limited.until_ns, limited.banned) == (host.now_ns + 30 * SECOND, banned)
    host.venue.asked.clear()
    del host.venue.rest_rules["account"]
    host.advance(29 * SECOND)
    assert host.venue.asked == []
    host.advance(2 * SECOND)
    assert host.session.send_refusal(host.now_ns) is Reason.NONE


def test_a_refused_key_is_told_and_tried_again_slowly(make: Any) -> None:
    host = make()
    refusal = {"status": 401, "error": {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."}}
    host.venue.order_rules["session.logon"] = lambda params: refusal
    host.begin()
    host.advance(59 * SECOND)
    events = host.take()
    assert [type(event) for event in events].count(AuthenticationFailed) == 1
    assert True not in states(events)
    del host.venue.order_rules["session.logon"]
    host.advance(2 * SECOND)
    assert states(host.take()) == [True]


def test_a_refused_key_over_rest(make: Any) -> None:
    host = make()
    host.venue.rest_rules["account"] = lambda params: (401, {"code": -2015, "msg": "Invalid API-key"}, {})
    host.begin()
    assert AuthenticationFailed("-2015 Invalid API-key") in host.take()
    assert host.session.send_refusal(host.now_ns) is Reason.VENUE_LINK_DOWN


def test_a_logon_without_an_answer_is_begun_anew(make: Any) -> None:
    host = make()
    host.venue.order_rules["session.logon"] = lambda params: None
    host.begin()
    del host.venue.order_rules["session.logon"]
    host.advance(11 * SECOND)
    assert states(host.take()) == [True]


@pytest.mark.parametrize("link", [ORDERS, STREAMS])
def test_a_handshake_that_is_refused_with_silence(make: Any, link: str) -> None:
    host = make()

    class Refusing:
        is_open = False

        def receive(self, data: bytes) -> None:
            host.to_session(link, b"HTTP/1.1 429 X\r\nRetry-After: 20\r\nContent-Length: 0\r\n\r\n")

    up = host.session.on_link_up

    def on_link_up(name: str, now_ns: int) -> None:
        if name == link and now_ns < 10 * SECOND:
            host.venue.ends[link] = Refusing()
        up(name, now_ns)

    host.session.on_link_up = on_link_up
    host.begin()
    assert RateLimited(host.now_ns + 20 * SECOND, False, "") in host.take()
    host.advance(19 * SECOND)
    assert len([name for name, _ in host.opened if name == link]) == 1
    host.advance(2 * SECOND)
    host.advance(20 * SECOND)
    assert host.session.send_refusal(host.now_ns) is Reason.NONE


def test_credentials_symbols_and_options_that_cannot_be() -> None:
    good: dict[str, Any] = {
        "venue_name": "binance",
        "symbols": ((1, "A"),),
        "credentials": Credentials("k", KeyType.HMAC, "s"),
        "endpoints": LIVE,
        "listener": None,
    }
    BinanceSession(**good)
    for wrong in (
        {"symbols": ()},
        {"symbols": ((1, "A"), (1, "B"))},
        {"symbols": ((1, "A"), (2, "A"))},
        {"symbols": tuple((n, str(n)) for n in range(341))},
        {"credentials": Credentials("k", KeyType.HMAC, "")},
    ):
        with pytest.raises(UsageError):
            BinanceSession(**{**good, **wrong})
    for option in (
        {"recv_window_ms": 0},
        {"recv_window_ms": 60_001},
        {"time_unit": "FORTNIGHT"},
        {"snapshot_levels": 7},
        {"cancel_share_ppm": 1_000_000},
        {"idle_timeout_ns": 0},
        {"retry_first_ns": 2, "retry_max_ns": 1},
    ):
        with pytest.raises(UsageError, match=next(iter(option))):
            BinanceOptions(**option)


def test_a_session_that_is_not_started_sends_nothing(make: Any) -> None:
    host = make()
    assert host.session.send_refusal(0) is Reason.VENUE_LINK_DOWN
    with pytest.raises(UsageError):
        host.session.encode_new(host.order(), 0)
    with pytest.raises(UsageError, match="instrument 9"):
        host.session.book(9)
    host.begin()
    with pytest.raises(UsageError, match="started already"):
        host.begin()


def test_environments_have_three_hosts_with_tls() -> None:
    for each in (LIVE, TESTNET, DEMO):
        assert all(endpoint.tls for endpoint in (each.rest, each.orders, each.streams))


def test_a_request_is_valid_for_its_window_and_the_second_that_a_clock_may_be_ahead() -> None:
    assert BinanceOptions(recv_window_ms=2_000).request_validity_ns == 3 * SECOND


def test_microseconds_are_asked_for_everywhere(make: Any) -> None:
    host = make(options=BinanceOptions(time_unit="MICROSECOND"))
    host.venue.rest_rules["time"] = lambda params: {"serverTime": host.venue.time_ms() * 1_000}
    host.begin()
    assert host.venue.ends[ORDERS].path == "/ws-api/v3?timeUnit=MICROSECOND"
    assert host.venue.ends[STREAMS].path == "/stream?timeUnit=MICROSECOND"
    assert len(str(host.venue.requests[0]["params"]["timestamp"])) == 16


# -- life ------------------------------------------------------------------------------------------------------


def test_pings_are_answered_with_their_payload(live: Any) -> None:
    live.venue.ping(b"1700000040")
    live.run()
    for link in (ORDERS, STREAMS):
        assert (link, Opcode.PONG, b"1700000040") in live.venue.control


def test_a_silent_link_is_made_anew(live: Any) -> None:
    live.advance(50 * SECOND)
    live.pulse_at_ns = 0  # the last was at 40 s
    live.advance(49 * SECOND)
    assert states(live.take()) == []
    live.advance(3 * SECOND)
    assert states(live.take()) == [False, True]


def test_links_are_made_anew_before_the_venue_cuts_them_and_not_together(live: Any) -> None:
    hour = 3_600 * SECOND
    day = []
    for _ in range(24 * 180):
        before = len(live.opened)
        live.advance(20 * SECOND)
        day += [each for each in live.opened[before:] if each[0] != REST]
    assert sorted(name for name, _ in day) == [ORDERS, STREAMS]
    assert all(20 * hour < at <= 23 * hour + SECOND for _, at in day)
    assert abs(day[0][1] - day[1][1]) > SECOND
    assert live.session.send_refusal(live.now_ns) is Reason.NONE


def test_the_clock_is_looked_at_again_and_again(live: Any) -> None:
    live.advance(31 * SECOND)
    assert kinds(live.take()) == ["ClockOffset"]


@pytest.mark.parametrize(
    "event",
    [{"e": "serverShutdown", "E": 1770123456789}, {"e": "eventStreamTerminated", "E": 1728973001334}],
)
def test_order_link_is_made_anew_when_the_venue_says_so(live: Any, event: dict[str, Any]) -> None:
    live.venue.event(**event)
    live.advance(SECOND)
    assert states(live.take()) == [False, True]


@pytest.mark.parametrize(
    "event",
    [
        {"e": "balanceUpdate", "E": 1573200697110, "a": "BTC", "d": "100.00000000", "T": 1573200697068},
        {"e": "externalLockUpdate", "E": 1581557507324, "a": "NEO", "d": "10.00000000", "T": 1581557507268},
        {
            "e": "listStatus",
            "E": 1564035303637,
            "s": "ETHBTC",
            "g": 2,
            "c": "OCO",
            "l": "EXEC_STARTED",
            "L": "EXECUTING",
            "r": "NONE",
            "C": "F4QN4G8DlFATFlIUQ0cjdD",
            "T": 1564035303625,
            "O": [{"s": "ETHBTC", "i": 17, "c": "AJYsMjErWJesZvqlJCTUgL"}],
        },
        {"e": "eventOfTomorrow", "E": 1, "x": [1, {"y": None}]},
    ],
)
def test_events_that_say_nothing_to_us_are_passed_over(live: Any, event: dict[str, Any]) -> None:
    live.venue.event(**event)
    live.advance(SECOND)
    assert live.take() == []


def test_stop_closes_everything_and_is_silent(live: Any) -> None:
    live.session.stop(live.now_ns)
    live.run()
    live.advance(1_000 * SECOND)
    assert live.take() == []
    assert live.up == set()
    assert live.timers == {}
    assert live.session.send_refusal(live.now_ns) is Reason.VENUE_LINK_DOWN


def test_reports_before_a_close_in_the_same_bytes_are_not_lost(live: Any) -> None:
    end = live.venue.ends[ORDERS]
    text = live.venue.report
    live.run = lambda: None  # hold what is on its way
    text("a-1", "NEW", "NEW")
    end.protocol.send_close(1001)
    data = b"".join(item[2] for item in live._queue) + b"".join(end.protocol.data_to_send())
    live._queue.clear()
    del live.run
    live.session.on_link_bytes(ORDERS, data, live.now_ns)
    assert kinds(live.take()) == ["OrderAccepted", "SessionState"]


# -- hostile venue ---------------------------------------------------------------------------------------------

GARBAGE = [
    b"",
    b"{",
    b"null",
    b"[]",
    b'"x"',
    b"{}",
    b'{"id":"n:a-1","status":"200"}',
    b'{"id":"n:a-1","status":200}',
    b'{"id":"n:a-1","status":200,"result":{"orderId":"x"}}',
    b'{"id":"logon","status":200}',
    b'{"id":null,"status":400,"error":{"code":-1100,"msg":"x"}}',
    b'{"id":null,"status":401,"error":{"code":-2015,"msg":"x"}}',
    b'{"id":5,"status":200,"result":{}}',
    b'{"event":{"e":"executionReport"}}',
    b'{"event":{"e":"executionReport","s":"\xff"}}',
    b'{"event":{"x":1}}',
    b'{"event":{"e":"outboundAccountPosition","u":1,"B":[{"a":"X","f":"NaN","l":"0"}]}}',
    b'{"z":' + b"[" * 60_000,
]


@pytest.mark.parametrize("message", GARBAGE)
def test_garbage_on_the_order_link_closes_it_and_it_comes_back(live: Any, message: bytes) -> None:
    live.venue.push(ORDERS, message)
    live.run()
    assert live.session.counters["session:orders malformed"] == 1
    assert ORDERS not in live.up
    live.advance(SECOND)
    assert states(live.take()) == [False, True]


@pytest.mark.parametrize(
    "message",
    [
        b"{",
        b"[]",
        b'{"stream":"btcusdt@trade","data":{}}',
        b'{"stream":"btcusdt@trade","data":{"s":"ETHUSDT","t":1,"p":"1","q":"1","T":1,"m":true}}',
        b'{"stream":"btcusdt@trade","data":{"s":"BTCUSDT","t":1,"p":"1.001","q":"1","T":1,"m":true}}',
        b'{"stream":"btcusdt@trade","data":{"s":"BTCUSDT","t":1,"p":"1","q":"1","T":9223372036854775807,"m":true}}',
        b'{"data":{"s":"BTCUSDT","u":"x"},"stream":"btcusdt@bookTicker"}',
        b'{"stream":"btcusdt@depth@100ms","data":{"s":"BTCUSDT","E":1,"U":101,"u":101,"b":{},"a":[]}}',
        b'{"code":2,"msg":"Invalid request","id":1}',
        b'{"error":{"code":2,"msg":"Invalid request: streams must be an array"},"id":5000001}',
    ],
)
def test_garbage_on_the_streams_closes_that_link_only(live: Any, message: bytes) -> None:
    live.venue.push(STREAMS, message)
    live.run()
    assert live.session.counters["session:streams malformed"] == 1
    live.advance(SECOND)
    events = live.take()
    assert [event.valid for event in events if isinstance(event, BookChanged)] == [False, True]
    assert states(events) == []


def test_an_oversized_message_closes_the_link_before_it_is_read(make: Any) -> None:
    host = make(options=BinanceOptions(message_bytes_max=2_000)).begin()
    host.take()
    host.venue.push(ORDERS, b'{"event":{"e":"' + b"x" * 3_000 + b'"}}')
    host.run()
    assert states(host.take()) == [False]


@given(data=st.binary(max_size=120), link=st.sampled_from([REST, ORDERS, STREAMS]), step=st.integers(1, 120))
@settings(max_examples=80, deadline=None)
def test_hostile_bytes_never_get_out_as_exceptions(data: bytes, link: str, step: int) -> None:
    host = _hosts().begin()
    for at in range(0, len(data), step):
        host.session.on_link_bytes(link, data[at : at + step], host.now_ns)
    host.run()
    host.advance(2 * SECOND)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["n:a-1", "q:x", "a:1", "logon"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["id", "status", "error", "code", "msg", "data", "result", "event", "e", "stream", "u", "s", "b"]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)


@given(message=_json, link=st.sampled_from([ORDERS, STREAMS]))
@settings(max_examples=150, deadline=None)
def test_hostile_json_never_gets_out_as_an_exception(message: Any, link: str) -> None:
    host = _hosts().begin()
    try:
        text = msgspec.json.encode(message)
    except (OverflowError, UnicodeEncodeError):
        return
    host.venue.push(link, text)
    host.run()
    host.advance(2 * SECOND)


def _hosts() -> Any:
    return _MAKE[0]()


_MAKE: list[Any] = []


@pytest.fixture(autouse=True)
def _remember_how_to_make_hosts(make: Any) -> None:
    """Hypothesis gives no fixture anew per example, and these tests need a new host each time."""
    _MAKE[:] = [make]


# -- cancels without an order link -----------------------------------------------------------------------------


def test_cancel_all_goes_over_rest_while_the_order_link_is_away(live: Any) -> None:
    live.refused.add(ORDERS)
    live.cut(ORDERS)
    live.take()
    live.session.cancel_all(1, live.now_ns)
    live.run()
    assert live.take() == [CancelAllAnswered(1, "")]
    method, path, params = live.venue.asked[-1]
    assert (method, path, params["symbol"]) == ("DELETE", "/api/v3/openOrders", "BTCUSDT")
    assert params["signature"]


@pytest.mark.parametrize(("code", "failure"), [(-2011, ""), (-1000, "HTTP 400 -1000 no")])
def test_cancel_all_over_rest_that_is_refused(live: Any, code: int, failure: str) -> None:
    live.refused.add(ORDERS)
    live.cut(ORDERS)
    live.take()
    live.venue.rest_rules["openOrders"] = lambda params: (400, {"code": code, "msg": "no"}, {})
    live.session.cancel_all(1, live.now_ns)
    live.advance(SECOND)
    assert CancelAllAnswered(1, failure) in live.take()
    with pytest.raises(UsageError):
        live.session.cancel_all(9, live.now_ns)


def test_a_key_that_may_withdraw_is_refused_and_asked_about_again(make: Any) -> None:
    host = make()
    host.venue.may_withdraw = True
    host.begin()
    assert states(host.events) == [False]
    assert any(isinstance(each, AuthenticationFailed) and "withdraw" in each.text for each in host.take())
    assert ORDERS not in host.venue.ends
    host.venue.may_withdraw = False
    host.advance(61 * SECOND)
    assert states(host.take()) == [True]


def test_where_the_venue_does_not_tell_what_a_key_may_do_it_is_used(make: Any) -> None:
    """Its test environments have no wallet."""
    host = make()
    host.venue.rest_rules["apiRestrictions"] = lambda params: (404, b"<html>404</html>", {})
    assert states(host.begin().take()) == [True]
    host.advance(120 * SECOND)
    assert len([path for _, path, _ in host.venue.asked if path.startswith("/sapi")]) == 1


def test_a_cancel_all_waits_behind_no_other_question(make: Any) -> None:
    host = make(symbols=((1, "BTCUSDT"), (2, "ETHUSDT"))).begin()
    host.venue.rest_rules["depth"] = lambda params: None  # the link stays busy
    host.cut(STREAMS)
    host.advance(SECOND)
    host.refused.add(ORDERS)
    host.cut(ORDERS)
    host.session.query_balances(host.now_ns)
    host.session.cancel_all(1, host.now_ns)
    host.venue.asked.clear()
    host.venue.rest_rules.clear()
    host.venue.ends[REST].asked()
    host.run()
    paths = [path.rpartition("/")[2] for _, path, _ in host.venue.asked]
    assert paths[:2] == ["depth", "openOrders"]
    assert "account" in paths[2:]
