"""A trial at several venues at once: strategies that trade directly and through routes, under faults, then a kill.

simulated venues    a process each, real TLS sockets, each its own protocol, with a fault file that it plays
engine              a venue actor for each, routers beside the strategies that trade routes
this process        waits, has the faults end, presses the kill, then holds the engine's books against what each
                    venue itself says, and its number of orders at the kill against that at the end
"""

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from actors.places import KILL_SWITCH, router_actor, run_dir, venue_actor
from actors.runtime.observer import BlockingObserver
from actors.wiring import make_plan, open_state
from cli.engine_process import start_engine
from cli.fault_files import FAULT_FOLDER
from cli.kill import press, receipt_dict
from cli.screen import CONSOLE, two_columns
from cli.simulated_venues import VENUES
from cli.simulator_process import SimulatorBooks, SimulatorProcess, simulated_venue
from cli.status import ask_actor, ask_all
from cli.trial import TrialResult, wait_until_trading
from cli.venues_trial_config import ROUTED, venues_toml
from config.loader import load_config
from config.settings import EngineConfig
from engine.codes import KillMode
from engine.errors import HaltlineError, UsageError
from engine.messages import KillQuery, KillReceipt, KillRecords, StatusReport

__all__ = ["VENUES_FAULTS", "print_venues_result", "run_venues_trial"]

#: What goes wrong during a trial of several venues.
VENUES_FAULTS = FAULT_FOLDER / "storm.toml"
_QUOTE = "USDT"
_STATUS_EVERY_S = 0.5
#: How long the venues are calm before the kill, so that what was held back by faults has arrived.
_CALM_S = 2.0
#: From the acknowledgement on nothing leaves; what had left arrives within this.
_FLIGHT_S = 0.5
_REST_S = 30.0
_DOUBT_S = 180.0
_TRADING_ON_S = 2.0


def run_venues_trial(
    venues: Sequence[str], directory: Path, seconds: float, *, seed: int, runtime: str, faults: Path | None
) -> TrialResult:
    """Raises UsageError for a venue that there is no simulator of, HaltlineError when the engine does not get ready."""
    for name in venues:
        if name not in VENUES:
            raise UsageError(f"demo: no venue {name!r}; simulated are {', '.join(VENUES)}")
    if len(set(venues)) < len(venues):
        raise UsageError(f"demo: {', '.join(venues)} names a venue twice")
    with _simulators(venues, directory, seed, faults) as simulators:
        config_file = directory / "engine.toml"
        ready = {name: simulator.ready for name, simulator in simulators.items()}
        config_file.write_text(venues_toml(ready, directory / "state", runtime))
        config = load_config(config_file)
        open_state(config)
        engine = start_engine(config, make_plan(config, seed=seed))
        try:
            wait_until_trading(config, time.monotonic())
            _trade(config, seconds)
            for simulator in simulators.values():
                simulator.calm()
            time.sleep(_CALM_S)
            return _kill_and_compare(config, simulators)
        finally:
            engine.stop()


@contextlib.contextmanager
def _simulators(
    venues: Sequence[str], directory: Path, seed: int, faults: Path | None
) -> Iterator[dict[str, SimulatorProcess]]:
    """One process each, with a market of its own, all in one quote asset."""
    with contextlib.ExitStack() as stack:
        started = {}
        for number, name in enumerate(venues):
            arguments = ["--seed", str(seed + number), "--quote", _QUOTE]
            arguments += ["--faults", str(faults)] if faults is not None else []
            started[name] = stack.enter_context(simulated_venue(directory / name, arguments, name))
        yield started


def _trade(config: EngineConfig, seconds: float) -> None:
    names = [venue_actor(venue.name) for venue in config.venues]
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[line]}"), TimeElapsedColumn())
    begin = time.monotonic()
    with Progress(*columns, console=CONSOLE, transient=True) as bar:
        task = bar.add_task("trading", total=seconds, line="")
        while (elapsed := time.monotonic() - begin) < seconds:
            reports = {name: ask_actor(config, name) for name in names}
            fills = "  ".join(f"{name[6:]} {_counter(report, 'fills'):,} fills" for name, report in reports.items())
            bar.update(task, completed=min(elapsed, seconds), line=fills)
            time.sleep(min(_STATUS_EVERY_S, max(seconds - elapsed, 0.0)))


def _counter(report: StatusReport | None, name: str) -> int:
    return 0 if report is None else report.counters.get(name, 0)


# -- the kill, and what came of it ---------------------------------------------------------------------------------


def _kill_and_compare(config: EngineConfig, simulators: Mapping[str, SimulatorProcess]) -> TrialResult:
    at_halt: dict[str, SimulatorBooks] = {}
    receipt: KillReceipt | None = None
    for receipt in press(config, "global", KillMode.CANCEL, "end of the trial", trigger="trial"):
        if not at_halt and any(stage.stage == "halted" for stage in receipt.stages):
            time.sleep(_FLIGHT_S)
            at_halt = _books(simulators)
    time.sleep(_TRADING_ON_S)  # the strategies still want to trade
    if receipt is not None and not receipt.complete:
        receipt = _confirmed(config, receipt)
    reports, books = _at_rest(config, simulators)
    return TrialResult(_figures(config, reports, at_halt or books, books, receipt), receipt)


