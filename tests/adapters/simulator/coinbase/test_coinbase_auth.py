"""Keys and tokens of the simulated Coinbase."""

from typing import Any

import pytest

from adapters.simulator.coinbase import SimAccount, SimKey, VenueOptions
from adapters.simulator.coinbase.auth import KeyRing
from adapters.simulator.coinbase.errors import HttpError
from engine.errors import UsageError
from engine.instrument import NANOS

KID = "organizations/test-organization/apiKeys/test-api-key"
ED_PUBLIC = bytes.fromhex("ce2ac440c20caba4440b781b52d739d39b33d7e97af678e5a9cf1ea75bc92790")
EC_PUBLIC = b"\x04" + bytes.fromhex(
    "6c0b692e54996153b06080b3fae132c5c4b6f6f448ba38844bf810d430bb155e"
    "332b826e604f6fa83c866506237571cb33b23a7ff4279ce2132fe75761604744"
)
ED_HEAD = (
    "eyJhbGciOiJFZERTQSIsImtpZCI6Im9yZ2FuaXphdGlvbnMvdGVzdC1vcmdhbml6YXRpb24vYXBpS2V5cy90ZXN0LWFwaS1rZXkiLCJub25jZSI6"
    "IjAwMTEyMjMzNDQ1NTY2Nzc4ODk5YWFiYmNjZGRlZWZmIiwidHlwIjoiSldUIn0"
)
ED_REST = (
    f"{ED_HEAD}.eyJzdWIiOiJvcmdhbml6YXRpb25zL3Rlc3Qtb3JnYW5pemF0aW9uL2FwaUtleXMvdGVzdC1hcGkta2V5IiwiaXNzIjoiY2RwIiwi"
    "bmJmIjoxNzAwMDAwMDAwLCJleHAiOjE3MDAwMDAxMjAsInVyaSI6IkdFVCBhcGkuY29pbmJhc2UuY29tL2FwaS92My9icm9rZXJhZ2UvYWNjb3Vu"
    "dHMifQ.VKxvz0b5LzwhWX-Fz9sB1un4A3tuMxE5h_BbeY_tyyiZjwfoH7TDfKQYpucjbLrQcAjvRpEL1hXPGIS0SB3YAA"
)
ED_SOCKET = (
    f"{ED_HEAD}.eyJzdWIiOiJvcmdhbml6YXRpb25zL3Rlc3Qtb3JnYW5pemF0aW9uL2FwaUtleXMvdGVzdC1hcGkta2V5IiwiaXNzIjoiY2RwIiwi"
    "bmJmIjoxNzAwMDAwMDAwLCJleHAiOjE3MDAwMDAxMjB9.loRlsE9Nxjitd6W4MzwGyPoFMZGVdgR6lfquZdzuth30OuwBjIKI6ZrExlgf860l0Kb4"
    "2aWZFNB9W_NaE78CAQ"
)
EC_REST = (
    "eyJhbGciOiJFUzI1NiIsImtpZCI6Im9yZ2FuaXphdGlvbnMvdGVzdC1vcmdhbml6YXRpb24vYXBpS2V5cy90ZXN0LWFwaS1rZXkiLCJub25jZSI6"
    "IjAwMTEyMjMzNDQ1NTY2Nzc4ODk5YWFiYmNjZGRlZWZmIiwidHlwIjoiSldUIn0.eyJzdWIiOiJvcmdhbml6YXRpb25zL3Rlc3Qtb3JnYW5pemF0a"
    "W9uL2FwaUtleXMvdGVzdC1hcGkta2V5IiwiaXNzIjoiY2RwIiwibmJmIjoxNzAwMDAwMDAwLCJleHAiOjE3MDAwMDAxMjAsInVyaSI6IlBPU1QgY"
    "XBpLmNvaW5iYXNlLmNvbS9hcGkvdjMvYnJva2VyYWdlL29yZGVycyJ9.snqvr1R6HvDlABvj4sxW2cOHGtn70rnWK9Y1oQ7ijVfDIfNsaUKx0Lzhc"
    "SfbEKxdsuCMbrL_NP1ss_YE-uHGGw"
)
THEN = 1_700_000_030 * NANOS


def ring(public_key: bytes) -> KeyRing:
    return KeyRing([("a", SimKey(KID, public_key))], VenueOptions())


def test_tokens_of_both_kinds_are_verified_as_the_vectors_have_them() -> None:
    ed, es = ring(ED_PUBLIC), ring(EC_PUBLIC)
    assert ed.rest(f"Bearer {ED_REST}", "GET", "/api/v3/brokerage/accounts", THEN).account == "a"
    assert es.rest(f"Bearer {EC_REST}", "POST", "/api/v3/brokerage/orders", THEN).account == "a"
    assert ring(ED_PUBLIC).websocket(ED_SOCKET, THEN).account == "a"


