"""What goes wrong in a run, and when: seeded, each fault with an end, all of them ended by ``heal``."""

from collections.abc import Callable
from functools import partial
from random import Random

from actors.places import KILL_SWITCH, risk_actor, strategy_actor, trading_names, venue_actor
from cli.simulation.intruder import INTRUDER, forged
from cli.simulation.kills import MODES, PRESSER, press, scopes
from cli.simulation.people import PEOPLE, STRANGER, approval
from cli.simulation.venue import FaultyVenue
from cli.simulation.world import World, exchange_host
from engine.errors import UsageError
from engine.messages import Kill, KillRelease
from risk.scope import parse_scope

__all__ = ["Chaos"]

_SECOND_NS = 1_000_000_000
_MS = 1_000_000


class Chaos:
    def __init__(self, world: World) -> None:
        self._world = world
        self._runtime, self._weather, self._scenario = world.runtime, world.weather, world.scenario
        self._random = Random(f"{world.scenario.seed}/chaos")
        self._links = self._every_link()
        self._over = False
        self._number = 0
        self._actions: dict[str, Callable[[], None]] = {
            "loss": self._loss,
            "partition": self._partition,
            "slow link": self._slow_link,
            "crash": self._crash,
            "power cut": self._power_cut,
            "pause": self._pause,
            "stall": self._stall,
            "wall clock": self._wall_clock,
            "drift": self._drift,
            "answer lost": partial(self._count_down, "lose_answers"),
            "answer in doubt": partial(self._count_down, "doubt_answers"),
            "request lost": partial(self._count_down, "lose_requests"),
            "late reports": self._late_reports,
            "ban": self._ban,
            "key revoked": self._key_revoked,
            "disconnect": self._disconnect,
            "server shutdown": self._server_shutdown,
            "market closed": self._market_closed,
            "journal full": self._journal_full,
            "duplicate": self._duplicate,
            "intruder": self._intruder,
            "kill": self._kill,
        }

    def begin(self) -> None:
        """Let the faults of the scenario come, each at its own random times."""
        for venue in self._scenario.venues:
            self._world.venue(venue.name).strikes_on_cancel = self._scenario.strikes_on_cancel
        for kind in sorted(self._scenario.faults):
            self._next(kind)
        self._strike_later()

    def heal(self) -> None:
        """No more faults: what is broken is repaired, who is down is started, clocks stay where they are."""
        self._over = True
        self._weather.clear()
        for journal in self._world.journals.values():
            journal.is_full = False
        for venue in self._scenario.venues:
            self._world.venue(venue.name).behave(self._runtime.now_ns)
        for name, host in self._runtime.hosts.items():
            host.paused_until_ns = min(host.paused_until_ns, self._runtime.now_ns)
            host.stall_in_readings = 0
            if not host.is_up:
                self._runtime.restart(name)

    # -- time ---------------------------------------------------------------------------------------------------

    def _next(self, kind: str) -> None:
        self._after(self._random.expovariate(1 / self._scenario.faults[kind]), partial(self._now, kind))

    def _now(self, kind: str) -> None:
        self._actions[kind]()
        self._next(kind)

    def _strike_later(self) -> None:
        if self._scenario.strike_every_s:
            self._after(self._random.expovariate(1 / self._scenario.strike_every_s), self._strike)

    def _after(self, seconds: float, action: Callable[[], None]) -> None:
        def act() -> None:
            if not self._over:
                action()

        self._runtime.agenda.put(self._runtime.now_ns + int(seconds * _SECOND_NS), act)

    def _note(self, *what: object) -> None:
        self._world.trace.note(self._runtime.now_ns, "CHAOS", *what)

    def _seconds(self, *choices: float) -> float:
        return self._random.choice(choices) * (0.5 + self._random.random())

    # -- links --------------------------------------------------------------------------------------------------

    def _every_link(self) -> list[tuple[str, str]]:
        links = [(PRESSER, KILL_SWITCH)]
        for account in self._scenario.accounts:
            links.append((risk_actor(account), KILL_SWITCH))
        for venue in self._scenario.venues:
            name = venue_actor(venue.name)
            links += [(name, exchange_host(venue.name))] * 3
            links += [(name, risk_actor(venue.account)), (name, KILL_SWITCH)]
        for strategy in self._scenario.strategies:
            if strategy.placement == "own-process":
                links.append((strategy_actor(strategy.id), venue_actor(strategy.venue.name)))
        return links

    def _some_link(self) -> tuple[str, str]:
        link = self._random.choice(self._links)
        return link if self._random.random() < 0.5 else (link[1], link[0])

    def _notice_ns(self) -> int:
        """How long a loss goes unnoticed: not at all, a moment, or what TCP needs."""
        return int(self._random.choice([0, 0, 0.2, 2, 10]) * _SECOND_NS)

    def _loss(self) -> None:
        link, notice_ns = self._some_link(), self._notice_ns()
        self._note("the next message is lost:", *link, f"noticed after {notice_ns / _SECOND_NS:g} s")
        self._weather.lose_next[link] = notice_ns

    def _partition(self) -> None:
        one, other = self._some_link()
        seconds, notice_ns = self._seconds(0.02, 0.2, 0.8, 0.8, 3, 12), self._notice_ns()
        pairs = [(one, other)] if self._random.random() < 0.5 else [(one, other), (other, one)]
        self._note("partition", one, "->" if len(pairs) == 1 else "<->", other, f"{seconds:.3f} s")
        self._weather.cut.update(dict.fromkeys(pairs, notice_ns))
        self._after(seconds, partial(self._forget, self._weather.cut, pairs))

    def _slow_link(self) -> None:
        link, seconds, extra_s = self._some_link(), self._seconds(0.5, 2, 6), self._seconds(0.05, 0.3, 1.2)
        self._note("slow", *link, f"up to {extra_s:.3f} s for {seconds:.3f} s")
        self._weather.extra_ns[link] = int(extra_s * _SECOND_NS)
        self._after(seconds, partial(self._forget, self._weather.extra_ns, [link]))

    @staticmethod
    def _forget(weather: dict[tuple[str, str], int], pairs: list[tuple[str, str]]) -> None:
        for pair in pairs:
            weather.pop(pair, None)

    # -- hosts --------------------------------------------------------------------------------------------------

    def _some_host(self) -> str:
        return self._random.choice(self._world.engine_hosts)

    def _crash(self) -> None:
        name, seconds = self._some_host(), self._seconds(0.001, 0.2, 1.5, 6)
        if name.startswith("strategy.") and self._random.random() < 0.5:
            seconds += 9  # its orders are to be cancelled meanwhile
        if not self._runtime.hosts[name].is_up:
            return
        self._note("crash", name, f"for {seconds:.3f} s")
        self._world.crash(name)
        self._after(seconds, partial(self._restart, name))

    def _power_cut(self) -> None:
        """Not of a venue actor's host: its journal is not synced order by order, and what that costs is not solved."""
        name, seconds = self._some_host(), self._seconds(0.2, 3)
        if name in self._world.plans:
            return
        if self._runtime.hosts[name].is_up:
            lost = self._world.power_cut(name, self._random)
            self._note("power cut", name, f"for {seconds:.3f} s, {lost} records lost")
            self._after(seconds, partial(self._restart, name))

    def _restart(self, name: str) -> None:
        """Whoever cannot start, because the disk is full for example, is started again a little later."""
        if self._runtime.hosts[name].is_up:
            return
        self._note("restart", name)
        try:
            self._runtime.restart(name)
        except UsageError as error:
            self._note(name, "cannot start:", error)
            self._runtime.failures.clear()
            self._runtime.crash(name)
            self._after(0.5, partial(self._restart, name))

    def _pause(self) -> None:
        name = self._random.choice(
            [*self._world.engine_hosts, exchange_host(self._random.choice(self._scenario.venues).name)]
        )
        seconds = self._seconds(0.02, 0.3, 0.3, 1.2, 5)
        self._note("pause", name, f"for {seconds:.3f} s")
        if self._runtime.hosts[name].is_up:
            self._runtime.pause(name, int(seconds * _SECOND_NS))

    def _stall(self) -> None:
        """Within a handler: between two clock readings of an order's way, or wherever else one is read."""
        name = venue_actor(self._random.choice(self._scenario.venues).name)
        seconds = self._seconds(0.001, 0.1, 0.9, 2.5)
        self._note("stall armed", name, f"{seconds:.3f} s")
        self._runtime.stall(name, self._random.randint(1, 12), int(seconds * _SECOND_NS))
        if "crash" in self._scenario.faults and self._random.random() < 0.3:
            self._after(seconds, partial(self._crash_if_stalled, name))

    def _crash_if_stalled(self, name: str) -> None:
        if self._runtime.hosts[name].is_stalled:
            self._note("crash within a handler", name)
            self._world.crash(name)
            self._after(0.2, partial(self._restart, name))

    def _wall_clock(self) -> None:
        name = self._some_host()
        step_ms = self._random.choice([-3_600_000, -60_000, -1_500, -200, 300, 2_500, 3_600_000])
        self._note("wall clock of", name, "steps", step_ms, "ms")
        self._runtime.hosts[name].wall_offset_ns += step_ms * _MS

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

    # -- venues -------------------------------------------------------------------------------------------------

    def _some_venue(self) -> FaultyVenue:
        return self._world.venue(self._random.choice(self._scenario.venues).name)

    def _count_down(self, what: str) -> None:
        setattr(self._some_venue(), what, self._random.choice([1, 1, 2, 5]))

    def _late_reports(self) -> None:
        venue, seconds = self._some_venue(), self._seconds(0.5, 3)
        venue.lag_ns = int(self._seconds(0.02, 0.5, 2.5) * _SECOND_NS)
        self._note("reports of", venue.plan.name, f"come up to {venue.lag_ns / _SECOND_NS:.3f} s late")
        self._after(seconds, partial(setattr, venue, "lag_ns", 0))

    def _strike(self) -> None:
        self._some_venue().strike_any(self._runtime.now_ns)
        self._strike_later()

    def _ban(self) -> None:
        venue, seconds = self._some_venue(), self._seconds(0.5, 3)
        self._note(venue.plan.name, f"bans for {seconds:.3f} s")
        venue.ban(int(seconds * _SECOND_NS), self._runtime.now_ns)

    def _key_revoked(self) -> None:
        venue, seconds = self._some_venue(), self._seconds(0.5, 5)
        self._note(venue.plan.name, "takes the key away")
        venue.revoke_key(venue.key, self._runtime.now_ns)
        self._after(seconds, lambda: venue.restore_key(venue.key))

    def _disconnect(self) -> None:
        venue = self._some_venue()
        self._note(venue.plan.name, "drops its connections")
        venue.drop_connections(self._runtime.now_ns)

    def _server_shutdown(self) -> None:
        venue = self._some_venue()
        self._note(venue.plan.name, "shuts a server down")
        venue.announce_shutdown(self._runtime.now_ns, int(self._seconds(0.1, 2) * _SECOND_NS))

    def _market_closed(self) -> None:
        venue = self._some_venue()
        symbol = self._random.choice(venue.plan.symbols)
        self._note(venue.plan.name, "closes", symbol)
        venue.set_trading(symbol, False)
        self._after(self._seconds(0.2, 3), lambda: venue.set_trading(symbol, True))

    # -- messages and people ------------------------------------------------------------------------------------

    def _duplicate(self) -> None:
        """Something that was said some time ago comes again, if both sides still stand."""
        if not self._world.repeatable:
            return
        sender, peer, payload = self._random.choice(self._world.repeatable[-60:])
        for host in self._runtime.hosts.values():
            if sender in host.actors:
                self._world.repeat(host.actors[sender], peer, payload)

    def _intruder(self) -> None:
        self._number += 1
        victim = self._random.choice(self._scenario.strategies)
        target = self._random.choice(
            [KILL_SWITCH, risk_actor(victim.venue.account), *[venue_actor(victim.venue.name)] * 4, *self._world.plans]
        )
        message = forged(self._random, target, victim.venue.account, victim.id, self._number, self._runtime.now_ns)
        self._note("intruder sends", type(message).__name__, "to", target)
        self._runtime.actor(INTRUDER).send(target, message)

    def _kill(self) -> None:
        self._number += 1
        random, now_ns = self._random, self._runtime.now_ns
        scope, mode = random.choice(scopes(self._world.config)), random.choice(MODES)
        way = random.choice(["both", "latch", "message"])
        kill = Kill(f"kill-{self._number}", scope, mode, "chaos", "simulation", "person", now_ns, now_ns)
        self._note("kill", kill.kill_id, scope, mode.name, way)
        self._world.halt.pressed(kill.kill_id, scope, mode, self._world.instruments, latched=way != "message")
        presser = self._runtime.actor(PRESSER)
        press(self._world.config, presser, kill, latch=way != "message", message=way != "latch")
        if random.random() < 0.7:
            self._after(self._seconds(0.5, 3, 8), partial(self._release, kill, 6))

    def _release(self, kill: Kill, tries: int) -> None:
        """People approve, rightly or not, and somebody asks for the release."""
        random, presser, world = self._random, self._runtime.actor(PRESSER), self._world
        wall_ns = presser.wall_ns(presser.clock_ns())
        for _ in range(random.randint(0, 3)):
            person = random.choice([*PEOPLE, STRANGER])
            signer = person if random.random() < 0.8 else random.choice([*PEOPLE, STRANGER])
            expires_ns = wall_ns + int(random.choice([-5, 1, 60, 60, 500]) * _SECOND_NS)
            scope = parse_scope(kill.scope, trading_names(world.config)).text
            signed = approval(kill.kill_id, scope, kill.mode, person, signer, expires_ns)
            if person == signer and person in PEOPLE:
                world.observer.true_signatures.add(signed.signature)
            self._note("approval of", kill.kill_id, "by", person, "signed by", signer)
            presser.send(KILL_SWITCH, signed)
        self._note("release asked", kill.kill_id)
        presser.send(KILL_SWITCH, KillRelease(kill.kill_id, "somebody"))
        if tries:
            self._after(self._seconds(0.3, 2), partial(self._release, kill, tries - 1))
