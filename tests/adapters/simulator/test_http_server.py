"""The HTTP side of a simulated venue: requests whole and in pieces, pipelined, too large, and not HTTP at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.simulator.http_server import HttpRequest, HttpResponse, HttpServer


def echo(request: HttpRequest) -> HttpResponse:
    return HttpResponse(200, f"{request.method} {request.target} ".encode() + request.body, (("X-Test", "1"),))


TWO = b"GET /a?b=%20c HTTP/1.1\r\nHost: x\r\n\r\nPOST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"


@pytest.mark.parametrize("step", [1, 3, 1_000])
def test_pipelined_requests_are_answered_in_order(step: int) -> None:
    server = HttpServer(echo)
    out = b"".join(server.receive_data(TWO[start : start + step]) for start in range(0, len(TWO), step))
    first, second = out.split(b"HTTP/1.1 200")[1:]
    assert first.endswith(b"\r\n\r\nGET /a?b=%20c ")
    assert second.endswith(b"\r\n\r\nPOST /b body")
    assert b"X-Test: 1" in first
    assert not server.closed


def test_connection_close_and_head() -> None:
    server = HttpServer(echo)
    out = server.receive_data(b"HEAD /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert out.endswith(b"\r\n\r\n")
    assert server.closed
    assert server.receive_data(TWO) == b""


def test_expect_continue() -> None:
    server = HttpServer(echo)
    out = server.receive_data(b"POST /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    assert out.startswith(b"HTTP/1.1 100")
    assert server.receive_data(b"ok").endswith(b"POST /a ok")


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20_000, b"431"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n\r\n" + b"a" * 70_000, b"413"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (b"\x16\x03\x01 TLS?\r\n\r\n", b"400"),
    ],
)
def test_what_is_not_acceptable_is_answered_and_ends_the_connection(data: bytes, status: bytes) -> None:
    server = HttpServer(echo)
    assert server.receive_data(data).startswith(b"HTTP/1.1 " + status)
    assert server.closed


def test_an_upgrade_keeps_the_bytes_that_follow_it() -> None:
    server = HttpServer(echo)
    request = b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    assert server.receive_data(request + b"\x81\x80") == b""
    assert server.upgrade is not None
    assert server.upgrade.target == "/ws"
    assert server.trailing == b"\x81\x80"
    assert server.refuse_upgrade(HttpResponse(404, b"no")).startswith(b"HTTP/1.1 404")
    assert server.closed


@given(st.lists(st.binary(max_size=60), max_size=8))
def test_no_bytes_raise(chunks: list[bytes]) -> None:
    server = HttpServer(echo)
    for chunk in chunks:
        server.receive_data(chunk)
