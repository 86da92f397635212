"""Venues that answer wrongly, late or not at all, ban, and throw everybody out."""

from collections.abc import Callable
from functools import partial
from random import Random

from adapters.simulator.faults.rules import Disconnect, RevokeKey
from cli.simulation.faults import SECOND_NS, Faults
from cli.simulation.venue import FaultyVenue
from cli.simulation.world import World

__all__ = ["VenueFaults"]


class VenueFaults(Faults):
    def __init__(self, world: World, random: Random) -> None:
        super().__init__(world, random)
        self.kinds = {
            "answer lost": partial(self._count_down, FaultyVenue.lose_answers),
            "answer in doubt": partial(self._count_down, FaultyVenue.doubt_answers),
            "request lost": partial(self._count_down, FaultyVenue.lose_requests),
            "rest fails": partial(self._count_down, FaultyVenue.fail_rest),
            "market gap": partial(self._count_down, FaultyVenue.lose_market),
            "late reports": self._late_reports,
            "ban": self._ban,
            "key revoked": self._key_revoked,
            "disconnect": self._disconnect,
            "server shutdown": self._server_shutdown,
            "market closed": self._market_closed,
        }

    def begin(self) -> None:
        if self._scenario.strikes_on_cancel:
            for venue in self._scenario.venues:
                self._world.venue(venue.name).strike_on_cancels(self._runtime.now_ns)
        self._strike_later()

    def heal(self) -> None:
        super().heal()
        for venue in self._scenario.venues:
            self._world.venue(venue.name).behave(self._runtime.now_ns)

    def _strike_later(self) -> None:
        if self._scenario.strike_every_s:
            self._after(self._random.expovariate(1 / self._scenario.strike_every_s), self._strike)

    def _strike(self) -> None:
        self._some_venue().strike_any(self._runtime.now_ns)
        self._strike_later()

    def _some_venue(self) -> FaultyVenue:
        return self._world.venue(self._random.choice(self._scenario.venues).name)

    def _count_down(self, what: Callable[[FaultyVenue, int, int], None]) -> None:
        what(self._some_venue(), self._runtime.now_ns, self._random.choice([1, 1, 2, 5]))

    def _late_reports(self) -> None:
        venue, seconds = self._some_venue(), self._seconds(0.5, 3)
        lag_ns = int(self._seconds(0.02, 0.5, 2.5) * SECOND_NS)
        self._note("reports of", venue.plan.name, f"come up to {lag_ns / SECOND_NS:.3f} s late")
        venue.lag(self._runtime.now_ns, lag_ns, int(seconds * SECOND_NS))

    def _ban(self) -> None:
        venue, seconds = self._some_venue(), self._seconds(0.5, 3)
        self._note(venue.plan.name, f"bans for {seconds:.3f} s")
        venue.ban(int(seconds * SECOND_NS), self._runtime.now_ns)

    def _key_revoked(self) -> None:
        venue, seconds = self._some_venue(), self._seconds(0.5, 5)
        self._note(venue.plan.name, "takes the key away")
        venue.trouble(self._runtime.now_ns, RevokeKey(for_ms=int(seconds * 1_000)))

    def _disconnect(self) -> None:
        venue = self._some_venue()
        self._note(venue.plan.name, "drops its connections")
        venue.trouble(self._runtime.now_ns, Disconnect(link="private"), Disconnect(link="public"))

    def _server_shutdown(self) -> None:
        venue = self._some_venue()
        self._note(venue.plan.name, "shuts a server down")
        venue.announce_shutdown(self._runtime.now_ns, int(self._seconds(0.1, 2) * SECOND_NS))

    def _market_closed(self) -> None:
        venue = self._some_venue()
        symbol = self._random.choice(venue.plan.symbols)
        self._note(venue.plan.name, "closes", symbol)
        venue.set_trading(symbol, False)
        self._after(self._seconds(0.2, 3), lambda: venue.set_trading(symbol, True))
