"""Messages that come twice, strangers who speak for others, people who press the button and who may not release."""

from functools import partial
from random import Random

from actors.places import KILL_SWITCH, risk_actor, trading_names, venue_actor
from cli.simulation.faults import SECOND_NS, Faults
from cli.simulation.intruder import INTRUDER, forged
from cli.simulation.kills import MODES, PRESSER, press, scopes
from cli.simulation.people import PEOPLE, STRANGER, approval
from cli.simulation.world import World
from engine.messages import Kill, KillRelease
from risk.scope import parse_scope

__all__ = ["PeopleFaults"]


class PeopleFaults(Faults):
    def __init__(self, world: World, random: Random) -> None:
        super().__init__(world, random)
        self.kinds = {"duplicate": self._duplicate, "intruder": self._intruder, "kill": self._kill}
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
            forger = random.choice([*PEOPLE, STRANGER]) if random.random() < 0.3 else ""
            self._after(self._seconds(0.5, 3, 8), partial(self._release, kill, forger, 6))

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
