"""The engine and a simulated venue in virtual time, in this process: as fast as it goes, and the same each time.

The same actors, the same wiring, the same bytes on every link as in a real run; only the clock, the network and the
journals are in memory. One seed gives one run, byte for byte.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from actors.places import KILL_SWITCH, NODE_AGENT, latch_path, strategy_actor, trading_names
from actors.runtime.spec import ActorSpec, HostSettings, HostSpec, Resources
from actors.runtime.virtual import VirtualRuntime
from actors.runtime.weather import Weather
from actors.strategy import StrategyActor
from actors.wiring import build_node_agent, counter_names_of, latch_view, make_plan, stages_of
from config.settings import EngineConfig
from engine.actor import Actor
from engine.codes import KillMode
from engine.messages import ExecutionReport, Kill, KillReceipt, Message, encode_message
from risk.counters import CounterPage
from risk.latch import LatchCause, LatchPage
from risk.latency import LatencyPage
from risk.scope import parse_scope
from store.segment import MemoryJournal

__all__ = ["Presser", "VirtualTrial"]

SECOND_NS = 1_000_000_000
PRESSER = "presser"
SIMULATOR = "simulator"


class Presser(Actor):
    """Stands for whoever presses the kill switch; keeps the receipts it gets."""

    def __init__(self) -> None:
        self.peers = (KILL_SWITCH,)
        self.receipts: list[KillReceipt] = []

    def on_message(self, sender: str, message: Message, now_ns: int) -> None:
        if isinstance(message, KillReceipt):
            self.receipts.append(message)


class VirtualTrial:
    """``config`` must have been given its state directory and latch (``open_state``) and its credential files.

    ``reports`` holds, by strategy, every execution report it was given, as frames. ``more``: further actors by name,
    each on a host of its own, such as a second venue.
    """

    def __init__(
        self,
        config: EngineConfig,
        make_venue: Callable[[], Actor],
        *,
        seed: int,
        audit_books: bool = False,
        weather: Weather | None = None,
        more: Mapping[str, Callable[[], Actor]] | None = None,
    ) -> None:
        self.config = config
        self.reports: dict[str, list[bytes]] = {strategy.id: [] for strategy in config.strategies}
        self.presser = Presser()
        #: The counter page of each actor that has one, of its latest life.
        self.counter_pages: dict[str, CounterPage] = {}
        self._journals: dict[str, MemoryJournal] = {}
        self.runtime = VirtualRuntime(self._hosts(config, make_venue, seed, audit_books, more or {}), seed, weather)

    def start(self) -> None:
        self.runtime.start()
        for strategy in self.config.strategies:
            self._tee(strategy.id)

    def run_for(self, seconds: float) -> None:
        self.runtime.run_for(int(seconds * SECOND_NS))

    def restart(self, host: str) -> None:
        """Crash a host, if it still runs, and start its next life on the journals of the last."""
        if self.runtime.hosts[host].is_up:
            self.runtime.crash(host)
        self.runtime.restart(host)
        for strategy in self.config.strategies:
            if strategy_actor(strategy.id) in self.runtime.hosts[host].actors:
                self._tee(strategy.id)

    def actor(self, name: str) -> Actor:
        return self.runtime.actor(name).actor

    def kill(self, scope: str = "global", mode: KillMode = KillMode.CANCEL) -> bool:
        """Press the kill switch as ``haltline kill`` does, the latch first. False: nobody is there to be told.

        Raises UsageError for a blank or unknown scope; nothing is halted then.
        """
        now_ns = self.runtime.now_ns
        covered = parse_scope(scope, trading_names(self.config))
        page = LatchPage.open(latch_path(self.config))
        kill = Kill(f"virtual-{now_ns}", scope, mode, "end of the trial", "trial", "trial", now_ns, now_ns)
        page.store(kill.kill_id, covered, mode)
        told = self.runtime.actor(PRESSER).send(KILL_SWITCH, kill)
        page.latch(covered, LatchCause(kill.kill_id, kill.by, kill.reason, mode, now_ns, trigger=kill.trigger))
        return told

    # -- inside ---------------------------------------------------------------------------------------------

    def _hosts(
        self,
        config: EngineConfig,
        make_venue: Callable[[], Actor],
        seed: int,
        audit_books: bool,
        more: Mapping[str, Callable[[], Actor]],
    ) -> Sequence[HostSpec]:
        settings = HostSettings(run_dir="virtual", config_hash="", seed=seed)
        venue = ActorSpec(SIMULATOR, lambda _: make_venue())
        outside = {PRESSER: lambda: self.presser, **more}
        engine = tuple(
            HostSpec(host.name, self._actors(host), self._resources, host.settings)
            for host in make_plan(config, seed=seed, audit_books=audit_books)
        )
        return (
            HostSpec(SIMULATOR, (venue,), self._resources, settings),
            *engine,
            *(
                HostSpec(name, (ActorSpec(name, _builder(make)),), self._resources, engine[0].settings)
                for name, make in outside.items()
            ),
        )

    def _actors(self, host: HostSpec) -> tuple[ActorSpec, ...]:
        """The plan's, but a node agent that ends virtual processes."""
        if host.name != NODE_AGENT:
            return host.actors

        def build(arguments: bytes) -> Actor:
            return build_node_agent(self.config, self.fence)

        return (ActorSpec(NODE_AGENT, build),)

    def fence(self, host: str) -> str:
        """Stands for ``actors.runtime.fence.ProcessFence``."""
        if self.runtime.hosts[host].is_up:
            self.runtime.crash(host)
        return ""

    def _resources(self, actor: str, arguments: bytes) -> Resources:
        journal = self._journals.setdefault(actor, MemoryJournal())
        latency = LatencyPage.memory(stages_of(actor))
        resources = Resources(journal, latch_view(self.config, actor), latency)
        names = counter_names_of(self.config, actor)
        if not names:
            return resources
        page = self.counter_pages[actor] = CounterPage.memory(names)
        return replace(resources, counters=page)

    def _tee(self, strategy_id: str) -> None:
        """Copy every report on its way to the strategy."""
        actor = self.actor(strategy_actor(strategy_id))
        assert isinstance(actor, StrategyActor)
        frames, told = self.reports[strategy_id], actor.strategy.on_execution_report

        def on_execution_report(report: ExecutionReport) -> None:
            frames.append(encode_message(report))
            told(report)

        actor.strategy.on_execution_report = on_execution_report  # type: ignore[method-assign]  # a tee, on purpose


def _builder(make: Callable[[], Actor]) -> Callable[[bytes], Actor]:
    """As an actor's specification wants it: there are no arguments."""
    return lambda _: make()
