"""Outside links: opened and accepted, plain and with TLS, in every runtime where that has a meaning."""

import asyncio
import contextlib
import socket
from typing import Any

import msgspec
import pytest
from runtime_probe import Probe
from runtime_worlds import OneHostWorld, RealWorld, VirtualWorld, World

from actors.runtime.spec import HostSettings, TcpSettings
from actors.runtime.tls import issue_certificate, local_authority
from engine.actor import Endpoint
from engine.errors import UsageError

worlds = pytest.mark.parametrize("world", ["one-host", "virtual", "virtual-hosts"], indirect=True)

HERE = Endpoint("127.0.0.1", 0, False)


def echo(probe: Probe, link: str, data: bytes) -> None:
    probe.ctx.write(link, data.upper())


def open_to(world: World, server: str, link: str = "out", **changes: Any) -> None:
    """Let probe ``client`` open a link to where ``server`` listens."""
    port = world[server].ctx.listening_port("door")
    endpoint = msgspec.structs.replace(Endpoint("localhost", port, False), **changes)
    world["client"].ctx.open_link(link, endpoint)


def received(probe: Probe, link: str) -> bytes:
    return b"".join(data for name, data in probe.seen("link_bytes") if name == link)


@worlds
def test_bytes_go_both_ways_in_order(world: World) -> None:
    world.start(server=lambda: Probe(listen=HERE, on={"link_bytes": echo}), client=lambda: Probe())
    open_to(world, "server")
    world.until(lambda: bool(world["client"].seen("link_up")))
    for number in range(50):
        world["client"].ctx.write("out", b"%d," % number)
    wanted = b"".join(b"%d," % number for number in range(50))
    world.until(lambda: received(world["client"], "out") == wanted)
    assert world["server"].seen("link_up") == [("door#1",)]
    assert received(world["server"], "door#1") == wanted


@worlds
def test_each_connection_is_a_link_of_its_own(world: World) -> None:
    world.start(server=lambda: Probe(listen=HERE, on={"link_bytes": echo}), client=lambda: Probe())
    for link in ("one", "two"):
        open_to(world, "server", link)
    world.until(lambda: len(world["client"].seen("link_up")) == 2)
    for link in ("one", "two"):
        world["client"].ctx.write(link, link.encode())
    world.until(lambda: all(received(world["client"], link) == link.upper().encode() for link in ("one", "two")))
    assert sorted(link for (link,) in world["server"].seen("link_up")) == ["door#1", "door#2"]


@worlds
def test_what_was_written_before_a_close_still_arrives(world: World) -> None:
    def part(probe: Probe, link: str) -> None:
        probe.ctx.write(link, b"bye")
        probe.ctx.close_link(link)
        assert not probe.ctx.writable(link)
        probe.ctx.write(link, b"never")

    world.start(server=lambda: Probe(listen=HERE, on={"link_up": part}), client=lambda: Probe())
    open_to(world, "server")
    world.until(lambda: bool(world["client"].seen("link_down") and world["server"].seen("link_down")))
    assert received(world["client"], "out") == b"bye"
    assert world["client"].seen("link_down") == [("out", "closed by the peer")]
    assert world["server"].seen("link_down") == [("door#1", "closed by us")]


