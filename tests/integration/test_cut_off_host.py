"""An engine over two hosts, TCP with mutual TLS between them, and a network that falls silent: frames are dropped both
ways and no socket is closed. The venue actor there stops within its lease, without a word; it counts as halted when its
process has been ended there; its orders are cancelled from here."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from actors.places import KILL_SWITCH, NODE_AGENT, latch_path, risk_actor, undertaker_actor, venue_actor
from actors.runtime.spec import TcpSettings
from actors.runtime.tls import issue_certificate, local_authority
from actors.wiring import open_state
from adapters.binance.signing import Credentials, KeyType, make_signer
from cli.kill import press
from cli.simulator_process import SimulatorReady, simulated_venue
from cli.status import ask_actor
from cli.trial_config import demo_strategies, engine_toml
from cli.venue_ledger import read_venue_ledger
from config.loader import load_config
from config.settings import EngineConfig
from engine.codes import KillMode, Reason
from engine.messages import StatusReport
from risk.latch import LatchPage

VENUE, RISK = venue_actor("binance"), risk_actor("trial")
HERE, THERE = (KILL_SWITCH, RISK, undertaker_actor("binance")), (NODE_AGENT, VENUE)
NODE_LEASE_NS = 8_000_000_000
PROCESS = Path(__file__).with_name("host_process.py")


class Network:
    """Between the two hosts: one port per actor, in a thread of its own. While ``is_silent`` nothing passes, and no
    socket is closed."""

    def __init__(self, ports: Path) -> None:
        self.ports: dict[str, int] = {}
        self.is_silent = False
        self._directory = ports
        self._servers: list[asyncio.Server] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        for actor in (*HERE, *THERE):
            serving = asyncio.run_coroutine_threadsafe(self._listen(actor), self._loop)
            self.ports[actor] = serving.result(10)

    def stop(self) -> None:
        async def end() -> None:
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for server in self._servers:
                server.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _listen(self, actor: str) -> int:
        async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError, ValueError, asyncio.CancelledError):
                port = int((self._directory / actor).read_text())
                to_reader, to_writer = await asyncio.open_connection("127.0.0.1", port)
                await asyncio.gather(self._carry(reader, to_writer), self._carry(to_reader, writer))
            writer.close()

        server = await asyncio.start_server(accepted, "127.0.0.1", 0)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1 << 16):
                while self.is_silent:
                    await asyncio.sleep(0.02)
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()


class Engine:
    """``here`` and ``there`` are the two hosts' configurations."""

    def __init__(self, folder: Path, text: str) -> None:
        self._folder = folder
        (folder / "ports").mkdir()
        self.here, self.there = self._host("here", text), self._host("there", text)
        self.network = Network(folder / "ports")
        authority = local_authority(folder / "tls")
        self._tcp = {}
        for side in ("here", "there"):
            certificate, key = issue_certificate(folder / "tls", side)
            self._tcp[side] = TcpSettings("127.0.0.1", str(authority), str(certificate), str(key))
        self.processes = {"first": self.start(self.here, "first", HERE)}
        try:  # one after the other: nothing here starts a venue actor again that was ended because nobody was there yet
            actor_when(self.here, KILL_SWITCH, lambda report: True)
            self.processes[NODE_AGENT] = self.start(self.there, NODE_AGENT, (NODE_AGENT,))
            actor_when(self.there, NODE_AGENT, lambda report: report.state == "watching")
            self.processes[VENUE] = self.start(self.there, VENUE, (VENUE,))
        except BaseException:
            self.stop()
            raise

    def _host(self, name: str, text: str) -> EngineConfig:
        file = self._folder / f"{name}.toml"
        file.write_text(text.replace("STATE", str(self._folder / name)))
        config = load_config(file)
        assert open_state(config)
        return config

    def start(self, config: EngineConfig, host: str, actors: tuple[str, ...]) -> "subprocess.Popen[bytes]":
        side, others = ("here", THERE) if config is self.here else ("there", HERE)
        arguments = {
            "config": config,
            "host": host,
            "actors": actors,
            "tcp": self._tcp[side],
            "proxies": {actor: self.network.ports[actor] for actor in others},
            "ports": str(self._folder / "ports"),
            "node_lease_ns": NODE_LEASE_NS,
        }
        file = self._folder / f"{host}.json"
        file.write_bytes(msgspec.json.encode(arguments))
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in (os.getcwd(), *sys.path) if path)}
        return subprocess.Popen([sys.executable, str(PROCESS), str(file)], env=environment)

    def stop(self) -> None:
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.network.stop()


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[SimulatorReady]:
    with simulated_venue(tmp_path / "venue", ["--seed", "4"]) as running:
        yield running.ready


