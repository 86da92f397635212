"""WebSocket client: our two fast paths against the library's own protocol machines, whole and byte by byte."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.utils import accept_key

from adapters.websocket import HandshakeRefused, WebSocketClient, masked_text

LIMIT = 1_000


def answer(request: bytes) -> bytes:
    key = re.search(rb"Sec-WebSocket-Key: (.+)\r\n", request)
    assert key is not None
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
        + accept_key(key[1].decode()).encode()
        + b"\r\n\r\n"
    )


def opened() -> WebSocketClient:
    client = WebSocketClient("wss://venue.test/stream", LIMIT)
    assert client.receive(answer(client.handshake())) == []
    assert client.is_open
    return client


def frame(opcode: Opcode, payload: bytes, fin: bool = True) -> bytes:
    return Frame(opcode, payload, fin).serialize(mask=False)


def feed(client: WebSocketClient, data: bytes, step: int) -> list[bytes]:
    return [message for at in range(0, len(data), step) for message in client.receive(data[at : at + step])]


def test_handshake_asks_for_the_path_and_offers_no_extension() -> None:
    request = WebSocketClient("wss://venue.test:9443/ws-api/v3?timeUnit=MICROSECOND", LIMIT).handshake()
    assert request.startswith(b"GET /ws-api/v3?timeUnit=MICROSECOND HTTP/1.1\r\n")
    assert b"Host: venue.test:9443\r\n" in request
    assert b"Extensions" not in request


@pytest.mark.parametrize("step", [1, 3, 10_000])
def test_messages_control_frames_and_fragments_in_order(step: int) -> None:
    client = WebSocketClient("ws://venue.test/", LIMIT)
    data = (
        answer(client.handshake())
        + frame(Opcode.TEXT, b"one")
        + frame(Opcode.PING, b"tick")
        + frame(Opcode.TEXT, b"tw", fin=False)
        + frame(Opcode.PING, b"tock")
        + frame(Opcode.CONT, b"o")
        + frame(Opcode.BINARY, b"x" * 200)
    )
    assert feed(client, data, step) == [b"one", b"two", b"x" * 200]
    assert client.failure is None
    server = ServerProtocol(state=State.OPEN)
    server.receive_data(client.outgoing())
    assert [bytes(event.data) for event in server.events_received() if isinstance(event, Frame)] == [b"tick", b"tock"]


_FRAMES = st.lists(
    st.one_of(
        st.builds(lambda p: [frame(Opcode.TEXT, p)], st.binary(max_size=LIMIT)),
        st.builds(lambda p: [frame(Opcode.BINARY, p)], st.binary(max_size=130)),
        st.builds(lambda p: [frame(Opcode.PING, p)], st.binary(max_size=125)),
        st.builds(
            lambda a, b: [frame(Opcode.TEXT, a, fin=False), frame(Opcode.CONT, b)],
            st.binary(max_size=200),
            st.binary(max_size=200),
        ),
    ),
    max_size=6,
)


@given(groups=_FRAMES, cuts=st.lists(st.integers(1, 300), min_size=1, max_size=20))
@settings(deadline=None)
def test_any_cut_of_the_stream_gives_the_same_messages(groups: list[list[bytes]], cuts: list[int]) -> None:
    data = b"".join(part for group in groups for part in group)
    whole, cut = opened(), opened()
    expected = whole.receive(data)
    got, at, turn = [], 0, 0
    while at < len(data):
        step = cuts[turn % len(cuts)]
        got += cut.receive(data[at : at + step])
        at, turn = at + step, turn + 1
    assert got == expected
    assert len(expected) == sum(1 for group in groups if not group[0].startswith(b"\x89"))
    assert whole.failure is None
    assert cut.failure is None


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (frame(Opcode.TEXT, b"x" * (LIMIT + 1)), "exceeds limit"),
        (b"\x81\x7f" + (2**63 - 1).to_bytes(8, "big"), "exceeds limit"),
        (b"\x83\x00", "opcode"),
        (b"\xc1\x00", "reserved"),
        (b"\x81\x80abcd", "masking"),
        (frame(Opcode.CONT, b"x"), "continuation"),
        (frame(Opcode.TEXT, b"x", fin=False) + frame(Opcode.TEXT, b"y"), "continuation"),
        (b"\x89\x7e\x00\x7e" + b"x" * 126, "too long"),
        (frame(Opcode.CLOSE, b"\x03\xe9bye"), "going away"),
        (frame(Opcode.CLOSE, b"\x03"), "too short"),
    ],
)
@pytest.mark.parametrize("step", [1, 10_000])
def test_a_break_keeps_what_came_before_it_and_tells_why(broken: bytes, why: str, step: int) -> None:
    client = opened()
    assert feed(client, frame(Opcode.TEXT, b"kept") + broken + frame(Opcode.TEXT, b"lost"), step) == [b"kept"]
    assert re.search(why, str(client.failure))
    assert not client.is_open
    assert client.receive(frame(Opcode.TEXT, b"lost")) == []


def test_fragments_together_are_bounded() -> None:
    client = opened()
    client.receive(frame(Opcode.TEXT, b"x" * 600, fin=False))
    assert client.receive(frame(Opcode.CONT, b"x" * 600)) == []
    assert client.failure is not None


def test_refused_handshake_tells_status_and_headers() -> None:
    client = WebSocketClient("ws://venue.test/", LIMIT)
    client.handshake()
    head = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 12\r\nContent-Length: 9999\r\n\r\n{"
    assert feed(client, head, 1) == []
    assert isinstance(client.failure, HandshakeRefused)
    assert client.failure.status == 429
    assert client.failure.headers["retry-after"] == "12"


@pytest.mark.parametrize(
    "head",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: bm90IGl0\r\n\r\n"
        ),
        b"HTTP/1.1 1_1 x\r\n\r\n",
        b"x" * 20_000,
    ],
)
def test_an_answer_that_is_no_handshake_is_a_failure(head: bytes) -> None:
    client = WebSocketClient("ws://venue.test/", LIMIT)
    client.handshake()
    client.receive(head)
    assert client.failure is not None


@given(data=st.binary(max_size=400))
def test_hostile_bytes_never_raise(data: bytes) -> None:
    opened().receive(data)
    client = WebSocketClient("ws://venue.test/", LIMIT)
    client.handshake()
    client.receive(data)


@given(payload=st.binary(max_size=70_000), mask=st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_masked_text_is_what_a_server_reads(payload: bytes, mask: int) -> None:
    server = ServerProtocol(state=State.OPEN)
    server.receive_data(masked_text(payload, mask))
    (event,) = server.events_received()
    assert isinstance(event, Frame)
    assert event.opcode is Opcode.TEXT
    assert event.fin
    assert bytes(event.data) == payload


def test_close_is_sent_once() -> None:
    client = opened()
    assert client.close()
    assert not client.close()
