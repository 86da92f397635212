"""Signatures: every vector that is published or that was made with a published key."""

import pytest

from adapters.binance.signing import (
    Credentials,
    Ed25519Signer,
    HmacSigner,
    KeyType,
    make_signer,
    query_string,
    signed_query,
    websocket_payload,
)
from engine.errors import UsageError

HMAC_KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
HMAC_SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
#: The first test key of RFC 8032.
RFC_SECRET = "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g"
RFC_API_KEY = "4yNzx3yWC5bS6YTwEkSRaC0nRmSQIIStAUOh1b6kqaBrTLIhjCpI5lJH8q8R8WNO"
LOGON_SECRET = "MC4CAQAwBQYDK2VwBCIEIKpUYyNZ0pOcbuqxHgXnmrV2veFbP/dEJosCjJXalt22"
LOGON_API_KEY = "IUA8RM0EJObe4X7UWxy74jAp6s2TJL2flZgDoxzx5AU3ws1I81Gr8ID3MVwfnYVD"
WIDE = "１２３４５６"


def rest_hmac_order(symbol: str) -> list[tuple[str, str | int]]:
    return [
        ("symbol", symbol),
        ("side", "BUY"),
        ("type", "LIMIT"),
        ("timeInForce", "GTC"),
        ("quantity", "1"),
        ("price", "0.1"),
        ("recvWindow", 5000),
        ("timestamp", 1499827319559),
    ]


@pytest.mark.parametrize(
    ("symbol", "encoded", "signature"),
    [
        ("LTCBTC", "LTCBTC", "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"),
        (
            WIDE,
            "%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96",
            "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3",
        ),
    ],
)
def test_rest_hmac(symbol: str, encoded: str, signature: str) -> None:
    payload = (
        f"symbol={encoded}&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000"
        "&timestamp=1499827319559"
    )
    signer = HmacSigner(HMAC_KEY, HMAC_SECRET)
    assert query_string(rest_hmac_order(symbol)) == payload
    assert signed_query(signer, rest_hmac_order(symbol)) == f"{payload}&signature={signature}"


@pytest.mark.parametrize(
    ("changed", "signature"),
    [
        (
            {"symbol": "BTCUSDT", "side": "SELL", "price": "52000.00", "quantity": "0.01000000", "recvWindow": 100},
            "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24",
        ),
        (
            {"symbol": WIDE, "side": "BUY", "price": "0.10000000", "quantity": "1.00000000", "recvWindow": 5000},
            "b33892ae8e687c939f4468c6268ddd4c40ac1af18ad19a064864c47bae0752cd",
        ),
    ],
)
def test_websocket_hmac(changed: dict[str, str | int], signature: str) -> None:
    params = {"type": "LIMIT", "timeInForce": "GTC", "timestamp": 1645423376532, "apiKey": HMAC_KEY, **changed}
    assert HmacSigner(HMAC_KEY, HMAC_SECRET).sign(websocket_payload(params)) == signature


def test_a_signer_keeps_no_state_between_signatures() -> None:
    signer = HmacSigner(HMAC_KEY, HMAC_SECRET)
    assert signer.sign(b"a") == signer.sign(b"a")
    assert signer.sign(b"a") != signer.sign(b"b")


@pytest.mark.parametrize(
    ("symbol", "signature"),
    [
        ("BTCUSDT", "XtZirsmmi0noRzUfkqktvkVfxpkq%2FWtbLg2UOL3QGYdUBZVlqOBEMuEVw8zioY93N54NcKj9UuAXQEa9zgTDBg%3D%3D"),
        (WIDE, "FWYdifsZ1T%2BXvAR4JXeCD399kQM9CBUnEKjWb0%2BjS1X00g%2BLgvtR8uBv2T7dn1gFf9GPIhHnYlM%2B6vBsJOnMDA%3D%3D"),
    ],
)
def test_rest_ed25519(symbol: str, signature: str) -> None:
    params: list[tuple[str, str | int]] = [
        ("symbol", symbol),
        ("side", "SELL"),
        ("type", "LIMIT"),
        ("timeInForce", "GTC"),
        ("quantity", "1"),
        ("price", "0.2"),
        ("timestamp", 1668481559918),
        ("recvWindow", 5000),
    ]
    query = signed_query(Ed25519Signer(RFC_API_KEY, RFC_SECRET), params)
    assert query.rpartition("&signature=")[2] == signature


