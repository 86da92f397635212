"""The WebSocket side of a simulated venue: handshake, frames whole and in pieces, fragments, violations."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.uri import parse_uri

from adapters.simulator.http_server import HttpRequest, HttpResponse, HttpServer
from adapters.simulator.websocket_server import (
    WebSocketMessage,
    WebSocketPing,
    WebSocketPong,
    WebSocketServer,
    text_frame,
)


def connected() -> tuple[ClientProtocol, WebSocketServer]:
    client = ClientProtocol(parse_uri("ws://venue.test/ws"))
    client.send_request(client.connect())
    http = HttpServer(lambda request: HttpResponse(500))
    for data in client.data_to_send():
        http.receive_data(data)
    assert http.upgrade is not None
    answer, server = WebSocketServer.accept(http.upgrade)
    assert server is not None
    assert b"\r\nDate:" not in answer
    client.receive_data(answer)
    (response,) = client.events_received()
    assert isinstance(response, Response)
    assert client.state is State.OPEN
    return client, server


def sent(client: ClientProtocol) -> bytes:
    return b"".join(client.data_to_send())


@pytest.mark.parametrize("step", [1, 1_000])
def test_messages_fragments_pings_and_pongs(step: int) -> None:
    client, server = connected()
    client.send_text(b"one")
    client.send_text(b"tw", fin=False)
    client.send_ping(b"between")
    client.send_continuation(b"o", fin=True)
    client.send_binary(b"\x00")
    client.send_pong(b"mine")
    data = sent(client)
    events = [event for start in range(0, len(data), step) for event in server.receive_data(data[start : start + step])]
    assert events == [
        WebSocketMessage(b"one", True),
        WebSocketPing(b"between"),
        WebSocketMessage(b"two", True),
        WebSocketMessage(b"\x00", False),
        WebSocketPong(b"mine"),
    ]
    client.receive_data(server.outgoing())
    (pong,) = client.events_received()
    assert isinstance(pong, Frame)
    assert (pong.opcode, bytes(pong.data)) == (Opcode.PONG, b"between")


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
def test_text_frames_of_every_length_class(size: int) -> None:
    client, _ = connected()
    client.receive_data(text_frame(b"x" * size))
    (frame,) = client.events_received()
    assert isinstance(frame, Frame)
    assert (frame.opcode, bytes(frame.data)) == (Opcode.TEXT, b"x" * size)


def test_ping_and_close_from_the_server() -> None:
    client, server = connected()
    server.ping(b"now")
    server.close(1008, "enough")
    client.receive_data(server.outgoing())
    ping, close = client.events_received()
    assert isinstance(ping, Frame)
    assert isinstance(close, Frame)
    assert (ping.opcode, close.opcode) == (Opcode.PING, Opcode.CLOSE)
    assert server.closed
    assert server.receive_data(sent(client)) == []
    server.ping(b"late")
    assert server.outgoing() == b""


def test_closing_handshake_from_the_client() -> None:
    client, server = connected()
    client.send_close(1000, "done")
    assert server.receive_data(sent(client)) == []
    assert server.closed
    client.receive_data(server.outgoing())
    assert client.close_rcvd is not None


@pytest.mark.parametrize(
    "data",
    [
        b"\x81\x03abc",  # not masked
        b"\xf1\x80\x00\x00\x00\x00",  # reserved bits
        b"\x80\x80\x00\x00\x00\x00",  # a continuation of nothing
        b"\x81\xff\x00\x00\x00\x00\x7f\xff\xff\xff\x00\x00\x00\x00",  # far too long
    ],
)
def test_violations_close_the_connection(data: bytes) -> None:
    _, server = connected()
    assert server.receive_data(data) == []
    assert server.closed
    assert server.outgoing()[:1] == b"\x88"


@pytest.mark.parametrize("missing", ["sec-websocket-key", "sec-websocket-version", "connection"])
def test_bad_handshakes(missing: str) -> None:
    headers = {
        "host": "x",
        "upgrade": "websocket",
        "connection": "Upgrade",
        "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
        "sec-websocket-version": "13",
    }
    del headers[missing]
    answer, server = WebSocketServer.accept(HttpRequest("GET", "/ws", headers, b""))
    assert server is None
    assert answer.startswith(b"HTTP/1.1 4")


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_no_bytes_raise(chunks: list[bytes]) -> None:
    _, server = connected()
    for chunk in chunks:
        server.receive_data(chunk)
        server.outgoing()
