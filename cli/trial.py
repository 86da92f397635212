"""A trial: the engine against a simulated venue, from start to a confirmed kill, and the figures of it.

haltline demo / replay
    ├── simulated venue    its own process, real TLS sockets, the venue's own protocol
    ├── engine             as `haltline run` starts it, from a configuration file like any other
    └── this process       watches, presses the kill switch, then holds the engine's books against the venue's
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from actors.places import KILL_SWITCH, latency_path, venue_actor
from actors.venue import ORDER_STAGES
from actors.wiring import make_plan, open_state
from adapters.binance.signing import Credentials, KeyType, make_signer
from cli.engine_process import RunningEngine, start_engine
from cli.kill import press, receipt_dict
from cli.screen import CONSOLE, micros
from cli.simulator_process import SimulatorReady
from cli.status import ask_actor, ask_all
from cli.venue_ledger import VenueLedger, read_venue_ledger
from config.loader import load_config
from config.settings import EngineConfig
from engine.codes import KillMode, Reason
from engine.errors import HaltlineError
from engine.instrument import plain
from engine.messages import KillReceipt, StatusReport
from risk.latency import LatencyPage
from risk.response import RESPONSE_STAGES, responses_of

__all__ = ["TrialResult", "Watch", "run_trial", "wait_until_trading"]

READY_S = 60.0
STATUS_EVERY_S = 0.25


# -- the trial -----------------------------------------------------------------------------------------------------


@dataclass
class Watch:
    """When a trial ends: after ``seconds``, or when ``messages`` market messages have been processed.

    ``on_tick`` is called with the running engine a few times a second (a test uses it to do harm).
    """

    seconds: float
    messages: int = 0
    on_tick: Callable[[RunningEngine, float], None] | None = None


@dataclass
class TrialResult:
    """Everything a trial found. ``figures`` is what ``--json`` writes."""

    figures: dict[str, Any]
    receipt: KillReceipt | None

    @property
    def failures(self) -> list[str]:
        """What was not as promised, in words; empty when all was."""
        figures = self.figures
        recorded = figures.get("messages_recorded", figures["messages"])
        checks = {
            "the ledger differs from the venue's": not figures["ledger_equal"],
            f"{figures['orders_after_kill']} orders after the kill was acknowledged": figures["orders_after_kill"] > 0,
            "the kill was not confirmed": not figures["kill"]["complete"],
            f"{figures['violations']} contradictions in the order books of the venue actor": figures["violations"] > 0,
            f"{figures['book_mismatches']} book mismatches": figures["book_mismatches"] > 0,
            f"{figures['messages']:,} of {recorded:,} recorded messages": figures["messages"] != recorded,
        }
        return [text for text, failed in checks.items() if failed]

    @property
    def ok(self) -> bool:
        return not self.failures


def run_trial(
    config_file: Path, simulator: SimulatorReady, watch: Watch, *, seed: int, audit_books: bool
) -> TrialResult:
    """Start the engine, let it trade, kill it, compare. Raises HaltlineError when it does not get ready."""
    config = load_config(config_file)
    open_state(config)
    started = time.monotonic()
    engine = start_engine(config, make_plan(config, seed=seed, audit_books=audit_books))
    try:
        wait_until_trading(config, started)
        reports = _watch(config, engine, watch)
        receipt = _kill(config)
        killed_wall_ns = time.time_ns()
        reports = ask_all(config)
        ledger = _venue_ledger(config, simulator)
        figures = _figures(config, reports, ledger, receipt, killed_wall_ns)
    finally:
        engine.stop()
    return TrialResult(figures, receipt)


def wait_until_trading(config: EngineConfig, started: float) -> None:
    with Progress(
        SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=CONSOLE, transient=True
    ) as bar:
        task = bar.add_task("starting actors, connecting, reconciling")
        while True:
            reports = {name: ask_actor(config, name, 1.0) for name in ask_order(config)}
            states = {name: report.state if report else "starting" for name, report in reports.items()}
            bar.update(task, description="  ".join(f"{name} [dim]{state}[/dim]" for name, state in states.items()))
            if all(state in ("ready", "running", "failed") for state in states.values()):
                return
            if time.monotonic() - started > READY_S:
                raise HaltlineError(f"the engine did not get ready in {READY_S:.0f} s: {states}")
            time.sleep(0.05)


def ask_order(config: EngineConfig) -> list[str]:
    """The actors that tell whether trading has begun."""
    return [venue_actor(venue.name) for venue in config.venues] + [f"strategy.{s.id}" for s in config.strategies]


def _watch(config: EngineConfig, engine: RunningEngine, watch: Watch) -> dict[str, StatusReport | None]:
    names = [venue_actor(venue.name) for venue in config.venues]
    begin = time.monotonic()
    total = watch.messages or watch.seconds
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[line]}"), TimeElapsedColumn())
    with Progress(*columns, console=CONSOLE, transient=True) as bar:
        task = bar.add_task("replaying" if watch.messages else "trading", total=total, line="")
        while True:
            elapsed = time.monotonic() - begin
            reports = {name: ask_actor(config, name) for name in names}
            messages, orders, fills = (_sum(reports, key) for key in ("messages", "orders_admitted", "fills"))
            bar.update(
                task,
                completed=messages if watch.messages else min(elapsed, total),
                line=f"{messages:,} messages  {orders:,} orders  {fills:,} fills",
            )
            if watch.on_tick is not None:
                watch.on_tick(engine, elapsed)
            if elapsed >= watch.seconds or (watch.messages and messages >= watch.messages):
                return reports
            time.sleep(min(STATUS_EVERY_S, max(watch.seconds - elapsed, 0.0)))


def _sum(reports: dict[str, StatusReport | None], counter: str) -> int:
    return sum(report.counters.get(counter, 0) for report in reports.values() if report is not None)


def _kill(config: EngineConfig) -> KillReceipt | None:
    receipts = list(press(config, "global", KillMode.CANCEL, "end of the trial", trigger="trial"))
    return receipts[-1] if receipts else None


def _venue_ledger(config: EngineConfig, simulator: SimulatorReady) -> VenueLedger:
    api_key = Path(simulator.api_key_file).read_text().strip()
    secret = Path(simulator.secret_file).read_text().strip()
    signer = make_signer(Credentials(api_key, KeyType(simulator.key_type), secret))
    return read_venue_ledger(simulator.port, simulator.ca_file, signer, simulator.symbols)


# -- figures -------------------------------------------------------------------------------------------------------


def _figures(
    config: EngineConfig,
    reports: dict[str, StatusReport | None],
    venue: VenueLedger,
    receipt: KillReceipt | None,
    killed_wall_ns: int,
) -> dict[str, Any]:
    halted_ns = _acknowledged_wall_ns(receipt, killed_wall_ns)
    differences = _ledger_differences(reports, venue)
    refusals: dict[str, int] = {}
    for report in reports.values():
        for code, count in (report.refusals if report else {}).items():
            name = Reason(code).name.lower()
            refusals[name] = refusals.get(name, 0) + count
    venues = {name: report for name, report in reports.items() if name.startswith("venue.")}
    return {
        "messages": _sum(venues, "messages"),
        "book_mismatches": _sum(venues, "book_mismatches"),
        "bbo_comparisons": _sum(venues, "bbo_comparisons"),
        "bbo_disagreements": _sum(venues, "bbo_disagreements"),
        "orders": _sum(venues, "orders_admitted"),
        "orders_at_venue": venue.orders,
        "fills": _sum(venues, "fills"),
        "rejected_by_venue": _sum(venues, "rejected_by_venue"),
        "refusals": refusals,
        "violations": _sum(venues, "violations"),
        "restarts": _sum(venues, "restarts"),
        "ledger_equal": not differences,
        "ledger_differences": differences,
        "positions": _positions(venues),
        "fees": {s: {a: str(v) for a, v in line.fees.items()} for s, line in venue.symbols.items()},
        "venue_balances": {asset: str(amount) for asset, amount in venue.balances.items()},
        "orders_after_kill": sum(at > halted_ns for at in venue.order_times_ns),
        "open_orders_at_venue": sum(line.open_orders for line in venue.symbols.values()),
        "order_latency_us": _latencies(
            config, list(venues), tuple(stage for stage in ORDER_STAGES if stage != "loop_lag")
        ),
        "loop_lag_us": _latencies(config, list(venues), ("loop_lag",)).get("loop_lag", {}),
        "kill_us": _rows(responses_of(LatencyPage.open(latency_path(config, KILL_SWITCH))), RESPONSE_STAGES),
        "kill": receipt_dict(receipt) if receipt is not None else {"complete": False},
    }


def _acknowledged_wall_ns(receipt: KillReceipt | None, killed_wall_ns: int) -> int:
    """UTC at which the kill was acknowledged as halted, from the same host's clocks."""
    after_ns = {stage.stage: stage.after_ns for stage in receipt.stages} if receipt is not None else {}
    if receipt is None or "halted" not in after_ns:
        return killed_wall_ns
    return receipt.wall_time_ns - after_ns[receipt.stages[-1].stage] + after_ns["halted"]


