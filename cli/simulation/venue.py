"""A simulated Binance that misbehaves as real venues do: what it does wrong are the rules of a fault script
(``adapters/simulator/faults``), played one by one as chaos wants it.

Its orders and books stay exact: what it did is the truth that the promises are measured against.
"""

from random import Random

from adapters.simulator.binance.settings import SimAccount, SimKey, VenueLimits, VenueOptions
from adapters.simulator.binance.venue import SimulatedBinance
from adapters.simulator.faults.rules import Ban, Delay, Drop, Fault, Fill, FillOnCancel, InDoubt
from adapters.simulator.synthetic_market import FlowParameters, SyntheticMarket, default_instrument
from cli.simulation.scenario import Scenario, VenuePlan
from cli.simulation.trace import Trace
from engine.actor import Context, Endpoint

__all__ = ["BALANCES", "FaultyVenue", "api_key", "make_venue", "secret"]

BALANCES = (("USDT", "1000000"), ("BTC", "20"), ("ETH", "20"))
_MS = 1_000_000


def api_key(account: str) -> str:
    return f"{account}key".ljust(64, "x")


def secret(account: str) -> str:
    return f"{account}secret".ljust(64, "x")


class FaultyVenue(SimulatedBinance):
    """``trouble`` and what follows it make it misbehave; ``behave`` ends it."""

    trace: Trace

    def __init__(self, name: str, plan: VenuePlan, seed: int) -> None:
        self._name, self.plan = name, plan
        self._chance = Random(f"{seed}/{name}")
        self._bans_until_ns = 0
        flow = FlowParameters(
            events_per_second=plan.events_per_second,
            market_percent=20,
            levels=30,
            resting_orders=60,
            distance_ticks=(1, 8, 40),
        )
        markets = {
            symbol: SyntheticMarket(default_instrument(number, symbol, plan.name), seed + number, flow)
            for number, symbol in enumerate(plan.symbols)
        }
        keys = (SimKey(api_key(plan.name), "hmac", secret=secret(plan.name)),)
        super().__init__(
            markets,
            (SimAccount(plan.account, keys, BALANCES),),
            (Endpoint("localhost", plan.port, False),),
            VenueOptions(VenueLimits(orders_per_10_seconds=1_000), read_lag_ns=plan.read_lag_ns, seed=seed),
        )

    def on_start(self, ctx: Context, now_ns: int) -> None:
        super().on_start(ctx, now_ns)
        self.faults.on_fault = lambda what, which: self.trace.note(self._now_ns, self._name, what, which)

    @property
    def is_banning(self) -> bool:
        """For the engine it may go on for a while: it keeps the silence that it was asked for."""
        return self._bans_until_ns > self._now_ns

    @property
    def is_lagging(self) -> bool:
        return self.faults.held > 0

    def behave(self, now_ns: int) -> None:
        """From now on it does nothing wrong, and what it held back is told."""
        self.server.now_ns = now_ns
        self.faults.clear()
        for symbol in self.plan.symbols:
            self.set_trading(symbol, True)

    # -- what it does wrong -------------------------------------------------------------------------------------

    def trouble(self, now_ns: int, *faults: Fault) -> None:
        """These happen from now on, as often as they say."""
        self.server.now_ns = now_ns
        self.play(faults, self._chance.randrange(1 << 30))

    def lose_answers(self, now_ns: int, count: int) -> None:
        self.trouble(now_ns, Drop(message="answer", link="private", times=count))

    def doubt_answers(self, now_ns: int, count: int) -> None:
        self.trouble(now_ns, InDoubt(message="command", link="private", times=count))

    def lose_requests(self, now_ns: int, count: int) -> None:
        self.trouble(now_ns, Drop(message="request", link="private", times=count))

    def fail_rest(self, now_ns: int, count: int) -> None:
        """Whether it is done or not."""
        performed = self._chance.random() < 0.5
        self.trouble(now_ns, InDoubt(message="request", link="http", performed=performed, times=count))

    def lose_market(self, now_ns: int, count: int) -> None:
        """The sequence has a gap."""
        self.trouble(now_ns, Drop(message="push", link="public", times=count))

    def lag(self, now_ns: int, most_ns: int, duration_ns: int) -> None:
        """Its order and balance events wait; they keep their order among themselves."""
        jitter_ms, until_ms = max(1, most_ns // _MS), max(1, duration_ns // _MS)
        self.trouble(now_ns, Delay(message="push", link="private", delay_ms=1, jitter_ms=jitter_ms, until_ms=until_ms))

    def ban(self, duration_ns: int, now_ns: int) -> None:
        self._bans_until_ns = now_ns + duration_ns + 2_000_000_000
        self.trouble(now_ns, Ban(for_ms=max(1, duration_ns // _MS)))

    def strike_on_cancels(self, now_ns: int) -> None:
        """Of the orders that are to be cancelled, half are filled before, in part or whole."""
        self.trouble(now_ns, FillOnCancel(percent=25), FillOnCancel(percent=33, share_percent=50))

    def strike_any(self, now_ns: int) -> None:
        """Somebody trades against one of our orders."""
        self.trouble(now_ns, Fill(share_percent=self._chance.choice([100, 50])))


def make_venue(name: str, plan: VenuePlan, scenario: Scenario, trace: Trace) -> FaultyVenue:
    venue = FaultyVenue(name, plan, scenario.seed)
    venue.trace = trace
    return venue