@pytest.mark.parametrize(
    ("params", "signature"),
    [
        (
            {
                "symbol": "BTCUSDT",
                "side": "SELL",
                "type": "LIMIT",
                "timeInForce": "GTC",
                "price": "52000.00",
                "quantity": "0.01000000",
                "recvWindow": 100,
                "timestamp": 1645423376532,
            },
            "Ws+5m/CMnpkko0uBFxGTZ2+fjqqBXsUjRiaz173fPhXTkhoDBYNZ6wcYNeWItdrGn1pvG7vkwx2fhmJdAZ3KDQ==",
        ),
        (
            {
                "symbol": WIDE,
                "side": "BUY",
                "type": "LIMIT",
                "timeInForce": "GTC",
                "price": "0.10000000",
                "quantity": "1.00000000",
                "recvWindow": 5000,
                "timestamp": 1645423376532,
            },
            "D9qsPwF4+5CtkHZSVBhuAMVox387CQQsJXplSDXUw3C2vnuMJnxjuengedC0IGpvJFxazfP45NwzN0eAQ8gaBg==",
        ),
        (
            {"timestamp": 1649729878532},
            "NBJq5sX1RkU7ta3XDctruMgnrhyBcouMvvPIxxQSCUbVWxhp3ai6W7a0Iip/3nOwmJxkVIv6n20cekYCOa5qAg==",
        ),
    ],
)
def test_websocket_ed25519(params: dict[str, str | int], signature: str) -> None:
    payload = websocket_payload({**params, "apiKey": RFC_API_KEY})
    assert Ed25519Signer(RFC_API_KEY, RFC_SECRET).sign(payload) == signature


def test_logon_signature_of_another_implementation() -> None:
    signer = make_signer(Credentials(LOGON_API_KEY, KeyType.ED25519, LOGON_SECRET))
    assert signer.can_log_on
    payload = websocket_payload({"timestamp": 1674303865000, "apiKey": LOGON_API_KEY})
    assert payload == f"apiKey={LOGON_API_KEY}&timestamp=1674303865000".encode()
    assert signer.sign(payload) == (
        "imcEenTd/ElJ8eQ0n7Hx2QGTd4lX+/uJFRG/8HqdzOkMhyyFG8h5MtjqucuBPnTFbBiAkVXqt5QvVK0r4kFxDA=="
    )


def test_ed25519_key_as_pem() -> None:
    pem = f"-----BEGIN PRIVATE KEY-----\n{RFC_SECRET}\n-----END PRIVATE KEY-----\n"
    assert Ed25519Signer(RFC_API_KEY, pem).sign(b"x") == Ed25519Signer(RFC_API_KEY, RFC_SECRET).sign(b"x")


@pytest.mark.parametrize(
    "secret", ["not base64!", "MC4CAQAwBQYDK2VuBCIEIA==", "-----BEGIN PRIVATE KEY-----\nzz\n", "AAAA"]
)
def test_a_key_that_cannot_be_used_is_refused_without_being_shown(secret: str) -> None:
    with pytest.raises(UsageError, match="Ed25519 secret") as failure:
        make_signer(Credentials("key", KeyType.ED25519, secret))
    assert secret not in str(failure.value)
    assert failure.value.__cause__ is None


@pytest.mark.parametrize(("key", "secret"), [("", "s"), ("k", ""), ("k y", "s"), ("ké", "s"), ("k\n", "s")])
def test_credentials_that_cannot_be_are_refused(key: str, secret: str) -> None:
    with pytest.raises(UsageError, match="credentials"):
        make_signer(Credentials(key, KeyType.HMAC, secret))


def test_the_secret_is_in_no_repr() -> None:
    assert HMAC_SECRET not in repr(Credentials(HMAC_KEY, KeyType.HMAC, HMAC_SECRET))