@worlds
def test_a_refused_connection_ends_in_link_down(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    def dial(probe: Probe) -> None:
        probe.ctx.open_link("out", Endpoint("127.0.0.1", port, False))
        assert not probe.ctx.writable("out")
        probe.ctx.write("out", b"ignored")

    world.start(client=lambda: Probe(on={"start": dial}))
    world.until(lambda: bool(world["client"].seen("link_down")))
    assert [event[0] for event in world["client"].events] == ["start", "link_down"]
    assert "refused" in world["client"].seen("link_down")[0][1].lower()


@worlds
def test_closing_while_connecting_ends_in_link_down(world: World) -> None:
    world.start(server=lambda: Probe(listen=HERE), client=lambda: Probe())
    open_to(world, "server")
    world["client"].ctx.close_link("out")
    world.until(lambda: bool(world["client"].seen("link_down")))
    assert world["client"].seen("link_up") == []
    assert world["client"].seen("link_down") == [("out", "closed by us")]


@worlds
def test_opening_a_name_in_use_drops_the_old_link_without_a_word(world: World) -> None:
    world.start(server=lambda: Probe(listen=HERE, on={"link_bytes": echo}), client=lambda: Probe())
    open_to(world, "server")
    world.until(lambda: len(world["client"].seen("link_up")) == 1)
    open_to(world, "server")
    world.until(lambda: len(world["client"].seen("link_up")) == 2 and bool(world["server"].seen("link_down")))
    assert world["server"].seen("link_down") == [("door#1", "closed by the peer")]
    world["client"].ctx.write("out", b"new")
    world.until(lambda: received(world["client"], "out") == b"NEW")
    assert world["client"].seen("link_down") == []


@worlds
def test_a_port_in_use_is_an_error_that_says_what_to_do(world: World) -> None:
    world.start(server=lambda: Probe(listen=HERE), client=lambda: Probe())
    port = world["server"].ctx.listening_port("door")
    with pytest.raises(UsageError, match=rf"cannot listen on 127\.0\.0\.1:{port}"):
        world["client"].ctx.listen("mine", Endpoint("127.0.0.1", port, False))


@worlds
def test_the_port_of_an_unknown_key_is_an_error(world: World) -> None:
    world.start(server=lambda: Probe())
    with pytest.raises(UsageError, match="does not listen"):
        world["server"].ctx.listening_port("door")


@worlds
def test_a_link_whose_far_side_never_reads_is_dropped_at_the_bound(world: World) -> None:
    world.settings = msgspec.structs.replace(world.settings, link_buffer_bytes=100_000)

    def flood(probe: Probe, link: str) -> None:
        for _ in range(300):
            probe.ctx.write(link, b"x" * 100_000)

    world.start(server=lambda: Probe(listen=HERE), client=lambda: Probe(on={"link_up": flood}))
    open_to(world, "server")
    world.until(lambda: bool(world["client"].seen("link_down")))
    assert "has not read" in world["client"].seen("link_down")[0][1]


def test_a_virtual_link_pushes_back_and_recovers(settings: HostSettings) -> None:
    world = VirtualWorld(settings, apart=True)
    world.start(server=lambda: Probe(listen=HERE), client=lambda: Probe())
    open_to(world, "server")
    client = world["client"]
    world.until(lambda: bool(client.seen("link_up")))
    client.ctx.write("out", b"x" * (1 << 20))
    assert not client.ctx.writable("out")
    world.until(lambda: len(received(world["server"], "door#1")) == 1 << 20)
    assert client.ctx.writable("out")
    world.stop()


# -- real sockets only -----------------------------------------------------------------------------------------------


@pytest.fixture
def tls_world(settings: HostSettings, certificates: TcpSettings) -> Any:
    files = {"certificate_file": certificates.certificate_file, "key_file": certificates.key_file}
    world = OneHostWorld(msgspec.structs.replace(settings, **files))
    door = Endpoint("127.0.0.1", 0, True)
    world.start(server=lambda: Probe(listen=door, on={"link_bytes": echo}), client=lambda: Probe())
    yield world
    world.stop()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_tls_with_our_authority(tls_world: World, certificates: TcpSettings, host: str) -> None:
    open_to(tls_world, "server", host=host, tls=True, ca_file=certificates.ca_file)
    client = tls_world["client"]
    tls_world.until(lambda: bool(client.seen("link_up")))
    client.ctx.write("out", b"x" * 300_000)
    tls_world.until(lambda: received(client, "out") == b"X" * 300_000)
    client.ctx.close_link("out")
    tls_world.until(lambda: bool(client.seen("link_down") and tls_world["server"].seen("link_down")))
    assert tls_world["server"].seen("link_down") == [("door#1", "closed by the peer")]


def test_tls_of_an_unknown_authority_is_not_accepted(tls_world: World) -> None:
    open_to(tls_world, "server", tls=True)
    tls_world.until(lambda: bool(tls_world["client"].seen("link_down")))
    assert "certificate not accepted" in tls_world["client"].seen("link_down")[0][1]
    assert tls_world["client"].seen("link_up") == tls_world["server"].seen("link_up") == []


def test_tls_checks_the_host_name(settings: HostSettings, tmp_path: Any) -> None:
    authority = local_authority(tmp_path)
    certificate, key = issue_certificate(tmp_path, "other", ["venue.example"])
    world = OneHostWorld(msgspec.structs.replace(settings, certificate_file=str(certificate), key_file=str(key)))
    world.start(server=lambda: Probe(listen=Endpoint("127.0.0.1", 0, True)), client=lambda: Probe())
    open_to(world, "server", tls=True, ca_file=str(authority))
    world.until(lambda: bool(world["client"].seen("link_down")))
    assert "certificate not accepted" in world["client"].seen("link_down")[0][1]
    world.stop()


def test_a_plain_client_at_a_tls_door_is_dropped(tls_world: RealWorld) -> None:
    open_to(tls_world, "server")
    client = tls_world["client"]
    tls_world.until(lambda: bool(client.seen("link_up")))
    client.ctx.write("out", b"GET / HTTP/1.1\r\n\r\n")
    tls_world.until(lambda: bool(client.seen("link_down")))
    assert tls_world["server"].seen("link_up") == []


def test_a_tls_server_that_never_answers_is_given_up_in_time(settings: HostSettings, certificates: TcpSettings) -> None:
    world = OneHostWorld(msgspec.structs.replace(settings, connect_timeout_ns=30_000_000))
    world.start(client=lambda: Probe())
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        world["client"].ctx.open_link("out", Endpoint("localhost", port, True, certificates.ca_file))
        world.until(lambda: bool(world["client"].seen("link_down")))
    assert world["client"].seen("link_down") == [("out", "no TLS handshake in time")]
    world.stop()


def test_listening_with_tls_needs_a_certificate(settings: HostSettings) -> None:
    world = OneHostWorld(settings)
    world.start(server=lambda: Probe())
    with pytest.raises(UsageError, match="certificate"):
        world["server"].ctx.listen("door", Endpoint("127.0.0.1", 0, True))
    world.stop()


def test_connections_at_a_door_are_bounded(settings: HostSettings) -> None:
    world = OneHostWorld(msgspec.structs.replace(settings, connections=3))
    world.start(server=lambda: Probe(listen=HERE))
    port = world["server"].ctx.listening_port("door")
    clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(4)]
    clients[3].setblocking(False)
    with contextlib.suppress(ConnectionResetError):
        assert world.runner.run(asyncio.wait_for(world.loop.sock_recv(clients[3], 1), 20)) == b""
    world.until(lambda: len(world["server"].seen("link_up")) == 3)
    for client in clients:
        client.close()
    world.stop()
