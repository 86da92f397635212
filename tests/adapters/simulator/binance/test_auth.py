"""Signatures against the venue's published vectors, the timestamp rule, keys and what they may do."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.simulator.binance.auth import Credential, KeyRing, check_timestamp, rest_payload, ws_payload
from adapters.simulator.binance.errors import ApiError
from adapters.simulator.binance.settings import SimKey
from engine.errors import UsageError

HMAC_KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
HMAC = Credential(
    SimKey(HMAC_KEY, "hmac", secret="NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"), "a"
)
ED_KEY = "4yNzx3yWC5bS6YTwEkSRaC0nRmSQIIStAUOh1b6kqaBrTLIhjCpI5lJH8q8R8WNO"
ED_PUBLIC = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
ED = Credential(SimKey(ED_KEY, "ed25519", public_key=ED_PUBLIC), "a")

_ASCII = "symbol={}&side={}&type=LIMIT&timeInForce=GTC&quantity=1&price={}"
_WIDE = "%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96"
MS = 1_000_000


@pytest.mark.parametrize(
    ("credential", "query", "signature"),
    [
        (
            HMAC,
            _ASCII.format("LTCBTC", "BUY", "0.1") + "&recvWindow=5000&timestamp=1499827319559",
            "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71",
        ),
        (
            HMAC,
            _ASCII.format(_WIDE, "BUY", "0.1") + "&recvWindow=5000&timestamp=1499827319559",
            "E1353EC6B14D888F1164AE9AF8228A3DBD508BC82EB867DB8AB6046442F33EF3",
        ),
        (
            ED,
            _ASCII.format("BTCUSDT", "SELL", "0.2") + "&timestamp=1668481559918&recvWindow=5000",
            "XtZirsmmi0noRzUfkqktvkVfxpkq/WtbLg2UOL3QGYdUBZVlqOBEMuEVw8zioY93N54NcKj9UuAXQEa9zgTDBg==",
        ),
        (
            ED,
            _ASCII.format(_WIDE, "SELL", "0.2") + "&timestamp=1668481559918&recvWindow=5000",
            "FWYdifsZ1T+XvAR4JXeCD399kQM9CBUnEKjWb0+jS1X00g+LgvtR8uBv2T7dn1gFf9GPIhHnYlM+6vBsJOnMDA==",
        ),
    ],
)
def test_rest_vectors(credential: Credential, query: str, signature: str) -> None:
    credential.verify(rest_payload(f"{query}&signature=anything", b""), signature)
    head, _, tail = query.partition("&quantity")
    credential.verify(rest_payload(head, f"&quantity{tail}&signature=anything".encode()), signature)
    with pytest.raises(ApiError) as refused:
        credential.verify(rest_payload(query + " ", b""), signature)
    assert (refused.value.code, refused.value.text) == (-1022, "Signature for this request is not valid.")


_WS = {
    "timeInForce": "GTC",
    "symbol": "BTCUSDT",
    "side": "SELL",
    "type": "LIMIT",
    "price": "52000.00",
    "quantity": "0.01000000",
    "recvWindow": "100",
    "timestamp": "1645423376532",
    "signature": "left out",
}
_WS_WIDE = {
    **_WS,
    "symbol": "１２３４５６",
    "side": "BUY",
    "price": "0.10000000",
    "quantity": "1.00000000",
    "recvWindow": "5000",
}


@pytest.mark.parametrize(
    ("credential", "parameters", "signature"),
    [
        (HMAC, _WS, "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24"),
        (HMAC, _WS_WIDE, "b33892ae8e687c939f4468c6268ddd4c40ac1af18ad19a064864c47bae0752cd"),
        (ED, _WS, "Ws+5m/CMnpkko0uBFxGTZ2+fjqqBXsUjRiaz173fPhXTkhoDBYNZ6wcYNeWItdrGn1pvG7vkwx2fhmJdAZ3KDQ=="),
        (ED, _WS_WIDE, "D9qsPwF4+5CtkHZSVBhuAMVox387CQQsJXplSDXUw3C2vnuMJnxjuengedC0IGpvJFxazfP45NwzN0eAQ8gaBg=="),
        (
            ED,
            {"timestamp": "1649729878532"},
            "NBJq5sX1RkU7ta3XDctruMgnrhyBcouMvvPIxxQSCUbVWxhp3ai6W7a0Iip/3nOwmJxkVIv6n20cekYCOa5qAg==",
        ),
    ],
)
def test_ws_vectors(credential: Credential, parameters: dict[str, str], signature: str) -> None:
    credential.verify(ws_payload({**parameters, "apiKey": credential.api_key}), signature)


@given(signature=st.text(max_size=100))
def test_no_text_passes_for_a_signature(signature: str) -> None:
    for credential in (HMAC, ED):
        with pytest.raises(ApiError) as refused:
            credential.verify(b"payload", signature)
        assert refused.value.code == -1022


# -- the timing rule -----------------------------------------------------------------------------------------------

_LATE = "Timestamp for this request is outside of the recvWindow."
_AHEAD = "Timestamp for this request was 1000ms ahead of the server's time."


@pytest.mark.parametrize(
    ("age_us", "recv_window", "text"),
    [
        (0, None, None),
        (5_000_000, None, None),
        (5_000_001, None, _LATE),
        (60_000_000, "60000", None),
        (100_500, "100.5", None),
        (100_501, "100.5", _LATE),
        (-999_999, None, None),
        (-1_000_000, None, _AHEAD),
        (-1_000_000, "60000", _AHEAD),
    ],
)
def test_timing_rule(age_us: int, recv_window: str | None, text: str | None) -> None:
    server_us = 1_700_000_000_000_000
    if text is None:
        check_timestamp(server_us - age_us, recv_window, server_us * 1_000)
        return
    with pytest.raises(ApiError) as refused:
        check_timestamp(server_us - age_us, recv_window, server_us * 1_000)
    assert (refused.value.code, refused.value.text) == (-1021, text)


def test_milliseconds_and_microseconds_mean_the_same() -> None:
    check_timestamp(1_700_000_000_000, "0", 1_700_000_000_000 * MS)
    check_timestamp(1_700_000_000_000_000, "0", 1_700_000_000_000 * MS)


@pytest.mark.parametrize("recv_window", ["60000.001", "60001", "-1", "1.2345", "x", "1e3"])
def test_bad_recv_window(recv_window: str) -> None:
    with pytest.raises(ApiError) as refused:
        check_timestamp(1_700_000_000_000, recv_window, 1_700_000_000_000 * MS)
    assert refused.value.code == -1102


def test_keys_that_cannot_be() -> None:
    for key in (
        SimKey("k", "hmac"),
        SimKey("k", "ed25519", public_key=b"short"),
        SimKey("k", "rsa", secret="x"),
        SimKey("not a key", "hmac", secret="x"),
    ):
        with pytest.raises(UsageError):
            KeyRing([("a", key)])
    good = SimKey("k", "hmac", secret="x")
    with pytest.raises(UsageError, match="given twice"):
        KeyRing([("a", good), ("b", good)])


# -- over the wire -------------------------------------------------------------------------------------------------


def error(answer: Any) -> tuple[int, int, str]:
    return answer["status"], answer["error"]["code"], answer["error"]["msg"]


_INVALID_KEY = "Invalid API-key, IP, or permissions for action."


def test_rest_refusals(venue: Any) -> None:
    rest = venue.rest()
    query = venue.sign_rest("hmacA", {"omitZeroBalances": "true"})
    path = "/api/v3/account?"
    assert rest.request("GET", path + query, {"X-MBX-APIKEY": "hmacA"})[0] == 200
    assert rest.request("GET", path + query) == (401, {"code": -2014, "msg": "API-key format invalid."})
    assert rest.request("GET", path + query, {"X-MBX-APIKEY": "nobody"}) == (401, {"code": -2015, "msg": _INVALID_KEY})
    wrong = rest.request("GET", path + query, {"X-MBX-APIKEY": "readA"})
    assert wrong == (400, {"code": -1022, "msg": "Signature for this request is not valid."})
    unsigned = rest.request("GET", "/api/v3/account?timestamp=1", {"X-MBX-APIKEY": "hmacA"})
    assert unsigned[1]["msg"] == "Mandatory parameter 'signature' was not sent, was empty/null, or malformed."
    timeless = rest.request("GET", "/api/v3/account?signature=1", {"X-MBX-APIKEY": "hmacA"})
    assert timeless[1]["msg"] == "Mandatory parameter 'timestamp' was not sent, was empty/null, or malformed."
    old = venue.signed_rest(rest, "GET", "account", timestamp=venue.host.wall_ms - 5_001)
    assert old == (400, {"code": -1021, "msg": _LATE})


def test_rest_body_must_be_percent_encoded(venue: Any) -> None:
    rest = venue.rest()
    body = f"symbol=币&timestamp={venue.host.wall_ms}".encode()
    body += b"&signature=" + venue.signature("hmacA", body).encode()
    answer = rest.request("POST", "/api/v3/order", {"X-MBX-APIKEY": "hmacA"}, body)
    assert answer == (400, {"code": -1022, "msg": "Signature for this request is not valid."})


def test_non_ascii_symbol_is_read_back(venue: Any) -> None:
    answer = venue.signed_rest(venue.rest(), "POST", "order", symbol="这是测试币456")
    assert answer == (400, {"code": -1121, "msg": "Invalid symbol."})
    assert error(venue.api().signed("order.place", symbol="这是测试币456")) == (400, -1121, "Invalid symbol.")


def test_a_reading_key_cannot_trade(venue: Any) -> None:
    api = venue.api("readA")
    assert api.signed("account.status")["status"] == 200
    assert error(api.signed("order.place", **venue.limit())) == (401, -2015, _INVALID_KEY)


def test_session_logon_is_for_ed25519_only(venue: Any) -> None:
    api = venue.api()
    assert error(api.signed("session.logon")) == (400, -1020, "This operation is not supported.")
    status = api.call("session.status")["result"]
    assert (status["apiKey"], status["authorizedSince"]) == (None, None)
    connected = venue.host.wall_ms
    venue.host.advance(1_000 * MS)
    answer = api.call("session.logon", venue.sign_ws("edA", {}))["result"]
    assert answer == {
        "apiKey": "edA",
        "authorizedSince": venue.host.wall_ms,
        "connectedSince": connected,
        "returnRateLimits": True,
        "serverTime": venue.host.wall_ms,
        "userDataStream": False,
    }


def test_in_a_session_requests_need_a_timestamp_but_no_signature(venue: Any) -> None:
    api = venue.api().log_on("edA")
    assert api.in_session("account.status")["status"] == 200
    text = "Mandatory parameter 'timestamp' was not sent, was empty/null, or malformed."
    assert error(api.call("account.status")) == (400, -1102, text)
    assert error(api.in_session("account.status", timestamp=venue.host.wall_ms - 6_000))[1] == -1021
    # a request's own key overrides the session's
    assert api.call("account.status", venue.sign_ws("hmacB", {}))["result"]["uid"] == 1_000_002
    assert api.call("session.logout")["result"]["apiKey"] is None
    missing = "Mandatory parameter 'apiKey' was not sent, was empty/null, or malformed."
    assert error(api.in_session("account.status")) == (400, -1102, missing)


def test_a_revoked_key_ends_its_session_with_the_next_request(venue: Any) -> None:
    api = venue.api().log_on("edA")
    assert api.call("userDataStream.subscribe")["result"] == {"subscriptionId": 0}
    venue.actor.revoke_key("edA", venue.host.now_ns)
    (terminated,) = api.take_events()
    assert terminated["event"]["e"] == "eventStreamTerminated"
    answer = api.in_session("account.status")
    assert answer == {"id": None, "status": 401, "error": {"code": -2015, "msg": _INVALID_KEY}}
    assert api.call("session.status")["result"]["apiKey"] is None
