"""Messages that are lost, late, or cut off: on one link, on one kind of link, or around one host."""

from functools import partial
from random import Random

from actors.places import KILL_SWITCH, NODE_AGENT, risk_actor, strategy_actor, undertaker_actor, venue_actor
from adapters.binance.market_streams import STREAMS_LINK
from adapters.binance.order_link import ORDERS_LINK
from adapters.binance.session import REST_LINK
from cli.simulation.faults import SECOND_NS, Faults
from cli.simulation.kills import PRESSER
from cli.simulation.weather import Way
from cli.simulation.world import World, exchange_host

__all__ = ["LinkFaults"]

_OUTSIDE = {"orders": ORDERS_LINK, "streams": STREAMS_LINK, "rest": REST_LINK}


class LinkFaults(Faults):
    def __init__(self, world: World, random: Random) -> None:
        super().__init__(world, random)
        self.kinds = {"loss": self._loss, "partition": self._partition, "slow link": self._slow_link}
        #: By kind of link.
        self._links = self._every_link()
        lossy = [kind for kind in self._scenario.lossy_links if kind in self._links]
        self._lossy = lossy or sorted(self._links)

    def heal(self) -> None:
        super().heal()
        self._weather.clear()

    def _every_link(self) -> dict[str, list[Way]]:
        scenario = self._scenario
        links: dict[str, list[Way]] = {"people": [(PRESSER, KILL_SWITCH, "")], "lease": [], "strategy": []}
        for account in scenario.accounts:
            links["lease"].append((risk_actor(account), KILL_SWITCH, ""))
        for kind, link in _OUTSIDE.items():
            links[kind] = [(venue_actor(venue.name), exchange_host(venue.name), link) for venue in scenario.venues]
        for venue in scenario.venues:
            name = venue_actor(venue.name)
            links["lease"] += [(name, risk_actor(venue.account), ""), (name, KILL_SWITCH, "")]
        for strategy in scenario.strategies:
            if strategy.placement == "own-process":
                links["strategy"].append((strategy_actor(strategy.id), venue_actor(strategy.venue.name), ""))
        if scenario.fence:
            links["fence"] = [(NODE_AGENT, KILL_SWITCH, "")]
            for venue in scenario.venues:
                name = undertaker_actor(venue.name)
                links["fence"] += [(name, KILL_SWITCH, ""), (name, exchange_host(venue.name), ORDERS_LINK)]
        return {kind: ways for kind, ways in links.items() if ways}

    def _some_link(self, kinds: list[str]) -> Way:
        source, target, link = self._random.choice(self._links[self._random.choice(kinds)])
        return (source, target, link) if self._random.random() < 0.5 else (target, source, link)

    def _notice_ns(self) -> int:
        """How long a loss goes unnoticed: not at all, a moment, or what TCP needs."""
        return int(self._random.choice([0, 0, 0.2, 2, 10]) * SECOND_NS)

    def _loss(self) -> None:
        way, notice_ns = self._some_link(self._lossy), self._notice_ns()
        self._note("the next message is lost:", *way, f"noticed after {notice_ns / SECOND_NS:g} s")
        self._weather.lose_next[way] = notice_ns

    def _partition(self) -> None:
        """One way or both ways between two hosts, or all around one."""
        one, other, _ = self._some_link(sorted(self._links))
        seconds, notice_ns = self._seconds(0.02, 0.2, 0.8, 0.8, 3, 12), self._notice_ns()
        draw = self._random.random()
        if draw < 0.15:
            pairs = [pair for each in self._runtime.hosts if each != one for pair in ((one, each), (each, one))]
            self._note("isolated", one, f"{seconds:.3f} s")
        else:
            pairs = [(one, other)] if draw < 0.6 else [(one, other), (other, one)]
            self._note("partition", one, "->" if len(pairs) == 1 else "<->", other, f"{seconds:.3f} s")
        self._weather.cut.update(dict.fromkeys(pairs, notice_ns))
        self._after(seconds, partial(self._forget, self._weather.cut, pairs))

    def _slow_link(self) -> None:
        source, target, _ = self._some_link(sorted(self._links))
        seconds, extra_s = self._seconds(0.5, 2, 6), self._seconds(0.05, 0.3, 1.2)
        self._note("slow", source, target, f"up to {extra_s:.3f} s for {seconds:.3f} s")
        self._weather.extra_ns[source, target] = int(extra_s * SECOND_NS)
        self._after(seconds, partial(self._forget, self._weather.extra_ns, [(source, target)]))

    @staticmethod
    def _forget(weather: dict[tuple[str, str], int], pairs: list[tuple[str, str]]) -> None:
        for pair in pairs:
            weather.pop(pair, None)
