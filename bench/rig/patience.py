"""A block of a bench that lost orders because the machine stood still is run again, and it is said so.

An engine whose lease has run out sends nothing, by promise. On a machine that stalls for longer than a lease lasts this
is what must happen, and no order is lost: each was refused, and counted. But the block's numbers are of no use.
"""

import numpy as np

from bench.rig.orders import Flood, Round
from bench.rig.venue_client import Times, VenueProcess
from cli.status import ask_actor
from config.settings import EngineConfig
from engine.codes import Reason
from engine.errors import InvariantError

__all__ = ["PatientVenue"]

_TRIES = 4


class PatientVenue:
    """``actor``: the venue actor whose orders the blocks ask for."""

    def __init__(self, venue: VenueProcess, config: EngineConfig, actor: str) -> None:
        self._venue, self._config, self._actor = venue, config, actor
        self._refused = self._lease_refusals()
        self._blocks = self._orders = 0
        #: Orders that did arrive in blocks that were run again, and that of the probe behind each.
        self.orders_besides = 0

    @property
    def remark(self) -> str:
        """What people have to know beside the numbers; empty when there was nothing of the kind."""
        if not self._blocks:
            return ""
        return (
            f"{self._blocks} blocks were run again: the machine stood still for longer than a lease lasts, "
            f"so {self._orders:,} orders were refused"
        )

    def run(self, plan: Round | Flood, symbol: str) -> Times:
        """One block. Raises InvariantError when orders are missing that no expired lease accounts for, and when the
        machine never stands still for so short that a block gets through."""
        for _ in range(_TRIES):
            times = self._venue.run(plan, may_miss=True)
            missing = int(np.count_nonzero(times.arrived == 0))
            if not missing:
                return times
            refused = self._lease_refusals()
            expired, self._refused = refused - self._refused, refused
            if expired != missing:
                raise InvariantError(
                    f"venue: {missing:,} of {times.arrived.size:,} orders never came; "
                    f"{expired:,} were refused because a lease had run out"
                )
            self._blocks += 1
            self._orders += missing
            self.orders_besides += times.arrived.size - missing + 1
            self._venue.wait_for_contestant(symbol)  # until there is a lease again
            self._refused = self._lease_refusals()
        raise InvariantError(f"{self.remark}; measure on a machine that has its cores for itself")

    def _lease_refusals(self) -> int:
        report = ask_actor(self._config, self._actor)
        if report is None:
            raise InvariantError(f"{self._actor} does not answer")
        return sum(report.refusals.get(reason, 0) for reason in (Reason.NO_LEASE, Reason.LEASE_EXPIRED))
