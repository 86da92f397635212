"""The order path has no await, no task creation and no Ray call.

    raw socket ──frame──▶ strategy ──local──▶ venue ──write──▶ outside link ──▶ raw socket
                          └──────────── one callback of the loop ───────────┘

The loop counts everything that a Python caller may ask it to do later; Ray's calls are made to count as well. And
before the callback returns, the bytes are in the kernel: a plain non-blocking ``recv`` on the far socket has them.
"""

import ast
import asyncio
import contextlib
import inspect
import socket
from types import ModuleType
from typing import Any

import pytest
import ray
import uvloop
from runtime_probe import Probe, note, resources

from actors.runtime import dispatch, peer, stream, timers, tls
from actors.runtime.directory import PathDirectory
from actors.runtime.host import Host
from actors.runtime.spec import HostSettings, TcpSettings
from engine.actor import Endpoint
from engine.frame import encode_frame
from engine.messages import SCHEMA_VERSION, Hello, Message, encode_message

_LATER = (
    "call_soon",
    "call_soon_threadsafe",
    "call_later",
    "call_at",
    "create_task",
    "create_future",
    "run_in_executor",
)


class WatchedLoop(uvloop.Loop):
    """Notes who asks for something later, while ``watching``."""

    def __init__(self) -> None:
        super().__init__()
        self.watching = False
        self.asked: list[str] = []


def _watched(name: str) -> Any:
    original = getattr(uvloop.Loop, name)

    def method(self: WatchedLoop, *arguments: Any, **named: Any) -> Any:
        if self.watching:
            self.asked.append(name)
        return original(self, *arguments, **named)

    return method


for _name in _LATER:
    setattr(WatchedLoop, _name, _watched(_name))