@pytest.fixture
def engine(tmp_path: Path, venue: SimulatorReady) -> Iterator[Engine]:
    strategies = demo_strategies("BTCUSDT", quoter_placement="co-located")
    strategies = strategies.replace("own-process", "co-located")
    text = engine_toml(venue, Path("STATE"), "ray", strategies, "two")
    started = Engine(tmp_path, f"{text}\n[kill]\nfence = true\n")
    yield started
    started.stop()


def actor_when(config: EngineConfig, actor: str, condition: Callable[[StatusReport], bool]) -> StatusReport:
    deadline = time.monotonic() + 90
    report = None
    while time.monotonic() < deadline:
        report = ask_actor(config, actor)
        if report is not None and condition(report):
            return report
        time.sleep(0.05)
    raise AssertionError(f"not within 90 s; last: {report}")


def at_venue(venue: SimulatorReady) -> tuple[int, int]:
    """How many orders the venue itself has ever accepted, and how many are open there."""
    credentials = Credentials(
        Path(venue.api_key_file).read_text().strip(),
        KeyType(venue.key_type),
        Path(venue.secret_file).read_text().strip(),
    )
    ledger = read_venue_ledger(venue.port, venue.ca_file, make_signer(credentials), venue.symbols)
    return ledger.orders, sum(symbol.open_orders for symbol in ledger.symbols.values())


@pytest.mark.slow
def test_a_host_that_is_cut_off_stops_by_itself_and_is_halted_when_its_process_has_ended(
    engine: Engine, venue: SimulatorReady
) -> None:
    process = engine.processes[VENUE]
    actor_when(
        engine.there, VENUE, lambda report: report.counters["orders"] >= 10 and report.counters["open_orders"] > 0
    )
    engine.network.is_silent = True
    actor_when(engine.there, VENUE, lambda report: report.refusals.get(Reason.LEASE_EXPIRED, 0) > 0)
    accepted, _ = at_venue(venue)

    receipts = []
    for receipt in press(engine.here, "global", KillMode.CANCEL, "rehearsal"):
        receipts.append(receipt)
        reached = [stage.stage for stage in receipt.stages if stage.after_ns >= 0]
        if "halted" in reached:
            assert process.poll() == -signal.SIGKILL, "it counts as halted before it has ended"
    assert receipts[-1].complete
    assert [stage.stage for stage in receipts[0].stages if stage.after_ns >= 0] == ["latched"]
    assert any("cannot be reached; its lease is over" in failure for failure in receipts[-1].failures)
    assert at_venue(venue) == (accepted, 0)

    engine.processes[VENUE] = engine.start(engine.there, VENUE, (VENUE,))
    halted = actor_when(engine.there, VENUE, lambda report: report.state == "halted")
    assert halted.counters["orders"] == 0, "its latch was closed before it began"
    engine.network.is_silent = False
    actor_when(engine.there, NODE_AGENT, lambda report: report.state == "watching")
    assert LatchPage.read(latch_path(engine.there)).has(receipts[-1].kill_id)
    assert at_venue(venue) == (accepted, 0)
