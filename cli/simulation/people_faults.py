"""Messages that come twice, strangers who speak for others, people who press the button and who may not release."""

from functools import partial
from random import Random

from actors.places import KILL_SWITCH, NODE_AGENT, risk_actor, trading_names, undertaker_actor, venue_actor
from cli.simulation.faults import SECOND_NS, Faults
from cli.simulation.intruder import INTRUDER, forged
from cli.simulation.kills import MODES, PRESSER, press, scopes
from cli.simulation.people import PEOPLE, STRANGER, approval
from cli.simulation.world import World, exchange_host
from engine.codes import KillMode
from engine.messages import Kill, KillRelease
from risk.scope import parse_scope

__all__ = ["PeopleFaults"]


class PeopleFaults(Faults):
    def __init__(self, world: World, random: Random) -> None:
        super().__init__(world, random)
        self.kinds = {
            "duplicate": self._duplicate,
            "intruder": self._intruder,
            "kill": self._kill,
            "last words": self._last_words,
        }
        self._number = 0

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
        venue = victim.venue
        targets = [KILL_SWITCH, risk_actor(venue.account), *[venue_actor(venue.name)] * 4, *self._world.plans]
        if self._scenario.fence:
            targets += [NODE_AGENT, undertaker_actor(venue.name)]
        target = self._random.choice(targets)
        now_ns = self._runtime.now_ns
        message = forged(self._random, target, venue.name, venue.account, victim.id, self._number, now_ns)
        self._note("intruder sends", type(message).__name__, "to", target)
        self._runtime.actor(INTRUDER).send(target, message)

    def _kill(self) -> None:
        random = self._random
        way = random.choice(["both", "latch", "message"])
        kill = self._press(random.choice(scopes(self._world.config)), random.choice(MODES), way)
        if random.random() < 0.7:
            forger = random.choice([*PEOPLE, STRANGER]) if random.random() < 0.3 else ""
            self._after(self._seconds(0.5, 3, 8), partial(self._release, kill, forger, 6))

    def _press(self, scope: str, mode: KillMode, way: str) -> Kill:
        self._number += 1
        now_ns = self._runtime.now_ns
        kill = Kill(f"kill-{self._number}", scope, mode, "chaos", "simulation", "person", now_ns, now_ns)
        self._note("kill", kill.kill_id, scope, mode.name, way)
        self._world.halt.pressed(kill.kill_id, scope, mode, self._world.instruments, now_ns, latched=way != "message")
        presser = self._runtime.actor(PRESSER)
        press(self._world.config, presser, kill, latch=way != "message", message=way != "latch")
        return kill

    def _last_words(self) -> None:
        """A venue actor falls silent while requests of it are still on their way, and all of it is to be cancelled."""
        venue = self._random.choice(self._scenario.venues)
        name = venue_actor(venue.name)
        way = (name, exchange_host(venue.name))
        self._weather.extra_ns[way] = 4 * SECOND_NS
        self._after(1.0, partial(self._hurry, way))
        self._after(self._seconds(0.4), partial(self._fall_silent, name, f"venue:{venue.name}"))

    def _hurry(self, way: tuple[str, str]) -> None:
        self._weather.extra_ns.pop(way, None)

    def _fall_silent(self, name: str, scope: str) -> None:
        if self._runtime.hosts[name].is_up:
            self._note("falls silent", name)
            self._runtime.pause(name, 6 * SECOND_NS)
            kill = self._press(scope, KillMode.CANCEL, "both")
            self._after(10.0, partial(self._release, kill, "", 6))

    def _release(self, kill: Kill, forger: str, tries: int) -> None:
        """People approve, rightly or not, and somebody asks for the release. ``forger`` signs for everybody."""
        random, presser, world = self._random, self._runtime.actor(PRESSER), self._world
        wall_ns = presser.wall_ns(presser.clock_ns())
        for _ in range(random.randint(0, 3)):
            person = random.choice([*PEOPLE, STRANGER])
            signer = forger or (person if random.random() < 0.8 else random.choice([*PEOPLE, STRANGER]))
            expires_ns = wall_ns + int(random.choice([-5, 1, 60, 60, 500]) * SECOND_NS)
            scope = parse_scope(kill.scope, trading_names(world.config)).text
            signed = approval(kill.kill_id, scope, kill.mode, person, signer, expires_ns)
            if person == signer and person in PEOPLE:
                world.observer.true_signatures.add(signed.signature)
            self._note("approval of", kill.kill_id, "by", person, "signed by", signer)
            presser.send(KILL_SWITCH, signed)
        self._note("release asked", kill.kill_id)
        presser.send(KILL_SWITCH, KillRelease(kill.kill_id, "somebody"))
        if tries:
            self._after(self._seconds(0.3, 2), partial(self._release, kill, forger, tries - 1))
