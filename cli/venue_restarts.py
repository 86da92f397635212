"""An engine under load at a simulated venue whose process is killed and started again, over and over.

    this process       the engine, hosted as `haltline run` hosts it with the local runtime, real sockets, TLS
    child process      `haltline simulator VENUE --state DIR`: SIGKILL, started again, SIGKILL, …

At the end the engine's books are held against what the venue itself knows: no order lost, none doubled, one end each.
"""

import asyncio
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from actors.places import strategy_actor, venue_actor
from actors.runtime.local import LocalRuntime
from actors.runtime.spec import ActorSpec, HostSettings, HostSpec
from actors.runtime.virtual import VirtualRuntime
from actors.strategy import StrategyActor
from actors.venue import VenueActor
from actors.wiring import make_plan, open_state
from adapters.simulator.remembered import RememberedVenue
from cli.simulated_venues import ACCOUNT, VENUES
from cli.simulation.trader import Trader
from cli.simulator import balances_of, identity_of, simulator_resources
from cli.simulator_process import SimulatorReady
from cli.venue_keys import VenueKeys
from cli.venue_trials.books import Truth, truth_of
from cli.venue_trials.checks import check_books, check_orders
from cli.venue_trials.venues import TRIAL_VENUES, TrialVenue, write_config
from config.loader import load_config
from engine.actor import Endpoint
from engine.codes import ExecType, OrderStatus
from engine.errors import HaltlineError, UsageError
from engine.messages import ExecutionReport

__all__ = ["DiaryTrader", "RestartResult", "run_restarts"]

_START_S = 60.0
_TRADING_S = 90.0
_REST_S = 300.0
_LOOK_S = 0.02
_INTERVAL_MS, _REST_INTERVAL_MS = 30, 500
#: For so long a stopped venue's requests pile up, and for so long at most it then reads them.
_PILE_UP_S = 0.15
_MIDST_S = 0.004
#: So many orders the venue has to take after a restart before the next blow of those that wait for it.
_ACCEPTED_BETWEEN = 5


class RestartResult(msgspec.Struct, frozen=True):
    """What came of it; ``failures`` is empty when everything held. Of ``submitted`` orders, ``taken`` reached the venue
    and were accepted there; of ``in_doubt`` it was unknown for a while what had become of them. To replay the
    ``inputs`` of all ``venue_seconds`` of the venue's life takes ``replay_seconds``.
    """

    venue: str
    restarts: int
    submitted: int
    taken: int
    fills: int
    in_doubt: int
    seconds: float
    inputs: int
    venue_seconds: float
    replay_seconds: float
    failures: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return not self.failures


class DiaryTrader(Trader):
    """Keeps what it has asked for and what it was told."""

    def __init__(self, **parameters: Any) -> None:
        super().__init__(**parameters)
        self.submitted: dict[str, None] = {}
        self.reports: list[ExecutionReport] = []
        self.accepted = 0

    def buy(self, *arguments: Any, **more: Any) -> str:
        return self._noted(super().buy(*arguments, **more))

    def sell(self, *arguments: Any, **more: Any) -> str:
        return self._noted(super().sell(*arguments, **more))

    def replace(self, *arguments: Any, **more: Any) -> str:
        return self._noted(super().replace(*arguments, **more))

    def on_execution_report(self, report: ExecutionReport) -> None:
        self.reports.append(report)
        self.accepted += report.exec_type is ExecType.NEW
        super().on_execution_report(report)

    def rest(self) -> None:
        """From now on it only cancels what it has, without haste."""
        self.quiet, self._interval_ms = True, _REST_INTERVAL_MS

    def _noted(self, client_order_id: str) -> str:
        self.submitted[client_order_id] = None
        return client_order_id


def run_restarts(
    venue: str, times: int, directory: Path, seed: int = 1, on_blow: Callable[[int], None] = lambda number: None
) -> RestartResult:
    """Kill and restart the venue so many times under load; ``on_blow`` is told of each. Uses ``directory``.

    Raises UsageError for a venue that cannot be simulated, HaltlineError when the engine does not trade at all.
    """
    if venue not in TRIAL_VENUES:
        raise UsageError(f"no trial at {venue!r}; it can be {', '.join(TRIAL_VENUES)}")
    return asyncio.run(_Restarts(TRIAL_VENUES[venue], times, directory, seed, on_blow).run())


