"""Endpoints are encrypted, or on this very host; nothing secret travels in a URL."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.urls import is_loopback, url_problem

WEB_SOCKET = ("wss", "ws")


@pytest.mark.parametrize(
    "text",
    [
        "wss://venue.example/ws-api/v3",
        "wss://venue.example:9443",
        "wss://10.1.2.3/x",
        "ws://localhost:8080/stream",
        "ws://127.0.0.1",
        "ws://127.255.0.9:1/",
        "ws://[::1]:8080",
        "WSS://VENUE.EXAMPLE",
    ],
)
def test_encrypted_anywhere_and_plain_on_loopback_is_right(text: str) -> None:
    assert url_problem(text, WEB_SOCKET) is None


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("ws://venue.example", "in clear"),
        ("ws://10.0.0.1", "in clear"),
        ("ws://0.0.0.0:80", "in clear"),
        ("ws://127.0.0.1.venue.example", "in clear"),
        ("ws://localhost.venue.example", "in clear"),
        ("ws://[::2]", "in clear"),
        ("ws://2130706433", "in clear"),
        ("https://venue.example", "does not start with wss://"),
        ("venue.example", "does not start"),
        ("", "spaces"),
        ("wss://", "no host"),
        ("wss:///path", "no host"),
        ("wss://venue.example:99999", "not a URL"),
        ("wss://venue.example:port", "not a URL"),
        ("wss://[::1", "not a URL"),
        ("wss://venue.example:0", "port 0"),
        ("wss://key:secret@venue.example", "user name or password"),
        ("wss://@venue.example", "user name or password"),
        ("wss://venue.example?api_key=1", "query"),
        ("wss://venue.example/#", "fragment"),
        ("wss://venue.example/?", "query"),
        ("wss://venue .example", "spaces"),
        ("wss://venue.example\n", "control"),
        ("wss://vénue.example", "non-ASCII"),
    ],
)
def test_what_is_wrong_is_named(text: str, named: str) -> None:
    wrong = url_problem(text, WEB_SOCKET)
    assert wrong is not None
    assert named in wrong[0]
    assert wrong[1]


@given(st.text())
def test_any_text_has_an_answer(text: str) -> None:
    wrong = url_problem(text, WEB_SOCKET)
    assert wrong is None or all(wrong)


@given(st.ip_addresses())
def test_addresses_are_loopback_when_the_standard_says_so(address: object) -> None:
    assert is_loopback(str(address)) == address.is_loopback  # type: ignore[attr-defined]