def _confirmed(config: EngineConfig, receipt: KillReceipt) -> KillReceipt:
    """A kill is confirmed once no order is in doubt. An order that was lost on its way is, until the venue could not
    take it any more however late it came: at Coinbase for two minutes."""
    deadline = time.monotonic() + _DOUBT_S
    with CONSOLE.status("killed; waiting until no order is in doubt any more"):
        while not receipt.complete and time.monotonic() < deadline:
            time.sleep(_STATUS_EVERY_S)
            with contextlib.suppress(HaltlineError, OSError):
                with BlockingObserver(str(run_dir(config)), KILL_SWITCH) as observer:
                    known = observer.request(KillQuery(receipt.kill_id), KillRecords, 2.0)
                receipt = next((each for each in known.kills if each.kill_id == receipt.kill_id), receipt)
    return receipt


def _books(simulators: Mapping[str, SimulatorProcess]) -> dict[str, SimulatorBooks]:
    return {name: simulator.books() for name, simulator in simulators.items()}


def _at_rest(
    config: EngineConfig, simulators: Mapping[str, SimulatorProcess]
) -> tuple[dict[str, StatusReport | None], dict[str, SimulatorBooks]]:
    """Once the books agree, or when they have had long enough to."""
    deadline = time.monotonic() + _REST_S
    while True:
        reports, books = ask_all(config), _books(simulators)
        if not _differences(reports, books) or time.monotonic() > deadline:
            return reports, books
        time.sleep(_STATUS_EVERY_S)


def _figures(
    config: EngineConfig,
    reports: Mapping[str, StatusReport | None],
    at_halt: Mapping[str, SimulatorBooks],
    books: Mapping[str, SimulatorBooks],
    receipt: KillReceipt | None,
) -> dict[str, Any]:
    venues = {name: reports.get(venue_actor(name)) for name in books}
    routers = {name: reports.get(router_actor(name)) for _, name, _, _ in ROUTED.values()}
    differences = _differences(reports, books)
    messages = sum(_counter(report, "messages") for report in venues.values())
    return {
        "venues": {name: _venue_figures(venues[name], each) for name, each in books.items()},
        "routes": {name: _route_figures(report) for name, report in routers.items()},
        "messages": messages,
        "violations": sum(_counter(report, "violations") for report in (*venues.values(), *routers.values())),
        "book_mismatches": sum(_counter(report, "book_mismatches") for report in venues.values()),
        "ledger_equal": not differences,
        "ledger_differences": differences,
        "orders_after_kill": sum(_orders(each) for each in books.values()) - sum(map(_orders, at_halt.values())),
        "open_orders_at_venue": sum(line.open_orders for each in books.values() for line in each.symbols.values()),
        "restarts": sum(_counter(report, "restarts") for report in venues.values()),
        "kill": receipt_dict(receipt) if receipt is not None else {"complete": False},
    }


def _orders(books: SimulatorBooks) -> int:
    return sum(line.orders for line in books.symbols.values())


def _venue_figures(report: StatusReport | None, books: SimulatorBooks) -> dict[str, Any]:
    names = ("orders_admitted", "fills", "rejected_by_venue", "restarts", "unknown_orders")
    counted = {name: _counter(report, name) for name in names}
    return counted | {"orders_at_venue": _orders(books), "faults": dict(sorted(books.injected.items()))}


def _route_figures(report: StatusReport | None) -> dict[str, int]:
    return {
        name: _counter(report, name)
        for name in ("orders_admitted", "children", "fills", "open_orders", "lots_given_up", "violations")
    }


def _differences(reports: Mapping[str, StatusReport | None], books: Mapping[str, SimulatorBooks]) -> list[str]:
    """Engine against each venue: net quantity, cost, fees by asset, number of fills, and nothing open, exactly."""
    found = []
    for name, each in books.items():
        report = reports.get(venue_actor(name))
        for symbol, line in each.symbols.items():
            text = report.details.get(f"ledger:{symbol}") if report is not None else None
            ours = msgspec.json.decode(text) if text else {"quantity": "0", "cost": "0", "fees": {}, "fills": 0}
            theirs = {"quantity": line.quantity, "cost": line.cost, "fees": line.fees, "fills": line.fills}
            found += [
                f"{name} {symbol} {key}: engine {ours[key]}, venue {value}"
                for key, value in theirs.items()
                if ours[key] != value
            ]
            if line.open_orders:
                found.append(f"{name} {symbol}: {line.open_orders} orders are open at the venue")
    return found


# -- for people ----------------------------------------------------------------------------------------------------


def print_venues_result(result: TrialResult) -> None:
    figures = result.figures
    for name, line in figures["venues"].items():
        faults = sum(line["faults"].values())
        rows = [
            ("orders sent", f"{line['orders_admitted']:,}"),
            ("orders that reached the venue", f"{line['orders_at_venue']:,}"),
            ("rejected by the venue", f"{line['rejected_by_venue']:,}"),
            ("fills", f"{line['fills']:,}"),
            ("faults at the venue", f"{faults:,}  ({', '.join(f'{n} {kind}' for kind, n in line['faults'].items())})"),
        ]
        CONSOLE.print(two_columns(name, rows))
    for name, line in figures["routes"].items():
        rows = [
            ("orders", f"{line['orders_admitted']:,}"),
            ("orders at venues for them", f"{line['children']:,}"),
            ("fills", f"{line['fills']:,}"),
        ]
        CONSOLE.print(two_columns(f"route of {name}", rows))
    for difference in figures["ledger_differences"]:
        CONSOLE.print(f"[red]{difference}[/red]", highlight=False)
    CONSOLE.print(_verdict(result), highlight=False)


def _verdict(result: TrialResult) -> str:
    if result.failures:
        return "[bold red]FAIL[/bold red]  " + "; ".join(result.failures)
    count = len(result.figures["venues"])
    return (
        f"[bold green]PASS[/bold green]  ledgers equal to those of all {count} venues, "
        "0 orders after the kill was acknowledged"
    )
