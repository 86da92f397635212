"""The engine embedded in a program's own loop: venue, strategies and kill on real TLS sockets, in one process.

Also the proof of the order path: between the bytes of an order coming in and the bytes going to the venue nothing is
awaited, no task is made, nothing is put on the loop, and Ray is not even imported.
"""

import asyncio
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from actors.places import KILL_SWITCH, run_dir, strategy_actor, venue_actor
from actors.runtime.local import LocalRuntime
from actors.runtime.observer import Observer
from actors.wiring import make_plan, open_state
from cli.simulator_process import simulated_venue
from cli.trial_config import demo_strategies, engine_toml
from config.loader import load_config
from config.settings import EngineConfig
from engine.codes import KillMode
from engine.messages import Kill, KillReceipt, StatusReport, StatusRequest

VENUE = venue_actor("binance")


@pytest.fixture
def config(tmp_path: Path) -> Any:
    with simulated_venue(tmp_path / "venue", ["--seed", "5"]) as venue:
        config_file = tmp_path / "engine.toml"
        strategies = demo_strategies("BTCUSDT", quoter_placement="own-process")
        config_file.write_text(engine_toml(venue.ready, tmp_path / "state", "local", strategies, "embedded"))
        loaded = load_config(config_file)
        open_state(loaded)
        yield loaded


async def status_when(config: EngineConfig, actor: str, condition: Callable[[StatusReport], bool]) -> StatusReport:
    """Ask until the condition holds; the deadline is the test's."""
    async with await Observer.connect(str(run_dir(config)), actor) as observer:
        while True:
            report = await observer.request(StatusRequest(1), StatusReport)
            if condition(report):
                return report
            await asyncio.sleep(0.02)


@pytest.mark.asyncio
async def test_an_embedded_engine_trades_and_is_killed(config: EngineConfig) -> None:
    async with LocalRuntime(make_plan(config)):
        await status_when(config, VENUE, lambda report: report.counters.get("fills", 0) >= 3)
        async with await Observer.connect(str(run_dir(config)), KILL_SWITCH) as observer:
            await observer.send(Kill("k1", "global", KillMode.CANCEL, "enough", "tester", "person", 1))
            async for message in observer:
                assert isinstance(message, KillReceipt)
                if message.complete:
                    break
        assert [stage.stage for stage in message.stages] == ["latched", "sealed", "halted", "cancel_sent", "cancelled"]
        report = await status_when(config, VENUE, lambda report: report.state == "halted")
        assert report.counters["open_orders"] == 0
        orders = report.counters["orders_admitted"]
        refused = await status_when(config, VENUE, lambda report: bool(report.refusals))
        assert refused.counters["orders_admitted"] == orders, "an order left after the kill was acknowledged"


class OrderPathProbe:
    """Watches one loop: what was put on it between frame-in of an order and the write to the venue's socket."""

    WATCHED = ("create_task", "call_soon", "call_soon_threadsafe", "call_later", "call_at", "create_future")

    def __init__(self, runtime: LocalRuntime) -> None:
        self.orders = 0
        self.on_the_loop: list[str] = []
        self._inside = False
        self.actor: Any = runtime.actor(VENUE).actor

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        loop_class = type(asyncio.get_running_loop())
        for name in self.WATCHED:
            monkeypatch.setattr(loop_class, name, self._watch(name, getattr(loop_class, name)), raising=False)
        cls, session = type(self.actor), self.actor.session
        handle, transmit = cls.on_message, session.transmit

        def on_message(actor: Any, sender: str, message: Any, now_ns: int) -> None:
            self._inside = type(message).__name__ in ("NewOrder", "ReplaceOrder")
            try:
                handle(actor, sender, message, now_ns)
            finally:
                self._inside = False

        def transmitted(frame: bytes, now_ns: int) -> None:
            stack = [frame.name for frame in traceback.extract_stack()]
            transmit(frame, now_ns)
            if self._inside:
                self.orders += 1
                assert "data_received" in stack or "on_message" in stack
            self._inside = False

        monkeypatch.setattr(cls, "on_message", on_message)
        monkeypatch.setattr(session, "transmit", transmitted)

    def _watch(self, name: str, original: Any) -> Any:
        def watched(*arguments: Any, **keywords: Any) -> Any:
            if self._inside:
                self.on_the_loop.append(name)
            return original(*arguments, **keywords)

        return watched


@pytest.mark.asyncio
async def test_nothing_is_awaited_or_scheduled_between_an_order_and_its_bytes(
    config: EngineConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with LocalRuntime(make_plan(config)) as runtime:
        await status_when(config, strategy_actor("taker"), lambda report: report.state == "running")
        probe = OrderPathProbe(runtime)
        probe.install(monkeypatch)
        sent = await status_when(config, VENUE, lambda _: probe.orders >= 5)
        assert sent.counters["orders_admitted"] >= 5
        assert probe.on_the_loop == []
        assert "ray" not in sys.modules or not sys.modules["ray"].is_initialized()
