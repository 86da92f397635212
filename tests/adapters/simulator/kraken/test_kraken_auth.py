"""Keys, signatures, nonces and tokens of the simulated Kraken."""

import base64
from typing import Any
from urllib.parse import urlencode

import pytest

from adapters.simulator.kraken import STARTER
from adapters.simulator.kraken.auth import signature

FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("secret", "nonce", "body", "path", "expected"),
    [
        (
            "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg==",
            "1616492376594",
            "nonce=1616492376594&ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25",
            "/0/private/AddOrder",
            "4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbRn6H8ndwLUQ==",
        ),
        (
            base64.b64encode(b"\x01" * 32).decode(),
            "1700000000000000000",
            "nonce=1700000000000000000",
            "/0/private/Balance",
            "6i7+cpXVLDDnDOekgsRcgFQhkYFyPDSSxhSVA8OrA6vjziXcy2K1DP3n7f9B/Kgni71WjBSQusZKxduRsdF20Q==",
        ),
    ],
)
def test_the_official_vectors_of_signatures(secret: str, nonce: str, body: str, path: str, expected: str) -> None:
    assert signature(base64.b64decode(secret), path, nonce, body.encode()) == expected


def test_a_signed_request_is_answered_whatever_its_body_is_written_in(venue: Any) -> None:
    for ask in (venue.ask, venue.ask_json):
        assert ask("Balance") == {"error": [], "result": {"XXBT": "10.000000000", "ZUSD": "1000000.000000000"}}


@pytest.mark.parametrize("change", ["body", "path", "nonce", "sign", "key"])
def test_whatever_is_changed_after_signing_is_refused(venue: Any, change: str) -> None:
    nonce, path, key = 5, "/0/private/Balance", "keyA"
    body = urlencode({"nonce": nonce, "x": 1}).encode()
    sign = venue.sign("keyA", path, nonce, body)
    expected = "EAPI:Invalid signature"
    if change == "body":
        body = body.replace(b"x=1", b"x=2")
    elif change == "path":
        sign = venue.sign("keyA", "/0/private/BalanceEx", nonce, body)
    elif change == "nonce":
        sign = venue.sign("keyA", path, 6, body)
    elif change == "sign":
        sign = "A" + sign[1:] if sign[0] != "A" else "B" + sign[1:]
    else:
        key, expected = "nobody", "EAPI:Invalid key"
    assert venue.post("Balance", key, body, nonce, FORM, sign) == {"error": [expected]}


def test_a_nonce_is_above_all_before_it(venue: Any) -> None:
    def ask(nonce: object, key: str = "keyA") -> list[str]:
        body = urlencode({"nonce": nonce}).encode()
        return list(venue.post("GetApiKeyInfo", key, body, nonce, FORM)["error"])

    assert ask(1000) == []
    assert ask(1000) == ask(999) == ask(-1) == ask(2**64) == ask("x") == ["EAPI:Invalid nonce"]
    assert ask(1001) == []
    assert ask(5_000, "readA") == ask(4_500, "readA") == []  # its owner has given it a window of 1000
    assert ask(4_500, "readA") == ask(4_000, "readA") == ["EAPI:Invalid nonce"]


def test_a_nonce_is_used_up_by_a_request_that_is_refused_otherwise(venue: Any) -> None:
    body = urlencode({"nonce": 7}).encode()
    assert venue.post("AddOrder", "readA", body, 7, FORM)["error"] == ["EGeneral:Permission denied"]
    assert venue.post("AddOrder", "readA", body, 7, FORM)["error"] == ["EAPI:Invalid nonce"]


def test_permissions_are_told_and_held(venue: Any) -> None:
    assert "withdraw-funds" in venue.private("GetApiKeyInfo", "richA")["permissions"]
    assert "withdraw-funds" not in venue.private("GetApiKeyInfo")["permissions"]
    for name in ("AddOrder", "CancelAll", "ClosedOrders"):
        assert venue.ask(name, "readA")["error"] == ["EGeneral:Permission denied"]
    assert venue.private("OpenOrders", "readA") == {"open": {}}


def test_many_wrong_keys_lock_out_for_a_while(make_venue: Any) -> None:
    venue = make_venue(lockout_after=3, lockout_ns=60 * 10**9)
    for _ in range(3):
        assert venue.ask("Balance", "nobody")["error"] == ["EAPI:Invalid key"]
    assert venue.ask("Balance")["error"] == ["EGeneral:Temporary lockout"]
    venue.host.advance(60 * 10**9)
    assert venue.ask("Balance")["error"] == []


def test_rest_calls_are_counted_per_key_and_decay(make_venue: Any) -> None:
    venue = make_venue(tier=STARTER)
    for _ in range(3):
        assert venue.ask("TradesHistory")["error"] == []  # 4 each
    assert venue.ask("Balance")["error"] == venue.ask("Balance")["error"] == venue.ask("Balance")["error"] == []
    assert venue.ask("Balance")["error"] == ["EAPI:Rate limit exceeded"]
    assert venue.ask("Balance", "readA")["error"] == []  # another key
    assert venue.ask("CancelAll")["error"] == []  # trading is counted elsewhere
    venue.host.advance(3_000_000_000)
    assert venue.ask("Balance")["error"] == ["EAPI:Rate limit exceeded"]  # 0.33 a second
    venue.host.advance(40_000_000)
    assert venue.ask("Balance")["error"] == []


# -- tokens ------------------------------------------------------------------------------------------------------


def test_private_requests_need_a_token_that_was_handed_out(venue: Any) -> None:
    client = venue.socket()
    assert client.subscribe("executions")["error"] == "Token(s) not found"
    assert client.subscribe("executions", token="made up")["error"] == "EAPI:Invalid token"
    assert client.call("cancel_all", token="")["error"] == "Token(s) not found"
    client.log_on()
    assert client.trade("cancel_all")["result"] == {"count": 0}


def test_a_token_that_was_not_used_in_time_is_void(venue: Any) -> None:
    client = venue.socket().log_on()
    venue.host.advance(59 * 10**9)
    client.call("ping")
    for _ in range(15):
        venue.host.advance(59 * 10**9)
        client.call("ping")
    assert client.trade("cancel_all")["error"] == "ESession:Invalid session"


def test_a_token_lives_on_with_a_private_subscription_and_ends_with_it(venue: Any) -> None:
    client = venue.trader()
    venue.host.advance(1_000 * 10**9)
    assert client.trade("cancel_all")["success"]
    assert client.call("unsubscribe", channel="executions", token=client.token)["success"]
    assert client.trade("cancel_all")["error"] == "ESession:Invalid session"


def test_a_key_that_is_taken_away_ends_its_connections(venue: Any) -> None:
    client = venue.trader()
    venue.actor.revoke_key("keyA", venue.host.now_ns)
    assert client.is_closed
    assert venue.ask("Balance")["error"] == ["EAPI:Invalid key"]
    venue.actor.restore_key("keyA")
    assert venue.ask("Balance")["error"] == []


def test_a_key_that_may_only_read_cannot_trade_over_websocket(venue: Any, make_order: Any) -> None:
    client = venue.socket("readA").log_on()
    assert client.follow("balances")
    assert client.trade("add_order", **make_order())["error"] == "EGeneral:Permission denied"