@pytest.fixture
def ray_calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every way to talk to Ray, noted."""
    calls: list[str] = []
    for owner, name in (
        (ray, "get"),
        (ray, "put"),
        (ray, "wait"),
        (ray, "get_actor"),
        (ray.actor.ActorMethod, "remote"),
        (ray.actor.ActorMethod, "_remote"),
    ):
        monkeypatch.setattr(owner, name, lambda *_, name=name, **__: calls.append(name))
    return calls


def test_the_watch_sees_what_it_is_there_to_see() -> None:
    async def later() -> list[str]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, WatchedLoop)
        loop.watching = True
        loop.call_soon(lambda: None)
        await asyncio.create_task(asyncio.sleep(0))
        return list(loop.asked)

    with asyncio.Runner(loop_factory=WatchedLoop) as runner:
        assert {"call_soon", "create_task"} <= set(runner.run(later()))


@pytest.mark.parametrize("is_tls", [False, True], ids=["plain", "tls"])
def test_frame_in_to_bytes_out_is_one_callback_without_anything_later(
    settings: HostSettings, certificates: TcpSettings, ray_calls: list[str], is_tls: bool
) -> None:
    with asyncio.Runner(loop_factory=WatchedLoop) as runner:
        asked, got = runner.run(_order(settings, certificates if is_tls else None))
    assert asked == []
    assert ray_calls == []
    assert got


async def _order(settings: HostSettings, certificates: TcpSettings | None) -> tuple[list[str], bytes]:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, WatchedLoop)
    exchange = _Exchange(certificates)
    await exchange.start()
    read: list[bytes] = []
    done = asyncio.Event()

    def forward(probe: Probe, sender: str, message: Message) -> None:
        loop.watching = True
        probe.ctx.set_timer("request", probe.ctx.clock_ns() + 3_600_000_000_000)
        assert probe.ctx.send("venue", message)

    def write(probe: Probe, sender: str, message: Message) -> None:
        assert probe.ctx.writable("exchange")
        probe.ctx.set_timer("timeout", probe.ctx.clock_ns() + 3_600_000_000_000)
        probe.ctx.write("exchange", b"order")
        assert probe.ctx.send(sender, note(2))
        read.append(exchange.take())

    def finish(probe: Probe, sender: str, message: Message) -> None:
        """The strategy again: the report came back within the callback, and went on to the raw peer."""
        if sender == "venue":
            assert probe.ctx.send("raw", message)
            loop.watching = False
            done.set()
        else:
            forward(probe, sender, message)

    def connect(probe: Probe) -> None:
        ca_file = "" if certificates is None else certificates.ca_file
        probe.ctx.open_link("exchange", Endpoint("127.0.0.1", exchange.port, certificates is not None, ca_file))

    link_up = asyncio.Event()
    host = Host("h", settings, PathDirectory(settings.run_dir))
    host.add("strategy", Probe("venue", on={"message": finish}), resources(""))
    venue = Probe(on={"start": connect, "message": write, "link_up": lambda *_: link_up.set()})
    host.add("venue", venue, resources(""))
    await host.start()
    async with asyncio.timeout(20):
        await link_up.wait()
        await exchange.ready()
        raw = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        raw.setblocking(False)
        await loop.sock_connect(raw, f"{settings.run_dir}/sockets/strategy.sock")
        for message in (Hello("raw", SCHEMA_VERSION, ""), note(1)):
            await loop.sock_sendall(raw, encode_frame(encode_message(message)))
        await done.wait()
    raw.close()
    await host.stop()
    await exchange.stop()
    return loop.asked, read[0]


class _Exchange:
    """A socket at the other end that is read without the loop's help, from within the actor's own callback."""

    def __init__(self, certificates: TcpSettings | None) -> None:
        self._pipe = None
        if certificates is not None:
            context = tls.server_context(certificates.certificate_file, certificates.key_file)
            self._pipe = tls.TlsPipe(context, server_side=True)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._socket: socket.socket | None = None
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._listening.setblocking(False)
        self._serving = asyncio.get_running_loop().create_task(self._accept())

    async def ready(self) -> None:
        assert self._serving is not None
        await self._serving

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        self._socket, _ = await loop.sock_accept(self._listening)
        self._socket.setblocking(False)
        while self._pipe is not None and not self._pipe.established:
            self._pipe.receive(await loop.sock_recv(self._socket, 1 << 16))
            await loop.sock_sendall(self._socket, self._pipe.outgoing())

    def take(self) -> bytes:
        """What the kernel holds for us right now. Raises BlockingIOError when that is nothing."""
        assert self._socket is not None
        data = self._socket.recv(1 << 16)
        return self._pipe.receive(data) if self._pipe is not None else data

    async def stop(self) -> None:
        assert self._socket is not None
        self._socket.close()
        self._listening.close()


@pytest.mark.parametrize("module", [dispatch, peer, stream, timers], ids=lambda module: str(module.__name__))
def test_the_modules_of_the_path_have_no_coroutine(module: ModuleType) -> None:
    tree = ast.parse(inspect.getsource(module))
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef | ast.Await)]


def test_nothing_new_may_be_written_while_the_socket_pushes_back(settings: HostSettings) -> None:
    """The far side does not read: ``writable`` turns False, and true again when it has read."""

    async def scene() -> None:
        loop = asyncio.get_running_loop()
        listening = socket.create_server(("127.0.0.1", 0))
        listening.setblocking(False)
        port = listening.getsockname()[1]
        up = asyncio.Event()
        on = {
            "start": lambda probe: probe.ctx.open_link("x", Endpoint("127.0.0.1", port, False)),
            "link_up": lambda *_: up.set(),
        }
        host = Host("h", settings, PathDirectory(settings.run_dir))
        probe = Probe(on=on)
        host.add("a", probe, resources(""))
        await host.start()
        far, _ = await loop.sock_accept(listening)
        await up.wait()
        sent = 0
        while probe.ctx.writable("x"):
            probe.ctx.write("x", b"o" * 10_000)
            sent += 10_000
        while sent:
            sent -= len(await loop.sock_recv(far, 1 << 20))
        await asyncio.wait_for(_turns_until(lambda: probe.ctx.writable("x")), 20)
        far.close()
        listening.close()
        await host.stop()

    uvloop.run(scene())


def test_what_the_socket_has_not_taken_does_not_leave_once_the_link_is_closed(settings: HostSettings) -> None:
    """It may be an order, and whoever has closed the link counts on its end."""

    async def scene() -> None:
        loop = asyncio.get_running_loop()
        listening = socket.create_server(("127.0.0.1", 0))
        listening.setblocking(False)
        port = listening.getsockname()[1]
        up = asyncio.Event()
        on = {
            "start": lambda probe: probe.ctx.open_link("x", Endpoint("127.0.0.1", port, False)),
            "link_up": lambda *_: up.set(),
        }
        host = Host("h", settings, PathDirectory(settings.run_dir))
        probe = Probe(on=on)
        host.add("a", probe, resources(""))
        await host.start()
        far, _ = await loop.sock_accept(listening)
        await up.wait()
        sent = 0
        while probe.ctx.writable("x"):
            probe.ctx.write("x", b"o" * 1_000_000)
            sent += 1_000_000
        probe.ctx.close_link("x")
        came = 0
        with contextlib.suppress(ConnectionResetError):
            while data := await loop.sock_recv(far, 1 << 20):
                came += len(data)
        assert came < sent
        await asyncio.wait_for(_turns_until(lambda: bool(probe.seen("link_down"))), 20)
        far.close()
        listening.close()
        await host.stop()

    uvloop.run(scene())


async def _turns_until(condition: Any) -> None:
    while not condition():
        await asyncio.sleep(0)
