"""Peer links, seen from a raw socket: what is malformed drops its link and nothing else; a slow reader is bounded."""

import asyncio
import itertools
import socket
import struct
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from runtime_probe import Probe, note, quote
from runtime_worlds import HostsWorld

from actors.runtime.dispatch import CellState
from actors.runtime.peer import PeerCounters, PeerLink
from engine.frame import encode_frame
from engine.messages import SCHEMA_VERSION, Hello, Message, Quote, decode_message, encode_message


def frames(*messages: Message) -> bytes:
    return b"".join(encode_frame(encode_message(message)) for message in messages)


def hello(name: str, version: int = SCHEMA_VERSION) -> Hello:
    return Hello(name, version, "")


class RawPeer:
    """A peer without manners: it sends what it is told to and reads only when asked."""

    def __init__(self, world: HostsWorld, actor: str) -> None:
        self._loop = world.loop
        self._run = world.runner.run
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.setblocking(False)
        self._run(self._loop.sock_connect(self.socket, f"{world.settings.run_dir}/sockets/{actor}.sock"))

    def send(self, data: bytes) -> None:
        self._run(self._loop.sock_sendall(self.socket, data))

    def read_to_end(self) -> bytes:
        return self._run(self._to_end())  # type: ignore[no-any-return]

    def read_messages(self, enough: Callable[[list[Message]], bool]) -> list[Message]:
        return self._run(self._messages(enough))  # type: ignore[no-any-return]

    async def _to_end(self) -> bytes:
        data = b""
        async with asyncio.timeout(20):
            while piece := await self._piece():
                data += piece
        return data

    async def _piece(self) -> bytes:
        try:
            return await self._loop.sock_recv(self.socket, 1 << 16)
        except ConnectionError:
            return b""

    async def _messages(self, enough: Callable[[list[Message]], bool]) -> list[Message]:
        messages: list[Message] = []
        pending = b""
        async with asyncio.timeout(20):
            while not enough(messages):
                piece = await self._piece()
                assert piece, "the link was closed"
                pending += piece
                while len(pending) >= 4 and len(pending) >= 4 + (length := struct.unpack_from("<I", pending)[0]):
                    messages.append(decode_message(pending[4 : 4 + length]))
                    pending = pending[4 + length :]
        return messages

    def __enter__(self) -> "RawPeer":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


MALFORMED = {
    "oversized": struct.pack("<I", (1 << 22) + 1),
    "huge length": b"\xff\xff\xff\xff",
    "empty": b"\0\0\0\0",
    "not msgpack": encode_frame(b"\xc1\xc1\xc1"),
    "unknown tag": encode_frame(msgspec.msgpack.encode([9999, 1])),
    "wrong type": encode_frame(msgspec.msgpack.encode([10, 1, 2, 3])),
    "too few fields": encode_frame(msgspec.msgpack.encode([10])),
    "trailing bytes": encode_frame(encode_message(note(1)) + b"\0"),
    "bad utf-8": encode_frame(b"\x94\x2a\x01\x00\xa2\xff\xfe"),
    "nested without end": encode_frame(b"\x91" * 100_000),
    "second hello": frames(hello("raw")),
}


@pytest.mark.parametrize("flooder", [0, 1])
def test_a_message_does_not_wait_behind_hundreds_that_came_in_one_piece_on_another_link(
    hosts_world: HostsWorld, flooder: int
) -> None:
    world = hosts_world
    world.start(b=lambda: Probe())
    with RawPeer(world, "b") as first, RawPeer(world, "b") as second:
        for name, raw in (("first", first), ("second", second)):
            raw.send(frames(hello(name)))
            world.until(lambda name=name: ("peer_up", name) in world["b"].events)  # type: ignore[misc]
        flood, other = (first, second) if flooder == 0 else (second, first)
        # Both are in the kernel before the loop runs again.
        flood.socket.send(frames(*(note(number) for number in range(600))))
        other.socket.send(frames(note(-1)))
        world.until(lambda: len(world["b"].seen("message")) == 601)
    numbers = [message.epoch for _, message in world["b"].seen("message")]
    assert numbers.index(-1) < 50
    assert [number for number in numbers if number >= 0] == list(range(600))


def test_what_came_before_the_end_of_a_link_is_handled_to_the_last_frame(hosts_world: HostsWorld) -> None:
    world = hosts_world
    world.start(b=lambda: Probe())
    with RawPeer(world, "b") as raw:
        raw.socket.send(frames(hello("raw"), *(note(number) for number in range(600))))
    world.until(lambda: ("peer_down", "raw") in world["b"].events)
    assert [message.epoch for _, message in world["b"].seen("message")] == list(range(600))


