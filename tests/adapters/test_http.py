"""HTTP client: responses whole and byte by byte, keep-alive, bounds, and everything that is not HTTP."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.http import HttpClient, HttpResponse
from engine.errors import UsageError, VenueError

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-MBX-USED-WEIGHT-1M: 7\r\n\r\n{}"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"


def asked() -> HttpClient:
    client = HttpClient("venue.test", body_bytes_max=100)
    client.request("GET", "/api/v3/time", {})
    return client


def test_request_bytes() -> None:
    client = HttpClient("venue.test", body_bytes_max=100)
    data = client.request("DELETE", "/api/v3/order?symbol=A", {"X-MBX-APIKEY": "key"})
    assert data.startswith(b"DELETE /api/v3/order?symbol=A HTTP/1.1\r\n")
    assert b"host: venue.test\r\n" in data.lower()
    assert b"\r\nX-MBX-APIKEY: key\r\n" in data
    assert data.endswith(b"\r\n\r\n")


def test_a_request_with_a_body() -> None:
    client = HttpClient("venue.test", body_bytes_max=100)
    data = client.request("POST", "/0/private/Balance", {}, b"nonce=1")
    head, _, body = data.partition(b"\r\n\r\n")
    assert b"content-length: 7" in head.lower()
    assert body == b"nonce=1"


@pytest.mark.parametrize("data", [OK, CHUNKED])
@pytest.mark.parametrize("step", [1, 10_000])
def test_response_whole_and_byte_by_byte_and_the_connection_again(data: bytes, step: int) -> None:
    client = asked()
    for _ in range(3):
        got = [client.receive(data[at : at + step]) for at in range(0, len(data), step)]
        assert got[:-1] == [None] * (len(got) - 1)
        assert isinstance(got[-1], HttpResponse)
        assert (got[-1].status, got[-1].body) == (200, b"{}")
        assert client.is_idle
        assert client.is_reusable
        client.request("GET", "/api/v3/time", {})


def test_header_names_are_lower_case() -> None:
    response = asked().receive(OK)
    assert response is not None
    assert response.headers["x-mbx-used-weight-1m"] == "7"


def test_a_second_request_waits_for_the_response() -> None:
    client = asked()
    assert not client.is_idle
    with pytest.raises(UsageError, match="/api/v3/order: the connection is busy"):
        client.request("GET", "/api/v3/order?secret=1", {})


def test_connection_close_is_seen() -> None:
    client = asked()
    response = client.receive(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}")
    assert response is not None
    assert not client.is_reusable
    assert not client.is_idle


def test_body_until_the_end_of_the_connection() -> None:
    client = asked()
    assert client.receive(b"HTTP/1.1 503 Down\r\n\r\n<html>") is None
    response = client.receive(b"")
    assert response is not None
    assert (response.status, response.body) == (503, b"<html>")
    assert not client.is_reusable


def test_interim_responses_are_skipped() -> None:
    response = asked().receive(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + OK)
    assert response is not None
    assert response.status == 200


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n" + b"x" * 101,
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20_000,
        b"SSH-2.0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"",
    ],
)
def test_what_is_not_a_response_is_a_venue_error(data: bytes) -> None:
    with pytest.raises(VenueError):
        asked().receive(data)


def test_an_answer_to_nothing_is_a_venue_error() -> None:
    client = asked()
    assert client.receive(OK) is not None
    with pytest.raises(VenueError):
        client.receive(OK)


def test_an_idle_connection_may_close() -> None:
    client = asked()
    client.receive(OK)
    assert client.receive(b"") is None
    assert not client.is_reusable


@given(data=st.binary(max_size=200), step=st.integers(1, 200))
def test_hostile_bytes_raise_venue_errors_only(data: bytes, step: int) -> None:
    client = asked()
    try:
        for at in range(0, len(data), step):
            client.receive(data[at : at + step])
    except VenueError:
        assert not client.is_idle
