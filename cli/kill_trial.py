"""Many kills in one run, under load: every venue actor sending, every kill acknowledged, and not one order after it.

    kill_venue   its own process: the exchange, and its own record of what has reached it
    engine       a venue actor per account; at each a strategy in the scope of drills, which sends as fast as it may and
                 has orders resting, and one outside of it, whose resting orders no drill may touch
    this process presses a drill, waits for its end, and again; a real kill of everything ends it

A drill is a kill of what the configuration gives to drills: latched by the presser, acknowledged by every venue actor,
its orders cancelled until the venue lists none, held a while under full load, then released. A real one takes two
people to release, so a thousand of those are no run.
"""

import os
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from actors.places import KILL_SWITCH, strategy_actor, venue_actor
from actors.runtime.urgency import urgently
from actors.wiring import make_plan, open_state
from cli.engine_process import start_engine
from cli.kill import press
from cli.kill_drill import Driller
from cli.kill_venue import KillVenue, key_files, kill_venue, log_file
from cli.order_log import Acknowledged, Verdict, judge, read_order_log
from cli.screen import CONSOLE
from cli.status import ask_actor
from config.loader import load_config
from config.settings import EngineConfig
from engine.codes import KillMode
from engine.errors import HaltlineError
from engine.messages import KillReceipt

__all__ = ["KILL_STAGES", "KillTrial", "KillTrialResult", "run_kill_trial"]

#: In the order of a kill. ``acknowledged``: the kill switch actor has heard that everybody has halted.
KILL_STAGES = ("latched", "sealed", "halted", "acknowledged", "cancel_sent", "cancelled")
_FOREVER_NS = 2**62
#: Orders a second that one core carries, with their venue, and a third of it to spare.
_ORDERS_PER_CORE = 600
_ORDERS_MAX = 2000
_READY_S = 120.0


class KillTrial(msgspec.Struct, frozen=True):
    """``resting`` orders in the scope of drills and ``held`` outside of it, per venue actor; ``rate`` orders a second
    are asked of each, 0: as many as the machine's cores carry, at most 2,000. ``gap_ms`` (mean) between a release and
    the next kill, ``hold_ms`` under each."""

    kills: int = 1000
    venue_actors: int = 8
    rate: int = 0
    resting: int = 5
    held: int = 120
    gap_ms: int = 120
    hold_ms: int = 10
    runtime: str = "ray"
    placement: str = "co-located"
    seed: int = 1

    @property
    def orders_per_second(self) -> int:
        """Asked of each venue actor. More than the cores carry would measure the queue for a core, and nothing else."""
        carried = _ORDERS_PER_CORE * (os.cpu_count() or 1) // self.venue_actors
        return self.rate or min(max(carried, 1), _ORDERS_MAX)


class KillTrialResult(msgspec.Struct, frozen=True):
    """``stages_ns``: stage → nanoseconds after the press, of each kill. ``verdict``: after the acknowledgements;
    ``sealed``: after the seals. ``seconds`` is how long the kills took."""

    trial: KillTrial
    stages_ns: dict[str, list[int]]
    verdict: Verdict
    sealed: Verdict
    orders_cancelled: int
    refused: int
    resting_orders: int
    seconds: float
    orders_meanwhile: int
    problems: tuple[str, ...]

    @property
    def failures(self) -> list[str]:
        """What was not as promised, in words; empty when all was."""
        found = list(self.problems)
        if self.verdict.after:
            found.append(f"{self.verdict.after:,} orders left after an acknowledgement")
        if self.sealed.after:
            found.append(f"{self.sealed.after:,} orders left after a seal")
        if self.sealed.lost:
            found.append(f"{self.sealed.lost:,} orders are counted by a seal and never came to the venue")
        if self.verdict.lost:
            found.append(f"{self.verdict.lost:,} orders left by the engine's word and never came to the venue")
        return found


def run_kill_trial(trial: KillTrial) -> KillTrialResult:
    """Start venue and engine in a directory of their own, kill so many times, and compare. Raises HaltlineError when
    they do not get ready, or a kill is not answered."""
    with tempfile.TemporaryDirectory(prefix="haltline-") as name:
        directory = Path(name)
        with kill_venue(directory / "venue", trial.venue_actors) as venue:
            config_file = directory / "engine.toml"
            config_file.write_text(_engine_toml(trial, venue, directory))
            config = load_config(config_file)
            measured = _Run(trial, config)
            measured.run()
        return measured.result(read_order_log(log_file(directory / "venue")))


