"""Processes that die, with or without what was not synced, or stand still; wrong clocks; full disks."""

from functools import partial
from random import Random

from actors.places import KILL_SWITCH, strategy_actor, venue_actor
from cli.simulation.faults import SECOND_NS, Faults
from cli.simulation.world import World, exchange_host

__all__ = ["HostFaults"]

#: No machine is back sooner.
_BOOT_S = 4


class HostFaults(Faults):
    def __init__(self, world: World, random: Random) -> None:
        super().__init__(world, random)
        self.kinds = {
            "crash": self._crash,
            "power cut": self._power_cut,
            "blackout": self._blackout,
            "strategy gone": self._strategy_gone,
            "pause": self._pause,
            "stall": self._stall,
            "wall clock": self._wall_clock,
            "drift": self._drift,
            "journal full": self._journal_full,
        }

    def heal(self) -> None:
        """Who is down is started; clocks stay where they are."""
        super().heal()
        for journal in self._world.journals.values():
            journal.is_full = False
        for name, host in self._runtime.hosts.items():
            host.paused_until_ns = min(host.paused_until_ns, self._runtime.now_ns)
            host.stall_in_readings = 0
            if not host.is_up:
                self._runtime.restart(name)

    def _some_host(self) -> str:
        return self._random.choice(self._world.engine_hosts)

    def _crash(self) -> None:
        self._crash_host(self._some_host(), self._seconds(0.001, 0.2, 1.5, 6))

    def _crash_host(self, name: str, seconds: float) -> None:
        if self._runtime.hosts[name].is_up:
            self._note("crash", name, f"for {seconds:.3f} s")
            self._world.crash(name)
            self._world.restart_later(name, seconds)

    def _power_cut(self) -> None:
        name, seconds = self._some_host(), self._seconds(0.2, 3)
        if self._may_lose_power(name):
            self._cut_power(name, seconds)

    def _may_lose_power(self, name: str) -> bool:
        """A venue actor's journal is synced a little later, and not all that this can cost has been solved."""
        return self._scenario.venue_power_cuts or name not in self._world.plans

    def _cut_power(self, name: str, seconds: float) -> None:
        if self._runtime.hosts[name].is_up:
            lost = self._world.power_cut(name, self._random)
            self._note("power cut", name, f"for {_BOOT_S + seconds:.3f} s, {lost} records lost")
            self._world.restart_later(name, _BOOT_S + seconds)

    def _blackout(self) -> None:
        """Everything of the engine dies at once; each comes back when it does."""
        is_power = self._random.random() < 0.5
        for name in self._world.engine_hosts:
            seconds = self._seconds(0.001, 0.2, 1.5)
            if is_power and self._may_lose_power(name):
                self._cut_power(name, seconds)
            else:
                self._crash_host(name, seconds)

    def _strategy_gone(self) -> None:
        """With orders at the venue, and for so long that they are to be cancelled meanwhile."""
        account = self._world.account
        apart = {each.id for each in self._scenario.strategies if each.placement == "own-process"}
        waiting = [
            order.strategy_id
            for venue in self._world.plans
            for order in account.written_by(venue)
            if order.open_lots and order.strategy_id in apart
        ]
        if waiting:
            self._crash_host(strategy_actor(self._random.choice(waiting)), 11 + self._seconds(3))
        elif apart:
            self._after(0.3, self._strategy_gone)

    def _pause(self) -> None:
        name = self._random.choice(
            [*self._world.engine_hosts, exchange_host(self._random.choice(self._scenario.venues).name)]
        )
        seconds = self._seconds(0.02, 0.3, 0.3, 1.2, 5)
        self._note("pause", name, f"for {seconds:.3f} s")
        if self._runtime.hosts[name].is_up:
            self._runtime.pause(name, int(seconds * SECOND_NS))

    def _stall(self) -> None:
        """Within a handler: between two clock readings of an order's way, or wherever else one is read."""
        name = venue_actor(self._random.choice(self._scenario.venues).name)
        seconds = self._seconds(0.001, 0.1, 0.9, 2.5)
        self._note("stall armed", name, f"{seconds:.3f} s")
        self._runtime.stall(name, self._random.randint(1, 12), int(seconds * SECOND_NS))
        if "crash" in self._scenario.faults and self._random.random() < 0.3:
            self._after(seconds, partial(self._crash_if_stalled, name))

    def _crash_if_stalled(self, name: str) -> None:
        if self._runtime.hosts[name].is_stalled:
            self._note("crash within a handler", name)
            self._world.crash(name)
            self._world.restart_later(name, 0.2)

    def _wall_clock(self) -> None:
        name = self._some_host()
        step_ms = self._random.choice([-3_600_000, -60_000, -1_500, -200, 300, 2_500, 3_600_000])
        self._note("wall clock of", name, "steps", step_ms, "ms")
        self._runtime.hosts[name].wall_offset_ns += step_ms * 1_000_000

    def _drift(self) -> None:
        name, ppm = self._some_host(), self._random.choice([-500, -100, 0, 100, 500])
        self._note("clock of", name, "drifts", ppm, "ppm")
        self._runtime.hosts[name].drift(ppm)

    def _journal_full(self) -> None:
        name = self._random.choice([*self._world.plans, KILL_SWITCH])
        journal, seconds = self._world.journals.get(name), self._seconds(0.1, 1, 4)
        if journal is not None:
            self._note("journal full", name, f"for {seconds:.3f} s")
            journal.is_full = True
            self._after(seconds, partial(setattr, journal, "is_full", False))