def test_a_token_is_for_one_use_one_path_and_two_minutes() -> None:
    keys = ring(ED_PUBLIC)
    path, bearer = "/api/v3/brokerage/accounts", f"Bearer {ED_REST}"
    for method, where, at in (
        ("POST", path, THEN),
        ("GET", path + "/x", THEN),
        ("GET", path, 1_700_000_120 * NANOS),
        ("GET", path, 1_699_999_998 * NANOS),
    ):
        with pytest.raises(HttpError):
            keys.rest(bearer, method, where, at)
    assert keys.rest(bearer, "GET", path, 1_699_999_999 * NANOS)  # a second of grace
    with pytest.raises(HttpError):
        keys.rest(bearer, "GET", path, THEN)


@pytest.mark.parametrize("place", range(0, len(ED_SOCKET), 23))
def test_any_other_letter_breaks_a_token(place: int) -> None:
    letter = "A" if ED_SOCKET[place] != "A" else "B"
    with pytest.raises(HttpError):
        ring(ED_PUBLIC).websocket(ED_SOCKET[:place] + letter + ED_SOCKET[place + 1 :], THEN)


@pytest.mark.parametrize("token", ["", "a", "..", "a.b.c", "é.é.é", f"{ED_HEAD}..", f"{ED_HEAD}.e30.", None, 7, ["x"]])
def test_what_is_no_token_is_refused(token: object) -> None:
    with pytest.raises(HttpError):
        ring(ED_PUBLIC).websocket(token, THEN)


@pytest.mark.parametrize(
    ("head", "claims"),
    [
        ({"alg": "none"}, {}),
        ({"alg": "EdDSA"}, {}),
        ({"nonce": ""}, {}),
        ({"nonce": 5}, {}),
        ({"kid": "keyB"}, {}),
        ({"kid": "nobody"}, {}),
        ({}, {"iss": "coinbase-cloud"}),
        ({}, {"sub": "keyB"}),
        ({}, {"exp": 2**40}),
        ({}, {"nbf": "0"}),
        ({}, {"nbf": True}),
        ({}, {"uri": "GET api.coinbase.com/api/v3/brokerage/accounts?limit=3"}),
        ({}, {"uri": "GET localhost/api/v3/brokerage/accounts"}),
    ],
)
def test_what_a_token_says_has_to_be_right(venue: Any, head: dict[str, Any], claims: dict[str, Any]) -> None:
    uri = venue.uri("GET", "accounts")
    status, answer = venue.raw("GET", "accounts", venue.token("keyA", uri, head, **claims))
    assert (status, answer) == (401, b"Unauthorized\n")
    assert venue.raw("GET", "accounts", venue.token("keyA", uri))[0] == 200


def test_without_a_token_nothing_private_is_answered(venue: Any) -> None:
    for name in ("accounts", "products", "orders/historical/batch", "key_permissions", "nowhere"):
        assert venue.raw("GET", name, None) == (401, b"Unauthorized\n")


def test_a_key_may_do_what_it_may(venue: Any) -> None:
    permissions = venue.ok(venue.get("key_permissions", key="richA"))
    assert (permissions["can_view"], permissions["can_trade"], permissions["can_transfer"]) == (True, True, True)
    assert venue.ok(venue.get("key_permissions", key="readA"))["can_trade"] is False
    status, answer = venue.post("orders", venue.order(base_size="1", limit_price="100"), "readA")
    assert (status, answer["error"], answer["error_details"]) == (403, "PERMISSION_DENIED", "Missing required scopes")
    assert venue.get("accounts", key="readA")[0] == 200


def test_a_key_that_is_taken_away_is_refused_and_its_channel_closed(venue: Any) -> None:
    mine, other = venue.socket().follow_orders(), venue.socket("keyB").follow_orders()
    venue.actor.revoke_key("keyA", venue.host.now_ns)
    assert venue.get("accounts")[0] == 401
    assert (mine.is_closed, other.is_closed) == (True, False)
    venue.actor.restore_key("keyA")
    assert venue.get("accounts")[0] == 200


@pytest.mark.parametrize("public_key", [b"", b"x" * 33, b"\x04" + b"x" * 64])
def test_a_key_that_is_none_is_named(public_key: bytes) -> None:
    with pytest.raises(UsageError, match="account a: API key 'k' needs a public key"):
        KeyRing([("a", SimKey("k", public_key))], VenueOptions())
    account = SimAccount("a", (SimKey("k", ED_PUBLIC),), ())
    with pytest.raises(UsageError, match="given twice"):
        KeyRing([("a", account.keys[0]), ("b", account.keys[0])], VenueOptions())
