"""One fault file at one venue: an engine trades through it, is killed, comes to rest, and is held against the venue.

In virtual time, so a second or two of real time for each; one seed is one run.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from actors.places import strategy_actor, venue_actor
from actors.runtime.virtual_host import VirtualActor
from actors.strategy import StrategyActor
from actors.venue import VenueActor
from actors.wiring import open_state
from adapters.simulator.faults.rules import FaultScript
from cli.fault_files import load_faults
from cli.simulation.trader import Trader
from cli.venue_trials.books import truth_of
from cli.venue_trials.checks import check_books, check_orders
from cli.venue_trials.venues import ACCOUNT, TRIAL_VENUES, TrialVenue, write_config
from cli.virtual_trial import VirtualTrial
from config.loader import load_config
from engine.errors import UsageError
from engine.messages import ExecutionReport, NewOrder, ReplaceOrder, decode_message

__all__ = ["FaultResult", "run_fault_file"]

_STRATEGY = "trader"
#: From when on nothing that leaves may still be under way to the venue: far more than the virtual network takes.
_FLIGHT_S = 0.001
_KILLED_S = 2.0
_REST_S = 300
_BOOK_S = 120


class FaultResult(msgspec.Struct, frozen=True):
    """How a file went at a venue. ``failures`` is empty when everything held. ``injected``: how often each kind of
    fault happened. ``incident``: the row of the table of incidents, 0 for none."""

    venue: str
    name: str
    about: str
    incident: int
    failures: tuple[str, ...]
    injected: dict[str, int]
    orders: int
    fills: int
    virtual_seconds: float

    @property
    def passed(self) -> bool:
        return not self.failures


def run_fault_file(venue: str, path: Path, seed: int = 1) -> FaultResult:
    """Play a fault file at a venue. Raises UsageError for a venue that there is no trial of, ConfigErrors for a file
    with errors."""
    if venue not in TRIAL_VENUES:
        raise UsageError(f"no trial at {venue!r}; it can be {', '.join(TRIAL_VENUES)}")
    script = load_faults(path)
    with tempfile.TemporaryDirectory(prefix="haltline-") as directory:
        trial = _Trial(TRIAL_VENUES[venue], script, Path(directory), seed)
        failures = tuple(trial.failures())
        return FaultResult(
            venue=venue,
            name=path.stem,
            about=script.about,
            incident=script.incident,
            failures=failures,
            injected=dict(sorted(trial.simulated.faults.injected.items())),
            orders=len(trial.seen.submitted),
            fills=trial.desk.blotter.ledger_line(0).fills,
            virtual_seconds=trial.runtime.now_ns / 1e9,
        )


class _Seen:
    """What the strategy has asked for: a ``NetworkProbe``."""

    def __init__(self) -> None:
        self.submitted: set[str] = set()

    def on_send(self, cell: VirtualActor, peer: str, payload: bytes) -> None:
        if cell.name == strategy_actor(_STRATEGY):
            message = decode_message(payload)
            if isinstance(message, NewOrder | ReplaceOrder):
                self.submitted.add(message.client_order_id)

    def on_write(self, cell: VirtualActor, link: str, data: bytes) -> None:
        """What leaves for the venue is counted there."""

    def on_written(self, cell: VirtualActor, link: str, data: bytes) -> None:
        """The same."""

    def on_deliver(self, cell: VirtualActor, sender: str, payload: bytes) -> None:
        """Nothing is asked for by this."""


class _Trial(VirtualTrial):
    def __init__(self, venue: TrialVenue, script: FaultScript, directory: Path, seed: int) -> None:
        self.venue, self.script = venue, script
        config = load_config(write_config(venue, directory, seed))
        open_state(config)
        self.simulated = venue.simulated(seed)
        self.simulated.play(script.fault, script.seed * 1_000 + seed)
        super().__init__(config, lambda: self.simulated, seed=seed)
        self.seen = _Seen()
        self.runtime.network.probe = self.seen

    @property
    def desk(self) -> VenueActor:
        actor = self.actor(venue_actor(self.venue.name))
        assert isinstance(actor, VenueActor)
        return actor

    def failures(self) -> Iterator[str]:
        """Run it all, and tell what does not hold."""
        self.start()
        self.run_for(self.script.seconds)
        yield from self._kill()
        self.simulated.server.now_ns = self.runtime.now_ns
        self.simulated.faults.clear()
        yield from self._come_to_rest()
        truth = truth_of(self.simulated, ACCOUNT, self.venue.instrument.symbol)
        reports = [decode_message(frame) for frame in self.reports[_STRATEGY]]
        told = [report for report in reports if isinstance(report, ExecutionReport)]
        yield from check_books(self.venue, self.desk, truth)
        yield from check_orders(self.venue.name_at_venue, sorted(self.seen.submitted), told, truth)
        yield from self._check_book()
        if not truth.fills:
            yield "nothing was executed: the trial says little"
        for drawn in self.simulated.faults.played:
            if not drawn.done and drawn.fault.percent == 100:
                yield f"{drawn.fault} never happened"

    def _kill(self) -> Iterator[str]:
        """Nothing new may reach the venue from the kill on, whatever goes wrong meanwhile."""
        self.kill()
        self.run_for(_FLIGHT_S)
        arrived = self.simulated.faults.arrived
        before = arrived["order"], arrived["replace"]
        self.run_for(_KILLED_S)
        if (arrived["order"], arrived["replace"]) != before:
            yield f"{arrived['order'] - before[0]} orders came after the kill"

    def _come_to_rest(self) -> Iterator[str]:
        strategy = self.actor(strategy_actor(_STRATEGY))
        assert isinstance(strategy, StrategyActor)
        assert isinstance(strategy.strategy, Trader)
        strategy.strategy.quiet = True
        arrived, before = self.simulated.faults.arrived, self.simulated.faults.arrived["order"]
        for _ in range(_REST_S):
            if not (waits := self._waits(strategy)):
                break
            self.run_for(1.0)
        else:
            yield f"does not come to rest: {waits}"
        if arrived["order"] != before:
            yield f"{arrived['order'] - before} orders came after the kill, when it came to rest"

    def _waits(self, strategy: StrategyActor) -> str:
        core, blotter = self.desk.core, self.desk.blotter
        if not core.session_live:
            return "not connected"
        if blotter.open_orders():
            return f"open orders: {blotter.open_orders()[:3]}"
        if core.in_flight or core.reconciliation.doubts:
            return "unanswered requests"
        if strategy.orders:
            return f"the strategy waits for {list(strategy.orders.values())[:3]}"
        return "messages are held" if self.simulated.faults.held else ""

    def _check_book(self) -> Iterator[str]:
        """The best of the book, once, within a while: the market goes on meanwhile."""
        symbol = self.venue.instrument.symbol
        session = self.desk.core.session
        ours = best = (0, 0, 0, 0)
        for _ in range(_BOOK_S * 10):
            best = truth_of(self.simulated, ACCOUNT, symbol).best
            ours = session.book(0).best()
            if ours == best:
                return
            self.run_for(0.1)
        yield f"the book shows {ours}, the market is {best}"