class _Run:
    def __init__(self, trial: KillTrial, config: EngineConfig) -> None:
        self._trial = trial
        self._config = config
        self._venue_actors = [venue_actor(venue.name) for venue in config.venues]
        self._number = {name: number for number, name in enumerate(self._venue_actors)}
        self._stages_ns: dict[str, list[int]] = {stage: [] for stage in KILL_STAGES}
        self._acknowledged: list[Acknowledged] = []
        self._sealed: list[Acknowledged] = []
        self._problems: list[str] = []
        self._cancelled = self._refused = self._resting = self._meanwhile = 0
        self._seconds = 0.0
        self._bystanders: dict[str, tuple[int, int]] = {}

    def run(self) -> None:
        open_state(self._config)
        engine = start_engine(self._config, make_plan(self._config, seed=self._trial.seed))
        try:
            self._wait_until_loaded()
            self._bystanders = self._held()
            self._kill_many()
            self._check_bystanders()
            self._kill_all()
        finally:
            engine.stop()

    def result(self, came: dict[int, list[int]]) -> KillTrialResult:
        return KillTrialResult(
            self._trial,
            self._stages_ns,
            judge(came, self._acknowledged),
            judge(came, self._sealed),
            self._cancelled,
            self._refused,
            self._resting,
            self._seconds,
            self._meanwhile,
            tuple(self._problems),
        )

    # -- before ---------------------------------------------------------------------------------------------

    def _wait_until_loaded(self) -> None:
        """Until every strategy runs, every order that shall rest does, and a kill reaches every venue actor."""
        trial = self._trial
        wanted = trial.venue_actors * (trial.resting + trial.held)
        deadline = time.monotonic() + _READY_S
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        with Progress(*columns, console=CONSOLE, transient=True) as bar:
            task = bar.add_task("starting actors, connecting")
            while True:
                states = [ask_actor(self._config, strategy_actor(each.id)) for each in self._config.strategies]
                self._resting = self._sum("open_orders")
                ready = all(state is not None and state.state == "running" for state in states)
                kill_switch = ask_actor(self._config, KILL_SWITCH)
                connected = 0 if kill_switch is None else kill_switch.counters.get("venue_actors_connected", 0)
                bar.update(task, description=f"{self._resting:,} of {wanted:,} orders resting")
                # Orders that rest for nobody to touch, by themselves: others on their way would be counted for them.
                ready = ready and all(held >= trial.held for _, held in self._held().values())
                if ready and self._resting >= wanted and connected == trial.venue_actors:
                    return
                if any(state is not None and state.state == "failed" for state in states):
                    raise HaltlineError(f"a strategy failed: {[s.details for s in states if s is not None]}")
                if time.monotonic() > deadline:
                    raise HaltlineError(
                        f"only {self._resting} of {wanted} orders rest, and {connected} of {trial.venue_actors} venue "
                        f"actors are connected to the kill switch, after {_READY_S:.0f} s"
                    )
                time.sleep(0.2)

    def _sum(self, counter: str) -> int:
        reports = [ask_actor(self._config, name) for name in self._venue_actors]
        return sum(report.counters.get(counter, 0) for report in reports if report is not None)

    # -- the kills ------------------------------------------------------------------------------------------

    def _kill_many(self) -> None:
        pace = random.Random(self._trial.seed)
        sent = self._sum("orders")
        began = time.monotonic()
        columns = (TextColumn("killing and releasing"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=CONSOLE, transient=True) as bar, urgently(), Driller(self._config) as driller:
            for _ in bar.track(range(self._trial.kills)):
                # Exponential, so that a kill comes at any moment of whatever goes on, not in step with it.
                time.sleep(pace.expovariate(1000 / self._trial.gap_ms))
                pressed_ns, receipt = driller.ask()
                self._note(pressed_ns, receipt)
        self._seconds = time.monotonic() - began
        self._meanwhile = self._sum("orders") - sent

    def _note(self, pressed_ns: int, receipt: KillReceipt) -> None:
        stages = {stage.stage: stage.after_ns for stage in receipt.stages}
        if not receipt.complete:
            self._problems.append(f"kill {receipt.kill_id}: {'; '.join(receipt.failures)}")
        for stage in KILL_STAGES:
            if stages.get(stage, -1) >= 0:
                self._stages_ns[stage].append(stages[stage])
        if stages.get("halted", -1) >= 0 and "released" in stages:
            self._acknowledge(receipt, pressed_ns + stages["halted"], pressed_ns + stages["released"])
        if stages.get("sealed", -1) >= 0 and "released" in stages:
            at_seal = {self._number[actor.venue_actor]: actor.orders_at_seal for actor in receipt.actors}
            counted = {number: orders for number, orders in at_seal.items() if orders >= 0}
            self._sealed.append(Acknowledged(pressed_ns + stages["sealed"], pressed_ns + stages["released"], counted))
        self._cancelled += sum(actor.orders_cancelled for actor in receipt.actors)

    def _acknowledge(self, receipt: KillReceipt, halted_ns: int, released_ns: int) -> None:
        sent = {self._number[actor.venue_actor]: actor.orders_sent for actor in receipt.actors}
        self._acknowledged.append(Acknowledged(halted_ns, released_ns, sent))

    # -- the end --------------------------------------------------------------------------------------------

    def _held(self) -> dict[str, tuple[int, int]]:
        """What each strategy outside of the scope of drills has sent so far, and has open."""
        found: dict[str, tuple[int, int]] = {}
        for strategy in self._config.strategies:
            if strategy.id not in self._config.kill.drill_strategies:
                report = ask_actor(self._config, strategy_actor(strategy.id))
                counters = {} if report is None else report.counters
                found[strategy.id] = (counters.get("orders", -1), counters.get("open_orders", -1))
        return found

    def _check_bystanders(self) -> None:
        for strategy_id, now in self._held().items():
            if now != self._bystanders[strategy_id]:
                text = f"orders sent and open {now}, before the kills {self._bystanders[strategy_id]}"
                self._problems.append(f"{strategy_id} is outside of the scope of drills: {text}")

    def _kill_all(self) -> None:
        """A real kill, of everything, which nobody releases."""
        self._refused = sum(
            sum(report.refusals.values())
            for name in self._venue_actors
            if (report := ask_actor(self._config, name)) is not None
        )
        receipts = list(press(self._config, "global", KillMode.CANCEL, "end of the trial", trigger="trial"))
        if not receipts or not receipts[-1].complete:
            self._problems.append("the last kill, of everything, was not confirmed")
            return
        self._acknowledge(receipts[-1], time.monotonic_ns(), _FOREVER_NS)


# -- the configuration ---------------------------------------------------------------------------------------------


def _engine_toml(trial: KillTrial, venue: KillVenue, directory: Path) -> str:
    numbers = range(trial.venue_actors)
    drilled = ", ".join(f'"load{number}"' for number in numbers)
    parts = [_HEAD.format(trial=trial, state_dir=directory / "state", drilled=drilled)]
    for number in numbers:
        key_type, api_key_file, secret_file = key_files(directory / "venue", number)
        parts.append(
            _VENUE.format(
                number=number,
                port=venue.port,
                key_type=key_type,
                api_key_file=api_key_file,
                secret_file=secret_file,
                symbol=venue.symbol,
            )
        )
        loads: Sequence[tuple[str, dict[str, Any]]] = (
            ("load", {"rate": trial.orders_per_second, "resting": trial.resting}),
            ("hold", {"rate": 250, "resting": trial.held, "rests_only": "true", "depth_bps": 300}),
        )
        for kind, parameters in loads:
            parts.append(_STRATEGY.format(kind=kind, number=number, trial=trial, symbol=venue.symbol))
            parts += [f"{key} = {value}" for key, value in parameters.items()]
    return "\n".join(parts) + "\n"


_HEAD = """# Written by a trial of kills.
[engine]
name = "kills"
runtime = "{trial.runtime}"
state_dir = "{state_dir}"

[kill]
drill_strategies = [{drilled}]
drill_hold_ms = {trial.hold_ms}

[[accounts]]
id = "trial"
[accounts.limits]
open_orders_max = 100000
orders_per_second_max = 1000000
orders_burst_max = 1000000
replaces_per_second_max = 1000000
replaces_burst_max = 1000000
cancels_per_second_max = 1000000
cancels_burst_max = 1000000
currency = "USDT"
gross_notional_max = "1000000000"
net_notional_max = "1000000000"
daily_loss_max = "1000000"
drawdown_max = "1000000"
duplicate_window_ms = 0
"""

_VENUE = """
[[venues]]
name = "v{number}"
adapter = "binance"
account = "trial"
rest_url = "http://localhost:{port}"
orders_url = "ws://localhost:{port}/ws-api/v3"
streams_url = "ws://localhost:{port}"
[venues.reconcile]
opening_positions = "zero"
[venues.credentials]
key_type = "{key_type}"
api_key_file = "{api_key_file}"
secret_file = "{secret_file}"

[[venues.instruments]]
symbol = "{symbol}"
[venues.instruments.limits]
order_quantity_max = "1"
order_notional_max = "100000"
long_position_max = "1000"
short_position_max = "1000"
price_collar_bps = 500
window_collar_bps = 1000
window_ms = 60000
reference_age_ms = 60000
"""

_STRATEGY = """
[[strategies]]
id = "{kind}{number}"
account = "trial"
source = "cli.kill_load:Load"
placement = "{trial.placement}"
venue = "v{number}"
instruments = ["v{number}:{symbol}"]
[strategies.limits]
orders_per_second_max = 1000000
orders_burst_max = 1000000
position_notional_max = "100000000"
gross_notional_max = "100000000"
executions_max = 1000000
executions_window_ms = 1000
[strategies.parameters]
quantity = "0.001"
"""