@pytest.mark.parametrize("kind", MALFORMED)
def test_a_malformed_frame_drops_its_link_only_and_is_counted(hosts_world: HostsWorld, kind: str) -> None:
    world = hosts_world
    world.start(a=lambda: Probe("b"), b=lambda: Probe())
    world.until(lambda: world["b"].seen("peer_up") == [("a",)])
    with RawPeer(world, "b") as raw:
        raw.send(frames(hello("raw"), note(1)))
        world.until(lambda: ("message", "raw", note(1)) in world["b"].events)
        raw.send(MALFORMED[kind])
        raw.read_to_end()
    world.until(lambda: ("peer_down", "raw") in world["b"].events)
    cell = world.hosts["b"].actors["b"]
    assert cell.counters()["frames_malformed"] == 1
    assert cell.state is CellState.RUNNING
    assert world["a"].ctx.send("b", note(2))
    world.until(lambda: ("message", "a", note(2)) in world["b"].events)
    assert world["a"].seen("peer_down") == []


def test_a_frame_cut_off_by_the_end_of_the_link_is_counted(hosts_world: HostsWorld) -> None:
    hosts_world.start(b=lambda: Probe())
    with RawPeer(hosts_world, "b") as raw:
        raw.send(frames(hello("raw"), note(1)) + frames(note(2))[:-1])
    hosts_world.until(lambda: ("peer_down", "raw") in hosts_world["b"].events)
    assert hosts_world["b"].seen("message") == [("raw", note(1))]
    assert hosts_world.hosts["b"].actors["b"].counters()["frames_malformed"] == 1


def test_a_link_that_a_peer_poisoned_is_made_again_by_the_dialler(hosts_world: HostsWorld) -> None:
    """``a`` dials a peer that answers with garbage the first time and with manners the second."""
    world = hosts_world
    world.start(a=lambda: Probe("raw"))
    path = f"{world.settings.run_dir}/sockets/raw.sock"

    async def serve() -> None:
        done = asyncio.Event()
        answers = [b"\xff" * 8, frames(note(7))]

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(frames(hello("raw")))
            ups = len(world["a"].seen("peer_up"))
            await world.wait(lambda: len(world["a"].seen("peer_up")) > ups)
            writer.write(answers.pop(0))
            await reader.read()
            writer.close()
            if not answers:
                done.set()

        server = await asyncio.start_unix_server(answer, path)
        await world.wait(lambda: ("message", "raw", note(7)) in world["a"].events)
        await world.hosts["a"].stop()
        await done.wait()
        server.close()

    world.runner.run(serve())
    kinds = [event[0] for event in world["a"].events]
    assert kinds[:5] == ["start", "peer_up", "peer_down", "peer_up", "message"]


@pytest.mark.parametrize(
    "first",
    [frames(note(1)), frames(hello("raw", SCHEMA_VERSION + 1)), frames(hello("raw", 0)), b"GET / HTTP/1.1\r\n\r\n"],
    ids=["no hello", "newer schema", "older schema", "another protocol"],
)
def test_a_stranger_without_a_proper_hello_gets_no_link(hosts_world: HostsWorld, first: bytes) -> None:
    hosts_world.start(b=lambda: Probe())
    with RawPeer(hosts_world, "b") as raw:
        raw.send(first)
        assert raw.read_to_end() == b""
    assert hosts_world["b"].seen("peer_up") == []


def test_a_peer_that_never_says_hello_is_dropped_in_time(hosts_world: HostsWorld) -> None:
    hosts_world.settings = msgspec.structs.replace(hosts_world.settings, handshake_timeout_ns=20_000_000)
    hosts_world.start(b=lambda: Probe())
    with RawPeer(hosts_world, "b") as raw:
        assert raw.read_to_end() == b""


def test_the_host_answers_hello_with_its_own(hosts_world: HostsWorld) -> None:
    hosts_world.start(b=lambda: Probe())
    with RawPeer(hosts_world, "b") as raw:
        raw.send(frames(hello("raw")))
        assert raw.read_messages(bool) == [Hello("b", SCHEMA_VERSION, "test")]


def test_of_two_links_of_one_peer_the_newer_stays(hosts_world: HostsWorld) -> None:
    hosts_world.start(b=lambda: Probe())
    b = hosts_world["b"]
    with RawPeer(hosts_world, "b") as old, RawPeer(hosts_world, "b") as new:
        old.send(frames(hello("raw")))
        hosts_world.until(lambda: b.seen("peer_up") == [("raw",)])
        new.send(frames(hello("raw")))
        hosts_world.until(lambda: len(b.seen("peer_up")) == 2)
        assert old.read_to_end() == frames(Hello("b", SCHEMA_VERSION, "test"))
        assert [event[0] for event in b.events] == ["start", "peer_up", "peer_down", "peer_up"]
        assert b.ctx.send("raw", note(1))
        assert new.read_messages(lambda messages: len(messages) == 2)[1] == note(1)


def test_strangers_are_bounded(hosts_world: HostsWorld) -> None:
    hosts_world.start(b=lambda: Probe())
    raws = [RawPeer(hosts_world, "b") for _ in range(65)]
    assert raws[-1].read_to_end() == b""
    for raw in raws:
        raw.socket.close()


