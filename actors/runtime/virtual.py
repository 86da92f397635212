"""The virtual-time runtime: the same actors, one seed, and the same run byte for byte.

Handlers take no time; only timers and the network do. Actors of one host deliver to each other as on a real host.
"""

from collections import deque
from collections.abc import Callable, Sequence

from actors.runtime.spec import HostSpec
from actors.runtime.virtual_host import VirtualActor, VirtualHost
from actors.runtime.virtual_network import VirtualNetwork
from actors.runtime.virtual_time import Agenda
from actors.runtime.weather import FairWeather, Weather
from engine.errors import UsageError

__all__ = ["VirtualRuntime"]

_LOG_LINES = 10_000


class VirtualRuntime:
    """Hosts ``hosts`` in virtual time from ``start_ns`` on; ``wall_start_ns`` is what UTC is then.

    ``surface_failures``: a handler's exception ends the run with it. Otherwise the actor is stopped, as in the local
    runtime. Either way it is in ``failures``. ``log`` holds the last lines as (now_ns, actor, event, fields).
    """

    def __init__(
        self,
        hosts: Sequence[HostSpec],
        seed: int,
        weather: Weather | None = None,
        *,
        start_ns: int = 1_000_000_000,
        wall_start_ns: int = 1_700_000_000_000_000_000,
        surface_failures: bool = True,
    ) -> None:
        self.agenda = Agenda(start_ns)
        self.hosts: dict[str, VirtualHost] = {}
        self.network = VirtualNetwork(self.agenda, self.hosts, weather or FairWeather(seed))
        self.failures: dict[str, BaseException] = {}
        self.log: deque[tuple[int, str, str, dict[str, object]]] = deque(maxlen=_LOG_LINES)
        self.conflated = 0
        #: Called after each step, also of those that are done while a handler stands still.
        self.on_step: Callable[[], None] = _nothing
        self._surface_failures = surface_failures
        for spec in hosts:
            if spec.name in self.hosts:
                raise UsageError(f"two virtual hosts are named {spec.name!r}")
            self.hosts[spec.name] = VirtualHost(self, spec, wall_start_ns - start_ns)
        names = [actor.name for spec in hosts for actor in spec.actors]
        if len(set(names)) != len(names):
            raise UsageError("two actors have the same name")

    @property
    def now_ns(self) -> int:
        return self.agenda.now_ns

    def start(self) -> None:
        for host in self.hosts.values():
            host.start()
            self._check()

    def stop(self) -> None:
        """``on_stop`` of every actor. Nothing happens afterwards."""
        for host in reversed(list(self.hosts.values())):
            host.stop()
        self._check()

    def run_until(self, at_ns: int) -> None:
        """Do everything up to and including ``at_ns``, and leave the clock there."""
        while (next_ns := self.agenda.next_ns()) is not None and next_ns <= at_ns:
            self.step()
        self.agenda.now_ns = max(self.agenda.now_ns, at_ns)

    def step(self) -> None:
        """The next thing that happens."""
        self.agenda.step()
        self._check()
        self.on_step()

    def run_for(self, duration_ns: int) -> None:
        self.run_until(self.now_ns + duration_ns)

    def actor(self, name: str) -> VirtualActor:
        """The actor's cell, whichever host it is on. Raises UsageError when there is none now."""
        for host in self.hosts.values():
            if name in host.actors:
                return host.actors[name]
        raise UsageError(f"no virtual actor is named {name!r} now")

    def crash(self, host: str) -> None:
        """The host's process dies now, without a word. Journals keep what they have."""
        self.hosts[host].crash()

    def restart(self, host: str) -> None:
        """Build the crashed host's actors anew from its spec."""
        self.hosts[host].start()
        self._check()

    def pause(self, host: str, duration_ns: int) -> None:
        """As SIGSTOP: what would happen on the host waits for its end. Its clock goes on."""
        self.hosts[host].paused_until_ns = self.now_ns + duration_ns

    def stall(self, host: str, readings: int, duration_ns: int) -> None:
        """As SIGSTOP within a handler: at the ``readings``-th clock reading from now on, for ``duration_ns``."""
        self.hosts[host].stall_in_readings, self.hosts[host].stall_ns = readings, duration_ns

    def record(self, actor: str, event: str, fields: dict[str, object]) -> None:
        self.log.append((self.now_ns, actor, event, fields))

    def _check(self) -> None:
        if self.failures and self._surface_failures:
            raise next(iter(self.failures.values()))


def _nothing() -> None:
    """Nobody watches."""