def _ledger_differences(reports: dict[str, StatusReport | None], venue: VenueLedger) -> list[str]:
    """Engine against venue: net quantity, cost, fees by asset and number of fills, exactly."""
    ours: dict[str, dict[str, Any]] = {}
    for report in reports.values():
        for key, text in (report.details if report is not None else {}).items():
            if key.startswith("ledger:"):
                ours[key.removeprefix("ledger:")] = msgspec.json.decode(text)
    differences = []
    for symbol, line in venue.symbols.items():
        theirs = {
            "quantity": plain(f"{line.quantity:f}"),
            "cost": plain(f"{line.cost:f}"),
            "fees": {asset: plain(f"{amount:f}") for asset, amount in sorted(line.fees.items())},
            "fills": line.fills,
        }
        mine = ours.get(symbol, {"quantity": "0", "cost": "0", "fees": {}, "fills": 0})
        for key, value in theirs.items():
            if mine[key] != value:
                differences.append(f"{symbol} {key}: engine {mine[key]}, venue {value}")
    return differences


def _positions(venues: dict[str, StatusReport | None]) -> dict[str, Any]:
    return {
        key.removeprefix("ledger:"): msgspec.json.decode(text)
        for report in venues.values()
        if report is not None
        for key, text in report.details.items()
        if key.startswith("ledger:")
    }


def _latencies(config: EngineConfig, actors: list[str], stages: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """stage → µs, merged over the actors' pages."""
    pages = [LatencyPage.open(latency_path(config, actor)) for actor in actors]
    merged = LatencyPage.memory(pages[0].stages)
    for page in pages:
        merged.merge(page)
    return _rows(merged, stages)


def _rows(page: LatencyPage, stages: tuple[str, ...]) -> dict[str, dict[str, float]]:
    rows = {}
    for stage in stages:
        summary = page.summary(stage)
        if summary.count:
            rows[stage] = {
                "p50": micros(summary.p50),
                "p90": micros(summary.p90),
                "p99": micros(summary.p99),
                "p99_9": micros(summary.p99_9),
                "max": micros(summary.max),
                "count": summary.count,
            }
    return rows
