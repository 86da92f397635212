"""Arrival times of events that provoke events: a multivariate Hawkes process with an exponential kernel.

Orders come in bursts, not evenly: each event raises the intensity of further ones for a while. Of ``branching`` (below
1) the share of events that were provoked by others, half provoke their own kind and half follow the general mix; the
rest come by themselves. The long-run rate of each kind is exactly the rate asked for.

The simulation is exact thinning: between events the intensity only decays, so its value now bounds it until the next
event. A candidate is drawn from that bound and accepted with the ratio of the true intensity to it; the same draw then
picks the kind.
"""

from collections.abc import Sequence
from math import exp, log1p

from adapters.simulator.prng import SplitMix64
from engine.errors import UsageError

__all__ = ["HawkesArrivals"]


class HawkesArrivals:
    """Waiting times and kinds of successive events.

    ``rates_per_second`` are the long-run rates by kind; ``decay_per_second`` is how fast excitement dies away.
    """

    def __init__(
        self, rates_per_second: Sequence[float], branching: float, decay_per_second: float, prng: SplitMix64
    ) -> None:
        total = sum(rates_per_second)
        if total <= 0 or min(rates_per_second) < 0:
            raise UsageError(f"event rates {tuple(rates_per_second)} must not be negative, and one must be above 0")
        if not 0 <= branching < 1 or decay_per_second <= 0:
            raise UsageError(f"branching {branching} must be in [0, 1) and decay {decay_per_second} above 0")
        self._base = [rate * (1 - branching) for rate in rates_per_second]
        self._raised = [0.0] * len(rates_per_second)
        self._decay = decay_per_second
        #: What one event adds to every kind by the mix, and to its own kind besides.
        self._by_mix = [decay_per_second * branching * 0.5 * rate / total for rate in rates_per_second]
        self._to_own = decay_per_second * branching * 0.5
        self._prng = prng

    def next(self) -> tuple[int, int]:
        """(ns since the previous event, at least 1; kind of the event)."""
        waited = 0.0
        base, prng = self._base, self._prng
        base_total = sum(base)
        while True:
            bound = base_total + sum(self._raised)
            step = -log1p(-prng.unit()) / bound
            waited += step
            fade = exp(-self._decay * step)
            self._raised = [raised * fade for raised in self._raised]
            draw = prng.unit() * bound
            for kind, raised in enumerate(self._raised):
                draw -= base[kind] + raised
                if draw < 0:
                    self._excite(kind)
                    return max(1, int(waited * 1e9)), kind

    def _excite(self, kind: int) -> None:
        self._raised = [raised + more for raised, more in zip(self._raised, self._by_mix, strict=True)]
        self._raised[kind] += self._to_own