class _Process:
    """The simulated venue's process, of one life after the other on one port."""

    def __init__(self, venue: str, directory: Path, seed: int) -> None:
        self._command = [sys.executable, "-m", "cli.main", "simulator", venue, "--json", "--seed", str(seed)]
        self._command += ["--directory", str(directory / "keys"), "--state", str(directory / "venue")]
        self.port = 0
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Returns once it listens. Raises HaltlineError when it does not come up."""
        command = [*self._command, "--port", str(self.port)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self.kill()
            raise HaltlineError(f"the simulated venue did not start: {' '.join(command)}")
        self.port = msgspec.json.decode(line, type=SimulatorReady).port

    def send(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=10)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


class _Restarts:
    def __init__(
        self, venue: TrialVenue, times: int, directory: Path, seed: int, on_blow: Callable[[int], None]
    ) -> None:
        self._venue, self._times, self._directory, self._seed = venue, times, directory, seed
        self._on_blow = on_blow
        self._random = Random(seed)
        self._process = _Process(venue.name, directory, seed)
        self._failures: list[str] = []

    async def run(self) -> RestartResult:
        began = time.monotonic()
        config_file = write_config(self._venue, self._directory, self._seed)
        self._share_keys()
        try:
            await asyncio.to_thread(self._process.start)
            write_config(
                self._venue,
                self._directory,
                self._seed,
                port=self._process.port,
                source="cli.venue_restarts:DiaryTrader",
                interval_ms=_INTERVAL_MS,
                cancels=False,
            )
            config = load_config(config_file)
            open_state(config)
            async with LocalRuntime(make_plan(config, seed=self._seed)) as runtime:
                await self._blows(runtime)
                await self._come_to_rest(runtime)
            trader, desk = self._trader(runtime), self._desk(runtime)
        finally:
            await asyncio.to_thread(self._process.kill)
        seconds = time.monotonic() - began
        return self._compare(trader, desk, seconds)

    # -- the run ------------------------------------------------------------------------------------------------

    def _share_keys(self) -> None:
        """The venue takes the keys that it finds."""
        keys = self._directory / "keys"
        keys.mkdir(mode=0o700)
        name = VENUES[self._venue.name].key_name(self._venue.key_type)
        shutil.copy(self._directory / "venue.key", keys / f"{name}.api-key")
        shutil.copy(self._directory / "venue.secret", keys / f"{name}.secret")

    async def _blows(self, runtime: LocalRuntime) -> None:
        trader = self._trader(runtime)
        await self._trades(trader, "does not trade")
        for number in range(self._times):
            if number % 4 != 3:  # every fourth blow comes whatever the engine is doing, most likely connecting
                await self._trades(trader, f"does not trade after {number} restarts")
            await asyncio.sleep(self._random.uniform(0.0, 0.7))
            self._on_blow(number + 1)
            await self._blow(number)
            await asyncio.to_thread(self._process.start)

    async def _trades(self, trader: DiaryTrader, otherwise: str) -> None:
        enough = trader.accepted + _ACCEPTED_BETWEEN
        await self._until(lambda: trader.accepted >= enough, _TRADING_S, otherwise)

    async def _blow(self, number: int) -> None:
        """By turns: out of the blue; with requests that have come and not been read; in the middle of reading such."""
        if number % 3:
            self._process.send(signal.SIGSTOP)
            await asyncio.sleep(_PILE_UP_S)
        if number % 3 == 2:
            self._process.send(signal.SIGCONT)
            await asyncio.sleep(self._random.uniform(0.0, _MIDST_S))
        await asyncio.to_thread(self._process.kill)

    async def _come_to_rest(self, runtime: LocalRuntime) -> None:
        trader, desk = self._trader(runtime), self._desk(runtime)
        strategy = runtime.actor(strategy_actor("trader")).actor
        assert isinstance(strategy, StrategyActor)
        trader.rest()

        def rests() -> bool:
            core = desk.core
            waits = desk.blotter.open_orders() or core.in_flight or core.reconciliation.doubts or strategy.orders
            return core.session_live and not waits

        try:
            await self._until(rests, _REST_S, "does not come to rest")
        except HaltlineError as error:
            self._failures.append(f"{error}: {desk.blotter.open_orders()[:3]}, {list(strategy.orders.values())[:3]}")
        self._failures += [f"{name} failed: {error!r}" for name, error in runtime.failures.items()]

    async def _until(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise HaltlineError(f"the engine {what} within {seconds:g} s")
            await asyncio.sleep(_LOOK_S)

    def _trader(self, runtime: LocalRuntime) -> DiaryTrader:
        actor = runtime.actor(strategy_actor("trader")).actor
        assert isinstance(actor, StrategyActor)
        assert isinstance(actor.strategy, DiaryTrader)
        return actor.strategy

    def _desk(self, runtime: LocalRuntime) -> VenueActor:
        actor = runtime.actor(venue_actor(self._venue.name)).actor
        assert isinstance(actor, VenueActor)
        return actor

    # -- afterwards ---------------------------------------------------------------------------------------------

    def _compare(self, trader: DiaryTrader, desk: VenueActor, seconds: float) -> RestartResult:
        fresh, _, _ = self._recall(self._directory / "nothing")
        began = time.monotonic()
        truth, inputs, venue_ns = self._recall(self._directory / "venue")
        replay_seconds = time.monotonic() - began
        self._failures += check_books(self._venue, desk, truth, fresh.held_nanos)
        self._failures += check_orders(self._venue.name_at_venue, trader.submitted, trader.reports, truth)
        doubted = {r.client_order_id for r in trader.reports if r.order_status is OrderStatus.UNKNOWN}
        return RestartResult(
            venue=self._venue.name,
            restarts=self._times,
            submitted=len(trader.submitted),
            taken=len(truth.names),
            fills=truth.fills.total(),
            in_doubt=len(doubted),
            seconds=seconds,
            inputs=inputs,
            venue_seconds=venue_ns / 1e9,
            replay_seconds=replay_seconds,
            failures=tuple(self._failures),
        )

    def _recall(self, state: Path) -> tuple[Truth, int, int]:
        """What a venue knows that comes back with this state: its books, how many inputs it has had, for how long."""
        kind = VENUES[self._venue.name]
        market = kind.market(self._seed, "")
        markets = {market.instrument.symbol: market}
        keys, endpoint = VenueKeys(self._directory / "keys"), Endpoint("localhost", self._process.port, False)
        venue = kind.actor(markets, tuple(balances_of(markets).items()), keys, endpoint, self._seed)
        actor = RememberedVenue(venue, identity_of(self._venue.name, self._seed))
        settings = HostSettings(run_dir="virtual", config_hash="", seed=0)
        spec = ActorSpec("simulator", lambda _: actor)
        runtime = VirtualRuntime([HostSpec("simulator", (spec,), partial(simulator_resources, state), settings)], 0)
        runtime.start()
        truth = truth_of(venue, ACCOUNT, self._venue.instrument.symbol)
        runtime.stop()
        return truth, actor.replayed, actor.lived_ns