@settings(max_examples=50, deadline=None)
@given(cuts=st.lists(st.integers(0, 400), max_size=30), count=st.integers(1, 60))
def test_frames_arrive_whole_however_the_stream_is_split(cuts: list[int], count: int) -> None:
    owner = FakeOwner()
    link = PeerLink(owner, None, None)
    link.connection_made(FakeTransport())
    stream = frames(hello("raw"), *(note(number, "x" * number) for number in range(count)))
    borders = sorted({0, len(stream), *(cut % len(stream) for cut in cuts)})

    async def feed() -> None:
        for start, end in itertools.pairwise(borders):
            link.data_received(stream[start:end])
        async with asyncio.timeout(20):
            while len(owner.messages) < count:
                await asyncio.sleep(0)

    asyncio.run(feed())
    assert owner.messages == [note(number, "x" * number) for number in range(count)]
    assert owner.counters.frames_malformed == 0


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=200), split=st.integers(0, 200))
def test_no_bytes_whatever_raise_out_of_a_link(data: bytes, split: int) -> None:
    owner = FakeOwner()
    link = PeerLink(owner, None, None)
    link.connection_made(FakeTransport())
    link.data_received(frames(hello("raw")))
    link.data_received(data[:split])
    link.data_received(data[split:])
    link.connection_lost(None)
    assert owner.closed


# -- a slow reader ---------------------------------------------------------------------------------------------------


def test_a_slow_readers_quotes_are_conflated_and_counted(hosts_world: HostsWorld) -> None:
    """The raw peer reads nothing while ``b`` sends; then it gets the latest of each instrument, in order."""
    sent = 20_000

    def flood(probe: Probe, peer: str) -> None:
        for number in range(sent):
            assert probe.ctx.send(peer, quote(number % 3, number))

    hosts_world.start(b=lambda: Probe(on={"peer_up": flood}))
    with RawPeer(hosts_world, "b") as raw:
        raw.send(frames(hello("raw")))
        hosts_world.until(lambda: bool(hosts_world["b"].seen("peer_up")))
        counters = hosts_world.hosts["b"].actors["b"].counters()
        assert counters["conflated"] > 0
        assert counters["refused"] == 0

        def has_the_last(messages: list[Message]) -> bool:
            return any(isinstance(m, Quote) and m.update_id == sent - 1 for m in messages)

        quotes = [m for m in raw.read_messages(has_the_last) if isinstance(m, Quote)]
    assert len(quotes) == sent - counters["conflated"]
    updates = [m.update_id for m in quotes]
    assert updates == sorted(updates)
    assert updates[-3:] == [sent - 3, sent - 2, sent - 1]


def test_a_full_way_refuses_orders_and_loses_none(hosts_world: HostsWorld) -> None:
    hosts_world.settings = msgspec.structs.replace(hosts_world.settings, peer_buffer_bytes=10_000)
    taken: list[int] = []

    def flood(probe: Probe, peer: str) -> None:
        taken.extend(number for number in range(20_000) if probe.ctx.send(peer, note(number, "x" * 50)))

    hosts_world.start(b=lambda: Probe(on={"peer_up": flood}))
    with RawPeer(hosts_world, "b") as raw:
        raw.send(frames(hello("raw")))
        hosts_world.until(lambda: bool(taken))
        counters = hosts_world.hosts["b"].actors["b"].counters()
        assert counters["refused"] == 20_000 - len(taken) > 0
        received = raw.read_messages(lambda messages: len(messages) > len(taken))[1:]
        assert received == [note(number, "x" * 50) for number in taken]
        assert hosts_world["b"].ctx.send("raw", note(1)), "the way is free again"


def test_a_message_over_the_frame_bound_is_refused_and_the_link_stays(hosts_world: HostsWorld) -> None:
    hosts_world.start(a=lambda: Probe("b"), b=lambda: Probe())
    hosts_world.until(lambda: bool(hosts_world["a"].seen("peer_up")))
    assert not hosts_world["a"].ctx.send("b", note(1, "x" * (1 << 22)))
    assert hosts_world["a"].ctx.send("b", note(2))
    hosts_world.until(lambda: hosts_world["b"].seen("message") == [("a", note(2))])


class FakeTransport(asyncio.Transport):
    """Takes everything."""

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...

    def write(self, data: bytes | bytearray | memoryview) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def get_write_buffer_size(self) -> int:
        return 0

    def close(self) -> None: ...

    def abort(self) -> None: ...


class FakeOwner:
    hello = hello("owner")
    frame_bytes = 1 << 16
    buffer_bytes = 1 << 16

    def __init__(self) -> None:
        self.counters = PeerCounters()
        self.messages: list[Message] = []
        self.closed = False

    def link_made(self, link: PeerLink) -> None: ...

    def admits(self, link: PeerLink) -> bool:
        return True

    def link_up(self, link: PeerLink) -> None: ...

    def link_message(self, link: PeerLink, message: Message) -> None:
        self.messages.append(message)

    def link_closed(self, link: PeerLink, reason: str) -> None:
        self.closed = True
